//! Random sequences of operations, against the reference.

use crate::sequences::prove;
use crate::store::Store;

pub(crate) async fn mixed_operations_agree_with_a_plain_map(store: Store) {
    prove(&store, "mixed_operations_agree_with_a_plain_map").await;
}

pub(crate) async fn conditions_and_keep_agree_with_a_plain_map(store: Store) {
    prove(&store, "conditions_and_keep_agree_with_a_plain_map").await;
}

pub(crate) async fn counters_at_both_ends_agree_with_a_plain_map(store: Store) {
    prove(&store, "counters_at_both_ends_agree_with_a_plain_map").await;
}

pub(crate) async fn prefixes_of_odd_keys_agree_with_a_plain_map(store: Store) {
    prove(&store, "prefixes_of_odd_keys_agree_with_a_plain_map").await;
}

pub(crate) async fn batches_with_duplicates_agree_with_a_plain_map(store: Store) {
    prove(&store, "batches_with_duplicates_agree_with_a_plain_map").await;
}

pub(crate) async fn namespaces_inside_each_other_agree_with_a_plain_map(store: Store) {
    prove(
        &store,
        "namespaces_inside_each_other_agree_with_a_plain_map",
    )
    .await;
}

pub(crate) async fn deadlines_that_pass_agree_with_a_plain_map(store: Store) {
    prove(&store, "deadlines_that_pass_agree_with_a_plain_map").await;
}
