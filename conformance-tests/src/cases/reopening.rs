//! Entries outlive the client that wrote them.

use super::prelude::*;

pub(crate) async fn values_outlive_the_client(store: Store) {
    store.put("key", "value").await;
    let store = store.reopen().await;
    holds(store.read("key").await, "value");
}
