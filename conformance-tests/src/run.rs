//! Runs one case as one test.

use std::future::Future;
use std::time::Duration;

use crate::promises::Promise;
use crate::store::Store;
use crate::table::{CASES, Case};

/// How long a case may take before it counts as hanging. No case measures time with it, and 100,000
/// entries on a disk that others use take their time.
const WATCHDOG: Duration = Duration::from_secs(180);

/// Runs a case of the table on a store that is about to be opened, as `conformance_tests!` does.
///
/// Each case has a runtime of its own with several threads.
///
/// # Panics
///
/// If the case fails, is not in the table, or takes longer than three minutes.
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
        Ok(Err(failure)) => {
            tell_promises(case);
            std::panic::resume_unwind(failure.into_panic());
        }
        Err(_) => {
            // A case that blocks its thread must not keep the others from being told.
            runtime.shutdown_background();
            panic!("{group}::{name} still ran after {} s", WATCHDOG.as_secs());
        }
    }
}

/// Says below the failure of a case which promises the store does not keep.
#[allow(clippy::print_stderr)]
fn tell_promises(case: &Case) {
    let promises = case.promises.iter().filter_map(|id| Promise::of_id(id));
    for promise in promises {
        eprintln!("{}, {}: {}", promise.id, promise.of, promise.says);
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
