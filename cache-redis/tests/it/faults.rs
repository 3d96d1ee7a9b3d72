//! What happens when the server or the network fails, as far as it is Redis's alone: the suite's
//! groups `network`, `outages` and `histories_through_cuts` prove the rest.
//!
//! Each test has a server of its own, most of them behind a proxy. How long things take is not
//! asserted but by watchdogs, which are several times what is promised.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::proxy::{Network, Proxy};
use conformance_tests::servers::{RedisServer, ask};
use futures_util::StreamExt;
use futures_util::future::join_all;
use session_core::{
    CacheClient, CacheClientExtended, Condition, Error, ErrorKind, Expiry, Outcome, Result,
};
use tokio::time::timeout;

use crate::database::plain;

/// A server behind a proxy and a client that waits for 300 ms.
struct Setting {
    server: RedisServer,
    proxy: Proxy,
    cache: RedisCache,
}

const PATIENCE: Duration = Duration::from_millis(300);

/// A watchdog for what is promised within a second or three.
const WATCHDOG: Duration = Duration::from_secs(10);

impl Setting {
    async fn new() -> Self {
        Self::with(|options| options).await
    }

    async fn with(change: impl FnOnce(RedisOptions) -> RedisOptions) -> Self {
        let server = RedisServer::start(&[]).unwrap();
        let proxy = Proxy::before(("127.0.0.1", server.port())).await.unwrap();
        let options = change(RedisOptions::server("127.0.0.1", proxy.port()).timeout(PATIENCE));
        let cache = RedisCache::connect_with(options).await.unwrap();
        Self {
            server,
            proxy,
            cache,
        }
    }

    async fn put(&self, key: &str, value: impl Into<Bytes>) -> Result<bool> {
        self.cache
            .write(key, value.into(), Condition::Always, Expiry::Never)
            .await
    }

    /// What the server holds, asked past the proxy.
    async fn stored(&self, key: &str) -> Option<String> {
        let mut plain = plain(&self.server.url()).await;
        redis::cmd("GET")
            .arg(key)
            .query_async(&mut plain)
            .await
            .unwrap()
    }
}

/// Runs a call that is to fail, under a watchdog.
#[track_caller]
fn failed<T: std::fmt::Debug>(result: Result<T>) -> Error {
    result.expect_err("the call was to fail")
}

async fn watched<T>(call: impl Future<Output = T>) -> T {
    timeout(WATCHDOG, call).await.expect("a call hangs")
}

