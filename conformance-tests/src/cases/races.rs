//! Many callers at once. Every task is a caller of its own, on a runtime of several threads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use session_core::TypedCache;

use super::prelude::*;
use crate::harness::Client;

pub(crate) async fn of_many_adds_exactly_one_wins(store: Store) {
    for round in 0..8 {
        let key = format!("key:{round}");
        let won = at_once(&store, 32, |cache, adder| {
            let key = key.clone();
            async move { ok(cache.offer(&key, adder.to_string(), Absent, NEVER).await) }
        })
        .await;
        holds(store.read(&key).await, the_only(&won).to_string());
    }
}

pub(crate) async fn an_expired_entry_is_taken_over_by_exactly_one(store: Store) {
    for round in 0..4 {
        store
            .put_for(&format!("key:{round}"), "expired", store.brief())
            .await;
    }
    store.outlive().await;
    for round in 0..4 {
        let key = format!("key:{round}");
        let won = at_once(&store, 32, |cache, adder| {
            let key = key.clone();
            async move { ok(cache.offer(&key, adder.to_string(), Absent, NEVER).await) }
        })
        .await;
        holds(store.read(&key).await, the_only(&won).to_string());
    }
}

pub(crate) async fn of_many_writers_over_the_same_bytes_exactly_one_wins(store: Store) {
    for round in 0..8 {
        let key = format!("key:{round}");
        store.put(&key, "first").await;
        let won = at_once(&store, 32, |cache, writer| {
            let key = key.clone();
            async move {
                ok(cache
                    .offer(&key, writer.to_string(), equals("first"), NEVER)
                    .await)
            }
        })
        .await;
        holds(store.read(&key).await, the_only(&won).to_string());
    }
}

pub(crate) async fn of_many_removals_exactly_one_counts(store: Store) {
    for round in 0..8 {
        let key = format!("key:{round}");
        store.put(&key, "value").await;
        let went = at_once(&store, 32, |cache, remover| {
            let key = key.clone();
            async move {
                match remover % 3 {
                    0 => ok(cache.remove(&key).await),
                    1 => ok(cache.remove_all(&[&key]).await) == 1,
                    _ => ok(cache.offer(&key, "", equals("value"), Duration::ZERO).await),
                }
            }
        })
        .await;
        the_only(&went);
    }
}

pub(crate) async fn no_increment_is_lost_or_counted_twice(store: Store) {
    let sums = at_once(&store, 32, |cache, _| async move {
        let mut sums = Vec::new();
        for _ in 0..25 {
            sums.push(ok(cache.increment("counter", 1, NEVER).await));
        }
        sums
    })
    .await;
    holds(store.read("counter").await, "800");
    for sums in &sums {
        assert!(
            sums.is_sorted(),
            "a caller saw the counter go down: {sums:?}"
        );
    }
    let every: BTreeSet<i64> = sums.into_iter().flatten().collect();
    assert_eq!(every.len(), 800, "sums given to one caller only");
}

pub(crate) async fn no_increment_is_lost_where_a_counter_starts(store: Store) {
    store.put_for("expired", "41", store.brief()).await;
    store.outlive().await;
    at_once(&store, 32, |cache, _| async move {
        ok(cache.increment("expired", 1, HOUR.into()).await);
        ok(cache.increment("missing", -1, HOUR.into()).await);
    })
    .await;
    holds(store.read("expired").await, "32");
    holds(store.read("missing").await, "-32");
    lives_about(store.get_time_to_live("expired").await, HOUR);
}

pub(crate) async fn a_loop_of_reading_and_comparing_loses_nothing(store: Store) {
    store.put("list", "").await;
    at_once(&store, 16, |cache, caller| async move {
        let mut added = 0;
        while added < 5 {
            let read = ok(cache.read("list").await).expect("the list is never removed");
            let longer = [&read[..], format!("{caller}.{added} ").as_bytes()].concat();
            if ok(cache.offer("list", longer, equals(read), NEVER).await) {
                added += 1;
            }
        }
    })
    .await;
    let list = ok(store.read("list").await).expect("the list is never removed");
    let list = std::str::from_utf8(&list).expect("the list is text");
    let items: BTreeSet<&str> = list.split_whitespace().collect();
    assert_eq!(items.len(), 80, "items of 80 that were added");
    assert_eq!(
        list.split_whitespace().count(),
        80,
        "items, each added once"
    );
}

