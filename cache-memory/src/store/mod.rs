//! The map and its records: the only module that locks them.
//!
//! A shard is a part of the map and the records that belong to it, always locked in this order,
//! one shard at a time, and never for longer than one operation or one bounded step takes. No
//! guard leaves this module, so none is held while a caller's code or another task runs. What an
//! operation drops, it drops after unlocking: freeing a large value takes time.

mod listing;
mod room;

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use dashmap::{DashMap, SharedValue};
use foldhash::fast::RandomState;
use session_core::{Deadline, Expiry, Result};

use crate::bounds::Bounds;
use crate::clock::{Clock, Reading};
use crate::entry::{Change, Entry, KeyHash, NEVER};
use crate::hint::{CACHE_LINE, fetch};
use crate::options::MemoryOptions;
use crate::records::Records;
use crate::sweep::Sweeper;

/// All entries of one cache.
#[derive(Debug)]
pub(crate) struct Store {
    /// The entry is the key, so that a slot of the table is one pointer.
    map: Map,
    hasher: RandomState,
    /// For each shard of the map.
    records: Box<[Mutex<Records>]>,
    clock: Clock,
    bounds: Option<Bounds>,
    index: Index,
    sweeper: Sweeper,
}

type Map = DashMap<Entry, (), RandomState>;
type Slot = (Entry, SharedValue<()>);
type Table = hashbrown::raw::RawTable<Slot>;

/// Whether the keys are kept in order. They are from the first listing on.
#[derive(Debug, Default)]
struct Index {
    is_wanted: AtomicBool,
    is_built: OnceLock<()>,
}

impl Store {
    pub(crate) fn new(options: &MemoryOptions) -> Arc<Self> {
        let bounds = Bounds::new(options);
        let hasher = RandomState::default();
        let shards = shards_for(bounds.as_ref());
        let map = Map::with_hasher_and_shard_amount(hasher.clone(), shards);
        let clock = options.clock.clone().unwrap_or_default();
        let now_ms = clock.reading().now_ms();
        let records = (0..shards)
            .map(|_| Mutex::new(Records::new(now_ms, bounds.is_some())))
            .collect();
        Arc::new_cyclic(|store| Self {
            map,
            hasher,
            records,
            clock,
            bounds,
            index: Index::default(),
            sweeper: Sweeper::new(store.clone(), options.sweep_interval),
        })
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many entries are stored, expired ones that are not yet freed among them.
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether an entry of this key and value may be stored at all.
    pub(crate) fn has_room_for(&self, key: &str, value: &Bytes) -> bool {
        let bounds = self.bounds.as_ref();
        bounds.is_none_or(|bounds| bounds.admit(key.len() + value.len()))
    }

    /// Looks at a live entry.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        key: &str,
        now: &mut Reading<'_>,
        look: impl FnOnce(&Entry) -> R,
    ) -> Option<R> {
        let (hash, at) = self.place(key);
        let table = self.map.shards()[at].read();
        fetch_slots(&table, hash);
        let (entry, _) = table.get(hash.spread(), |(entry, _)| entry.is_of(key))?;
        if now.is_past(entry.deadline) {
            return None;
        }
        if self.bounds.is_some() {
            entry.warm();
        }
        let seen = look(entry);
        // Before it is moved: unlocking waits until what was seen is in memory, and so would a move.
        drop(table);
        Some(seen)
    }

