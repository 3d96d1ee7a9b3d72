//! Sequences of operations give what a plain map of deadlines gives, with and without bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use cache_memory::{Clock, MemoryCache, MemoryOptions};
use proptest::prelude::*;
use session_core::{Bytes, Condition, Expiry, TimeToLive};

#[derive(Clone, Debug)]
enum Step {
    Write(u8, u8, Condition, Expiry),
    Remove(u8),
    Increment(u8, i64, Expiry),
    SetTimeToLive(u8, Expiry),
    Pass(u64),
    RemoveExpired,
    RemoveStartingWith(&'static str),
    Flush,
}

/// The value and deadline of each key, in milliseconds since the start.
#[derive(Default)]
struct Model {
    entries: BTreeMap<String, (Bytes, Option<u64>)>,
    now: u64,
}

impl Model {
    fn forget_expired(&mut self) {
        let now = self.now;
        self.entries
            .retain(|_, (_, deadline)| deadline.is_none_or(|deadline| deadline > now));
    }

    /// The deadline that an expiry asks for, or `None` if it is past.
    fn deadline(&self, expiry: Expiry, before: Option<u64>) -> Option<Option<u64>> {
        match expiry {
            Expiry::Never => Some(None),
            Expiry::Keep => Some(before),
            Expiry::In(Duration::ZERO) => None,
            Expiry::In(life) => Some(Some(self.now + u64::try_from(life.as_millis()).unwrap())),
            Expiry::At(_) => unreachable!("instants have a test of their own"),
        }
    }

    fn put(&mut self, key: &str, value: Bytes, expiry: Expiry) {
        let before = self.entries.get(key).and_then(|(_, deadline)| *deadline);
        match self.deadline(expiry, before) {
            Some(deadline) => drop(self.entries.insert(key.to_owned(), (value, deadline))),
            None => drop(self.entries.remove(key)),
        }
    }

    fn step(&mut self, cache: &MemoryCache, clock: &Clock, step: Step) {
        self.forget_expired();
        match step {
            Step::Write(key, value, condition, expiry) => {
                let (key, value) = (key_of(key), value_of(value));
                let live = self.entries.get(&key).map(|(value, _)| value.clone());
                let holds = match &condition {
                    Condition::Always => true,
                    Condition::Absent => live.is_none(),
                    Condition::Present => live.is_some(),
                    Condition::Equals(expected) => live.as_ref() == Some(expected),
                };
                let did = cache
                    .write_now(&key, value.clone(), condition, expiry)
                    .unwrap();
                assert_eq!(did, holds);
                if holds {
                    self.put(&key, value, expiry);
                }
            }
            Step::Remove(key) => {
                let key = key_of(key);
                let was_there = self.entries.remove(&key).is_some();
                assert_eq!(cache.remove_now(&key).unwrap(), was_there);
            }
            Step::Increment(key, by, expiry) => {
                let key = key_of(key);
                let number = |value: &Bytes| std::str::from_utf8(value).unwrap().parse::<i64>();
                let found = self
                    .entries
                    .get(&key)
                    .map(|(value, _)| number(value).unwrap());
                let sum = found.unwrap_or(0).checked_add(by);
                assert_eq!(cache.increment_now(&key, by, expiry).ok(), sum);
                if let Some(sum) = sum {
                    let expiry = if found.is_some() {
                        Expiry::Keep
                    } else {
                        expiry
                    };
                    self.put(&key, Bytes::from(sum.to_string()), expiry);
                }
            }
            Step::SetTimeToLive(key, expiry) => {
                let key = key_of(key);
                let live = self.entries.get(&key).map(|(value, _)| value.clone());
                assert_eq!(
                    cache.set_time_to_live_now(&key, expiry).unwrap(),
                    live.is_some()
                );
                if let Some(value) = live {
                    self.put(&key, value, expiry);
                }
            }
            Step::Pass(millis) => {
                self.now += millis;
                clock.advance(Duration::from_millis(millis));
            }
            Step::RemoveExpired => {
                cache.remove_expired_now().unwrap();
                assert_eq!(cache.stored_entries(), self.entries.len());
            }
            Step::RemoveStartingWith(prefix) => {
                let before = self.entries.len();
                self.entries.retain(|key, _| !key.starts_with(prefix));
                let removed = cache.remove_starting_with_now(prefix).unwrap();
                assert_eq!(
                    usize::try_from(removed).unwrap(),
                    before - self.entries.len()
                );
            }
            Step::Flush => {
                self.entries.clear();
                cache.flush_all_now().unwrap();
            }
        }
        self.forget_expired();
    }

