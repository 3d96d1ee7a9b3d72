//! One session in the hands of a request or a job.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::SystemTime;

use bytes::Bytes;

use super::bag::SessionBag;
use super::current::{CurrentSession, State};
use super::data::SessionData;
use super::error::{SessionError, SessionResult};
use super::id::{SessionHandle, SessionId};
use super::options::Lifetime;
use super::record::instant;
use super::sessions::Sessions;
use super::store::Known;
use super::times::Slid;
use crate::entry::TimeToLive;

/// A session with the application's data, which it dereferences to.
///
/// [`Sessions`] gives it: from a request, or by id. The data is a copy: changing it changes nothing
/// in the store until it is saved.
///
/// Two ways to store a change. [`update`](Session::update) changes what is stored now, whoever else
/// does so at the same time; use it for counters, lists and whatever else depends on what is there.
/// [`save`](Session::save) stores the copy, unless somebody else stored something since.
///
/// ```no_run
/// # use session_core::{AuthUserSession, CurrentSession, SessionError, Sessions};
/// # async fn example(sessions: Sessions<AuthUserSession>) -> Result<(), SessionError> {
/// let mut session = sessions.open(&CurrentSession::new(None)).await?;
/// assert!(!session.is_stored());
///
/// session.language = Some("de-AT".to_owned());
/// session.save().await?;
///
/// let roles = session.update(|user| {
///     user.roles.insert("editor".to_owned());
///     user.roles.len()
/// });
/// assert_eq!(roles.await?, 1);
/// # Ok(()) }
/// ```
pub struct Session<T: SessionData> {
    pub(super) sessions: Sessions<T>,
    pub(super) current: CurrentSession,
    pub(super) data: T,
    /// What was stored when `data` was read; `None` if it was not read from the store.
    pub(super) base: Option<Bytes>,
    /// Whether `data` is `base` as it was read, and nobody could change it since.
    is_as_read: bool,
}

impl<T: SessionData> Session<T> {
    pub(super) fn new(
        sessions: Sessions<T>,
        current: CurrentSession,
        data: T,
        base: Option<Bytes>,
    ) -> Self {
        Self {
            sessions,
            current,
            data,
            is_as_read: base.is_some(),
            base,
        }
    }

    /// Takes over what was stored.
    pub(super) fn adopt(&mut self, data: T, base: Bytes) {
        self.data = data;
        self.base = Some(base);
        self.is_as_read = false;
    }

    /// The data that is stored as `known`, if it was read already and nobody touched it since.
    pub(super) fn as_read(&self, known: &Known) -> Option<T> {
        let is_it = self.is_as_read && self.base.as_ref() == Some(&known.record.data);
        is_it.then(|| self.data.clone())
    }

    fn touch(&mut self) -> &mut T {
        self.is_as_read = false;
        &mut self.data
    }

    /// The data; the same as dereferencing.
    pub fn data(&self) -> &T {
        &self.data
    }

    /// The data, to be changed and then saved; the same as dereferencing.
    pub fn data_mut(&mut self) -> &mut T {
        self.touch()
    }

    /// The data alone.
    pub fn into_data(self) -> T {
        self.data
    }

    /// The id that opens the session; none if it is not stored. In the grace time of a
    /// [renewal](crate::SessionOptions::renewal_grace) it may be the old one.
    pub fn id(&self) -> Option<SessionId> {
        self.current.id()
    }

    /// What pages and logs may call the session; none if it is not stored.
    pub fn handle(&self) -> Option<SessionHandle> {
        let known = self.current.known()?;
        Some(SessionHandle::of_stored(&known.at))
    }

    /// Whether the session is stored, as far as this request has seen.
    pub fn is_stored(&self) -> bool {
        self.current.known().is_some()
    }

    /// Whether the session lives in this request only and is never stored.
    pub fn is_request_only(&self) -> bool {
        self.current.is_request_only()
    }

    /// Whether the session is temporary or permanent; for one that is not stored, what it would be.
    pub fn lifetime(&self) -> Lifetime {
        self.current.lifetime()
    }

    /// Whether the session is permanent ("remember me").
    pub fn is_permanent(&self) -> bool {
        self.lifetime() == Lifetime::Permanent
    }

    /// When the session was made, or when its user signed in; none if it is not stored.
    pub fn created(&self) -> Option<SystemTime> {
        let known = self.current.known()?;
        Some(instant(known.record.meta.created))
    }

    /// When the session was last saved; none if it is not stored.
    pub fn modified(&self) -> Option<SystemTime> {
        let known = self.current.known()?;
        Some(instant(known.record.meta.saved))
    }

    /// What is left of the session's life as this request has seen it, without asking the store;
    /// none if the session is not stored, or its time is over.
    pub fn time_to_live(&self) -> Option<TimeToLive> {
        let known = self.current.known()?;
        self.sessions.inner.store.time_to_live(&known)
    }

    /// What the request knows of the session, shared with its bag.
    pub fn current(&self) -> &CurrentSession {
        &self.current
    }

    /// The session's bag.
    pub fn bag(&self) -> SessionBag {
        self.sessions.bag(&self.current)
    }

    /// Lengthens the session's life to what a save would give it, without writing the value;
    /// `true` if it did.
    ///
    /// Only if less than [`slide_below`](crate::SessionOptions::slide_below) is left; never beyond
    /// the absolute limit; never for a session that is not stored. With an
    /// [`idle_limit`](crate::SessionOptions::idle_limit) it gives at most that much, and without
    /// [`Sliding::EveryRequest`](crate::Sliding::EveryRequest) later requests lengthen it no
    /// further than the lifetime that the last save started.
    ///
    /// If the session got a new id after it was looked up, and the old one had a
    /// [grace time](crate::SessionOptions::renewal_grace), nothing is lengthened and the answer is
    /// the same: its life began anew with the new id.
    ///
    /// # Errors
    ///
    /// `Removed` if the session went meanwhile; `Store`.
    pub async fn slide(&mut self) -> SessionResult<bool> {
        let State::Live(id, mut known) = self.current.state() else {
            return Ok(false);
        };
        match self.sessions.inner.store.slide(&known, true).await? {
            Slid::NotNeeded => Ok(false),
            Slid::Until(deadline) => {
                known.deadline = Some(deadline);
                self.current.seen(id, known);
                Ok(true)
            }
            Slid::Gone => {
                self.current.not_found(&id);
                Err(SessionError::Removed)
            }
        }
    }

    /// Removes the session and its bag (signs out); `true` if there was one.
    ///
    /// From then on no request can load or store it, not even one that loaded it before. The
    /// session is removed first and its bag after it; should the latter fail, that is logged, the
    /// values cannot be read any more and expire. `on_logout` is called before.
    ///
    /// # Errors
    ///
    /// `Store` if the session could not be removed.
    pub async fn remove(&mut self) -> SessionResult<bool> {
        if self.is_request_only() {
            return Ok(false);
        }
        let _gate = self.current.gate().await;
        self.sessions.inner.end_current(&self.current).await
    }

    /// Tells the hooks that the user of this session was registered. Stores nothing.
    pub async fn registered(&mut self) {
        let (inner, current) = (self.sessions.inner.clone(), self.current.clone());
        inner.tell_registered(self.touch(), &current).await;
    }
}

impl<T: SessionData> Deref for Session<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T: SessionData> DerefMut for Session<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.touch()
    }
}

impl<T: SessionData> fmt::Debug for Session<T> {
    /// Leaves the data out: it never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.current).finish()
    }
}
