//! Batches that fail when a part of them is applied: the store has changed, and the error says so.

use std::time::Duration;

use bytes::Bytes;
use cache_redis::RedisCache;
use conformance_tests::servers::{RedisCluster, RedisServer, ask};
use session_core::{CacheClient, CacheClientExtended, Error, ErrorKind, Expiry, Outcome};

use crate::cluster::client_of;
use crate::database::plain;

/// A server and a client whose user has these rights.
async fn setting(rights: &[&str]) -> (RedisServer, RedisCache) {
    let server = RedisServer::start(&[]).unwrap();
    allow(&server, rights);
    let url = format!("redis://shop:secret@127.0.0.1:{}", server.port());
    let cache = RedisCache::connect(&url).await.unwrap();
    (server, cache)
}

#[track_caller]
fn allow(server: &RedisServer, rights: &[&str]) {
    let user = ["ACL", "SETUSER", "shop", "on", ">secret"];
    assert_eq!(ask(server.port(), &[&user, rights].concat()).unwrap(), "OK");
}

fn entries<'k>(keys: &[&'k str], value: &'static str) -> Vec<(&'k str, Bytes)> {
    let value = Bytes::from(value);
    keys.iter().map(|key| (*key, value.clone())).collect()
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{prefix}-{number}"))
        .collect()
}

fn told(error: &Error) -> (ErrorKind, Outcome) {
    (error.kind(), error.outcome())
}

fn size(port: u16) -> usize {
    ask(port, &["DBSIZE"]).unwrap().parse().unwrap()
}

const DENIED: (ErrorKind, Outcome) = (ErrorKind::Denied, Outcome::NotApplied);
const DENIED_IN_PART: (ErrorKind, Outcome) = (ErrorKind::Denied, Outcome::Unknown);

#[tokio::test]
async fn a_chunk_that_fails_behind_others_leaves_an_unknown_outcome() {
    let (server, cache) = setting(&["+@all", "~mine*"]).await;
    let (mine, others) = (names("mine", 1_000), names("other", 1_000));
    let both: Vec<&str> = mine.iter().chain(&others).map(String::as_str).collect();
    let write = entries(&both, "value");
    let error = cache.write_all(&write, Expiry::Never).await.unwrap_err();
    assert_eq!(told(&error), DENIED_IN_PART);
    assert_eq!(size(server.port()), 1_000);
    let write = entries(&both[1_000..], "value");
    let error = cache.write_all(&write, Expiry::Never).await.unwrap_err();
    assert_eq!(told(&error), DENIED);

    let at_once = Expiry::In(Duration::ZERO);
    let write = entries(&both, "value");
    let error = cache.write_all(&write, at_once).await.unwrap_err();
    assert_eq!(told(&error), DENIED_IN_PART);
    assert_eq!(size(server.port()), 0);
    // Now the first chunk finds nothing to remove.
    assert_eq!(told(&cache.remove_all(&both).await.unwrap_err()), DENIED);
}

