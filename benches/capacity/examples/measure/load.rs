//! Calls a second of a store that already holds the entries.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use capacity::figures::Rates;
use session_core::{Bytes, CacheClientExtended, Condition, Expiry};

use crate::template::{BAG, LIFETIME, RECORD, Template};

/// Records and bag values that are asked for; as many as keep the tasks from meeting on one.
const ASKED: u32 = 50_000;
const LAP: Duration = Duration::from_secs(2);

/// Microseconds of a round trip, and the rates with 64 and 256 tasks.
pub(crate) async fn of(
    cache: &Arc<dyn CacheClientExtended>,
    template: &Template,
) -> (f64, Rates, Rates) {
    let records: Arc<Vec<_>> = Arc::new((0..ASKED).map(|at| template.entry(RECORD, at)).collect());
    let bags: Arc<Vec<_>> = Arc::new((0..ASKED).map(|at| template.entry(BAG, at).0).collect());
    let ping = |_, cache: Arc<dyn CacheClientExtended>| async move {
        cache.ping().await.expect("the store answers");
    };
    let round_trip = 1e6 / rate(cache, 1, ping).await;
    let with_64 = rates(cache, 64, &records, &bags).await;
    let with_256 = rates(cache, 256, &records, &bags).await;
    (round_trip, with_64, with_256)
}

async fn rates(
    cache: &Arc<dyn CacheClientExtended>,
    tasks: usize,
    records: &Arc<Vec<(String, Bytes)>>,
    bags: &Arc<Vec<String>>,
) -> Rates {
    let keys = records.clone();
    let load = move |n: usize, cache: Arc<dyn CacheClientExtended>| {
        let keys = keys.clone();
        async move {
            let found = cache.read_with_time_to_live(&keys[n % keys.len()].0).await;
            assert!(found.expect("a session is read").is_some());
        }
    };
    let keys = bags.clone();
    let read = move |n: usize, cache: Arc<dyn CacheClientExtended>| {
        let keys = keys.clone();
        async move {
            // As a bag asks for a value.
            let found = cache.read_all(&[&keys[n % keys.len()]]).await;
            assert!(found.expect("a value is read")[0].is_some());
        }
    };
    let entries = records.clone();
    let save = move |n: usize, cache: Arc<dyn CacheClientExtended>| {
        let entries = entries.clone();
        async move {
            let (key, value) = &entries[n % entries.len()];
            let over = Condition::Equals(value.clone());
            let saved = cache
                .write(key, value.clone(), over, Expiry::In(LIFETIME))
                .await;
            assert!(saved.expect("a session is saved"));
        }
    };
    let keys = records.clone();
    let slide = move |n: usize, cache: Arc<dyn CacheClientExtended>| {
        let keys = keys.clone();
        async move {
            let key = &keys[n % keys.len()].0;
            let slid = cache.set_time_to_live(key, Expiry::In(LIFETIME)).await;
            assert!(slid.expect("a deadline is moved"));
        }
    };
    Rates {
        load: rate(cache, tasks, load).await,
        read: rate(cache, tasks, read).await,
        save: rate(cache, tasks, save).await,
        slide: rate(cache, tasks, slide).await,
    }
}

/// Calls a second by so many tasks, after a quarter of a lap to warm up.
async fn rate<F, W>(cache: &Arc<dyn CacheClientExtended>, tasks: usize, call: W) -> f64
where
    F: Future<Output = ()> + Send,
    W: Fn(usize, Arc<dyn CacheClientExtended>) -> F + Clone + Send + 'static,
{
    lap(cache, tasks, call.clone(), LAP / 4).await;
    lap(cache, tasks, call, LAP).await
}

async fn lap<F, W>(
    cache: &Arc<dyn CacheClientExtended>,
    tasks: usize,
    call: W,
    length: Duration,
) -> f64
where
    F: Future<Output = ()> + Send,
    W: Fn(usize, Arc<dyn CacheClientExtended>) -> F + Clone + Send + 'static,
{
    let begun = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let (cache, call) = (cache.clone(), call.clone());
            tokio::spawn(async move {
                let mut done = 0_u32;
                // Strides that no two tasks share, so that they meet on an entry by chance only.
                let mut at = task * 7_919;
                while begun.elapsed() < length {
                    call(at, cache.clone()).await;
                    at += 104_729;
                    done += 1;
                    if done.is_multiple_of(64) {
                        tokio::task::yield_now().await;
                    }
                }
                done
            })
        })
        .collect();
    let mut done = 0.0;
    for task in running {
        done += f64::from(task.await.expect("a task ends"));
    }
    done / begun.elapsed().as_secs_f64()
}
