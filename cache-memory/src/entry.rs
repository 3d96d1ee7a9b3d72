//! An entry as it is stored, and what an operation makes of it.

use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use erasable::Thin;
use slice_dst::StrWithHeader;

use crate::hint::{CACHE_LINE, fetch};

/// The deadline of an entry that has none.
pub(crate) const NEVER: i64 = i64::MAX;

/// The record number of an entry that nothing but the map knows of.
pub(crate) const NO_RECORD: u32 = u32::MAX;

/// One entry: a pointer to 56 bytes and its key, so that a look-up goes to one place in memory once
/// it has found the slot, and the map grows cheaply.
#[derive(Debug)]
pub(crate) struct Entry(Thin<Box<StrWithHeader<Content>>>);

/// What an entry holds besides its key.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) value: Bytes,
    /// The first millisecond at which the entry is absent, or [`NEVER`].
    pub(crate) deadline: i64,
    /// Its number in the shard's records, or [`NO_RECORD`].
    pub(crate) record: u32,
    heat: AtomicU8,
}

/// The hash of a key. 32 bits tell enough keys apart and are half of what a record takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyHash(pub(crate) u32);

impl KeyHash {
    /// The two halves of a hash laid over each other.
    #[inline]
    pub(crate) fn new(hash: u64) -> Self {
        #[allow(clippy::cast_possible_truncation)]
        Self((hash ^ (hash >> 32)) as u32)
    }

    /// As the map takes it, which chooses shards and slots by bits from either end.
    #[inline]
    pub(crate) fn spread(self) -> u64 {
        // 2^64 by the golden ratio.
        u64::from(self.0).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// What an operation decides about a key, having seen what is there.
#[derive(Debug)]
pub(crate) enum Change<'v> {
    /// Leave it as it is.
    Nothing,
    /// Remove the entry.
    Remove,
    /// Store this value until this deadline. What was stored comes back in its place, so that it is
    /// dropped after unlocking: freeing a large value takes time.
    Put(&'v mut Bytes, i64),
    /// Give the live entry this deadline.
    Deadline(i64),
}

impl Entry {
    pub(crate) fn new(key: &str, value: Bytes, deadline: i64) -> Self {
        let content = Content {
            value,
            deadline,
            record: NO_RECORD,
            heat: AtomicU8::new(0),
        };
        Self(StrWithHeader::new::<Box<_>>(content, key).into())
    }

    #[inline]
    pub(crate) fn key(&self) -> &str {
        &self.0.str
    }

    /// Whether it is the entry of this key.
    ///
    /// Most keys are short, and two words from either end compare them in a third of the
    /// instructions of a call.
    #[inline]
    pub(crate) fn is_of(&self, key: &str) -> bool {
        let (own, key) = (self.key().as_bytes(), key.as_bytes());
        if own.len() != key.len() {
            return false;
        }
        match (ends(own), ends(key)) {
            (Some(own), Some(key)) => own == key,
            _ => own == key,
        }
    }

    /// Has the processor fetch the entry, which nobody waits for.
    #[inline]
    #[allow(unsafe_code)]
    pub(crate) fn prefetch(&self) {
        // SAFETY: `Thin` is transparent over the pointer to the entry. To look at it through a
        // reference would be to wait for it, since its length stands in memory.
        let at: *const u8 = unsafe { std::mem::transmute_copy(&self.0) };
        fetch([at, at.wrapping_add(CACHE_LINE)]);
    }

    /// Bytes of key and value.
    pub(crate) fn len(&self) -> usize {
        self.key().len() + self.value.len()
    }
}

impl Content {
    /// Remembers that the entry was read. Readers may overlook each other: it is a hint.
    pub(crate) fn warm(&self) {
        let heat = self.heat.load(Ordering::Relaxed);
        if heat < MAX_HEAT {
            self.heat.store(heat + 1, Ordering::Relaxed);
        }
    }

    /// Changes the heat, from 0 to [`MAX_HEAT`], and gives what it was.
    pub(crate) fn cool(&self, cool: fn(u8) -> u8) -> u8 {
        let heat = self.heat.load(Ordering::Relaxed);
        self.heat.store(cool(heat), Ordering::Relaxed);
        heat
    }
}

impl Deref for Entry {
    type Target = Content;

    #[inline]
    fn deref(&self) -> &Content {
        &self.0.header
    }
}

impl DerefMut for Entry {
    #[inline]
    fn deref_mut(&mut self) -> &mut Content {
        &mut self.0.header
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// The first and the last eight bytes of a text, if they are all of it.
#[inline]
fn ends(text: &[u8]) -> Option<[u64; 2]> {
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    let ends = [word(text.first_chunk()?), word(text.last_chunk()?)];
    (text.len() <= 16).then_some(ends)
}

/// How many turns of the main queue an entry is spared for what it was read before.
const MAX_HEAT: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_from_any_other_of_any_length() {
        let key = "abcdefghijklmnopqrstuvwx";
        for len in 1..key.len() {
            let entry = Entry::new(&key[..len], Bytes::new(), NEVER);
            assert!(entry.is_of(&key[..len]), "{len}");
            assert!(!entry.is_of(&key[..len + 1]) && !entry.is_of(&key[..len - 1]));
            for at in 0..len {
                let mut other = key[..len].to_owned();
                other.replace_range(at..=at, "-");
                assert!(!entry.is_of(&other), "at {at} of {len}");
            }
        }
    }
}
