//! actix-session.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use session_core::{
    CacheClientExtended, Codec, ErrorKind, Expiry, Result, SessionError, SessionId, SessionResult,
};

use crate::operations::{ID_TRIES, no_free_id};
use crate::store::{ACTIX_KEY_PREFIX, CacheSessionStore};

/// What the framework keeps in a session: JSON texts by name.
type State = HashMap<String, String>;

impl<C: CacheClientExtended> SessionStore for CacheSessionStore<C> {
    async fn load(&self, session_key: &SessionKey) -> Result<Option<State>, LoadError> {
        let Some(key) = key(session_key) else {
            return Ok(None);
        };
        let stored = self.cache.read(&key).await;
        let stored = stored.map_err(|error| LoadError::Other(error.into()))?;
        let state = stored.map(|value| Codec::decode(&value)).transpose();
        state.map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: State, ttl: &time::Duration) -> Result<SessionKey, SaveError> {
        let create = self.create(&state, lifetime(ttl)).await;
        let id = create.map_err(|error| match error.kind() {
            ErrorKind::Codec => SaveError::Serialization(error.into()),
            _ => SaveError::Other(error.into()),
        })?;
        let session_key = id.as_str().to_owned().try_into();
        session_key
            .map_err(|error: <SessionKey as TryFrom<String>>::Error| SaveError::Other(error.into()))
    }

    async fn update(
        &self,
        session_key: SessionKey,
        state: State,
        ttl: &time::Duration,
    ) -> Result<SessionKey, UpdateError> {
        let update = self.replace(&session_key, &state, lifetime(ttl)).await;
        update.map_err(|error| match &error {
            SessionError::Store(cause) if cause.kind() == ErrorKind::Codec => {
                UpdateError::Serialization(error.into())
            }
            _ => UpdateError::Other(error.into()),
        })?;
        Ok(session_key)
    }

    async fn update_ttl(
        &self,
        session_key: &SessionKey,
        ttl: &time::Duration,
    ) -> Result<(), anyhow::Error> {
        let live = match key(session_key) {
            Some(key) => self.cache.set_time_to_live(&key, lifetime(ttl)).await?,
            None => false,
        };
        // A late answer would set the cookie of a session that is gone, as after an update.
        Ok(self.judge(live)?)
    }

    async fn delete(&self, session_key: &SessionKey) -> Result<(), anyhow::Error> {
        if let Some(key) = key(session_key) {
            self.cache.remove(&key).await?;
        }
        Ok(())
    }
}

impl<C: CacheClientExtended> CacheSessionStore<C> {
    /// Stores a session under an id that was free.
    async fn create(&self, state: &State, expiry: Expiry) -> Result<SessionId> {
        for _ in 0..ID_TRIES {
            let id = SessionId::random()?;
            if self.write_new(&key_of(&id), state, expiry).await? {
                return Ok(id);
            }
        }
        Err(no_free_id())
    }

    async fn replace(
        &self,
        session_key: &SessionKey,
        state: &State,
        expiry: Expiry,
    ) -> SessionResult<()> {
        match key(session_key) {
            Some(key) => self.judge(self.write_live(&key, state, expiry)?.await?),
            None => self.judge(false),
        }
    }
}

/// The key of a session in the cache, or `None` if the framework's key is none of ours: made by
/// another store, before this one took its place.
fn key(session_key: &SessionKey) -> Option<String> {
    session_key.as_ref().parse().ok().as_ref().map(key_of)
}

fn key_of(id: &SessionId) -> String {
    [ACTIX_KEY_PREFIX, id.as_str()].concat()
}

/// A time to live that is negative is over.
fn lifetime(ttl: &time::Duration) -> Expiry {
    Expiry::In((*ttl).try_into().unwrap_or_default())
}
