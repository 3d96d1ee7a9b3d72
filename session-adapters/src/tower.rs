//! tower-sessions: one text for both versions of its core, whose traits differ in name only.

use std::error::Error as StdError;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use session_core::{
    CacheClientExtended, Codec, ErrorKind, Expiry, MAX_DEADLINE_MS, unix_millis_rounded_up,
};

use crate::operations::{ID_TRIES, no_free_id};
use crate::store::{CacheSessionStore, TOWER_KEY_PREFIX};
use crate::value::Values;

/// Implements the traits of one version of `tower-sessions-core`.
macro_rules! implement {
    ($module:ident, $core:ident) => {
        mod $module {
            use ::$core::session::{Id, Record};
            use ::$core::session_store::{Error, ExpiredDeletion, Result, SessionStore};

            use super::*;

            #[session_core::async_trait]
            impl<C: CacheClientExtended> SessionStore for CacheSessionStore<C> {
                async fn create(&self, record: &mut Record) -> Result<()> {
                    for _ in 0..ID_TRIES {
                        let (stored, expiry) = Stored::of(&record.data, record.expiry_date.into());
                        let created = self.write_new(&key(&record.id), &stored, expiry).await;
                        if created.map_err(on_write)? {
                            return Ok(());
                        }
                        record.id = Id::default();
                    }
                    Err(on_write(no_free_id()))
                }

                async fn save(&self, record: &Record) -> Result<()> {
                    let key = key(&record.id);
                    let write = {
                        let (stored, expiry) = Stored::of(&record.data, record.expiry_date.into());
                        self.write_live(&key, &stored, expiry)
                    };
                    let live = write.map_err(on_write)?.await.map_err(on_write)?;
                    self.judge(live)
                        .map_err(|gone| Error::Backend(in_full(&gone)))
                }

                async fn load(&self, id: &Id) -> Result<Option<Record>> {
                    let value = self.cache.read(&key(id)).await.map_err(on_read)?;
                    let Some(value) = value else {
                        return Ok(None);
                    };
                    let stored: Stored<Values> = Codec::decode(&value).map_err(on_read)?;
                    Ok(Some(Record {
                        id: *id,
                        expiry_date: stored.expires().into(),
                        data: stored.data.0,
                    }))
                }

                async fn delete(&self, id: &Id) -> Result<()> {
                    self.cache.remove(&key(id)).await.map_err(on_write)?;
                    Ok(())
                }
            }

            /// Never needed: an expired session is absent at once, and the backends free its room
            /// by themselves.
            #[session_core::async_trait]
            impl<C: CacheClientExtended> ExpiredDeletion for CacheSessionStore<C> {
                async fn delete_expired(&self) -> Result<()> {
                    self.cache.remove_expired().await.map_err(on_write)?;
                    Ok(())
                }
            }

            fn key(id: &Id) -> String {
                // Room for all of it: as it grew it would be moved, for which allocators take a lock.
                let mut key = String::with_capacity(KEY_LEN);
                let _ = write!(key, "{TOWER_KEY_PREFIX}{id}");
                key
            }

            fn on_read(error: session_core::Error) -> Error {
                match error.kind() {
                    ErrorKind::Codec => Error::Decode(in_full(&error)),
                    _ => Error::Backend(in_full(&error)),
                }
            }

            fn on_write(error: session_core::Error) -> Error {
                match error.kind() {
                    ErrorKind::Codec => Error::Encode(in_full(&error)),
                    _ => Error::Backend(in_full(&error)),
                }
            }
        }
    };
}

#[cfg(feature = "tower-sessions")]
implement!(v0_15, tower_sessions_core);
#[cfg(feature = "tower-sessions-0_14")]
implement!(v0_14, tower_sessions_core_0_14);

/// What is stored of a session. When it ends stands in it, too: the framework wants to know with every
/// load, and to ask the store would take four commands of Redis instead of one.
#[derive(Serialize, Deserialize)]
struct Stored<D> {
    data: D,
    /// Milliseconds since 1970, rounded up as the deadline of the entry is.
    expires: i64,
}

impl<D> Stored<D> {
    fn of(data: D, expires: SystemTime) -> (Self, Expiry) {
        let stored = Self {
            data,
            expires: unix_millis_rounded_up(expires),
        };
        (stored, Expiry::At(expires))
    }

    /// An instant that the framework's calendar has, whatever was stored.
    fn expires(&self) -> SystemTime {
        let millis = self.expires.clamp(0, MAX_DEADLINE_MS).unsigned_abs();
        UNIX_EPOCH + Duration::from_millis(millis)
    }
}

/// What a key takes: 22 letters tell the 128 bits of an id.
const KEY_LEN: usize = TOWER_KEY_PREFIX.len() + 22;

/// An error with its causes, since the framework takes a text and nothing else.
fn in_full(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
