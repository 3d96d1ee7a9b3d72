//! The cache type: each operation one command or one script.

use std::fmt;
use std::sync::Arc;

use async_stream::stream;
use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, Value};
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, ClientOptions, Codec, Condition, Error, ErrorKind,
    Expiry, Result, Scope, TimeToLive,
};
use tokio::time::Instant;

use crate::command::{self, Life};
use crate::error::{BACKEND, Failure};
use crate::link::Settings;
use crate::listing::{Scan, Seen};
use crate::node::{Call, Node, Repeat};
use crate::options::{RedisOptions, Servers};
use crate::reply;
use crate::script;
use crate::store::Store;
use crate::tls::Tls;

/// A cache on Redis. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct RedisCache {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    scope: Scope,
    options: ClientOptions,
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
        let RedisOptions {
            shared,
            servers,
            login,
            database,
            client_name,
            max_in_flight,
            tls,
        } = options;
        let tls = tls.as_ref().map(Tls::new).transpose()?;
        let timeout = shared.timeout;
        let settings = Arc::new(Settings {
            login,
            database,
            client_name,
            tls,
            timeout,
        });
        let store = match servers {
            Servers::One(address) => Store::one(Node::new(address, settings, max_in_flight)),
        };
        let scope = shared.scope(BACKEND);
        let cache = Self {
            inner: Arc::new(Inner {
                store,
                scope,
                options: shared,
            }),
        };
        cache.inner.ping("connect").await?;
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
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        self.inner.ask("read", key, "GET", reply::value).await
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let keys = self.inner.scope.keys("read_all", keys)?;
        let mut values = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            let call = self.inner.call("read_all", 0, Repeat::Harmless);
            let answer = self
                .inner
                .store
                .send(call, &command::on_keys("MGET", chunk))
                .await?;
            let answers = reply::list(answer).map_err(|failure| failure.of("read_all"))?;
            if answers.len() != chunk.len() {
                return Err(Failure::unexpected().of("read_all"));
            }
            for answer in answers {
                values.push(reply::value(answer).map_err(|failure| failure.of("read_all"))?);
            }
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
        let stored = self.inner.scope.key("write", key)?;
        self.inner.scope.write("write", &value, &condition)?;
        let life = Life::of(expiry);
        let only = match condition {
            Condition::Equals(expected) => {
                return self
                    .inner
                    .write_if_equal(&stored, &expected, &value, life)
                    .await;
            }
            _ if life == Life::Past => return self.inner.remove_if(&stored, &condition).await,
            Condition::Always => None,
            Condition::Absent => Some("NX"),
            Condition::Present => Some("XX"),
        };
        let call = self.inner.call("write", value.len(), Repeat::Never);
        let set = command::set(&stored, &value, only, life);
        self.inner
            .answer(call, &set, |answer| reply::wrote(&answer))
            .await
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        let keys: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
        let keys = self.inner.scope.keys("write_all", &keys)?;
        for (_, value) in entries {
            self.inner.scope.value("write_all", value)?;
        }
        let life = Life::of(expiry);
        if life == Life::Past {
            return self.inner.remove_stored("write_all", &keys).await.map(drop);
        }
        let mut chunk = Vec::new();
        let mut bytes = 0;
        for (key, (_, value)) in keys.iter().zip(entries) {
            chunk.push(command::set(key, value, None, life));
            bytes += value.len();
            if chunk.len() == CHUNK || bytes >= CHUNK_BYTES {
                let call = self.inner.call("write_all", bytes, Repeat::Never);
                self.inner
                    .store
                    .send_all(call, std::mem::take(&mut chunk))
                    .await?;
                bytes = 0;
            }
        }
        if chunk.is_empty() {
            return Ok(());
        }
        self.inner
            .store
            .send_all(self.inner.call("write_all", bytes, Repeat::Never), chunk)
            .await
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        let stored = self.inner.scope.key("remove", key)?;
        self.inner
            .change("remove", &command::on_key("UNLINK", &stored))
            .await
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
            .run(call, &script::INCREMENT, &stored, &arguments)
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
        if !namespace.is_root() {
            return self
                .inner
                .remove_scanned("flush_all", namespace.stored())
                .await
                .map(drop);
        }
        for node in self.inner.store.primaries() {
            let call = self.inner.call("flush_all", 0, Repeat::Never);
            let flushed = node
                .send(call, Cmd::new().arg("FLUSHDB").arg("ASYNC"))
                .await;
            flushed
                .and_then(reply::checked)
                .map_err(|failure| failure.of("flush_all"))?;
        }
        Ok(())
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
        let read = |answer| reply::time_to_live(&answer);
        self.inner.ask("get_time_to_live", key, "PTTL", read).await
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
                    .run(call, &script::PERSIST, &stored, &[])
                    .await?;
                return reply::happened(&answer).map_err(|failure| failure.of(NAME));
            }
            Life::Keep => command::on_key("EXISTS", &stored),
            Life::Past => command::on_key("UNLINK", &stored),
            Life::For(millis) => command::on_key_with("PEXPIRE", &stored, millis),
            Life::Until(deadline) => command::on_key_with("PEXPIREAT", &stored, deadline),
        };
        self.inner.change(NAME, &command).await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        const NAME: &str = "read_with_time_to_live";
        let stored = self.inner.scope.key(NAME, key)?;
        let call = self.inner.call(NAME, 0, Repeat::Harmless);
        let script = &script::READ_WITH_TIME_TO_LIVE;
        let answer = self.inner.store.run(call, script, &stored, &[]).await?;
        reply::value_and_time_to_live(answer).map_err(|failure| failure.of(NAME))
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
                    match scan.page(call, &prefix).await {
                        Ok(Some(keys)) => for key in keys {
                            if seen.insert(&key) {
                                yield Ok(inner.scope.strip(&key).to_owned());
                            }
                        },
                        Ok(None) => break,
                        Err(failure) => {
                            yield Err(failure.of(NAME));
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

impl Inner {
    /// A call that carries this many bytes of values.
    fn call(&self, operation: &'static str, bytes: usize, repeat: Repeat) -> Call {
        let deadline = Instant::now() + self.options.timeout_for(bytes);
        Call {
            operation,
            deadline,
            repeat,
        }
    }

    /// Sends a command and takes its answer apart.
    async fn answer<T>(
        &self,
        call: Call,
        command: &Cmd,
        take: impl FnOnce(Value) -> Result<T, Failure>,
    ) -> Result<T> {
        let answer = self.store.send(call, command).await?;
        take(answer).map_err(|failure| failure.of(call.operation))
    }

    /// Asks about a key with a command that changes nothing.
    async fn ask<T>(
        &self,
        operation: &'static str,
        key: &str,
        name: &'static str,
        take: impl FnOnce(Value) -> Result<T, Failure>,
    ) -> Result<T> {
        let stored = self.scope.key(operation, key)?;
        let call = self.call(operation, 0, Repeat::Harmless);
        self.answer(call, &command::on_key(name, &stored), take)
            .await
    }

    /// Sends a command that says with a number whether something happened.
    async fn change(&self, operation: &'static str, command: &Cmd) -> Result<bool> {
        let call = self.call(operation, 0, Repeat::Never);
        self.answer(call, command, |answer| reply::happened(&answer))
            .await
    }

    async fn write_if_equal(
        &self,
        stored: &str,
        expected: &[u8],
        value: &[u8],
        life: Life,
    ) -> Result<bool> {
        let (word, number) = life.words();
        let number = number.to_string();
        let call = self.call("write", expected.len() + value.len(), Repeat::Never);
        let arguments = [expected, value, word.as_bytes(), number.as_bytes()];
        let answer = self
            .store
            .run(call, &script::WRITE_IF_EQUAL, stored, &arguments)
            .await?;
        reply::happened(&answer).map_err(|failure| failure.of("write"))
    }

    /// A write whose deadline is past: what is there goes, if the condition holds.
    async fn remove_if(&self, stored: &str, condition: &Condition) -> Result<bool> {
        if *condition == Condition::Absent {
            let call = self.call("write", 0, Repeat::Harmless);
            let exists = command::on_key("EXISTS", stored);
            return self
                .answer(call, &exists, |answer| Ok(!reply::happened(&answer)?))
                .await;
        }
        let went = self
            .change("write", &command::on_key("UNLINK", stored))
            .await?;
        Ok(went || *condition == Condition::Always)
    }

    async fn remove_stored<K: AsRef<str>>(
        &self,
        operation: &'static str,
        keys: &[K],
    ) -> Result<u64> {
        let mut removed = 0;
        for chunk in keys.chunks(CHUNK) {
            let call = self.call(operation, 0, Repeat::Never);
            let unlink = command::on_keys("UNLINK", chunk);
            removed += self
                .answer(call, &unlink, |answer| reply::count(&answer))
                .await?;
        }
        Ok(removed)
    }

    /// Removes page by page, so that the server is never busy with it for long.
    async fn remove_scanned(&self, operation: &'static str, prefix: &str) -> Result<u64> {
        let mut removed = 0;
        for node in self.store.primaries() {
            let mut scan = Scan::new(node);
            loop {
                let call = self.call(operation, 0, Repeat::Harmless);
                let page = scan.page(call, prefix).await;
                let Some(keys) = page.map_err(|failure| failure.of(operation))? else {
                    break;
                };
                removed += self.remove_stored(operation, &keys).await?;
            }
        }
        Ok(removed)
    }

    async fn ping(&self, operation: &'static str) -> Result<()> {
        for node in self.store.primaries() {
            let call = self.call(operation, 0, Repeat::Harmless);
            let answer = node.send(call, Cmd::new().arg("PING")).await;
            answer
                .and_then(reply::checked)
                .map_err(|failure| failure.of(operation))?;
        }
        Ok(())
    }
}

/// How many entries of a batch go to the server at once, unless they have [`CHUNK_BYTES`] before.
const CHUNK: usize = 1_000;
const CHUNK_BYTES: usize = 16 * 1_024 * 1_024;
