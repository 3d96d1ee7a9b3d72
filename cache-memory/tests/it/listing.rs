//! Listings of a map that keeps its keys in order only once somebody asks.

use std::collections::BTreeSet;

use cache_memory::MemoryCache;
use session_core::{Bytes, Condition, Expiry};

fn put(cache: &MemoryCache, key: &str) {
    cache
        .write_now(key, Bytes::new(), Condition::Always, Expiry::Never)
        .unwrap();
}

fn listed(cache: &MemoryCache, prefix: &str) -> BTreeSet<String> {
    let keys: Vec<String> = cache.keys_starting_with_now(prefix).collect();
    let set: BTreeSet<String> = keys.iter().cloned().collect();
    assert_eq!(set.len(), keys.len(), "no key twice");
    set
}

#[test]
fn keys_from_before_and_after_the_first_listing_are_listed() {
    let cache = MemoryCache::new();
    for number in 0..2_000 {
        put(&cache, &format!("before {number}"));
    }
    assert_eq!(listed(&cache, "before ").len(), 2_000);
    for number in 0..2_000 {
        put(&cache, &format!("after {number}"));
        cache.remove_now(&format!("before {number}")).unwrap();
    }
    assert_eq!(listed(&cache, "before "), BTreeSet::new());
    assert_eq!(listed(&cache, "after ").len(), 2_000);
    cache.flush_all_now().unwrap();
    assert_eq!(listed(&cache, ""), BTreeSet::new());
    put(&cache, "anew");
    assert_eq!(listed(&cache, ""), BTreeSet::from(["anew".to_owned()]));
}

#[test]
fn the_first_listing_misses_nothing_that_is_written_meanwhile() {
    for _ in 0..20 {
        let cache = MemoryCache::new();
        for number in 0..2_000 {
            put(&cache, &format!("before {number}"));
        }
        std::thread::scope(|scope| {
            let cache = &cache;
            scope.spawn(move || {
                for number in 0..1_000 {
                    put(cache, &format!("meanwhile {number}"));
                    cache.remove_now(&format!("before {number}")).unwrap();
                }
            });
            scope.spawn(move || assert!(listed(cache, "before 1").len() >= 500));
        });
        assert_eq!(listed(&cache, "before ").len(), 1_000);
        assert_eq!(listed(&cache, "meanwhile ").len(), 1_000);
    }
}

#[test]
fn a_listing_may_remove_what_it_lists() {
    let cache = MemoryCache::new();
    for number in 0..5_000 {
        put(&cache, &number.to_string());
    }
    for key in cache.keys_starting_with_now("") {
        assert!(cache.remove_now(&key).unwrap());
    }
    assert_eq!(cache.stored_entries(), 0);
}
