//! What a read gives.

use super::prelude::*;

pub(crate) async fn a_missing_key_reads_as_none(store: Store) {
    misses(store.read("missing").await);
}

pub(crate) async fn what_was_written_is_read(store: Store) {
    store.put("key", "value").await;
    holds(store.read("key").await, "value");
    holds(store.read("key").await, "value");
}

pub(crate) async fn each_key_has_its_own_value(store: Store) {
    store.put("one", "1").await;
    store.put("two", "2").await;
    holds(store.read("one").await, "1");
    holds(store.read("two").await, "2");
    misses(store.read("three").await);
}

pub(crate) async fn reading_does_not_move_a_deadline(store: Store) {
    store.put_for("key", "value", store.brief()).await;
    ok(store.read("key").await);
    ok(store.read_all(&["key"]).await);
    ok(store.read_with_time_to_live("key").await);
    ok(store.get_time_to_live("key").await);
    store.outlive().await;
    misses(store.read("key").await);
}

pub(crate) async fn a_value_that_was_read_stays_as_it_was_read(store: Store) {
    store.put("key", vec![b'a'; 10_000]).await;
    let read = store.read("key").await;
    store.put("key", vec![b'b'; 10_000]).await;
    happens(store.remove("key").await);
    holds(read, vec![b'a'; 10_000]);
}

pub(crate) async fn a_read_with_time_to_live_gives_both(store: Store) {
    store.put_for("key", "value", HOUR).await;
    match ok(store.read_with_time_to_live("key").await) {
        Some((value, TimeToLive::Remaining(left))) if is_about(left, HOUR) => {
            assert_eq!(value, "value");
        }
        seen => panic!("expected the value and about an hour, saw {seen:?}"),
    }
}

pub(crate) async fn a_read_with_time_to_live_tells_of_no_deadline(store: Store) {
    store.put("key", "value").await;
    let expected = Some((Bytes::from("value"), TimeToLive::Never));
    gives(store.read_with_time_to_live("key").await, expected);
}

pub(crate) async fn a_read_with_time_to_live_of_a_missing_key_is_none(store: Store) {
    gives(store.read_with_time_to_live("missing").await, None);
}

pub(crate) async fn a_read_with_time_to_live_of_an_empty_value_is_no_miss(store: Store) {
    store.put("empty", "").await;
    let expected = Some((Bytes::new(), TimeToLive::Never));
    gives(store.read_with_time_to_live("empty").await, expected);
}

pub(crate) async fn the_store_answers_a_ping(store: Store) {
    ok(store.ping().await);
    misses(store.read("ping").await);
    lists(listed(&*store, "").await, &[]);
}
