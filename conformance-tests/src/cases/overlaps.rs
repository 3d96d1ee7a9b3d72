//! Calls that overlap on the same entries, where neither may undo or halve the other.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use super::prelude::*;
use crate::harness::Client;

pub(crate) async fn a_batch_reads_each_entry_whole(store: Store) {
    let keys = ["a", "b", "c", "d"];
    let entries = move |byte: u8| keys.map(|key| (key, Bytes::from(vec![byte; 20_000])));
    ok(store.write_all(&entries(b'0'), NEVER).await);
    let writer = beside(&store, move |cache| async move {
        for byte in b'1'..=b'9' {
            ok(cache.write_all(&entries(byte), NEVER).await);
        }
    });
    for _ in 0..10 {
        for value in ok(store.read_all(&keys).await) {
            let value = value.expect("an entry that is written over is never missing");
            let whole = value.len() == 20_000 && value.iter().all(|byte| *byte == value[0]);
            assert!(whole, "expected the value of one writer, saw parts of two");
        }
    }
    done(writer).await;
}

pub(crate) async fn a_new_deadline_loses_no_write(store: Store) {
    let counting = [(); 4].map(|()| {
        beside(&store, |cache| async move {
            for _ in 0..25 {
                ok(cache.increment("counter", 1, NEVER).await);
                tokio::task::yield_now().await;
            }
        })
    });
    // As often as it can be done while they count.
    for turn in 0.. {
        if counting.iter().all(JoinHandle::is_finished) {
            break;
        }
        let expiry = if turn % 2 == 0 { HOUR.into() } else { NEVER };
        ok(store.set_time_to_live("counter", expiry).await);
        // A store that answers at once would let nobody count.
        tokio::task::yield_now().await;
    }
    join_all(counting.map(done)).await;
    gives(store.increment("counter", 0, NEVER).await, 100);
}

pub(crate) async fn a_new_deadline_restores_no_removed_entry(store: Store) {
    const TOUCHERS: usize = 8;
    for round in 0..10 {
        let key = format!("key:{round}");
        store.put(&key, "value").await;
        let start = Arc::new(Barrier::new(TOUCHERS + 1));
        let touching = [(); TOUCHERS].map(|()| {
            let (key, start) = (key.clone(), Arc::clone(&start));
            // Again and again, so that the removal meets some in the middle of it.
            beside(&store, |cache| async move {
                start.wait().await;
                for _ in 0..50 {
                    if !ok(cache.set_time_to_live(&key, HOUR.into()).await) {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            })
        });
        start.wait().await;
        happens(store.remove(&key).await);
        join_all(touching.map(done)).await;
        misses(store.read(&key).await);
    }
}

pub(crate) async fn a_removal_by_prefix_among_writers_takes_what_was_there(store: Store) {
    let old: Vec<String> = (0..300).map(|n| format!("old:{n}")).collect();
    let entries: Vec<(&str, Bytes)> = old.iter().map(|key| (&**key, "old".into())).collect();
    ok(store.write_all(&entries, NEVER).await);
    let writers = beside_many(&store, "old:new");
    let others = beside_many(&store, "other:");
    let removed = ok(store.remove_starting_with("old:").await);
    assert!(
        (300..=300 + WRITTEN).contains(&removed),
        "expected 300 removals and at most {WRITTEN} more, saw {removed}"
    );
    join_all(writers.into_iter().chain(others).map(done)).await;
    let old: Vec<&str> = old.iter().map(|key| &**key).collect();
    holds_all(store.read_all(&old).await, &vec![None; 300]);
    assert_eq!(ok(listed(&*store, "other:").await).len() as u64, WRITTEN);
}

pub(crate) async fn a_flush_among_writers_takes_what_was_there(store: Store) {
    for n in 0..50 {
        store.put(&format!("old:{n}"), "old").await;
    }
    let writers = beside_many(&store, "new:");
    ok(store.flush_all().await);
    join_all(writers.into_iter().map(done)).await;
    lists(listed(&*store, "old:").await, &[]);
    let left = ok(listed(&*store, "").await);
    assert!(left.iter().all(|key| key.starts_with("new:")), "{left:?}");
}

pub(crate) async fn a_flush_of_a_namespace_disturbs_no_writer_outside(store: Store) {
    let inside = ok(store.namespace("inside").await);
    inside.put("old", "old").await;
    let writers = beside_many(&store, "outside:");
    for _ in 0..3 {
        ok(inside.flush_all().await);
        gives(inside.remove_starting_with("").await, 0);
    }
    join_all(writers.into_iter().map(done)).await;
    assert_eq!(ok(listed(&*store, "outside:").await).len() as u64, WRITTEN);
    misses(inside.read("old").await);
}

/// How many entries [`beside_many`] writes.
const WRITTEN: u64 = 40;

/// Callers that each write entries below a prefix.
fn beside_many(store: &Store, prefix: &'static str) -> Vec<JoinHandle<()>> {
    let callers = (0..4).map(|caller| {
        beside(store, move |cache| async move {
            for n in 0..WRITTEN / 4 {
                cache.put(&format!("{prefix}{caller}:{n}"), "new").await;
            }
        })
    });
    callers.collect()
}

/// A caller of its own.
fn beside<F>(store: &Store, call: impl FnOnce(Client) -> F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(call(store.cache()))
}

/// Waits for a caller, and fails with it.
async fn done<T>(caller: JoinHandle<T>) -> T {
    match caller.await {
        Ok(answer) => answer,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}
