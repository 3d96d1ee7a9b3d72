//! What a read gives.

use super::prelude::*;

pub(crate) async fn a_missing_key_reads_as_none(store: Store) {
    misses(store.read("missing").await);
}

pub(crate) async fn an_empty_value_is_a_value(store: Store) {
    store.put("empty", "").await;
    holds(store.read("empty").await, "");
}
