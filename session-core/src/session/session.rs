//! One session in the hands of a request or a job.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::SystemTime;

use super::bag::SessionBag;
use super::current::CurrentSession;
use super::data::SessionData;
use super::error::SessionResult;
use super::id::{SessionHandle, SessionId};
use super::options::Lifetime;
use super::sessions::Sessions;
use crate::entry::TimeToLive;

/// A session with the application's data, which it dereferences to.
pub struct Session<T: SessionData> {
    sessions: Sessions<T>,
    current: CurrentSession,
    data: T,
}

impl<T: SessionData> Session<T> {
    /// The data; the same as dereferencing.
    pub fn data(&self) -> &T {
        &self.data
    }

    /// The data, to be changed and then saved; the same as dereferencing.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.data
    }

    /// The data alone.
    pub fn into_data(self) -> T {
        self.data
    }

    /// The id under which the session is stored; none if it is not.
    pub fn id(&self) -> Option<SessionId> {
        self.current.id()
    }

    /// What pages and logs may call the session; none if it is not stored.
    pub fn handle(&self) -> Option<SessionHandle> {
        self.id().as_ref().map(SessionHandle::of)
    }

    /// Whether the session is stored, as far as this request has seen.
    pub fn is_stored(&self) -> bool {
        self.current.id().is_some()
    }

    /// Whether the session lives in this request only and is never stored.
    pub fn is_request_only(&self) -> bool {
        todo!()
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
        todo!()
    }

    /// When the session was last saved; none if it is not stored.
    pub fn modified(&self) -> Option<SystemTime> {
        todo!()
    }

    /// What is left of the session's life, without asking the store; none if it is not stored.
    pub fn time_to_live(&self) -> Option<TimeToLive> {
        todo!()
    }

    /// What the request knows of the session, shared with its bag.
    pub fn current(&self) -> &CurrentSession {
        &self.current
    }

    /// The session's bag.
    pub fn bag(&self) -> SessionBag {
        self.sessions.bag(&self.current)
    }

    /// Stores the data, unless somebody else changed it since it was loaded.
    ///
    /// # Errors
    ///
    /// `Conflict`, `Removed`, `Rejected`, `Store`.
    pub async fn save(&mut self) -> SessionResult<()> {
        todo!()
    }

    /// Reads, changes and writes the newest stored data, again on conflict: no update is lost.
    ///
    /// # Errors
    ///
    /// `Removed`, `Rejected`, `Conflict`, `Store`.
    pub async fn update<R: Send>(
        &mut self,
        _change: impl FnMut(&mut T) -> R + Send,
    ) -> SessionResult<R> {
        todo!()
    }

    /// Lengthens the session's life if little enough is left; `true` if it did.
    ///
    /// # Errors
    ///
    /// `Removed`, `Store`.
    pub async fn slide(&mut self) -> SessionResult<bool> {
        todo!()
    }

    /// Removes the session and its bag (signs out); `true` if there was one.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn remove(&mut self) -> SessionResult<bool> {
        todo!()
    }

    /// Signs a user in: new id, data of an anonymous session kept, another user's dropped.
    ///
    /// # Errors
    ///
    /// `Rejected`, `Conflict`, `Store`.
    pub async fn sign_in(
        &mut self,
        _lifetime: Lifetime,
        _change: impl FnMut(&mut T) + Send,
    ) -> SessionResult<()> {
        todo!()
    }

    /// Gives the session a new id; the old one is dead. A session that is not stored is stored.
    ///
    /// # Errors
    ///
    /// `Removed`, `Rejected`, `Conflict`, `Store`.
    pub async fn renew(&mut self) -> SessionResult<()> {
        todo!()
    }

    /// Tells the hooks that the user of this session was registered. Stores nothing.
    pub async fn registered(&mut self) {
        todo!()
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
        &mut self.data
    }
}

impl<T: SessionData> fmt::Debug for Session<T> {
    /// Leaves the data out: it never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.current).finish()
    }
}
