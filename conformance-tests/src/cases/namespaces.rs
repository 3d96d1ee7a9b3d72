//! A part of a store that looks like a store of its own.

use super::prelude::*;

pub(crate) async fn namespaces_beside_each_other_share_nothing(store: Store) {
    let left = ok(store.namespace("left").await);
    let right = ok(store.namespace("right").await);
    left.put("key", "of the left").await;
    misses(right.read("key").await);
    right.put("key", "of the right").await;
    holds(left.read("key").await, "of the left");
    lists(listed(&left, "").await, &["key"]);
}
