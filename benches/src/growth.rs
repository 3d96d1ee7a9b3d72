//! `--growth`: what time an operation takes as the entries of a store become more, and how long the
//! memory backend keeps anybody waiting while a million entries expire or are evicted.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use benches::chart::{Chart, Line};
use benches::page::Page;
use benches::place::Place;
use benches::store::Ours;
use benches::table::{Unit, markdown};
use cache_memory::{MemoryCache, MemoryOptions};
use futures_util::StreamExt;
use sampler::entries::Entries;
use sampler::sample::{Shape, Work, laps};
use sampler::work::{Get, Set};
use serde::Serialize;
use session_core::{Bytes, Condition, Expiry, Result};
use tokio::runtime::Runtime;

use crate::Arguments;

/// How long one operation took in a store of so many entries.
#[derive(Serialize)]
struct Point {
    store: String,
    operation: &'static str,
    entries: usize,
    nanoseconds: f64,
}

/// The longest that one operation took meanwhile.
#[derive(Serialize)]
struct Pause {
    meanwhile: &'static str,
    longest_ns: u64,
    p9999_ns: u64,
}

const OPERATIONS: [&str; 4] = ["get", "set", "list 100", "free 1,000 expired"];
const SIZE: usize = 64;

pub(crate) fn run(arguments: &Arguments, runtime: &Runtime) -> Result<()> {
    let mut points = Vec::new();
    for url in &arguments.urls {
        points.extend(store(arguments, runtime, url)?);
    }
    let pauses = match arguments.urls.iter().any(|url| url.starts_with("memory:")) {
        true => pauses(arguments)?,
        false => Vec::new(),
    };
    if arguments.json {
        let both = serde_json::json!({ "growth": points, "pauses": pauses });
        println!("{both:#}");
        return Ok(());
    }
    let header = ["store", "operation", "entries", "time"];
    println!(
        "{}",
        markdown(&header, &[2, 3], points.iter().map(point_cells))
    );
    let pause_header = ["memory, meanwhile", "longest", "p99.99"];
    println!(
        "{}",
        markdown(&pause_header, &[1, 2], pauses.iter().map(pause_cells))
    );
    let mut page = Page::new("How stores grow");
    page.text(
        "The median time of one operation by the entries of the store, in µs, asked by one task.",
    );
    for operation in OPERATIONS {
        let mut lines = Vec::new();
        for point in points.iter().filter(|point| point.operation == operation) {
            let at = (point.entries as f64, point.nanoseconds / 1e3);
            Line::extend(&mut lines, &point.store, at);
        }
        let title = format!("{operation}: µs by entries");
        page.chart(&Chart { title, lines });
    }
    page.table(&header, points.iter().map(point_cells));
    page.table(&pause_header, pauses.iter().map(pause_cells));
    arguments.write(&page);
    Ok(())
}

fn point_cells(point: &Point) -> Vec<String> {
    vec![
        point.store.clone(),
        point.operation.to_owned(),
        point.entries.to_string(),
        Unit::Time.show(point.nanoseconds),
    ]
}

fn pause_cells(pause: &Pause) -> Vec<String> {
    vec![
        pause.meanwhile.to_owned(),
        Unit::Time.show(pause.longest_ns as f64),
        Unit::Time.show(pause.p9999_ns as f64),
    ]
}

/// A store that grows tenfold, again and again.
fn store(arguments: &Arguments, runtime: &Runtime, url: &str) -> Result<Vec<Point>> {
    let name = url.split(':').next().unwrap_or_default();
    let place = Place::named(url);
    let ours = Arc::new(runtime.block_on(Ours::connect(url))?);
    let most = match (arguments.entries, arguments.quick, name) {
        (Some(most), _, _) => most,
        (None, true, _) => 10_000,
        (None, false, "memory") => 10_000_000,
        (None, false, _) => 1_000_000,
    };
    let mut points = Vec::new();
    let mut count = 1_000;
    while count <= most {
        eprintln!("{name}, {count} entries");
        let entries = Arc::new(Entries::under(&place.prefix, count, SIZE));
        let measured = runtime.block_on(ours.fill(&entries)).and_then(|()| {
            let get = median_time(arguments, runtime, Get(ours.clone(), entries.clone()));
            let set = median_time(arguments, runtime, Set(ours.clone(), entries.clone()));
            let list = runtime.block_on(list(&ours, &place.prefix, count))?;
            let free = runtime.block_on(free(&ours, &place.prefix))?;
            Ok([get, set, list, free])
        });
        let times = match measured {
            Ok(times) => times,
            Err(error) => {
                // What was stored goes all the same; the first failure is the one to tell.
                let _ = runtime.block_on(ours.clear(&place.prefix));
                return Err(error);
            }
        };
        points.extend(
            OPERATIONS
                .into_iter()
                .zip(times)
                .map(|(operation, time)| Point {
                    store: name.to_owned(),
                    operation,
                    entries: count,
                    nanoseconds: time,
                }),
        );
        count *= 10;
    }
    runtime.block_on(ours.clear(&place.prefix))?;
    Ok(points)
}

