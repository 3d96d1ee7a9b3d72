//! The entries that everything is measured on.

use session_core::Bytes;

/// Keys and a value for each, made before the clock runs.
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
                .map(|at| format!("{prefix}entry:{at:08}"))
                .collect(),
            values: (0..count).map(|_| Bytes::copy_from_slice(&text)).collect(),
        }
    }

    /// All of them, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Bytes)> {
        let keys = self.keys.iter().map(String::as_str);
        keys.zip(self.values.iter().cloned())
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
        let at = number.wrapping_mul(STEP) % self.keys.len() as u64;
        usize::try_from(at).unwrap_or_default()
    }
}

/// A prime that divides no usual count, so that all entries come in turn.
const STEP: u64 = 7_919;
