//! The bounds of a cache and how much of them is taken.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::entry::Entry;
use crate::options::{ENTRY_OVERHEAD, MemoryOptions};

/// Bounds and what is stored, kept only where there are bounds.
#[derive(Debug)]
pub(crate) struct Bounds {
    max_entries: u64,
    max_bytes: Option<u64>,
    entries: AtomicU64,
    /// Bytes where those are bounded, else entries: what the queues are weighed in.
    weight: AtomicU64,
}

impl Bounds {
    /// The bounds that the options ask for, if any.
    pub(crate) fn new(options: &MemoryOptions) -> Option<Self> {
        if options.max_entries.is_none() && options.max_bytes.is_none() {
            return None;
        }
        Some(Self {
            max_entries: options.max_entries.map_or(u64::MAX, u64::from),
            max_bytes: options.max_bytes.map(u64::from),
            entries: AtomicU64::new(0),
            weight: AtomicU64::new(0),
        })
    }

    /// How many entries fit, as far as one can tell.
    pub(crate) fn about_entries(&self) -> u64 {
        let by_bytes = self.max_bytes.map_or(u64::MAX, |most| most / 1_024);
        self.max_entries.min(by_bytes)
    }

    /// Whether an entry with this many bytes of key and value fits at all.
    pub(crate) fn admit(&self, len: usize) -> bool {
        self.max_bytes.is_none_or(|most| bytes_of(len) <= most)
    }

    /// Whether something has to go.
    pub(crate) fn are_exceeded(&self) -> bool {
        let weight = self.weight.load(Ordering::Relaxed);
        self.entries.load(Ordering::Relaxed) > self.max_entries
            || self.max_bytes.is_some_and(|most| weight > most)
    }

    /// What all entries weigh.
    pub(crate) fn weight(&self) -> u64 {
        self.weight.load(Ordering::Relaxed)
    }

    /// What an entry weighs.
    pub(crate) fn weigh(&self, entry: &Entry) -> u64 {
        self.weigh_len(entry.len())
    }

    /// What an entry with this many bytes of key and value weighs.
    pub(crate) fn weigh_len(&self, len: usize) -> u64 {
        self.max_bytes.map_or(1, |_| bytes_of(len))
    }

    /// Counts an entry in.
    pub(crate) fn add(&self, weight: u64) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.weight.fetch_add(weight, Ordering::Relaxed);
    }

    /// Counts an entry out.
    pub(crate) fn subtract(&self, weight: u64) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        self.weight.fetch_sub(weight, Ordering::Relaxed);
    }

    /// Counts an entry that weighs something else now.
    pub(crate) fn reweigh(&self, before: u64, now: u64) {
        self.weight.fetch_add(now, Ordering::Relaxed);
        self.weight.fetch_sub(before, Ordering::Relaxed);
    }
}

fn bytes_of(len: usize) -> u64 {
    ENTRY_OVERHEAD.saturating_add(u64::try_from(len).unwrap_or(u64::MAX))
}
