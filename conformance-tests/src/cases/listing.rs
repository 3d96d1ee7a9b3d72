//! Keys that start with a prefix: listed, and removed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join3;
use futures_util::{StreamExt, TryStreamExt};

use super::keys::ODD;
use super::prelude::*;

pub(crate) async fn an_empty_store_lists_nothing(store: Store) {
    lists(listed(&*store, "").await, &[]);
    lists(listed(&*store, "a").await, &[]);
    gives(store.remove_starting_with("").await, 0);
    gives(store.remove_starting_with("a").await, 0);
}

pub(crate) async fn an_empty_prefix_lists_everything(store: Store) {
    store.put("a", "value").await;
    store.put("\u{10ffff}", "").await;
    store.put_for("!", "value", HOUR).await;
    ok(store.increment("counter", 1, NEVER).await);
    lists(
        listed(&*store, "").await,
        &["a", "\u{10ffff}", "!", "counter"],
    );
}

pub(crate) async fn a_prefix_lists_what_starts_with_it(store: Store) {
    for key in [
        "user:1", "user:2", "user:", "user", "users:1", "use", "a user:1", "v",
    ] {
        store.put(key, "").await;
    }
    lists(
        listed(&*store, "user:").await,
        &["user:1", "user:2", "user:"],
    );
    lists(listed(&*store, "user:1").await, &["user:1"]);
    lists(listed(&*store, "user:1:").await, &[]);
    lists(listed(&*store, "ser").await, &[]);
}

pub(crate) async fn a_prefix_is_literal_and_not_a_pattern(store: Store) {
    for key in [
        "a%b", "a_b", "a*b", "a?b", "a[b]", "a\\b", "a{}b", "axb", "b",
    ] {
        store.put(key, "").await;
    }
    for (prefix, key) in [
        ("a%", "a%b"),
        ("a_", "a_b"),
        ("a*", "a*b"),
        ("a?", "a?b"),
        ("a[", "a[b]"),
        ("a[b]", "a[b]"),
        ("a\\", "a\\b"),
        ("a{}", "a{}b"),
    ] {
        lists(listed(&*store, prefix).await, &[key]);
    }
    for prefix in [
        "%", "_", "*", "?", ".*", "[a]", "[ab]", "a%b%", "a\\\\", "{a,b}", "^a",
    ] {
        lists(listed(&*store, prefix).await, &[]);
    }
}

pub(crate) async fn every_odd_key_is_found_by_each_of_its_beginnings(store: Store) {
    for key in ODD {
        store.put(key, "").await;
    }
    for key in ODD {
        let ends = key
            .char_indices()
            .map(|(start, _)| start)
            .chain([key.len()]);
        for prefix in ends.map(|end| &key[..end]) {
            let mut expected = ODD.to_vec();
            expected.retain(|other| other.starts_with(prefix));
            lists(listed(&*store, prefix).await, &expected);
        }
    }
}

pub(crate) async fn a_prefix_minds_case(store: Store) {
    for key in ["abc", "ABC", "Abc", "äb", "Äb"] {
        store.put(key, "").await;
    }
    lists(listed(&*store, "a").await, &["abc"]);
    lists(listed(&*store, "AB").await, &["ABC"]);
    lists(listed(&*store, "Ä").await, &["Äb"]);
    gives(store.remove_starting_with("A").await, 2);
    lists(listed(&*store, "").await, &["abc", "äb", "Äb"]);
}

pub(crate) async fn a_prefix_may_end_in_the_last_character(store: Store) {
    let last = "\u{10ffff}";
    for key in [
        last,
        "\u{10ffff}\u{10ffff}",
        "a\u{10ffff}",
        "a\u{10ffff}b",
        "b",
        "\u{10fffe}",
    ] {
        store.put(key, "").await;
    }
    lists(listed(&*store, last).await, &[last, "\u{10ffff}\u{10ffff}"]);
    lists(
        listed(&*store, "a\u{10ffff}").await,
        &["a\u{10ffff}", "a\u{10ffff}b"],
    );
    gives(store.remove_starting_with(last).await, 2);
    lists(
        listed(&*store, "").await,
        &["a\u{10ffff}", "a\u{10ffff}b", "b", "\u{10fffe}"],
    );
}

pub(crate) async fn a_prefix_of_any_width_of_character_works(store: Store) {
    for key in [
        "é1",
        "é2",
        "ê1",
        "\u{d7ff}1",
        "\u{e000}1",
        "\u{ffff}1",
        "🔑1",
        "🔒1",
    ] {
        store.put(key, "").await;
    }
    lists(listed(&*store, "é").await, &["é1", "é2"]);
    lists(listed(&*store, "\u{d7ff}").await, &["\u{d7ff}1"]);
    lists(listed(&*store, "\u{ffff}").await, &["\u{ffff}1"]);
    lists(listed(&*store, "🔑").await, &["🔑1"]);
}

