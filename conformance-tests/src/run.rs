//! Runs one case as one test.

use std::future::Future;
use std::time::Duration;

use crate::store::Store;
use crate::table::{CASES, Case};

/// How long a case may take before it counts as hanging. No case measures time with it.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Runs a case of the table on a store that is about to be opened, as `conformance_tests!` does.
///
/// Each case has a runtime of its own with several threads.
///
/// # Panics
///
/// If the case fails, is not in the table, or takes longer than a minute.
pub fn run(group: &str, name: &str, store: impl Future<Output = Store> + Send + 'static) {
    let case = Case::named(group, name).expect("the macro names the cases of the table");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime for the case");
    let outcome = runtime.block_on(async {
        let task = tokio::spawn(async move { case.run(store.await).await });
        tokio::time::timeout(WATCHDOG, task).await
    });
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => std::panic::resume_unwind(failure.into_panic()),
        Err(_) => {
            // A case that blocks its thread must not keep the others from being told.
            runtime.shutdown_background();
            panic!("{group}::{name} still ran after {} s", WATCHDOG.as_secs());
        }
    }
}

/// What an ignored test of a lacking group does when it is run all the same.
///
/// # Panics
///
/// Always, with the reason that the backend gave.
pub fn lacking(reason: &str) {
    panic!("the backend lacks this: {reason}");
}

impl Case {
    /// The case of this name.
    pub fn named(group: &str, name: &str) -> Option<&'static Self> {
        CASES
            .iter()
            .find(|case| case.group == group && case.name == name)
    }
}
