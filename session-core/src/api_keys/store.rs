//! Where keys are kept: the trait for an application's own, and the ready-made store.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::key::{ApiKey, ApiKeyHash};
use crate::client::CacheClientExtended;
use crate::codec::Codec;
use crate::entry::{Condition, Expiry, unix_millis_rounded_up};
use crate::error::{BoxError, Error, ErrorKind, Result};
use crate::key::hex_sha256;

/// The API keys of an application, wherever it keeps them.
///
/// Implement it over the application's own database, or take [`CacheApiKeyStore`]. What is kept is
/// the [hash](ApiKeyHash) of each key. Whoever changes keys past [`ApiKeys`](crate::ApiKeys) calls
/// [`ApiKeys::drop_sessions_of`](crate::ApiKeys::drop_sessions_of) afterwards.
#[async_trait]
pub trait ApiKeyStore: Send + Sync + 'static {
    /// The key with this hash, good or not; `None` if nobody made it.
    ///
    /// # Errors
    ///
    /// What keeps the application from knowing; requests are answered 503.
    async fn find(&self, hash: &ApiKeyHash) -> Result<Option<ApiKey>, BoxError>;

    /// All keys of a user, the cancelled and expired that are still kept among them, oldest first.
    ///
    /// # Errors
    ///
    /// As [`find`](ApiKeyStore::find).
    async fn of_user(&self, user_id: &str) -> Result<Vec<ApiKey>, BoxError>;

    /// Keeps a new key.
    ///
    /// # Errors
    ///
    /// If it may not be kept; a key that is there already is one.
    async fn insert(&self, key: &ApiKey) -> Result<(), BoxError>;

    /// Changes a key, by a closure that may be called again if somebody else changed it meanwhile;
    /// gives the key as it is now, `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it is not certain that the change is kept.
    async fn update(
        &self,
        hash: &ApiKeyHash,
        change: &mut (dyn for<'k> FnMut(&'k mut ApiKey) + Send),
    ) -> Result<Option<ApiKey>, BoxError>;
}

/// API keys in any store of the cache contract, as JSON.
///
/// | entry | key |
/// | --- | --- |
/// | API key | `apikey:{SHA-256 of the key, hex}` |
/// | keys of a user | `apikeys:user:{SHA-256 of the user id, hex}` |
///
/// Finding a key costs one call, listing a user's keys two, whatever else is stored. A cancelled or
/// expired key is kept for 90 days more. The store must not evict: choose one that keeps what it
/// has acknowledged.
#[derive(Clone)]
pub struct CacheApiKeyStore {
    cache: Arc<dyn CacheClientExtended>,
}

impl CacheApiKeyStore {
    /// Keys in this store.
    pub fn new(cache: Arc<dyn CacheClientExtended>) -> Self {
        Self { cache }
    }

    /// Reads, changes and writes an entry, again if others came first. `None` writes nothing.
    async fn change<V, R>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<V>) -> Option<(V, Expiry, R)> + Send,
    ) -> Result<Option<R>>
    where
        V: Serialize + DeserializeOwned + Send + Sync,
        R: Send,
    {
        for _ in 0..TRIES {
            let old = self.cache.read(key).await?;
            let value = old.as_deref().map(Codec::decode).transpose()?;
            let Some((value, expiry, answer)) = change(value) else {
                return Ok(None);
            };
            let condition = old.map_or(Condition::Absent, Condition::Equals);
            let value = Codec::Json.encode(&value)?;
            if self.cache.write(key, value, condition, expiry).await? {
                return Ok(Some(answer));
            }
        }
        Err(Error::new(ErrorKind::Conflict, "api keys", "change"))
    }

    /// Names a key in its user's list, before the key is there: a key that works is always listed.
    async fn list(&self, key: &ApiKey) -> Result<()> {
        let index = index_key(&key.user_id);
        let listed: Vec<Listed> = match self.cache.read(&index).await? {
            Some(bytes) => Codec::decode(&bytes)?,
            None => Vec::new(),
        };
        let gone = match listed.len() >= PRUNE_FROM {
            true => self.gone(&listed, key.created_ms).await?,
            false => Vec::new(),
        };
        let full = || {
            Error::new(ErrorKind::Full, "api keys", "insert")
                .with_message(format!("a user has at most {MOST_KEYS} keys"))
        };
        let added = self.change(&index, |listed: Option<Vec<Listed>>| {
            let mut listed = listed.unwrap_or_default();
            listed.retain(|entry| !gone.contains(&entry.hash));
            if listed.len() >= MOST_KEYS {
                return None;
            }
            listed.push(Listed {
                hash: key.hash.clone(),
                added_ms: key.created_ms,
            });
            Some((listed, Expiry::Never, ()))
        });
        added.await?.ok_or_else(full)
    }

    /// What is listed and not kept any more. A key that was listed just now may still be on its way.
    async fn gone(&self, listed: &[Listed], now_ms: i64) -> Result<Vec<ApiKeyHash>> {
        let kept = self.read_listed(listed).await?;
        let gone = listed.iter().zip(kept).filter(|(entry, kept)| {
            kept.is_none() && now_ms.saturating_sub(entry.added_ms) > ON_ITS_WAY_MS
        });
        Ok(gone.map(|(entry, _)| entry.hash.clone()).collect())
    }

    async fn read_listed(&self, listed: &[Listed]) -> Result<Vec<Option<ApiKey>>> {
        let keys: Vec<String> = listed.iter().map(|entry| entry_key(&entry.hash)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let values = self.cache.read_all(&keys).await?;
        let decode = |value: Option<bytes::Bytes>| value.as_deref().map(Codec::decode).transpose();
        values.into_iter().map(decode).collect()
    }
}

