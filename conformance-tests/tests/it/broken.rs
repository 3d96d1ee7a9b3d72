//! Every client that is broken on purpose is caught by the case meant for it.

use std::panic::AssertUnwindSafe;

use conformance_tests::broken::{BROKEN, BrokenClient};
use conformance_tests::reference::ReferenceHarness;
use conformance_tests::{Case, Store};
use futures_util::FutureExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_broken_client_is_caught_by_the_case_meant_for_it() {
    let mut escaped = Vec::new();
    for broken in BROKEN {
        let case = broken.caught_by().expect("the case stands in the table");
        let complaint = complaint(case, broken.store().await).await;
        match &complaint {
            Some(complaint) => {
                let complaint = complaint.lines().next().unwrap_or_default();
                println!("{:24} {case:?}: {complaint}", broken.name);
            }
            None => escaped.push(broken),
        }
    }
    assert!(escaped.is_empty(), "not caught: {escaped:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_healthy_client_passes_every_one_of_these_cases() {
    for broken in BROKEN {
        let case = broken.caught_by().expect("the case stands in the table");
        let complaint = complaint(case, Store::plain::<ReferenceHarness>().await).await;
        assert_eq!(complaint, None, "{case:?} on the healthy client");
    }
}

#[test]
fn every_defect_has_a_name_and_a_case_of_its_own() {
    let mut names: Vec<&str> = BROKEN.iter().map(|broken| broken.name).collect();
    let mut cases: Vec<&str> = BROKEN
        .iter()
        .map(|broken: &BrokenClient| broken.case)
        .collect();
    for list in [&mut names, &mut cases] {
        list.sort_unstable();
        list.dedup();
        assert_eq!(list.len(), BROKEN.len());
    }
}

/// What a case finds wrong with a store; `None` if nothing.
async fn complaint(case: &'static Case, store: Store) -> Option<String> {
    let run = AssertUnwindSafe(case.run(store)).catch_unwind().await;
    let panic = run.err()?;
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
}
