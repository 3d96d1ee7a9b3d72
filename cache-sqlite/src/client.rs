//! The client and the contract's two traits, one call of the store a method.

use std::future::Future;

use async_stream::try_stream;
use async_trait::async_trait;
use bytes::Bytes;
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, Codec, Condition, Expiry, Result, Scope,
    TimeToLive, prefix_end,
};
use std::sync::Arc;
use tokio::task::spawn_blocking;

use crate::entries::{self, CHUNK, CHUNK_BYTES};
use crate::error::{BACKEND, timed_out};
use crate::options::SqliteOptions;
use crate::store::{Load, Store};

/// A cache in a SQLite file, or in memory.
///
/// Clones share one store and are cheap. The store is closed, and what is queued written, on its
/// own thread once the last clone is dropped.
#[derive(Clone, Debug)]
pub struct SqliteCache {
    store: Arc<Store>,
    scope: Scope,
    codec: Codec,
}

impl SqliteCache {
    /// Opens the store of a URL, as [`SqliteOptions`] reads it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a URL that is none of SQLite's, and as
    /// [`connect_with`](SqliteCache::connect_with).
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url.parse()?).await
    }

    /// Opens a store, and makes file and table if they are not there.
    ///
    /// # Errors
    ///
    /// `Denied` if the file cannot be opened or made, a missing folder among the reasons; `Corrupt`
    /// if it is no SQLite file, is damaged, or was made by a newer version of this crate;
    /// `InvalidInput` if it has a table of that name that is no cache; `Overloaded` if another
    /// process kept it locked for the whole time-out; `Full` and `ReadOnly` if it cannot be made.
    pub async fn connect_with(options: SqliteOptions) -> Result<Self> {
        options.check()?;
        let scope = options.client.scope(BACKEND);
        let (codec, timeout) = (options.client.codec, options.client.timeout);
        // Opening waits for locks itself; twice that is for a disk that does not answer.
        let opening = spawn_blocking(move || Store::open(&options));
        let opened = tokio::time::timeout(timeout * 2, opening).await;
        let gave_up = || timed_out("connect", session_core::Outcome::Unknown);
        let store = opened.map_err(|_| gave_up())?.map_err(|_| gave_up())?;
        Ok(Self {
            store: Arc::new(store.map_err(|failure| failure.into_error("connect"))?),
            scope,
            codec,
        })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl CacheClient for SqliteCache {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        let key = self.scope.key("read", key)?.into_owned();
        let read = self.store.read("read", move |connection, sql, now, limit| {
            entries::read(connection, sql, now, &key, limit)
        });
        Ok(read.await?.map(|(value, _)| value))
    }

    /// Chunks of 1,000 keys or 16 MiB; each is of one instant.
    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let keys = self.owned("read_all", keys)?;
        let mut values = Vec::with_capacity(keys.len());
        while values.len() < keys.len() {
            let chunk: Vec<String> = keys[values.len()..].iter().take(CHUNK).cloned().collect();
            let bytes = CHUNK_BYTES.saturating_add(self.scope.max_value_len());
            let read =
                self.store
                    .read_long("read_all", bytes, move |connection, sql, now, limit| {
                        entries::read_all(connection, sql, now, &chunk, limit)
                    });
            values.extend(read.await?);
        }
        Ok(values)
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        self.scope.write("write", &value, &condition)?;
        let key = self.scope.key("write", key)?.into_owned();
        let compared = match &condition {
            Condition::Equals(expected) => expected.len(),
            Condition::Always | Condition::Absent | Condition::Present => 0,
        };
        let load = Load {
            entries: 1,
            bytes: value.len() + compared,
        };
        let write = self.store.write("write", load, move |connection, sql| {
            entries::write(connection, sql, &key, &value, &condition, expiry)
        });
        write.await
    }

    /// Chunks of 1,000 entries or 16 MiB; each is written whole or not at all.
    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        let mut values = Vec::with_capacity(entries.len());
        for (_, value) in entries {
            self.scope.value("write_all", value)?;
            values.push(value.clone());
        }
        let keys: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
        let mut entries = self.owned("write_all", &keys)?.into_iter().zip(values);
        let mut changed = false;
        loop {
            let (mut chunk, mut bytes) = (Vec::new(), 0);
            while chunk.len() < CHUNK
                && bytes < CHUNK_BYTES
                && let Some((key, value)) = entries.next()
            {
                bytes += value.len();
                chunk.push((key, value));
            }
            if chunk.is_empty() {
                return Ok(());
            }
            let load = Load {
                entries: chunk.len(),
                bytes,
            };
            let write = self.store.write("write_all", load, move |connection, sql| {
                entries::write_all(connection, sql, &chunk, expiry)
            });
            let written = write.await;
            written.map_err(|error| error.after_changes(changed))?;
            changed = true;
        }
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        let key = self.scope.key("remove", key)?.into_owned();
        let remove = self.store.write("remove", SMALL, move |connection, sql| {
            entries::remove(connection, sql, &key)
        });
        remove.await
    }

    /// Chunks of 1,000 keys; each is removed whole or not at all.
    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        let mut removed = 0;
        for chunk in self.owned("remove_all", keys)?.chunks(CHUNK) {
            let (chunk, load) = (
                chunk.to_vec(),
                Load {
                    entries: chunk.len(),
                    bytes: 0,
                },
            );
            let remove = self
                .store
                .write("remove_all", load, move |connection, sql| {
                    entries::remove_all(connection, sql, &chunk)
                });
            let step = remove.await;
            removed += step.map_err(|error| error.after_changes(removed > 0))?;
        }
        Ok(removed)
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        let key = self.scope.key("increment", key)?.into_owned();
        let increment = self
            .store
            .write("increment", SMALL, move |connection, sql| {
                entries::increment(connection, sql, &key, by, expiry_if_new)
            });
        increment.await
    }

    /// Without a namespace the table is emptied in one step; in one, in steps of 1,000 entries.
    async fn flush_all(&self) -> Result<()> {
        if !self.scope.namespace().is_root() {
            return self
                .remove_range("flush_all", self.scope.namespace().stored())
                .await
                .map(drop);
        }
        let flush = self
            .store
            .write("flush_all", CHUNK_OF_KEYS, |connection, sql| {
                entries::remove_everything(connection, sql)
            });
        flush.await
    }

    async fn ping(&self) -> Result<()> {
        self.store
            .read("ping", |connection, sql, _, _| {
                entries::ping(connection, sql)
            })
            .await
    }

    fn codec(&self) -> Codec {
        self.codec
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl CacheClientExtended for SqliteCache {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        let key = self.scope.key("get_time_to_live", key)?.into_owned();
        let read = self
            .store
            .read("get_time_to_live", move |connection, sql, now, _| {
                entries::time_to_live(connection, sql, now, &key)
            });
        read.await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        let key = self.scope.key("set_time_to_live", key)?.into_owned();
        let set = self
            .store
            .write("set_time_to_live", SMALL, move |connection, sql| {
                entries::set_time_to_live(connection, sql, &key, expiry)
            });
        set.await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        let key = self.scope.key("read_with_time_to_live", key)?.into_owned();
        let read = self.store.read(
            "read_with_time_to_live",
            move |connection, sql, now, limit| entries::read(connection, sql, now, &key, limit),
        );
        read.await
    }

    /// Pages of 1,000 keys in the order of their bytes; nothing is held open between two pages.
    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        Box::pin(try_stream! {
            let Some(prefix) = self.scope.prefix(prefix) else { return };
            let prefix: Arc<str> = prefix.into();
            let mut start = prefix.to_string();
            loop {
                let (prefix, from) = (Arc::clone(&prefix), start);
                let page = self.store.read_long("keys_starting_with", 0, move |connection, sql, now, _| {
                    entries::keys(connection, sql, now, &prefix, &from)
                });
                let page = page.await?;
                // NUL is in no key, so this is the least text after the last one.
                start = page.last().map_or_else(String::new, |last| format!("{last}\0"));
                let is_last = page.len() < CHUNK;
                for key in page {
                    yield self.scope.strip(&key).to_owned();
                }
                if is_last {
                    break;
                }
            }
        })
    }

    /// Steps of 1,000 entries.
    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        match self.scope.prefix(prefix) {
            Some(prefix) => self.remove_range("remove_starting_with", &prefix).await,
            None => Ok(0),
        }
    }

    /// Steps of 1,000 entries, over the whole table.
    async fn remove_expired(&self) -> Result<u64> {
        let mut removed = 0;
        loop {
            let step = self
                .store
                .write("remove_expired", CHUNK_OF_KEYS, |connection, sql| {
                    entries::remove_expired(connection, sql, CHUNK)
                });
            let step = step.await;
            let step = step.map_err(|error| error.after_changes(removed > 0))?;
            removed += step.removed as u64;
            if !step.more {
                return Ok(removed);
            }
        }
    }
}

