//! The map and its records: the only module that locks them.
//!
//! A shard is a part of the map and the records that belong to it, always locked in this order,
//! one shard at a time, and never for longer than one operation or one bounded step takes. No
//! guard leaves this module, so none is held while a caller's code or another task runs. What an
//! operation drops, it drops after unlocking: freeing a large value takes time.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use dashmap::{DashMap, SharedValue};
use foldhash::fast::RandomState;
use session_core::Result;

use crate::bounds::Bounds;
use crate::clock::{Clock, Reading};
use crate::entry::{Change, Entry, NEVER, NO_RECORD};
use crate::options::MemoryOptions;
use crate::records::Records;
use crate::sweep::{Sweeper, Waiting};

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

type Stored = Box<Entry>;
type Map = DashMap<Stored, (), RandomState>;
type Slot = (Stored, SharedValue<()>);
type Table = hashbrown::raw::RawTable<Slot>;

/// Whether the keys are kept in order. They are from the first listing on.
#[derive(Debug, Default)]
struct Index {
    is_wanted: AtomicBool,
    is_built: OnceLock<()>,
}

/// Keys of one shard, as a listing takes them.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The live ones.
    pub(crate) keys: Vec<Box<str>>,
    /// Where the next page of the shard begins; `None` after the last.
    pub(crate) after: Option<Box<str>>,
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
    pub(crate) fn read<R>(
        &self,
        key: &str,
        now: &mut Reading<'_>,
        look: impl FnOnce(&Entry) -> R,
    ) -> Option<R> {
        let (hash, at) = self.place(key);
        let table = self.map.shards()[at].read();
        let (entry, _) = table.get(hash, |(entry, _)| *entry.key == *key)?;
        if now.is_past(entry.deadline) {
            return None;
        }
        if self.bounds.is_some() {
            entry.warm();
        }
        Some(look(entry))
    }

    /// Lets `decide` see the live entry and does what it says, in one step that nobody sees half.
    pub(crate) fn change<R>(
        &self,
        key: &str,
        now: &mut Reading<'_>,
        decide: impl FnOnce(Option<&Entry>, &mut Reading<'_>) -> Result<(Change, R)>,
    ) -> Result<R> {
        let (hash, at) = self.place(key);
        let is_it = |(entry, _): &Slot| *entry.key == *key;
        let mut table = self.map.shards()[at].write();
        let found = table.get_mut(hash, is_it).map(|(entry, _)| entry);
        let live = found
            .as_deref()
            .map(|entry| &**entry)
            .filter(|entry| !now.is_past(entry.deadline));
        let (change, answer) = decide(live, now)?;
        // Dropped after the guard, because freeing a large value takes time.
        let (garbage, record, deadline);
        match (change, found) {
            (Change::Nothing, _) | (Change::Remove | Change::Deadline(_), None) => {
                return Ok(answer);
            }
            (Change::Remove, Some(_)) => {
                let removed = table.remove_entry(hash, is_it);
                if let Some((entry, _)) = &removed {
                    self.removed(entry, &mut self.records(at));
                }
                drop(table);
                return Ok(answer);
            }
            (Change::Put(value, until), Some(entry)) => {
                garbage = std::mem::replace(&mut entry.value, value);
                self.overwritten(at, entry, hash, until, garbage.len());
                (record, deadline) = (entry.record, until);
            }
            (Change::Deadline(until), Some(entry)) => {
                garbage = Bytes::new();
                self.overwritten(at, entry, hash, until, entry.value.len());
                (record, deadline) = (entry.record, until);
            }
            (Change::Put(value, until), None) => {
                garbage = Bytes::new();
                let mut entry = Box::new(Entry::new(key, value, until));
                self.inserted(at, &mut entry, hash);
                (record, deadline) = (entry.record, until);
                let slot = (entry, SharedValue::new(()));
                table.insert_entry(hash, slot, |(entry, _)| self.hash(&entry.key));
            }
        }
        drop(table);
        drop(garbage);
        if deadline != NEVER {
            self.sweeper.wake();
        }
        self.make_room(at, record, now);
        Ok(answer)
    }

    /// Frees up to `STEP` entries of a shard that are expired, and tells how many, and whether
    /// there may be more.
    pub(crate) fn sweep_shard(&self, at: usize, now: &mut Reading<'_>) -> (usize, bool) {
        let now_ms = now.now_ms();
        if self.records(at).wheel.next_ms() > now_ms {
            return (0, false);
        }
        let mut garbage = Vec::new();
        let mut table = self.map.shards()[at].write();
        let mut records = self.records(at);
        let more = self.take_expired(&mut table, &mut records, now_ms, &mut garbage);
        if !more && !garbage.is_empty() {
            records.shrink(now_ms);
            if table.len() < table.capacity() / 8 && table.capacity() > SMALL_TABLE {
                let wanted = table.len() * 2;
                table.shrink_to(wanted, |(entry, _)| self.hash(&entry.key));
            }
        }
        drop(records);
        drop(table);
        (garbage.len(), more)
    }

    /// Frees all that is expired, a few entries at a time.
    pub(crate) fn sweep(&self) -> Waiting {
        for at in 0..self.shards() {
            while self.sweep_shard(at, &mut self.clock.reading()).1 {}
        }
        self.waiting()
    }

    /// Whether any entry may have a deadline.
    pub(crate) fn waiting(&self) -> Waiting {
        let is_waiting = |at| self.records(at).wheel.next_ms() != NEVER;
        if (0..self.shards()).any(is_waiting) {
            Waiting::ForDeadlines
        } else {
            Waiting::ForNothing
        }
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

    /// Up to `STEP` keys of a shard that start with a prefix and come after a key.
    pub(crate) fn page(&self, at: usize, prefix: &str, after: Option<&str>) -> Page {
        self.index.is_built.get_or_init(|| self.build_index());
        let mut now = self.clock.reading();
        let table = self.map.shards()[at].read();
        let mut keys = self.records(at).keys(prefix, after, STEP);
        let after = (keys.len() == STEP).then(|| keys.last().cloned()).flatten();
        keys.retain(|key| {
            let found = table.get(self.hash(key), |(entry, _)| entry.key == *key);
            found.is_some_and(|(entry, _)| !now.is_past(entry.deadline))
        });
        Page { keys, after }
    }

    /// Has the keys kept in order from now on. The first listing looks at every entry.
    fn build_index(&self) {
        // Writers that lock their shard after this loop keep the index; what was written before is
        // found below. A key is added while its shard is locked, so nobody removes it meanwhile.
        self.index.is_wanted.store(true, Ordering::Release);
        for at in 0..self.shards() {
            let table = self.map.shards()[at].write();
            self.records(at).index = Some(Default::default());
            drop(table);
        }
        for entry in &self.map {
            let key = &entry.key().key;
            if let Some(index) = &mut self.records(self.place(key).1).index {
                index.insert(key.clone());
            }
        }
    }

    /// Evicts until the bounds hold, but not the entry that was just written.
    fn make_room(&self, own: usize, written: u32, now: &mut Reading<'_>) {
        let Some(bounds) = &self.bounds else { return };
        let shards = self.shards();
        while bounds.are_exceeded() {
            let mut evict = |least: u64| {
                (0..shards).any(|step| {
                    let spared = if step == 0 { written } else { NO_RECORD };
                    self.evict((own + step) % shards, spared, least, now)
                })
            };
            // Some shard holds its share; if that is only the entry just written, another gives.
            let share = bounds.weight() / u64::try_from(shards).unwrap_or(u64::MAX);
            if !evict(share) && !evict(0) {
                return;
            }
        }
    }

    /// Makes room in a shard that weighs at least so much; `false` if nothing could go.
    fn evict(&self, at: usize, spared: u32, least: u64, now: &mut Reading<'_>) -> bool {
        let weighs_less = |records: &Records| {
            let policy = records.policy.as_ref();
            policy.is_none_or(|policy| policy.weight() < least.max(1))
        };
        if weighs_less(&self.records(at)) {
            return false;
        }
        let mut garbage = Vec::new();
        let mut table = self.map.shards()[at].write();
        let mut records = self.records(at);
        self.take_expired(&mut table, &mut records, now.now_ms(), &mut garbage);
        if garbage.is_empty() {
            garbage.extend(self.take_victim(&mut table, &mut records, spared));
        }
        drop(records);
        drop(table);
        !garbage.is_empty()
    }

    /// Takes expired entries out of a shard, up to `STEP`; `true` if there may be more.
    fn take_expired(
        &self,
        table: &mut Table,
        records: &mut Records,
        now_ms: i64,
        garbage: &mut Vec<Stored>,
    ) -> bool {
        for _ in 0..STEP {
            let Some(record) = records.wheel.pop(now_ms) else {
                return false;
            };
            let hash = records.hash(record);
            let is_it = |(entry, _): &Slot| entry.record == record;
            match table.get(hash, is_it).map(|(entry, _)| entry.deadline) {
                Some(deadline) if deadline <= now_ms => {
                    if let Some((entry, _)) = table.remove_entry(hash, is_it) {
                        self.removed(&entry, records);
                        garbage.push(entry);
                    }
                }
                // It was renewed, or comes nearer.
                Some(deadline) if deadline != NEVER => records.wheel.schedule(record, deadline),
                Some(_) | None => {}
            }
        }
        true
    }

    /// Takes the entry least worth keeping out of a shard.
    fn take_victim(&self, table: &mut Table, records: &mut Records, spared: u32) -> Option<Stored> {
        let record = records.victim(spared, |record, hash, cool| {
            let found = table.get(hash, |(entry, _)| entry.record == record);
            found.map_or(0, |(entry, _)| entry.cool(cool))
        })?;
        let hash = records.hash(record);
        let (entry, _) = table.remove_entry(hash, |(entry, _)| entry.record == record)?;
        self.removed(&entry, records);
        Some(entry)
    }

    /// Takes note of a new entry, whose shard is locked for writing.
    fn inserted(&self, at: usize, entry: &mut Entry, hash: u64) {
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
    fn overwritten(&self, at: usize, entry: &mut Entry, hash: u64, until: i64, len_before: usize) {
        let before = std::mem::replace(&mut entry.deadline, until);
        if let Some(bounds) = &self.bounds {
            let weight = bounds.weigh(entry);
            let weight_before = bounds.weigh_len(entry.key.len() + len_before);
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

    fn hash(&self, key: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key.as_bytes());
        hasher.finish()
    }

    /// The hash of a key and its shard.
    fn place(&self, key: &str) -> (u64, usize) {
        let hash = self.hash(key);
        // A narrower machine uses the lower half, as the map itself does.
        #[allow(clippy::cast_possible_truncation)]
        let at = self.map.determine_shard(hash as usize);
        (hash, at)
    }
}

/// Nothing panics while it holds a lock; if it did, what it left is still whole enough to use.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

/// How many entries are freed or listed before the shard is unlocked.
const STEP: usize = 256;
/// A table of so few slots is not worth making smaller.
const SMALL_TABLE: usize = 1_024;
