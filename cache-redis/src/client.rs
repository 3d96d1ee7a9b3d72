//! The cache type: each operation one command or one script.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use async_stream::stream;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use redis::Value;
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, Codec, Condition, Error, ErrorKind, Expiry,
    Result, TimeToLive,
};

use crate::command::{self, Life};
use crate::error::{BACKEND, Failure};
use crate::listing::{Scan, Seen};
use crate::node::Repeat;
use crate::operations::{CHUNK, Inner};
use crate::options::RedisOptions;
use crate::reply;
use crate::resp::Command;
use crate::script;

/// A cache on Redis. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct RedisCache {
    inner: Arc<Inner>,
}

impl RedisCache {
    /// Connects to the server that a URL names and asks it for an answer.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a URL that [`RedisOptions`] do not take, and as
    /// [`connect_with`](RedisCache::connect_with).
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url.parse()?).await
    }

    /// Connects to the server that the options name and asks it for an answer.
    ///
    /// # Errors
    ///
    /// `Unavailable` if nobody answers there, `Denied` for a wrong user or password or a
    /// certificate that is not trusted, `InvalidInput` for a database that the server does not
    /// have and for certificate files that cannot be read.
    pub async fn connect_with(options: RedisOptions) -> Result<Self> {
        let cache = Self {
            inner: Arc::new(Inner::open(options).await?),
        };
        cache.inner.ping("connect").await?;
        cache.inner.check_version().await?;
        Ok(cache)
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl CacheClient for RedisCache {
    fn read<'s, 'k, 'f>(&'s self, key: &'k str) -> BoxFuture<'f, Result<Option<Bytes>>>
    where
        's: 'f,
        'k: 'f,
        Self: 'f,
    {
        let stored = match self.inner.scope.key("read", key) {
            Ok(stored) => stored,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        let get = command::on_key("GET", &stored);
        let asked = ("read", 0, Repeat::Harmless);
        self.inner.boxed(asked, stored, get, reply::read)
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let keys = self.inner.scope.keys("read_all", keys)?;
        let mut values = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            let call = self.inner.call("read_all", 0, Repeat::Harmless);
            values.append(&mut self.inner.store.read_all(&call, chunk).await?);
        }
        Ok(values)
    }

    fn write<'s, 'k, 'f>(
        &'s self,
        key: &'k str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> BoxFuture<'f, Result<bool>>
    where
        's: 'f,
        'k: 'f,
        Self: 'f,
    {
        let scope = &self.inner.scope;
        let checked = scope.key("write", key).and_then(|stored| {
            scope.write("write", &value, &condition)?;
            Ok(stored)
        });
        let stored = match checked {
            Ok(stored) => stored,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        let life = Life::of(expiry);
        let only = match condition {
            Condition::Equals(expected) => {
                return Box::pin(self.inner.write_if_equal(stored, expected, value, life));
            }
            _ if life == Life::Past => return Box::pin(self.inner.remove_if(stored, condition)),
            Condition::Always => None,
            Condition::Absent => Some("NX"),
            Condition::Present => Some("XX"),
        };
        let set = command::set(&stored, &value, only, life, Command::of);
        let asked = ("write", value.len(), Repeat::Never);
        self.inner.boxed(asked, stored, set, reply::wrote)
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        let keys: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
        let keys = self.inner.scope.keys("write_all", &keys)?;
        for (_, value) in entries {
            self.inner.scope.value("write_all", value)?;
        }
        match Life::of(expiry) {
            Life::Past => self.inner.remove_stored("write_all", &keys).await.map(drop),
            life => self.inner.write_stored(&keys, entries, life).await,
        }
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        let stored = self.inner.scope.key("remove", key)?;
        let unlink = command::on_key("UNLINK", &stored);
        self.inner.change("remove", &stored, unlink).await
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        let keys = self.inner.scope.keys("remove_all", keys)?;
        self.inner.remove_stored("remove_all", &keys).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        let stored = self.inner.scope.key("increment", key)?;
        let (word, number) = Life::of(expiry_if_new).words();
        let (by, number) = (by.to_string(), number.to_string());
        let arguments = [by.as_bytes(), word.as_bytes(), number.as_bytes()];
        let call = self.inner.call("increment", 0, Repeat::Never);
        let error = |kind| Err(Error::new(kind, BACKEND, "increment"));
        match self
            .inner
            .store
            .run(&call, &script::INCREMENT, &stored, &arguments)
            .await?
        {
            Value::BulkString(text) => std::str::from_utf8(&text)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| Failure::unexpected().of("increment")),
            Value::Int(script::NOT_A_NUMBER) => error(ErrorKind::NotANumber),
            Value::Int(script::OVERFLOW) => error(ErrorKind::Overflow),
            _ => Err(Failure::unexpected().of("increment")),
        }
    }

    async fn flush_all(&self) -> Result<()> {
        let namespace = self.inner.scope.namespace();
        if namespace.is_root() {
            return self
                .inner
                .tell_all("flush_all", &["FLUSHDB", "ASYNC"], Repeat::Never)
                .await;
        }
        self.inner
            .remove_scanned("flush_all", namespace.stored())
            .await
            .map(drop)
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping("ping").await
    }

    fn codec(&self) -> Codec {
        self.inner.options.codec
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl CacheClientExtended for RedisCache {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        self.inner
            .ask("get_time_to_live", key, "PTTL", reply::time_to_live)
            .await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        const NAME: &str = "set_time_to_live";
        let stored = self.inner.scope.key(NAME, key)?;
        let command = match Life::of(expiry) {
            Life::Never => {
                let call = self.inner.call(NAME, 0, Repeat::Never);
                let answer = self
                    .inner
                    .store
                    .run(&call, &script::PERSIST, &stored, &[])
                    .await?;
                return reply::happened(answer).map_err(|failure| failure.of(NAME));
            }
            Life::Keep => command::on_key("EXISTS", &stored),
            Life::Past => command::on_key("UNLINK", &stored),
            Life::For(millis) => command::on_key_with("PEXPIRE", &stored, millis),
            Life::Until(deadline) => command::on_key_with("PEXPIREAT", &stored, deadline),
        };
        self.inner.change(NAME, &stored, command).await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        const NAME: &str = "read_with_time_to_live";
        let stored = self.inner.scope.key(NAME, key)?;
        let call = self.inner.call(NAME, 0, Repeat::Harmless);
        self.inner
            .store
            .read_with_time_to_live(&call, &stored)
            .await
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        const NAME: &str = "keys_starting_with";
        Box::pin(stream! {
            let inner = &*self.inner;
            let Some(prefix) = inner.scope.prefix(prefix) else { return };
            let mut seen = Seen::new();
            for node in inner.store.primaries() {
                let mut scan = Scan::new(node);
                loop {
                    let call = inner.call(NAME, 0, Repeat::Harmless);
                    match scan.page(&call, &prefix).await {
                        Ok(Some(keys)) => for key in keys {
                            if seen.insert(&key) {
                                yield Ok(inner.scope.strip(&key).to_owned());
                            }
                        },
                        Ok(None) => break,
                        Err(failure) => {
                            yield Err(inner.store.doubt(failure).of(NAME));
                            return;
                        }
                    }
                }
            }
        })
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        match self.inner.scope.prefix(prefix) {
            Some(prefix) => {
                self.inner
                    .remove_scanned("remove_starting_with", &prefix)
                    .await
            }
            None => Ok(0),
        }
    }

    async fn remove_expired(&self) -> Result<u64> {
        Ok(0)
    }
}
