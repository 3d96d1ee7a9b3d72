//! Reads that are merged: the same answers, fewer commands.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::servers::{RedisServer, ask};
use futures_util::future::join_all;
use session_core::{CacheClient, CacheClientExtended, Condition, Expiry, TimeToLive};
use tokio::time::timeout;

async fn setting() -> (RedisServer, RedisCache) {
    let server = RedisServer::start(&[]).unwrap();
    let options = RedisOptions::server("127.0.0.1", server.port()).timeout(Duration::from_secs(10));
    let cache = RedisCache::connect_with(options).await.unwrap();
    for number in 0..100 {
        let value = format!("value {number}").into();
        let key = format!("key {number}");
        cache
            .write(&key, value, Condition::Always, Expiry::Never)
            .await
            .unwrap();
    }
    ask(server.port(), &["CONFIG", "RESETSTAT"]).unwrap();
    (server, cache)
}

/// How often the server ran a command.
fn runs(server: &RedisServer, command: &str) -> u64 {
    let told = ask(server.port(), &["INFO", "commandstats"]).unwrap();
    let line = told
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn many_reads_at_once_take_few_commands_and_each_has_its_own_answer() {
    let (server, cache) = setting().await;
    let keys: Vec<String> = (0..1_000)
        .map(|number| format!("key {}", number % 150))
        .collect();
    let values = join_all(keys.iter().map(|key| cache.read(key))).await;
    for (number, value) in values.into_iter().enumerate() {
        let number = number % 150;
        let expected = (number < 100).then(|| format!("value {number}"));
        assert_eq!(
            value.unwrap().as_deref(),
            expected.as_deref().map(str::as_bytes)
        );
    }
    let (single, merged) = (runs(&server, "get"), runs(&server, "mget"));
    assert!(
        merged > 0 && single + merged < 200,
        "{single} GET and {merged} MGET"
    );
}

#[tokio::test]
async fn reads_with_times_to_live_are_merged_among_the_others_and_keep_their_own() {
    let (server, cache) = setting().await;
    for number in (0..100).step_by(2) {
        let life = Duration::from_secs(1_000 + number);
        let key = format!("key {number}");
        assert!(
            cache
                .set_time_to_live(&key, Expiry::In(life))
                .await
                .unwrap()
        );
    }
    ask(server.port(), &["CONFIG", "RESETSTAT"]).unwrap();
    let reads = (0..600).map(|number| {
        let cache = cache.clone();
        async move {
            let number = number % 150;
            let key = format!("key {number}");
            let value = (number < 100).then(|| Bytes::from(format!("value {number}")));
            if number % 3 == 0 {
                assert_eq!(cache.read(&key).await.unwrap(), value);
                return;
            }
            let found = cache.read_with_time_to_live(&key).await.unwrap();
            let Some((found, left)) = found else {
                assert_eq!(None, value);
                return;
            };
            assert_eq!(Some(found), value);
            match left {
                TimeToLive::Never => assert_eq!(number % 2, 1),
                TimeToLive::Remaining(left) => {
                    let life = Duration::from_secs(1_000 + number);
                    assert!(number % 2 == 0 && left <= life, "{left:?} of {life:?}");
                    assert!(
                        life - left < Duration::from_secs(30),
                        "{left:?} of {life:?}"
                    );
                }
            }
        }
    });
    join_all(reads).await;
    let transactions = runs(&server, "exec");
    assert!((1..60).contains(&transactions), "{transactions} EXEC");
}

#[tokio::test]
async fn long_values_are_merged_by_their_bytes() {
    let (server, cache) = setting().await;
    let long = Bytes::from(vec![b'x'; 1 << 20]);
    cache
        .write("long", long.clone(), Condition::Always, Expiry::Never)
        .await
        .unwrap();
    for (fewest, most) in [(6, 84), (80, 84)] {
        let before = runs(&server, "mget");
        for value in join_all((0..100).map(|_| cache.read("long"))).await {
            assert_eq!(value.unwrap().unwrap(), long);
        }
        let merged = runs(&server, "mget") - before;
        assert!((fewest..=most).contains(&merged), "{merged} MGET");
    }
}

#[tokio::test]
async fn a_few_reads_go_out_as_they_are() {
    let (server, cache) = setting().await;
    for _ in 0..10 {
        let reads = join_all((0..16).map(|_| cache.read("key 1"))).await;
        assert!(reads.into_iter().all(|read| read.unwrap().is_some()));
    }
    assert_eq!((runs(&server, "get"), runs(&server, "mget")), (160, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_reads_take_nothing_from_the_others() {
    let (server, cache) = setting().await;
    let cache = Arc::new(cache);
    let tasks: Vec<_> = (0..64_u64)
        .map(|task| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move {
                for turn in 0..200 {
                    let number = (task * 31 + turn) % 100;
                    let key = format!("key {number}");
                    let patience = Duration::from_micros((task * 17 + turn * 29) % 600);
                    if let Ok(value) = timeout(patience, cache.read(&key)).await {
                        assert_eq!(value.unwrap().unwrap(), format!("value {number}"));
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        timeout(Duration::from_secs(60), task)
            .await
            .expect("a read hangs")
            .unwrap();
    }
    // Nobody is counted any more: the next ones go out alone again.
    let before = runs(&server, "mget");
    let reads = join_all((0..16).map(|_| cache.read("key 1"))).await;
    assert!(reads.into_iter().all(|read| read.unwrap().is_some()));
    assert_eq!(runs(&server, "mget"), before);
    assert!(before > 0, "nothing was merged");
}

#[tokio::test]
async fn a_key_of_another_type_is_no_entry_alone_or_merged() {
    let (server, cache) = setting().await;
    ask(server.port(), &["LPUSH", "list", "a"]).unwrap();
    for reads in [1, 100] {
        for value in join_all((0..reads).map(|_| cache.read("list"))).await {
            assert_eq!(value.unwrap(), None);
        }
        let timed = (0..reads).map(|_| cache.read_with_time_to_live("list"));
        for value in join_all(timed).await {
            assert_eq!(value.unwrap(), None);
        }
    }
}
