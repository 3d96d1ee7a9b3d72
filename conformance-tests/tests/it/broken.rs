//! Every client that is broken on purpose is caught by the case meant for it.

use std::panic::AssertUnwindSafe;

use conformance_tests::broken::{BROKEN, BrokenClient};
use conformance_tests::reference::{ReferenceHarness, RemoteHarness};
use conformance_tests::{Case, Store};
use futures_util::FutureExt;
use futures_util::future::join_all;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_broken_client_is_caught_by_the_case_meant_for_it() {
    // Side by side, because those with a broken network wait for most of the time.
    let complaints = join_all(BROKEN.iter().map(async |broken| {
        let case = broken.caught_by().expect("the case stands in the table");
        (broken, complaint(case, broken.store().await).await)
    }));
    let mut escaped = Vec::new();
    for (broken, complaint) in complaints.await {
        match &complaint {
            Some(complaint) => {
                let complaint = complaint.lines().next().unwrap_or_default();
                let (group, case) = (broken.group, broken.case);
                println!("{:24} {group}::{case}: {complaint}", broken.name);
            }
            None => escaped.push(broken),
        }
    }
    assert!(escaped.is_empty(), "not caught: {escaped:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_healthy_client_passes_every_one_of_these_cases() {
    let complaints = join_all(BROKEN.iter().map(async |broken| {
        let case = broken.caught_by().expect("the case stands in the table");
        let store = match broken.is_networked {
            true => Store::networked::<RemoteHarness>().await,
            false => Store::plain::<ReferenceHarness>().await,
        };
        (case, complaint(case, store).await)
    }));
    for (case, complaint) in complaints.await {
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

#[test]
fn the_docs_tell_who_catches_what() {
    let docs = include_str!("../../BROKEN.md");
    let rows: Vec<&str> = docs.lines().filter(|line| line.contains("::")).collect();
    assert_eq!(rows.len(), BROKEN.len(), "a row for each broken client");
    for (row, broken) in rows.into_iter().zip(BROKEN) {
        assert!(row.starts_with(&broken.row()), "{broken:?} is not {row}");
    }
}

/// What a case finds wrong with a store; `None` if nothing.
async fn complaint(case: &'static Case, store: Store) -> Option<String> {
    // A task of its own, so that one that keeps its thread busy leaves the others theirs.
    let run = tokio::spawn(AssertUnwindSafe(case.run(store)).catch_unwind()).await;
    let panic = run.expect("a case that is not aborted").err()?;
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
}
