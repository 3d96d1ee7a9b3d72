//! All sessions of one type on one store.

use std::fmt;
use std::sync::Arc;

use super::bag::SessionBag;
use super::current::CurrentSession;
use super::data::SessionData;
use super::error::SessionResult;
use super::events::SessionEvents;
use super::id::SessionId;
use super::options::SessionOptions;
use super::session::Session;
use crate::client::CacheClientExtended;
use crate::error::Result;

/// All sessions of one type on one store. Cloning shares.
pub struct Sessions<T: SessionData> {
    inner: Arc<Inner<T>>,
}

struct Inner<T: SessionData> {
    cache: Arc<dyn CacheClientExtended>,
    options: SessionOptions,
    events: Vec<Arc<dyn SessionEvents<T>>>,
}

impl<T: SessionData> Sessions<T> {
    /// Sessions on this store, with the default options and no events.
    pub fn new(cache: Arc<dyn CacheClientExtended>) -> Self {
        Self {
            inner: Arc::new(Inner {
                cache,
                options: SessionOptions::default(),
                events: Vec::new(),
            }),
        }
    }

    /// The same sessions with these options.
    #[must_use]
    pub fn with_options(self, options: SessionOptions) -> Self {
        let inner = &*self.inner;
        Self {
            inner: Arc::new(Inner {
                cache: inner.cache.clone(),
                options,
                events: inner.events.clone(),
            }),
        }
    }

    /// The same sessions with these events too, called after those there already.
    #[must_use]
    pub fn with_events(self, events: impl SessionEvents<T>) -> Self {
        let inner = &*self.inner;
        let mut all = inner.events.clone();
        all.push(Arc::new(events));
        Self {
            inner: Arc::new(Inner {
                cache: inner.cache.clone(),
                options: inner.options.clone(),
                events: all,
            }),
        }
    }

    /// The store.
    pub fn cache(&self) -> &Arc<dyn CacheClientExtended> {
        &self.inner.cache
    }

    /// The options.
    pub fn options(&self) -> &SessionOptions {
        &self.inner.options
    }

    /// A new id, under which nothing is stored.
    ///
    /// # Errors
    ///
    /// What the generator of the options gives.
    pub fn new_id(&self) -> Result<SessionId> {
        self.inner.options.new_id()
    }

    /// The session of a request: the stored one, or a new one that is not stored.
    ///
    /// # Errors
    ///
    /// `Rejected`, `Store`.
    pub async fn open(&self, _current: &CurrentSession) -> SessionResult<Session<T>> {
        todo!()
    }

    /// The bag of a request's session. Nothing is read.
    pub fn bag(&self, current: &CurrentSession) -> SessionBag {
        SessionBag::new(current.clone())
    }

    /// A session that lives in one request and is never stored, such as one made from a token.
    pub fn request_only(&self, _data: T) -> Session<T> {
        let _ = CurrentSession::request_only();
        todo!()
    }

    /// Outside a request: the session with this id, or a new one that is not stored.
    ///
    /// # Errors
    ///
    /// As [`open`](Sessions::open).
    pub async fn load(&self, _id: &SessionId) -> SessionResult<Session<T>> {
        todo!()
    }

    /// Outside a request: the session with this id, if it is stored.
    ///
    /// # Errors
    ///
    /// As [`open`](Sessions::open).
    pub async fn find(&self, _id: &SessionId) -> SessionResult<Option<Session<T>>> {
        todo!()
    }

    /// The session with this id, or a new one that is stored at once, under an id of its own.
    ///
    /// # Errors
    ///
    /// As [`open`](Sessions::open) and [`Session::save`].
    pub async fn get_or_create(&self, _id: Option<&SessionId>) -> SessionResult<Session<T>> {
        todo!()
    }

    /// Stores a session; the same as [`Session::save`].
    ///
    /// # Errors
    ///
    /// As [`Session::save`].
    pub async fn save(&self, session: &mut Session<T>) -> SessionResult<()> {
        session.save().await
    }

    /// Changes the newest stored data of a session, again on conflict.
    ///
    /// # Errors
    ///
    /// As [`Session::update`]; `Removed` if there is none.
    pub async fn update<R: Send>(
        &self,
        _id: &SessionId,
        _change: impl FnMut(&mut T) -> R + Send,
    ) -> SessionResult<R> {
        todo!()
    }

    /// Removes a session and its bag; `true` if there was one.
    ///
    /// # Errors
    ///
    /// As [`Session::remove`].
    pub async fn remove(&self, _id: &SessionId) -> SessionResult<bool> {
        todo!()
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
            .field("cache", &self.inner.cache)
            .field("options", &self.inner.options)
            .field("events", &self.inner.events.len())
            .finish()
    }
}