pub(crate) async fn a_prefix_that_no_key_can_have_lists_nothing(store: Store) {
    let longest = "k".repeat(store.profile().max_key_len());
    store.put("key", "value").await;
    store.put(&longest, "value").await;
    let too_long = format!("{longest}k");
    for prefix in ["\0", "k\0", &too_long, &"k".repeat(100_000)] {
        lists(listed(&*store, prefix).await, &[]);
        gives(store.remove_starting_with(prefix).await, 0);
    }
    gives(store.remove_starting_with(&longest).await, 1);
    holds(store.read("key").await, "value");
}

pub(crate) async fn a_removed_entry_is_not_listed(store: Store) {
    for key in ["a", "b", "c", "d"] {
        store.put(key, "").await;
    }
    happens(store.remove("a").await);
    gives(store.remove_all(&["b"]).await, 1);
    happens(store.offer("c", "", Always, Duration::ZERO).await);
    lists(listed(&*store, "").await, &["d"]);
}

pub(crate) async fn thousands_of_keys_are_each_listed_once(store: Store) {
    let keys = fill(&store, "many:", 5_000).await;
    fill(&store, "other:", 1_500).await;
    let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
    lists(listed(&*store, "many:").await, &keys);
    lists(
        listed(&*store, "many:499").await,
        &[
            "many:499",
            "many:4990",
            "many:4991",
            "many:4992",
            "many:4993",
            "many:4994",
            "many:4995",
            "many:4996",
            "many:4997",
            "many:4998",
            "many:4999",
        ],
    );
    assert_eq!(
        ok(listed(&*store, "").await).len(),
        6_500,
        "keys in the whole store"
    );
}

pub(crate) async fn the_store_stays_usable_while_a_listing_is_open(store: Store) {
    fill(&store, "key:", 3_000).await;
    let mut keys = store.keys_starting_with("key:");
    let first = ok(keys.next().await.expect("a first key"));
    happens(store.remove(&first).await);
    store.put("another", "value").await;
    holds(store.read("another").await, "value");
    gives(store.increment("counter", 1, NEVER).await, 1);
    ok(store.write_all(&[("batch", "value".into())], NEVER).await);
    assert_eq!(
        ok(listed(&*store, "key:").await).len(),
        2_999,
        "a listing beside the first"
    );
    let rest: Vec<String> = ok(keys.try_collect().await);
    assert_eq!(rest.len(), 2_999, "what the first listing still gives");
}

pub(crate) async fn every_key_can_be_removed_as_it_is_listed(store: Store) {
    fill(&store, "key:", 3_000).await;
    let mut keys = store.keys_starting_with("key:");
    let mut removed = 0;
    while let Some(key) = keys.next().await {
        happens(store.remove(&ok(key)).await);
        removed += 1;
    }
    assert_eq!(removed, 3_000, "keys listed while they were removed");
    lists(listed(&*store, "").await, &[]);
}

