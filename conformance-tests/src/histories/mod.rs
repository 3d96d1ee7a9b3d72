//! Histories of many callers at once, each checked for an order that explains all answers.
//!
//! Callers read, write under conditions, count, remove and give deadlines on a few keys side by
//! side. Each call is written down with its beginning, its end and its answer. The history of a key
//! is right if its calls can be put in one order in which each stands between its beginning and its
//! end and has the answer that the contract gives it there: if it is *linearizable*. A call whose
//! outcome is unknown, because its future was dropped or its error says so, may stand anywhere
//! behind its beginning, once or not at all, and never twice. One whose error says that nothing was
//! applied stands nowhere.
//!
//! What callers do is drawn from the seeds 0, 1, 2, …; how their calls meet is up to the machine,
//! so that a seed repeats the calls and not always the failure. [`try_seeds`] tries more of them.

mod call;
mod entry;
mod plan;
mod record;
mod search;
mod shorten;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::ops::Range;

use call::Call;
use entry::Contract;
use plan::Plan;
use search::{Found, search};

use crate::store::Store;

/// Records histories of a case on a store, those of the seeds given, and checks them.
///
/// The case itself tries a handful of seeds from 0 on. Give the one that a failure named, or
/// hundreds to look further.
///
/// ```
/// # use conformance_tests::{Store, reference::ReferenceHarness as MyHarness, histories};
/// # #[tokio::main]
/// # async fn main() {
/// let store = Store::plain::<MyHarness>().await;
/// histories::try_seeds(&store, "counters_and_values_have_one_order", 17..20).await;
/// # }
/// ```
///
/// # Panics
///
/// If the case records no histories, or if no order explains one: with the seed and the shortest
/// part that was found to be without an order.
pub async fn try_seeds(store: &Store, case: &str, seeds: Range<u64>) {
    let plan = Plan::of(case).expect("a case that records histories");
    let step = i64::try_from(store.profile().time_to_live_step().as_millis());
    let contract = Contract {
        slack: 5 + step.unwrap_or(0),
    };
    for seed in seeds {
        let histories = record::record(store, plan, seed).await;
        let failing = histories
            .into_iter()
            .enumerate()
            .filter(|(_, calls)| !matches!(search(calls, contract), Found::Order));
        let shortest = failing
            .map(|(key, calls)| (key, calls.len(), shorten::shorten(calls, contract)))
            .min_by_key(|(_, _, calls)| calls.len());
        if let Some((key, recorded, calls)) = shortest {
            panic!("{}", complaint(plan, seed, key, recorded, &calls, contract));
        }
    }
}

/// Tries the seeds that belong to a case.
pub(crate) async fn prove(store: &Store, case: &str) {
    let seeds = Plan::of(case).expect("a case that records histories").seeds;
    try_seeds(store, case, 0..seeds).await;
}

fn complaint(
    plan: &Plan,
    seed: u64,
    key: usize,
    recorded: usize,
    calls: &[Call],
    contract: Contract,
) -> String {
    let mut text = format!(
        "expected an order that explains all answers, saw that there is none (seed {seed}, key \
         {key}; {} of {recorded} calls prove it, which began and ended in this order):\n",
        calls.len()
    );
    for (number, call) in calls.iter().enumerate() {
        let ended = match call.ended {
            Call::NEVER => "   -".to_owned(),
            ended => format!("{ended:4}"),
        };
        let (began, caller) = (call.began, call.caller);
        let _ = writeln!(
            text,
            "    [{number:2}] {began:4} to {ended}, caller {caller}: {call}"
        );
    }
    match search(calls, contract) {
        Found::None { longest, left } => {
            let left = left.map_or("nothing is stored".to_owned(), |entry| {
                format!("{} is stored", entry.value.escape_ascii())
            });
            let _ = writeln!(
                text,
                "    The longest order that fits is {longest:?}; then {left}, and no other fits."
            );
        }
        Found::Order | Found::TooMany => text.push_str("    There are too many to try them all.\n"),
    }
    let case = plan.case;
    let _ = write!(
        text,
        "To try it again, as far as chance allows: histories::try_seeds(&store, {case:?}, \
         {seed}..{}).await",
        seed + 1
    );
    text
}
