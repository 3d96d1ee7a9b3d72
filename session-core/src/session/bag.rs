//! The session bag: values beside the typed session, one cache entry each.
//!
//! The names of a bag's keys are kept in its session's entry, changed by compare-and-set. So two
//! requests that set different keys never disturb each other, and ending or renewing a session
//! costs what its bag holds. A value is written only after its key is named there, and once it is
//! written the session is looked at again: if it went meanwhile, the value goes too.
//!
//! Values are stored to live until the absolute limit of their session, so that saving and sliding
//! need not touch them; reading looks at the session in the same call. What a session that merely
//! expires leaves behind is unreadable, and stays in the store until that limit.

mod update;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::current::{CurrentSession, State};
use super::error::{SessionError, SessionResult};
use super::id::{SessionId, StoredId};
use super::look_up::{self, Owner, TRIES};
use super::record::Meta;
use super::store::{Found, Known, Store, millis};
use crate::codec::Codec;
use crate::entry::{Condition, Deadline, Expiry};
use crate::error::{Error, ErrorKind};
use crate::key;

/// Values of any type that live and go with a session, one cache entry per key.
///
/// Made by [`Sessions::bag`](crate::Sessions::bag) or [`Session::bag`](crate::Session::bag). A
/// visitor without a stored session has an empty bag; the first [`set`](SessionBag::set) makes the
/// session. The bag follows its session to a new id and goes with it at sign-out.
///
/// Keys are any text without NUL, from 1 byte up to what fits the store's 1,024 bytes with
/// `sess:{id}:` before it: 986 without a namespace, 975 where ids are stored hashed. A bag holds at
/// most [`max_bag_keys`](crate::SessionOptions::max_bag_keys) keys.
///
/// ```no_run
/// # use session_core::{CurrentSession, SessionBag, SessionError};
/// # async fn example(bag: SessionBag) -> Result<(), SessionError> {
/// bag.set("cart", &["book", "pen"]).await?;
/// assert_eq!(bag.get::<Vec<String>>("cart").await?.unwrap(), ["book", "pen"]);
/// assert_eq!(bag.keys().await?, ["cart"]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SessionBag {
    owner: Arc<dyn Owner>,
    current: CurrentSession,
}

impl SessionBag {
    pub(super) fn new(owner: Arc<dyn Owner>, current: CurrentSession) -> Self {
        Self { owner, current }
    }

    /// Reads a value; `None` if there is none, or no session any more.
    ///
    /// One call to the store, which reads the session too; none for a visitor without an id.
    ///
    /// # Errors
    ///
    /// `Store`, of kind `Codec` if the value is of another type.
    pub async fn get<V: DeserializeOwned>(&self, key: &str) -> SessionResult<Option<V>> {
        self.check(key)?;
        let (value, is_named) = self.look(key).await?;
        let value = value.filter(|_| is_named);
        Ok(value.map(|value| Codec::decode(&value)).transpose()?)
    }