#[tokio::test]
async fn a_page_that_fails_behind_others_leaves_an_unknown_outcome() {
    let (server, cache) = setting(&["+@all", "~*"]).await;
    let keys = names("shop:key", 3_000);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let write = entries(&keys, "value");
    cache.write_all(&write, Expiry::Never).await.unwrap();
    let last = listed(&server).await.pop().unwrap();
    let mut rights = vec!["resetkeys".to_owned()];
    rights.extend(
        keys.iter()
            .filter(|key| **key != last)
            .map(|key| format!("~{key}")),
    );
    allow(
        &server,
        &rights.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let error = cache.remove_starting_with("shop:").await.unwrap_err();
    assert_eq!(told(&error), DENIED_IN_PART);
    assert!(size(server.port()) < 3_000);
}

/// The keys in the order in which they are listed.
async fn listed(server: &RedisServer) -> Vec<String> {
    let mut plain = plain(&server.url()).await;
    let (mut cursor, mut keys) = (0_u64, Vec::new());
    loop {
        let mut scan = redis::cmd("SCAN");
        let page = scan.arg(cursor).query_async(&mut plain).await;
        let (next, more): (u64, Vec<String>) = page.unwrap();
        keys.extend(more);
        if next == 0 {
            return keys;
        }
        cursor = next;
    }
}

#[tokio::test]
async fn a_transaction_that_was_not_begun_leaves_an_unknown_outcome() {
    let both = entries(&["a", "b"], "value");
    for (missing, told_and_stored) in [
        (&["-multi"][..], (DENIED_IN_PART, 2)),
        (&["-multi", "-exec"], (DENIED_IN_PART, 2)),
        (&["-multi", "-set"], (DENIED, 0)),
        (&["-set"], (DENIED, 0)),
    ] {
        let rights = [&["+@all", "~*"], missing].concat();
        let (server, cache) = setting(&rights).await;
        let error = cache.write_all(&both, Expiry::Never).await.unwrap_err();
        let found = (told(&error), size(server.port()));
        assert_eq!(found, told_and_stored, "{missing:?}");
    }
}

#[tokio::test]
async fn a_server_of_a_cluster_that_fails_beside_others_leaves_an_unknown_outcome() {
    let mut cluster = RedisCluster::start(Duration::from_secs(60)).unwrap();
    let cache = client_of(&cluster, Duration::from_millis(500)).await;
    let [first, second, third] = [0, 1, 2].map(|index| cluster.ports()[index]);
    let keys = names("key", 60);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let is_of_first = |key: &&str| {
        let slot = ask(first, &["CLUSTER", "KEYSLOT", key]).unwrap();
        slot.parse::<u32>().unwrap() < 16_384 / 3
    };
    let of_first: Vec<&str> = keys.iter().copied().filter(is_of_first).collect();
    let write = async |keys: &[&str], value| {
        let entries = entries(keys, value);
        cache.write_all(&entries, Expiry::Never).await
    };

    let limit = |bytes| ask(first, &["CONFIG", "SET", "maxmemory", bytes]).unwrap();
    limit("1");
    let error = write(&keys, "1").await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Full, Outcome::Unknown));
    assert_eq!(size(second) + size(third), keys.len() - of_first.len());
    let error = write(&of_first, "1").await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Full, Outcome::NotApplied));
    limit("0");
    write(&keys, "2").await.unwrap();

    let before = size(first) + size(second);
    cluster.servers()[2].stop().unwrap();
    let of_third: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|key| {
            ask(second, &["GET", key]).is_ok_and(|text| text.contains(&third.to_string()))
        })
        .collect();
    // Until the outage is known, and nothing is sent there.
    while told(&cache.read(of_third[0]).await.unwrap_err())
        != (ErrorKind::Unavailable, Outcome::NotApplied)
    {}
    const IN_PART: (ErrorKind, Outcome) = (ErrorKind::Unavailable, Outcome::Unknown);
    assert_eq!(told(&write(&keys, "3").await.unwrap_err()), IN_PART);
    for key in of_first {
        assert_eq!(cache.read(key).await.unwrap().unwrap(), "3");
    }
    assert_eq!(told(&cache.remove_all(&keys).await.unwrap_err()), IN_PART);
    assert_eq!(size(first) + size(second), 0);
    let nothing = (ErrorKind::Unavailable, Outcome::NotApplied);
    assert_eq!(told(&cache.remove_all(&keys).await.unwrap_err()), nothing);
    let error = cache.remove_starting_with("key").await.unwrap_err();
    assert_eq!(told(&error), nothing);
    assert_eq!(told(&write(&of_third, "4").await.unwrap_err()), nothing);

    assert_eq!(told(&write(&keys, "4").await.unwrap_err()), IN_PART);
    assert_eq!(size(first) + size(second), before);
    let error = cache.remove_starting_with("key").await.unwrap_err();
    assert_eq!(told(&error), IN_PART);
    assert_eq!(size(first) + size(second), 0);
    assert_eq!(told(&cache.flush_all().await.unwrap_err()), IN_PART);
    cluster.servers()[2].go_on().unwrap();
}
