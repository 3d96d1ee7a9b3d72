//! Conditions, and what a write replaces.

use super::prelude::*;

pub(crate) async fn add_leaves_a_live_value_alone(store: Store) {
    store.put_for("key", "first", HOUR).await;
    let write = store.write("key", "second".into(), Condition::Absent, Expiry::Never);
    refused(write.await);
    holds(store.read("key").await, "first");
    lives_about(store.get_time_to_live("key").await, HOUR);
}

pub(crate) async fn add_takes_over_an_expired_entry(store: Store) {
    store.put_for("key", "first", store.brief()).await;
    store.outlive().await;
    let write = store.write("key", "second".into(), Condition::Absent, Expiry::Never);
    happens(write.await);
    holds(store.read("key").await, "second");
}
