//! What callers see when the file, its lock or its disk is not as it should be.

use std::time::Duration;

use cache_sqlite::{SqliteCache, SqliteOptions};
use futures_util::StreamExt;
use session_core::{
    Bytes, CacheClient, CacheClientExtended, Condition, ErrorKind, Expiry, Outcome,
};

use crate::store::TempStore;

const V: Bytes = Bytes::from_static(b"v");

#[tokio::test]
async fn a_file_that_was_removed_is_an_error_for_reads_and_writes() {
    let store = TempStore::new();
    let cache = store.connect().await;
    cache
        .write("k", V, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let aside = store.path().with_extension("aside");
    std::fs::rename(store.path(), &aside).unwrap();

    let error = cache
        .write("l", V, Condition::Always, Expiry::Never)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Unavailable, Outcome::NotApplied)
    );
    assert_eq!(
        cache.read("k").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        cache.read_all(&["k"]).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        cache.ping().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    let listed: Vec<_> = cache.keys_starting_with("").collect().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        listed[0].as_ref().unwrap_err().kind(),
        ErrorKind::Unavailable
    );

    // Another file in its place is not the store that was opened.
    std::fs::write(store.path(), "").unwrap();
    assert_eq!(
        cache.read("k").await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );

    std::fs::rename(&aside, store.path()).unwrap();
    assert_eq!(cache.read("k").await.unwrap(), Some(V));
    assert_eq!(cache.read("l").await.unwrap(), None);
    cache.remove("k").await.unwrap();
}

#[tokio::test]
async fn a_lock_that_another_holds_is_waited_for() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let other = store.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writing = cache.write("k", V, Condition::Always, Expiry::Never);
    let freeing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        other.execute_batch("COMMIT").unwrap();
    };
    assert!(tokio::join!(writing, freeing).0.unwrap());
}

#[tokio::test]
async fn a_large_value_may_wait_longer_for_the_lock() {
    let store = TempStore::new();
    let options = store.options().timeout(Duration::from_millis(200));
    let cache = SqliteCache::connect_with(options).await.unwrap();
    let other = store.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // 16 MiB have 1.6 s more.
    let large = Bytes::from(vec![7; 16 << 20]);
    let freeing = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        other.execute_batch("COMMIT").unwrap();
    };
    let entries = [("batch", large.clone())];
    let (alone, batch, small, ()) = tokio::join!(
        cache.write("k", large.clone(), Condition::Always, Expiry::Never),
        cache.write_all(&entries, Expiry::Never),
        cache.remove("small"),
        freeing
    );
    assert!(alone.unwrap());
    batch.unwrap();
    assert_eq!(small.unwrap_err().kind(), ErrorKind::Overloaded);
}

#[tokio::test]
async fn a_lock_that_another_keeps_is_overloaded_and_nothing_is_written_later() {
    let store = TempStore::new();
    let options = store.options().timeout(Duration::from_millis(100));
    let cache = SqliteCache::connect_with(options).await.unwrap();
    let other = store.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writes = (0..20).map(|n| {
        let cache = &cache;
        async move {
            cache
                .increment(&format!("k{n}"), 1, Expiry::Never)
                .await
                .unwrap_err()
        }
    });
    for error in futures_util::future::join_all(writes).await {
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Overloaded, Outcome::NotApplied)
        );
    }
    // Reads do not mind.
    assert_eq!(cache.read("k0").await.unwrap(), None);
    other.execute_batch("COMMIT").unwrap();
    drop(cache);

    let cache = store.connect().await;
    assert_eq!(cache.keys_starting_with("").count().await, 0);
}

#[tokio::test]
async fn a_full_file_takes_no_more_and_goes_on_reading() {
    let store = TempStore::new();
    takes_no_more_and_goes_on_reading(store.options()).await;
}

#[tokio::test]
async fn a_full_store_in_memory_takes_no_more_and_goes_on_reading() {
    let options = SqliteOptions::memory().timeout(Duration::from_secs(30));
    takes_no_more_and_goes_on_reading(options).await;
}

async fn takes_no_more_and_goes_on_reading(options: SqliteOptions) {
    let options = options.max_bytes(1 << 20);
    let cache = SqliteCache::connect_with(options).await.unwrap();
    cache
        .write("small", V, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let large = Bytes::from(vec![7; 2 << 20]);
    let write = cache.write("large", large, Condition::Always, Expiry::Never);
    let error = write.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Full, Outcome::NotApplied)
    );
    assert_eq!(cache.read("small").await.unwrap(), Some(V));
    assert_eq!(cache.read("large").await.unwrap(), None);
    cache.remove("small").await.unwrap();
    let fits = Bytes::from(vec![7; 1 << 19]);
    cache
        .write("fits", fits, Condition::Absent, Expiry::Never)
        .await
        .unwrap();
}

#[tokio::test]
async fn damaged_pages_are_corrupt_and_no_miss() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let keys: Vec<String> = (0..2_000).map(|n| format!("k{n}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| (key.as_str(), V)).collect();
    cache.write_all(&entries, Expiry::Never).await.unwrap();
    drop(cache);
    store
        .raw()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let mut file = std::fs::read(store.path()).unwrap();
    // The first pages keep the schema, so that the file still opens.
    file[20 * 4_096..].fill(0xA5);
    std::fs::write(store.path(), file).unwrap();

    let cache = store.connect().await;
    let error = cache.read("k5").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}
