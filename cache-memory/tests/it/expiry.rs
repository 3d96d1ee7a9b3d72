//! How expired entries go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use cache_memory::{Clock, MemoryCache, MemoryOptions};
use session_core::{Bytes, Condition, Expiry, TimeToLive};

const SECOND: Duration = Duration::from_secs(1);

/// A cache that sweeps only when asked, and its clock.
fn unswept() -> (MemoryCache, Clock) {
    let clock = Clock::frozen();
    let hour = Duration::from_secs(3_600);
    let options = MemoryOptions::new()
        .clock(clock.clone())
        .sweep_interval(hour);
    (MemoryCache::with_options(options), clock)
}

#[track_caller]
fn put(cache: &MemoryCache, key: &str, expiry: impl Into<Expiry>) {
    let value = Bytes::from_static(b"value");
    assert!(
        cache
            .write_now(key, value, Condition::Always, expiry.into())
            .unwrap()
    );
}

/// Waits for what another thread is to do; the limit is a watchdog.
#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < 60 * SECOND, "it did not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Counts itself out when its value is freed.
struct Counted(Arc<AtomicUsize>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        b"value"
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn plain_code_needs_no_runtime_and_sweeping_neither() {
    let alive = Arc::new(AtomicUsize::new(100));
    let clock = Clock::frozen();
    let options = MemoryOptions::new()
        .clock(clock.clone())
        .sweep_interval(Duration::from_millis(1));
    let cache = MemoryCache::with_options(options);
    for number in 0..100 {
        let value = Bytes::from_owner(Counted(alive.clone()));
        let expiry = Expiry::In(SECOND * (1 + number % 2));
        cache
            .write_now(&format!("key {number}"), value, Condition::Always, expiry)
            .unwrap();
    }
    clock.advance(SECOND);
    wait_until(|| alive.load(Ordering::Relaxed) == 50);
    assert_eq!(cache.stored_entries(), 50);
    // The thread sleeps without end once nothing has a deadline, and is woken again.
    clock.advance(SECOND);
    wait_until(|| cache.stored_entries() == 0);
    std::thread::sleep(Duration::from_millis(20));
    put(&cache, "again", SECOND);
    clock.advance(SECOND);
    wait_until(|| cache.stored_entries() == 0);
}

#[test]
fn the_last_clone_takes_the_entries_and_the_thread_with_it() {
    let alive = Arc::new(AtomicUsize::new(1));
    let cache = MemoryCache::new();
    let value = Bytes::from_owner(Counted(alive.clone()));
    cache
        .write_now("key", value, Condition::Always, Expiry::In(3_600 * SECOND))
        .unwrap();
    let clone = cache.clone();
    drop(cache);
    assert!(clone.read_now("key").unwrap().is_some());
    drop(clone);
    // A sweep that is under way may hold the entries for a moment longer.
    wait_until(|| alive.load(Ordering::Relaxed) == 0);
}

#[test]
fn remove_expired_counts_what_it_freed() {
    let (cache, clock) = unswept();
    for number in 0..3_000_u32 {
        put(&cache, &number.to_string(), SECOND * (1 + number % 3));
    }
    put(&cache, "for ever", Expiry::Never);
    assert_eq!(cache.remove_expired_now().unwrap(), 0);
    clock.advance(2 * SECOND);
    assert_eq!(cache.remove_expired_now().unwrap(), 2_000);
    assert_eq!(cache.remove_expired_now().unwrap(), 0);
    assert_eq!(cache.stored_entries(), 1_001);
}

#[test]
fn an_entry_is_freed_at_its_millisecond_however_far() {
    for millis in [
        1,
        63,
        64,
        65,
        4_095,
        4_096,
        4_097,
        1_000_000,
        20_000_000_000,
        7_999_999_999_999,
    ] {
        let (cache, clock) = unswept();
        let life = Duration::from_millis(millis);
        put(&cache, "key", life);
        clock.advance(life - Duration::from_millis(1));
        assert_eq!(cache.remove_expired_now().unwrap(), 0, "{millis}");
        assert!(cache.read_now("key").unwrap().is_some());
        clock.advance(Duration::from_millis(1));
        assert_eq!(cache.read_now("key").unwrap(), None, "{millis}");
        assert_eq!(cache.remove_expired_now().unwrap(), 1, "{millis}");
    }
}

#[test]
fn a_renewed_entry_lives_on_and_a_shortened_one_does_not() {
    let (cache, clock) = unswept();
    for key in ["longer", "shorter", "for ever"] {
        put(&cache, key, 10 * SECOND);
    }
    put(&cache, "longer", 100 * SECOND);
    put(&cache, "shorter", SECOND);
    put(&cache, "for ever", Expiry::Never);
    clock.advance(SECOND);
    assert_eq!(cache.remove_expired_now().unwrap(), 1);
    clock.advance(50 * SECOND);
    assert_eq!(cache.remove_expired_now().unwrap(), 0);
    clock.advance(49 * SECOND);
    assert_eq!(cache.remove_expired_now().unwrap(), 1);
    // Without a deadline since then, and with one again.
    put(&cache, "for ever", SECOND);
    clock.advance(SECOND);
    assert_eq!(cache.remove_expired_now().unwrap(), 1);
    assert_eq!(cache.stored_entries(), 0);
}

#[test]
fn a_running_clock_ends_no_entry_early() {
    let cache = MemoryCache::new();
    for _ in 0..50 {
        let started = Instant::now();
        put(&cache, "key", Duration::from_millis(2));
        while cache.read_now("key").unwrap().is_some() {}
        assert!(started.elapsed() >= Duration::from_millis(2));
    }
}

#[test]
fn an_instant_is_counted_down_on_the_monotonic_clock() {
    let (cache, clock) = unswept();
    put(&cache, "key", SystemTime::now() + 10 * SECOND);
    let Some(TimeToLive::Remaining(left)) = cache.get_time_to_live_now("key").unwrap() else {
        panic!("it has a deadline");
    };
    assert!(left <= 10 * SECOND && left > 5 * SECOND);
    clock.advance(10 * SECOND);
    assert_eq!(cache.read_now("key").unwrap(), None);
}

#[test]
fn a_clock_at_the_end_of_time_overflows_nothing() {
    let (cache, clock) = unswept();
    put(&cache, "key", SECOND);
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!(cache.read_now("key").unwrap(), None);
    assert_eq!(cache.remove_expired_now().unwrap(), 1);
    put(&cache, "key", Duration::MAX);
    assert_eq!(
        cache.get_time_to_live_now("key").unwrap(),
        Some(TimeToLive::Never)
    );
}
