//! The whole suite on a cluster, and what happens to it when the cluster changes.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::servers::{RedisCluster, ask};
use conformance_tests::{Client, Harness, Profile, Reopen, Share, async_trait};
use futures_util::StreamExt;
use session_core::{
    CacheClient, CacheClientExtended, Condition, ErrorKind, Expiry, Outcome, Result,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::database::{AGE, plain};
use crate::fake::listening;

/// The cluster of the suite. A cluster has one database, so the cases take turns.
static CLUSTER: LazyLock<RedisCluster> =
    LazyLock::new(|| RedisCluster::start(Duration::from_secs(15)).expect("a cluster starts"));

static TURN: Semaphore = Semaphore::const_new(1);

struct ClusterHarness {
    cache: RedisCache,
    turn: SemaphorePermit<'static>,
}

impl ClusterHarness {
    fn options() -> RedisOptions {
        let options: RedisOptions = CLUSTER.url().parse().unwrap();
        options.timeout(Duration::from_secs(10))
    }

    async fn on_each_primary(command: &redis::Cmd) {
        for port in &CLUSTER.ports()[..3] {
            let mut plain = plain(&format!("redis://127.0.0.1:{port}")).await;
            command.exec_async(&mut plain).await.unwrap();
        }
    }
}

#[async_trait]
impl Harness for ClusterHarness {
    const PROFILE: Profile = Profile::new().moves_time().sweeps();

    async fn fresh() -> Self {
        let turn = TURN.acquire().await.unwrap();
        Self::on_each_primary(&redis::cmd("FLUSHALL")).await;
        Self {
            cache: RedisCache::connect_with(Self::options()).await.unwrap(),
            turn,
        }
    }

    fn cache(&self) -> Client {
        Arc::new(self.cache.clone())
    }

    async fn pass(&self, by: Duration) {
        let mut age = redis::cmd("EVAL");
        age.arg(AGE)
            .arg(0)
            .arg(u64::try_from(by.as_millis()).unwrap());
        Self::on_each_primary(&age).await;
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        let options = Self::options().namespace(path.parse()?);
        Ok(Arc::new(RedisCache::connect_with(options).await?))
    }
}

#[async_trait]
impl Reopen for ClusterHarness {
    async fn reopen(self) -> Self {
        let Self { cache, turn } = self;
        drop(cache);
        Self {
            cache: RedisCache::connect_with(Self::options()).await.unwrap(),
            turn,
        }
    }
}

#[async_trait]
impl Share for ClusterHarness {
    async fn another(&self) -> Client {
        Arc::new(RedisCache::connect_with(Self::options()).await.unwrap())
    }
}

mod suite {
    use super::ClusterHarness;

    conformance_tests::conformance_tests!(ClusterHarness, probation: deny, lacking: {
        networked: "a cluster tells its clients six addresses, around any proxy",
        outage: "the cases share the cluster; the tests below have their own",
    });
}

async fn watched<T>(call: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), call)
        .await
        .expect("a call hangs")
}

async fn put(cache: &RedisCache, key: &str, value: &str) -> Result<bool> {
    let value = value.to_owned().into();
    cache
        .write(key, value, Condition::Always, Expiry::Never)
        .await
}

