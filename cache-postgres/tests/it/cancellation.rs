//! Futures that are dropped at any point.

use std::time::Duration;

use futures_util::StreamExt;
use session_core::{CacheClient, CacheClientExtended, Expiry};
use tokio::time::timeout;

use crate::database::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_dropped_futures_leave_the_client_usable() {
    let database = Database::take().await;
    let cache = database.connect().await;
    let (mut acknowledged, mut begun) = (0, 0);
    for round in 0..5_000_u64 {
        // From "polled once" up to "most likely done".
        let patience = Duration::from_micros(round % 9 * 60);
        begun += 1;
        if let Ok(sum) = timeout(patience, cache.increment("n", 1, Expiry::Never)).await {
            sum.unwrap();
            acknowledged += 1;
        }
        let key = round.to_string();
        let _ = timeout(
            patience,
            cache.write(
                &key,
                key.clone().into(),
                session_core::Condition::Always,
                Expiry::Never,
            ),
        )
        .await;
        if let Ok(value) = timeout(patience, cache.read(&key)).await {
            let value = value.unwrap();
            assert!(
                value.is_none_or(|value| value == key.as_bytes()),
                "the answer of another call"
            );
        }
        if round % 50 == 0 {
            let _ = timeout(patience, cache.read_all(&["n", "m"])).await;
            let _ = timeout(patience, cache.keys_starting_with("").next()).await;
        }
    }
    let counted = cache.increment("n", 0, Expiry::Never).await.unwrap();
    assert!(
        (acknowledged..=begun).contains(&counted),
        "{acknowledged} {counted} {begun}"
    );
    assert_eq!(cache.read_all(&["n"; 3]).await.unwrap().len(), 3);
    let connections = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{}%' AND pid <> pg_backend_pid()",
        database.quoted_schema()
    );
    assert!(
        database.number(&connections).await <= 8,
        "connections are bounded"
    );
}
