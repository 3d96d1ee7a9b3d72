//! The store calls of sessions: the only place that reads and writes the entry of a session.
//!
//! A session's entry is made by [`Store::insert`], changed by [`Store::replace`] and removed by
//! [`Store::remove_if_unchanged`] or, where it cannot be read or is never still, [`Store::remove`].
//! None of them writes without a condition, and they keep the index of users: what is to be stored
//! with a user is named there first, and forgotten once it is gone.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::error::SessionResult;
use super::id::{SessionId, StoredId};
use super::index::{Replaced, SeenIndex, UserKey};
use super::options::SessionOptions;
use super::record::{self, Meta, Record, Unreadable};
use crate::client::CacheClientExtended;
use crate::entry::{Condition, Expiry, TimeToLive, millis_rounded_up};
use crate::error::{Error, ErrorKind};
use crate::key;

/// A store, and how sessions are kept in it.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) cache: Arc<dyn CacheClientExtended>,
    pub(super) options: SessionOptions,
}

/// A stored session as it was last seen.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) at: StoredId,
    /// Exactly what is stored: what `Equals` compares.
    pub(super) bytes: Bytes,
    pub(super) record: Arc<Record>,
    /// When the store will drop it, in milliseconds on the clock of the options; [`NEVER`] if
    /// never, `None` if nobody has asked.
    pub(super) deadline: Option<i64>,
}

/// A session that was stored just now.
pub(super) struct Inserted {
    pub(super) id: SessionId,
    pub(super) known: Known,
    /// Its user's index, if there is a user.
    pub(super) index: Option<SeenIndex>,
}

/// What is stored under an id.
pub(super) enum Found {
    Session(Known),
    Nothing,
    /// The session has got a new id, and the old one still leads to it.
    Moved(StoredId),
    /// Bytes that are no session, and why.
    Undecodable(Error),
}

/// A deadline that never comes.
pub(super) const NEVER: i64 = i64::MAX;

impl Known {
    /// Whether this user is signed in.
    pub(super) fn is_of(&self, user: &UserKey) -> bool {
        self.record.meta.user.as_ref() == Some(user)
    }
}

impl Store {
    pub(super) fn now(&self) -> i64 {
        self.options.now_ms()
    }

    /// Finds a session by its id, wherever it is stored.
    pub(super) async fn find(&self, id: &SessionId) -> SessionResult<Found> {
        for at in self.options.all_stored(id) {
            match self.follow(&at).await? {
                Found::Nothing => {}
                found => return Ok(found),
            }
        }
        Ok(Found::Nothing)
    }

    /// Reads a session, where it is now if it has got a new id; never gives `Moved`.
    pub(super) async fn follow(&self, at: &StoredId) -> SessionResult<Found> {
        let mut at = at.clone();
        for _ in 0..=MOST_MOVES {
            match self.read(&at).await? {
                Found::Moved(to) => at = to,
                found => return Ok(found),
            }
        }
        // So many new ids in so short a time: the first of them ends early.
        Ok(Found::Nothing)
    }

    /// Reads a session and what is left of its life, in one call.
    pub(super) async fn read(&self, at: &StoredId) -> SessionResult<Found> {
        let stored = self
            .cache
            .read_with_time_to_live(&key::session_key(at))
            .await?;
        let Some((bytes, time_to_live)) = stored else {
            return Ok(Found::Nothing);
        };
        let deadline = match time_to_live {
            TimeToLive::Never => NEVER,
            TimeToLive::Remaining(left) => self.now().saturating_add(millis_rounded_up(left)),
        };
        self.found(at, bytes, Some(deadline))
    }

    /// Reads many sessions in one call, without what is left of their lives; `None` for one that a newer version stored.
    pub(super) async fn read_many(&self, ids: &[StoredId]) -> SessionResult<Vec<Option<Found>>> {
        let keys: Vec<String> = ids.iter().map(key::session_key).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let values = self.cache.read_all(&keys).await?;
        let found = ids.iter().zip(values).map(|(at, value)| match value {
            None => Ok(Some(Found::Nothing)),
            Some(bytes) => match self.found(at, bytes, None) {
                Ok(found) => Ok(Some(found)),
                Err(error) if error.is_codec() => Ok(None),
                Err(error) => Err(error),
            },
        });
        found.collect()
    }

    /// Makes what was read a session, unless its absolute limit is reached.
    pub(super) fn found(
        &self,
        at: &StoredId,
        bytes: Bytes,
        deadline: Option<i64>,
    ) -> SessionResult<Found> {
        let record = match Record::decode(&bytes) {
            Ok(record) => record,
            Err(Unreadable::Newer(error)) => return Err(error.into()),
            Err(Unreadable::Moved { until, .. }) if until <= self.now() => {
                return Ok(Found::Nothing);
            }
            Err(Unreadable::Moved { to, .. }) => return Ok(Found::Moved(to)),
            Err(Unreadable::Damaged(error)) => return Ok(Found::Undecodable(error)),
        };
        if self.limit(&record.meta) <= self.now() {
            return Ok(Found::Nothing);
        }
        Ok(Found::Session(Known {
            at: at.clone(),
            bytes,
            record: Arc::new(record),
            deadline,
        }))
    }

    /// Stores a new session under a fresh id.
    pub(super) async fn insert(&self, record: Record) -> SessionResult<(SessionId, Known)> {
        let inserted = self.insert_after(None, record).await?;
        Ok((inserted.id, inserted.known))
    }

