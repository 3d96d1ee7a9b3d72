//! A network that fails in every way it can, between the client and a store that is well.
//!
//! How long calls take is not measured: a watchdog of ten time-outs tells those that hang, and what
//! must fail at once is called so often that it could not end in time if it waited.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, join_all};
use session_core::{Error, Outcome, Result};
use tokio::time::{sleep, timeout};

use super::prelude::*;
use crate::harness::Client;
use crate::proxy::Network;
use crate::store::PATIENCE;

pub(crate) async fn every_operation_fails_while_connections_are_refused(store: Store) {
    put_three(&store).await;
    store.proxy().set(Network::Refuses);
    every_operation_fails(&store).await;
}

pub(crate) async fn every_operation_fails_while_the_store_is_silent(store: Store) {
    put_three(&store).await;
    store.proxy().set(Network::Silent);
    every_operation_fails(&store).await;
}

pub(crate) async fn a_refused_connection_changed_nothing(store: Store) {
    store.proxy().set(Network::Refuses);
    known_outage(&store.cache()).await;
    for _ in 0..20 {
        let error = outage(ends(store.increment("counter", 1, NEVER)).await);
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Unavailable, Outcome::NotApplied)
        );
    }
    store.proxy().set(Network::Fine);
    recovered(&store.cache()).await;
    misses(store.beside().read("counter").await);
}

pub(crate) async fn connecting_where_nobody_listens_is_unavailable(store: Store) {
    store.proxy().set(Network::Refuses);
    sleep(PATIENCE / 10).await;
    let error = outage(ends(store.through(store.proxy().address())).await);
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Unavailable, Outcome::NotApplied)
    );
}

pub(crate) async fn silence_is_a_timeout_and_what_was_sent_is_unknown(store: Store) {
    gives(store.increment("counter", 1, NEVER).await, 1);
    store.proxy().set(Network::Silent);
    let error = outage(ends(store.increment("counter", 1, NEVER)).await);
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Timeout, Outcome::Unknown)
    );
}

pub(crate) async fn a_known_outage_fails_calls_at_once(store: Store) {
    store.proxy().set(Network::Silent);
    known_outage(&store.cache()).await;
    // Two hundred time-outs would be twenty times the watchdog's.
    let calls = async {
        for _ in 0..200 {
            outage(store.read("key").await);
        }
    };
    ends(calls).await;
}

pub(crate) async fn many_calls_at_once_all_end_in_an_outage(store: Store) {
    store.proxy().set(Network::Silent);
    let calls = (0..500).map(|n| {
        let cache = store.cache();
        async move {
            match n % 2 {
                0 => cache.read("key").await.map(drop),
                _ => cache.increment("counter", 1, NEVER).await.map(drop),
            }
        }
    });
    for result in ends(join_all(calls)).await {
        outage(result);
    }
    store.proxy().set(Network::Fine);
    recovered(&store.cache()).await;
}

pub(crate) async fn an_outage_is_probed_by_few(store: Store) {
    store.proxy().set(Network::Silent);
    known_outage(&store.cache()).await;
    let before = store.proxy().connections();
    for _ in 0..20 {
        let calls = (0..50).map(|_| store.read("key"));
        for result in ends(join_all(calls)).await {
            outage(result);
        }
    }
    let probes = store.proxy().connections() - before;
    assert!(
        probes < 50,
        "expected a probe at a time, saw {probes} connections for 1000 calls"
    );
}

pub(crate) async fn a_client_recovers_by_itself_when_the_network_does(store: Store) {
    store.put("key", "value").await;
    for network in [
        Network::Refuses,
        Network::Silent,
        Network::LosesRequests,
        Network::LosesReplies,
        Network::GarblesReplies,
    ] {
        store.proxy().set(network);
        failing(&store).await;
        store.proxy().set(Network::Fine);
        recovered(&store.cache()).await;
        holds(ends(store.read("key")).await, "value");
    }
}

