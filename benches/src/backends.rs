//! The stores to measure, each fresh, and how many tasks at once run an operation on them.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conformance_tests::servers::{PostgresServer, RedisServer};
use session_core::{CacheClientExtended, Result};
use tokio::runtime::Runtime;

/// One store, empty when it is made and gone when it is dropped.
pub(crate) struct Store {
    pub(crate) name: &'static str,
    pub(crate) cache: Arc<dyn CacheClientExtended>,
    /// The file or the server below.
    _place: Box<dyn Any>,
}

/// How many tasks run an operation at once: one after the other, and a busy server.
pub(crate) const TASKS: [u64; 2] = [1, 64];

/// The runtime on which clients and tasks live, as a server has it.
pub(crate) fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be made")
}

/// A fresh store of each backend; the servers are this machine's own programs.
pub(crate) fn stores(runtime: &Runtime) -> Vec<Store> {
    ["memory", "sqlite", "redis", "postgres"]
        .map(|name| runtime.block_on(open(name)).expect("a store opens"))
        .into()
}

async fn open(name: &'static str) -> Result<Store> {
    let (url, place): (String, Box<dyn Any>) = match name {
        "sqlite" => {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            (
                format!("sqlite://{}/bench.db", folder.path().display()),
                Box::new(folder),
            )
        }
        "redis" => {
            let server = RedisServer::start(&[]).expect("a Redis server starts");
            (server.url(), Box::new(server))
        }
        "postgres" => {
            // As durable as it is by default; for tests it is not.
            let durable = ["fsync = on", "full_page_writes = on"];
            let server = PostgresServer::start(&durable).expect("a PostgreSQL server starts");
            (server.url(), Box::new(server))
        }
        memory => (format!("{memory}:"), Box::new(())),
    };
    Ok(Store {
        name,
        cache: cache_connect::connect(&url).await?,
        _place: place,
    })
}

/// Times `iterations` runs of an operation, spread over tasks that run at the same time.
///
/// The operation is given the number of its run, so that every run can take another key. `undo` runs
/// after each chunk of at most [`CHUNK`] runs and is not counted.
pub(crate) fn time<F, U>(
    runtime: &Runtime,
    tasks: u64,
    iterations: u64,
    operation: impl Fn(u64) -> F + Clone + Send + Sync + 'static,
    undo: impl Fn() -> U,
) -> Duration
where
    F: Future<Output = Result<()>> + Send,
    U: Future<Output = Result<()>>,
{
    let mut spent = Duration::ZERO;
    let mut first = 0;
    while first < iterations {
        let runs = first..iterations.min(first + CHUNK);
        first = runs.end;
        spent += runtime.block_on(async {
            let start = Instant::now();
            run(tasks, runs.clone(), operation.clone()).await;
            let spent = start.elapsed();
            undo().await.expect("undoing succeeds");
            spent
        });
    }
    spent
}

async fn run<F>(
    tasks: u64,
    runs: std::ops::Range<u64>,
    operation: impl Fn(u64) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Result<()>> + Send,
{
    if tasks == 1 {
        for number in runs {
            operation(number).await.expect("the operation succeeds");
        }
        return;
    }
    let next = Arc::new(AtomicU64::new(runs.start));
    let worker = |_| {
        let (next, operation, end) = (next.clone(), operation.clone(), runs.end);
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    break;
                }
                operation(number).await.expect("the operation succeeds");
            }
        })
    };
    for worker in (0..tasks).map(worker).collect::<Vec<_>>() {
        worker.await.expect("no task panics");
    }
}

/// Runs between two pauses in which what was added is removed again: bounds the memory of a run.
pub(crate) const CHUNK: u64 = 8_192;
