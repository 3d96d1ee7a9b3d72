//! How late other tasks of a runtime of one thread come while many read from a large file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::place::Place;
use benches::table::{Round, Row, Unit};
use session_core::{Bytes, CacheClientExtended, Expiry};

use crate::ratios::Setting;
use crate::ratios::contest::at_most;

const TASKS: usize = 64;
/// With [`ENTRIES`] of them, ten times what a connection keeps in memory by default.
const SIZE: usize = 4_096;
const ENTRIES: usize = 20_000;
const TICK: Duration = Duration::from_millis(1);

type Cache = Arc<dyn CacheClientExtended>;

pub(crate) fn row(setting: &Setting) -> Row {
    eprintln!("  sqlite ticking task");
    let place = Place::sqlite();
    let rounds = if setting.quick { 1 } else { 2 };
    let length = Duration::from_secs(if setting.quick { 1 } else { 3 });
    // A client belongs to the runtime that made it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let late = runtime.block_on(async {
        let cache = cache_connect::connect(&place.url).await;
        let cache = cache.expect("the store opens");
        fill(&cache).await;
        let mut late = Vec::new();
        for _ in 0..rounds {
            late.push(round(&cache, length).await);
        }
        late
    });
    let rounds = late.into_iter().map(|ours| Round { ours, theirs: None });
    Row::new(
        (
            "sqlite",
            format!("lateness of a 1 ms tick, p99.9, {TASKS} tasks read"),
            "",
        ),
        Unit::Milliseconds,
        at_most(20.0, 20.0),
        rounds.collect(),
    )
}

async fn fill(cache: &Cache) {
    let keys: Vec<String> = (0..ENTRIES).map(key).collect();
    for keys in keys.chunks(1_000) {
        let entries: Vec<_> = keys
            .iter()
            .map(|key| (key.as_str(), Bytes::from(vec![b'v'; SIZE])))
            .collect();
        let written = cache.write_all(&entries, Expiry::Never).await;
        written.expect("a batch is written");
    }
}

/// How late the latest tick in a thousand came, in milliseconds.
async fn round(cache: &Cache, length: Duration) -> f64 {
    let end = Instant::now() + length;
    let reader = |task: usize| {
        let cache = cache.clone();
        tokio::spawn(async move {
            let mut at = task * 313;
            while Instant::now() < end {
                at = (at + 7_919) % ENTRIES;
                let found = cache.read(&key(at)).await;
                assert!(found.expect("a read succeeds").is_some());
            }
        })
    };
    let readers: Vec<_> = (0..TASKS).map(reader).collect();
    let mut late = Vec::new();
    let mut due = Instant::now();
    while Instant::now() < end {
        due += TICK;
        tokio::time::sleep_until(due.into()).await;
        late.push(due.elapsed().as_secs_f64() * 1e3);
        // A tick that is missed is counted once, as late as it was.
        due = due.max(Instant::now() - TICK);
    }
    for reader in readers {
        reader.await.expect("no reader panics");
    }
    late.sort_by(f64::total_cmp);
    late[late.len() * 999 / 1_000]
}

fn key(at: usize) -> String {
    format!("entry:{at:08}")
}