#[tokio::test]
async fn the_last_clone_takes_its_connections_with_it() {
    let options = ClusterHarness::options().client_name("ends");
    let cache = RedisCache::connect_with(options).await.unwrap();
    let clone = cache.clone();
    let connections = || {
        let list = |port| ask(port, &["CLIENT", "LIST"]).unwrap();
        let lists = CLUSTER.ports().into_iter().map(list);
        lists
            .map(|list| list.matches("name=ends").count())
            .sum::<usize>()
    };
    drop(cache);
    clone.ping().await.unwrap();
    assert!(connections() > 0);
    drop(clone);
    watched(async {
        while connections() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_killed_in_the_middle_of_increments_costs_errors_for_a_while() {
    let mut cluster = RedisCluster::start(Duration::from_secs(2)).unwrap();
    let cache = client_of(&cluster, Duration::from_millis(500)).await;
    let keys: Vec<String> = (0..30).map(|number| format!("counter {number}")).collect();
    let mut sent = vec![0; keys.len()];
    for (key, sent) in keys.iter().zip(&mut sent) {
        watched(cache.increment(key, 1, Expiry::Never))
            .await
            .unwrap();
        *sent += 1;
    }
    // Redis itself may lose what the replica has not got yet.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let killed = cluster.servers()[0].port();
    cluster.servers()[0].kill();
    let mut failed = 0;
    let mut in_a_row = 0;
    watched(async {
        while in_a_row < 3 * keys.len() {
            for (key, sent) in keys.iter().zip(&mut sent) {
                match cache.increment(key, 1, Expiry::Never).await {
                    Ok(_) => {
                        *sent += 1;
                        in_a_row += 1;
                    }
                    Err(error) => {
                        assert!(error.is_transient(), "{error:?}");
                        if error.outcome() == Outcome::Unknown {
                            *sent += 1;
                        }
                        failed += 1;
                        in_a_row = 0;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(failed > 0, "nothing failed");
    for (key, sent) in keys.iter().zip(&sent) {
        let stored = cache.increment(key, 0, Expiry::Never).await.unwrap();
        assert!(stored <= *sent, "{key} was applied twice");
    }
    let ports = cluster.ports();
    let promoted = ask(ports[3], &["INFO", "replication"]).unwrap();
    assert!(
        promoted.contains("role:master"),
        "{killed} was not replaced"
    );
}

#[tokio::test]
async fn one_primary_out_leaves_the_others_alone() {
    let mut cluster = RedisCluster::start(Duration::from_secs(60)).unwrap();
    let cache = client_of(&cluster, Duration::from_millis(300)).await;
    let keys: Vec<String> = (0..60).map(|number| format!("key {number}")).collect();
    for key in &keys {
        put(&cache, key, "value").await.unwrap();
    }
    cluster.servers()[1].stop().unwrap();
    // Long enough that the outage of the one is known.
    for _ in 0..3 {
        for key in &keys {
            let _ = watched(cache.read(key)).await;
        }
    }
    let mut results = Vec::new();
    for key in &keys {
        results.push(watched(cache.read(key)).await);
    }
    let (live, out): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert!(
        live.len() > 20 && !out.is_empty(),
        "{} live, {} out",
        live.len(),
        out.len()
    );
    assert!(
        live.into_iter().all(|value| value.unwrap().is_some()),
        "an outage is a miss"
    );
    for error in out.into_iter().map(Result::unwrap_err) {
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Unavailable, Outcome::NotApplied)
        );
    }
    // A listing cannot be complete, and says so.
    let listed: Vec<_> = watched(cache.keys_starting_with("").collect()).await;
    assert!(listed.last().unwrap().is_err());
    cluster.servers()[1].go_on().unwrap();
    watched(async {
        while cache.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(
        cache
            .read_all(&keys.iter().map(String::as_str).collect::<Vec<_>>())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_slot_that_moves_is_followed_at_every_step() {
    let cluster = RedisCluster::start(Duration::from_secs(60)).unwrap();
    let cache = RedisCache::connect(&cluster.url()).await.unwrap();
    let ports = cluster.ports();
    // One slot, two keys: one moves while the slot does, the other later.
    let (early, late, new) = ("{foo}early", "{foo}late", "{foo}new");
    for key in [early, late] {
        assert_eq!(cache.increment(key, 1, Expiry::Never).await.unwrap(), 1);
    }
    let (from, to) = (ports[2], ports[0]);
    let id = |port| ask(port, &["CLUSTER", "MYID"]).unwrap();
    let set = |port, state, other: String| {
        assert_eq!(
            ask(port, &["CLUSTER", "SETSLOT", "12182", state, &other]).unwrap(),
            "OK"
        );
    };
    let migrate = |key| {
        let to = to.to_string();
        assert_eq!(
            ask(from, &["MIGRATE", "127.0.0.1", &to, key, "0", "5000"]).unwrap(),
            "OK"
        );
    };
    set(to, "IMPORTING", id(from));
    set(from, "MIGRATING", id(to));
    migrate(early);
    let check = async |times: i64| {
        for key in [early, late] {
            assert_eq!(cache.increment(key, 1, Expiry::Never).await.unwrap(), times);
            assert_eq!(cache.read(key).await.unwrap().unwrap(), times.to_string());
        }
        let values = cache.read_all(&[early, late, "other"]).await.unwrap();
        let values: Vec<_> = values.into_iter().map(|value| value.is_some()).collect();
        assert_eq!(values, [true, true, false]);
    };
    check(2).await;
    assert_eq!(cache.increment(new, 1, Expiry::Never).await.unwrap(), 1);
    migrate(late);
    check(3).await;
    for port in [to, from, ports[1]] {
        set(port, "NODE", id(to));
    }
    check(4).await;
    assert_eq!(cache.remove_all(&[early, late, new]).await.unwrap(), 3);
}

#[tokio::test]
async fn a_key_of_another_type_is_no_entry() {
    let harness = ClusterHarness::fresh().await;
    let cache = &harness.cache;
    put(cache, "text", "value").await.unwrap();
    // Whoever has the slot takes it.
    let push = |port| ask(port, &["LPUSH", "list", "a"]);
    assert!(
        CLUSTER
            .ports()
            .into_iter()
            .any(|port| push(port).unwrap() == "1")
    );
    assert_eq!(cache.read("list").await.unwrap(), None);
    assert_eq!(cache.read_with_time_to_live("list").await.unwrap(), None);
    let values = cache.read_all(&["list", "text", "none"]).await.unwrap();
    assert_eq!(values, [None, Some("value".into()), None]);
}

#[tokio::test]
async fn a_url_that_does_not_fit_the_servers_is_invalid_input() {
    let port = CLUSTER.ports()[0];
    let cache = RedisCache::connect(&format!("redis://127.0.0.1:{port}"))
        .await
        .unwrap();
    let mut kinds = Vec::new();
    for key in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        kinds.extend(cache.read(key).await.err().map(|error| error.kind()));
    }
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == ErrorKind::InvalidInput));
    let single = conformance_tests::servers::redis().await;
    let url = single.replace("redis://", "redis+cluster://");
    let error = RedisCache::connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// A client that waits so long for an answer.
pub(crate) async fn client_of(cluster: &RedisCluster, timeout: Duration) -> RedisCache {
    let options: RedisOptions = cluster.url().parse().unwrap();
    let options = options.timeout(timeout);
    RedisCache::connect_with(options).await.unwrap()
}

/// What a server says that knows of no primary but the one at a port, when asked for the slots.
fn slots_at(port: u16) -> String {
    format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n")
}

/// A server of a cluster in a state, which takes itself for the only primary unless it is told of
/// another, and whose values are that state.
async fn one_of_a_cluster(state: &'static str) -> u16 {
    let port = Arc::new(AtomicU16::new(0));
    let known = Arc::clone(&port);
    let (own, _) = listening(move |word, _| match word {
        "SLOTS" => slots_at(known.load(SeqCst)),
        "INFO" => format!("${}\r\ncluster_state:{state}\r\n", 14 + state.len()),
        "PING" => "+PONG\r\n".to_owned(),
        _ => format!("${}\r\n{state}\r\n", state.len()),
    })
    .await;
    port.store(own, SeqCst);
    own
}

#[tokio::test]
async fn a_server_that_is_cut_off_from_its_cluster_is_not_asked_for_the_map() {
    let (isolated, healthy) = (one_of_a_cluster("fail").await, one_of_a_cluster("ok").await);
    let (isolated, healthy) = (("127.0.0.1", isolated), ("127.0.0.1", healthy));
    for (seeds, state) in [
        (vec![isolated, healthy], "ok"),
        (vec![healthy, isolated], "ok"),
        // What one knows is better than nothing.
        (vec![isolated], "fail"),
    ] {
        let options = RedisOptions::cluster(seeds);
        let cache = RedisCache::connect_with(options).await.unwrap();
        assert_eq!(cache.read("key").await.unwrap().unwrap(), state);
    }
}

#[tokio::test]
async fn what_asks_all_servers_doubts_the_map_too() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let own = Arc::new(AtomicU16::new(0));
    let port = Arc::clone(&own);
    let answer = move |word: &str, _| match word {
        "SLOTS" => {
            count.fetch_add(1, SeqCst);
            slots_at(port.load(SeqCst))
        }
        "INFO" => "$16\r\ncluster_state:ok\r\n".to_owned(),
        // Well when the client connects, and not since.
        "PING" if count.load(SeqCst) < 2 => "+PONG\r\n".to_owned(),
        _ => "-LOADING Redis is loading the dataset in memory\r\n".to_owned(),
    };
    own.store(listening(answer).await.0, SeqCst);
    let options = RedisOptions::cluster([("127.0.0.1", own.load(SeqCst))]);
    let cache = RedisCache::connect_with(options).await.unwrap();
    let known = async |times| {
        let looked = async {
            while asked.load(SeqCst) < times {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // Without a reason, the next look is after ten seconds.
        timeout(Duration::from_secs(5), looked).await.unwrap();
    };
    for times in 2..5 {
        let error = match times {
            2 => cache.flush_all().await.unwrap_err(),
            3 => cache.ping().await.unwrap_err(),
            _ => cache.remove_starting_with("").await.unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        known(times).await;
    }
    let mut listing = cache.keys_starting_with("");
    listing.next().await.unwrap().unwrap_err();
    known(5).await;
}
