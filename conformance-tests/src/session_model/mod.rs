//! Random sequences of what the requests of three clients do with sessions, against a small model
//! of what should come of it.
//!
//! What is random is the same on every machine, as with [`sequences`](crate::sequences): a failure
//! names its seed and the steps up to the one that failed, and [`try_seeds`] repeats it.
//!
//! The model knows what is stored and until when; `run` takes each step on the sessions and in the
//! model, and compares. Time passes only where the harness moves it.

mod run;
mod step;

use std::fmt::Write as _;
use std::ops::Range;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::expect::ok;
use crate::store::Store;
use run::Run;
use step::Step;

/// Tries sequences of these seeds on a store, which is flushed before each.
///
/// The case `three_clients_do_what_the_model_says` tries the seeds from 0 to 11. Give the one that
/// it named to repeat it, or thousands to look further.
///
/// ```
/// # use conformance_tests::{Store, reference::ReferenceHarness as MyHarness, session_model};
/// # #[tokio::main]
/// # async fn main() {
/// let store = Store::plain::<MyHarness>().await;
/// session_model::try_seeds(&store, 17..18).await;
/// # }
/// ```
///
/// # Panics
///
/// If a session is not what the model says: with the seed and the steps.
pub async fn try_seeds(store: &Store, seeds: Range<u64>) {
    for seed in seeds {
        ok(store.flush_all().await);
        let steps = Step::sequence(seed, store.profile().can_move_time());
        let mut run = Run::new(store, seed).await;
        for (at, step) in steps.iter().enumerate() {
            let taken = AssertUnwindSafe(run.take(*step)).catch_unwind().await;
            if let Err(panic) = taken {
                panic!("{}", complaint(seed, &steps[..=at], &*panic));
            }
        }
    }
}

/// Tries the seeds that belong to the case.
pub(crate) async fn prove(store: &Store) {
    try_seeds(store, 0..SEEDS).await;
}

fn complaint(seed: u64, steps: &[Step], panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let said = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let mut complaint = format!(
        "{}\nafter these steps of seed {seed}:\n",
        said.unwrap_or("?")
    );
    for step in steps {
        let _ = writeln!(complaint, "    {step:?}");
    }
    let _ = write!(
        complaint,
        "To repeat it: session_model::try_seeds(&store, {seed}..{}).await",
        seed + 1
    );
    complaint
}

const SEEDS: u64 = 12;
