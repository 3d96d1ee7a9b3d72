//! All sessions of a store, for administrators.

use std::fmt;
use std::time::SystemTime;

use futures_core::stream::BoxStream;

use super::data::SessionData;
use super::error::SessionResult;
use super::id::SessionHandle;
use super::options::Lifetime;
use super::sessions::Sessions;
use crate::entry::TimeToLive;

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
    /// Lists all sessions, in no promised order.
    pub fn list(&self) -> BoxStream<'_, SessionResult<ListedSession<T>>> {
        todo!()
    }

    /// Removes the session with this handle and its bag; `true` if there was one.
    ///
    /// # Errors
    ///
    /// What the store's failures give.
    pub async fn remove_by_handle(&self, _handle: &SessionHandle) -> SessionResult<bool> {
        todo!()
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
