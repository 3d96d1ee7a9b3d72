//! Futures that are dropped, and what errors say.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use session_core::Outcome;

use super::prelude::*;

pub(crate) async fn a_dropped_write_leaves_the_old_value_or_the_new(store: Store) {
    for patience in 0..60 {
        let key = format!("key:{patience}");
        store.put_for(&key, "old", HOUR).await;
        give_up(patience, store.offer(&key, "new", Always, NEVER)).await;
        match ok(store.read_with_time_to_live(&key).await) {
            Some((value, TimeToLive::Remaining(_))) if value == "old" => {}
            Some((value, TimeToLive::Never)) if value == "new" => {}
            seen => panic!("expected the old entry or the new one, saw {seen:?}"),
        }
    }
    still_usable(&store).await;
}

pub(crate) async fn a_dropped_add_leaves_nothing_or_the_whole(store: Store) {
    for patience in 0..60 {
        let key = format!("key:{patience}");
        let value = vec![b'x'; 10_000];
        give_up(patience, store.offer(&key, value.clone(), Absent, HOUR)).await;
        if let Some((seen, time_to_live)) = ok(store.read_with_time_to_live(&key).await) {
            assert!(
                seen == value,
                "expected the whole value, saw {} bytes",
                seen.len()
            );
            assert_ne!(
                time_to_live,
                TimeToLive::Never,
                "the deadline of a dropped add"
            );
        }
    }
    still_usable(&store).await;
}

pub(crate) async fn a_dropped_increment_counts_once_or_not_at_all(store: Store) {
    let mut answered = 0;
    for patience in 0..60 {
        let answer = give_up(patience, store.increment("counter", 1, HOUR.into())).await;
        answered += i64::from(answer.is_some());
    }
    // What was dropped may still land, so the last word is an increment that was not dropped.
    let sum = ok(store.increment("counter", 1, NEVER).await);
    let counted = answered + 1..=61;
    assert!(
        counted.contains(&sum),
        "expected a sum in {counted:?}, saw {sum}"
    );
    still_usable(&store).await;
}

pub(crate) async fn a_dropped_removal_leaves_the_entry_or_nothing(store: Store) {
    for patience in 0..60 {
        let key = format!("key:{patience}");
        store.put_for(&key, "value", HOUR).await;
        if patience % 2 == 0 {
            give_up(patience, store.remove(&key)).await;
        } else {
            give_up(patience, store.remove_all(&[&key])).await;
        }
        match ok(store.read_with_time_to_live(&key).await) {
            None => {}
            Some((value, TimeToLive::Remaining(_))) if value == "value" => {}
            seen => panic!("expected the whole entry or none, saw {seen:?}"),
        }
    }
    still_usable(&store).await;
}

pub(crate) async fn a_dropped_batch_leaves_each_entry_old_or_new(store: Store) {
    let keys: Vec<String> = (0..300).map(|n| format!("key:{n}")).collect();
    let list: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let entries = |value: &'static str| -> Vec<(&str, Bytes)> {
        list.iter()
            .map(|key| (*key, Bytes::from_static(value.as_bytes())))
            .collect()
    };
    for patience in 0..20 {
        ok(store.write_all(&entries("old"), NEVER).await);
        give_up(patience, store.write_all(&entries("new"), NEVER)).await;
        let seen = ok(store.read_all(&list).await);
        let other = seen
            .iter()
            .find(|value| !matches!(value.as_deref(), Some(b"old" | b"new")));
        assert_eq!(other, None, "a value that is neither old nor new");
        give_up(patience, store.read_all(&list)).await;
    }
    still_usable(&store).await;
}

pub(crate) async fn dropped_reads_leave_the_client_usable(store: Store) {
    store.put("key", "value").await;
    for patience in 0..100 {
        give_up(patience % 20, store.read("key")).await;
        give_up(patience % 20, store.read_with_time_to_live("key")).await;
        give_up(patience % 20, store.get_time_to_live("key")).await;
        give_up(patience % 20, store.read_all(&["key", "missing"])).await;
        // An answer must never be taken for another call's.
        holds(store.read("key").await, "value");
        misses(store.read("missing").await);
    }
    still_usable(&store).await;
}

pub(crate) async fn dropped_listings_leave_the_client_usable(store: Store) {
    for n in 0..300 {
        store.put(&format!("key:{n}"), "value").await;
    }
    for patience in 0..40 {
        give_up(patience, store.keys_starting_with("key:").count()).await;
        give_up(patience, store.remove_starting_with("none:")).await;
        give_up(patience, store.remove_expired()).await;
    }
    assert_eq!(
        ok(listed(&*store, "").await).len(),
        300,
        "keys after dropped listings"
    );
    still_usable(&store).await;
}