    /// Writes a value that lives as long as the session; makes the session if there is none.
    ///
    /// The session's own time goes on as it was. A key that is new to the bag costs three calls to
    /// the store, one that is there two, and reading the session one more if the request has not.
    ///
    /// # Errors
    ///
    /// `Removed` if the session is not there any more; then nothing of the value stays.
    /// `RequestOnly`; `Conflict` after dozens of tries. `Store`, of kind `InvalidInput` for a key
    /// outside the rules or one too many.
    pub async fn set<V: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        value: &V,
    ) -> SessionResult<()> {
        self.set_with(key, value, Expiry::Never).await
    }

    /// Writes a value with an expiry of its own, which never reaches beyond the session's absolute
    /// limit.
    ///
    /// [`Expiry::Keep`] keeps what the value that is there has; a zero or past expiry removes.
    ///
    /// # Errors
    ///
    /// As [`set`](SessionBag::set).
    pub async fn set_with<V: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        value: &V,
        expiry: impl Into<Expiry> + Send,
    ) -> SessionResult<()> {
        self.check(key)?;
        let value = self.store().options.codec.encode(value)?;
        let deadline = expiry.into().deadline(self.store().now());
        if deadline == Deadline::Past {
            return self.remove(key).await.map(drop);
        }
        for tried in 0..TRIES {
            let Some((id, known, own)) = self.name(tried, key, deadline).await? else {
                continue;
            };
            let value = value.clone();
            if self
                .write(&id, &known, key, value, own, Condition::Always)
                .await?
            {
                return Ok(());
            }
        }
        Err(SessionError::Conflict)
    }

    /// Removes a value; `true` if there was one.
    ///
    /// # Errors
    ///
    /// `Conflict` after dozens of tries; `Store`.
    pub async fn remove(&self, key: &str) -> SessionResult<bool> {
        self.check(key)?;
        let taken = self.take(|name| name == key).await?;
        Ok(taken > 0)
    }

    /// The keys, sorted.
    ///
    /// A key whose value the store has dropped for lack of room, or that is being removed, may be
    /// among them.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn keys(&self) -> SessionResult<Vec<String>> {
        let Some((_, known)) = self.read().await? else {
            return Ok(Vec::new());
        };
        let keys = known.record.meta.bag_keys(self.store().now());
        Ok(keys.map(str::to_owned).collect())
    }

    /// Removes all values and gives how many there were.
    ///
    /// # Errors
    ///
    /// `Conflict` after dozens of tries; `Store`.
    pub async fn remove_all(&self) -> SessionResult<u64> {
        self.take(|_| true).await
    }

    /// Checks a key before there is an id, which has the same length for all.
    fn check(&self, key: &str) -> SessionResult<()> {
        let any = SessionId::from_bytes([0; SessionId::BYTES]);
        let at = self.store().options.stored(&any);
        Ok(key::bag_key(&at, key).map(drop)?)
    }

    fn store(&self) -> &Store {
        self.owner.store()
    }

    /// The id and where its session is stored; none if there is no session. Reads nothing, unless
    /// reading counts as a use that may slide the session, or it may be stored in several places.
    async fn place(&self) -> SessionResult<Option<(SessionId, StoredId)>> {
        self.current.mark_used();
        let options = &self.store().options;
        match self.current.state() {
            State::Unread(_) if self.store().slides_on_use() || options.has_old_id_forms() => {
                let _gate = self.current.gate().await;
                let found = look_up::look_up(&*self.owner, &self.current).await?;
                Ok(found.map(|(id, known)| (id, known.at)))
            }
            State::Unread(id) => {
                let at = options.stored(&id);
                Ok(Some((id, at)))
            }
            State::Live(id, known) => Ok(Some((id, known.at))),
            State::Absent | State::Gone | State::RequestOnly(_) => Ok(None),
        }
    }

    /// The session, read now; none if there is none.
    async fn read(&self) -> SessionResult<Option<(SessionId, Known)>> {
        let Some((id, _)) = self.place().await? else {
            return Ok(None);
        };
        let newest = look_up::refresh(&*self.owner, &self.current, &id).await?;
        Ok(newest.map(|known| (id, known)))
    }

    /// What is stored under a key, and whether the session names it, so that it counts.
    async fn look(&self, key: &str) -> SessionResult<(Option<Bytes>, bool)> {
        for tried in 0..TRIES {
            let Some((id, at)) = self.place().await? else {
                break;
            };
            let (session, value) = (key::session_key(&at), key::bag_key(&at, key)?);
            // Who came with an old id may be here before the last change that was made under it.
            let options = &self.store().options;
            let before = options.stored(&id);
            let may_be_moving = !options.renewal_grace.is_zero() && before != at;
            if may_be_moving && tried < WAITS_FOR_A_RENEWAL {
                let before = key::bag_key(&before, key)?;
                if self.store().cache.read(&before).await?.is_some() {
                    look_up::pause(tried).await;
                    continue;
                }
            }
            let mut read = self.store().cache.read_all(&[&session, &value]).await?;
            let (value, session) = (read.pop().flatten(), read.pop().flatten());
            let known = match self.note(&id, &at, session).await? {
                Noted::There(known) => known,
                Noted::Moved => continue,
                Noted::Gone => break,
            };
            let now = self.store().now();
            return Ok((value, known.record.meta.has_bag_key(key, now)));
        }
        Ok((None, false))
    }

    /// Tells the request what was read of its session.
    async fn note(
        &self,
        id: &SessionId,
        at: &StoredId,
        read: Option<Bytes>,
    ) -> SessionResult<Noted> {
        let found = match (read, self.current.known()) {
            (None, _) => Found::Nothing,
            (Some(bytes), Some(known)) if known.bytes == bytes => Found::Session(known),
            (Some(bytes), _) => self.store().found(at, bytes, None)?,
        };
        if let Found::Moved(_) = found {
            look_up::refresh(&*self.owner, &self.current, id).await?;
            return Ok(Noted::Moved);
        }
        let known = look_up::note(&*self.owner, &self.current, id, found).await?;
        Ok(known.map_or(Noted::Gone, Noted::There))
    }

    /// Sees to it that the session is there and names the key; `None` if another was faster.
    async fn name(
        &self,
        tried: u32,
        key: &str,
        deadline: Deadline,
    ) -> SessionResult<Option<(SessionId, Known, Option<i64>)>> {
        self.current.mark_used();
        let _gate = self.current.gate().await;
        if tried > 1 {
            look_up::pause(tried).await;
        }
        let found = match (tried, self.current.state()) {
            (_, State::RequestOnly(_)) => return Err(SessionError::RequestOnly),
            (_, State::Gone) => return Err(SessionError::Removed),
            (0, State::Live(id, known)) => Some((id, known)),
            (_, State::Live(id, _)) => {
                let newest = look_up::refresh(&*self.owner, &self.current, &id).await?;
                Some((id, newest.ok_or(SessionError::Removed)?))
            }
            (_, State::Unread(_) | State::Absent) => {
                look_up::look_up(&*self.owner, &self.current).await?
            }
        };
        let Some((id, known)) = found else {
            let own = own_deadline(deadline, None);
            let lifetime = self.current.lifetime();
            let (id, known) = self.owner.create_empty(lifetime, &[(key, own)]).await?;
            self.current.created_by_bag(id.clone(), known.clone());
            return Ok(Some((id, known, own)));
        };
        let now = self.store().now();
        // A value that has expired by itself is named until another key is; it is not there any more.
        let named = known.record.meta.bag.get(key).copied();
        let named = named.filter(|own| own.is_none_or(|own| own > now));
        let own = own_deadline(deadline, named);
        if named == Some(own) {
            return Ok(Some((id, known, own)));
        }
        let known = self.with_key(&known, key, own, now).await?;
        if let Some(known) = &known {
            self.current.seen(id.clone(), known.clone());
        }
        Ok(known.map(|known| (id, known, own)))
    }

    async fn with_key(
        &self,
        known: &Known,
        key: &str,
        own: Option<i64>,
        now: i64,
    ) -> SessionResult<Option<Known>> {
        let most = self.store().options.max_bag_keys;
        let meta = &known.record.meta;
        if !meta.has_bag_key(key, now) && meta.bag_keys(now).count() >= most {
            return Err(refuse(format!("the bag holds {most} keys already (max_bag_keys)")).into());
        }
        let change = |meta: &mut Meta| {
            // What has expired by itself makes room.
            meta.bag.retain(|_, own| own.is_none_or(|own| own > now));
            meta.bag.insert(key.to_owned(), own);
        };
        self.store().replace_bag(known, change).await
    }

    /// Writes the value and looks whether the session is still there and names it; `false` if it
    /// does not name it any more, or has got a new id, or the condition did not hold.
    async fn write(
        &self,
        id: &SessionId,
        known: &Known,
        key: &str,
        value: Bytes,
        own: Option<i64>,
        condition: Condition,
    ) -> SessionResult<bool> {
        let cache = &self.store().cache;
        let (session, entry) = (key::session_key(&known.at), key::bag_key(&known.at, key)?);
        let limit = self.store().limit(&known.record.meta);
        let left = own.unwrap_or(limit).min(limit) - self.store().now();
        let expiry = Expiry::In(millis(left));
        let written = cache.write(&entry, value.clone(), condition.clone(), expiry);
        if !written.await? {
            return Ok(false);
        }
        let session = cache.read(&session).await?;
        match self.note(id, &known.at, session).await? {
            Noted::There(newest) => Ok(newest.record.meta.bag.contains_key(key)),
            Noted::Moved => self.moved_along(&entry, value, condition, expiry).await,
            Noted::Gone => {
                if let Err(error) = cache.remove(&entry).await {
                    tracing::warn!(%error, "a bag value without a session stays until it expires");
                }
                Err(SessionError::Removed)
            }
        }
    }

    /// Whether a value that was written as its session left has moved along; if not, it is taken back.
    ///
    /// What was there before it comes back, for others may have begun with that.
    async fn moved_along(
        &self,
        entry: &str,
        value: Bytes,
        before: Condition,
        expiry: Expiry,
    ) -> SessionResult<bool> {
        let cache = &self.store().cache;
        let is_mine = Condition::Equals(value);
        let is_anew = matches!(before, Condition::Always);
        let (before, expiry) = match before {
            Condition::Equals(before) => (before, expiry),
            _ => (Bytes::new(), Expiry::In(Duration::ZERO)),
        };
        for tried in 0..WAITS_FOR_A_RENEWAL {
            let taken_back = cache.write(entry, before.clone(), is_mine.clone(), expiry);
            // A value that asks for nothing may also come twice.
            if taken_back.await? || is_anew {
                return Ok(false);
            }
            if cache.read(entry).await?.is_none() {
                break;
            }
            look_up::pause(tried).await;
        }
        Ok(true)
    }

    /// Removes the values whose keys are chosen, names first; gives how many there were.
    async fn take(&self, chosen: impl Fn(&str) -> bool + Send + Sync) -> SessionResult<u64> {
        for tried in 0..TRIES {
            if tried > 1 {
                look_up::pause(tried).await;
            }
            let Some((id, known)) = self.read().await? else {
                return Ok(0);
            };
            let names = known.record.meta.bag.keys().filter(|name| chosen(name));
            let keys: Result<Vec<String>, Error> =
                names.map(|name| key::bag_key(&known.at, name)).collect();
            let keys = keys?;
            if keys.is_empty() {
                return Ok(0);
            }
            let change = |meta: &mut Meta| meta.bag.retain(|name, _| !chosen(name));
            if let Some(known) = self.store().replace_bag(&known, change).await? {
                self.current.seen(id, known);
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                return Ok(self.store().cache.remove_all(&keys).await?);
            }
        }
        Err(SessionError::Conflict)
    }
}

/// How often a request with an old id waits for a renewal to have moved a value: some tenths of a
/// second, as a renewal that was cut off moves it no more.
const WAITS_FOR_A_RENEWAL: u32 = 8;

/// What a read of the session beside a value came to.
enum Noted {
    There(Known),
    /// It has got a new id, which the request knows now.
    Moved,
    Gone,
}

impl fmt::Debug for SessionBag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionBag").field(&self.current).finish()
    }
}

/// The deadline that a value has of its own, in place of its session's.
fn own_deadline(asked: Deadline, named: Option<Option<i64>>) -> Option<i64> {
    match asked {
        Deadline::At(deadline) => Some(deadline),
        Deadline::Keep => named.flatten(),
        Deadline::Never | Deadline::Past => None,
    }
}

fn refuse(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, "session", "bag").with_message(message)
}
