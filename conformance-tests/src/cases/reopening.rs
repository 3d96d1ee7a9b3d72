//! Entries outlive the client that wrote them.

use super::keys::ODD;
use super::prelude::*;

pub(crate) async fn values_outlive_the_client(store: Store) {
    store.put("key", "value").await;
    store.put("empty", "").await;
    let large: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    store.put("large", large.clone()).await;
    let store = store.reopen().await;
    holds(store.read("key").await, "value");
    holds(store.read("empty").await, "");
    holds(store.read("large").await, large);
}

pub(crate) async fn deadlines_outlive_the_client(store: Store) {
    store.put_for("timed", "value", HOUR).await;
    store.put("permanent", "value").await;
    store.put_for("brief", "value", store.brief()).await;
    let store = store.reopen().await;
    lives_about(store.get_time_to_live("timed").await, HOUR);
    lives_for_ever(store.get_time_to_live("permanent").await);
    store.outlive().await;
    misses(store.read("brief").await);
    lists(listed(&*store, "").await, &["permanent", "timed"]);
}

pub(crate) async fn counters_outlive_the_client(store: Store) {
    gives(store.increment("counter", 41, HOUR.into()).await, 41);
    let store = store.reopen().await;
    gives(store.increment("counter", 1, NEVER).await, 42);
    lives_about(store.get_time_to_live("counter").await, HOUR);
}

pub(crate) async fn what_was_removed_stays_removed(store: Store) {
    for key in ["removed", "past", "a:1", "a:2", "stays"] {
        store.put(key, "value").await;
    }
    happens(store.remove("removed").await);
    happens(store.set_time_to_live("past", Duration::ZERO.into()).await);
    gives(store.remove_starting_with("a:").await, 2);
    let store = store.reopen().await;
    lists(listed(&*store, "").await, &["stays"]);
}

pub(crate) async fn what_was_flushed_stays_flushed(store: Store) {
    store.put("key", "value").await;
    ok(store.flush_all().await);
    let store = store.reopen().await;
    lists(listed(&*store, "").await, &[]);
    happens(store.offer("key", "new", Absent, NEVER).await);
}

pub(crate) async fn what_expired_stays_expired(store: Store) {
    store.put_for("key", "value", store.brief()).await;
    store.outlive().await;
    let store = store.reopen().await;
    misses(store.read("key").await);
    lists(listed(&*store, "").await, &[]);
    happens(store.offer("key", "new", Absent, NEVER).await);
    ok(store.remove_expired().await);
    holds(store.read("key").await, "new");
}

pub(crate) async fn an_acknowledged_batch_outlives_the_client(store: Store) {
    let keys: Vec<String> = (0..2_500).map(|n| format!("key:{n}")).collect();
    let entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (&**key, "value".into())).collect();
    ok(store.write_all(&entries, NEVER).await);
    let store = store.reopen().await;
    assert_eq!(
        ok(listed(&*store, "key:").await).len(),
        2_500,
        "keys after the restart"
    );
}

pub(crate) async fn odd_keys_outlive_the_client(store: Store) {
    for key in ODD {
        store.put(key, *key).await;
    }
    let store = store.reopen().await;
    for key in ODD {
        holds(store.read(key).await, key);
    }
    lists(listed(&*store, "").await, ODD);
}

pub(crate) async fn a_namespace_outlives_the_client(store: Store) {
    ok(store.namespace("shop").await).put("key", "value").await;
    let store = store.reopen().await;
    let shop = ok(store.namespace("shop").await);
    holds(shop.read("key").await, "value");
    holds(store.read("shop:key").await, "value");
}

pub(crate) async fn a_store_can_be_reopened_again_and_again(mut store: Store) {
    for turn in 1..=5 {
        gives(store.increment("counter", 1, NEVER).await, turn);
        store = store.reopen().await;
    }
    holds(store.read("counter").await, "5");
}
