//! Conditions, removal, and what a write replaces.

use super::prelude::*;

pub(crate) async fn a_write_replaces_the_value(store: Store) {
    store.put("key", "a longer first value").await;
    store.put("key", "second").await;
    holds(store.read("key").await, "second");
}

pub(crate) async fn a_write_of_the_same_value_is_a_write(store: Store) {
    store.put("key", "same").await;
    happens(store.offer("key", "same", Always, HOUR).await);
    happens(store.offer("key", "same", Present, HOUR).await);
    happens(store.offer("key", "same", equals("same"), HOUR).await);
    lives_about(store.get_time_to_live("key").await, HOUR);
}

pub(crate) async fn always_writes_over_an_expired_entry(store: Store) {
    store.put_for("key", "old", store.brief()).await;
    store.outlive().await;
    happens(store.offer("key", "new", Always, NEVER).await);
    holds(store.read("key").await, "new");
    lives_for_ever(store.get_time_to_live("key").await);
}

pub(crate) async fn add_writes_where_nothing_is(store: Store) {
    happens(store.offer("key", "value", Absent, HOUR).await);
    holds(store.read("key").await, "value");
    lives_about(store.get_time_to_live("key").await, HOUR);
}

pub(crate) async fn add_leaves_a_live_value_alone(store: Store) {
    store.put_for("key", "first", HOUR).await;
    refused(store.offer("key", "second", Absent, NEVER).await);
    holds(store.read("key").await, "first");
    lives_about(store.get_time_to_live("key").await, HOUR);
}

pub(crate) async fn add_takes_over_an_expired_entry(store: Store) {
    store.put_for("key", "first", store.brief()).await;
    store.outlive().await;
    happens(store.offer("key", "second", Absent, HOUR).await);
    holds(store.read("key").await, "second");
    lives_about(store.get_time_to_live("key").await, HOUR);
    refused(store.offer("key", "third", Absent, NEVER).await);
}

pub(crate) async fn add_works_again_after_a_removal(store: Store) {
    store.put_for("key", "first", HOUR).await;
    happens(store.remove("key").await);
    happens(store.offer("key", "second", Absent, NEVER).await);
    holds(store.read("key").await, "second");
    lives_for_ever(store.get_time_to_live("key").await);
}

pub(crate) async fn replace_writes_nothing_where_nothing_is(store: Store) {
    refused(store.offer("key", "value", Present, NEVER).await);
    misses(store.read("key").await);
}

pub(crate) async fn replace_writes_over_a_live_value(store: Store) {
    store.put_for("key", "first", HOUR).await;
    happens(store.offer("key", "second", Present, NEVER).await);
    holds(store.read("key").await, "second");
    lives_for_ever(store.get_time_to_live("key").await);
}

pub(crate) async fn replace_does_not_revive_an_expired_entry(store: Store) {
    store.put_for("key", "first", store.brief()).await;
    store.outlive().await;
    refused(store.offer("key", "second", Present, HOUR).await);
    misses(store.read("key").await);
}

pub(crate) async fn replace_does_not_revive_a_removed_entry(store: Store) {
    store.put("key", "first").await;
    happens(store.remove("key").await);
    refused(store.offer("key", "second", Present, HOUR).await);
    misses(store.read("key").await);
}

pub(crate) async fn equals_writes_over_the_same_bytes(store: Store) {
    store.put("key", "first").await;
    happens(store.offer("key", "second", equals("first"), HOUR).await);
    holds(store.read("key").await, "second");
    lives_about(store.get_time_to_live("key").await, HOUR);
}

pub(crate) async fn equals_leaves_other_bytes_alone(store: Store) {
    store.put_for("key", "first", HOUR).await;
    refused(store.offer("key", "second", equals("another"), NEVER).await);
    holds(store.read("key").await, "first");
    lives_about(store.get_time_to_live("key").await, HOUR);
}

