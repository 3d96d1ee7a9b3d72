//! Several clients on one store.

use super::prelude::*;

pub(crate) async fn a_client_sees_what_another_wrote(store: Store) {
    let other = store.another().await;
    store.put("key", "value").await;
    holds(other.read("key").await, "value");
}
