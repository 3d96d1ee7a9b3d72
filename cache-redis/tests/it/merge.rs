//! Calls that are merged: the same answers, in fewer requests.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::servers::{RedisServer, ask};
use futures_util::future::{FutureExt, join_all};
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
async fn long_values_are_written_among_short_ones() {
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
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(cache.read(key).await.unwrap().unwrap(), value(number));
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
async fn a_server_that_became_a_replica_is_left_by_merged_writes_too() {
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
    // Those that go out as they are take no note of their answers, since nobody looks at them again.
    let mut alone: Vec<_> = (0..16).map(|_| write()).collect();
    for call in &mut alone {
        assert!(call.now_or_never().is_none());
    }
    for written in join_all((0..64).map(|_| write())).await {
        assert_eq!(written.unwrap_err().kind(), ErrorKind::ReadOnly);
    }
    // Calls on their way keep the old one.
    drop(alone);
    let replaced = async {
        while connection().is_none() || connection() == before {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), replaced)
        .await
        .expect("the connection is replaced");
}