fn median_time(arguments: &Arguments, runtime: &Runtime, work: impl Work) -> f64 {
    let lap = laps(runtime.handle(), Arc::new(work));
    let length = arguments.plan().of_tasks();
    lap(Shape::Tasks(1), length / 4);
    lap(Shape::Tasks(1), length).p50 as f64
}

/// Lists the hundred keys that share all but their last two digits.
async fn list(ours: &Ours, prefix: &str, count: usize) -> Result<f64> {
    let hundred = format!("{prefix}entry:{:06}", count / 200);
    let mut best = Duration::MAX;
    // The first listing of a memory store puts its keys in order, which is paid once.
    for _ in 0..5 {
        let start = Instant::now();
        let mut keys = ours.cache.keys_starting_with(&hundred);
        let mut listed = 0;
        while let Some(key) = keys.next().await {
            key?;
            listed += 1;
        }
        best = best.min(start.elapsed());
        assert_eq!(listed, 100);
    }
    Ok(best.as_nanos() as f64)
}

/// Frees a thousand expired entries; what a sweeper was quicker to free costs less.
async fn free(ours: &Ours, prefix: &str) -> Result<f64> {
    let expiring = Entries::under(&format!("{prefix}expiring:"), 1_000, SIZE);
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let batch: Vec<_> = expiring.iter().collect();
        let soon = Expiry::In(Duration::from_millis(20));
        ours.cache.write_all(&batch, soon).await?;
        tokio::time::sleep(Duration::from_millis(25)).await;
        let start = Instant::now();
        ours.cache.remove_expired().await?;
        best = best.min(start.elapsed());
    }
    Ok(best.as_nanos() as f64)
}

/// How long reads and writes of a memory cache take at most, in three situations.
fn pauses(arguments: &Arguments) -> Result<Vec<Pause>> {
    let count = if arguments.quick { 10_000 } else { 1_000_000 };
    let (length, filling) = match arguments.quick {
        true => (Duration::from_millis(300), Duration::from_millis(900)),
        false => (Duration::from_secs(4), Duration::from_secs(10)),
    };
    let value = Bytes::from_static(&[b'v'; SIZE]);
    let key = |at: u64| format!("entry:{at:012}");

    eprintln!("pauses of memory, {count} entries");
    let cache = MemoryCache::new();
    cache.write_now("kept", value.clone(), Condition::Always, Expiry::Never)?;
    let quiet = longest(length, |_| cache.read_now("kept").map(drop))?;

    let together = SystemTime::now() + filling;
    for at in 0..count {
        cache.write_now(
            &key(at),
            value.clone(),
            Condition::Always,
            Expiry::At(together),
        )?;
    }
    let left = together
        .duration_since(SystemTime::now())
        .unwrap_or_default();
    // From just before the deadline until all are freed.
    std::thread::sleep(left.saturating_sub(Duration::from_millis(100)));
    let expiring = longest(length, |at| {
        let kept = cache.read_now("kept").map(drop);
        kept.and(cache.read_now(&key(at % count)).map(drop))
    })?;
    drop(cache);

    let cache = MemoryCache::with_options(MemoryOptions::new().max_entries(count));
    let write = |at| {
        let write = cache.write_now(&key(at), value.clone(), Condition::Always, Expiry::Never);
        write.map(drop)
    };
    (0..count).try_for_each(write)?;
    let evicting = longest(length, |at| write(count + at))?;
    Ok(vec![
        Pause {
            meanwhile: "nothing else",
            ..quiet
        },
        Pause {
            meanwhile: "all expire in one millisecond",
            ..expiring
        },
        Pause {
            meanwhile: "each write evicts",
            ..evicting
        },
    ])
}

fn longest(length: Duration, work: impl Fn(u64) -> Result<()>) -> Result<Pause> {
    let mut times = sampler::sample::histogram();
    let start = Instant::now();
    let mut begun = start;
    for at in 0.. {
        work(at)?;
        let ended = Instant::now();
        let time = (ended - begun).as_nanos().try_into().unwrap_or(u64::MAX);
        times.saturating_record(time);
        begun = ended;
        if ended - start >= length {
            break;
        }
    }
    Ok(Pause {
        meanwhile: "",
        longest_ns: times.max(),
        p9999_ns: times.value_at_quantile(0.9999),
    })
}
