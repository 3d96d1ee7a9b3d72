//! Users by their id, and the ready-made store of users.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use session_core::{
    AuthUserSession, BoxError, Bytes, CacheClientExtended, Codec, Condition, Error, ErrorKind,
    Expiry, Outcome, Result,
};

use super::credentials::{StoredUser, UserStore, hash_password};
use super::hex_sha256;

/// The users of an application, as far as authentication per request needs them.
#[async_trait]
pub trait UsersById: Send + Sync + 'static {
    /// The user with this id; `None` if there is none, or if the user is locked.
    ///
    /// # Errors
    ///
    /// What keeps the application from knowing; requests are answered 503.
    async fn find_by_id(&self, user_id: &str) -> Result<Option<AuthUserSession>, BoxError>;
}

/// Users in any store of the cache contract, as JSON, with their passwords hashed.
///
/// | entry | key |
/// | --- | --- |
/// | user | `auth:user:{SHA-256 of the name, hex}` |
/// | name of a user | `auth:userid:{SHA-256 of the id, hex}` |
///
/// Names are compared without regard to case and surrounding blanks. The store must not evict. A
/// locked user cannot sign in and is not found by id.
///
/// Hashing takes some tens of milliseconds and runs beside the runtime.
///
/// ```
/// # use std::sync::Arc;
/// # use session_core::{AuthUserSession, CacheClientExtended, Result};
/// # use session_web::CacheUserStore;
/// # async fn example(cache: Arc<dyn CacheClientExtended>) -> Result<()> {
/// let users = CacheUserStore::new(cache);
/// let alice = AuthUserSession {
///     user_id: Some("17".to_owned()),
///     user_name: Some("alice".to_owned()),
///     ..AuthUserSession::default()
/// };
/// assert!(users.register(alice, "correct horse").await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct CacheUserStore {
    cache: Arc<dyn CacheClientExtended>,
}

impl CacheUserStore {
    /// Users in this store.
    pub fn new(cache: Arc<dyn CacheClientExtended>) -> Self {
        Self { cache }
    }

    /// Adds a user with a password; `false` if the name or the id is taken.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a user without name or id, or a password of more than 1,024 bytes, and
    /// what the store gives. After an `Unknown` outcome the user may be there. Asking again with the
    /// same name and id adds the user if not, and is `false` if so.
    pub async fn register(&self, user: AuthUserSession, password: &str) -> Result<bool> {
        let (Some(name), Some(id)) = (&user.user_name, &user.user_id) else {
            return Err(Error::new(ErrorKind::InvalidInput, "users", "register")
                .with_message("a user has a name and an id"));
        };
        let (by_name, by_id) = (name_key(name), id_key(id));
        let entry = Entry {
            password_hash: hash_beside_runtime(password).await?,
            user,
            locked: false,
        };
        let name = Codec::Json.encode(&by_name)?;
        let entry = Codec::Json.encode(&entry)?;
        let (absent, never) = (Condition::Absent, Expiry::Never);
        // The id first: a user that can sign in can also be found and locked by it.
        let cache = &self.cache;
        let reserved = cache.write(&by_id, name.clone(), absent.clone(), never);
        let is_reserved = reserved.await?;
        // It may be left of an attempt whose outcome nobody knows.
        if !is_reserved && cache.read(&by_id).await? != Some(name.clone()) {
            return Ok(false);
        }
        let added = cache.write(&by_name, entry, absent, never).await;
        let is_not_added = match &added {
            Ok(added) => !added,
            Err(error) => error.outcome() == Outcome::NotApplied,
        };
        if is_reserved && is_not_added {
            self.release(&by_id, &by_name, name).await;
        }
        added
    }