/// Waits until the client works again.
async fn recovered(cache: &RedisCache) {
    watched(async {
        while cache.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn many_calls_at_once_on_a_stopped_server_all_end() {
    let at = Setting::with(|options| options.max_in_flight(8)).await;
    at.server.stop().unwrap();
    let calls = (0..500).map(|_| at.cache.read("key"));
    for result in watched(join_all(calls)).await {
        assert!(failed(result).is_transient());
    }
    at.server.go_on().unwrap();
    recovered(&at.cache).await;
}

#[tokio::test]
async fn a_read_cut_in_mid_reply_is_asked_again_and_never_half() {
    let at = Setting::new().await;
    let long: Bytes = "0123456789".repeat(100_000).into();
    at.put("long", long.clone()).await.unwrap();
    at.put("other", "value").await.unwrap();
    for bytes in [0, 1, 5, 9, 10, 5_000, 999_999] {
        at.proxy.cut_after_reply_bytes(bytes);
        assert_eq!(
            watched(at.cache.read("long")).await.unwrap().as_ref(),
            Some(&long)
        );
        assert_eq!(at.cache.read("other").await.unwrap().unwrap(), "value");
    }
    assert!(at.proxy.connections() >= 8, "nothing was cut");
}

#[tokio::test]
async fn a_write_cut_in_mid_reply_is_not_known_and_not_repeated() {
    let at = Setting::new().await;
    at.proxy.cut_after_reply_bytes(2);
    let error = failed(watched(at.put("key", "value")).await);
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Unavailable, Outcome::Unknown)
    );
    // Whoever operates it wants to know how the connection was lost.
    assert_ne!(error.source().unwrap().to_string(), "");
    recovered(&at.cache).await;
    at.proxy.cut_after_reply_bytes(2);
    let absent = at
        .cache
        .write("new", "a".into(), Condition::Absent, Expiry::Never);
    assert_eq!(failed(watched(absent).await).outcome(), Outcome::Unknown);
    assert_eq!(at.stored("new").await.as_deref(), Some("a"));
    recovered(&at.cache).await;
    // A removal that is repeated would find nothing and say so.
    at.proxy.cut_after_reply_bytes(1);
    assert_eq!(
        failed(watched(at.cache.remove("new")).await).outcome(),
        Outcome::Unknown
    );
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_replaced() {
    for network in [Network::Silent, Network::LosesReplies] {
        let at = Setting::new().await;
        at.put("key", "value").await.unwrap();
        at.proxy.set(network);
        assert_eq!(
            failed(watched(at.cache.read("key")).await).kind(),
            ErrorKind::Timeout
        );
        // The old connection stays silent; after the second silence another one takes its place.
        at.proxy.set(Network::Fine);
        assert_eq!(
            failed(watched(at.cache.read("key")).await).kind(),
            ErrorKind::Timeout
        );
        assert_eq!(at.cache.read("key").await.unwrap().unwrap(), "value");
        assert_eq!(at.proxy.connections(), 2);
    }
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_replaced_if_nobody_waits_to_the_end() {
    for network in [Network::Silent, Network::LosesReplies] {
        let at = Setting::new().await;
        at.put("key", "value").await.unwrap();
        at.proxy.set(network);
        for _ in 0..2 {
            assert!(timeout(SHORT, at.cache.read("key")).await.is_err());
        }
        at.proxy.set(Network::Fine);
        watched(async { while timeout(SHORT, at.cache.read("key")).await.is_err() {} }).await;
        assert_eq!(at.proxy.connections(), 2);
    }
}

#[tokio::test]
async fn no_permit_in_time_is_overloaded_and_changed_nothing() {
    let at = Setting::with(|options| options.max_in_flight(1)).await;
    at.proxy.set(Network::Silent);
    // A long value has more time, and holds the only permit meanwhile.
    let long = at.put("long", vec![b'x'; 8 << 20]);
    let short = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        at.cache.increment("counter", 1, Expiry::Never).await
    };
    let (long, short) = watched(async { tokio::join!(long, short) }).await;
    assert_eq!(failed(long).kind(), ErrorKind::Timeout);
    let error = failed(short);
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Overloaded, Outcome::NotApplied)
    );
}

#[tokio::test]
async fn calls_that_are_dropped_give_back_their_permits() {
    let patient = |options: RedisOptions| options.timeout(Duration::from_secs(5));
    let at = Setting::with(|options| patient(options).max_in_flight(4)).await;
    at.server.stop().unwrap();
    for _ in 0..3 {
        // The first four have a permit each, the others wait for one.
        let writes = join_all((0..8).map(|_| at.put("key", "value")));
        assert!(timeout(SHORT, writes).await.is_err());
        let increments = join_all((0..8).map(|_| at.cache.increment("n", 1, Expiry::Never)));
        assert!(timeout(SHORT, increments).await.is_err());
    }
    at.server.go_on().unwrap();
    let reads = join_all((0..8).map(|_| at.cache.read("key")));
    for read in watched(reads).await {
        assert_eq!(read.unwrap().unwrap(), "value");
    }
}

/// Long enough for calls to be sent, and far from their time-out.
const SHORT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn scripts_that_the_server_forgot_are_sent_again() {
    let at = Setting::new().await;
    let mut plain = plain(&at.server.url()).await;
    for number in 1..=3 {
        redis::cmd("SCRIPT")
            .arg("FLUSH")
            .exec_async(&mut plain)
            .await
            .unwrap();
        assert_eq!(
            at.cache
                .increment("counter", 1, Expiry::Never)
                .await
                .unwrap(),
            number
        );
        let (value, _) = at
            .cache
            .read_with_time_to_live("counter")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(value, number.to_string());
    }
    let before = at.proxy.round_trips();
    at.cache.read_with_time_to_live("counter").await.unwrap();
    assert_eq!(
        at.proxy.round_trips() - before,
        1,
        "a known script takes one round trip"
    );
}

