//! A server that is stopped, killed and started again.

use futures_util::future::join_all;
use session_core::Outcome;
use tokio::time::{sleep, timeout};

use super::prelude::*;
use crate::store::Order;

pub(crate) async fn a_stopped_server_is_a_timeout_then_known_then_forgotten(mut store: Store) {
    store.put("key", "value").await;
    store.server(Order::Stop).await;
    let error = fails(
        ends(store.increment("sent", 1, NEVER)).await,
        ErrorKind::Timeout,
    );
    assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
    known_outage(&store.cache()).await;
    // Two hundred time-outs would be twenty times the watchdog's.
    let calls = async {
        for _ in 0..200 {
            let refused = store.increment("refused", 1, NEVER).await;
            fails(refused, ErrorKind::Unavailable);
        }
    };
    ends(calls).await;
    store.server(Order::GoOn).await;
    recovered(&store.cache()).await;
    holds(store.read("key").await, "value");
    misses(store.read("refused").await);
    let sent = ok(store.increment("sent", 0, NEVER).await);
    assert!((0..=1).contains(&sent), "expected at most 1, saw {sent}");
}

pub(crate) async fn a_killed_server_is_unavailable_and_found_when_it_is_back(mut store: Store) {
    // Several connections, all of which end.
    for result in join_all((0..64).map(|_| store.increment("n", 1, NEVER))).await {
        ok(result);
    }
    store.server(Order::Kill).await;
    known_outage(&store.cache()).await;
    for _ in 0..200 {
        let error = fails(ends(store.read("n")).await, ErrorKind::Unavailable);
        assert_eq!(error.outcome(), Outcome::NotApplied, "{error:?}");
    }
    store.server(Order::Start).await;
    recovered(&store.cache()).await;
    for result in ends(join_all(
        (0..64).map(|_| store.increment("again", 1, NEVER)),
    ))
    .await
    {
        ok(result);
    }
    holds(store.read("again").await, "64");
}

pub(crate) async fn increments_through_a_kill_are_never_counted_twice(mut store: Store) {
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let cache = store.cache();
            tokio::spawn(async move {
                let (mut sent, mut after) = (0, 0);
                // Until the server has been away and is back.
                while after < 20 {
                    match cache.increment("counter", 1, NEVER).await {
                        Ok(_) => sent += 1,
                        Err(error) => {
                            assert!(error.is_transient(), "trying again helps: {error:?}");
                            sent += i64::from(error.outcome() == Outcome::Unknown);
                            after = 0;
                            sleep(Duration::from_millis(5)).await;
                            continue;
                        }
                    }
                    after += 1;
                    sleep(Duration::from_millis(2)).await;
                }
                sent
            })
        })
        .collect();
    sleep(Duration::from_millis(10)).await;
    store.server(Order::Kill).await;
    store.server(Order::Start).await;
    let mut sent = 0;
    for caller in callers {
        sent += ends(caller).await.expect("a caller that counts");
    }
    recovered(&store.cache()).await;
    // Some stores lose with a crash what they acknowledged; none may count more.
    let stored = ok(store.increment("counter", 0, NEVER).await);
    assert!(stored <= sent, "expected at most {sent}, saw {stored}");
}

pub(crate) async fn calls_dropped_at_a_stopped_server_give_back_what_they_held(mut store: Store) {
    store.put("key", "value").await;
    store.server(Order::Stop).await;
    for _ in 0..3 {
        let writes = join_all((0..100).map(|_| store.offer("key", "value", Always, NEVER)));
        // Long enough to be sent, and far from the time-out.
        let _ = timeout(Duration::from_millis(20), writes).await;
        let increments = join_all((0..100).map(|_| store.increment("n", 1, NEVER)));
        let _ = timeout(Duration::from_millis(20), increments).await;
    }
    store.server(Order::GoOn).await;
    recovered(&store.cache()).await;
    for read in ends(join_all((0..100).map(|_| store.read("key")))).await {
        holds(read, "value");
    }
}
