//! Whose clock counts is found out, also where somebody says it wrongly.

use std::sync::Arc;

use conformance_tests::Client;
use conformance_tests::clocks::{Clocks, Whose};
use conformance_tests::reference::ReferenceCache;

#[tokio::test]
async fn the_reference_counts_on_the_hosts_clock() {
    const CLOCKS: Clocks = Clocks::new(
        Whose::Host,
        "clocks::the_reference_counts_on_the_hosts_clock",
    );
    if let Some(turn) = CLOCKS.turn() {
        return turn.take(reference()).await;
    }
    CLOCKS.jump("").await;
}

#[tokio::test]
async fn a_clock_that_is_not_the_promised_one_is_found() {
    const CLOCKS: Clocks = Clocks::new(
        Whose::Process,
        "clocks::a_clock_that_is_not_the_promised_one_is_found",
    );
    if let Some(turn) = CLOCKS.turn() {
        return turn.take(reference()).await;
    }
    let failure = failure_of(CLOCKS).await;
    assert!(failure.contains("expected 30 minutes left"), "{failure}");
}

#[tokio::test]
async fn a_second_process_that_does_nothing_is_no_proof() {
    let failure = failure_of(Clocks::new(Whose::Host, "clocks::no_such_test")).await;
    assert!(failure.contains("did not take its turn"), "{failure}");
}

/// What a proof that must fail says.
async fn failure_of(clocks: Clocks) -> String {
    let proof = tokio::spawn(async move { clocks.jump("").await });
    let panic = proof.await.expect_err("no failure").into_panic();
    *panic.downcast::<String>().expect("a message")
}

fn reference() -> Client {
    Arc::new(ReferenceCache::new())
}