    /// Lets go of the id of a user that was not added, unless another attempt added the user.
    async fn release(&self, by_id: &str, by_name: &str, name: Bytes) {
        let undo = async {
            let entry = self.read(by_name).await?;
            let id = entry.and_then(|entry| entry.user.user_id);
            if id.is_none_or(|id| id_key(&id) != by_id) {
                // Zero with a condition is remove-if-equal.
                let (mine, zero) = (Condition::Equals(name.clone()), Expiry::In(Duration::ZERO));
                self.cache.write(by_id, name, mine, zero).await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = undo.await {
            tracing::warn!(%error, "the id of a user that was not added stays taken");
        }
    }

    /// Gives a user a new password; `false` if there is no such user.
    ///
    /// End the user's sessions too: they stay good otherwise.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a password of more than 1,024 bytes, and what the store gives.
    pub async fn set_password(&self, user_name: &str, password: &str) -> Result<bool> {
        let hash = hash_beside_runtime(password).await?;
        let set = |entry: &mut Entry| entry.password_hash.clone_from(&hash);
        self.change(&name_key(user_name), set).await
    }

    /// Locks a user, or unlocks; `false` if there is no such user.
    ///
    /// Call [`ApiKeys::drop_sessions_of`](session_core::ApiKeys::drop_sessions_of) before, and end
    /// the user's sessions after it, so that nothing that is running or cached stays good.
    ///
    /// # Errors
    ///
    /// What the store gives.
    pub async fn set_locked(&self, user_name: &str, locked: bool) -> Result<bool> {
        let set = |entry: &mut Entry| entry.locked = locked;
        self.change(&name_key(user_name), set).await
    }

    /// Changes a user, but not the password nor what the user is found by; `false` if there is no
    /// such user. The closure may be called again if somebody else changed the user meanwhile.
    ///
    /// # Errors
    ///
    /// What the store gives.
    pub async fn update(
        &self,
        user_name: &str,
        mut change: impl FnMut(&mut AuthUserSession) + Send,
    ) -> Result<bool> {
        let set = |entry: &mut Entry| {
            let (id, name) = (entry.user.user_id.clone(), entry.user.user_name.clone());
            change(&mut entry.user);
            entry.user.user_id = id;
            entry.user.user_name = name;
        };
        self.change(&name_key(user_name), set).await
    }

    async fn read(&self, key: &str) -> Result<Option<Entry>> {
        let value = self.cache.read(key).await?;
        value.as_deref().map(Codec::decode).transpose()
    }

    async fn change(&self, key: &str, mut change: impl FnMut(&mut Entry) + Send) -> Result<bool> {
        for _ in 0..TRIES {
            let Some(old) = self.cache.read(key).await? else {
                return Ok(false);
            };
            let mut entry = Codec::decode(&old)?;
            change(&mut entry);
            let new = Codec::Json.encode(&entry)?;
            let unchanged = Condition::Equals(old);
            if self.cache.write(key, new, unchanged, Expiry::Keep).await? {
                return Ok(true);
            }
        }
        Err(Error::new(ErrorKind::Conflict, "users", "change"))
    }
}

#[async_trait]
impl UserStore for CacheUserStore {
    async fn find(&self, user_name: &str) -> Result<Option<StoredUser>, BoxError> {
        let entry = self.read(&name_key(user_name)).await?;
        Ok(entry.filter(|entry| !entry.locked).map(|entry| StoredUser {
            user: entry.user,
            password_hash: entry.password_hash,
        }))
    }
}

#[async_trait]
impl UsersById for CacheUserStore {
    async fn find_by_id(&self, user_id: &str) -> Result<Option<AuthUserSession>, BoxError> {
        let Some(name) = self.cache.read(&id_key(user_id)).await? else {
            return Ok(None);
        };
        let name: String = Codec::decode(&name)?;
        let entry = self.read(&name).await?;
        let is_it = |entry: &Entry| entry.user.user_id.as_deref() == Some(user_id);
        let entry = entry.filter(|entry| !entry.locked && is_it(entry));
        Ok(entry.map(|entry| entry.user))
    }
}

impl fmt::Debug for CacheUserStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheUserStore")
            .field("cache", &self.cache)
            .finish()
    }
}

/// A user as it is stored.
#[derive(Serialize, Deserialize)]
struct Entry {
    user: AuthUserSession,
    password_hash: String,
    #[serde(default)]
    locked: bool,
}

const TRIES: u32 = 64;

fn name_key(name: &str) -> String {
    format!("auth:user:{}", hex_sha256(&normalised(name)))
}

fn id_key(id: &str) -> String {
    format!("auth:userid:{}", hex_sha256(id))
}

/// What counts of a name.
pub(super) fn normalised(name: &str) -> String {
    name.trim().to_lowercase()
}

async fn hash_beside_runtime(password: &str) -> Result<String> {
    let password = password.to_owned();
    let hash = tokio::task::spawn_blocking(move || hash_password(&password));
    hash.await.map_err(|source| {
        Error::new(ErrorKind::Other, "users", "hash_password").with_source(source)
    })?
}