    /// Lets `decide` see the live entry and does what it says, in one step that nobody sees half.
    ///
    /// It gets the deadline that an expiry asks for, by a clock that is read while the entry is on its
    /// way from memory: the clock waits for all that was asked of memory, but not for a hint.
    #[inline]
    pub(crate) fn change<'v, R>(
        &self,
        key: &str,
        now: &mut Reading<'_>,
        expiry: Expiry,
        decide: impl FnOnce(Option<&Entry>, Deadline, &mut Reading<'_>) -> Result<(Change<'v>, R)>,
    ) -> Result<R> {
        let (hash, at) = self.place(key);
        let is_it = |(entry, _): &Slot| entry.is_of(key);
        let mut table = self.map.shards()[at].write();
        fetch_slots(&table, hash);
        // The first whose hash may be the key's is mostly the one.
        if let Some((entry, _)) = table.get(hash.spread(), |_| true) {
            entry.prefetch();
        }
        let deadline = now.deadline(expiry);
        let found = table.get_mut(hash.spread(), is_it).map(|(entry, _)| entry);
        let live = found
            .as_deref()
            .filter(|entry| !now.is_past(entry.deadline));
        let (change, answer) = decide(live, deadline, now)?;
        let (record, until) = match (change, found) {
            (Change::Nothing, _) | (Change::Remove | Change::Deadline(_), None) => {
                return Ok(answer);
            }
            (Change::Remove, Some(_)) => {
                let removed = table.remove_entry(hash.spread(), is_it);
                if let Some((entry, _)) = &removed {
                    self.removed(entry, &mut self.records(at));
                }
                // Before what was removed, because freeing a large value takes time.
                drop(table);
                return Ok(answer);
            }
            (Change::Put(value, until), Some(entry)) => {
                std::mem::swap(&mut entry.value, value);
                self.overwritten(at, entry, hash, until, value.len());
                (entry.record, until)
            }
            (Change::Deadline(until), Some(entry)) => {
                self.overwritten(at, entry, hash, until, entry.value.len());
                (entry.record, until)
            }
            (Change::Put(value, until), None) => {
                let mut entry = Entry::new(key, std::mem::take(value), until);
                self.inserted(at, &mut entry, hash);
                let record = entry.record;
                let slot = (entry, SharedValue::new(()));
                table.insert_entry(hash.spread(), slot, |(entry, _)| {
                    self.hash(entry.key()).spread()
                });
                (record, until)
            }
        };
        drop(table);
        if until != NEVER {
            self.sweeper.wake();
        }
        if let Some(bounds) = &self.bounds {
            self.make_room(bounds, at, record, now);
        }
        Ok(answer)
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> usize {
        self.records.len()
    }

    /// Removes all entries of a shard.
    pub(crate) fn clear_shard(&self, at: usize) {
        let mut table = self.map.shards()[at].write();
        let mut records = self.records(at);
        let garbage = std::mem::take(&mut *table);
        let is_indexed = records.index.is_some();
        let now_ms = self.clock.reading().now_ms();
        *records = Records::new(now_ms, self.bounds.is_some());
        records.index = is_indexed.then(Default::default);
        drop(records);
        drop(table);
        for (entry, _) in garbage {
            if let Some(bounds) = &self.bounds {
                bounds.subtract(bounds.weigh(&entry));
            }
        }
    }

    /// Takes note of a new entry, whose shard is locked for writing.
    fn inserted(&self, at: usize, entry: &mut Entry, hash: KeyHash) {
        let weight = self.bounds.as_ref().map_or(0, |bounds| {
            let weight = bounds.weigh(entry);
            bounds.add(weight);
            weight
        });
        if self.has_records(entry) {
            self.records(at).inserted(entry, hash, weight);
        }
    }

    /// Gives an entry its new deadline and takes note of its new value, whose shard is locked.
    #[inline]
    fn overwritten(
        &self,
        at: usize,
        entry: &mut Entry,
        hash: KeyHash,
        until: i64,
        len_before: usize,
    ) {
        let before = std::mem::replace(&mut entry.deadline, until);
        if let Some(bounds) = &self.bounds {
            let weight = bounds.weigh(entry);
            let weight_before = bounds.weigh_len(entry.key().len() + len_before);
            if weight != weight_before {
                bounds.reweigh(weight_before, weight);
                self.records(at).reweighed(entry, weight);
            }
        }
        // A later deadline is found out when the record is popped.
        if until < before {
            self.records(at).expires_earlier(entry, hash);
        }
    }

    /// Takes note that an entry has left the map, whose shard is locked for writing.
    fn removed(&self, entry: &Entry, records: &mut Records) {
        if let Some(bounds) = &self.bounds {
            bounds.subtract(bounds.weigh(entry));
        }
        records.removed(entry);
    }

    /// Whether anybody but the map needs to know of an entry.
    fn has_records(&self, entry: &Entry) -> bool {
        entry.deadline != NEVER
            || self.bounds.is_some()
            || self.index.is_wanted.load(Ordering::Acquire)
    }

    fn records(&self, at: usize) -> MutexGuard<'_, Records> {
        lock(&self.records[at])
    }

    #[inline]
    fn hash(&self, key: &str) -> KeyHash {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key.as_bytes());
        KeyHash::new(hasher.finish())
    }

    /// The hash of a key and its shard.
    #[inline]
    fn place(&self, key: &str) -> (KeyHash, usize) {
        let hash = self.hash(key);
        // A narrower machine uses the lower half, as the map itself does.
        #[allow(clippy::cast_possible_truncation)]
        let at = self.map.determine_shard(hash.spread() as usize);
        (hash, at)
    }
}

/// Nothing panics while it holds a lock; if it did, what it left is still whole enough to use.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the processor fetch the slots of a hash beside the table's bytes that tell which of them it is:
/// it would fetch them only then, one after the other.
#[inline]
fn fetch_slots(table: &Table, hash: KeyHash) {
    // A narrower machine uses the lower half, as the table itself does.
    #[allow(clippy::cast_possible_truncation)]
    let first = hash.spread() as usize & (table.buckets() - 1);
    // Slots lie before the end, the last of them first. Where they begin anew the hint is wasted.
    let last = table.data_end().as_ptr().wrapping_sub(first + GROUP);
    let at: *const u8 = last.cast();
    fetch([0, 1, 2].map(|line| at.wrapping_add(line * CACHE_LINE)));
}

/// Many small shards: each grows in a short step, and threads seldom meet. A small bound has few,
/// so that its queues know enough of the entries to choose well.
fn shards_for(bounds: Option<&Bounds>) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let most = (processors * 4).next_power_of_two().clamp(32, 1_024);
    let wanted = bounds.map_or(most, |bounds| {
        usize::try_from(bounds.about_entries() / 1_024).unwrap_or(most)
    });
    // The map takes powers of two from 2 on.
    wanted.clamp(2, most).next_power_of_two()
}

/// How many slots the table looks at together. With a pointer each they lie on three lines at most.
const GROUP: usize = 16;

/// How many entries are freed or listed before the shard is unlocked.
const STEP: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_bound_has_few_shards_and_none_has_many() {
        let shards = |options: MemoryOptions| shards_for(Bounds::new(&options).as_ref());
        let unbounded = shards(MemoryOptions::new());
        assert!(unbounded >= 32);
        for (entries, expected) in [(1, 2), (3_000, 2), (10_000, 16), (u64::MAX, unbounded)] {
            assert_eq!(shards(MemoryOptions::new().max_entries(entries)), expected);
            // By bytes it is about as many entries of a KiB.
            let bytes = entries.saturating_mul(1_024);
            assert_eq!(shards(MemoryOptions::new().max_bytes(bytes)), expected);
        }
    }
}
