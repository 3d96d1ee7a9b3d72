//! A network that fails in every way it can, before a server that is well.

use std::time::Duration;

use cache_postgres::PostgresCache;
use conformance_tests::proxy::{Network, Proxy};
use futures_util::future::join_all;
use session_core::{
    Bytes, CacheClient, CacheClientExtended, Condition, ErrorKind, Expiry, Outcome, Result,
};

use crate::database::{Database, comes_back, ends};

/// A client behind a proxy.
struct Behind {
    cache: PostgresCache,
    proxy: Proxy,
    database: Database,
}

impl Behind {
    async fn a_proxy() -> Self {
        Self::a_proxy_and(Duration::from_secs(1)).await
    }

    async fn a_proxy_and(timeout: Duration) -> Self {
        let database = Database::take().await;
        let proxy = Proxy::before(database.port()).await.unwrap();
        let options = database.options().port(proxy.port()).timeout(timeout);
        Self {
            cache: PostgresCache::connect_with(options).await.unwrap(),
            proxy,
            database,
        }
    }

    async fn put(&self, key: &str) -> Result<bool> {
        let value = Bytes::from_static(b"value");
        self.cache
            .write(key, value, Condition::Always, Expiry::Never)
            .await
    }

    async fn count(&self) -> i64 {
        let table = self.database.table();
        let count = "convert_from(value, 'UTF8')::bigint";
        self.database
            .number(&format!("SELECT {count} FROM {table} WHERE key = 'n'"))
            .await
    }
}

#[tokio::test]
async fn a_refused_connection_is_unavailable_and_nothing_was_applied() {
    let behind = Behind::a_proxy().await;
    behind.proxy.set(Network::Refuses);
    for _ in 0..3 {
        // The first may meet a connection that was cut, after it had sent something.
        let error = ends(behind.put("k")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    let error = ends(behind.put("k")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Unavailable, Outcome::NotApplied)
    );
    let options = behind.database.options().port(behind.proxy.port());
    let error = ends(PostgresCache::connect_with(options))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Unavailable, Outcome::NotApplied)
    );
    behind.proxy.set(Network::Fine);
    comes_back(|| behind.put("k")).await;
}

#[tokio::test]
async fn silence_is_a_timeout_and_an_outage_then_fails_calls_at_once() {
    let behind = Behind::a_proxy().await;
    behind.proxy.set(Network::Silent);
    for _ in 0..3 {
        let error = ends(behind.cache.read("k")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
    // A thousand would take more than a quarter of an hour if they waited.
    let known = join_all((0..1_000).map(|_| behind.cache.read("k")));
    for result in ends(known).await {
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Unavailable, Outcome::NotApplied)
        );
    }
    behind.proxy.set(Network::Fine);
    assert_eq!(comes_back(|| behind.cache.read("k")).await, None);
}

