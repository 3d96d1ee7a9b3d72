//! Many calls at once on one connection: each has the answer that is its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::servers::{RedisServer, ask};
use futures_util::StreamExt;
use futures_util::future::join_all;
use session_core::{CacheClient, CacheClientExtended, Condition, ErrorKind, Expiry, TimeToLive};
use tokio::time::{sleep, timeout};

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
    (server, cache)
}

#[tokio::test]
async fn many_reads_at_once_have_an_answer_each() {
    let (_server, cache) = setting().await;
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
}

#[tokio::test]
async fn reads_with_times_to_live_stand_among_the_others_and_keep_their_own() {
    let (_server, cache) = setting().await;
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_reads_take_nothing_from_the_others() {
    let (_server, cache) = setting().await;
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
}

#[tokio::test]
async fn a_key_of_another_type_is_no_entry() {
    let (server, cache) = setting().await;
    ask(server.port(), &["LPUSH", "list", "a"]).unwrap();
    assert_eq!(cache.read("list").await.unwrap(), None);
    assert_eq!(cache.read_with_time_to_live("list").await.unwrap(), None);
    let values = cache.read_all(&["list", "key 1", "none"]).await.unwrap();
    assert_eq!(values, [None, Some("value 1".into()), None]);
}

#[tokio::test]
async fn a_key_of_another_type_holds_its_key_and_goes_with_what_overwrites_or_removes() {
    let (server, cache) = setting().await;
    let push = |key| ask(server.port(), &["LPUSH", key, "a"]).unwrap();
    let write = |condition| cache.write("list", "value".into(), condition, Expiry::Never);
    push("list");
    assert!(!write(Condition::Absent).await.unwrap());
    let equals = Condition::Equals("a".into());
    assert!(write(equals).await.is_err());
    assert!(cache.increment("list", 1, Expiry::Never).await.is_err());
    let left = cache.get_time_to_live("list").await.unwrap();
    assert_eq!(left, Some(TimeToLive::Never));
    let hour = Expiry::In(Duration::from_secs(3_600));
    assert!(cache.set_time_to_live("list", hour).await.unwrap());
    let listed: Vec<_> = cache.keys_starting_with("list").collect().await;
    assert_eq!(listed.len(), 1);
    for condition in [Condition::Present, Condition::Always] {
        assert!(write(condition).await.unwrap());
        assert_eq!(cache.read("list").await.unwrap().unwrap(), "value");
        assert!(cache.remove("list").await.unwrap());
        push("list");
    }
    assert!(cache.remove("list").await.unwrap());
    push("list");
    assert_eq!(cache.remove_starting_with("list").await.unwrap(), 1);
}

#[tokio::test]
async fn many_writes_at_once_have_an_answer_each() {
    let (_server, cache) = setting().await;
    let hour = Expiry::In(Duration::from_secs(3600));
    // Each key is asked for three times: one write wins, and whoever asks for more than a write
    // gets the answer to that.
    let calls = (0..300).map(|number| {
        let cache = cache.clone();
        async move {
            let key = format!("new {}", number % 100);
            let value = Bytes::from(format!("by {number}"));
            let absent = cache.write(&key, value.clone(), Condition::Absent, hour);
            let absent = absent.await.unwrap();
            let equal = Condition::Equals(value.clone());
            let equal = cache.write(&key, value, equal, hour).await.unwrap();
            assert_eq!(absent, equal, "call {number}");
            let error = cache.increment(&key, 1, hour).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotANumber);
            let counter = format!("counter {}", number % 100);
            let sum = cache.increment(&counter, 1, hour).await.unwrap();
            (absent, sum)
        }
    });
    let (won, sums): (Vec<_>, Vec<_>) = join_all(calls).await.into_iter().unzip();
    assert_eq!(won.into_iter().filter(|won| *won).count(), 100);
    for sum in 1..=3 {
        assert_eq!(sums.iter().filter(|other| **other == sum).count(), 100);
    }
    let keys: Vec<String> = (0..200).map(|number| format!("new {number}")).collect();
    let removed = join_all(keys.iter().map(|key| cache.remove(key))).await;
    for (number, removed) in removed.into_iter().enumerate() {
        assert_eq!(removed.unwrap(), number < 100);
    }
}