pub(crate) async fn a_key_present_throughout_is_listed_once_whatever_others_write(store: Store) {
    let stay = fill(&store, "key:stay:", 2_000).await;
    let busy = Arc::new(AtomicBool::new(true));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (cache, busy) = (store.cache(), Arc::clone(&busy));
            tokio::spawn(async move {
                let mut turn = 0_u32;
                while busy.load(Ordering::Relaxed) {
                    turn += 1;
                    // Keys come and go on all sides of those that stay, and one that stays is
                    // written again.
                    let passing = format!("key:{}:{writer}:{}", turn % 26, turn % 400);
                    cache.put(&passing, "x").await;
                    let other = format!("key:{}:{writer}:{}", turn * 7 % 26, turn * 7 % 400);
                    ok(cache.remove(&other).await);
                    cache
                        .put(&format!("key:stay:{}", turn % 2_000), "again")
                        .await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..4 {
        let seen = ok(listed(&*store, "key:").await);
        let unique: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(unique.len(), seen.len(), "a key was listed twice");
        let missing: Vec<_> = stay.iter().filter(|key| !unique.contains(key)).collect();
        assert!(
            missing.is_empty(),
            "keys present throughout were not listed: {missing:?}"
        );
    }
    busy.store(false, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("a writer beside a listing");
    }
}

pub(crate) async fn every_key_can_be_renewed_as_it_is_listed(store: Store) {
    let keys = fill(&store, "key:", 2_500).await;
    let mut listing = store.keys_starting_with("key:");
    let mut seen = Vec::new();
    while let Some(key) = listing.next().await {
        let key = ok(key);
        // Deadlines, counters and values change, and so does their order in every index but one.
        match seen.len() % 4 {
            0 => happens(store.set_time_to_live(&key, HOUR.into()).await),
            1 => store.put_for(&key, "renewed", HOUR * 2).await,
            2 => ok(store.write_all(&[(&key, "renewed".into())], Keep).await),
            _ => happens(store.offer(&key, "1", Present, NEVER).await),
        }
        seen.push(key);
    }
    seen.sort_unstable();
    let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
    lists(Ok(seen), &keys);
}

pub(crate) async fn a_listing_can_be_dropped_early(store: Store) {
    fill(&store, "key:", 1_500).await;
    for taken in [0, 1, 2, 700] {
        for _ in 0..8 {
            let some: Vec<_> = store.keys_starting_with("key:").take(taken).collect().await;
            assert_eq!(some.len(), taken, "keys taken of a listing");
        }
    }
    store.put("key:more", "").await;
    assert_eq!(
        ok(listed(&*store, "key:").await).len(),
        1_501,
        "keys after dropped listings"
    );
}

pub(crate) async fn a_listing_that_is_never_asked_does_nothing(store: Store) {
    store.put("key", "value").await;
    drop(store.keys_starting_with(""));
    let asleep = store.keys_starting_with("");
    store.put("later", "value").await;
    holds(store.read("key").await, "value");
    drop(asleep);
    lists(listed(&*store, "").await, &["key", "later"]);
}

pub(crate) async fn listings_run_beside_each_other(store: Store) {
    fill(&store, "a:", 700).await;
    fill(&store, "b:", 900).await;
    let (a, b, all) = join3(
        listed(&*store, "a:"),
        listed(&*store, "b:"),
        listed(&*store, ""),
    )
    .await;
    let counts = [ok(a).len(), ok(b).len(), ok(all).len()];
    assert_eq!(counts, [700, 900, 1_600], "keys of three listings at once");
}

pub(crate) async fn a_listing_ends_when_the_store_is_flushed_meanwhile(store: Store) {
    fill(&store, "key:", 1_500).await;
    let mut keys = store.keys_starting_with("");
    ok(keys.next().await.expect("a first key"));
    ok(store.flush_all().await);
    let rest: Vec<String> = ok(keys.try_collect().await);
    assert!(
        rest.len() < 1_500,
        "a listing gave more keys than there ever were"
    );
    lists(listed(&*store, "").await, &[]);
}

pub(crate) async fn remove_starting_with_counts_and_leaves_the_others(store: Store) {
    for key in [
        "user:1", "user:2", "user:", "user", "users:1", "use", "a user:1",
    ] {
        store.put(key, "").await;
    }
    gives(store.remove_starting_with("user:").await, 3);
    lists(
        listed(&*store, "").await,
        &["user", "users:1", "use", "a user:1"],
    );
    gives(store.remove_starting_with("user:").await, 0);
}

pub(crate) async fn remove_starting_with_takes_its_prefix_literally(store: Store) {
    let keys = ["a%b", "a_b", "a*b", "a?b", "a[b]", "a\\b", "axb", "[a]*x"];
    for key in keys {
        store.put(key, "").await;
    }
    for prefix in ["%", "_", "*", "?", "[a]b", "a\\*", "a%b%"] {
        gives(store.remove_starting_with(prefix).await, 0);
    }
    for prefix in ["a%", "a_", "a*", "a?", "a[b]", "a\\", "[a]*"] {
        gives(store.remove_starting_with(prefix).await, 1);
    }
    lists(listed(&*store, "").await, &["axb"]);
}

pub(crate) async fn remove_starting_with_an_empty_prefix_removes_everything(store: Store) {
    store.put("a", "").await;
    store.put_for("b", "", HOUR).await;
    ok(store.increment("c", 1, NEVER).await);
    gives(store.remove_starting_with("").await, 3);
    lists(listed(&*store, "").await, &[]);
}

pub(crate) async fn remove_starting_with_removes_thousands(store: Store) {
    fill(&store, "gone:", 5_000).await;
    let stay = fill(&store, "stay:", 1_200).await;
    gives(store.remove_starting_with("gone:").await, 5_000);
    let stay: Vec<&str> = stay.iter().map(|key| &**key).collect();
    lists(listed(&*store, "").await, &stay);
}

/// Writes so many entries `{start}0`, `{start}1` and so on.
async fn fill(store: &Store, start: &str, count: usize) -> Vec<String> {
    let keys: Vec<String> = (0..count).map(|n| format!("{start}{n}")).collect();
    let entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (&**key, "x".into())).collect();
    ok(store.write_all(&entries, NEVER).await);
    keys
}
