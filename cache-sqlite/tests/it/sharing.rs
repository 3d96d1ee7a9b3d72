//! Several clients and programs on one file.

use cache_sqlite::SqliteCache;
use futures_util::future::join_all;
use session_core::{CacheClient, Expiry};

use crate::store::TempStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clients_may_make_the_file_at_once() {
    let store = TempStore::new();
    let clients = (0..12).map(|_| {
        let options = store.options();
        tokio::spawn(async { SqliteCache::connect_with(options).await.unwrap() })
    });
    let clients: Vec<_> = join_all(clients)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for (n, client) in clients.iter().enumerate() {
        let sum = client.increment("n", 1, Expiry::Never).await.unwrap();
        assert_eq!(sum, i64::try_from(n).unwrap() + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_of_one_file_write_at_once_and_every_write_counts() {
    let store = TempStore::new();
    let one = store.connect().await;
    let two = store.connect().await;
    let tasks = (0..16).map(|task| {
        let cache = if task % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        tokio::spawn(async move {
            for _ in 0..50 {
                cache.increment("n", 1, Expiry::Never).await.unwrap();
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(one.increment("n", 0, Expiry::Never).await.unwrap(), 800);
}
