//! What one request knows of its session, shared by all that work with it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::lock::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

use super::id::{SessionId, StoredId};
use super::options::Lifetime;
use super::store::Known;

/// The session of one request: the id it came with, and what became of it.
///
/// Made once for a request, from the id that the client sent, and shared by the request's
/// [`Session`](crate::Session), its [`SessionBag`](crate::SessionBag) and whoever writes the
/// response: an id made by the first write or by a sign-in is seen by all, and what one of them
/// has read is not read again. Cloning shares.
///
/// ```
/// use session_core::{CurrentSession, SessionChange};
///
/// let current = CurrentSession::new(None);
/// assert_eq!(current.change(), SessionChange::Unchanged);
/// assert!(current.id().is_none() && !current.is_used());
/// ```
#[derive(Clone)]
pub struct CurrentSession {
    shared: Arc<Shared>,
}

/// What a request did with its session, for whoever writes the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionChange {
    /// The client keeps what it has.
    Unchanged,
    /// A session was stored under a new id, where none was before.
    Created,
    /// The session has a new id; the old one is dead, at once or after its
    /// [grace time](crate::SessionOptions::renewal_grace).
    Renewed,
    /// The session was removed by this request, or was to be removed and is not there.
    Removed,
}

struct Shared {
    presented: Option<SessionId>,
    /// Whether looking the session up counts as a use of it, which may slide it.
    counts_as_use: bool,
    inner: Mutex<Inner>,
    /// Held while a session is looked up, made, renewed or removed, so that two parts of one
    /// request do not do it twice.
    gate: AsyncMutex<()>,
}

struct Inner {
    state: State,
    change: SessionChange,
    used: bool,
    /// What a new session will be.
    lifetime: Lifetime,
    /// The data with which this request's bag made the session, if it did.
    initial: Option<Bytes>,
}

/// What is known of the stored session.
#[derive(Clone)]
pub(super) enum State {
    /// Nobody has looked.
    Unread(SessionId),
    /// There is none; the first write makes it.
    Absent,
    /// It is there, as far as this request has seen.
    Live(SessionId, Known),
    /// It was there and is not any more, for whatever reason.
    Gone,
    /// The session is not stored and never will be; its data, encoded.
    RequestOnly(Bytes),
}

impl State {
    fn is_of(&self, id: &SessionId) -> bool {
        matches!(self, Self::Unread(current) | Self::Live(current, _) if current == id)
    }
}

impl CurrentSession {
    /// The session of a request that came with this id, or with none. Nothing is read.
    ///
    /// A session that this request makes will be temporary.
    pub fn new(presented: Option<SessionId>) -> Self {
        Self::with_lifetime(presented, Lifetime::Temporary)
    }

    /// The same, with the choice of what a session that this request makes will be.
    ///
    /// A stored session keeps what it is, whatever is chosen here.
    pub fn with_lifetime(presented: Option<SessionId>, lifetime: Lifetime) -> Self {
        let state = presented.clone().map_or(State::Absent, State::Unread);
        Self::in_state(presented, state, lifetime, true)
    }

    /// A session looked at from outside a request, which does not count as a use of it.
    pub(super) fn outside(id: Option<SessionId>) -> Self {
        let state = id.clone().map_or(State::Absent, State::Unread);
        Self::in_state(id, state, Lifetime::Temporary, false)
    }

    /// The session of a request whose session is never stored.
    pub(super) fn request_only(data: Bytes) -> Self {
        Self::in_state(None, State::RequestOnly(data), Lifetime::Temporary, false)
    }

    fn in_state(
        presented: Option<SessionId>,
        state: State,
        lifetime: Lifetime,
        counts_as_use: bool,
    ) -> Self {
        let inner = Mutex::new(Inner {
            state,
            change: SessionChange::Unchanged,
            used: false,
            lifetime,
            initial: None,
        });
        Self {
            shared: Arc::new(Shared {
                presented,
                counts_as_use,
                inner,
                gate: AsyncMutex::new(()),
            }),
        }
    }

    /// The id that the client sent, whether or not a session is stored under it.
    pub fn presented(&self) -> Option<&SessionId> {
        self.shared.presented.as_ref()
    }

    /// The id under which the session is stored, as far as it has been looked up or written.
    pub fn id(&self) -> Option<SessionId> {
        match &self.lock().state {
            State::Live(id, _) => Some(id.clone()),
            _ => None,
        }
    }

