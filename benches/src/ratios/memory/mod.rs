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

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let entries = Arc::new(Entries::new(setting.entries, SIZE));
    let arena = Arena { setting, entries };
    let mut rows = arena.without_deadline();
    for threads in [1, 2] {
        rows.extend(arena.with_deadline(threads));
    }
    rows.extend(sessions::rows(setting));
    rows.extend(heap::rows(setting));
    rows.extend(hits::rows(setting));
    rows
}

struct Arena<'s> {
    setting: &'s Setting,
    entries: Arc<Entries>,
}

impl Arena<'_> {
    fn without_deadline(&self) -> Vec<Row> {
        let (ours, now) = ours(Expiry::Never);
        let (ours, now) = (self.filled(ours), self.filled(now));
        let quick = self.filled(Peer(quick_cache::sync::Cache::<String, Bytes>::new(
            self.capacity(),
        )));
        let peers = vec![
            (self.get("quick_cache", quick), at_least(0.85, 1.0)),
            (self.get("ours, without async", now), Goal::None),
        ];
        self.contest("get, no deadline", 1)
            .rates(self.get("ours", ours), peers)
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
            (self.get("quick_cache", quick.clone()), at_least(1.2, 1.5)),
            (self.get("dashmap", dash.clone()), at_least(1.2, 1.5)),
            (self.get("moka", moka.clone()), at_least(3.0, 4.0)),
            (self.get("scc", scc.clone()), Goal::None),
            (self.get("foyer", foyer.clone()), Goal::None),
            (self.get("ours, without async", now.clone()), Goal::None),
        ];
        let mut rows = self
            .contest("get with deadline", threads)
            .rates(self.get("ours", ours.clone()), peers);
        let peers = vec![
            (self.set("scc", scc), at_least(1.0, 1.2)),
            (self.set("dashmap", dash), at_least(1.0, 1.2)),
            (self.set("moka", moka), at_least(4.0, 6.0)),
            (self.set("quick_cache", quick), Goal::None),
            (self.set("foyer", foyer), Goal::None),
            (self.set("ours, without async", now), Goal::None),
        ];
        let sets = self
            .contest("set with deadline", threads)
            .rates(self.set("ours", ours), peers);
        rows.extend(sets);
        rows
    }

    fn contest(&self, workload: &str, threads: usize) -> Contest<'_> {
        Contest {
            setting: self.setting,
            backend: "memory",
            workload: workload.to_owned(),
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
