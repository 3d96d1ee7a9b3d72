//! What the methods of the traits are made of.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use redis::Value;
use session_core::{ClientOptions, Condition, Error, ErrorKind, Result, Scope};
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::command::{self, Life};
use crate::error::{BACKEND, Failure};
use crate::link::Settings;
use crate::listing::Scan;
use crate::node::{Call, Node, Place, Repeat};
use crate::options::{Login, RedisOptions, Servers};
use crate::reply;
use crate::resp::Command;
use crate::script;
use crate::sentinel::Sentinels;
use crate::store::Store;
use crate::tls::Tls;

/// What all clones of a client share.
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) scope: Scope,
    pub(crate) options: ClientOptions,
}

impl Inner {
    /// Begins to connect; only a cluster is asked for its servers here.
    pub(crate) async fn open(options: RedisOptions) -> Result<Self> {
        let refuse = |message: &str| {
            Error::new(ErrorKind::InvalidInput, BACKEND, "connect").with_message(message)
        };
        options.check().map_err(refuse)?;
        let most = options.max_in_flight;
        let tls = options.tls.as_ref().map(Tls::new).transpose()?;
        let settings = |login: Login, of_data: bool| {
            Arc::new(Settings {
                login,
                database: if of_data { options.database } else { 0 },
                client_name: options.client_name.clone(),
                tls: tls.clone(),
                primary_only: of_data && matches!(options.servers, Servers::Service { .. }),
                timeout: options.shared.timeout,
            })
        };
        let of_data = settings(options.login.clone(), true);
        let store = match options.servers.clone() {
            Servers::One(address) => {
                Store::One(Arc::new(Node::new(Place::Fixed(address), of_data, most)))
            }
            Servers::Cluster(seeds) => {
                let cluster = Cluster::open(seeds, of_data, most).await;
                Store::Cluster(cluster.map_err(|failure| failure.of("connect"))?)
            }
            Servers::Service { sentinels, name } => {
                let of_sentinels = settings(options.sentinel_login.clone(), false);
                let place = Place::Service(Sentinels::new(sentinels, name, of_sentinels));
                Store::One(Arc::new(Node::new(place, of_data, most)))
            }
        };
        Ok(Self {
            store,
            scope: options.shared.scope(BACKEND),
            options: options.shared,
        })
    }

    /// Refuses a server that is known to lack what is sent later. What does not say its version,
    /// or may not be asked, is taken as it is.
    pub(crate) async fn check_version(&self) -> Result<()> {
        for node in self.store.primaries() {
            let call = self.call("connect", 0, Repeat::Harmless);
            let answer = node.send(&call, &command::of(&["INFO", "server"])).await;
            let answer = answer.map_err(|failure| failure.of("connect"))?;
            if let Ok(text) = reply::text(answer)
                && let Some(version) = reply::old_version(&text)
            {
                let message =
                    format!("the server is Redis {version}; 6.2 is the oldest that is supported");
                return Err(
                    Error::new(ErrorKind::InvalidInput, BACKEND, "connect").with_message(message)
                );
            }
        }
        Ok(())
    }

    /// A call that carries this many bytes of values.
    pub(crate) fn call(&self, operation: &'static str, bytes: usize, repeat: Repeat) -> Call {
        let deadline = Instant::now() + self.options.timeout_for(bytes);
        Call {
            operation,
            deadline,
            repeat,
        }
    }

    /// Sends a command about one key and takes its answer apart.
    ///
    /// Whatever is asked, the box has one size: a task that reads and writes by turns gives back what
    /// it takes next, which allocators have at hand then.
    pub(crate) fn boxed<'a, T: 'a>(
        &'a self,
        (operation, bytes, repeat): (&'static str, usize, Repeat),
        stored: Cow<'a, str>,
        command: Command,
        take: fn(Value) -> Result<T, Failure>,
    ) -> BoxFuture<'a, Result<T>> {
        Box::pin(async move {
            let call = self.call(operation, bytes, repeat);
            self.store.send(&call, &stored, command, take).await
        })
    }

    /// Asks about a key with a command that changes nothing.
    pub(crate) async fn ask<T>(
        &self,
        operation: &'static str,
        key: &str,
        name: &'static str,
        take: impl FnOnce(Value) -> Result<T, Failure>,
    ) -> Result<T> {
        let stored = self.scope.key(operation, key)?;
        let call = self.call(operation, 0, Repeat::Harmless);
        let command = command::on_key(name, &stored);
        self.store.send(&call, &stored, command, take).await
    }

