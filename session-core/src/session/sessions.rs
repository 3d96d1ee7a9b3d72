//! All sessions of one type on one store.

use std::fmt;
use std::sync::Arc;

use super::bag::SessionBag;
use super::current::{CurrentSession, State};
use super::data::SessionData;
use super::error::SessionResult;
use super::events::SessionEvents;
use super::hooks::decoded;
use super::id::SessionId;
use super::look_up;
use super::options::SessionOptions;
use super::session::Session;
use super::store::Store;
use crate::client::CacheClientExtended;
use crate::codec::Codec;
use crate::error::Result;

/// All sessions of one type on one store. Cloning shares.
///
/// Made once, at the start of the program. Requests use [`open`](Sessions::open) and
/// [`bag`](Sessions::bag) with a [`CurrentSession`]; jobs and other programs name sessions by id.
/// Without a request nothing slides a session.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use session_core::{AuthUserSession, CacheClientExtended, SessionError, SessionId, Sessions};
/// # async fn example(cache: Arc<dyn CacheClientExtended>) -> Result<(), SessionError> {
/// let sessions = Sessions::<AuthUserSession>::new(cache);
///
/// let mut session = sessions.get_or_create(None).await?;
/// session.display_name = Some("Alice".to_owned());
/// session.save().await?;
///
/// let id = session.id().expect("a saved session has an id");
/// sessions.update(&id, |user| user.email = Some("alice@example.org".to_owned())).await?;
/// sessions.remove(&id).await?;
/// # Ok(()) }
/// ```
pub struct Sessions<T: SessionData> {
    pub(super) inner: Arc<Inner<T>>,
}

pub(super) struct Inner<T: SessionData> {
    pub(super) store: Store,
    pub(super) events: Vec<Arc<dyn SessionEvents<T>>>,
}

impl<T: SessionData> Sessions<T> {
    /// Sessions on this store, with the default options and no events.
    pub fn new(cache: Arc<dyn CacheClientExtended>) -> Self {
        let options = SessionOptions::default();
        Self::from_parts(Store { cache, options }, Vec::new())
    }

    /// The same sessions with these options.
    #[must_use]
    pub fn with_options(self, options: SessionOptions) -> Self {
        let cache = self.inner.store.cache.clone();
        Self::from_parts(Store { cache, options }, self.inner.events.clone())
    }

    /// The same sessions with these events too, called after those that are there already.
    #[must_use]
    pub fn with_events(self, events: impl SessionEvents<T>) -> Self {
        let mut all = self.inner.events.clone();
        all.push(Arc::new(events));
        Self::from_parts(self.inner.store.clone(), all)
    }

    fn from_parts(store: Store, events: Vec<Arc<dyn SessionEvents<T>>>) -> Self {
        let inner = Arc::new(Inner { store, events });
        Self { inner }
    }

    /// The store.
    pub fn cache(&self) -> &Arc<dyn CacheClientExtended> {
        &self.inner.store.cache
    }

    /// The options.
    pub fn options(&self) -> &SessionOptions {
        &self.inner.store.options
    }

    /// A new id, under which nothing is stored.
    ///
    /// # Errors
    ///
    /// What the generator of the options gives.
    pub fn new_id(&self) -> Result<SessionId> {
        self.inner.store.options.new_id()
    }

    /// The session of a request: the stored one, or a new one that is not stored.
    ///
    /// Reads the store at most once a request, and not at all for a visitor without an id. An
    /// expired or unknown id gives a new session, and that id is never adopted: what is stored
    /// later gets an id of its own. Slides the session if the options say so; a failure to do so
    /// is logged only, since what was read is good.
    ///
    /// # Errors
    ///
    /// `Rejected` by `on_load`; `Store` when the store fails: an outage is never an empty session.
    pub async fn open(&self, current: &CurrentSession) -> SessionResult<Session<T>> {
        current.mark_used();
        if let State::RequestOnly(data) = current.state() {
            let data = decoded(Codec::decode(&data))?;
            return Ok(Session::new(self.clone(), current.clone(), data, None));
        }
        let _gate = current.gate().await;
        let inner = &*self.inner;
        if let Some((id, known)) = look_up::look_up(inner, current).await? {
            match inner.hydrate(&known).await? {
                Ok(data) => {
                    let base = Some(known.record.data.clone());
                    return Ok(Session::new(self.clone(), current.clone(), data, base));
                }
                Err(error) => look_up::pass_over(inner, current, &id, error).await?,
            }
        }
        let data = inner.make(current.lifetime()).await;
        Ok(Session::new(self.clone(), current.clone(), data, None))
    }

    /// The bag of a request's session. Nothing is read.
    pub fn bag(&self, current: &CurrentSession) -> SessionBag {
        SessionBag::new(self.inner.clone(), current.clone())
    }

    /// A session that lives in one request and is never stored, such as one made from a token.
    ///
    /// Saving and sliding it do nothing, and its bag takes nothing. Whoever opens the session of
    /// its [`current`](Session::current) gets this one.
    ///
    /// # Errors
    ///
    /// `Store` if the data cannot be encoded.
    pub fn request_only(&self, data: T) -> SessionResult<Session<T>> {
        let current = CurrentSession::request_only(self.inner.encode(&data)?);
        Ok(Session::new(self.clone(), current, data, None))
    }

    /// Outside a request: the session with this id, or a new one that is not stored.
    ///
    /// # Errors
    ///
    /// As [`open`](Sessions::open).
    pub async fn load(&self, id: &SessionId) -> SessionResult<Session<T>> {
        self.open(&CurrentSession::outside(Some(id.clone()))).await
    }

    /// Outside a request: the session with this id, if it is stored.
    ///
    /// # Errors
    ///
    /// As [`open`](Sessions::open).
    pub async fn find(&self, id: &SessionId) -> SessionResult<Option<Session<T>>> {
        let session = self.load(id).await?;
        Ok(session.is_stored().then_some(session))
    }

    /// Outside a request: the session with this id, or a new one that is stored at once, under an
    /// id of its own.
    ///
    /// # Errors
    ///
    /// As [`open`](Sessions::open) and [`Session::save`].
    pub async fn get_or_create(&self, id: Option<&SessionId>) -> SessionResult<Session<T>> {
        let mut session = self.open(&CurrentSession::outside(id.cloned())).await?;
        if !session.is_stored() {
            session.save().await?;
        }
        Ok(session)
    }

    /// Stores a session; the same as [`Session::save`].
    ///
    /// # Errors
    ///
    /// As [`Session::save`].
    pub async fn save(&self, session: &mut Session<T>) -> SessionResult<()> {
        session.save().await
    }

    /// Outside a request: removes a session and its bag; `true` if there was one.
    ///
    /// # Errors
    ///
    /// As [`Session::remove`].
    pub async fn remove(&self, id: &SessionId) -> SessionResult<bool> {
        self.inner.end(&id.into(), None).await
    }
}

impl<T: SessionData> Clone for Sessions<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<T: SessionData> fmt::Debug for Sessions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("cache", &self.inner.store.cache)
            .field("options", &self.inner.store.options)
            .field("events", &self.inner.events.len())
            .finish()
    }
}
