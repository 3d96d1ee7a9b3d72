//! How a value becomes bytes, and bytes a value.
//!
//! The first byte tells how: below `0x09` it is the tag of a binary encoding, of which there is one
//! so far (`0x01`, bincode 2 with serde in its standard configuration); everything else is JSON
//! text. So every reader understands whatever a writer chose, an integer is a counter, and other
//! programs can read and write what is stored.
//!
//! Stored bytes are not trusted. What they say about lengths and nesting is checked against what
//! they can hold (`binary.rs`), and the same limits hold for what is written (`binary/writer.rs` and
//! `guard.rs`), so that what was encoded can be decoded. This folder alone names bincode, which is
//! unmaintained: another encoding would be another tag.

mod binary;
mod guard;
mod integer;

use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::error::{Error, ErrorKind, Result};
use guard::{Guarded, Watch};

/// How [`TypedCache`](crate::TypedCache) encodes what it writes.
///
/// A reader needs none: [`decode`](Codec::decode) understands both. An integer at the top, of any
/// width and in new types too, is decimal text with either, so that
/// [`increment`](crate::CacheClient::increment) can count it on.
///
/// # Which one
///
/// [`Bincode`](Codec::Bincode) is smaller and about half as fast again, but does not describe
/// itself: a reader must ask for the very type that was written, and another one may be read as
/// nonsense. [`Json`](Codec::Json) is for what outlives a deployment, since fields may come and
/// go, and for what others read.
///
/// Types that ask what the data looks like want JSON: `serde_json::Value`, untagged and internally
/// tagged enums, `#[serde(flatten)]`, `#[serde(skip_serializing_if)]`. Bincode refuses them, some
/// on encoding and some on decoding only.
///
/// # Limits
///
/// A value nests at most 127 deep, each sequence, tuple, map, struct, new type and `Some` counting
/// one, and a variant with content one or (with several fields) two. In bincode, sequences and
/// maps hold at most 4,096 elements in all that take no bytes, such as `()`. JSON has no infinite
/// or undefined numbers, and keeps `Some(None)` as `None`. Encoding refuses what goes beyond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// A tag byte and bincode 2.
    #[default]
    Bincode,
    /// JSON text.
    Json,
}

impl Codec {
    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// `Codec` if the value goes beyond the [limits](Codec#limits) or its type refuses.
    ///
    /// ```
    /// use session_core::Codec;
    ///
    /// assert_eq!(Codec::Json.encode(&["a", "b"])?, r#"["a","b"]"#);
    /// assert_eq!(Codec::Bincode.encode(&["a", "b"])?, "\u{1}\u{1}a\u{1}b");
    /// assert_eq!(Codec::Bincode.encode(&-12)?, "-12");
    /// # Ok::<(), session_core::Error>(())
    /// ```
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Bytes> {
        self.try_encode(value)
            .map_err(|fault| fault.into_error("codec", "encode"))
    }

    /// Decodes a value, whichever codec wrote it.
    ///
    /// Takes memory and time in proportion to the bytes, whatever they say.
    ///
    /// # Errors
    ///
    /// `Codec` if the bytes are no value of this type: the message tells where JSON text is wrong,
    /// and nothing of what it says.
    ///
    /// ```
    /// use session_core::{Codec, ErrorKind};
    ///
    /// assert_eq!(Codec::decode::<Vec<u8>>(b"[1, 2]")?, [1, 2]);
    /// assert_eq!(Codec::decode::<Vec<u8>>(b"\x01\x02\x01\x02")?, [1, 2]);
    /// let error = Codec::decode::<bool>(b"7").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Codec);
    /// # Ok::<(), session_core::Error>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
        Self::decode_or(bytes, |fault| fault.into_error("codec", "decode"))
    }

    pub(crate) fn try_encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Bytes, Fault> {
        with_buffer(|buffer| {
            let written = match self {
                Self::Bincode => binary::write(value, buffer),
                Self::Json => write_json(value, buffer),
            };
            written.map(Bytes::copy_from_slice)
        })
    }

    /// Decodes a value, or makes an error of what is wrong where that is found: values are large,
    /// and one beside a [`Fault`] would be moved more than once.
    pub(crate) fn decode_or<T: DeserializeOwned, E>(
        bytes: &[u8],
        refuse: impl Fn(Fault) -> E,
    ) -> Result<T, E> {
        match bytes.split_first() {
            Some((&binary::TAG, encoded)) => binary::read(encoded, refuse),
            Some((..FIRST_OF_TEXT, _)) => Err(refuse(Fault::UnknownTag)),
            _ => read_json(bytes, refuse).or_else(|error| {
                // A type may be an integer for machines and a word for people (`1024`, "1 KiB");
                // then bincode met the integer, and only its kind of reader does.
                integer::read(bytes).ok_or(error)
            }),
        }
    }
}

