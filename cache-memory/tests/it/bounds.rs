//! What a bounded cache keeps.

use std::collections::VecDeque;

use cache_memory::{Clock, ENTRY_OVERHEAD, MemoryCache, MemoryOptions};
use session_core::{Bytes, Condition, ErrorKind, Expiry};

fn put(cache: &MemoryCache, key: &str, len: usize) {
    let value = Bytes::from(vec![b'v'; len]);
    assert!(
        cache
            .write_now(key, value, Condition::Always, Expiry::Never)
            .unwrap()
    );
}

fn is_there(cache: &MemoryCache, key: &str) -> bool {
    cache.read_now(key).unwrap().is_some()
}

#[test]
fn entries_are_kept_up_to_the_bound_and_never_beyond() {
    for most in [1, 2, 3, 10, 100, 5_000] {
        let cache = MemoryCache::with_options(MemoryOptions::new().max_entries(most));
        for number in 0..3 * most {
            let key = number.to_string();
            put(&cache, &key, 5);
            assert!(is_there(&cache, &key), "what was just written is there");
            let expected = usize::try_from(most.min(number + 1)).unwrap();
            assert_eq!(cache.stored_entries(), expected);
        }
    }
}

#[test]
fn bytes_are_kept_up_to_the_bound() {
    let each = usize::try_from(ENTRY_OVERHEAD).unwrap() + "key 000".len() + 1_000;
    let cache = MemoryCache::with_options(MemoryOptions::new().max_bytes(50 * each as u64));
    for number in 0..200 {
        put(&cache, &format!("key {number:03}"), 1_000);
        assert_eq!(cache.stored_entries(), 50.min(number + 1));
    }
    // A longer value in an entry's place takes the room of others.
    put(&cache, "key 199", 1_000 + 10 * each);
    assert_eq!(cache.stored_entries(), 40);
    assert!(is_there(&cache, "key 199"));
    cache.flush_all_now().unwrap();
    put(&cache, "key 000", 50 * each - (each - 1_000));
    assert_eq!(cache.stored_entries(), 1);
}

#[test]
fn the_oldest_entry_may_grow_and_the_others_of_its_shard_make_room() {
    let cache = MemoryCache::with_options(MemoryOptions::new().max_bytes(10_240));
    for number in 0..60 {
        put(&cache, &format!("k{number:02}"), 10);
    }
    // As much as fits, in the first entry of its queue.
    let len = 10_240 - usize::try_from(ENTRY_OVERHEAD).unwrap() - "k00".len();
    put(&cache, "k00", len);
    assert_eq!(cache.stored_entries(), 1);
    assert!(is_there(&cache, "k00"));
}

