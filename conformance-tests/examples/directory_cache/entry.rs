//! How an entry lies in its file.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | the deadline in milliseconds since 1970, little-endian; the largest number for none |
//! | 2 | the length of the key, little-endian |
//! | … | the key |
//! | the rest | the value |

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use session_core::{Bytes, Deadline, ErrorKind, MAX_KEY_LEN};

use crate::failure::Failure;

/// An entry as it was read: whole, or without its value.
pub(crate) struct Entry {
    pub(crate) key: String,
    /// `Never` or `At`.
    pub(crate) deadline: Deadline,
    pub(crate) value: Bytes,
}

impl Entry {
    /// Reads all of a file.
    pub(crate) fn read(file: &mut File) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Self::decode(bytes.into()).ok_or(Failure::Kind(ErrorKind::Corrupt))
    }

    /// Reads the deadline and the key; what there is of the value counts for nothing.
    pub(crate) fn read_header(file: &mut File) -> Result<Self, Failure> {
        let mut bytes = Vec::with_capacity(LONGEST_HEADER);
        let longest = u64::try_from(LONGEST_HEADER).unwrap_or(u64::MAX);
        file.take(longest).read_to_end(&mut bytes)?;
        let entry = Self::decode(bytes.into()).ok_or(Failure::Kind(ErrorKind::Corrupt))?;
        Ok(Self {
            value: Bytes::new(),
            ..entry
        })
    }

    fn decode(bytes: Bytes) -> Option<Self> {
        let (deadline, rest) = bytes.split_first_chunk()?;
        let (key_len, rest) = rest.split_first_chunk()?;
        let key = rest.get(..u16::from_le_bytes(*key_len).into())?;
        let value = bytes.slice(HEADER + key.len()..);
        let deadline = match i64::from_le_bytes(*deadline) {
            NEVER => Deadline::Never,
            at => Deadline::At(at),
        };
        let key = String::from_utf8(key.to_vec()).ok()?;
        Some(Self {
            key,
            deadline,
            value,
        })
    }
}

/// Writes an entry into an empty file.
pub(crate) fn write(file: &mut File, key: &str, deadline: i64, value: &[u8]) -> io::Result<()> {
    let key_len = u16::try_from(key.len()).map_err(io::Error::other)?;
    let mut header = Vec::with_capacity(HEADER + key.len());
    header.extend(deadline.to_le_bytes());
    header.extend(key_len.to_le_bytes());
    header.extend(key.as_bytes());
    file.write_all(&header)?;
    file.write_all(value)
}

/// Gives the entry in a file another deadline.
pub(crate) fn write_deadline(file: &mut File, deadline: i64) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&deadline.to_le_bytes())
}

/// How no deadline is stored.
pub(crate) const NEVER: i64 = i64::MAX;

/// The bytes before the key.
const HEADER: usize = 10;

const LONGEST_HEADER: usize = HEADER + MAX_KEY_LEN;