#[async_trait]
impl ApiKeyStore for CacheApiKeyStore {
    async fn find(&self, hash: &ApiKeyHash) -> Result<Option<ApiKey>, BoxError> {
        let value = self.cache.read(&entry_key(hash)).await?;
        Ok(value.as_deref().map(Codec::decode).transpose()?)
    }

    async fn of_user(&self, user_id: &str) -> Result<Vec<ApiKey>, BoxError> {
        let Some(listed) = self.cache.read(&index_key(user_id)).await? else {
            return Ok(Vec::new());
        };
        let listed: Vec<Listed> = Codec::decode(&listed)?;
        let keys = self.read_listed(&listed).await?;
        Ok(keys.into_iter().flatten().collect())
    }

    async fn insert(&self, key: &ApiKey) -> Result<(), BoxError> {
        self.list(key).await?;
        let name = entry_key(&key.hash);
        let stored = self.change(&name, |there: Option<ApiKey>| {
            let expiry = keep_until(key);
            there.is_none().then(|| (key.clone(), expiry, ()))
        });
        let there = || Error::new(ErrorKind::Conflict, "api keys", "insert");
        Ok(stored.await?.ok_or_else(there)?)
    }

    async fn update(
        &self,
        hash: &ApiKeyHash,
        change: &mut (dyn for<'k> FnMut(&'k mut ApiKey) + Send),
    ) -> Result<Option<ApiKey>, BoxError> {
        let name = entry_key(hash);
        let changed = self.change(&name, |key: Option<ApiKey>| {
            let mut key = key?;
            change(&mut key);
            let expiry = keep_until(&key);
            Some((key.clone(), expiry, key))
        });
        Ok(changed.await?)
    }
}

impl fmt::Debug for CacheApiKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheApiKeyStore")
            .field("cache", &self.cache)
            .finish()
    }
}

/// A key in the list of its user.
#[derive(Serialize, Deserialize)]
struct Listed {
    hash: ApiKeyHash,
    added_ms: i64,
}

/// How long a key that is no good is kept, to be looked at.
const KEPT_AFTERWARDS: Duration = Duration::from_secs(90 * 24 * 60 * 60);

const MOST_KEYS: usize = 1_000;

/// From how many listed keys on those that are gone are taken off the list.
const PRUNE_FROM: usize = 32;

/// An hour, in milliseconds: longer than it takes to store a key after listing it.
const ON_ITS_WAY_MS: i64 = 60 * 60 * 1_000;

const TRIES: u32 = 64;

fn entry_key(hash: &ApiKeyHash) -> String {
    ["apikey:", hash.as_str()].concat()
}

/// A user id may be of any length and hold anything, so its hash stands in the key.
fn index_key(user_id: &str) -> String {
    let hash = hex_sha256(user_id);
    ["apikeys:user:", &hash].concat()
}

/// A good key without an end is kept for ever.
fn keep_until(key: &ApiKey) -> Expiry {
    let ends = [key.expires_ms, key.cancelled_ms];
    match ends.into_iter().flatten().min() {
        // One that ended long ago is kept for the whole time from now on, not removed by a change.
        Some(end_ms) if end_ms <= unix_millis_rounded_up(SystemTime::now()) => {
            Expiry::In(KEPT_AFTERWARDS)
        }
        Some(end_ms) => {
            let end = Duration::from_millis(end_ms.max(0).unsigned_abs());
            Expiry::At(SystemTime::UNIX_EPOCH + end + KEPT_AFTERWARDS)
        }
        None => Expiry::Never,
    }
}