pub(crate) async fn connections_that_fell_silent_are_replaced(store: Store) {
    store.put("key", "value").await;
    for network in [Network::Silent, Network::LosesReplies] {
        // Several, so that there are more to stumble over than one.
        for result in join_all((0..50).map(|_| store.increment("n", 1, NEVER))).await {
            ok(result);
        }
        store.proxy().set(network);
        for result in ends(join_all((0..8).map(|_| store.increment("n", 1, NEVER)))).await {
            outage(result);
        }
        // The old ones stay silent: only new ones can help.
        store.proxy().set(Network::Fine);
        recovered(&store.cache()).await;
        for _ in 0..20 {
            holds(ends(store.read("key")).await, "value");
        }
    }
}

pub(crate) async fn connections_cut_while_idle_are_replaced(store: Store) {
    store.put("key", "value").await;
    for _ in 0..10 {
        store.proxy().cut();
        sleep(Duration::from_millis(5)).await;
        match ends(store.read("key")).await {
            Err(error) => assert!(error.is_transient(), "trying again helps: {error:?}"),
            read => holds(read, "value"),
        }
        recovered(&store.cache()).await;
        happens(store.offer("key", "value", Present, NEVER).await);
    }
}

pub(crate) async fn a_reply_cut_in_the_middle_is_never_a_value(store: Store) {
    let long: Bytes = "0123456789".repeat(30_000).into();
    store.put("long", long.clone()).await;
    store.put("other", "value").await;
    let before = store.proxy().faults();
    for bytes in [0, 1, 2, 5, 9, 10, 11, 100, 5_000, 150_000, 299_999] {
        store.proxy().cut_after_reply_bytes(bytes);
        match ends(store.read("long")).await {
            Err(error) => assert!(error.is_transient(), "trying again helps: {error:?}"),
            read => holds(read, &long),
        }
        store.proxy().cut_after_reply_bytes(u32::MAX);
        recovered(&store.cache()).await;
        holds(ends(store.read("other")).await, "value");
    }
    assert!(store.proxy().faults() > before + 5, "no reply was cut");
}

pub(crate) async fn an_increment_whose_reply_is_lost_is_applied_once(store: Store) {
    let (mut sure, mut maybe) = (0, 0);
    for lost in 0..12 {
        match lost {
            ..10 => store.proxy().cut_after_reply_bytes(lost % 3),
            _ => store.proxy().set(Network::LosesReplies),
        }
        match ends(store.increment("counter", 1, NEVER)).await {
            Ok(_) => sure += 1,
            Err(error) if error.outcome() == Outcome::Unknown => maybe += 1,
            Err(_) => {}
        }
        mend(&store).await;
    }
    let stored = ok(store.beside().increment("counter", 0, NEVER).await);
    assert!(maybe > 0, "no reply was lost");
    assert!(
        (sure..=sure + maybe).contains(&stored),
        "expected {sure} to {}, saw {stored}",
        sure + maybe
    );
}

pub(crate) async fn a_condition_whose_reply_is_lost_is_not_tried_again(store: Store) {
    let mut unknown = 0;
    for lost in 0..6 {
        let (new, swapped, replaced) = (key("new", lost), key("swap", lost), key("put", lost));
        store.put(&swapped, "old").await;
        store.put(&replaced, "old").await;
        for (key, condition) in [
            (&new, Absent),
            (&swapped, equals("old")),
            (&replaced, Present),
        ] {
            store.proxy().cut_after_reply_bytes(lost % 3);
            match ends(store.offer(key, "new", condition, HOUR)).await {
                Ok(true) => {}
                Ok(false) => panic!("expected `true` or an error, saw `false`: sent twice"),
                Err(error) if error.outcome() == Outcome::Unknown => unknown += 1,
                Err(error) => assert!(error.is_transient(), "trying again helps: {error:?}"),
            }
            mend(&store).await;
        }
    }
    assert!(unknown > 0, "no reply was lost");
}

