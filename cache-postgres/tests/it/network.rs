//! A network that fails before a server that is well, as far as it is PostgreSQL's alone: the
//! suite's groups `network` and `histories_through_cuts` prove the rest.

use std::time::Duration;

use cache_postgres::PostgresCache;
use conformance_tests::proxy::Proxy;
use session_core::{Bytes, CacheClient, Condition, ErrorKind, Expiry, Outcome, Result};

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
        let proxy = Proxy::before(("127.0.0.1", database.port())).await.unwrap();
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
async fn a_connection_cut_before_the_first_answer_is_unavailable() {
    let behind = Behind::a_proxy().await;
    let options = behind.database.options().port(behind.proxy.port());
    behind.proxy.cut_after_reply_bytes(0);
    let error = ends(PostgresCache::connect_with(options))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Unavailable, Outcome::NotApplied)
    );
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