pub(crate) async fn equals_compares_every_byte(store: Store) {
    store.put("key", "Value 1\0").await;
    for near in [
        "value 1\0",
        "Value 1",
        "Value 1\0\0",
        "Value 2\0",
        "Value 1\0 ",
        "",
        "\0",
    ] {
        refused(store.offer("key", "new", equals(near), NEVER).await);
    }
    happens(store.offer("key", "new", equals("Value 1\0"), NEVER).await);
}

pub(crate) async fn equals_fails_where_nothing_is(store: Store) {
    refused(store.offer("key", "value", equals("first"), NEVER).await);
    refused(store.offer("key", "value", equals(""), NEVER).await);
    misses(store.read("key").await);
}

pub(crate) async fn equals_of_an_empty_value_holds_for_an_empty_value(store: Store) {
    store.put("key", "").await;
    refused(store.offer("key", "new", equals("x"), NEVER).await);
    happens(store.offer("key", "new", equals(""), NEVER).await);
    holds(store.read("key").await, "new");
}

pub(crate) async fn equals_fails_on_an_expired_entry(store: Store) {
    store.put_for("key", "first", store.brief()).await;
    store.outlive().await;
    refused(store.offer("key", "second", equals("first"), HOUR).await);
    misses(store.read("key").await);
}

pub(crate) async fn equals_with_a_zero_duration_removes_if_equal(store: Store) {
    store.put("key", "value").await;
    refused(
        store
            .offer("key", "", equals("other"), Duration::ZERO)
            .await,
    );
    holds(store.read("key").await, "value");
    happens(
        store
            .offer("key", "", equals("value"), Duration::ZERO)
            .await,
    );
    misses(store.read("key").await);
    refused(
        store
            .offer("key", "", equals("value"), Duration::ZERO)
            .await,
    );
}

pub(crate) async fn a_condition_is_judged_before_a_past_deadline_removes(store: Store) {
    store.put_for("key", "value", HOUR).await;
    refused(store.offer("key", "new", Absent, Duration::ZERO).await);
    holds(store.read("key").await, "value");
    lives_about(store.get_time_to_live("key").await, HOUR);
    happens(store.offer("key", "new", Present, Duration::ZERO).await);
    misses(store.read("key").await);
    refused(store.offer("key", "new", Present, Duration::ZERO).await);
    happens(store.offer("key", "new", Absent, Duration::ZERO).await);
    misses(store.read("key").await);
}

pub(crate) async fn remove_tells_whether_a_live_entry_went(store: Store) {
    store.put("key", "value").await;
    happens(store.remove("key").await);
    misses(store.read("key").await);
    refused(store.remove("key").await);
}

pub(crate) async fn remove_of_a_missing_key_is_false(store: Store) {
    refused(store.remove("missing").await);
}

pub(crate) async fn remove_of_an_expired_entry_is_false(store: Store) {
    store.put_for("key", "value", store.brief()).await;
    store.outlive().await;
    refused(store.remove("key").await);
}

pub(crate) async fn remove_takes_its_own_key_only(store: Store) {
    for key in ["key", "key1", "ke", "key:", "KEY"] {
        store.put(key, key).await;
    }
    happens(store.remove("key").await);
    lists(listed(&*store, "").await, &["key1", "ke", "key:", "KEY"]);
}

pub(crate) async fn flush_all_removes_every_entry(store: Store) {
    store.put("value", "value").await;
    store.put_for("timed", "value", HOUR).await;
    store.put("odd %_*?[\\\n", "").await;
    ok(store.increment("counter", 1, NEVER).await);
    ok(store.flush_all().await);
    lists(listed(&*store, "").await, &[]);
    for key in ["value", "timed", "counter", "odd %_*?[\\\n"] {
        misses(store.read(key).await);
    }
}

pub(crate) async fn flush_all_of_an_empty_store_is_no_error(store: Store) {
    ok(store.flush_all().await);
    ok(store.flush_all().await);
}

pub(crate) async fn a_flushed_store_takes_entries_again(store: Store) {
    store.put_for("key", "old", HOUR).await;
    ok(store.flush_all().await);
    happens(store.offer("key", "new", Absent, Keep).await);
    holds(store.read("key").await, "new");
    lives_for_ever(store.get_time_to_live("key").await);
}
