//! Random sequences of operations, each answered by the store under test and by the
//! [reference](crate::reference), which must agree at every step.
//!
//! What is random is the same on every machine: the sequences of a case are those of the seeds 0,
//! 1, 2, …, and a failure says its seed, its step and the shortest sequence that was found to fail.
//! [`try_seeds`] repeats a seed, or tries other seeds for as long as one likes.
//!
//! A sequence uses few keys and values, so that its steps meet each other. It counts time in
//! units: an hour where the harness moves time, so that what really passes meanwhile does not
//! matter; else twice the profile's margin. Lives are odd numbers of units and time passes by even
//! ones, so that no entry ends just when it is looked at.

mod choices;
mod operation;
mod plan;
mod shorten;
mod show;

use std::fmt::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use operation::{Answer, Operation, Step};
use plan::Plan;
use session_core::MAX_KEY_LEN;

use crate::expect::ok;
use crate::harness::Client;
use crate::reference::ReferenceCache;
use crate::store::Store;

/// Tries sequences of a case of the group `sequences` on a store: those of the seeds given.
///
/// The case itself tries some 20 seeds from 0 on. Give the one seed that a failure named to repeat
/// it, or thousands to look further. The store is flushed before each sequence.
///
/// ```
/// # use conformance_tests::{Store, reference::ReferenceHarness as MyHarness, sequences};
/// # #[tokio::main]
/// # async fn main() {
/// let store = Store::plain::<MyHarness>().await;
/// let case = "counters_at_both_ends_agree_with_a_plain_map";
/// sequences::try_seeds(&store, case, 17..18).await;
/// # }
/// ```
///
/// # Panics
///
/// If the case is none of this group, or if the store disagrees with the reference: with seed,
/// step, both answers and a shortened sequence.
pub async fn try_seeds(store: &Store, case: &str, seeds: Range<u64>) {
    let bench = Bench::new(store, case).await;
    for seed in seeds {
        let steps = bench.plan.sequence(seed);
        if let Some(found) = bench.attempt(&steps).await {
            let message = bench.complain(seed, &steps, found).await;
            panic!("{message}");
        }
    }
}

/// Tries the seeds that belong to a case, or those that the runner was asked for.
pub(crate) async fn prove(store: &Store, case: &str) {
    let seeds = match store.seeds() {
        Some(seeds) => seeds,
        None => 0..Bench::new(store, case).await.plan.seeds,
    };
    try_seeds(store, case, seeds).await;
}

/// A store on which sequences are tried, again and again.
struct Bench<'s> {
    store: &'s Store,
    plan: Plan,
    views: Vec<Client>,
    unit: Duration,
}

/// The first step whose answers differ.
struct Disagreement {
    at: usize,
    expected: Answer,
    seen: Answer,
}

impl<'s> Bench<'s> {
    async fn new(store: &'s Store, case: &str) -> Self {
        let profile = store.profile();
        let plan = Plan::of(case, &profile).expect("a case of the group `sequences`");
        let mut views = Vec::new();
        for path in plan.views {
            views.push(match *path {
                "" => store.cache(),
                path => ok(store.namespace(path).await),
            });
        }
        let unit = match profile.can_move_time() {
            true => Duration::from_secs(3_600),
            false => 2 * store.brief(),
        };
        Self {
            store,
            plan,
            views,
            unit,
        }
    }

    /// Runs the steps on the emptied store and on a new map, up to the first disagreement.
    async fn attempt(&self, steps: &[Step]) -> Option<Disagreement> {
        let moves_time = self.store.profile().can_move_time();
        let margin = self.store.brief();
        ok(self.store.flush_all().await);
        let map = Map::new(self.store.profile().max_key_len(), self.plan.views);
        let began = Instant::now();
        for (at, step) in steps.iter().enumerate() {
            if let Operation::Pass(units) = step.operation {
                self.store.pass(self.unit * units).await;
                if moves_time {
                    map.root.pass(self.unit * units);
                }
                continue;
            }
            // In real time no step is taken so near a deadline that only one of both has met it.
            while !moves_time && map.root.is_near_a_deadline(margin) {
                self.store.pass(margin / 2).await;
            }
            let instant = operation::Instant {
                unit: self.unit,
                now: SystemTime::now(),
            };
            let asked = Instant::now();
            let expected = step.operation.call(&map.views[step.view], instant).await;
            let seen = step.operation.call(&*self.views[step.view], instant).await;
            if !moves_time && asked.elapsed() > margin {
                // The machine stood still: what both know of time is no longer the same.
                return None;
            }
            let slack = margin + if moves_time { began.elapsed() } else { margin };
            if !seen.is(&expected, slack) {
                return Some(Disagreement { at, expected, seen });
            }
        }
        None
    }

    async fn complain(&self, seed: u64, steps: &[Step], found: Disagreement) -> String {
        let (at, step) = (found.at, steps[found.at].clone());
        let (seen, expected) = (format!("{:?}", found.seen), format!("{:?}", found.expected));
        let (shortest, found) = shorten::shorten(self, steps, found).await;
        let mut text = format!(
            "seed {seed}, step {at}: {step} expected {expected}, saw {seen}\n\
             The shortest sequence that was found to fail, in units of {:?}:\n",
            self.unit
        );
        for step in &shortest {
            let _ = writeln!(text, "    {step}");
        }
        let _ = writeln!(text, "    expected {:?}", found.expected);
        let _ = writeln!(text, "    saw      {:?}", found.seen);
        for (view, path) in self.plan.views.iter().enumerate().skip(1) {
            let _ = writeln!(text, "    view {view} is the namespace `{path}`");
        }
        let case = self.plan.case;
        let _ = write!(
            text,
            "To repeat it: sequences::try_seeds(&store, {case:?}, {seed}..{}).await",
            seed + 1
        );
        text
    }
}

/// The reference with the views of a plan.
struct Map {
    root: ReferenceCache,
    views: Vec<ReferenceCache>,
}

impl Map {
    fn new(max_key_len: usize, paths: &[&str]) -> Self {
        let store = ReferenceCache::new();
        // As long a namespace as the harness gives to each case, so that as long keys fit.
        let taken = "n".repeat(MAX_KEY_LEN.saturating_sub(max_key_len + 1));
        let within = |path: &str| match path {
            "" => store.clone(),
            path => store.within(path).expect("a namespace that fits"),
        };
        let views = paths.iter().map(|path| match (&*taken, *path) {
            (taken, "") => within(taken),
            ("", path) => within(path),
            (taken, path) => within(&format!("{taken}:{path}")),
        });
        Self {
            views: views.collect(),
            root: within(&taken),
        }
    }
}
