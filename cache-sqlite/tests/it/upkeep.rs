//! What leaves by itself: expired entries, free pages, the log.

use std::time::Duration;

use cache_sqlite::{SqliteCache, SqliteOptions};
use session_core::{Bytes, CacheClient, CacheClientExtended, Condition, Expiry};

use crate::store::{TempStore, until};

fn sweeping(store: &TempStore) -> SqliteOptions {
    store.options().sweep_interval(Duration::from_millis(10))
}

async fn fill(cache: &SqliteCache, entries: usize, expiry: Expiry) {
    let keys: Vec<String> = (0..entries).map(|n| format!("k{n}")).collect();
    let value = Bytes::from(vec![7; 2_000]);
    let entries: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), value.clone()))
        .collect();
    cache.write_all(&entries, expiry).await.unwrap();
}

fn count(store: &TempStore) -> i64 {
    store
        .raw()
        .query_row("SELECT count(*) FROM cache", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn expired_rows_leave_by_themselves_and_the_file_shrinks() {
    let store = TempStore::new();
    let cache = SqliteCache::connect_with(sweeping(&store)).await.unwrap();
    cache
        .write("stays", Bytes::new(), Condition::Always, Expiry::Never)
        .await
        .unwrap();
    fill(&cache, 3_000, Expiry::In(Duration::from_secs(3_600))).await;
    store.raw().execute_batch("PRAGMA wal_checkpoint").unwrap();
    let size = || std::fs::metadata(store.path()).unwrap().len();
    assert!(size() > 6_000_000);
    store.pass(Duration::from_secs(3_600));
    until("expired rows leave", || count(&store) == 1);
    until("the file shrinks", || size() < 3_000_000);
    let log = store.path().with_extension("db-wal");
    until("the log is cut off", || {
        std::fs::metadata(&log).unwrap().len() == 0
    });
}

#[tokio::test]
async fn a_busy_writer_sweeps_too() {
    let store = TempStore::new();
    let cache = SqliteCache::connect_with(sweeping(&store)).await.unwrap();
    fill(&cache, 3_000, Expiry::In(Duration::from_secs(3_600))).await;
    store.pass(Duration::from_secs(3_600));
    for round in 0.. {
        cache.increment("n", 1, Expiry::Never).await.unwrap();
        if round % 100 == 0 && count(&store) == 1 {
            break;
        }
        assert!(round < 100_000);
    }
}

#[tokio::test]
async fn a_file_of_an_application_keeps_its_settings() {
    let store = TempStore::new();
    store
        .raw()
        .execute_batch("CREATE TABLE users (name)")
        .unwrap();
    let cache = SqliteCache::connect_with(sweeping(&store)).await.unwrap();
    fill(&cache, 2_000, Expiry::Never).await;
    cache.flush_all().await.unwrap();
    let auto_vacuum: i64 = store
        .raw()
        .query_row("PRAGMA auto_vacuum", [], |row| row.get(0))
        .unwrap();
    assert_eq!(auto_vacuum, 0);
    fill(&cache, 2_000, Expiry::Never).await;
    assert_eq!(count(&store), 2_000);
}

#[tokio::test]
async fn what_is_freed_on_request_is_counted_beyond_one_step() {
    let store = TempStore::new();
    let cache = store.connect().await;
    fill(&cache, 2_500, Expiry::In(Duration::from_secs(3_600))).await;
    cache
        .write("stays", Bytes::new(), Condition::Always, Expiry::Never)
        .await
        .unwrap();
    store.pass(Duration::from_secs(3_600));
    assert_eq!(cache.remove_expired().await.unwrap(), 2_500);
    assert_eq!(cache.remove_expired().await.unwrap(), 0);
    assert_eq!(count(&store), 1);
}
