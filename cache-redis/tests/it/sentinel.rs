//! A primary found and followed through Sentinels.

use std::time::Duration;

use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::servers::{RedisSentinels, ask};
use session_core::{CacheClient, Condition, ErrorKind, Expiry, Result};
use tokio::time::timeout;

async fn watched<T>(call: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), call)
        .await
        .expect("a call hangs")
}

async fn put(cache: &RedisCache, key: &str) -> Result<bool> {
    cache
        .write(key, "value".into(), Condition::Always, Expiry::Never)
        .await
}

async fn connect(sentinels: &RedisSentinels) -> RedisCache {
    let options: RedisOptions = sentinels.url().parse().unwrap();
    RedisCache::connect_with(options.timeout(Duration::from_millis(600)))
        .await
        .unwrap()
}

async fn written_again(cache: &RedisCache) {
    watched(async {
        while let Err(error) = put(cache, "key").await {
            assert!(error.is_transient(), "{error:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_promoted_replica_is_found_when_the_primary_is_killed() {
    let mut sentinels = RedisSentinels::start(Duration::from_millis(500)).unwrap();
    let cache = connect(&sentinels).await;
    put(&cache, "key").await.unwrap();
    sentinels.servers()[0].kill();
    written_again(&cache).await;
    let promoted = sentinels.servers()[1].port();
    assert_eq!(ask(promoted, &["GET", "key"]).unwrap(), "value");
}

#[tokio::test]
async fn a_deposed_primary_that_lives_on_is_left() {
    let mut sentinels = RedisSentinels::start(Duration::from_millis(500)).unwrap();
    let cache = connect(&sentinels).await;
    put(&cache, "key").await.unwrap();
    // Silent for long enough to be deposed, then back and still sure to be the primary.
    sentinels.servers()[0].stop().unwrap();
    let promoted = sentinels.servers()[1].port();
    watched(async {
        while !ask(promoted, &["INFO", "replication"])
            .unwrap()
            .contains("role:master")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    sentinels.servers()[0].go_on().unwrap();
    written_again(&cache).await;
    watched(async {
        while ask(promoted, &["GET", "later"]).is_err() {
            let _ = put(&cache, "later").await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_service_that_nobody_knows_is_invalid_input() {
    let sentinels = RedisSentinels::start(Duration::from_secs(60)).unwrap();
    let url = sentinels.url().replace("/cache", "/shop");
    let error = watched(RedisCache::connect(&url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
