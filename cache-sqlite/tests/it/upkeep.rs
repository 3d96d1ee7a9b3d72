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

async fn write(cache: &SqliteCache, expiry: Expiry) {
    let written = cache.write("k", Bytes::new(), Condition::Always, expiry);
    assert!(written.await.unwrap());
}

#[tokio::test]
async fn a_later_deadline_leaves_the_index_alone_and_an_earlier_one_does_not() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let hours = |hours: u64| Expiry::In(Duration::from_secs(hours * 3_600));
    let due = || {
        let due = "SELECT due, due = deadline FROM cache";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found: (Option<i64>, Option<bool>) = store.raw().query_row(due, [], row).unwrap();
        found
    };
    write(&cache, hours(2)).await;
    let (first, is_deadline) = due();
    assert_eq!(is_deadline, Some(true));
    for condition in [Condition::Present, Condition::Equals(Bytes::new())] {
        let written = cache.write("k", Bytes::new(), condition, hours(3));
        assert!(written.await.unwrap());
        assert_eq!(due(), (first, Some(false)));
    }
    write(&cache, hours(4)).await;
    assert!(cache.set_time_to_live("k", hours(5)).await.unwrap());
    assert_eq!(due(), (first, Some(false)));
    write(&cache, Expiry::Never).await;
    assert_eq!(due(), (first, None));

    write(&cache, hours(1)).await;
    assert_eq!(due().1, Some(true));
    write(&cache, hours(2)).await;
    assert!(cache.set_time_to_live("k", hours(1)).await.unwrap());
    let (last, _) = due();
    assert!(last < first);
}

/// How many rows are to be looked at before they expire.
fn count_early(store: &TempStore) -> i64 {
    let early = "SELECT count(*) FROM cache WHERE due IS NOT deadline";
    store.raw().query_row(early, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_was_prolonged_stays_and_hides_nothing_that_expired() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let hour = Duration::from_secs(3_600);
    fill(&cache, 2_500, Expiry::In(hour)).await;
    fill(&cache, 1_200, Expiry::In(3 * hour)).await;
    fill(&cache, 100, Expiry::Never).await;
    assert_eq!(count_early(&store), 1_200);
    store.pass(2 * hour);
    assert_eq!(cache.remove_expired().await.unwrap(), 1_300);
    assert_eq!((count(&store), count_early(&store)), (1_200, 0));
    store.pass(hour);
    assert_eq!(cache.remove_expired().await.unwrap(), 1_100);
    assert_eq!(count(&store), 100);
}

#[tokio::test]
async fn the_sweeper_puts_off_what_was_prolonged() {
    let store = TempStore::new();
    let cache = SqliteCache::connect_with(sweeping(&store)).await.unwrap();
    let hour = Duration::from_secs(3_600);
    fill(&cache, 1_200, Expiry::In(hour)).await;
    fill(&cache, 1_100, Expiry::In(3 * hour)).await;
    store.pass(2 * hour);
    until("expired rows leave", || count(&store) == 1_100);
    until("the others are put off", || count_early(&store) == 0);
}
