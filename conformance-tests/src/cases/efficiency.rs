//! Round trips between the client and the server, as the proxy counts them.
//!
//! Every reply is late by a moment, so that all that is sent without waiting is sent before the
//! first reply: what is counted is how often a call waits for the network.

use session_core::Expiry;

use super::prelude::*;

pub(crate) async fn a_read_is_one_round_trip(store: Store) {
    let counted = Counted::of(store).await;
    let store = &counted.store;
    store.put("key", "value").await;
    counted.takes(1, "a hit", || store.read("key")).await;
    counted.takes(1, "a miss", || store.read("missing")).await;
    counted
        .takes(1, "value and time to live", || {
            store.read_with_time_to_live("key")
        })
        .await;
    counted.takes(1, "a ping", || store.ping()).await;
}

pub(crate) async fn a_write_is_one_round_trip_whatever_its_condition(store: Store) {
    let counted = Counted::of(store).await;
    let store = &counted.store;
    store.put("key", "value").await;
    for (key, condition, expiry) in [
        ("key", Always, NEVER),
        ("key", Always, HOUR.into()),
        ("key", Always, Keep),
        ("key", Absent, NEVER),
        ("missing", Absent, Expiry::In(Duration::ZERO)),
        ("key", Present, HOUR.into()),
        ("missing", Present, NEVER),
        ("key", equals("value"), Keep),
        ("key", equals("other"), NEVER),
    ] {
        let what = format!("a write with {condition:?} and {expiry:?}");
        let write = || store.offer(key, "value", condition.clone(), expiry);
        counted.takes(1, &what, write).await;
    }
}

pub(crate) async fn a_removal_and_an_increment_are_one_round_trip(store: Store) {
    let counted = Counted::of(store).await;
    let store = &counted.store;
    counted
        .takes(1, "a removal of nothing", || store.remove("key"))
        .await;
    counted
        .takes(1, "an increment", || store.increment("n", 1, HOUR.into()))
        .await;
    store.put("text", "text").await;
    counted
        .takes(1, "an increment of what is no number", || {
            store.increment("text", 1, NEVER)
        })
        .await;
    counted.takes(1, "a removal", || store.remove("n")).await;
}

pub(crate) async fn a_time_to_live_is_one_round_trip(store: Store) {
    let counted = Counted::of(store).await;
    let store = &counted.store;
    store.put_for("key", "value", HOUR).await;
    for key in ["key", "missing"] {
        counted
            .takes(1, "asking", || store.get_time_to_live(key))
            .await;
        for expiry in [HOUR.into(), Keep, NEVER] {
            counted
                .takes(1, "giving", || store.set_time_to_live(key, expiry))
                .await;
        }
    }
}

pub(crate) async fn a_batch_of_a_thousand_is_one_round_trip(store: Store) {
    let counted = Counted::of(store).await;
    let store = &counted.store;
    let keys: Vec<String> = (0..1_000).map(|n| format!("key {n}")).collect();
    let list: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let entries: Vec<(&str, Bytes)> = list.iter().map(|key| (*key, "value".into())).collect();
    for expiry in [NEVER, HOUR.into(), Keep] {
        counted
            .takes(1, "a batch of writes", || store.write_all(&entries, expiry))
            .await;
    }
    counted
        .takes(1, "a batch of reads", || store.read_all(&list))
        .await;
    counted
        .takes(1, "a batch of removals", || store.remove_all(&list))
        .await;
}

pub(crate) async fn what_is_refused_or_empty_asks_nothing(store: Store) {
    let counted = Counted::of(store).await;
    let store = &counted.store;
    counted.takes(0, "an empty key", || store.read("")).await;
    counted
        .takes(0, "a key with NUL", || store.remove("nul\0"))
        .await;
    counted.takes(0, "no keys", || store.read_all(&[])).await;
    counted
        .takes(0, "no entries", || store.write_all(&[], NEVER))
        .await;
    counted
        .takes(0, "no removals", || store.remove_all(&[]))
        .await;
    counted
        .takes(0, "a batch with an invalid key", || {
            store.read_all(&["key", ""])
        })
        .await;
    let long = Bytes::from(vec![0; store.profile().max_value_len() + 1]);
    counted
        .takes(0, "a value that is too long", || {
            store.offer("key", long.clone(), Always, NEVER)
        })
        .await;
    counted
        .takes(0, "a prefix that no key can have", || {
            listed(&**store, "nul\0")
        })
        .await;
}

pub(crate) async fn a_listing_asks_for_pages(store: Store) {
    let counted = Counted::of(store).await;
    let store = &counted.store;
    fill(store).await;
    counted
        .takes_at_most(pages(store, STORED), "a listing of all", || {
            listed(&**store, "")
        })
        .await;
    counted
        .takes_at_most(pages(store, MATCHING), "a listing of few", || {
            listed(&**store, "few:")
        })
        .await;
}

pub(crate) async fn a_removal_by_prefix_asks_for_pages(store: Store) {
    let counted = Counted::of(store).await;
    let store = &counted.store;
    fill(store).await;
    // Each page is asked for, and what it holds is removed.
    counted
        .takes_at_most(2 * pages(store, MATCHING), "a removal of few", || {
            store.remove_starting_with("few:")
        })
        .await;
    counted
        .takes_at_most(2 * pages(store, STORED), "a removal of all", || {
            store.remove_starting_with("")
        })
        .await;
}

/// How many pages are looked at to find so many keys.
fn pages(store: &Store, matching: u64) -> u64 {
    let profile = store.profile();
    let looked_at = match (profile.keys_are_in_order(), profile.has_neighbours()) {
        (true, _) => matching,
        (false, false) => STORED,
        // All that others stored is looked at too: what can be shown is that no key costs a trip.
        (false, true) => return STORED / 2,
    };
    looked_at / profile.keys_in_a_page() + 2
}

const STORED: u64 = 3_000;
const MATCHING: u64 = 50;

async fn fill(store: &Store) {
    let keys: Vec<String> = (0..STORED)
        .map(|n| match n {
            ..MATCHING => format!("few:{n}"),
            _ => format!("many:{n}"),
        })
        .collect();
    let entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (&**key, Bytes::new())).collect();
    ok(store.beside().write_all(&entries, NEVER).await);
}

/// A store whose client has warm connections and whose network is slow enough to count by.
struct Counted {
    store: Store,
}

/// Longer than it takes to send a thousand commands, far shorter than a time-out.
const MOMENT: Duration = Duration::from_millis(40);

impl Counted {
    async fn of(store: Store) -> Self {
        ok(store.ping().await);
        store.proxy().delay(MOMENT);
        Self { store }
    }

    /// Calls once so that what the first call of its kind prepares is there, and once to count.
    async fn takes<T, F>(&self, expected: u64, what: &str, call: impl Fn() -> F)
    where
        F: Future<Output = T>,
    {
        let counted = self.count(call).await;
        assert_eq!(counted, expected, "round trips of {what}");
    }

    async fn takes_at_most<T, F>(&self, most: u64, what: &str, call: impl Fn() -> F)
    where
        F: Future<Output = T>,
    {
        let counted = self.count(call).await;
        assert!(
            (1..=most).contains(&counted),
            "expected 1 to {most} round trips of {what}, saw {counted}"
        );
    }

    async fn count<T, F>(&self, call: impl Fn() -> F) -> u64
    where
        F: Future<Output = T>,
    {
        call().await;
        let before = self.store.proxy().round_trips();
        call().await;
        self.store.proxy().round_trips() - before
    }
}