#[tokio::test]
async fn long_values_stand_among_short_ones() {
    let (_server, cache) = setting().await;
    let value = |number: usize| {
        Bytes::from(vec![
            b'x';
            if number.is_multiple_of(7) {
                1 << 20
            } else {
                number
            }
        ])
    };
    let keys: Vec<String> = (0..100).map(|number| format!("key {number}")).collect();
    let writes = keys
        .iter()
        .enumerate()
        .map(|(number, key)| cache.write(key, value(number), Condition::Present, Expiry::Never));
    for written in join_all(writes).await {
        assert!(written.unwrap());
    }
    let read = join_all(keys.iter().map(|key| cache.read(key))).await;
    for (number, found) in read.into_iter().enumerate() {
        assert_eq!(found.unwrap().unwrap(), value(number));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_writes_are_whole_or_nothing_and_hold_nobody_up() {
    let (_server, cache) = setting().await;
    let tasks: Vec<_> = (0..64_u64)
        .map(|task| {
            let cache = cache.clone();
            tokio::spawn(async move {
                let key = format!("counter {task}");
                let mut sure = 0;
                for turn in 0..200 {
                    let patience = Duration::from_micros((task * 17 + turn * 29) % 600);
                    let call = cache.increment(&key, 1, Expiry::Never);
                    if let Ok(sum) = timeout(patience, call).await {
                        sure += 1;
                        assert!((sure..=turn as i64 + 1).contains(&sum.unwrap()));
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        timeout(Duration::from_secs(60), task)
            .await
            .expect("a write hangs")
            .unwrap();
    }
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_left() {
    let server = RedisServer::start(&[]).unwrap();
    let options = RedisOptions::server("127.0.0.1", server.port()).client_name("writer");
    let cache = RedisCache::connect_with(options).await.unwrap();
    let connection = || {
        let clients = ask(server.port(), &["CLIENT", "LIST"]).unwrap();
        let line = clients.lines().find(|line| line.contains("name=writer"));
        line.and_then(|line| line.split(' ').next())
            .map(str::to_owned)
    };
    let before = connection();
    assert!(before.is_some());
    // A younger connection is not doubted.
    sleep(Duration::from_millis(1_100)).await;
    ask(server.port(), &["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let write = || cache.write("key", "value".into(), Condition::Always, Expiry::Never);
    for written in join_all((0..64).map(|_| write())).await {
        assert_eq!(written.unwrap_err().kind(), ErrorKind::ReadOnly);
    }
    let replaced = async {
        while connection().is_none() || connection() == before {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), replaced)
        .await
        .expect("the connection is replaced");
}

/// Allocators are quick up to about a KiB: glibc keeps up to 1,032 bytes for the thread that freed them.
#[tokio::test]
async fn a_call_on_one_key_takes_little_memory() {
    let (_server, cache) = setting().await;
    let at_once = Expiry::In(Duration::ZERO);
    let equals = Condition::Equals(Bytes::new());
    let sizes = [
        size_of_val(&*cache.read("key")),
        size_of_val(&*cache.write("key", Bytes::new(), Condition::Always, Expiry::Never)),
        size_of_val(&*cache.write("key", Bytes::new(), Condition::Always, at_once)),
        size_of_val(&*cache.write("key", Bytes::new(), equals, at_once)),
        size_of_val(&*cache.remove("key")),
        size_of_val(&*cache.increment("key", 1, at_once)),
        size_of_val(&*cache.get_time_to_live("key")),
        size_of_val(&*cache.set_time_to_live("key", at_once)),
        size_of_val(&*cache.read_with_time_to_live("key")),
    ];
    assert!(sizes.iter().all(|size| *size <= 1_032), "{sizes:?}");
    // What reads and writes by turns gives back what it takes next.
    let [read, write, ..] = sizes;
    assert_eq!(read, write);
}
