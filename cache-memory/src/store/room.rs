//! Freeing what is expired and evicting what is least worth keeping, in bounded steps.

use super::{STEP, Slot, Store, Table};
use crate::bounds::Bounds;
use crate::clock::Reading;
use crate::entry::{Entry, NEVER, NO_RECORD};
use crate::records::Records;
use crate::sweep::Waiting;

impl Store {
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
                table.shrink_to(wanted, |(entry, _)| self.hash(entry.key()).spread());
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

    /// Whether any entry may have a deadline. Removing one leaves its slot to be found empty here,
    /// where nobody waits.
    pub(crate) fn waiting(&self) -> Waiting {
        let is_waiting = |at| !self.records(at).wheel.is_empty();
        if (0..self.shards()).any(is_waiting) {
            Waiting::ForDeadlines
        } else {
            Waiting::ForNothing
        }
    }

    /// Evicts until the bounds hold, but not the entry that was just written.
    pub(super) fn make_room(
        &self,
        bounds: &Bounds,
        own: usize,
        written: u32,
        now: &mut Reading<'_>,
    ) {
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
        garbage: &mut Vec<Entry>,
    ) -> bool {
        for _ in 0..STEP {
            let Some(record) = records.wheel.pop(now_ms) else {
                return false;
            };
            let hash = records.hash(record);
            let is_it = |(entry, _): &Slot| entry.record == record;
            match table
                .get(hash.spread(), is_it)
                .map(|(entry, _)| entry.deadline)
            {
                Some(deadline) if deadline <= now_ms => {
                    if let Some((entry, _)) = table.remove_entry(hash.spread(), is_it) {
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
    fn take_victim(&self, table: &mut Table, records: &mut Records, spared: u32) -> Option<Entry> {
        let record = records.victim(spared, |record, hash, cool| {
            let found = table.get(hash.spread(), |(entry, _)| entry.record == record);
            found.map_or(0, |(entry, _)| entry.cool(cool))
        })?;
        let hash = records.hash(record);
        let (entry, _) = table.remove_entry(hash.spread(), |(entry, _)| entry.record == record)?;
        self.removed(&entry, records);
        Some(entry)
    }
}

/// A table of so few slots is not worth making smaller.
const SMALL_TABLE: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use session_core::{Bytes, Condition, Expiry};

    use super::*;
    use crate::{MemoryCache, MemoryOptions};

    #[test]
    fn nothing_is_waited_for_once_no_entry_has_a_deadline() {
        for options in [MemoryOptions::new(), MemoryOptions::new().max_entries(10)] {
            let cache = MemoryCache::with_options(options);
            let put = |key, expiry| {
                let written = cache.write_now(key, Bytes::new(), Condition::Always, expiry);
                assert!(written.unwrap());
            };
            put("for ever", Expiry::Never);
            put("short", Expiry::In(Duration::from_secs(3_600)));
            put("long", Expiry::In(Duration::from_secs(365 * 24 * 3_600)));
            assert!(cache.remove_now("long").unwrap());
            assert_eq!(cache.store.waiting(), Waiting::ForDeadlines);
            assert!(cache.remove_now("short").unwrap());
            assert_eq!(cache.store.waiting(), Waiting::ForNothing);
            put("long", Expiry::In(Duration::from_secs(365 * 24 * 3_600)));
            assert_eq!(cache.store.waiting(), Waiting::ForDeadlines);
        }
    }
}