pub(crate) async fn a_removal_whose_reply_is_lost_is_not_tried_again(store: Store) {
    let mut unknown = 0;
    for lost in 0..6 {
        let (one, many) = (key("one", lost), key("many", lost));
        store.put(&one, "value").await;
        store.put(&many, "value").await;
        store.proxy().cut_after_reply_bytes(lost % 3);
        let removed = ends(store.remove(&one)).await.map(u64::from);
        mend(&store).await;
        store.proxy().cut_after_reply_bytes(lost % 3);
        let all_removed = ends(store.remove_all(&[&many])).await;
        mend(&store).await;
        for result in [removed, all_removed] {
            match result {
                Ok(1) => {}
                Ok(_) => panic!("expected one removal or an error, saw none: sent twice"),
                Err(error) if error.outcome() == Outcome::Unknown => unknown += 1,
                Err(error) => assert!(error.is_transient(), "trying again helps: {error:?}"),
            }
        }
    }
    assert!(unknown > 0, "no reply was lost");
}

pub(crate) async fn increments_of_many_callers_through_cuts_count_once(store: Store) {
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let cache = store.cache();
            tokio::spawn(async move {
                let (mut sure, mut maybe) = (0, 0);
                for _ in 0..100 {
                    match cache.increment("counter", 1, NEVER).await {
                        Ok(_) => sure += 1,
                        Err(error) if error.outcome() == Outcome::Unknown => maybe += 1,
                        Err(_) => sleep(Duration::from_millis(2)).await,
                    }
                }
                (sure, maybe)
            })
        })
        .collect();
    while !callers.iter().all(|caller| caller.is_finished()) {
        store.proxy().cut();
        sleep(Duration::from_millis(7)).await;
    }
    let (mut sure, mut maybe) = (0, 0);
    for caller in callers {
        let counts = caller.await.expect("a caller that counts");
        (sure, maybe) = (sure + counts.0, maybe + counts.1);
    }
    // What is unknown may still be on its way past the cut.
    sleep(PATIENCE / 10).await;
    let stored: i64 = ok(store.beside().increment("counter", 0, NEVER).await);
    assert!(maybe > 0, "no reply was lost");
    assert!(
        (sure..=sure + maybe).contains(&stored),
        "expected {sure} to {}, saw {stored}",
        sure + maybe
    );
}

pub(crate) async fn a_request_that_is_lost_is_an_error_and_has_no_effect(store: Store) {
    store.put("key", "value").await;
    store.proxy().set(Network::LosesRequests);
    let written = ends(store.offer("key", "new", Always, NEVER)).await;
    let counted = ends(store.increment("counter", 1, NEVER)).await;
    outage(written);
    outage(counted);
    mend(&store).await;
    holds(store.beside().read("key").await, "value");
    misses(store.beside().read("counter").await);
}

pub(crate) async fn a_slow_network_is_waited_for(store: Store) {
    store.put("key", "value").await;
    store.proxy().delay(PATIENCE / 5);
    holds(ends(store.read("key")).await, "value");
    gives(ends(store.increment("counter", 1, NEVER)).await, 1);
}

pub(crate) async fn a_reply_after_the_timeout_is_for_no_other_call(store: Store) {
    for n in 0..20 {
        store.put(&key("key", n), format!("value {n}")).await;
    }
    store.proxy().delay(2 * PATIENCE);
    let late = [
        outage(ends(store.read("key 0")).await),
        outage(ends(store.increment("counter", 1, NEVER)).await),
    ];
    assert_eq!(late[0].kind(), ErrorKind::Timeout, "{:?}", late[0]);
    store.proxy().delay(Duration::ZERO);
    recovered(&store.cache()).await;
    // The late replies come while these are asked.
    for _ in 0..20 {
        for n in 0..20 {
            let read = ends(store.read(&key("key", n))).await;
            if read.as_ref().is_err_and(Error::is_transient) {
                continue;
            }
            holds(read, format!("value {n}"));
        }
        sleep(PATIENCE / 10).await;
    }
}

