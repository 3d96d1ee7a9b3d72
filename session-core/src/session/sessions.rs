//! All sessions of one type on one store.

use std::fmt;
use std::sync::Arc;

use super::bag::SessionBag;
use super::current::CurrentSession;
use super::data::SessionData;
use super::error::SessionResult;
use super::events::{EventContext, SessionEvents};
use super::id::{SessionHandle, SessionId};
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
/// [`bag`](Sessions::bag) with a [`CurrentSession`]; jobs and other programs name sessions by id,
/// which is no use of a session and slides none.
///
/// ```no_run
/// # use std::sync::Arc;
/// use serde::{Deserialize, Serialize};
/// use session_core::{
///     AuthUserSession, CurrentSession, Lifetime, SessionData, SessionId, SessionOptions, Sessions,
///     Sliding,
/// };
/// # use session_core::{CacheClientExtended, SessionError};
///
/// #[derive(Clone, Default, Serialize, Deserialize)]
/// #[serde(default)]
/// struct ShopSession {
///     auth: AuthUserSession,
///     visits: u32,
/// }
///
/// impl SessionData for ShopSession {
///     fn auth(&self) -> Option<&AuthUserSession> {
///         Some(&self.auth)
///     }
///
///     fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
///         Some(&mut self.auth)
///     }
/// }
///
/// # async fn example(cache: Arc<dyn CacheClientExtended>, cookie: Option<&str>)
/// # -> Result<(), SessionError> {
/// let options = SessionOptions::default().sliding(Sliding::EveryRequest);
/// let sessions = Sessions::<ShopSession>::new(cache).with_options(options);
///
/// // A request. An id that is none counts as no id.
/// let presented = cookie.and_then(|text| text.parse::<SessionId>().ok());
/// let current = CurrentSession::new(presented);
/// let mut session = sessions.open(&current).await?;
/// session.update(|shop| shop.visits += 1).await?;
/// session.bag().set("cart", &["book"]).await?;
///
/// // The user signs in: a new id, the cart stays.
/// let user = |shop: &mut ShopSession| shop.auth.user_id = Some("17".to_owned());
/// session.sign_in(Lifetime::Permanent, user).await?;
/// assert!(session.auth.is_authenticated && session.visits > 0);
///
/// // The response sets the cookie if `current.change()` says so, to `current.id()`.
/// let id = current.id().expect("it was stored just now");
///
/// // A job, later, in another process.
/// sessions.update(&id, |shop| shop.visits = 0).await?;
/// sessions.remove(&id).await?;
/// # Ok(()) }
/// ```
///
/// # What it costs
///
/// Calls to the store, asserted by tests. A conflict with another writer adds a read and a repeated
/// write each time.
///
/// | what | calls |
/// | --- | --- |
/// | anything a visitor without an id does that stores nothing | 0 |
/// | [`open`](Sessions::open), [`load`](Sessions::load), [`find`](Sessions::find) with an id | 1; 0 if the request has read it already |
/// | `open` when the session is slid | 2 |
/// | [`Session::save`] and [`Session::update`] of an opened session | 1 |
/// | [`update`](Sessions::update) by id | 2 |
/// | [`Session::slide`] | 1, or 0 while enough is left |
/// | [`get_or_create`](Sessions::get_or_create) | as `open`, and 1 more if it stores |
/// | [`Session::sign_in`] of an opened session | 4, two of them for the user's index; 1 more if the user was signed in with it, 2 if another was |
/// | [`Session::renew`] of an opened session | 2; with a user 5 |
/// | either with a bag | 4 more, two of them reading and one writing it as a batch; with a grace time 3, and 1 for each of its keys |
/// | [`Session::remove`] of an opened session | 1; with a bag 1 more, with a user 2 |
/// | [`remove_current`](Sessions::remove_current) | what `open` and the removal cost |
/// | [`remove`](Sessions::remove) by id | 2; with a bag 1 more, with a user 2 |
/// | [`SessionBag::get`], [`SessionBag::keys`] | 1; the first of a request that slides what it uses as `open`, and 1 more |
/// | [`SessionBag::set`] of a key that is there; of a new one | 2; 3 (1 more if the session is not read yet) |
/// | [`SessionBag::update`] of a key that is there; of a new one | 3; 4 |
/// | [`SessionBag::remove`], [`SessionBag::remove_all`] | 3 |
/// | [`list`](Sessions::list) | the listing of the sessions' keys, and 1 a session |
/// | [`remove_by_handle`](Sessions::remove_by_handle) | the listing of the sessions' keys, and what a removal by id costs |
/// | [`list_user`](Sessions::list_user) | 1, and 1 for each session of the user |
/// | [`remove_user`](Sessions::remove_user) | 4, and 1 for each session of the user; with a bag 2 |
/// | [`remove_user_except`](Sessions::remove_user_except) | the same; with a grace time 1 more |
/// | [`remove_user_session`](Sessions::remove_user_session) | 1, and what a removal by id costs |
///
/// Finding a session by its id costs a call more for each
/// [fallback](SessionOptions::fallback_id_key) that has to be tried, and a call more for each new
/// id that it has got since, in the [grace time](SessionOptions::renewal_grace) of that; so does then
/// reading its bag.
///
/// A sign-in is [`Session::sign_in`] or the first save that stores a user; requests of a user who
/// is signed in pay nothing for the index.
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

    /// What pages and logs may call the session with this id, if it is stored as new ones are.
    pub fn handle_of(&self, id: &SessionId) -> SessionHandle {
        SessionHandle::of_stored(&self.options().stored(id))
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
        if let Some(data) = current.request_only_data() {
            let context = EventContext::new(None, current.lifetime());
            let data = self.inner.loaded(Codec::decode(&data)?, &context).await?;
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

    /// Removes the session of a request and its bag; `true` if there was one.
    ///
    /// The same as [`Session::remove`], also for a session that `on_load` refuses: nobody is kept
    /// from signing out.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn remove_current(&self, current: &CurrentSession) -> SessionResult<bool> {
        current.mark_used();
        if current.is_request_only() {
            return Ok(false);
        }
        let _gate = current.gate().await;
        look_up::look_up(&*self.inner, current).await?;
        self.inner.end_current(current).await
    }

    /// The bag of a request's session. Nothing is read.
    pub fn bag(&self, current: &CurrentSession) -> SessionBag {
        SessionBag::new(self.inner.clone(), current.clone())
    }

    /// A session that lives in one request and is never stored, such as one made from a token.
    ///
    /// Saving and sliding it do nothing, and its bag takes nothing; `on_save` is not called.
    /// Whoever opens the session of its [`current`](Session::current) gets this one, after `on_load`,
    /// which may reject it as it may a stored one.
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
        for at in self.options().all_stored(id) {
            if self.inner.end(&at, None).await? {
                return Ok(true);
            }
        }
        Ok(false)
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
