//! Futures that are dropped at any point.

use std::time::Duration;

use futures_util::StreamExt;
use session_core::{CacheClient, CacheClientExtended, Expiry};
use tokio::time::timeout;

use crate::store::TempStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_dropped_futures_leave_the_client_usable() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let (mut acknowledged, mut begun) = (0, 0);
    for round in 0..12_000_u64 {
        // From "polled once" up to "most likely done".
        let patience = Duration::from_micros(round % 7 * 20);
        begun += 1;
        if let Ok(sum) = timeout(patience, cache.increment("n", 1, Expiry::Never)).await {
            sum.unwrap();
            acknowledged += 1;
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
}

#[tokio::test]
async fn a_write_that_was_dropped_before_its_turn_is_not_done() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let other = store.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = cache.increment("n", 1, Expiry::Never);
    let dropping = async {
        let dropped = cache.increment("n", 10, Expiry::Never);
        let patience = Duration::from_millis(50);
        assert!(timeout(patience, dropped).await.is_err());
        other.execute_batch("COMMIT").unwrap();
    };
    assert_eq!(tokio::join!(waiting, dropping).0.unwrap(), 1);
    assert_eq!(cache.increment("n", 0, Expiry::Never).await.unwrap(), 1);
}
