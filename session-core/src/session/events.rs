//! The hooks: what an application can do at each step of a session's life.

use std::time::Duration;

use async_trait::async_trait;

use super::data::SessionData;
use super::error::Rejection;
use super::id::{SessionHandle, StoredId};
use super::options::Lifetime;

/// Hooks into the life of sessions. Any number can be installed; all are called, in order.
///
/// Every method has a default that does nothing. The same hooks can be implemented by the session
/// type itself, see [`SessionData`]. A hook that waits makes the request wait; one that opened the
/// session of its own request, or used its bag, would wait for itself.
///
/// [`Sessions::with_events`](crate::Sessions::with_events) installs them.
#[async_trait]
pub trait SessionEvents<T: SessionData>: Send + Sync + 'static {
    /// A new session was made in memory, because none was stored under the id or none was named.
    ///
    /// It may be filled. Nothing is stored until something is written.
    async fn on_created(&self, session: &mut T, context: &EventContext) {
        let _ = (session, context);
    }

    /// A session was read. It may be filled with what is not stored, or rejected.
    ///
    /// Called each time stored data is read for the application: by a load, and by each try of an
    /// update, but for a first try that goes by what a load has just read. Called too when the session of a request is opened that lives in it only, such as
    /// one made from a token or an API key; such a session has no handle. A rule for all requests of
    /// a user thus stands here once.
    ///
    /// # Errors
    ///
    /// A rejection fails the call that read.
    async fn on_load(&self, session: &mut T, context: &EventContext) -> Result<(), Rejection> {
        let _ = (session, context);
        Ok(())
    }

    /// A session is about to be written. How long it lives may be set, or the write refused.
    ///
    /// Called for each try. A write of the bag keeps the session's time and does not call it,
    /// unless it makes the session. Nor does the save of a session that lives in one request only,
    /// since it writes nothing.
    ///
    /// # Errors
    ///
    /// A rejection fails the call and stores nothing.
    async fn on_save(&self, session: &T, saving: &mut Saving) -> Result<(), Rejection> {
        let _ = (session, saving);
        Ok(())
    }

    /// A user was registered; the application says so by
    /// [`Session::registered`](crate::Session::registered).
    async fn on_registered(&self, session: &mut T, context: &EventContext) {
        let _ = (session, context);
    }

    /// A user is about to be signed in; the session holds the user already.
    ///
    /// Called again if the stored session changed meanwhile.
    ///
    /// # Errors
    ///
    /// A rejection fails the sign-in and stores nothing.
    async fn validate(&self, session: &T, context: &EventContext) -> Result<(), Rejection> {
        let _ = (session, context);
        Ok(())
    }

    /// A user was authenticated and nobody refused. The session may be filled; it is stored next.
    ///
    /// Called again if the stored session changed meanwhile.
    async fn on_authenticated(&self, session: &mut T, context: &EventContext) {
        let _ = (session, context);
    }

    /// A session is about to be removed by a sign-out or an administrator.
    ///
    /// Not called for one that expires, nor for one whose data does not decode.
    async fn on_logout(&self, session: &T, context: &EventContext) {
        let _ = (session, context);
    }

    /// A stored session does not decode and is left alone; the visitor gets a new one.
    ///
    /// Called with [`Undecodable::StartNew`](crate::Undecodable::StartNew) only.
    async fn on_undecodable(&self, context: &EventContext) {
        let _ = context;
    }
}

/// What a hook is told besides the session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EventContext {
    stored: Option<StoredId>,
    lifetime: Lifetime,
}

impl EventContext {
    pub(super) fn new(stored: Option<StoredId>, lifetime: Lifetime) -> Self {
        Self { stored, lifetime }
    }

    /// What pages and logs may call the session; none while it is not stored.
    pub fn handle(&self) -> Option<SessionHandle> {
        self.stored.as_ref().map(SessionHandle::of_stored)
    }

    /// Whether the session is temporary or permanent, or will be once it is stored.
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }
}

/// A write that is about to happen, as [`SessionEvents::on_save`] sees it.
#[derive(Clone, Debug)]
pub struct Saving {
    context: EventContext,
    expires_in: Duration,
}

impl Saving {
    pub(super) fn new(context: EventContext, expires_in: Duration) -> Self {
        Self {
            context,
            expires_in,
        }
    }

    /// What a hook is told besides the session. A session that is written for the first time has
    /// no handle yet.
    pub fn context(&self) -> &EventContext {
        &self.context
    }

    /// How long the session is to live from now on, unless a limit ends it before.
    pub fn expires_in(&self) -> Duration {
        self.expires_in
    }

    /// Sets how long the session is to live; sliding goes by it too, until the next save.
    ///
    /// The absolute limit and the idle limit still hold. Zero is taken as a millisecond.
    pub fn set_expires_in(&mut self, expires_in: Duration) {
        self.expires_in = expires_in.max(Duration::from_millis(1));
    }
}
