//! The rows of the memory backend.

mod heap;
mod hits;
mod sessions;

use std::sync::Arc;

use benches::rounds::Contestant;
use benches::table::{Goal, Row};
use cache_memory::MemoryCache;
use dashmap::DashMap;
use sampler::entries::Entries;
use sampler::sample::Shape;
use session_core::{Bytes, Expiry};

pub(crate) use heap::Counting;

use crate::ratios::Setting;
use crate::ratios::contest::{Contest, at_least};
use crate::ratios::stores::{HOUR, Ours, OursNow, Peer, Timed};
use sampler::work::{Get, Set, Store, fill};

/// The size of a value in bytes.
const SIZE: usize = 200;

/// So few that they stay in a processor's own caches: what counts is the instructions of a call.
const FEW: usize = 10_000;
/// As many sessions as a busy node has in use.
const JUDGED: usize = 100_000;
/// As many as the heap is measured on: each look-up waits for memory.
const MANY: usize = 1_000_000;

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let judged = setting
        .entries
        .unwrap_or(if setting.quick { FEW } else { JUDGED });
    let mut rows = Arena::new(setting, judged, true).rows();
    if judged == JUDGED {
        for shown in [FEW, MANY] {
            rows.extend(Arena::new(setting, shown, false).rows());
        }
    }
    rows.extend(sessions::rows(setting));
    rows.extend(heap::rows(setting));
    rows.extend(hits::rows(setting));
    rows
}

/// The contests on so many entries.
struct Arena<'s> {
    setting: &'s Setting,
    entries: Arc<Entries>,
    is_judged: bool,
}

impl<'s> Arena<'s> {
    fn new(setting: &'s Setting, count: usize, is_judged: bool) -> Self {
        Self {
            setting,
            entries: Arc::new(Entries::new(count, SIZE)),
            is_judged,
        }
    }

    /// All contests, each on stores that are filled for it.
    fn rows(&self) -> Vec<Row> {
        let mut rows = self.without_deadline();
        for threads in [1, 2] {
            rows.extend(self.with_deadline(threads));
        }
        rows
    }

    /// A goal, where this number of entries is judged.
    fn at_least(&self, must: f64, aim: f64) -> Goal {
        match self.is_judged {
            true => at_least(must, aim),
            false => Goal::None,
        }
    }

    fn without_deadline(&self) -> Vec<Row> {
        let (ours, now) = ours(Expiry::Never);
        let (ours, now) = (self.filled(ours), self.filled(now));
        let quick = self.filled(Peer(quick_cache::sync::Cache::<String, Bytes>::new(
            self.capacity(),
        )));
        let peers = vec![
            (self.get("quick_cache", quick), self.at_least(0.85, 1.0)),
            (self.get("ours, without async", now), Goal::None),
        ];
        let contest = self.contest("get, no deadline", 1);
        contest.rates(self.get("ours", ours), peers)
    }

    fn with_deadline(&self, threads: usize) -> Vec<Row> {
        let (ours, now) = ours(Expiry::In(HOUR));
        let (ours, now) = (self.filled(ours), self.filled(now));
        let quick = self.filled(Peer(quick_cache::sync::Cache::<String, Timed>::new(
            self.capacity(),
        )));
        let dash = self.filled(Peer(DashMap::new()));
        let scc = self.filled(Peer(scc::HashMap::new()));
        let capacity = u64::try_from(self.capacity()).unwrap_or(u64::MAX);
        let moka = moka::sync::Cache::builder()
            .max_capacity(capacity)
            .time_to_live(HOUR);
        let moka = self.filled(Peer(moka.build()));
        let foyer = self.filled(Peer(
            foyer_memory::CacheBuilder::new(self.capacity()).build(),
        ));
        let peers = vec![
            (
                self.get("quick_cache", quick.clone()),
                self.at_least(1.2, 1.5),
            ),
            (self.get("dashmap", dash.clone()), self.at_least(1.2, 1.5)),
            (self.get("moka", moka.clone()), self.at_least(3.0, 4.0)),
            (self.get("scc", scc.clone()), Goal::None),
            (self.get("foyer", foyer.clone()), Goal::None),
            (self.get("ours, without async", now.clone()), Goal::None),
        ];
        let contest = self.contest("get with deadline", threads);
        let mut rows = contest.rates(self.get("ours", ours.clone()), peers);
        let peers = vec![
            (self.set("scc", scc), self.at_least(1.0, 1.2)),
            (self.set("dashmap", dash), self.at_least(1.0, 1.2)),
            (self.set("moka", moka), self.at_least(4.0, 6.0)),
            (self.set("quick_cache", quick), Goal::None),
            (self.set("foyer", foyer), Goal::None),
            (self.set("ours, without async", now), Goal::None),
        ];
        let contest = self.contest("set with deadline", threads);
        rows.extend(contest.rates(self.set("ours", ours), peers));
        rows
    }

    fn contest(&self, workload: &str, threads: usize) -> Contest<'_> {
        Contest {
            setting: self.setting,
            backend: "memory",
            workload: format!("{workload}, {} entries", self.entries.count()),
            shape: Shape::Threads(threads),
        }
    }

    fn get(&self, name: &'static str, store: Arc<impl Store>) -> Contestant {
        let work = Get(store, self.entries.clone());
        Contestant::new(name, self.setting.runtime.handle(), work)
    }

    fn set(&self, name: &'static str, store: Arc<impl Store>) -> Contestant {
        let work = Set(store, self.entries.clone());
        Contestant::new(name, self.setting.runtime.handle(), work)
    }

    fn filled<S: Store>(&self, store: S) -> Arc<S> {
        self.setting.runtime.block_on(fill(&store, &self.entries));
        Arc::new(store)
    }

    /// Room enough that nothing is evicted, in whichever shard the entries fall.
    fn capacity(&self) -> usize {
        self.entries.count() * 2
    }
}

fn ours(expiry: Expiry) -> (Ours, OursNow) {
    let ours = Ours {
        cache: Arc::new(MemoryCache::new()),
        expiry,
    };
    let now = OursNow {
        cache: MemoryCache::new(),
        expiry,
    };
    (ours, now)
}
