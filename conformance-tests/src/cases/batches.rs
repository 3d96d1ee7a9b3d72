//! Batches: empty, with duplicates, large, and with something wrong in the middle.

use std::time::{SystemTime, UNIX_EPOCH};

use super::prelude::*;

pub(crate) async fn an_empty_batch_does_nothing(store: Store) {
    store.put("key", "value").await;
    gives(store.read_all(&[]).await, Vec::new());
    ok(store.write_all(&[], NEVER).await);
    ok(store.write_all(&[], Duration::ZERO.into()).await);
    gives(store.remove_all(&[]).await, 0);
    lists(listed(&*store, "").await, &["key"]);
}

pub(crate) async fn a_batch_of_one_is_a_batch(store: Store) {
    ok(store
        .write_all(&[("key", "value".into())], HOUR.into())
        .await);
    lives_about(store.get_time_to_live("key").await, HOUR);
    holds_all(store.read_all(&["key"]).await, &[Some("value")]);
    gives(store.remove_all(&["key"]).await, 1);
    misses(store.read("key").await);
}

pub(crate) async fn read_all_answers_in_the_order_of_the_keys(store: Store) {
    for key in ["b", "d", "a", "c"] {
        store.put(key, key).await;
    }
    let read = store.read_all(&["c", "a", "d", "b"]).await;
    holds_all(read, &[Some("c"), Some("a"), Some("d"), Some("b")]);
}

pub(crate) async fn read_all_tells_missing_from_empty(store: Store) {
    store.put("empty", "").await;
    store.put_for("expired", "value", store.brief()).await;
    store.outlive().await;
    let read = store
        .read_all(&["missing", "empty", "expired", "empty", "missing"])
        .await;
    holds_all(read, &[None, Some(""), None, Some(""), None]);
}

pub(crate) async fn read_all_answers_a_key_given_twice_twice(store: Store) {
    store.put("a", "1").await;
    let read = store.read_all(&["a", "a", "b", "a", "b"]).await;
    holds_all(read, &[Some("1"), Some("1"), None, Some("1"), None]);
}

pub(crate) async fn write_all_replaces_values_and_deadlines(store: Store) {
    store.put("permanent", "old").await;
    store.put_for("timed", "old", HOUR * 9).await;
    store.put_for("expired", "old", store.brief()).await;
    store.outlive().await;
    let keys = ["permanent", "timed", "expired", "new"];
    ok(store
        .write_all(&keys.map(|key| (key, "new".into())), HOUR.into())
        .await);
    for key in keys {
        holds(store.read(key).await, "new");
        lives_about(store.get_time_to_live(key).await, HOUR);
    }
    ok(store
        .write_all(&keys.map(|key| (key, "newer".into())), NEVER)
        .await);
    for key in keys {
        holds(store.read(key).await, "newer");
        lives_for_ever(store.get_time_to_live(key).await);
    }
}

pub(crate) async fn write_all_with_keep_leaves_each_its_own_deadline(store: Store) {
    store.put("permanent", "old").await;
    store.put_for("timed", "old", HOUR).await;
    store.put_for("expired", "old", store.brief()).await;
    store.outlive().await;
    let keys = ["permanent", "timed", "expired", "new"];
    ok(store
        .write_all(&keys.map(|key| (key, "new".into())), Keep)
        .await);
    for key in keys {
        holds(store.read(key).await, "new");
    }
    lives_about(store.get_time_to_live("timed").await, HOUR);
    for key in ["permanent", "expired", "new"] {
        lives_for_ever(store.get_time_to_live(key).await);
    }
}

pub(crate) async fn write_all_with_a_past_deadline_leaves_nothing(store: Store) {
    for past in [Duration::ZERO.into(), At(UNIX_EPOCH)] {
        store.put("old", "old").await;
        store.put("other", "other").await;
        ok(store
            .write_all(&[("old", "x".into()), ("new", "x".into())], past)
            .await);
        lists(listed(&*store, "").await, &["other"]);
    }
}

pub(crate) async fn the_last_value_of_a_key_wins(store: Store) {
    let entries = [("a", "1"), ("b", "1"), ("a", "2"), ("b", "2"), ("a", "3")];
    let entries = entries.map(|(key, value)| (key, Bytes::from(value)));
    ok(store.write_all(&entries, NEVER).await);
    holds(store.read("a").await, "3");
    holds(store.read("b").await, "2");
    lists(listed(&*store, "").await, &["a", "b"]);
}

pub(crate) async fn the_last_value_of_a_key_wins_across_chunks(store: Store) {
    let keys = numbered(2_500);
    let mut entries: Vec<(&str, Bytes)> = vec![("twice", "first".into())];
    entries.extend(keys.iter().map(|key| (&**key, Bytes::from_static(b"x"))));
    entries.push(("twice", "last".into()));
    ok(store.write_all(&entries, NEVER).await);
    holds(store.read("twice").await, "last");
}

pub(crate) async fn a_large_batch_minds_its_expiry_and_its_duplicates(store: Store) {
    let keys = numbered(2_300);
    let twice: Vec<&str> = keys.iter().chain(&keys).map(|key| &**key).collect();
    let write = async |value: &'static str, expiry| {
        let last = |n| if n < keys.len() { "first" } else { value };
        let entries = twice.iter().enumerate();
        let entries: Vec<(&str, Bytes)> = entries.map(|(n, key)| (*key, last(n).into())).collect();
        ok(store.write_all(&entries, expiry).await);
    };
    let lasts = [0, 999, 1_000, 2_299];
    for (value, given, expiry) in [
        ("in", HOUR, HOUR.into()),
        ("at", HOUR * 9, At(SystemTime::now() + HOUR * 9)),
        ("kept", HOUR * 9, Keep),
    ] {
        write(value, expiry).await;
        for n in lasts {
            holds(store.read(&keys[n]).await, value);
            lives_about(store.get_time_to_live(&keys[n]).await, given);
        }
    }
    gives(store.remove_all(&twice).await, 2_300);
    for past in [
        Duration::ZERO.into(),
        At(UNIX_EPOCH),
        At(SystemTime::now() - HOUR),
    ] {
        write("permanent", NEVER).await;
        holds_all(
            store.read_all(&[&keys[999], &keys[999]]).await,
            &[Some("permanent"); 2],
        );
        write("past", past).await;
        lists(listed(&*store, "").await, &[]);
    }
}

