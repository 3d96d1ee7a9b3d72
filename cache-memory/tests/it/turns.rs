//! What takes long lets other tasks have their turn.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_memory::{Clock, MemoryCache, MemoryOptions};
use session_core::{Bytes, CacheClient, CacheClientExtended, Expiry};

const ENTRIES: usize = 10_000;

/// A step is 1,000 entries at most.
const STEPS: usize = ENTRIES / 1_000;

/// Runs a call to its end and gives, with its answer, how often it let others go first.
fn turns<T>(call: impl Future<Output = T>) -> (T, usize) {
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    let mut turns = 0;
    loop {
        match call.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return (answer, turns),
            Poll::Pending => turns += 1,
        }
    }
}

#[track_caller]
fn takes_turns<T>(call: impl Future<Output = session_core::Result<T>>) -> T {
    let (answer, turns) = turns(call);
    // Nobody needs a turn after the last step.
    assert!(turns >= STEPS - 1, "{turns} turns");
    answer.unwrap()
}

#[test]
fn long_calls_let_others_run_between_their_steps() {
    let clock = Clock::frozen();
    let hour = Duration::from_secs(3_600);
    let options = MemoryOptions::new()
        .clock(clock.clone())
        .sweep_interval(24 * hour);
    let cache = MemoryCache::with_options(options);
    let keys: Vec<String> = (0..ENTRIES).map(|number| number.to_string()).collect();
    let entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (&**key, Bytes::new())).collect();
    let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let count = ENTRIES as u64;
    let fill = || takes_turns(cache.write_all(&entries, Expiry::In(hour)));

    fill();
    assert_eq!(takes_turns(cache.read_all(&keys)).len(), ENTRIES);
    assert_eq!(takes_turns(cache.remove_all(&keys)), count);
    fill();
    assert_eq!(takes_turns(cache.remove_starting_with("")), count);
    fill();
    takes_turns(cache.flush_all());
    assert_eq!(cache.stored_entries(), 0);
    fill();
    clock.advance(hour);
    assert_eq!(takes_turns(cache.remove_expired()), count);
    assert_eq!(cache.stored_entries(), 0);
}

#[test]
fn short_calls_take_none() {
    let cache = MemoryCache::new();
    let entries = [("a", Bytes::new())];
    assert_eq!(turns(cache.write_all(&entries, Expiry::Never)).1, 0);
    assert_eq!(turns(cache.read_all(&["a", "b"])).1, 0);
    assert_eq!(turns(cache.remove_all(&["a", "b"])).1, 0);
    assert_eq!(turns(cache.remove_expired()).1, 0);
}
