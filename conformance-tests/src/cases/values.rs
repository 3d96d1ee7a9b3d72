//! Values are any bytes, from none up to the limit.

use super::prelude::*;

pub(crate) async fn an_empty_value_is_a_value(store: Store) {
    store.put("empty", "").await;
    holds(store.read("empty").await, "");
    refused(store.offer("empty", "x", Absent, NEVER).await);
    lives_for_ever(store.get_time_to_live("empty").await);
    lists(listed(&*store, "").await, &["empty"]);
    happens(store.offer("empty", "", Present, NEVER).await);
    happens(store.remove("empty").await);
}

pub(crate) async fn values_of_every_byte_come_back(store: Store) {
    let every: Vec<u8> = (0..=255).collect();
    store.put("every", every.clone()).await;
    holds(store.read("every").await, &every);
    for byte in every {
        store.put("one", vec![byte]).await;
        holds(store.read("one").await, [byte]);
        store.put("around", vec![byte, b'x', byte]).await;
        holds(store.read("around").await, [byte, b'x', byte]);
    }
}

pub(crate) async fn values_of_many_lengths_come_back(store: Store) {
    for length in [
        1,
        2,
        255,
        256,
        1_023,
        1_024,
        4_095,
        4_096,
        8_192,
        65_535,
        65_536,
        1 << 20,
    ] {
        for length in [length - 1, length, length + 1] {
            let value = pattern(length);
            store.put("key", value.clone()).await;
            holds(store.read("key").await, value);
        }
    }
}

pub(crate) async fn a_value_that_looks_like_nothing_is_kept_as_it_is(store: Store) {
    for value in [
        "null", "NULL", "nil", "\"\"", "false", "(nil)", "None", "\0", " ", "\r\n",
    ] {
        store.put("key", value).await;
        holds(store.read("key").await, value);
    }
}

pub(crate) async fn a_value_that_looks_like_a_number_is_kept_as_it_is(store: Store) {
    for value in [
        "007",
        "1.0",
        "1e3",
        "+5",
        "-0",
        " 5",
        "99999999999999999999",
    ] {
        store.put("key", value).await;
        holds(store.read("key").await, value);
        happens(store.offer("key", value, equals(value), NEVER).await);
    }
}

pub(crate) async fn the_longest_value_is_taken(store: Store) {
    let longest = pattern(store.profile().max_value_len());
    happens(store.offer("key", longest.clone(), Always, HOUR).await);
    holds(store.read("key").await, &longest);
    match ok(store.read_with_time_to_live("key").await) {
        Some((value, _)) => assert!(value == longest, "the longest value came back changed"),
        None => panic!("expected the longest value, saw no entry"),
    }
}

pub(crate) async fn the_longest_value_can_be_compared(store: Store) {
    let longest = pattern(store.profile().max_value_len());
    store.put("key", longest.clone()).await;
    let mut other = longest.to_vec();
    *other.last_mut().expect("the longest value is not empty") ^= 1;
    refused(store.offer("key", "new", equals(other), NEVER).await);
    happens(store.offer("key", "new", equals(longest), NEVER).await);
    holds(store.read("key").await, "new");
}

pub(crate) async fn a_value_that_is_too_long_is_refused(store: Store) {
    store.put_for("key", "old", HOUR).await;
    for (condition, expiry) in [
        (Always, NEVER),
        (Present, NEVER),
        (Absent, NEVER),
        (Always, Keep),
    ] {
        let write = store.offer("key", too_long(&store), condition, expiry);
        fails(write.await, ErrorKind::InvalidInput);
    }
    let write = store.offer("new", too_long(&store), Absent, NEVER);
    fails(write.await, ErrorKind::InvalidInput);
    holds(store.read("key").await, "old");
    lives_about(store.get_time_to_live("key").await, HOUR);
    misses(store.read("new").await);
}

pub(crate) async fn a_value_that_is_too_long_is_refused_in_equals_too(store: Store) {
    store.put("key", "old").await;
    for key in ["key", "missing"] {
        let write = store.offer(key, "new", equals(too_long(&store)), NEVER);
        fails(write.await, ErrorKind::InvalidInput);
    }
    holds(store.read("key").await, "old");
}

pub(crate) async fn a_value_that_is_too_long_is_refused_even_if_nothing_would_stay(store: Store) {
    store.put("key", "old").await;
    let write = store.offer("key", too_long(&store), Always, Duration::ZERO);
    fails(write.await, ErrorKind::InvalidInput);
    holds(store.read("key").await, "old");
}

/// A value in which every part differs from its neighbours.
fn pattern(length: usize) -> Bytes {
    const STEP: usize = 251;
    let period: Vec<u8> = (0..=250).collect();
    let mut value = period.repeat(length / STEP + 1);
    value.truncate(length);
    value.into()
}

fn too_long(store: &Store) -> Bytes {
    vec![b'x'; store.profile().max_value_len() + 1].into()
}