#[tokio::test]
async fn a_replica_can_be_read_only() {
    let primary = RedisServer::start(&[]).unwrap();
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    let replica = replica.unwrap();
    let writer = RedisCache::connect(&primary.url()).await.unwrap();
    let reader = RedisCache::connect(&replica.url()).await.unwrap();
    writer
        .write("key", "5".into(), Condition::Always, Expiry::Never)
        .await
        .unwrap();
    watched(async {
        while reader.read("key").await.ok().flatten().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let write = reader.write("key", "6".into(), Condition::Always, Expiry::Never);
    let equal = reader.write(
        "key",
        "6".into(),
        Condition::Equals("5".into()),
        Expiry::Never,
    );
    for error in [
        failed(write.await),
        failed(equal.await),
        failed(reader.increment("key", 1, Expiry::Never).await),
        failed(reader.remove("key").await),
        failed(
            reader
                .write_all(&[("key", "6".into())], Expiry::Never)
                .await,
        ),
        failed(reader.flush_all().await),
    ] {
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::ReadOnly, Outcome::NotApplied)
        );
    }
    assert_eq!(reader.read("key").await.unwrap().unwrap(), "5");
}

#[tokio::test]
async fn a_full_server_says_so_and_can_still_be_read() {
    let server = RedisServer::start(&["--maxmemory-policy", "noeviction"]).unwrap();
    let cache = RedisCache::connect(&server.url()).await.unwrap();
    cache.increment("counter", 1, Expiry::Never).await.unwrap();
    let mut admin = plain(&server.url()).await;
    let mut limit = async |bytes: u64| {
        let set = ["SET", "maxmemory", &bytes.to_string()];
        redis::cmd("CONFIG")
            .arg(&set)
            .exec_async(&mut admin)
            .await
            .unwrap();
    };
    limit(1).await;
    let value: Bytes = "value".into();
    let equal = Condition::Equals("1".into());
    for error in [
        failed(
            cache
                .write("new", value.clone(), Condition::Always, Expiry::Never)
                .await,
        ),
        failed(cache.increment("counter", 1, Expiry::Never).await),
        failed(cache.increment("new", 1, Expiry::Never).await),
        failed(
            cache
                .write("counter", "2".into(), equal, Expiry::Never)
                .await,
        ),
        failed(
            cache
                .write_all(&[("new", value.clone())], Expiry::Never)
                .await,
        ),
    ] {
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Full, Outcome::NotApplied)
        );
    }
    assert_eq!(cache.read("counter").await.unwrap().unwrap(), "1");
    assert!(cache.remove("counter").await.unwrap());
    limit(0).await;
    assert!(
        cache
            .write("new", value, Condition::Always, Expiry::Never)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_wrong_login_is_denied_and_no_password_is_shown() {
    let server = RedisServer::start(&["--requirepass", "right-secret"]).unwrap();
    let address = format!("127.0.0.1:{}", server.port());
    for login in ["", ":wrong-secret@", "nobody:wrong-secret@"] {
        let url = format!("redis://{login}{address}");
        let error = failed(watched(RedisCache::connect(&url)).await);
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Denied, Outcome::NotApplied)
        );
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    let cache = RedisCache::connect(&format!("redis://:right-secret@{address}"))
        .await
        .unwrap();
    assert!(!format!("{cache:?}").contains("secret"));
    // A user who may read but not write.
    let mut admin = plain(&format!("redis://:right-secret@{address}")).await;
    let rule = [
        "SETUSER",
        "reader",
        "on",
        ">it's 100%",
        "~*",
        "+@read",
        "+ping",
    ];
    redis::cmd("ACL")
        .arg(&rule)
        .exec_async(&mut admin)
        .await
        .unwrap();
    let url = format!("redis://reader:it's%20100%25@{address}");
    let reader = RedisCache::connect(&url).await.unwrap();
    assert_eq!(reader.read("key").await.unwrap(), None);
    let error = failed(
        reader
            .write("key", "a".into(), Condition::Always, Expiry::Never)
            .await,
    );
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Denied, Outcome::NotApplied)
    );
}

#[tokio::test]
async fn a_user_who_may_not_select_is_denied_and_database_0_stays() {
    let server = RedisServer::start(&[]).unwrap();
    let user = [
        "ACL", "SETUSER", "shop", "on", ">secret", "~*", "+@all", "-select",
    ];
    assert_eq!(ask(server.port(), &user).unwrap(), "OK");
    assert_eq!(ask(server.port(), &["SET", "key", "value"]).unwrap(), "OK");
    let url = format!("redis://shop:secret@127.0.0.1:{}", server.port());
    if let Ok(cache) = RedisCache::connect(&format!("{url}/3")).await {
        cache.flush_all().await.unwrap();
    }
    assert_eq!(ask(server.port(), &["GET", "key"]).unwrap(), "value");
    let error = failed(RedisCache::connect(&format!("{url}/3")).await);
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Denied, Outcome::NotApplied)
    );
    RedisCache::connect(&url).await.unwrap();
}

