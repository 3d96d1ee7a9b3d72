//! Which file a key lies in.

use sha2::{Digest, Sha256};

/// A key, checked and with its namespace, and the name of its file.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    /// The SHA-256 of the text in hexadecimal: short, and the same on file systems that fold case.
    pub(crate) file: String,
}

impl Key {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let hash = Sha256::digest(&text);
        let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let file = digits.map(|digit| char::from(DIGITS[usize::from(digit)]));
        Self {
            file: file.collect(),
            text,
        }
    }

    /// The folder of the file: the first digit of its name.
    pub(crate) fn folder(&self) -> char {
        char::from(self.file.as_bytes()[0])
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// All folders. A listing reads one at a time; a change locks one.
pub(crate) const FOLDERS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
];
