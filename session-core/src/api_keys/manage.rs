//! Making, listing, cancelling and regenerating keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::key::{ApiKey, ApiKeyHash, ApiKeySecret, check_name};
use super::sessions::ApiKeySessions;
use super::store::{ApiKeyStore, CacheApiKeyStore};
use crate::client::CacheClientExtended;
use crate::entry::{millis_rounded_up, unix_millis_rounded_up};
use crate::error::{BoxError, Error, ErrorKind, Result};

/// The API keys of an application: a store of keys, and the sessions cached for them. Cloning
/// shares.
///
/// ```
/// # use std::sync::Arc;
/// # use session_core::{ApiKeys, CacheClientExtended, NewApiKey, Result};
/// # async fn example(cache: Arc<dyn CacheClientExtended>) -> Result<()> {
/// let keys = ApiKeys::in_cache(cache);
/// let (secret, key) = keys.make("17", NewApiKey::new("live").scope("orders:read")).await?;
/// // Shown once: `secret.as_str()`. Later:
/// assert_eq!(keys.find(&secret.hash()).await?, Some(key.clone()));
/// assert!(keys.cancel("17", &key.id()).await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ApiKeys {
    store: Arc<dyn ApiKeyStore>,
    sessions: ApiKeySessions,
    prefix: Arc<str>,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    environment: String,
    key_type: String,
    scopes: BTreeSet<String>,
    expires_in: Option<Duration>,
    notes: Option<String>,
    references: BTreeMap<String, String>,
}

impl NewApiKey {
    /// A secret key for an environment such as `live`, without scopes, that never expires.
    pub fn new(environment: impl Into<String>) -> Self {
        Self {
            environment: environment.into(),
            key_type: "secret".to_owned(),
            scopes: BTreeSet::new(),
            expires_in: None,
            notes: None,
            references: BTreeMap::new(),
        }
    }

    /// What kind of key it is; by default `secret`.
    #[must_use]
    pub fn key_type(mut self, key_type: impl Into<String>) -> Self {
        self.key_type = key_type.into();
        self
    }

    /// Adds something that it may do.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.insert(scope.into());
        self
    }

    /// How long it is good; by default for ever.
    #[must_use]
    pub fn expires_in(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.expires_in = time.into();
        self
    }

    /// What people want to know about it.
    #[must_use]
    pub fn notes(mut self, notes: impl Into<String>) -> Self {
        self.notes = Some(notes.into());
        self
    }

    /// Adds what it refers to, by a name of one's own.
    #[must_use]
    pub fn reference(mut self, name: impl Into<String>, to: impl Into<String>) -> Self {
        self.references.insert(name.into(), to.into());
        self
    }

    /// The same as a key that is there, good for as long as that one was at first.
    fn like(key: &ApiKey) -> Self {
        let time = key.expires_ms.map(|end| end.saturating_sub(key.created_ms));
        Self {
            environment: key.environment.clone(),
            key_type: key.key_type.clone(),
            scopes: key.scopes.clone(),
            expires_in: time.map(|ms| Duration::from_millis(ms.max(0).unsigned_abs())),
            notes: key.notes.clone(),
            references: key.references.clone(),
        }
    }
}

impl ApiKeys {
    /// Keys in the application's own store, with their sessions cached in `cache`.
    pub fn new(store: impl ApiKeyStore, cache: Arc<dyn CacheClientExtended>) -> Self {
        Self {
            store: Arc::new(store),
            sessions: ApiKeySessions::new(cache),
            prefix: "ak".into(),
            clock: Arc::new(SystemTime::now),
        }
    }

    /// Keys and their sessions in one store; see [`CacheApiKeyStore`].
    pub fn in_cache(cache: Arc<dyn CacheClientExtended>) -> Self {
        Self::new(CacheApiKeyStore::new(cache.clone()), cache)
    }

