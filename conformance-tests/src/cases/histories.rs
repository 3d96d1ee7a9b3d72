//! Histories of many callers, checked for one order that explains all answers.

use crate::histories::prove;
use crate::store::Store;

pub(crate) async fn reads_and_writes_have_one_order(store: Store) {
    prove(&store, "reads_and_writes_have_one_order").await;
}

pub(crate) async fn conditional_writes_have_one_order(store: Store) {
    prove(&store, "conditional_writes_have_one_order").await;
}

pub(crate) async fn counters_and_values_have_one_order(store: Store) {
    prove(&store, "counters_and_values_have_one_order").await;
}

pub(crate) async fn batches_have_one_order_for_each_key(store: Store) {
    prove(&store, "batches_have_one_order_for_each_key").await;
}

pub(crate) async fn entries_that_expire_have_one_order(store: Store) {
    prove(&store, "entries_that_expire_have_one_order").await;
}

pub(crate) async fn dropped_calls_happen_once_or_never(store: Store) {
    prove(&store, "dropped_calls_happen_once_or_never").await;
}
