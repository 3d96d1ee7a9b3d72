//! The contract above the files: what is checked, how long a call may take, and what a batch is.
//!
//! Every method has the same three steps: the scope checks what the caller gave and adds the
//! namespace, a blocking thread does the work, and a failure becomes an error.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use session_core::{
    BoxStream, Bytes, CacheClient, CacheClientExtended, ClientOptions, Codec, Condition, ErrorKind,
    Expiry, Result, Scope, TimeToLive, async_trait,
};

use crate::failure::Failure;
use crate::key::{FOLDERS, Key};
use crate::store::Store;

/// A cache in a directory. Clones share it, as do other processes.
#[derive(Clone, Debug)]
pub(crate) struct DirectoryCache {
    store: Arc<Store>,
    scope: Scope,
    options: ClientOptions,
}

impl DirectoryCache {
    /// Opens a directory, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// What the file system refuses: `Denied`, `ReadOnly`, `Full`.
    pub(crate) async fn open(root: impl Into<PathBuf>, options: ClientOptions) -> Result<Self> {
        let cache = Self {
            store: Arc::new(Store::new(root.into())),
            scope: options.scope(BACKEND),
            options,
        };
        cache.run("open", 0, Store::create).await?;
        Ok(cache)
    }

    /// Moves all deadlines back, as if this time had passed: what tests do in place of waiting.
    #[cfg(test)]
    pub(crate) async fn age(&self, by: std::time::Duration) -> Result<()> {
        let by_ms = session_core::millis_rounded_up(by);
        self.run("age", 0, move |store| store.age(by_ms)).await
    }

    /// Does work on files on a blocking thread, for no longer than a call with so many bytes may
    /// take. Work that is given up, by time-out or because the caller went, still comes to its end.
    async fn run<T, W>(&self, operation: &'static str, bytes: usize, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Store) -> Result<T, Failure> + Send + 'static,
    {
        let store = Arc::clone(&self.store);
        let done = tokio::task::spawn_blocking(move || work(&store));
        let kind = match tokio::time::timeout(self.options.timeout_for(bytes), done).await {
            Ok(Ok(Ok(answer))) => return Ok(answer),
            Ok(Ok(Err(failure))) => return Err(failure.into_error(&self.scope, operation)),
            Ok(Err(_panicked_or_shut_down)) => ErrorKind::Other,
            Err(_elapsed) => ErrorKind::Timeout,
        };
        Err(self.scope.error(kind, operation))
    }
}

#[async_trait]
impl CacheClient for DirectoryCache {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        let key = Key::new(self.scope.key("read", key)?);
        let longest = self.scope.max_value_len();
        self.run("read", longest, move |store| store.value(&key))
            .await
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let keys = self.scope.keys("read_all", keys)?;
        let longest = self.scope.max_value_len();
        let mut values = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            let chunk = file_keys(chunk);
            let read = move |store: &Store| store.values(&chunk);
            values.extend(self.run("read_all", longest, read).await?);
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
        let key = Key::new(self.scope.key("write", key)?);
        self.run("write", value.len(), move |store| {
            store.write(&key, &value, &condition, expiry)
        })
        .await
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        let mut checked = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            self.scope.value("write_all", value)?;
            let key = Key::new(self.scope.key("write_all", key)?);
            checked.push((key, value.clone()));
        }
        for chunk in checked.chunks(CHUNK) {
            let chunk = chunk.to_vec();
            let bytes = chunk.iter().map(|(_, value)| value.len()).sum();
            self.run("write_all", bytes, move |store| {
                store.write_all(&chunk, expiry)
            })
            .await?;
        }
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        let key = Key::new(self.scope.key("remove", key)?);
        let removed = self.run("remove", 0, move |store| store.remove_all(&[key]));
        Ok(removed.await? > 0)
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        let keys = self.scope.keys("remove_all", keys)?;
        let mut removed = 0;
        for chunk in keys.chunks(CHUNK) {
            let chunk = file_keys(chunk);
            removed += self
                .run("remove_all", 0, move |store| store.remove_all(&chunk))
                .await?;
        }
        Ok(removed)
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        let key = Key::new(self.scope.key("increment", key)?);
        self.run("increment", 0, move |store| {
            store.increment(&key, by, expiry_if_new)
        })
        .await
    }

    async fn flush_all(&self) -> Result<()> {
        let namespace = self.scope.namespace().stored();
        for folder in FOLDERS {
            let namespace = namespace.to_owned();
            self.run("flush_all", 0, move |store| {
                store.remove_starting_with(folder, &namespace)
            })
            .await?;
        }
        Ok(())
    }

    async fn ping(&self) -> Result<()> {
        self.run("ping", 0, Store::check).await
    }

    fn codec(&self) -> Codec {
        self.options.codec
    }
}

#[async_trait]
impl CacheClientExtended for DirectoryCache {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        let key = Key::new(self.scope.key("get_time_to_live", key)?);
        self.run("get_time_to_live", 0, move |store| store.time_to_live(&key))
            .await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        let key = Key::new(self.scope.key("set_time_to_live", key)?);
        self.run("set_time_to_live", 0, move |store| {
            store.set_time_to_live(&key, expiry)
        })
        .await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        let key = Key::new(self.scope.key("read_with_time_to_live", key)?);
        let longest = self.scope.max_value_len();
        self.run("read_with_time_to_live", longest, move |store| {
            store.value_with_time_to_live(&key)
        })
        .await
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        Box::pin(async_stream::try_stream! {
            if let Some(prefix) = self.scope.prefix(prefix) {
                for folder in FOLDERS {
                    let prefix = prefix.clone().into_owned();
                    let page = move |store: &Store| store.keys_starting_with(folder, &prefix);
                    for key in self.run("keys_starting_with", 0, page).await? {
                        yield self.scope.strip(&key).to_owned();
                    }
                }
            }
        })
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        let Some(prefix) = self.scope.prefix(prefix) else {
            return Ok(0);
        };
        let mut removed = 0;
        for folder in FOLDERS {
            let prefix = prefix.clone().into_owned();
            removed += self
                .run("remove_starting_with", 0, move |store| {
                    store.remove_starting_with(folder, &prefix)
                })
                .await?;
        }
        Ok(removed)
    }

    async fn remove_expired(&self) -> Result<u64> {
        let mut removed = 0;
        for folder in FOLDERS {
            removed += self
                .run("remove_expired", 0, move |store| {
                    store.remove_expired(folder)
                })
                .await?;
        }
        Ok(removed)
    }
}

/// Keys as the store takes them.
fn file_keys(keys: &[Cow<'_, str>]) -> Vec<Key> {
    keys.iter().map(|key| Key::new(&**key)).collect()
}

/// How many entries of a batch are worked on at a time.
const CHUNK: usize = 1_000;

/// The name that errors carry.
const BACKEND: &str = "directory";