    /// Sends a command that says with a number whether something happened.
    pub(crate) async fn change(
        &self,
        operation: &'static str,
        stored: &str,
        command: Command,
    ) -> Result<bool> {
        let call = self.call(operation, 0, Repeat::Never);
        self.store
            .send(&call, stored, command, reply::happened)
            .await
    }

    pub(crate) async fn write_if_equal(
        &self,
        stored: Cow<'_, str>,
        expected: Bytes,
        value: Bytes,
        life: Life,
    ) -> Result<bool> {
        let (word, number) = life.words();
        let number = number.to_string();
        let call = self.call("write", expected.len() + value.len(), Repeat::Never);
        let arguments = [&*expected, &*value, word.as_bytes(), number.as_bytes()];
        let answer = self
            .store
            .run(&call, &script::WRITE_IF_EQUAL, &stored, &arguments)
            .await?;
        reply::happened(answer).map_err(|failure| failure.of("write"))
    }

    /// A write whose deadline is past: what is there goes, if the condition holds.
    pub(crate) async fn remove_if(
        &self,
        stored: Cow<'_, str>,
        condition: Condition,
    ) -> Result<bool> {
        if condition == Condition::Absent {
            let call = self.call("write", 0, Repeat::Harmless);
            let exists = command::on_key("EXISTS", &stored);
            let is_there = self.store.send(&call, &stored, exists, reply::happened);
            return Ok(!is_there.await?);
        }
        let unlink = command::on_key("UNLINK", &stored);
        let went = self.change("write", &stored, unlink).await?;
        Ok(went || condition == Condition::Always)
    }

    /// Writes entries under their stored keys, in chunks.
    pub(crate) async fn write_stored(
        &self,
        keys: &[Cow<'_, str>],
        entries: &[(&str, Bytes)],
        life: Life,
    ) -> Result<()> {
        let mut written = 0;
        while written < entries.len() {
            let (mut chunk, mut bytes) = (Vec::new(), 0);
            while written < entries.len() && chunk.len() < CHUNK && bytes < CHUNK_BYTES {
                let (key, (_, value)) = (&keys[written], &entries[written]);
                chunk.push((&**key, &**value));
                bytes += value.len();
                written += 1;
            }
            let call = self.call("write_all", bytes, Repeat::Never);
            let is_first = chunk.len() == written;
            let write = self.store.write_all(&call, &chunk, life).await;
            write.map_err(|error| error.after_changes(!is_first))?;
        }
        Ok(())
    }

    pub(crate) async fn remove_stored<K: AsRef<str>>(
        &self,
        operation: &'static str,
        keys: &[K],
    ) -> Result<u64> {
        let mut removed = 0;
        for chunk in keys.chunks(CHUNK) {
            let call = self.call(operation, 0, Repeat::Never);
            let chunk = self.store.remove_all(&call, chunk).await;
            removed += chunk.map_err(|error| error.after_changes(removed > 0))?;
        }
        Ok(removed)
    }

    /// Removes page by page, so that the server is never busy with it for long.
    pub(crate) async fn remove_scanned(
        &self,
        operation: &'static str,
        prefix: &str,
    ) -> Result<u64> {
        let mut removed = 0;
        for node in self.store.primaries() {
            let mut scan = Scan::new(node);
            loop {
                let call = self.call(operation, 0, Repeat::Harmless);
                let page = scan.page(&call, prefix).await;
                let page = page.map_err(|failure| {
                    let failure = self.store.doubt(failure).in_part(removed > 0);
                    failure.of(operation)
                });
                let Some(keys) = page? else {
                    break;
                };
                let page = self.remove_stored(operation, &keys).await;
                removed += page.map_err(|error| error.after_changes(removed > 0))?;
            }
        }
        Ok(removed)
    }

    pub(crate) async fn ping(&self, operation: &'static str) -> Result<()> {
        self.tell_all(operation, &["PING"], Repeat::Harmless).await
    }

    /// Sends a command to every server that holds entries.
    pub(crate) async fn tell_all(
        &self,
        operation: &'static str,
        words: &[&str],
        repeat: Repeat,
    ) -> Result<()> {
        let mut is_applied = false;
        for node in self.store.primaries() {
            let call = self.call(operation, 0, repeat);
            let answer = node.send(&call, &command::of(words)).await;
            answer.and_then(reply::checked).map_err(|failure| {
                let failure = self.store.doubt(failure).in_part(is_applied);
                failure.of(operation)
            })?;
            is_applied = repeat == Repeat::Never;
        }
        Ok(())
    }
}

/// How many entries of a batch go to the server at once, unless they have [`CHUNK_BYTES`] before.
pub(crate) const CHUNK: usize = 1_000;
const CHUNK_BYTES: usize = 16 * 1_024 * 1_024;
