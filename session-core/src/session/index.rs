//! The index of users: which sessions a user is signed in with, one entry for each user.
//!
//! ```json
//! {"v":1,"sessions":{"{stored id}":{"until":1707776000000,"added":1700000000000}}}
//! ```
//!
//! It stands under `user:sess:{SHA-256 of the user's id, hex}` and is written by compare-and-set
//! only. A session is named here **before** it is stored, and forgotten **after** it is gone: a
//! failure in between leaves a name without a session, never a session without a name. Such names
//! are dropped when somebody meets them; but not in their first hour, because the session of a
//! sign-in that is under way may still come (see `changes.rs`).
//!
//! `until` is the session's absolute limit, which saving and sliding do not move; so they leave
//! the index alone, and it lives as long as the longest of its sessions can.
//!
//! It is an entry like any other: a store that evicts can lose it while sessions that it named live
//! on. Finding that out would cost each read or each save a call more, so nobody looks; a session
//! is named again when it gets a new id. Since it has the latest deadline of all that a user has,
//! a store that evicts by deadline drops it last.

mod changes;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::error::{SessionError, SessionResult};
use super::id::StoredId;
use super::look_up::{self, TRIES};
use super::options::Undecodable;
use super::store::{Store, millis};
use crate::codec::Codec;
use crate::entry::{Condition, Expiry};
use crate::error::{Error, ErrorKind};
use crate::key::{self, hex_sha256};

pub(super) use changes::Replaced;

/// A user as the store's keys name them: what a user's id is must not matter to a key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct UserKey(Box<str>);

/// A user's index as it was last seen.
#[derive(Clone)]
pub(super) struct SeenIndex {
    user: UserKey,
    /// Exactly what is stored: what `Equals` compares; `None` if nothing is.
    bytes: Option<Bytes>,
    index: Index,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Index {
    v: u32,
    sessions: BTreeMap<Box<str>, Named>,
}

/// What the index says of a session.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Named {
    /// When it ends at the latest.
    until: i64,
    added: i64,
    /// How many calls are about to end it; it cannot be renewed then.
    #[serde(default, skip_serializing_if = "is_zero")]
    ending: u32,
}

impl UserKey {
    /// The length of a key in characters.
    pub(super) const LEN: usize = 64;

    /// The key found in a stored record.
    pub(super) fn from_stored(key: &str) -> Self {
        Self(key.into())
    }

    pub(crate) fn of(user_id: &str) -> Self {
        Self(hex_sha256(user_id).into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl SeenIndex {
    /// The sessions that are named.
    pub(super) fn sessions(&self) -> impl Iterator<Item = StoredId> {
        self.index.sessions.keys().map(|id| StoredId::from_key(id))
    }
}

impl Store {
    pub(super) async fn read_index(&self, user: &UserKey) -> SessionResult<SeenIndex> {
        let bytes = self.cache.read(&key::user_key(user)).await?;
        let index = match &bytes {
            Some(bytes) => self.decode_index(bytes)?,
            None => Index::empty(),
        };
        Ok(SeenIndex {
            user: user.clone(),
            bytes,
            index,
        })
    }

    fn decode_index(&self, bytes: &Bytes) -> SessionResult<Index> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        if let Ok(Version { v }) = Codec::decode(bytes)
            && v > VERSION
        {
            return Err(Error::new(ErrorKind::Codec, "session", "read_index")
                .with_message("the index of a user was stored by a newer version")
                .into());
        }
        Codec::decode(bytes).or_else(|error| match self.options.undecodable {
            Undecodable::Fail => Err(error.into()),
            // Nobody could sign in as this user otherwise.
            Undecodable::StartNew => {
                tracing::warn!(%error, "the index of a user's sessions does not decode");
                Ok(Index::empty())
            }
        })
    }

    /// Writes an index that is stored as `seen`; `None` if it is not any more.
    async fn write_index(
        &self,
        seen: &SeenIndex,
        index: Index,
    ) -> SessionResult<Option<SeenIndex>> {
        if index == seen.index {
            return Ok(Some(seen.clone()));
        }
        let condition = seen
            .bytes
            .clone()
            .map_or(Condition::Absent, Condition::Equals);
        let longest = index.sessions.values().map(|named| named.until).max();
        let (bytes, expiry) = match longest {
            Some(until) => {
                // The store's clock is not ours, and the session is written after this.
                let left = millis(until.saturating_sub(self.now())) + MINUTE;
                (Codec::Json.encode(&index)?, Expiry::In(left))
            }
            None => (Bytes::new(), Expiry::In(Duration::ZERO)),
        };
        let key = key::user_key(&seen.user);
        let written = self.cache.write(&key, bytes.clone(), condition, expiry);
        Ok(written.await?.then(|| SeenIndex {
            user: seen.user.clone(),
            bytes: longest.map(|_| bytes),
            index,
        }))
    }

    /// Changes an index, again on conflict, starting from what was seen of it.
    async fn change_index(
        &self,
        user: &UserKey,
        mut seen: Option<SeenIndex>,
        change: impl Fn(&mut Index, i64) + Send + Sync,
    ) -> SessionResult<SeenIndex> {
        for tried in 0..TRIES {
            let seen = match seen.take() {
                Some(seen) => seen,
                None => self.read_index(user).await?,
            };
            let mut index = seen.index.clone();
            change(&mut index, self.now());
            if let Some(written) = self.write_index(&seen, index).await? {
                return Ok(written);
            }
            if tried > 0 {
                look_up::pause(tried).await;
            }
        }
        Err(SessionError::Conflict)
    }
}

impl Index {
    fn empty() -> Self {
        let sessions = BTreeMap::new();
        Self {
            v: VERSION,
            sessions,
        }
    }

    fn ids(&self) -> Vec<StoredId> {
        let ids = self.sessions.keys();
        ids.map(|id| StoredId::from_key(id)).collect()
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserKey(..)")
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The version that this code writes, and the newest that it reads.
const VERSION: u32 = 1;

const MINUTE: Duration = Duration::from_secs(60);
