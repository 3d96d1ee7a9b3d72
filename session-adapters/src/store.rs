//! The store that the frameworks are given, and what can be set about it.

/// A cache as the session store of a web framework.
///
/// Takes any [`CacheClientExtended`](session_core::CacheClientExtended): a backend, an
/// `Arc<dyn CacheClientExtended>` as `cache_connect::connect` gives it, or a
/// [`Prefixed`](session_core::Prefixed) part of one. Which framework's `SessionStore` it implements
/// is decided by the crate's features; it may be several at once, over one cache. A clone uses the
/// same cache.
///
/// ```
/// use cache_memory::MemoryCache;
/// use session_adapters::{CacheSessionStore, WhenGone};
///
/// let store = CacheSessionStore::new(MemoryCache::new()).when_gone(WhenGone::Ignore);
/// # let _ = store;
/// ```
#[derive(Clone, Debug)]
pub struct CacheSessionStore<C> {
    pub(crate) cache: C,
    pub(crate) when_gone: WhenGone,
}

/// What happens to a save of a session that went away while the request ran: it was signed out or
/// given another id by a parallel request, ended by somebody else, evicted, or has expired.
///
/// A request of actix-session that only extends the time to live counts as a save. Either way
/// nothing is stored: a session that was removed stays removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenGone {
    /// The save fails, and the framework answers 500 without a cookie.
    ///
    /// The default, for two reasons. Nobody is told that something was kept which was not. And a
    /// framework that believes in the save sends the cookie once more: the late answer would
    /// overwrite, in the browser, the id that a parallel sign-in has just set, and so sign the
    /// user out again.
    #[default]
    Fail,
    /// The save counts as done: the handler's answer is sent, with the cookie of a session that is
    /// not there any more.
    ///
    /// For sites where what is saved in passing (a counter, the last page seen) may be lost, and
    /// an error page would be worse.
    Ignore,
}

/// What stands before the id in the key of a session of tower-sessions.
pub const TOWER_KEY_PREFIX: &str = "tower:sess:";

/// What stands before the id in the key of a session of actix-session.
pub const ACTIX_KEY_PREFIX: &str = "actix:sess:";

impl<C> CacheSessionStore<C> {
    /// Keeps sessions in this cache; a save of a session that is gone fails.
    pub fn new(cache: C) -> Self {
        Self {
            cache,
            when_gone: WhenGone::Fail,
        }
    }

    /// Decides what happens to a save of a session that is gone; [`WhenGone::Fail`] by default.
    #[must_use]
    pub fn when_gone(mut self, when_gone: WhenGone) -> Self {
        self.when_gone = when_gone;
        self
    }

    /// The cache below, which sees the sessions' entries among all others.
    pub fn cache(&self) -> &C {
        &self.cache
    }
}
