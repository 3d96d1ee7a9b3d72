//! All sessions of a store, for administrators.

use std::fmt;
use std::time::SystemTime;

use async_stream::try_stream;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;

use super::current::CurrentSession;
use super::data::SessionData;
use super::error::SessionResult;
use super::id::SessionHandle;
use super::options::Lifetime;
use super::record::instant;
use super::sessions::Sessions;
use super::store::{Found, Known, Store};
use crate::entry::TimeToLive;
use crate::error::Result;
use crate::key;

/// A stored session as a listing gives it. Its id is not in it.
#[non_exhaustive]
pub struct ListedSession<T> {
    /// What a page can show, and what [`Sessions::remove_by_handle`] takes.
    pub handle: SessionHandle,
    /// The session as stored; `on_load` was not called.
    pub data: T,
    /// Whether it is temporary or permanent.
    pub lifetime: Lifetime,
    /// When it was made, or when its user signed in.
    pub created: SystemTime,
    /// When it was last saved.
    pub modified: SystemTime,
    /// What is left of its life.
    pub time_to_live: TimeToLive,
}

impl<T: SessionData> Sessions<T> {
    /// Lists all sessions that are stored, in no promised order.
    ///
    /// A stream, never the whole set at once: the listing of their keys, and for each session one
    /// read, sixteen of them under way at a time. Sessions that vanish meanwhile and entries that
    /// do not decode are left out; so are, of one that is renewed meanwhile, neither or both of its
    /// entries. Whether a hook refuses them is not asked. Listing is no use of a session.
    ///
    /// # Errors
    ///
    /// The stream gives the store's failure as an item and then ends.
    ///
    /// ```no_run
    /// # use futures_util::TryStreamExt;
    /// # use session_core::{AuthUserSession, SessionError, Sessions};
    /// # async fn example(sessions: Sessions<AuthUserSession>) -> Result<(), SessionError> {
    /// let mut all = sessions.list();
    /// while let Some(session) = all.try_next().await? {
    ///     println!("{} {:?}", session.handle, session.time_to_live);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn list(&self) -> BoxStream<'_, SessionResult<ListedSession<T>>> {
        let store = &self.inner.store;
        Box::pin(try_stream! {
            let keys = store.cache.keys_starting_with(key::SESSION_KEY_PREFIX);
            let mut found = keys.map(|key| read(store, key)).buffered(AT_A_TIME);
            while let Some(found) = found.next().await {
                if let Some(session) = found?.and_then(|known| listed(store, &known)) {
                    yield session;
                }
            }
        })
    }

    /// Removes the session with this handle and its bag; `true` if there was one.
    ///
    /// A handle does not tell where its session is stored, so this lists the keys of all sessions
    /// until it is found: its cost grows with their number. It is meant for administrators.
    ///
    /// # Errors
    ///
    /// `Store`, as [`Session::remove`](crate::Session::remove) or from the listing.
    pub async fn remove_by_handle(&self, handle: &SessionHandle) -> SessionResult<bool> {
        let mut keys = self.cache().keys_starting_with(key::SESSION_KEY_PREFIX);
        while let Some(key) = keys.next().await {
            let Some(at) = key::stored_id(&key?) else {
                continue;
            };
            if SessionHandle::of_stored(&at) == *handle {
                return self.inner.end(&at, None).await;
            }
        }
        Ok(false)
    }
}

async fn read(store: &Store, key: Result<String>) -> SessionResult<Option<Known>> {
    let Some(at) = key::stored_id(&key?) else {
        return Ok(None);
    };
    match store.read(&at).await {
        Ok(Found::Session(known)) => Ok(Some(known)),
        Ok(Found::Nothing | Found::Moved(_) | Found::Undecodable(_)) => Ok(None),
        Err(error) if error.is_codec() => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn listed<T: SessionData>(store: &Store, known: &Known) -> Option<ListedSession<T>> {
    let meta = &known.record.meta;
    Some(ListedSession {
        handle: SessionHandle::of_stored(&known.at),
        data: known.record.decode_data().ok()?,
        lifetime: meta.lifetime(),
        created: instant(meta.created),
        modified: instant(meta.saved),
        time_to_live: store.time_to_live(known)?,
    })
}

impl<T> ListedSession<T> {
    /// Whether it is the session of this request, as far as the request has looked it up.
    pub fn is_current(&self, current: &CurrentSession) -> bool {
        current
            .known()
            .is_some_and(|known| SessionHandle::of_stored(&known.at) == self.handle)
    }
}

impl<T> fmt::Debug for ListedSession<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedSession")
            .field("handle", &self.handle)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// How many sessions of a listing are read at the same time.
pub(super) const AT_A_TIME: usize = 16;