    fn compare(&self, cache: &MemoryCache) {
        for key in (0..KEYS).map(key_of) {
            let expected = self.entries.get(&key).map(|(value, deadline)| {
                let left = deadline.map(|deadline| Duration::from_millis(deadline - self.now));
                (
                    value.clone(),
                    left.map_or(TimeToLive::Never, TimeToLive::Remaining),
                )
            });
            assert_eq!(cache.read_with_time_to_live_now(&key).unwrap(), expected);
        }
    }
}

const KEYS: u8 = 24;

fn key_of(number: u8) -> String {
    format!("{}{number}", ["a", "ab", "%", "é"][usize::from(number % 4)])
}

/// Numbers, so that a counter can be anywhere; the longest leave no room for a step.
fn value_of(number: u8) -> Bytes {
    match number {
        0 => Bytes::from(i64::MAX.to_string()),
        1 => Bytes::from(i64::MIN.to_string()),
        number => Bytes::from(number.to_string()),
    }
}

fn expiries() -> impl Strategy<Value = Expiry> {
    prop_oneof![
        Just(Expiry::Never),
        Just(Expiry::Keep),
        Just(Expiry::In(Duration::ZERO)),
        (1..200_u64).prop_map(|millis| Expiry::In(Duration::from_millis(millis))),
        (1..40_u32).prop_map(|bits| Expiry::In(Duration::from_millis(1 << bits))),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    prop_oneof![
        3 => Just(Condition::Always),
        1 => Just(Condition::Absent),
        1 => Just(Condition::Present),
        2 => (0..6_u8).prop_map(|value| Condition::Equals(value_of(value))),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let key = 0..KEYS;
    prop_oneof![
        8 => (key.clone(), 0..6_u8, conditions(), expiries())
            .prop_map(|(key, value, condition, expiry)| Step::Write(key, value, condition, expiry)),
        2 => key.clone().prop_map(Step::Remove),
        3 => (key.clone(), -3..4_i64, expiries())
            .prop_map(|(key, by, expiry)| Step::Increment(key, by, expiry)),
        3 => (key, expiries()).prop_map(|(key, expiry)| Step::SetTimeToLive(key, expiry)),
        3 => (1..150_u64).prop_map(Step::Pass),
        1 => (0..40_u32).prop_map(|bits| Step::Pass(1 << bits)),
        2 => Just(Step::RemoveExpired),
        1 => prop::sample::select(vec!["a", "ab", "%", "_", ""]).prop_map(Step::RemoveStartingWith),
        1 => Just(Step::Flush),
    ]
}

/// A bound that is never reached must not be seen; the queues are kept all the same.
fn cache_of(bounded: bool, clock: &Clock) -> MemoryCache {
    let hour = Duration::from_secs(3_600);
    let options = MemoryOptions::new()
        .clock(clock.clone())
        .sweep_interval(hour);
    MemoryCache::with_options(if bounded {
        options.max_entries(1_000).max_bytes(1 << 20)
    } else {
        options
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_gives_what_a_plain_map_gives(
        bounded in any::<bool>(),
        steps in prop::collection::vec(steps(), 1..120),
    ) {
        let clock = Clock::frozen();
        let cache = cache_of(bounded, &clock);
        let mut model = Model::default();
        for step in steps {
            model.step(&cache, &clock, step);
            model.compare(&cache);
        }
    }
}