/// Why a value was not encoded or decoded, in words that hold nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The type refused, or the codec has no form for it.
    Unencodable,
    /// A number that JSON cannot say.
    NotFinite,
    /// A struct left a field out, which only a reader of JSON can see.
    FieldLeftOut,
    TooDeep,
    TooManyEmpty,
    UnknownTag,
    Malformed,
    Trailing,
    /// A length that the bytes cannot hold.
    Length,
    /// The type asks the data what it is.
    NotSelfDescribing,
    /// JSON text is wrong here; small, since every part of a value may fail.
    Json {
        category: Category,
        line: u32,
        column: u32,
    },
}

impl Fault {
    pub(crate) fn into_error(self, backend: &'static str, operation: &'static str) -> Error {
        let error = Error::new(ErrorKind::Codec, backend, operation);
        match self {
            Self::Json { line, column, .. } => {
                error.with_message(format!("{} (line {line}, column {column})", self.words()))
            }
            _ => error.with_message(self.words()),
        }
    }

    /// Keeps the place and the category; serde_json's own words quote the value.
    fn json(error: &serde_json::Error) -> Self {
        Self::Json {
            category: error.classify(),
            line: u32::try_from(error.line()).unwrap_or(u32::MAX),
            column: u32::try_from(error.column()).unwrap_or(u32::MAX),
        }
    }

    /// What stands after these bytes is not UTF-8.
    fn not_text(before: &[u8]) -> Self {
        let line = before.split(|byte| *byte == b'\n');
        let column = line.clone().next_back().unwrap_or_default().len() + 1;
        Self::Json {
            category: Category::Syntax,
            line: u32::try_from(line.count()).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Unencodable => "the value cannot be encoded",
            Self::NotFinite => "JSON has no infinite or undefined numbers",
            Self::FieldLeftOut => "bincode cannot leave fields out; the type wants JSON",
            Self::TooDeep => "the value nests too deep",
            Self::TooManyEmpty => "the value has too many elements that take no bytes",
            Self::UnknownTag => "the stored bytes have an unknown encoding",
            Self::Malformed => "the stored bytes are no value of this type",
            Self::Trailing => "the stored bytes go on after the value",
            Self::Length => "the stored bytes cannot hold the length that they say",
            Self::NotSelfDescribing => "bincode does not describe itself; the type wants JSON",
            Self::Json { category, .. } => match category {
                Category::Syntax => "the stored JSON text is not well-formed",
                Category::Eof => "the stored JSON text ends too early",
                Category::Data | Category::Io => "the stored JSON text is no value of this type",
            },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl std::error::Error for Fault {}

/// Reads JSON text, all of which has to be UTF-8: one look at the whole costs a fraction of a look at
/// each string.
pub(crate) fn read_json<'t, T: Deserialize<'t>, E>(
    bytes: &'t [u8],
    refuse: impl Fn(Fault) -> E,
) -> Result<T, E> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text).map_err(|error| refuse(Fault::json(&error))),
        Err(error) => Err(refuse(Fault::not_text(&bytes[..error.valid_up_to()]))),
    }
}

fn write_json<'b, T: Serialize + ?Sized>(
    value: &T,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], Fault> {
    buffer.clear();
    let watch = Watch::default();
    match serde_json::to_writer(&mut *buffer, &Guarded::top(value, &watch)) {
        Ok(()) => Ok(buffer),
        Err(_) => Err(watch.fault()),
    }
}

/// Encodes into a buffer that each thread keeps, so that a value costs one allocation of its size.
/// It holds what was left there by another.
pub(crate) fn with_buffer<R>(encode: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    thread_local! {
        static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    // Taken, not borrowed: a `Serialize` may encode on its own, and then finds an empty one. So
    // does a value that is encoded while the thread ends.
    let mut buffer = KEPT.try_with(Cell::take).unwrap_or_default();
    let result = encode(&mut buffer);
    if buffer.capacity() <= LARGEST_KEPT {
        let _ = KEPT.try_with(|kept| kept.set(buffer));
    }
    result
}

/// The first byte that no tag has: JSON text may begin with a tab.
const FIRST_OF_TEXT: u8 = 0x09;

/// How deep a value may nest; serde_json reads no deeper.
const MAX_DEPTH: u8 = 127;

/// How many elements that take no bytes a value in bincode may have in all.
const MAX_EMPTY: usize = 4_096;

/// The largest buffer that a thread keeps, in bytes.
const LARGEST_KEPT: usize = 64 * 1_024;
