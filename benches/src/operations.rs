//! The operations of the contract on entries of two sizes.
//!
//! `get_hit`, `get_miss`, `set` (with a deadline), `add` (a new key with a deadline), `increment`
//! and batches of 100. Keys are picked from [`ENTRIES`] in a fixed scattered order.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use dashmap::DashMap;
use futures_util::future::ready;
use session_core::{Bytes, CacheClientExtended, Condition, Expiry, Result};
use tokio::runtime::Runtime;

use crate::backends::{CHUNK, TASKS, runtime, stores, time};

const SIZES: [usize; 2] = [200, 4_096];
const ENTRIES: u64 = 10_000;
const BATCH: u64 = 100;
const HOUR: Expiry = Expiry::In(Duration::from_secs(3_600));

type Cache = Arc<dyn CacheClientExtended>;

pub(crate) fn all(criterion: &mut Criterion) {
    let runtime = runtime();
    for size in SIZES {
        for store in stores(&runtime) {
            let value = Bytes::from(vec![b'v'; size]);
            runtime
                .block_on(fill(&store.cache, &value))
                .expect("the store can be filled");
            for tasks in TASKS {
                let mut bench = Bench {
                    criterion,
                    runtime: &runtime,
                    store: store.name,
                    tasks,
                    size,
                };
                single(&mut bench, &store.cache, &value);
                batches(&mut bench, &store.cache, &value);
            }
        }
        floor(criterion, &runtime, size);
    }
}

async fn fill(cache: &Cache, value: &Bytes) -> Result<()> {
    let keys: Vec<String> = (0..ENTRIES).map(key).collect();
    let entries: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), value.clone()))
        .collect();
    cache.write_all(&entries, HOUR).await
}

fn single(bench: &mut Bench<'_>, cache: &Cache, value: &Bytes) {
    let (c, v) = (cache.clone(), value.clone());
    bench.run("get_hit", 1, move |n| {
        let c = c.clone();
        async move {
            c.read(&scattered(n))
                .await
                .map(|found| assert!(found.is_some()))
        }
    });
    let c = cache.clone();
    bench.run("get_miss", 1, move |n| {
        let c = c.clone();
        async move {
            c.read(&format!("missing:{n}"))
                .await
                .map(|found| assert!(found.is_none()))
        }
    });
    let c = cache.clone();
    bench.run("set", 1, move |n| {
        let (c, v) = (c.clone(), v.clone());
        async move {
            c.write(&scattered(n), v, Condition::Always, HOUR)
                .await
                .map(drop)
        }
    });
    let c = cache.clone();
    bench.run("increment", 1, move |n| {
        let c = c.clone();
        async move {
            c.increment(&format!("counter:{}", n % BATCH), 1, HOUR)
                .await
                .map(drop)
        }
    });
    let (c, v, undo) = (cache.clone(), value.clone(), cache.clone());
    bench.run_and_undo(
        "add",
        1,
        move |n| {
            let (c, v) = (c.clone(), v.clone());
            async move {
                let added = c.write(&added_key(n), v, Condition::Absent, HOUR).await?;
                assert!(added);
                Ok(())
            }
        },
        move || {
            let c = undo.clone();
            async move { c.remove_starting_with("added:").await.map(drop) }
        },
    );
}

fn batches(bench: &mut Bench<'_>, cache: &Cache, value: &Bytes) {
    let c = cache.clone();
    bench.run("get_batch_100", BATCH, move |n| {
        let c = c.clone();
        async move {
            let keys = batch(n);
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            c.read_all(&keys)
                .await
                .map(|found| assert!(found.iter().all(Option::is_some)))
        }
    });
    let (c, v) = (cache.clone(), value.clone());
    bench.run("set_batch_100", BATCH, move |n| {
        let (c, v) = (c.clone(), v.clone());
        async move {
            let keys = batch(n);
            let entries: Vec<_> = keys.iter().map(|key| (key.as_str(), v.clone())).collect();
            c.write_all(&entries, HOUR).await
        }
    });
}

/// The same map as the memory backend's without deadlines, conditions or `dyn`: what no cache on it
/// can beat.
fn floor(criterion: &mut Criterion, runtime: &Runtime, size: usize) {
    let value = Bytes::from(vec![b'v'; size]);
    let map: Arc<DashMap<String, Bytes>> =
        Arc::new((0..ENTRIES).map(|n| (key(n), value.clone())).collect());
    for tasks in TASKS {
        let mut bench = Bench {
            criterion,
            runtime,
            store: "bare-dashmap",
            tasks,
            size,
        };
        let m = map.clone();
        bench.run("get_hit", 1, move |n| {
            assert!(
                m.get(&scattered(n))
                    .map(|found| found.value().clone())
                    .is_some()
            );
            ready(Ok(()))
        });
        let (m, v) = (map.clone(), value.clone());
        bench.run("set", 1, move |n| {
            m.insert(scattered(n), v.clone());
            ready(Ok(()))
        });
    }
}

struct Bench<'c> {
    criterion: &'c mut Criterion,
    runtime: &'c Runtime,
    store: &'static str,
    tasks: u64,
    size: usize,
}

impl Bench<'_> {
    fn run<F>(
        &mut self,
        name: &str,
        elements: u64,
        operation: impl Fn(u64) -> F + Clone + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<()>> + Send,
    {
        self.run_and_undo(name, elements, operation, || ready(Ok(())));
    }

    fn run_and_undo<F, U>(
        &mut self,
        name: &str,
        elements: u64,
        operation: impl Fn(u64) -> F + Clone + Send + Sync + 'static,
        undo: impl Fn() -> U,
    ) where
        F: Future<Output = Result<()>> + Send,
        U: Future<Output = Result<()>>,
    {
        let mut group = self.criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(elements));
        let id = format!("{}/{}B/{}", self.store, self.size, self.tasks);
        group.bench_function(BenchmarkId::from_parameter(id), |bencher| {
            bencher.iter_custom(|iterations| {
                time(
                    self.runtime,
                    self.tasks,
                    iterations,
                    operation.clone(),
                    &undo,
                )
            });
        });
        group.finish();
    }
}

fn key(number: u64) -> String {
    format!("entry:{number:08}")
}

/// A stored key, far from the one before it: a prime step through all of them.
fn scattered(number: u64) -> String {
    key(number.wrapping_mul(7_919) % ENTRIES)
}

/// A key that is not stored: each once in a chunk, after which all are removed.
fn added_key(number: u64) -> String {
    format!("added:{:08}", number % CHUNK)
}

fn batch(number: u64) -> Vec<String> {
    (0..BATCH)
        .map(|n| scattered(number.wrapping_mul(BATCH) + n))
        .collect()
}