#[test]
fn an_entry_larger_than_the_bound_is_full_and_changes_nothing() {
    let cache = MemoryCache::with_options(MemoryOptions::new().max_bytes(ENTRY_OVERHEAD + 10));
    put(&cache, "key", 7);
    let long = Bytes::from_static(b"12345678");
    let error = cache
        .write_now("key", long.clone(), Condition::Always, Expiry::Never)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    let batch = [("a", Bytes::new()), ("key", long)];
    let error = cache.write_all_now(&batch, Expiry::Never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(cache.read_now("key").unwrap().unwrap().len(), 7);
    assert_eq!(cache.stored_entries(), 1);
}

#[test]
fn what_was_removed_or_expired_makes_room() {
    let clock = Clock::frozen();
    let options = MemoryOptions::new().max_entries(100).clock(clock.clone());
    let cache = MemoryCache::with_options(options);
    for number in 0..50 {
        put(&cache, &format!("stays {number}"), 5);
        let key = format!("expires {number}");
        let second = Expiry::In(std::time::Duration::from_secs(1));
        cache
            .write_now(&key, Bytes::new(), Condition::Always, second)
            .unwrap();
    }
    clock.advance(std::time::Duration::from_secs(1));
    cache.remove_expired_now().unwrap();
    for number in 0..50 {
        put(&cache, &format!("new {number}"), 5);
    }
    for number in 0..50 {
        assert!(is_there(&cache, &format!("stays {number}")), "{number}");
        assert!(is_there(&cache, &format!("new {number}")), "{number}");
    }
    for number in 0..50 {
        assert!(cache.remove_now(&format!("new {number}")).unwrap());
        put(&cache, &format!("newer {number}"), 5);
        assert!(is_there(&cache, &format!("stays {number}")), "{number}");
    }
}

#[test]
fn a_scan_does_not_drive_out_what_is_used() {
    let cache = MemoryCache::with_options(MemoryOptions::new().max_entries(1_000));
    let hot: Vec<String> = (0..500).map(|number| format!("hot {number}")).collect();
    for key in &hot {
        put(&cache, key, 5);
    }
    for _ in 0..3 {
        assert!(hot.iter().all(|key| is_there(&cache, key)));
    }
    for number in 0..20_000 {
        put(&cache, &format!("scan {number}"), 5);
    }
    let kept = hot.iter().filter(|key| is_there(&cache, key)).count();
    assert!(kept > 450, "{kept} of 500 are left");
}

#[test]
fn the_hit_ratio_is_well_above_that_of_lru() {
    const ROOM: usize = 1_000;
    let cache = MemoryCache::with_options(MemoryOptions::new().max_entries(ROOM as u64));
    let mut lru = Lru::default();
    let (mut ours, mut theirs) = (0, 0);
    let mut random = Random(7);
    for step in 0..200_000_u64 {
        // Skewed towards small numbers, and now and then a run of keys that never come again.
        let key = if step % 20_000 < 4_000 {
            format!("scan {step}")
        } else {
            format!("{:.0}", 20_000_f64.powf(random.unit()))
        };
        if is_there(&cache, &key) {
            ours += 1;
        } else {
            put(&cache, &key, 5);
        }
        theirs += u32::from(lru.get_or_insert(&key, ROOM));
    }
    assert!(ours > theirs + 2_000, "{ours} hits, LRU {theirs}");
}

#[test]
fn favourites_that_change_fast_are_followed() {
    const ROOM: usize = 2_000;
    let cache = MemoryCache::with_options(MemoryOptions::new().max_entries(ROOM as u64));
    let mut lru = Lru::default();
    let (mut ours, mut theirs) = (0, 0);
    let mut random = Random(7);
    for step in 0..300_000_u64 {
        // LRU is at its best where the keys of a moment ago are the ones that are wanted.
        let key = format!("{:.0}", 40_000_f64.powf(random.unit()) + step as f64 / 12.0);
        if is_there(&cache, &key) {
            ours += 1;
        } else {
            put(&cache, &key, 5);
        }
        theirs += u32::from(lru.get_or_insert(&key, ROOM));
    }
    assert!(
        f64::from(ours) > f64::from(theirs) * 0.97,
        "{ours} hits, LRU {theirs}"
    );
}

#[test]
fn threads_that_write_at_once_leave_no_more_than_the_bound() {
    let cache = MemoryCache::with_options(MemoryOptions::new().max_entries(500));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for number in 0..5_000 {
                    put(cache, &format!("{thread} {}", number % 900), number % 50);
                    if number % 3 == 0 {
                        cache
                            .remove_now(&format!("{} {number}", (thread + 1) % 4))
                            .unwrap();
                    }
                }
            });
        }
    });
    put(&cache, "last", 5);
    assert!(cache.stored_entries() <= 500);
    assert!(cache.stored_entries() > 400);
}

/// Least recently used goes first; a yardstick.
#[derive(Default)]
struct Lru {
    order: VecDeque<(String, u64)>,
    latest: std::collections::HashMap<String, u64>,
    time: u64,
}

impl Lru {
    fn get_or_insert(&mut self, key: &str, room: usize) -> bool {
        self.time += 1;
        let hit = self.latest.insert(key.to_owned(), self.time).is_some();
        self.order.push_back((key.to_owned(), self.time));
        while self.latest.len() > room {
            let (oldest, time) = self.order.pop_front().unwrap();
            if self.latest[&oldest] == time {
                self.latest.remove(&oldest);
            }
        }
        while self
            .order
            .front()
            .is_some_and(|(key, time)| self.latest.get(key) != Some(time))
        {
            self.order.pop_front();
        }
        hit
    }
}

/// A small generator with a seed, so that a failure can be had again.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