pub(crate) async fn many_calls_dropped_at_once_leave_the_client_usable(store: Store) {
    for _ in 0..5 {
        let calls: Vec<_> = (0..100)
            .map(|n| {
                let cache = store.cache();
                tokio::spawn(async move {
                    let key = format!("key:{n}");
                    give_up(n % 7, cache.offer(&key, "value", Always, NEVER)).await;
                    give_up(n % 5, cache.read(&key)).await;
                })
            })
            .collect();
        for (n, call) in calls.into_iter().enumerate() {
            if n % 3 == 0 {
                call.abort();
            }
            if let Err(failure) = call.await {
                assert!(
                    failure.is_cancelled(),
                    "a call that was dropped panicked: {failure}"
                );
            }
        }
    }
    still_usable(&store).await;
}

pub(crate) async fn what_is_refused_was_not_applied_and_will_be_again(store: Store) {
    store.put("text", "text").await;
    store.put("full", i64::MAX.to_string()).await;
    let errors = [
        fails(store.read("").await, ErrorKind::InvalidInput),
        fails(
            store.increment("text", 1, NEVER).await,
            ErrorKind::NotANumber,
        ),
        fails(store.increment("full", 1, NEVER).await, ErrorKind::Overflow),
    ];
    for error in errors {
        assert_eq!(
            error.outcome(),
            Outcome::NotApplied,
            "the outcome of {error}"
        );
        assert!(!error.is_transient(), "trying again cannot help: {error}");
    }
}

pub(crate) async fn errors_name_backend_and_operation(store: Store) {
    store.put("text", "text").await;
    for (error, operation) in [
        (fails(store.read("").await, ErrorKind::InvalidInput), "read"),
        (
            fails(store.read_all(&[""]).await, ErrorKind::InvalidInput),
            "read_all",
        ),
        (
            fails(
                store.offer("", "", Always, NEVER).await,
                ErrorKind::InvalidInput,
            ),
            "write",
        ),
        (
            fails(store.remove("").await, ErrorKind::InvalidInput),
            "remove",
        ),
        (
            fails(
                store.increment("text", 1, NEVER).await,
                ErrorKind::NotANumber,
            ),
            "increment",
        ),
        (
            fails(
                store.set_time_to_live("", NEVER).await,
                ErrorKind::InvalidInput,
            ),
            "set_time_to_live",
        ),
    ] {
        assert_eq!(error.operation(), operation, "the operation of {error}");
        assert!(
            !error.backend().is_empty(),
            "an error without a backend: {error}"
        );
        let shown = error.to_string();
        assert!(
            shown.contains(operation),
            "an error that does not name {operation}: {shown}"
        );
    }
}

pub(crate) async fn no_error_shows_a_key_or_a_value(store: Store) {
    const SECRET: &str = "hunter2";
    let long_key = SECRET.repeat(200);
    let long_value = Bytes::from(SECRET.repeat(store.profile().max_value_len() / 7 + 1));
    store.put(SECRET, SECRET).await;
    let full = format!("{SECRET}:full");
    store.put(&full, i64::MAX.to_string()).await;
    let errors = [
        fails(store.read(&long_key).await, ErrorKind::InvalidInput),
        fails(
            store.remove(&format!("{SECRET}\0")).await,
            ErrorKind::InvalidInput,
        ),
        fails(
            store.read_all(&[SECRET, &long_key]).await,
            ErrorKind::InvalidInput,
        ),
        fails(
            store.offer(SECRET, long_value.clone(), Always, NEVER).await,
            ErrorKind::InvalidInput,
        ),
        fails(
            store.offer(SECRET, SECRET, equals(long_value), NEVER).await,
            ErrorKind::InvalidInput,
        ),
        fails(
            store.increment(SECRET, 1, NEVER).await,
            ErrorKind::NotANumber,
        ),
        fails(store.increment(&full, 1, NEVER).await, ErrorKind::Overflow),
    ];
    for error in &errors {
        for said in everything_said_by(error) {
            let tells = said.contains(SECRET) || said.contains(&i64::MAX.to_string());
            assert!(
                !tells,
                "a key or a value stands in an error of {:?}",
                error.kind()
            );
        }
    }
}

pub(crate) async fn the_client_shows_no_key_and_no_value(store: Store) {
    store.put("hunter2:key", "hunter2:value").await;
    ok(store.read("hunter2:key").await);
    let shown = format!("{:?} {0:#?}", store.cache());
    assert!(
        !shown.contains("hunter2"),
        "the client's `Debug` shows what it holds"
    );
}

/// Every kind of call still answers, and rightly.
async fn still_usable(store: &Store) {
    for turn in 0..10 {
        let key = format!("usable:{turn}");
        happens(store.offer(&key, "value", Absent, HOUR).await);
        holds(store.read(&key).await, "value");
        gives(store.increment("usable", 1, NEVER).await, turn + 1);
    }
    let keys: BTreeSet<String> = ok(listed(&**store, "usable:").await).into_iter().collect();
    assert_eq!(keys.len(), 10, "keys listed after dropped calls");
    gives(store.remove_starting_with("usable").await, 11);
}
