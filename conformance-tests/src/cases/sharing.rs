//! Several clients on one store.

use futures_util::future::join;

use super::prelude::*;
use crate::histories::prove;

pub(crate) async fn a_client_sees_what_another_wrote(store: Store) {
    let other = store.another().await;
    store.put("key", "value").await;
    holds(other.read("key").await, "value");
    other.put("key", "new").await;
    holds(store.read("key").await, "new");
    lists(listed(&other, "").await, &["key"]);
}

pub(crate) async fn a_client_sees_the_deadlines_of_another(store: Store) {
    let other = store.another().await;
    store.put_for("timed", "value", HOUR).await;
    store.put_for("brief", "value", store.brief()).await;
    lives_about(other.get_time_to_live("timed").await, HOUR);
    happens(other.set_time_to_live("timed", NEVER).await);
    lives_for_ever(store.get_time_to_live("timed").await);
    store.outlive().await;
    misses(other.read("brief").await);
    happens(other.offer("brief", "new", Absent, NEVER).await);
    holds(store.read("brief").await, "new");
}

pub(crate) async fn a_client_sees_what_another_removed(store: Store) {
    let other = store.another().await;
    store.put("a", "value").await;
    store.put("b", "value").await;
    holds(other.read("a").await, "value");
    happens(store.remove("a").await);
    misses(other.read("a").await);
    ok(other.flush_all().await);
    misses(store.read("b").await);
}

pub(crate) async fn conditions_hold_across_clients(store: Store) {
    let other = store.another().await;
    happens(store.offer("key", "1", Absent, NEVER).await);
    refused(other.offer("key", "2", Absent, NEVER).await);
    happens(other.offer("key", "2", equals("1"), NEVER).await);
    refused(store.offer("key", "3", equals("1"), NEVER).await);
    happens(store.offer("key", "3", Present, NEVER).await);
    holds(other.read("key").await, "3");
}

pub(crate) async fn of_many_adds_of_several_clients_exactly_one_wins(store: Store) {
    let other = store.another().await;
    for round in 0..50 {
        let key = format!("key:{round}");
        let (one, two) = join(
            store.offer(&key, "one", Absent, HOUR),
            other.offer(&key, "two", Absent, HOUR),
        )
        .await;
        let (one, two) = (ok(one), ok(two));
        assert_ne!(one, two, "exactly one of two adds wins");
        holds(store.read(&key).await, if one { "one" } else { "two" });
    }
}

pub(crate) async fn no_increment_of_several_clients_is_lost(store: Store) {
    let (second, third) = (store.another().await, store.another().await);
    let tasks = [store.cache(), second, third].map(|cache| {
        tokio::spawn(async move {
            for _ in 0..100 {
                ok(cache.increment("counter", 1, NEVER).await);
            }
        })
    });
    for task in tasks {
        task.await.expect("a client that increments");
    }
    holds(store.read("counter").await, "300");
}

pub(crate) async fn a_listing_of_one_client_goes_on_while_another_writes(store: Store) {
    let other = store.another().await;
    for n in 0..500 {
        store.put(&format!("stay:{n}"), "value").await;
    }
    let writing = async {
        for n in 0..200 {
            other.put(&format!("stay:{n}"), "again").await;
            other.put(&format!("more:{n}"), "value").await;
        }
    };
    let (keys, ()) = join(listed(&*store, "stay:"), writing).await;
    assert_eq!(ok(keys).len(), 500, "keys present throughout");
}

pub(crate) async fn a_client_goes_on_when_another_is_closed(store: Store) {
    let other = store.another().await;
    other.put("key", "value").await;
    drop(other);
    holds(store.read("key").await, "value");
    store.put("key", "new").await;
    let again = store.another().await;
    holds(again.read("key").await, "new");
}

pub(crate) async fn calls_of_several_clients_have_one_order(store: Store) {
    prove(&store, "calls_of_several_clients_have_one_order").await;
}
