//! Histories recorded while the network fails: what is unknown may have happened, and never twice.

use crate::histories::prove;
use crate::store::Store;

pub(crate) async fn cuts_double_no_effect_and_lose_none(store: Store) {
    prove(&store, "cuts_double_no_effect_and_lose_none").await;
    was_at_fault(&store);
}

pub(crate) async fn lost_replies_double_no_effect_and_lose_none(store: Store) {
    prove(&store, "lost_replies_double_no_effect_and_lose_none").await;
    was_at_fault(&store);
}

pub(crate) async fn lost_requests_double_no_effect_and_lose_none(store: Store) {
    prove(&store, "lost_requests_double_no_effect_and_lose_none").await;
    was_at_fault(&store);
}

pub(crate) async fn late_replies_are_taken_for_no_other(store: Store) {
    prove(&store, "late_replies_are_taken_for_no_other").await;
}

#[track_caller]
fn was_at_fault(store: &Store) {
    assert!(
        store.proxy().faults() > 0,
        "expected faults of the network, saw none"
    );
}