    /// Stores a session under a fresh id that may take the place of another of the same user.
    pub(super) async fn insert_after(
        &self,
        old: Option<Replaced<'_>>,
        record: Record,
    ) -> SessionResult<Inserted> {
        let bytes = record.encode(self.options.codec)?;
        let record = Arc::new(record);
        // An id that is taken is next to impossible, unless the generator is broken.
        for _ in 0..3 {
            let id = self.options.new_id()?;
            let at = self.options.stored(&id);
            let key = key::session_key(&at);
            let index = self.name_user(&record.meta, &at, old).await?;
            let now = self.now();
            let left = self.left_after_save(&record.meta, now);
            let expiry = Expiry::In(left);
            if self
                .cache
                .write(&key, bytes.clone(), Condition::Absent, expiry)
                .await?
            {
                if let Some(index) = &index {
                    self.name_again_if_late(index, &at).await?;
                }
                let deadline = Some(deadline(now, left));
                let known = Known {
                    at,
                    bytes,
                    record,
                    deadline,
                };
                return Ok(Inserted { id, known, index });
            }
        }
        Err(Error::new(ErrorKind::Other, "session", "create")
            .with_message("the generator gives ids that are taken")
            .into())
    }

    /// Names a session in its user's index before it is stored; `None` if it has no user.
    async fn name_user(
        &self,
        meta: &Meta,
        at: &StoredId,
        old: Option<Replaced<'_>>,
    ) -> SessionResult<Option<SeenIndex>> {
        let Some(user) = &meta.user else {
            return Ok(None);
        };
        let index = self.name_session(user, at, meta.until, old).await?;
        Ok(Some(index))
    }

    /// Saves a session that is stored as `known`; `None` if it is not any more.
    ///
    /// Its life starts anew.
    pub(super) async fn replace(
        &self,
        known: &Known,
        record: Record,
    ) -> SessionResult<Option<Known>> {
        if self.left_after_save(&record.meta, self.now()).is_zero() {
            return Ok(None);
        }
        // The name in the index of the user before, if there was one, goes when it is met: dropping
        // it here could drop it from under a session that is given back to that user.
        let index = match record.meta.user == known.record.meta.user {
            true => None,
            false => self.name_user(&record.meta, &known.at, None).await?,
        };
        let now = self.now();
        let left = self.left_after_save(&record.meta, now);
        let deadline = deadline(now, left);
        let swapped = self
            .swap(known, record, Expiry::In(left), Some(deadline))
            .await?;
        if let (Some(known), Some(index)) = (&swapped, &index) {
            self.name_again_if_late(index, &known.at).await?;
        }
        Ok(swapped)
    }

    /// Changes what a session keeps of its bag; `None` if it is not stored as `known` any more.
    ///
    /// Its life goes on as it was.
    pub(super) async fn replace_bag(
        &self,
        known: &Known,
        change: impl FnOnce(&mut Meta) + Send,
    ) -> SessionResult<Option<Known>> {
        let mut record = (*known.record).clone();
        change(&mut record.meta);
        self.swap(known, record, Expiry::Keep, known.deadline).await
    }

    async fn swap(
        &self,
        known: &Known,
        record: Record,
        expiry: Expiry,
        deadline: Option<i64>,
    ) -> SessionResult<Option<Known>> {
        let bytes = record.encode(self.options.codec)?;
        let key = key::session_key(&known.at);
        let condition = Condition::Equals(known.bytes.clone());
        let written = self
            .cache
            .write(&key, bytes.clone(), condition, expiry)
            .await?;
        Ok(written.then(|| Known {
            at: known.at.clone(),
            bytes,
            record: Arc::new(record),
            deadline,
        }))
    }

    /// Removes a session; `false` if it is not stored as `known` any more.
    ///
    /// Its name in the index is for the caller to [`forget`](Store::forget).
    pub(super) async fn remove_if_unchanged(&self, known: &Known) -> SessionResult<bool> {
        let key = key::session_key(&known.at);
        let condition = Condition::Equals(known.bytes.clone());
        let nothing = Expiry::In(Duration::ZERO);
        Ok(self
            .cache
            .write(&key, Bytes::new(), condition, nothing)
            .await?)
    }

    /// Leaves in place of a session what leads to it for a while; `false` if it is not stored as
    /// `known` any more.
    pub(super) async fn replace_by_lead(
        &self,
        known: &Known,
        to: &StoredId,
        grace: Duration,
    ) -> SessionResult<bool> {
        let until = deadline(self.now(), grace);
        let key = key::session_key(&known.at);
        let condition = Condition::Equals(known.bytes.clone());
        let lead = record::lead(to, until)?;
        let written = self.cache.write(&key, lead, condition, Expiry::In(grace));
        Ok(written.await?)
    }

    /// Removes whatever is stored as a session.
    pub(super) async fn remove(&self, at: &StoredId) -> SessionResult<bool> {
        Ok(self.cache.remove(&key::session_key(at)).await?)
    }

    /// Removes the bag of a session that is not there any more.
    ///
    /// A failure is logged and no more: nobody can read the values, and they expire.
    pub(super) async fn clear_bag(&self, known: &Known) {
        let keys = known.record.meta.bag.keys();
        let keys: Vec<String> = keys
            .filter_map(|name| key::bag_key(&known.at, name).ok())
            .collect();
        if keys.is_empty() {
            return;
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        if let Err(error) = self.cache.remove_all(&keys).await {
            tracing::warn!(%error, "the bag of a removed session stays until it expires");
        }
    }
}

pub(super) fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

pub(super) fn deadline(now: i64, left: Duration) -> i64 {
    now.saturating_add(millis_rounded_up(left))
}

/// How many new ids in a row are followed from an old one.
const MOST_MOVES: usize = 4;
