//! The cache itself: how it is made.

use std::fmt;
use std::sync::Arc;

use session_core::{CacheClient, Codec, Namespace, Result, Scope};

use crate::options::{BACKEND, MemoryOptions};
use crate::store::Store;

/// A cache in the memory of this process.
///
/// Clones are cheap and share their entries, which go when the last clone is dropped. The
/// operations are those of [`CacheClient`] and
/// [`CacheClientExtended`](session_core::CacheClientExtended), with the same rules; plain code
/// calls them with `_now` behind their names.
///
/// ```
/// use std::time::Duration;
/// use cache_memory::MemoryCache;
/// use session_core::{Condition, Expiry};
///
/// let cache = MemoryCache::new();
/// let hour = Expiry::In(Duration::from_secs(3600));
/// assert!(cache.write_now("key", "value".into(), Condition::Absent, hour)?);
/// assert_eq!(cache.read_now("key")?.as_deref(), Some(&b"value"[..]));
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone)]
pub struct MemoryCache {
    pub(crate) store: Arc<Store>,
    pub(crate) scope: Scope,
    pub(crate) codec: Codec,
}

impl MemoryCache {
    /// An empty cache without bounds.
    pub fn new() -> Self {
        Self::with_options(MemoryOptions::default())
    }

    /// An empty cache with these options.
    #[allow(clippy::needless_pass_by_value)]
    pub fn with_options(options: MemoryOptions) -> Self {
        Self {
            store: Store::new(&options),
            scope: options.client.scope(BACKEND),
            codec: options.client.codec,
        }
    }

    /// An empty cache with the options in a URL, such as `memory:?max_entries=1000`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a URL that is none of a memory cache.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url.parse()?).await
    }

    /// An empty cache with these options, asked for an answer as the other backends are.
    ///
    /// # Errors
    ///
    /// None; it is there so that all backends are opened alike.
    pub async fn connect_with(options: MemoryOptions) -> Result<Self> {
        let cache = Self::with_options(options);
        cache.ping().await?;
        Ok(cache)
    }

    /// Another client of the same entries, which sees only what lies in a namespace inside this
    /// client's own.
    ///
    /// As [`Prefixed`](session_core::Prefixed), at no cost for a call.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the path is empty or ill-formed, as [`Namespace`] says.
    pub fn namespace(&self, path: &str) -> Result<Self> {
        let inside: Namespace = path.parse()?;
        let namespace = format!("{}{inside}", self.scope.namespace().stored()).parse()?;
        let scope = Scope::new(BACKEND, namespace, self.scope.max_value_len());
        Ok(Self {
            scope,
            ..self.clone()
        })
    }

    /// How many entries are stored, in all namespaces, expired ones that are not yet freed among
    /// them.
    pub fn stored_entries(&self) -> usize {
        self.store.len()
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryCache {
    /// Says how much is stored and nothing of what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache")
            .field("namespace", self.scope.namespace())
            .field("stored_entries", &self.stored_entries())
            .finish_non_exhaustive()
    }
}
