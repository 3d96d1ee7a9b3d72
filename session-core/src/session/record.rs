//! The stored form of a session: one value, readable, versioned.
//!
//! As JSON, the default, it looks like this, on one line:
//!
//! ```json
//! {"v":1,"created":1700000000000,"saved":1700000000000,"lifetime":1209600000,
//!  "until":1707776000000,"permanent":false,"bag":{"cart":null},"data":{…}}
//! ```
//!
//! Times are milliseconds, since 1970 where they are instants. `bag` holds the names of the bag's
//! keys, so that renewing and removing a session cost what its bag holds and no listing; beside a
//! name stands the deadline of a value that has one of its own. The data stays encoded until
//! somebody asks for it: comparing it needs no decoding, and the bag does not know its type.
//! `"user":"{SHA-256 of the user's id, hex}"` stands before the data where a user is signed in: the
//! index that names the session. A record without it belongs to none.
//!
//! Where a session got a new id and the old one is still to read it for a while, this is left:
//!
//! ```json
//! {"v":2,"moved":"{stored id}","until":1700000030000}
//! ```
//!
//! A reader ignores fields it does not know; a writer lets the data be the last, so that it is found
//! without being looked through (`record/text.rs`). A change that an older reader would get wrong raises
//! `v`, and such a record is an error to the older reader, never a session.

mod text;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::id::StoredId;
use super::index::UserKey;
use super::options::Lifetime;
use crate::codec::{self, Codec};
use crate::entry::millis_rounded_up;
use crate::error::{Error, ErrorKind, Result};

/// The version that this code writes, and the newest that it reads.
const VERSION: u32 = 1;

/// The version of what leads to a session: no reader of version 1 takes it for one.
const LEAD_VERSION: u32 = 2;

/// A session as it is stored, its data still encoded.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) meta: Meta,
    pub(super) data: Bytes,
}

/// Everything about a session but its data.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Meta {
    v: u32,
    /// When the session was made or its user signed in.
    pub(super) created: i64,
    /// When it was last saved.
    pub(super) saved: i64,
    /// How long it was to live then.
    pub(super) lifetime: i64,
    /// The absolute limit.
    pub(super) until: i64,
    pub(super) permanent: bool,
    /// The bag's keys, and the deadlines of the values that have one of their own.
    pub(super) bag: BTreeMap<String, Option<i64>>,
    /// Who is signed in. Each codec writes it in its own way, because it came later.
    #[serde(skip)]
    pub(super) user: Option<UserKey>,
}

/// Why stored bytes are no record.
pub(super) enum Unreadable {
    /// A newer version wrote them.
    Newer(Error),
    /// They lead to where the session is now, until then.
    Moved { to: StoredId, until: i64 },
    /// They are damaged, or another program's.
    Damaged(Error),
}

impl Meta {
    /// A session that begins now.
    pub(super) fn new(now: i64, limit: Duration, lifetime: Lifetime) -> Self {
        Self {
            v: VERSION,
            created: now,
            saved: now,
            lifetime: 0,
            until: now.saturating_add(millis_rounded_up(limit)),
            permanent: lifetime == Lifetime::Permanent,
            bag: BTreeMap::new(),
            user: None,
        }
    }

    /// The same session, saved now.
    #[must_use]
    pub(super) fn saved(mut self, now: i64, expires_in: Duration) -> Self {
        self.saved = now;
        self.lifetime = millis_rounded_up(expires_in);
        self
    }

    /// This session, saved now and of this user.
    pub(super) fn saved_anew(&self, now: i64, expires_in: Duration, user_id: Option<&str>) -> Self {
        Self {
            bag: self.bag.clone(),
            saved: now,
            lifetime: millis_rounded_up(expires_in),
            user: user_id.map(UserKey::of),
            ..*self
        }
    }

    /// The same session with this user signed in.
    #[must_use]
    pub(super) fn of_user(mut self, user_id: Option<&str>) -> Self {
        self.user = user_id.map(UserKey::of);
        self
    }

    pub(super) fn lifetime(&self) -> Lifetime {
        match self.permanent {
            true => Lifetime::Permanent,
            false => Lifetime::Temporary,
        }
    }

    /// Whether the bag has this key, at this time.
    pub(super) fn has_bag_key(&self, key: &str, now: i64) -> bool {
        self.bag.get(key).is_some_and(|own| is_live(*own, now))
    }

    /// The keys of the bag's values that can be there at this time.
    pub(super) fn bag_keys(&self, now: i64) -> impl Iterator<Item = &str> {
        let live = self.bag.iter().filter(move |(_, own)| is_live(**own, now));
        live.map(|(key, _)| key.as_str())
    }
}

impl Record {
    pub(super) fn encode(&self, codec: Codec) -> Result<Bytes> {
        match codec {
            // Data that was stored in binary becomes JSON only when it is written anew.
            Codec::Json if is_json(&self.data) => text::write(self),
            Codec::Json => self.encode_binary(Codec::Bincode),
            binary => self.encode_binary(binary),
        }
    }

