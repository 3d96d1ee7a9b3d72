//! Writes that are committed together do not know of each other.

use std::time::Duration;

use cache_sqlite::SqliteCache;
use futures_util::future::join_all;
use session_core::{Bytes, CacheClient, Condition, ErrorKind, Expiry, Outcome};

use crate::store::TempStore;

/// Holds the lock while `work` fills the queue, so that what is queued becomes one group.
async fn grouped<F: Future>(store: &TempStore, work: F) -> F::Output {
    let other = store.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let freeing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        other.execute_batch("COMMIT").unwrap();
    };
    tokio::join!(work, freeing).0
}

#[tokio::test]
async fn one_that_breaks_a_rule_leaves_the_others_of_its_group_alone() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let text = Bytes::from_static(b"text");
    cache
        .write("text", text.clone(), Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let keys: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
    let increments = keys.iter().map(|key| async {
        let good = cache.increment(key, 1, Expiry::Never);
        let bad = cache.increment("text", 1, Expiry::Never);
        tokio::join!(good, bad)
    });
    for (good, bad) in grouped(&store, join_all(increments)).await {
        assert_eq!(good.unwrap(), 1);
        assert_eq!(bad.unwrap_err().kind(), ErrorKind::NotANumber);
    }
    assert_eq!(cache.read("text").await.unwrap(), Some(text));
    for key in &keys {
        assert_eq!(cache.increment(key, 0, Expiry::Never).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn one_without_room_leaves_the_others_of_its_group_alone() {
    let store = TempStore::new();
    let cache = SqliteCache::connect_with(store.options().max_bytes(1 << 20))
        .await
        .unwrap();
    let (small, large) = (Bytes::from(vec![1; 100]), Bytes::from(vec![7; 2 << 20]));
    let put = |key: String, value: Bytes| {
        let cache = &cache;
        async move {
            cache
                .write(&key, value, Condition::Absent, Expiry::Never)
                .await
        }
    };
    let writes = (0..10).map(|n| {
        let good = put(format!("small{n}"), small.clone());
        let bad = put(format!("large{n}"), large.clone());
        async { tokio::join!(good, bad) }
    });
    for (good, bad) in grouped(&store, join_all(writes)).await {
        assert!(good.unwrap());
        assert_eq!(bad.unwrap_err().kind(), ErrorKind::Full);
    }
    for n in 0..10 {
        assert_eq!(
            cache.read(&format!("small{n}")).await.unwrap(),
            Some(small.clone())
        );
        assert_eq!(cache.read(&format!("large{n}")).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_chunk_of_a_batch_is_written_whole_or_not_at_all() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON cache WHEN new.key = 'k1500'
                  BEGIN SELECT RAISE(ABORT, 'refused'); END";
    store.raw().execute_batch(refuse).unwrap();
    let keys: Vec<String> = (0..2_000).map(|n| format!("k{n}")).collect();
    let value = Bytes::from_static(b"v");
    let entries: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), value.clone()))
        .collect();
    let error = cache.write_all(&entries, Expiry::Never).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Other, Outcome::Unknown)
    );
    // Where no chunk came before it, nothing was applied.
    let error = cache.write_all(&entries[1_000..], Expiry::Never).await;
    assert_eq!(error.unwrap_err().outcome(), Outcome::NotApplied);
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let values = cache.read_all(&keys).await.unwrap();
    assert!(values[..1_000].iter().all(Option::is_some));
    assert!(values[1_000..].iter().all(Option::is_none));
}
