//! How much heap an entry takes beyond its key and value.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

use benches::table::{Goal, Round, Row, Unit};
use cache_memory::MemoryCache;
use session_core::{Bytes, Expiry};

use crate::ratios::Setting;
use crate::ratios::contest::at_most;
use crate::ratios::stores::{HOUR, OursNow, Peer, Timed};
use sampler::work::Store;

/// The system's allocator, which counts while it is told to.
pub(crate) struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static IN_USE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is handed to the system's allocator as it came; only numbers are kept beside.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size());
        // SAFETY: the caller keeps what `alloc` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size());
        // SAFETY: the caller keeps what `alloc_zeroed` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(-1, layout.size());
        count(1, size);
        // SAFETY: the block is one of the system's; the caller keeps what `realloc` asks for.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-1, layout.size());
        // SAFETY: the block is one of the system's, as all that `alloc` gave.
        unsafe { System.dealloc(block, layout) }
    }
}

fn count(sign: isize, size: usize) {
    if COUNTS.load(Ordering::Relaxed) {
        IN_USE.fetch_add(sign * size.cast_signed(), Ordering::Relaxed);
    }
}

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let count = if setting.quick { 100_000 } else { 1_000_000 };
    eprintln!("  memory heap of {count} entries");
    let of = |expiry| {
        let cache = MemoryCache::new();
        overhead(setting, count, OursNow { cache, expiry })
    };
    let (never, hour) = (of(Expiry::Never), of(Expiry::In(HOUR)));
    let quick = quick_cache::sync::Cache::<String, Bytes>::new(count);
    let quick = overhead(setting, count, Peer(quick));
    let quick_timed = quick_cache::sync::Cache::<String, Timed>::new(count);
    let quick_timed = overhead(setting, count, Peer(quick_timed));
    let dash = overhead(setting, count, Peer(dashmap::DashMap::new()));
    let goal = at_most(110.0, 90.0);
    vec![
        row(count, "no deadline", never, ("quick_cache", quick), goal),
        row(
            count,
            "with deadline",
            hour,
            ("quick_cache", quick_timed),
            goal,
        ),
        row(count, "with deadline", hour, ("dashmap", dash), Goal::None),
    ]
}

fn row(
    count: usize,
    what: &str,
    ours: f64,
    (peer, theirs): (&'static str, f64),
    goal: Goal,
) -> Row {
    let round = Round {
        ours,
        theirs: Some(theirs),
    };
    let workload = format!("heap beyond key and value, {what}, {count} entries");
    Row::new(("memory", workload, peer), Unit::Bytes, goal, vec![round])
}

/// The bytes that an entry takes beyond its key and value, as they were asked of the allocator.
fn overhead(setting: &Setting, count: usize, store: impl Store) -> f64 {
    const SIZE: usize = 200;
    let before = IN_USE.load(Ordering::Relaxed);
    COUNTS.store(true, Ordering::Relaxed);
    let mut needed = 0;
    setting.runtime.block_on(async {
        for at in 0..count {
            let key = format!("entry:{at:08}");
            needed += key.len() + SIZE;
            store.set(&key, Bytes::from(vec![b'v'; SIZE])).await;
        }
    });
    COUNTS.store(false, Ordering::Relaxed);
    let used = IN_USE.load(Ordering::Relaxed) - before;
    (used as f64 - needed as f64) / count as f64
}