#[tokio::test]
async fn a_user_without_a_password_is_no_other_user() {
    let server = RedisServer::start(&[]).unwrap();
    for user in [
        &["shop", "on", "nopass", "~*", "+@all"][..],
        &["other", "on", ">secret", "~*", "+@all"],
    ] {
        let words = [&["ACL", "SETUSER"], user].concat();
        assert_eq!(ask(server.port(), &words).unwrap(), "OK");
    }
    let address = format!("127.0.0.1:{}", server.port());
    let url = format!("redis://shop@{address}?client_name=shop-7");
    let _cache = RedisCache::connect(&url).await.unwrap();
    let clients = ask(server.port(), &["CLIENT", "LIST"]).unwrap();
    let client = clients.lines().find(|line| line.contains("name=shop-7"));
    assert!(client.unwrap().contains("user=shop"), "{clients}");
    for user in ["other", "nobody"] {
        let error = failed(RedisCache::connect(&format!("redis://{user}@{address}")).await);
        assert_eq!(error.kind(), ErrorKind::Denied);
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_invalid_input() {
    let server = RedisServer::start(&["--databases", "4"]).unwrap();
    let error = failed(RedisCache::connect(&format!("{}/4", server.url())).await);
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    RedisCache::connect(&format!("{}/3", server.url()))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_dropped_calls_leave_no_damage() {
    let at = Arc::new(Setting::with(|options| options.max_in_flight(16)).await);
    for number in 0..50 {
        at.put(&format!("key {number}"), format!("value {number}"))
            .await
            .unwrap();
    }
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let at = Arc::clone(&at);
            tokio::spawn(async move {
                for turn in 0..500 {
                    let number = (turn * 7 + task) % 50;
                    let key = format!("key {number}");
                    // From before the first poll to after the last.
                    let patience = Duration::from_micros((turn * 13 + task * 31) % 400);
                    let read = timeout(patience, at.cache.read(&key)).await;
                    if let Ok(read) = read {
                        assert_eq!(read.unwrap().unwrap(), format!("value {number}"));
                    }
                    let value = format!("value {number}");
                    let _ = timeout(patience, at.put(&key, value)).await;
                    let _ =
                        timeout(patience, at.cache.increment("counter", 1, Expiry::Never)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        watched(task).await.unwrap();
    }
    for number in 0..50 {
        let value = at.cache.read(&format!("key {number}")).await.unwrap();
        assert_eq!(value.unwrap(), format!("value {number}"));
    }
    // As many at once as there are permits: none was lost.
    let reads = join_all((0..16).map(|_| at.cache.read("key 0"))).await;
    assert!(reads.into_iter().all(|read| read.is_ok()));
    assert_eq!(at.proxy.connections(), 1, "the connection did not last");
}

#[tokio::test]
async fn a_listing_outlives_its_connection_and_gives_no_key_twice() {
    let at = Setting::new().await;
    let keys: Vec<String> = (0..5_000).map(|number| format!("key {number}")).collect();
    let entries: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), Bytes::new()))
        .collect();
    at.cache.write_all(&entries, Expiry::Never).await.unwrap();
    let mut listing = at.cache.keys_starting_with("key ");
    let mut listed = Vec::new();
    while let Some(key) = watched(listing.next()).await {
        listed.push(key.unwrap());
        if listed.len() == 2_500 {
            at.proxy.cut();
        }
    }
    assert!(at.proxy.connections() > 1, "nothing was cut");
    let distinct: BTreeSet<_> = listed.iter().collect();
    assert_eq!((listed.len(), distinct.len()), (keys.len(), keys.len()));
}

#[tokio::test]
async fn a_listing_of_a_server_that_goes_ends_with_an_error() {
    let mut at = Setting::new().await;
    let keys: Vec<String> = (0..5_000).map(|number| format!("key {number}")).collect();
    let entries: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), Bytes::new()))
        .collect();
    at.cache.write_all(&entries, Expiry::Never).await.unwrap();
    let mut listing = at.cache.keys_starting_with("");
    listing.next().await.unwrap().unwrap();
    at.server.kill();
    let rest: Vec<_> = watched(listing.collect()).await;
    assert!(rest.len() < keys.len() - 1);
    let errors = rest.iter().filter(|key| key.is_err()).count();
    assert_eq!((errors, rest.last().unwrap().is_err()), (1, true));
}
