//! How often a bounded cache has what it is asked for.
//!
//! Keys follow Zipf's law, as those of most caches do: alone, with scans over keys that are asked
//! for once, and with favourites that change. Who misses stores what was missing.

use std::sync::Arc;

use benches::table::{Round, Row, Unit};
use cache_memory::{MemoryCache, MemoryOptions};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::Zipf;
use session_core::{Bytes, Expiry};

use crate::ratios::Setting;
use crate::ratios::contest::at_least;
use crate::ratios::stores::{OursNow, Peer};
use sampler::work::Store;

/// How many keys Zipf's law picks from.
const KEYS: u32 = 100_000;
/// How many entries a cache keeps.
const ROOM: u32 = 5_000;

#[derive(Clone, Copy)]
enum Trace {
    Zipf,
    Scans,
    Drift,
}

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let length = if setting.quick { 300_000 } else { 3_000_000 };
    [Trace::Zipf, Trace::Scans, Trace::Drift]
        .into_iter()
        .flat_map(|trace| of_trace(setting, trace, length))
        .collect()
}

fn of_trace(setting: &Setting, trace: Trace, length: u32) -> Vec<Row> {
    let name = match trace {
        Trace::Zipf => "Zipf",
        Trace::Scans => "Zipf and scans",
        Trace::Drift => "Zipf that drifts",
    };
    eprintln!("  memory hit ratio, {name}");
    let keys: Arc<[u32]> = trace.keys(length).into();
    let room = ROOM as usize;
    let ours = MemoryCache::with_options(MemoryOptions::new().max_entries(ROOM.into()));
    let ours = hits(
        setting,
        &keys,
        OursNow {
            cache: ours,
            expiry: Expiry::Never,
        },
    );
    let quick = quick_cache::sync::Cache::<String, Bytes>::new(room);
    let foyer = foyer_memory::CacheBuilder::new(room).with_shards(1);
    let peers = [
        ("quick_cache", hits(setting, &keys, Peer(quick))),
        (
            "moka",
            hits(setting, &keys, Peer(moka::sync::Cache::new(ROOM.into()))),
        ),
        ("foyer", hits(setting, &keys, Peer(foyer.build()))),
    ];
    let goal = at_least(-1.0, 0.0);
    let row = |(peer, theirs): (&'static str, f64)| {
        let workload = format!("hit ratio, {name}");
        let theirs = Some(theirs);
        let rounds = vec![Round { ours, theirs }];
        Row::new(("memory", workload, peer), Unit::Percent, goal, rounds)
    };
    peers.into_iter().map(row).collect()
}

/// Hits in a hundred, after a first tenth that fills the cache.
fn hits(setting: &Setting, keys: &[u32], store: impl Store) -> f64 {
    let value = Bytes::from_static(b"value");
    let warm = keys.len() / 10;
    setting.runtime.block_on(async {
        let mut hits = 0;
        for (at, key) in keys.iter().enumerate() {
            let key = format!("entry:{key:08}");
            match store.get(&key).await {
                Some(_) => hits += u32::from(at >= warm),
                None => store.set(&key, value.clone()).await,
            }
        }
        f64::from(hits) * 100.0 / (keys.len() - warm) as f64
    })
}

impl Trace {
    /// The same keys in every run.
    fn keys(self, length: u32) -> Vec<u32> {
        let mut random = SmallRng::seed_from_u64(7);
        let zipf = Zipf::new(f64::from(KEYS), 0.9).expect("the law has sound parameters");
        let mut next_once = KEYS;
        let mut keys = Vec::new();
        for at in 0..length {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let favourite = random.sample(zipf) as u32;
            keys.push(match self {
                Self::Zipf => favourite,
                // Every ten times as many as the cache holds, twice as many that come once.
                Self::Scans if at % (ROOM * 10) >= ROOM * 8 => {
                    next_once += 1;
                    next_once
                }
                Self::Scans => favourite,
                // The favourites give way to others over the run, one by one.
                Self::Drift => favourite + at / (length / KEYS).max(1) / 4,
            });
        }
        keys
    }
}
