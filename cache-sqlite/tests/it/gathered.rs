//! Reads of many tasks are made together, and lone writes where they are asked for; neither shows.

use std::time::Duration;

use cache_sqlite::SqliteCache;
use futures_util::future::join_all;
use session_core::{Bytes, CacheClient, CacheClientExtended, Condition, Expiry};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::store::TempStore;

/// So many tasks that do nothing but ask, so that their reads are gathered.
fn crowd<F: Future<Output = ()> + Send + 'static>(
    cache: &SqliteCache,
    task: impl Fn(SqliteCache, usize) -> F,
) -> Vec<JoinHandle<()>> {
    let spawn = |number| tokio::spawn(task(cache.clone(), number));
    (0..40).map(spawn).collect()
}

async fn all(tasks: Vec<JoinHandle<()>>) {
    for task in join_all(tasks).await {
        task.unwrap();
    }
}

fn number(n: usize) -> Bytes {
    Bytes::from(n.to_string())
}

async fn each_gets_its_own_answer() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let tasks = crowd(&cache, |cache, task| async move {
        let key = format!("k{task}");
        for round in 0..50 {
            assert_eq!(cache.read(&format!("{key} none")).await.unwrap(), None);
            // An answer from before the question would be the value of the last round.
            let value = number(task * 1_000 + round);
            let write = cache.write(&key, value.clone(), Condition::Always, Expiry::Never);
            assert!(write.await.unwrap());
            for _ in 0..5 {
                assert_eq!(cache.read(&key).await.unwrap(), Some(value.clone()));
            }
            assert!(cache.get_time_to_live(&key).await.unwrap().is_some());
        }
    });
    all(tasks).await;
}

#[tokio::test]
async fn each_of_a_crowd_gets_its_own_answer_on_one_thread() {
    each_gets_its_own_answer().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn each_of_a_crowd_gets_its_own_answer_on_several_threads() {
    each_gets_its_own_answer().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_too_long_for_the_crowd_is_read_all_the_same() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let long = Bytes::from(vec![7; 200_000]);
    cache
        .write("long", long.clone(), Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let tasks = crowd(&cache, move |cache, task| {
        let long = long.clone();
        async move {
            for round in 0..20 {
                let key = if (task + round) % 4 == 0 {
                    "long"
                } else {
                    "none"
                };
                let expected = (key == "long").then(|| long.clone());
                assert_eq!(cache.read(key).await.unwrap(), expected);
            }
        }
    });
    all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_dropped_leaves_the_crowd_alone() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let tasks = crowd(&cache, |cache, task| async move {
        for _ in 0..200 {
            if task % 2 == 0 {
                // It is polled once, and asks; then it is dropped.
                let _ = timeout(Duration::ZERO, cache.read("k")).await;
                tokio::task::yield_now().await;
            } else {
                assert_eq!(cache.read("k").await.unwrap(), None);
            }
        }
    });
    all(tasks).await;
    assert_eq!(cache.read("k").await.unwrap(), None);
}

#[tokio::test]
async fn a_lone_write_leaves_the_wait_for_a_lock_to_the_thread() {
    let store = TempStore::new();
    let cache = store.connect().await;
    for n in 0..3 {
        cache.increment("n", n, Expiry::Never).await.unwrap();
    }
    let other = store.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writing = cache.increment("n", 1, Expiry::Never);
    let freeing = async {
        // This runtime has one thread: waiting there, the write would wait for ever.
        tokio::task::yield_now().await;
        other.execute_batch("COMMIT").unwrap();
    };
    assert_eq!(tokio::join!(writing, freeing).0.unwrap(), 4);
}

#[tokio::test]
async fn the_log_stays_short_while_one_task_writes() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let value = Bytes::from(vec![7; 3_000]);
    for n in 0..5_000 {
        let key = format!("k{n}");
        let write = cache.write(&key, value.clone(), Condition::Absent, Expiry::Never);
        assert!(write.await.unwrap());
    }
    let log = std::fs::metadata(store.path().with_extension("db-wal")).unwrap();
    // Some 10,000 pages of 4 KiB were written.
    assert!(log.len() < 8_000_000, "{}", log.len());
}