    /// Whether the stored session is temporary or permanent; for one that is not stored, what it
    /// would be.
    pub fn lifetime(&self) -> Lifetime {
        let inner = self.lock();
        match &inner.state {
            State::Live(_, known) => known.record.meta.lifetime(),
            _ => inner.lifetime,
        }
    }

    /// What the request has done with its session so far.
    pub fn change(&self) -> SessionChange {
        self.lock().change
    }

    /// Whether anything has asked for the session or its bag, so that the response depends on it.
    pub fn is_used(&self) -> bool {
        self.lock().used
    }

    /// Whether the session lives in this request only and is never stored.
    pub fn is_request_only(&self) -> bool {
        matches!(self.lock().state, State::RequestOnly(_))
    }

    pub(super) fn state(&self) -> State {
        self.lock().state.clone()
    }

    pub(super) fn known(&self) -> Option<Known> {
        match &self.lock().state {
            State::Live(_, known) => Some(known.clone()),
            _ => None,
        }
    }

    /// Where the session is stored that was seen under this id.
    pub(super) fn stored_at(&self, id: &SessionId) -> Option<StoredId> {
        match &self.lock().state {
            State::Live(of, known) if of == id => Some(known.at.clone()),
            _ => None,
        }
    }

    /// The data of a session that is never stored, encoded.
    pub(super) fn request_only_data(&self) -> Option<Bytes> {
        match &self.lock().state {
            State::RequestOnly(data) => Some(data.clone()),
            _ => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self.lock().state, State::Absent)
    }

    pub(super) fn initial(&self) -> Option<Bytes> {
        self.lock().initial.clone()
    }

    pub(super) fn counts_as_use(&self) -> bool {
        self.shared.counts_as_use
    }

    pub(super) fn mark_used(&self) {
        self.lock().used = true;
    }

    /// Waits until no other part of the request looks up, makes, renews or removes the session.
    pub(super) async fn gate(&self) -> AsyncMutexGuard<'_, ()> {
        self.shared.gate.lock().await
    }

    /// A look-up found nothing: a session that was seen before is gone, any other never was.
    ///
    /// What is learned of an id counts only while it is the request's id: another part of the
    /// request may have renewed or removed the session meanwhile. So do the next two.
    pub(super) fn not_found(&self, id: &SessionId) {
        let mut inner = self.lock();
        match &inner.state {
            State::Live(current, _) if current == id => inner.state = State::Gone,
            State::Unread(current) if current == id => inner.state = State::Absent,
            _ => {}
        }
    }

    /// What is stored is no session that this program can read; it counts as not there.
    pub(super) fn passed_over(&self, id: &SessionId) {
        let mut inner = self.lock();
        if inner.state.is_of(id) {
            inner.state = State::Absent;
        }
    }

    /// The session was seen or written under the id that it had.
    pub(super) fn seen(&self, id: SessionId, known: Known) {
        let mut inner = self.lock();
        if inner.state.is_of(&id) {
            inner.state = State::Live(id, known);
        }
    }

    /// The session was stored for the first time.
    pub(super) fn created(&self, id: SessionId, known: Known) {
        let mut inner = self.lock();
        inner.state = State::Live(id, known);
        inner.change = SessionChange::Created;
    }

    /// The same, by the bag, which stores a session as it was made.
    pub(super) fn created_by_bag(&self, id: SessionId, known: Known) {
        self.lock().initial = Some(known.record.data.clone());
        self.created(id, known);
    }

    /// The session was stored under a new id in place of an old one.
    pub(super) fn renewed(&self, id: SessionId, known: Known) {
        let mut inner = self.lock();
        inner.state = State::Live(id, known);
        // A session that this request made is still new to the client.
        if inner.change != SessionChange::Created {
            inner.change = SessionChange::Renewed;
        }
    }

    /// The session was removed by this request.
    pub(super) fn removed(&self) {
        let mut inner = self.lock();
        inner.state = State::Gone;
        inner.change = SessionChange::Removed;
    }

    pub(super) fn keep_in_request(&self, data: Bytes) {
        self.lock().state = State::RequestOnly(data);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it is held, and what is in it is whole between two statements.
        self.shared
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CurrentSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("CurrentSession")
            .field("change", &inner.change)
            .field("used", &inner.used)
            .finish_non_exhaustive()
    }
}