    /// What new keys begin with, 1 to 32 ASCII letters, digits and `-`; by default `ak`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for anything else.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self> {
        check_name("prefix", prefix)?;
        self.prefix = prefix.into();
        Ok(self)
    }

    /// The clock for expiry; the host's wall clock by default. For tests.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The sessions cached for the keys.
    pub fn sessions(&self) -> &ApiKeySessions {
        &self.sessions
    }

    /// What the clock says, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        unix_millis_rounded_up((self.clock)())
    }

    /// Makes a key for a user. Its text is given this once and cannot be had again.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an environment that cannot stand in a key; what the store gives.
    pub async fn make(&self, user_id: &str, new: NewApiKey) -> Result<(ApiKeySecret, ApiKey)> {
        let secret = ApiKeySecret::random(&self.prefix, &new.environment)?;
        let now_ms = self.now_ms();
        let key = ApiKey {
            hash: secret.hash(),
            user_id: user_id.to_owned(),
            environment: new.environment,
            key_type: new.key_type,
            scopes: new.scopes,
            created_ms: now_ms,
            expires_ms: new
                .expires_in
                .map(|time| now_ms.saturating_add(millis_rounded_up(time))),
            cancelled_ms: None,
            notes: new.notes,
            references: new.references,
        };
        self.store.insert(&key).await.map_err(failed("make"))?;
        Ok((secret, key))
    }

    /// The key with this hash, good or not: ask [`ApiKey::check`].
    ///
    /// # Errors
    ///
    /// What the store gives.
    pub async fn find(&self, hash: &ApiKeyHash) -> Result<Option<ApiKey>> {
        let found = self.store.find(hash).await.map_err(failed("find"))?;
        // A store that compares without regard to case, or that is broken, opens nothing.
        Ok(found.filter(|key| key.hash == *hash))
    }

    /// The keys of a user that are good, of one environment or of all, oldest first.
    ///
    /// # Errors
    ///
    /// What the store gives.
    pub async fn of_user(&self, user_id: &str, environment: Option<&str>) -> Result<Vec<ApiKey>> {
        let mut keys = self.all_of(user_id).await?;
        let now_ms = self.now_ms();
        keys.retain(|key| {
            key.check(now_ms).is_ok() && environment.is_none_or(|wanted| key.environment == wanted)
        });
        Ok(keys)
    }

    /// Cancels a key of a user, by its [id](ApiKey::id); `false` if the user has no such key.
    ///
    /// From the moment this returns every use is refused, whatever is cached. Cancelling again
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// What the stores give; then it is to be tried again.
    pub async fn cancel(&self, user_id: &str, id: &str) -> Result<bool> {
        let keys = self.all_of(user_id).await?;
        match keys.into_iter().find(|key| key.id() == id) {
            Some(key) => self.cancel_all(&[key]).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Replaces the good keys of a user, of one environment or of all: each by a new one of the
    /// same kind, after which the old ones are cancelled.
    ///
    /// A user without such a key gets none, so that nobody comes to an environment by asking; keys
    /// begin with [`make`](ApiKeys::make).
    ///
    /// # Errors
    ///
    /// What the stores give. Then old keys may still be good, and new ones that nobody was told of
    /// are cancelled as far as possible.
    pub async fn regenerate(
        &self,
        user_id: &str,
        environment: Option<&str>,
    ) -> Result<Vec<(ApiKeySecret, ApiKey)>> {
        let old = self.of_user(user_id, environment).await?;
        self.replace(user_id, &old).await
    }

    /// Replaces one good key of a user, by its [id](ApiKey::id), in the same way; `None` if the
    /// user has no such key, or it is no good any more.
    ///
    /// # Errors
    ///
    /// As [`regenerate`](ApiKeys::regenerate).
    pub async fn regenerate_one(
        &self,
        user_id: &str,
        id: &str,
    ) -> Result<Option<(ApiKeySecret, ApiKey)>> {
        let mut old = self.of_user(user_id, None).await?;
        old.retain(|key| key.id() == id);
        Ok(self.replace(user_id, &old).await?.pop())
    }

    /// Drops the cached sessions of all keys of a user: **before** the user is locked, or changed
    /// in a way that must take effect at once.
    ///
    /// Nothing is cached for these keys in the next five minutes, so no request that read the user
    /// before the change can bring its session back.
    ///
    /// # Errors
    ///
    /// What the stores give.
    pub async fn drop_sessions_of(&self, user_id: &str) -> Result<()> {
        let keys = self.all_of(user_id).await?;
        let hashes = keys.iter().map(|key| &key.hash);
        self.sessions.drop_sessions(hashes).await
    }

    async fn replace(&self, user_id: &str, old: &[ApiKey]) -> Result<Vec<(ApiKeySecret, ApiKey)>> {
        let mut made = Vec::with_capacity(old.len());
        let replaced = async {
            for key in old {
                made.push(self.make(user_id, NewApiKey::like(key)).await?);
            }
            self.cancel_all(old).await
        };
        if let Err(error) = replaced.await {
            let unknown: Vec<_> = made.into_iter().map(|(_, key)| key).collect();
            if let Err(error) = self.cancel_all(&unknown).await {
                tracing::warn!(%error, "new API keys that nobody was told of stay good");
            }
            return Err(error);
        }
        Ok(made)
    }

    async fn all_of(&self, user_id: &str) -> Result<Vec<ApiKey>> {
        let keys = self.store.of_user(user_id).await;
        let mut keys = keys.map_err(failed("list"))?;
        keys.retain(|key| key.user_id == user_id);
        Ok(keys)
    }

    /// The cache first: should it fail, nothing has changed; and what is marked there cannot be
    /// cached by a request that reads the key before it is cancelled.
    async fn cancel_all(&self, keys: &[ApiKey]) -> Result<()> {
        let hashes = keys.iter().map(|key| &key.hash);
        self.sessions.drop_sessions(hashes).await?;
        let now_ms = self.now_ms();
        for key in keys {
            let mut cancel = |key: &mut ApiKey| {
                key.cancelled_ms.get_or_insert(now_ms);
            };
            let cancelled = self.store.update(&key.hash, &mut cancel).await;
            cancelled.map_err(failed("cancel"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("prefix", &self.prefix)
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

/// An application's error as one of ours; ours as it is.
fn failed(operation: &'static str) -> impl Fn(BoxError) -> Error {
    move |error| match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => Error::new(ErrorKind::Unavailable, "api keys", operation).with_source(error),
    }
}
