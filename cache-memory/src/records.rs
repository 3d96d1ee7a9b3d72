//! What a shard knows of its entries besides the map: when they may be due, which to evict, and
//! their keys in order.
//!
//! An entry that has a deadline, or any entry of a bounded cache, has a record: a small number
//! under which the wheel and the policy know it, and its hash, by which the map finds it. The
//! records of a shard change only while its part of the map is locked for writing, so that the two
//! agree.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::entry::{Entry, KeyHash, NEVER, NO_RECORD};
use crate::evict::Policy;
use crate::wheel::Wheel;

/// The records of one shard.
#[derive(Debug)]
pub(crate) struct Records {
    /// The hash of each record's entry; for a free record, the next free one.
    hashes: Vec<KeyHash>,
    first_free: u32,
    used: usize,
    pub(crate) wheel: Wheel,
    /// Only in a bounded cache.
    pub(crate) policy: Option<Policy>,
    /// Only after the first listing.
    pub(crate) index: Option<BTreeSet<Box<str>>>,
}

impl Records {
    pub(crate) fn new(now_ms: i64, bounded: bool) -> Self {
        Self {
            hashes: Vec::new(),
            first_free: NO_RECORD,
            used: 0,
            wheel: Wheel::new(now_ms),
            policy: bounded.then(Policy::new),
            index: None,
        }
    }

    /// The hash of a record's entry.
    pub(crate) fn hash(&self, record: u32) -> KeyHash {
        self.hashes[record as usize]
    }

    /// Takes note of a new entry.
    pub(crate) fn inserted(&mut self, entry: &mut Entry, hash: KeyHash, weight: u64) {
        if let Some(index) = &mut self.index {
            index.insert(entry.key().into());
        }
        if self.policy.is_some() {
            entry.record = self.number(hash);
        }
        if let Some(policy) = &mut self.policy {
            policy.insert(entry.record, hash, weight);
        }
        if entry.deadline != NEVER {
            self.expires_earlier(entry, hash);
        }
    }

    /// Takes note that an entry expires earlier than it did.
    pub(crate) fn expires_earlier(&mut self, entry: &mut Entry, hash: KeyHash) {
        if entry.record == NO_RECORD {
            entry.record = self.number(hash);
        }
        self.wheel.schedule(entry.record, entry.deadline);
    }

    /// Takes note of another value of an entry.
    pub(crate) fn reweighed(&mut self, entry: &Entry, weight: u64) {
        if let Some(policy) = &mut self.policy {
            policy.reweigh(entry.record, weight);
        }
    }

    /// The record of the entry that is least worth keeping, which is remembered as gone.
    ///
    /// `heat` gets a record, its hash and what to make of the heat of its entry, and gives the
    /// heat that the entry had.
    pub(crate) fn victim(
        &mut self,
        spared: u32,
        mut heat: impl FnMut(u32, KeyHash, fn(u8) -> u8) -> u8,
    ) -> Option<u32> {
        let Self { policy, hashes, .. } = self;
        let policy = policy.as_mut()?;
        let victim = policy.victim(spared, |record, cool| {
            heat(record, hashes[record as usize], cool)
        })?;
        policy.remember(victim, hashes[victim as usize]);
        Some(victim)
    }

    /// Forgets an entry that has left the map.
    pub(crate) fn removed(&mut self, entry: &Entry) {
        if let Some(index) = &mut self.index {
            index.remove(entry.key());
        }
        if entry.record == NO_RECORD {
            return;
        }
        self.wheel.cancel(entry.record);
        if let Some(policy) = &mut self.policy {
            policy.remove(entry.record);
        }
        self.hashes[entry.record as usize] = KeyHash(self.first_free);
        self.first_free = entry.record;
        self.used -= 1;
    }

    /// Up to `limit` keys that start with a prefix and come after a key, in order.
    pub(crate) fn keys(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Box<str>> {
        let Some(index) = &self.index else {
            return Vec::new();
        };
        let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
        index
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|key| key.starts_with(prefix))
            .take(limit)
            .cloned()
            .collect()
    }

    /// Gives back the room of records once nothing is left of them.
    pub(crate) fn shrink(&mut self, now_ms: i64) {
        if self.used == 0 {
            self.hashes = Vec::new();
            self.first_free = NO_RECORD;
            self.wheel = Wheel::new(now_ms);
            self.policy = self.policy.is_some().then(Policy::new);
        }
    }

    /// A number for an entry with this hash.
    fn number(&mut self, hash: KeyHash) -> u32 {
        self.used += 1;
        if self.first_free == NO_RECORD {
            self.hashes.push(hash);
            // A shard of four thousand million entries does not fit a machine.
            return u32::try_from(self.hashes.len() - 1).unwrap_or(NO_RECORD);
        }
        let number = self.first_free;
        let freed = &mut self.hashes[number as usize];
        self.first_free = std::mem::replace(freed, hash).0;
        number
    }
}
