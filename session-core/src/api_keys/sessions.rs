//! Sessions kept for API keys, so that a key's next use costs one look at the cache.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::key::{ApiKey, ApiKeyHash};
use crate::client::CacheClientExtended;
use crate::codec::Codec;
use crate::entry::{Condition, Expiry, TimeToLive};
use crate::error::Result;
use crate::session::SessionData;

/// What stands before the hash in the key of a cached session.
pub const API_KEY_SESSION_PREFIX: &str = "key:sess:";

/// The sessions cached for API keys, each at `key:sess:{SHA-256 of the key, hex}`.
///
/// [`drop_sessions`](ApiKeySessions::drop_sessions) takes effect at once and for good: it leaves a
/// mark, and [`write`](ApiKeySessions::write) needs a [`CacheTicket`] from before the key was read,
/// which holds only while the entry is as it was then.
#[derive(Clone)]
pub struct ApiKeySessions {
    cache: Arc<dyn CacheClientExtended>,
}

/// What the cache has for a key.
pub enum CachedKeySession<T> {
    /// The key and its session.
    Found(Box<(ApiKey, T)>),
    /// None that is young enough. With a ticket, one may be written.
    Missing(Option<CacheTicket>),
}

/// The right to cache a session, as long as nobody dropped it since.
pub struct CacheTicket {
    /// What was there; nothing if `None`.
    seen: Option<Bytes>,
    at: Instant,
    lives: Duration,
}

impl ApiKeySessions {
    /// The cached sessions of this store.
    pub fn new(cache: Arc<dyn CacheClientExtended>) -> Self {
        Self { cache }
    }

    /// The session of a key, unless it was cached longer ago than `lives`.
    ///
    /// A value that does not decode counts as none. One call to the store.
    ///
    /// # Errors
    ///
    /// What the store gives.
    pub async fn read<T: SessionData>(
        &self,
        hash: &ApiKeyHash,
        lives: Duration,
    ) -> Result<CachedKeySession<T>> {
        let at = Instant::now();
        let ticket = |seen| Some(CacheTicket { seen, at, lives });
        let Some((bytes, left)) = self.cache.read_with_time_to_live(&entry_key(hash)).await? else {
            return Ok(CachedKeySession::Missing(ticket(None)));
        };
        if bytes == DROPPED {
            return Ok(CachedKeySession::Missing(None));
        }
        if let Ok(cached) = Codec::decode::<Cached<T>>(&bytes) {
            let age = match left {
                TimeToLive::Remaining(left) => cached.lives.saturating_sub(left),
                TimeToLive::Never => Duration::MAX,
            };
            if age < lives && cached.key.hash == *hash {
                let found = (cached.key, cached.session);
                return Ok(CachedKeySession::Found(Box::new(found)));
            }
        }
        Ok(CachedKeySession::Missing(ticket(Some(bytes))))
    }

    /// Caches a session for as long as the ticket was asked for, never beyond the key's expiry;
    /// `false` if it was dropped or written by somebody else since the ticket was given.
    ///
    /// # Errors
    ///
    /// What the store gives, and `Codec`.
    pub async fn write<T: SessionData>(
        &self,
        ticket: CacheTicket,
        key: &ApiKey,
        session: &T,
        now_ms: i64,
    ) -> Result<bool> {
        let mut lives = ticket.lives;
        if let Some(expires_ms) = key.expires_ms {
            let left = expires_ms.saturating_sub(now_ms).max(0).unsigned_abs();
            lives = lives.min(Duration::from_millis(left));
        }
        // The mark of a drop must outlive every ticket that was given before it.
        if lives.is_zero() || ticket.at.elapsed() > TICKET_HOLDS {
            return Ok(false);
        }
        let cached = CachedRef {
            lives,
            key,
            session,
        };
        let value = Codec::Json.encode(&cached)?;
        let condition = ticket.seen.map_or(Condition::Absent, Condition::Equals);
        let name = entry_key(&key.hash);
        self.cache
            .write(&name, value, condition, Expiry::In(lives))
            .await
    }

    /// Drops the sessions of these keys and keeps them from being cached for five minutes.
    ///
    /// Call it **before** the change that makes it necessary: what was cached is gone then, and no
    /// request caches what it read before the change.
    ///
    /// # Errors
    ///
    /// What the store gives; then nothing else should be changed either.
    pub async fn drop_sessions<'h>(
        &self,
        keys: impl IntoIterator<Item = &'h ApiKeyHash> + Send,
    ) -> Result<()> {
        let names: Vec<String> = keys.into_iter().map(entry_key).collect();
        let entries: Vec<(&str, Bytes)> =
            names.iter().map(|name| (name.as_str(), DROPPED)).collect();
        self.cache.write_all(&entries, Expiry::In(MARK_STAYS)).await
    }
}

impl fmt::Debug for ApiKeySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeySessions")
            .field("cache", &self.cache)
            .finish()
    }
}

/// Without the session, which may hold anything.
impl<T> fmt::Debug for CachedKeySession<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(found) => f.debug_tuple("Found").field(&found.0).finish(),
            Self::Missing(ticket) => f.debug_tuple("Missing").field(ticket).finish(),
        }
    }
}

impl fmt::Debug for CacheTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheTicket")
            .field("lives", &self.lives)
            .finish_non_exhaustive()
    }
}

/// A cached session as it is read.
#[derive(Deserialize)]
#[serde(bound = "T: SessionData")]
struct Cached<T> {
    lives: Duration,
    key: ApiKey,
    session: T,
}

/// The same as it is written.
#[derive(Serialize)]
struct CachedRef<'c, T> {
    lives: Duration,
    key: &'c ApiKey,
    session: &'c T,
}

/// What stands in place of a session that was dropped.
const DROPPED: Bytes = Bytes::from_static(b"null");

/// How long after it looked a request may cache what it made.
const TICKET_HOLDS: Duration = Duration::from_secs(60);

/// Much longer, for clocks and for writes that take their time.
const MARK_STAYS: Duration = Duration::from_secs(5 * 60);

fn entry_key(hash: &ApiKeyHash) -> String {
    [API_KEY_SESSION_PREFIX, hash.as_str()].concat()
}
