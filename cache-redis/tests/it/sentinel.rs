//! A primary found and followed through Sentinels.

use std::time::Duration;

use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::servers::{RedisSentinels, RedisServer, ask};
use session_core::{CacheClient, Condition, ErrorKind, Expiry, Outcome, Result};
use tokio::time::timeout;

use crate::database::plain;
use crate::fake::listening;

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
async fn a_deposed_primary_that_still_takes_writes_is_left() {
    let mut sentinels = RedisSentinels::start(Duration::from_millis(500)).unwrap();
    let (old, new) = (sentinels.servers()[0].port(), sentinels.servers()[1].port());
    for port in [old, new] {
        let user = [
            "ACL", "SETUSER", "shop", "on", ">secret", "~*", "&*", "+@all",
        ];
        assert_eq!(ask(port, &user).unwrap(), "OK");
    }
    let options: RedisOptions = sentinels.url().parse().unwrap();
    let options = options
        .user("shop")
        .password("secret")
        .timeout(Duration::from_millis(600));
    let cache = RedisCache::connect_with(options).await.unwrap();
    put(&cache, "key").await.unwrap();
    // Nobody but the client may talk to the primary any more, so the Sentinels depose it and
    // cannot tell it.
    let mut admin = plain(&format!("redis://shop:secret@127.0.0.1:{old}")).await;
    for words in [
        &["ACL", "SETUSER", "default", "off"],
        &["CLIENT", "KILL", "USER", "default"],
    ] {
        let (name, rest) = words.split_first().unwrap();
        redis::cmd(name)
            .arg(rest)
            .exec_async(&mut admin)
            .await
            .unwrap();
    }
    watched(async {
        while !ask(new, &["INFO", "replication"])
            .unwrap()
            .contains("role:master")
        {
            put(&cache, "early").await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while ask(new, &["GET", "later"]).is_err() {
            let _ = put(&cache, "later").await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_no_primary_is_not_taken_for_one() {
    let primary = RedisServer::start(&[]).unwrap();
    let port = primary.port().to_string();
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &port]).unwrap();
    let says = |port: u16| {
        let port = port.to_string();
        let answer = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
        listening(move |word, _| match word {
            "PING" => "+PONG\r\n".to_owned(),
            _ => answer.clone(),
        })
    };
    let (wrong, right) = (says(replica.port()).await.0, says(primary.port()).await.0);
    let host = "127.0.0.1";
    let only_wrong = RedisOptions::sentinel([(host, wrong)], "cache");
    let error = watched(RedisCache::connect_with(only_wrong))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Unavailable, Outcome::NotApplied)
    );
    let both = RedisOptions::sentinel([(host, wrong), (host, right)], "cache");
    let cache = watched(RedisCache::connect_with(both)).await.unwrap();
    put(&cache, "key").await.unwrap();
    assert_eq!(ask(primary.port(), &["GET", "key"]).unwrap(), "value");
}

#[tokio::test]
async fn a_service_that_nobody_knows_is_invalid_input() {
    let sentinels = RedisSentinels::start(Duration::from_secs(60)).unwrap();
    let url = sentinels.url().replace("/cache", "/shop");
    let error = watched(RedisCache::connect(&url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