impl SqliteCache {
    fn owned(&self, operation: &'static str, keys: &[&str]) -> Result<Vec<String>> {
        let keys = self.scope.keys(operation, keys)?;
        Ok(keys.into_iter().map(|key| key.into_owned()).collect())
    }

    /// Removes the entries whose stored key starts with `prefix`, in steps, and counts the live.
    fn remove_range(
        &self,
        operation: &'static str,
        prefix: &str,
    ) -> impl Future<Output = Result<u64>> + Send {
        let (mut start, end) = (Some(prefix.to_owned()), prefix_end(prefix));
        async move {
            let mut removed = 0;
            while let Some(from) = start {
                let end = end.clone();
                let step = self
                    .store
                    .write(operation, CHUNK_OF_KEYS, move |connection, sql| {
                        entries::remove_step(connection, sql, &from, end.as_deref())
                    });
                let step = step.await;
                let (live, next) = step.map_err(|error| error.after_changes(removed > 0))?;
                removed += live;
                start = next;
            }
            Ok(removed)
        }
    }
}

/// A write of one entry.
const SMALL: Load = Load {
    entries: 1,
    bytes: 0,
};

/// A write of as many entries as a step takes.
const CHUNK_OF_KEYS: Load = Load {
    entries: CHUNK,
    bytes: 0,
};