pub(crate) async fn remove_all_counts_live_entries_only(store: Store) {
    store.put("live", "value").await;
    store.put("empty", "").await;
    store.put("other", "value").await;
    store.put_for("expired", "value", store.brief()).await;
    store.outlive().await;
    gives(
        store
            .remove_all(&["missing", "live", "expired", "empty"])
            .await,
        2,
    );
    lists(listed(&*store, "").await, &["other"]);
}

pub(crate) async fn a_removal_of_one_key_counts_once(store: Store) {
    store.put("a", "1").await;
    store.put("b", "1").await;
    gives(store.remove_all(&["a", "a", "b", "a", "b"]).await, 2);
    store.put("twice", "1").await;
    let keys = numbered(2_500);
    let mut list = vec!["twice"];
    list.extend(keys.iter().map(|key| &**key));
    list.push("twice");
    gives(store.remove_all(&list).await, 1);
}

pub(crate) async fn batches_take_100_000_keys(store: Store) {
    let keys = numbered(100_000);
    let entries: Vec<(&str, Bytes)> = keys
        .iter()
        .map(|key| (&**key, Bytes::copy_from_slice(key.as_bytes())))
        .collect();
    ok(store.write_all(&entries, HOUR.into()).await);
    let list: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let read = ok(store.read_all(&list).await);
    assert_eq!(read.len(), keys.len(), "the answers to one batch");
    let wrong = read
        .iter()
        .zip(&keys)
        .position(|(value, key)| value.as_deref() != Some(key.as_bytes()));
    assert_eq!(wrong, None, "the first key with a wrong value");
    gives(store.remove_all(&list).await, 100_000);
    gives(store.remove_all(&list).await, 0);
    misses(store.read(list[0]).await);
}

pub(crate) async fn a_batch_may_be_larger_than_the_largest_value(store: Store) {
    let part = store.profile().max_value_len() / 8;
    let keys = numbered(9);
    let value = Bytes::from(vec![b'x'; part]);
    let entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (&**key, value.clone())).collect();
    ok(store.write_all(&entries, NEVER).await);
    let list: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let read = ok(store.read_all(&list).await);
    assert!(
        read.iter().all(|read| read.as_ref() == Some(&value)),
        "a value came back changed"
    );
}

pub(crate) async fn an_invalid_key_in_the_middle_touches_nothing(store: Store) {
    let long = "k".repeat(1_025);
    for invalid in ["", "nul\0", &long] {
        store.put("old", "old").await;
        let entries = [("new", "x"), ("old", "x"), (invalid, "x"), ("newer", "x")];
        let entries = entries.map(|(key, value)| (key, Bytes::from(value)));
        fails(
            store.write_all(&entries, NEVER).await,
            ErrorKind::InvalidInput,
        );
        fails(
            store.remove_all(&["old", invalid, "new"]).await,
            ErrorKind::InvalidInput,
        );
        fails(
            store.read_all(&["old", invalid, "new"]).await,
            ErrorKind::InvalidInput,
        );
        holds(store.read("old").await, "old");
        lists(listed(&*store, "").await, &["old"]);
    }
}

pub(crate) async fn an_invalid_key_at_the_end_of_many_touches_nothing(store: Store) {
    let keys = numbered(3_000);
    let mut entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (&**key, "x".into())).collect();
    entries.push(("", "x".into()));
    fails(
        store.write_all(&entries, NEVER).await,
        ErrorKind::InvalidInput,
    );
    lists(listed(&*store, "").await, &[]);
    store.put(&keys[0], "x").await;
    let mut list: Vec<&str> = keys.iter().map(|key| &**key).collect();
    list.push("");
    fails(store.remove_all(&list).await, ErrorKind::InvalidInput);
    lists(listed(&*store, "").await, &[&keys[0]]);
}

pub(crate) async fn a_value_that_is_too_long_in_the_middle_touches_nothing(store: Store) {
    store.put("old", "old").await;
    let too_long = Bytes::from(vec![b'x'; store.profile().max_value_len() + 1]);
    let entries = [
        ("new", "x".into()),
        ("old", "x".into()),
        ("long", too_long),
        ("last", "x".into()),
    ];
    fails(
        store.write_all(&entries, NEVER).await,
        ErrorKind::InvalidInput,
    );
    holds(store.read("old").await, "old");
    lists(listed(&*store, "").await, &["old"]);
}

pub(crate) async fn a_batch_takes_odd_keys(store: Store) {
    let keys = super::keys::ODD;
    let entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (*key, Bytes::from(*key))).collect();
    ok(store.write_all(&entries, NEVER).await);
    let expected: Vec<Option<&str>> = keys.iter().map(|key| Some(*key)).collect();
    holds_all(store.read_all(keys).await, &expected);
    gives(
        store.remove_all(keys).await,
        keys.len().try_into().expect("a short list"),
    );
    lists(listed(&*store, "").await, &[]);
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("key:{n}")).collect()
}