#[tokio::test]
async fn one_probe_at_a_time_looks_for_the_end_of_an_outage() {
    let behind = Behind::a_proxy().await;
    behind.proxy.set(Network::Silent);
    // Each of them finds out by itself.
    for result in ends(join_all((0..30).map(|_| behind.cache.ping()))).await {
        result.unwrap_err();
    }
    let (before, started) = (behind.proxy.connections(), std::time::Instant::now());
    for _ in 0..2_000 {
        ends(behind.cache.ping()).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Each waits 800 ms for an answer, so this many fit into the time that has passed.
    let probes = u128::from(behind.proxy.connections() - before);
    let most = started.elapsed().as_millis() / 800 + 2;
    assert!(
        (1..=most).contains(&probes),
        "{probes} connections, {most} expected"
    );
}

#[tokio::test]
async fn connections_cut_without_a_word_are_replaced() {
    let behind = Behind::a_proxy().await;
    // Several connections, so that there are more to stumble over than one.
    for result in join_all((0..50).map(|_| behind.cache.increment("n", 1, Expiry::Never))).await {
        result.unwrap();
    }
    behind.proxy.set(Network::Silent);
    let pings = (0..8).map(|_| behind.cache.increment("n", 1, Expiry::Never));
    for result in ends(join_all(pings)).await {
        result.unwrap_err();
    }
    behind.proxy.set(Network::Fine);
    comes_back(|| behind.cache.ping()).await;
    for _ in 0..20 {
        ends(behind.cache.ping()).await.unwrap();
    }
}

#[tokio::test]
async fn an_increment_whose_reply_is_lost_is_not_sent_again() {
    let behind = Behind::a_proxy().await;
    assert_eq!(
        behind.cache.increment("n", 1, Expiry::Never).await.unwrap(),
        1
    );
    behind.proxy.set(Network::LosesReplies);
    let error = ends(behind.cache.increment("n", 1, Expiry::Never))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Timeout, Outcome::Unknown)
    );
    behind.proxy.set(Network::Fine);
    comes_back(|| behind.cache.ping()).await;
    assert_eq!(behind.count().await, 2);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_reply_costs_no_read_and_counts_nothing_twice() {
    let behind = Behind::a_proxy_and(Duration::from_secs(3)).await;
    behind.put("k").await.unwrap();
    let (mut done, mut unknown) = (0, 0);
    for bytes in 0..120 {
        behind.proxy.cut_after_reply_bytes(bytes);
        match ends(behind.cache.increment("n", 1, Expiry::Never)).await {
            Ok(_) => done += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                unknown += i64::from(error.outcome() == Outcome::Unknown);
                // A second failure in a row would be the test's, not the client's.
                behind.proxy.cut_after_reply_bytes(u32::MAX);
                comes_back(|| behind.cache.ping()).await;
            }
        }
        behind.proxy.cut_after_reply_bytes(bytes);
        let value = ends(behind.cache.read("k")).await.unwrap();
        assert_eq!(
            value.as_deref(),
            Some(&b"value"[..]),
            "cut after {bytes} bytes"
        );
        behind.proxy.cut_after_reply_bytes(u32::MAX);
    }
    let counted = behind.count().await;
    assert!(
        (done..=done + unknown).contains(&counted),
        "{done} {counted} {unknown}"
    );
    assert!(unknown > 0, "no reply was cut");
}

#[tokio::test]
async fn a_slow_network_is_borne_up_to_the_timeout() {
    let behind = Behind::a_proxy().await;
    behind.put("k").await.unwrap();
    behind.proxy.delay(Duration::from_millis(200));
    assert!(ends(behind.cache.read("k")).await.unwrap().is_some());
    behind.proxy.delay(Duration::from_millis(3_000));
    let error = ends(behind.put("k")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Timeout, Outcome::Unknown)
    );
    behind.proxy.delay(Duration::ZERO);
    comes_back(|| behind.cache.read("k")).await;
}

#[tokio::test]
async fn a_lone_call_is_one_round_trip() {
    let behind = Behind::a_proxy().await;
    let cache = &behind.cache;
    let all = async || {
        behind.put("k").await?;
        cache.read("k").await?;
        cache.increment("n", 1, Expiry::Never).await?;
        cache.read_with_time_to_live("k").await?;
        cache
            .set_time_to_live("k", Duration::from_secs(60).into())
            .await?;
        cache.get_time_to_live("k").await?;
        cache.read_all(&["k", "n"]).await?;
        cache
            .write_all(&[("k", Bytes::new()), ("m", Bytes::new())], Expiry::Never)
            .await?;
        cache.remove("k").await?;
        cache.remove_all(&["k", "m"]).await?;
        Ok::<(), session_core::Error>(())
    };
    // Statements are prepared on their first use.
    all().await.unwrap();
    let before = behind.proxy.round_trips();
    all().await.unwrap();
    assert_eq!(behind.proxy.round_trips() - before, 10);
}