pub(crate) async fn no_update_is_lost(store: Store) {
    at_once(&store, 16, |cache, caller: u32| async move {
        for turn in 0..5 {
            let update = cache.update("set", NEVER, |set: Option<BTreeSet<u32>>| {
                let mut set = set.unwrap_or_default();
                set.insert(caller * 100 + turn);
                Some(set)
            });
            ok(update.await);
        }
    })
    .await;
    let set = ok(store.get::<BTreeSet<u32>>("set").await).expect("a set");
    assert_eq!(set.len(), 80, "updates of 80 that stayed");
}

pub(crate) async fn a_lock_of_add_and_remove_lets_one_in(store: Store) {
    let inside = Arc::new(AtomicBool::new(false));
    at_once(&store, 8, |cache, caller| {
        let inside = Arc::clone(&inside);
        async move {
            for _ in 0..5 {
                while !ok(cache.offer("lock", caller.to_string(), Absent, HOUR).await) {
                    tokio::task::yield_now().await;
                }
                assert!(
                    !inside.swap(true, Ordering::SeqCst),
                    "two callers hold one lock"
                );
                tokio::task::yield_now().await;
                inside.store(false, Ordering::SeqCst);
                happens(
                    cache
                        .offer("lock", "", equals(caller.to_string()), Duration::ZERO)
                        .await,
                );
            }
        }
    })
    .await;
    misses(store.read("lock").await);
}

pub(crate) async fn a_value_is_never_torn(store: Store) {
    const LENGTH: usize = 40_000;
    store.put("key", vec![b'a'; LENGTH]).await;
    at_once(&store, 12, |cache, caller: u32| async move {
        let byte = b'a' + u8::try_from(caller).expect("twelve callers");
        for turn in 0..40 {
            if turn % 4 == 0 {
                // Lengths differ too, so that an old tail would show.
                cache
                    .put("key", vec![byte; LENGTH - usize::from(byte) * 50])
                    .await;
            }
            let read = ok(cache.read("key").await).expect("the entry is never removed");
            let first = read[0];
            assert!(
                read.iter().all(|byte| *byte == first),
                "a value of two writers"
            );
            let whole = first == b'a' && read.len() == LENGTH
                || read.len() == LENGTH - usize::from(first) * 50;
            assert!(whole, "a value of {first} has {} bytes", read.len());
        }
    })
    .await;
}

pub(crate) async fn value_and_deadline_are_of_one_write(store: Store) {
    store.put("key", "permanent").await;
    at_once(&store, 12, |cache, caller| async move {
        for turn in 0..40 {
            match (caller + turn) % 4 {
                0 => cache.put_for("key", "timed", HOUR).await,
                1 => cache.put("key", "permanent").await,
                _ => match ok(cache.read_with_time_to_live("key").await) {
                    Some((value, TimeToLive::Remaining(_))) => assert_eq!(value, "timed"),
                    Some((value, TimeToLive::Never)) => assert_eq!(value, "permanent"),
                    None => panic!("an entry that is never removed was missing"),
                },
            }
        }
    })
    .await;
}

pub(crate) async fn an_entry_that_is_written_over_is_never_missing(store: Store) {
    store.put("key", "value").await;
    at_once(&store, 12, |cache, caller| async move {
        for turn in 0..40 {
            match (caller + turn) % 4 {
                0 => happens(cache.offer("key", turn.to_string(), Present, HOUR).await),
                1 => ok(cache.write_all(&[("key", "value".into())], NEVER).await),
                2 => happens(cache.set_time_to_live("key", HOUR.into()).await),
                _ => assert!(
                    ok(cache.read("key").await).is_some(),
                    "a live entry was missing"
                ),
            }
        }
    })
    .await;
}