    fn encode_binary(&self, codec: Codec) -> Result<Bytes> {
        let plain = Binary {
            meta: self.meta.clone(),
            data: Raw(self.data.clone()),
        };
        match &self.meta.user {
            None => codec.encode(&plain),
            Some(user) => codec.encode(&BinaryOfUser {
                plain,
                user: user.clone(),
            }),
        }
    }

    /// Reads a record, whichever codec wrote it.
    pub(super) fn decode(bytes: &Bytes) -> Result<Self, Unreadable> {
        if let Some(record) = text::read(bytes) {
            return Ok(record);
        }
        let decoded = match is_json(bytes) {
            true => Self::decode_text(bytes),
            false => Self::decode_binary(bytes),
        };
        match decoded {
            Ok(record) if record.meta.v == VERSION => Ok(record),
            Ok(record) => Err(other_version(record.meta.v)),
            Err(error) => Err(match version(bytes) {
                Some(LEAD_VERSION) => {
                    Lead::decode(bytes).unwrap_or_else(|| other_version(LEAD_VERSION))
                }
                Some(v) if v > VERSION => other_version(v),
                _ => Unreadable::Damaged(error),
            }),
        }
    }

    /// Reads any JSON text that is a record.
    fn decode_text(bytes: &Bytes) -> Result<Self> {
        let text: Text<'_> =
            codec::read_json(bytes, |fault| fault.into_error("session", "decode"))?;
        Ok(Self {
            meta: Meta {
                v: text.v,
                created: text.created,
                saved: text.saved,
                lifetime: text.lifetime,
                until: text.until,
                permanent: text.permanent,
                bag: text.bag,
                user: text.user,
            },
            data: bytes.slice_ref(text.data.get().as_bytes()),
        })
    }

    /// The data, decoded.
    pub(super) fn decode_data<T: DeserializeOwned>(&self) -> Result<T> {
        Codec::decode(&self.data).or_else(|error| match text::data_alone(&self.data) {
            Some(data) => Codec::decode(&data),
            None => Err(error),
        })
    }

    /// Of the two forms, bytes can be only one: the second is the first and something more.
    fn decode_binary(bytes: &Bytes) -> Result<Self> {
        let (Binary { mut meta, data }, user) = match Codec::decode(bytes) {
            Ok(BinaryOfUser { plain, user }) => (plain, Some(user)),
            Err(_) => (Codec::decode(bytes)?, None),
        };
        meta.user = user;
        Ok(Self { meta, data: data.0 })
    }
}

/// What JSON text is read as: a [`Meta`] (flattening it would read all twice) and the data, which
/// is only delimited.
#[derive(Deserialize)]
struct Text<'t> {
    v: u32,
    created: i64,
    saved: i64,
    lifetime: i64,
    until: i64,
    permanent: bool,
    bag: BTreeMap<String, Option<i64>>,
    #[serde(default)]
    user: Option<UserKey>,
    #[serde(borrow)]
    data: &'t RawValue,
}

/// What is left under an old id.
#[derive(Serialize, Deserialize)]
struct Lead {
    v: u32,
    moved: Box<str>,
    until: i64,
}

impl Lead {
    fn decode(bytes: &[u8]) -> Option<Unreadable> {
        let lead: Self = serde_json::from_slice(bytes).ok()?;
        Some(Unreadable::Moved {
            to: StoredId::from_key(&lead.moved),
            until: lead.until,
        })
    }
}

/// What leads from an old id to where the session is now.
pub(super) fn lead(to: &StoredId, until: i64) -> Result<Bytes> {
    Codec::Json.encode(&Lead {
        v: LEAD_VERSION,
        moved: to.as_str().into(),
        until,
    })
}

/// What the binary codecs write. Not the JSON form, because that has no field for bytes.
#[derive(Serialize, Deserialize)]
struct Binary {
    meta: Meta,
    data: Raw,
}

/// The same for a session with a user.
#[derive(Serialize, Deserialize)]
struct BinaryOfUser {
    plain: Binary,
    user: UserKey,
}

struct Raw(Bytes);

/// An instant of a record.
pub(super) fn instant(millis: i64) -> SystemTime {
    let millis = u64::try_from(millis).unwrap_or_default();
    UNIX_EPOCH + Duration::from_millis(millis)
}

fn is_live(own: Option<i64>, now: i64) -> bool {
    own.is_none_or(|deadline| deadline > now)
}

/// Bytes below 9 tag binary encodings; JSON text starts with none of them.
fn is_json(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| *first >= 0x09)
}

/// The version of a record that may hold anything else.
fn version(bytes: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let version: Version = serde_json::from_slice(bytes).ok()?;
    Some(version.v)
}

fn other_version(v: u32) -> Unreadable {
    if v > VERSION {
        return Unreadable::Newer(damaged("the session was stored by a newer version"));
    }
    Unreadable::Damaged(damaged("the session has no version"))
}

fn damaged(message: impl Into<Box<str>>) -> Error {
    Error::new(ErrorKind::Codec, "session", "decode").with_message(message)
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;
        impl Visitor<'_> for RawVisitor {
            type Value = Raw;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Raw, E> {
                Ok(Raw(Bytes::copy_from_slice(bytes)))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Raw, E> {
                Ok(Raw(bytes.into()))
            }
        }
        deserializer.deserialize_byte_buf(RawVisitor)
    }
}
