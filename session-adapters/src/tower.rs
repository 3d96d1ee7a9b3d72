//! tower-sessions: one text for both versions of its core, whose traits differ in name only.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_core::{
    CacheClientExtended, Codec, ErrorKind, Expiry, MAX_DEADLINE_MS, SessionError, TimeToLive,
};

use crate::operations::{ID_TRIES, no_free_id};
use crate::store::{CacheSessionStore, TOWER_KEY_PREFIX};

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
                        let (key, expiry) =
                            (key(&record.id), Expiry::At(record.expiry_date.into()));
                        let created = self.write_new(&key, &record.data, expiry).await;
                        if created.map_err(on_write)? {
                            return Ok(());
                        }
                        record.id = Id::default();
                    }
                    Err(on_write(no_free_id()))
                }

                async fn save(&self, record: &Record) -> Result<()> {
                    let expiry = Expiry::At(record.expiry_date.into());
                    self.write_live(&key(&record.id), &record.data, expiry)
                        .await
                        .map_err(|error| match error {
                            SessionError::Store(error) => on_write(error),
                            gone => Error::Backend(in_full(&gone)),
                        })
                }

                async fn load(&self, id: &Id) -> Result<Option<Record>> {
                    let stored = self.cache.read_with_time_to_live(&key(id)).await;
                    let Some((value, left)) = stored.map_err(on_read)? else {
                        return Ok(None);
                    };
                    Ok(Some(Record {
                        id: *id,
                        data: Codec::decode(&value).map_err(on_read)?,
                        expiry_date: instant(left).into(),
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
                format!("{TOWER_KEY_PREFIX}{id}")
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

/// When a session ends, on the clock of this host, as the framework counts.
///
/// What was stored is the time that is left on the store's clock, so that a session whose deadline
/// was moved in the store is not given its old one. A session without end gets the last instant
/// that the framework can tell, which the cache takes for none.
fn instant(left: TimeToLive) -> SystemTime {
    // A nanosecond before the year 10000; rounded up to milliseconds, it is after the last deadline.
    let last = UNIX_EPOCH
        + Duration::from_millis(MAX_DEADLINE_MS.unsigned_abs())
        + Duration::from_nanos(999_999);
    match left {
        TimeToLive::Never => last,
        TimeToLive::Remaining(left) => {
            let deadline = SystemTime::now().checked_add(left);
            deadline.map_or(last, |deadline| deadline.min(last))
        }
    }
}

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
