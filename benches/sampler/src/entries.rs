//! The entries that everything is measured on.

use session_core::Bytes;

/// Keys and a value for each, made before the clock runs.
///
/// They lie in memory in the order in which they are asked for: a caller has just made its key, and
/// what is to be measured is how long the store looks for the entry. The store is filled in another.
#[derive(Debug)]
pub struct Entries {
    keys: Vec<String>,
    values: Vec<Bytes>,
}

impl Entries {
    /// So many entries with values of so many bytes, each in a buffer of its own.
    pub fn new(count: usize, size: usize) -> Self {
        Self::under("", count, size)
    }

    /// The same with keys that start with a prefix.
    pub fn under(prefix: &str, count: usize, size: usize) -> Self {
        let text: Vec<u8> = (0..size).map(|at| b"0123456789abcdef"[at % 16]).collect();
        Self {
            keys: (0..count)
                .map(|at| format!("{prefix}entry:{:08}", at.wrapping_mul(STEP) % count))
                .collect(),
            values: (0..count).map(|_| Bytes::copy_from_slice(&text)).collect(),
        }
    }

    /// All of them, in the order of their keys, each value in yet another buffer: a store has its own.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Bytes)> {
        let mut places = vec![0; self.keys.len()];
        for at in 0..places.len() {
            places[at.wrapping_mul(STEP) % self.keys.len()] = at;
        }
        let entry = |at: usize| (&*self.keys[at], Bytes::copy_from_slice(&self.values[at]));
        places.into_iter().map(entry)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The key of a run: far from that of the run before.
    pub fn key(&self, number: u64) -> &str {
        &self.keys[self.at(number)]
    }

    /// The value that belongs to [`key`](Self::key).
    pub fn value(&self, number: u64) -> Bytes {
        self.values[self.at(number)].clone()
    }

    fn at(&self, number: u64) -> usize {
        let at = number % self.keys.len() as u64;
        usize::try_from(at).unwrap_or_default()
    }
}

/// A prime that divides no usual count, so that all entries come in turn.
const STEP: usize = 7_919;