pub(crate) async fn a_garbled_reply_is_an_error_and_its_connection_is_replaced(store: Store) {
    store.put("key", "value").await;
    store.proxy().set(Network::GarblesReplies);
    let error = match ends(store.increment("counter", 1, NEVER)).await {
        Err(error) => error,
        Ok(sum) => panic!("expected an error, saw {sum}"),
    };
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Other, Outcome::Unknown),
        "{error:?}"
    );
    if let Ok(seen) = ends(store.read("key")).await {
        panic!("expected an error, saw {seen:?}");
    }
    let before = store.proxy().connections();
    mend(&store).await;
    holds(ends(store.read("key")).await, "value");
    assert!(
        store.proxy().connections() > before,
        "the connection was not replaced"
    );
    let counted = ok(store.beside().increment("counter", 0, NEVER).await);
    assert!(
        (0..=1).contains(&counted),
        "expected at most 1, saw {counted}"
    );
}

pub(crate) async fn calls_dropped_in_an_outage_leave_the_client_usable(store: Store) {
    store.put("key", "value").await;
    for network in [Network::Silent, Network::LosesReplies, Network::Refuses] {
        store.proxy().set(network);
        for patience in [0, 1, 5, 20] {
            let calls = (0..40).map(|n| {
                let cache = store.cache();
                let key = key("dropped", n);
                async move {
                    match n % 4 {
                        0 => cache.read(&key).await.map(drop),
                        1 => cache.offer(&key, "value", Absent, NEVER).await.map(drop),
                        2 => cache.increment(&key, 1, NEVER).await.map(drop),
                        _ => cache
                            .keys_starting_with("")
                            .next()
                            .await
                            .map_or(Ok(()), |k| k.map(drop)),
                    }
                }
            });
            // Far from the time-out, so that most are dropped while they wait.
            let _ = timeout(Duration::from_millis(patience), join_all(calls)).await;
        }
        mend(&store).await;
        // As many at once as any pool has places: none is lost.
        for read in ends(join_all((0..64).map(|_| store.read("key")))).await {
            holds(read, "value");
        }
    }
}

pub(crate) async fn a_listing_through_cuts_is_whole_or_ends_with_an_error(store: Store) {
    let keys: Vec<String> = (0..3_000).map(|n| key("key", n)).collect();
    let entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (&**key, Bytes::new())).collect();
    ok(store.beside().write_all(&entries, NEVER).await);
    for cut_at in [0, 1, 500, 1_700, 2_999] {
        let mut listing = store.keys_starting_with("key");
        let (mut listed, mut failed) = (Vec::new(), false);
        while let Some(key) = ends(listing.next()).await {
            assert!(!failed, "expected the end behind an error, saw more");
            match key {
                Ok(key) => listed.push(key),
                Err(error) => failed = error.is_transient(),
            }
            if listed.len() == cut_at {
                store.proxy().cut();
            }
        }
        let distinct: BTreeSet<&String> = listed.iter().collect();
        assert_eq!(distinct.len(), listed.len(), "keys listed twice");
        assert!(
            failed || listed.len() == keys.len(),
            "expected all keys or an error, saw {} keys",
            listed.len()
        );
        mend(&store).await;
    }
}

pub(crate) async fn a_batch_through_cuts_leaves_each_entry_old_or_new(store: Store) {
    let keys: Vec<String> = (0..500).map(|n| key("key", n)).collect();
    let list: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let entries = |value: &'static str| -> Vec<(&str, Bytes)> {
        list.iter().map(|key| (*key, value.into())).collect()
    };
    for bytes in [0, 1, 3, 10] {
        ok(store.beside().write_all(&entries("old"), HOUR.into()).await);
        store.proxy().cut_after_reply_bytes(bytes);
        let written = ends(store.write_all(&entries("new"), HOUR.into())).await;
        mend(&store).await;
        for (key, seen) in list.iter().zip(ok(store.beside().read_all(&list).await)) {
            match (seen.as_deref(), &written) {
                (Some(b"new"), _) | (Some(b"old"), Err(_)) => {}
                (seen, written) => panic!("saw {seen:?} for {key} after {written:?}"),
            }
        }
    }
}