pub(crate) async fn batches_over_the_same_keys_do_not_disturb_each_other(store: Store) {
    let keys: Arc<Vec<String>> = Arc::new((0..200).map(|n| format!("key:{n}")).collect());
    at_once(&store, 8, |cache, caller: u32| {
        let keys = Arc::clone(&keys);
        async move {
            let value = Bytes::from(caller.to_string());
            let mut entries: Vec<(&str, Bytes)> =
                keys.iter().map(|key| (&**key, value.clone())).collect();
            // Each in another order: a store that locks as it goes would lock itself up.
            entries.rotate_left(usize::try_from(caller).expect("few callers") * 25);
            if caller & 1 == 0 {
                entries.reverse();
            }
            for turn in 0..4 {
                ok(cache.write_all(&entries, NEVER).await);
                if turn == caller % 4 {
                    let list: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
                    ok(cache.remove_all(&list).await);
                }
            }
            ok(cache.write_all(&entries, NEVER).await);
        }
    })
    .await;
    // Whoever removed a key wrote it again after that, so every one is there in the end.
    let list: Vec<&str> = keys.iter().map(|key| &**key).collect();
    for (key, value) in list.iter().zip(ok(store.read_all(&list).await)) {
        let whole = value.as_ref().is_some_and(|value| value.len() == 1);
        assert!(whole, "expected a caller's value for {key}, saw {value:?}");
    }
}

pub(crate) async fn callers_of_different_keys_do_not_disturb_each_other(store: Store) {
    at_once(&store, 16, |cache, caller| async move {
        for turn in 0..20 {
            let key = format!("key:{caller}:{turn}");
            happens(cache.offer(&key, key.clone(), Absent, HOUR).await);
            gives(
                cache
                    .increment(&format!("counter:{caller}"), 1, NEVER)
                    .await,
                turn + 1,
            );
            holds(cache.read(&key).await, &key);
            if turn % 2 == 0 {
                happens(cache.remove(&key).await);
            }
        }
    })
    .await;
    assert_eq!(
        ok(listed(&*store, "key:").await).len(),
        160,
        "keys that stay"
    );
}

pub(crate) async fn a_sweep_never_takes_a_renewed_entry(store: Store) {
    let keys: Vec<String> = (0..16).map(|n| format!("key:{n}")).collect();
    for key in &keys {
        store.put_for(key, "0", store.brief()).await;
    }
    store.outlive().await;
    at_once(&store, 16, |cache, caller: u32| {
        let key = keys[usize::try_from(caller).expect("few callers")].clone();
        async move {
            for turn in 0..15 {
                let value = turn.to_string();
                // Over an entry that is expired, or about to be, while the others sweep.
                happens(cache.offer(&key, value.clone(), Always, HOUR).await);
                ok(cache.remove_expired().await);
                holds(cache.read(&key).await, &value);
                cache.put_for(&key, "ends", Duration::from_millis(1)).await;
            }
            cache.put_for(&key, "stays", HOUR).await;
            ok(cache.remove_expired().await);
        }
    })
    .await;
    for key in &keys {
        holds(store.read(key).await, "stays");
    }
}

pub(crate) async fn of_many_creators_all_get_the_value_of_the_first(store: Store) {
    let values = at_once(&store, 16, |cache, caller: u32| async move {
        let create = cache.get_or_create("key", HOUR, || async {
            tokio::task::yield_now().await;
            Ok::<u32, session_core::Error>(caller)
        });
        ok(create.await)
    })
    .await;
    assert!(
        values.iter().all(|value| *value == values[0]),
        "callers got {values:?}"
    );
    gives(store.get::<u32>("key").await, Some(values[0]));
}

/// What so many tasks give that start together, in their order; a panic in one is the case's.
async fn at_once<F, T>(store: &Store, tasks: u32, task: impl Fn(Client, u32) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let start = Arc::new(tokio::sync::Barrier::new(
        tasks.try_into().expect("few tasks"),
    ));
    let running = (0..tasks).map(|number| {
        let (start, work) = (Arc::clone(&start), task(store.cache(), number));
        tokio::spawn(async move {
            start.wait().await;
            work.await
        })
    });
    let running: Vec<_> = running.collect();
    join_all(running)
        .await
        .into_iter()
        .map(|ended| {
            ended.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
        })
        .collect()
}

/// The number of the one task that won.
#[track_caller]
fn the_only(won: &[bool]) -> usize {
    let winners: Vec<usize> = (0..won.len()).filter(|task| won[*task]).collect();
    match winners[..] {
        [winner] => winner,
        _ => panic!("expected one winner of {}, saw {winners:?}", won.len()),
    }
}
