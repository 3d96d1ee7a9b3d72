use std::time::Duration;

use cache_sqlite::SqliteCache;
use futures_util::StreamExt;
use session_core::{Bytes, CacheClient, CacheClientExtended, Condition, Expiry, TimeToLive};

use crate::store::TempStore;

#[tokio::test]
async fn everything_at_once() {
    let store = TempStore::new();
    for cache in [
        store.connect().await,
        SqliteCache::connect("sqlite::memory:").await.unwrap(),
    ] {
        cache.ping().await.unwrap();
        let value = Bytes::from_static(b"v");
        assert!(
            cache
                .write("a", value.clone(), Condition::Absent, Expiry::Never)
                .await
                .unwrap()
        );
        assert!(
            !cache
                .write("a", value.clone(), Condition::Absent, Expiry::Never)
                .await
                .unwrap()
        );
        assert_eq!(cache.read("a").await.unwrap(), Some(value.clone()));
        assert_eq!(
            cache
                .increment("n", 5, Duration::from_secs(9).into())
                .await
                .unwrap(),
            5
        );
        assert_eq!(cache.increment("n", -7, Expiry::Never).await.unwrap(), -2);
        assert!(matches!(
            cache.get_time_to_live("n").await.unwrap(),
            Some(TimeToLive::Remaining(left)) if left <= Duration::from_secs(9)
        ));
        let keys: Vec<_> = cache
            .keys_starting_with("")
            .map(Result::unwrap)
            .collect()
            .await;
        assert_eq!(keys, ["a", "n"]);
        let many: Vec<String> = (0..2_500).map(|n| format!("k{n:05}")).collect();
        let entries: Vec<_> = many
            .iter()
            .map(|key| (key.as_str(), value.clone()))
            .collect();
        cache.write_all(&entries, Expiry::Never).await.unwrap();
        let keys: Vec<_> = cache
            .keys_starting_with("k")
            .map(Result::unwrap)
            .collect()
            .await;
        assert_eq!(keys, many);
        let keys: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(
            cache.read_all(&keys).await.unwrap(),
            vec![Some(value.clone()); 2_500]
        );
        assert_eq!(cache.remove_all(&keys[..1_200]).await.unwrap(), 1_200);
        assert_eq!(cache.remove_starting_with("k").await.unwrap(), 1_300);
        let large = Bytes::from(vec![7; 16 << 20]);
        cache
            .write("large", large.clone(), Condition::Always, Expiry::Keep)
            .await
            .unwrap();
        assert_eq!(cache.read("large").await.unwrap(), Some(large));
        cache.flush_all().await.unwrap();
        assert_eq!(cache.read("a").await.unwrap(), None);
    }
}