pub(crate) async fn errors_of_an_outage_show_no_key_and_no_value(store: Store) {
    const SECRET: &str = "hunter2";
    for network in [
        Network::GarblesReplies,
        Network::LosesReplies,
        Network::Refuses,
    ] {
        store.proxy().set(network);
        for _ in 0..2 {
            let results = [
                ends(store.read(SECRET)).await.map(drop),
                ends(store.offer(SECRET, SECRET, equals(SECRET), NEVER))
                    .await
                    .map(drop),
                ends(store.write_all(&[(SECRET, SECRET.into())], NEVER)).await,
            ];
            for error in results.into_iter().filter_map(Result::err) {
                for said in everything_said_by(&error) {
                    assert!(
                        !said.contains(SECRET),
                        "a key or a value stands in {:?}",
                        error.kind()
                    );
                }
            }
        }
        mend(&store).await;
    }
}

/// An hour in which entries are there that must not seem to be missing.
async fn put_three(store: &Store) {
    for key in ["key:1", "key:2"] {
        store.put(key, "value").await;
    }
    store.put("counter", "1").await;
}

/// Calls every operation, before the outage is known and after, and mends the network: nothing was
/// missing and nothing has happened.
async fn every_operation_fails(store: &Store) {
    for _ in 0..2 {
        for (operation, result) in ends(join_all(every_operation(&store.cache()))).await {
            match result {
                Err(error) => {
                    assert!(error.is_transient(), "trying again helps: {error:?}");
                    assert_eq!(error.operation(), operation, "the operation of {error}");
                }
                Ok(()) => panic!("expected an error of {operation}, saw an answer"),
            }
        }
        known_outage(&store.cache()).await;
    }
    mend(store).await;
    let cache = store.beside();
    holds(cache.read("key:1").await, "value");
    holds(cache.read("counter").await, "1");
    lists(listed(&cache, "").await, &["key:1", "key:2", "counter"]);
}

type Called = (&'static str, Result<()>);

/// Every operation of both traits, called on what is there.
fn every_operation(cache: &Client) -> Vec<BoxFuture<'_, Called>> {
    macro_rules! called {
        ($($operation:ident($($argument:expr),*))*) => {
            vec![$(Box::pin(async move {
                (stringify!($operation), cache.$operation($($argument),*).await.map(drop))
            })),*]
        };
    }
    let mut calls: Vec<BoxFuture<'_, Called>> = called! {
        read("key:1")
        read_all(&["key:1", "key:2"])
        write("key:1", "new".into(), Present, NEVER)
        write_all(&[("key:1", "new".into())], NEVER)
        remove("key:1")
        remove_all(&["key:1", "key:2"])
        increment("counter", 1, NEVER)
        flush_all()
        ping()
        get_time_to_live("key:1")
        set_time_to_live("key:1", HOUR.into())
        read_with_time_to_live("key:1")
        remove_starting_with("key:")
    };
    calls.push(Box::pin(async move {
        let first = cache.keys_starting_with("key:").next().await;
        (
            "keys_starting_with",
            first.map_or(Ok(()), |key| key.map(drop)),
        )
    }));
    calls
}

/// The error of a call that an outage meets.
#[track_caller]
fn outage<T: std::fmt::Debug>(result: Result<T>) -> Error {
    match result {
        Err(error) if error.is_transient() => error,
        seen => panic!("expected an error of an outage, saw {seen:?}"),
    }
}

/// A key with a number.
fn key(name: &str, number: u32) -> String {
    format!("{name} {number}")
}

/// Calls until a call fails.
async fn failing(store: &Store) {
    let calls = async {
        while ends(store.read("key")).await.is_ok() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    ends(calls).await;
}

/// Makes the network well, and waits until the client has noticed.
async fn mend(store: &Store) {
    store.proxy().cut_after_reply_bytes(u32::MAX);
    store.proxy().set(Network::Fine);
    recovered(&store.cache()).await;
}
