//! A namespace over any client.

use async_stream::stream;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;

use crate::client::{BoxStream, CacheClient, CacheClientExtended};
use crate::codec::Codec;
use crate::entry::{Condition, Expiry, TimeToLive};
use crate::error::Result;
use crate::namespace::Namespace;
use crate::scope::Scope;

/// A part of a store that looks like a store of its own.
///
/// Keys go in and come out without the namespace; `flush_all`, listings, counts and removals stay
/// inside it, and no key or prefix reaches outside. Prefer a backend's own `namespace` option,
/// which saves a boxed future and a copy of the key for each call; take this to split one client.
///
/// ```
/// # use session_core::{CacheClientExtended, Prefixed, Result};
/// fn carts<C: CacheClientExtended>(store: C) -> Result<Prefixed<C>> {
///     Prefixed::new(store, "shop:carts")
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Prefixed<C> {
    inner: C,
    scope: Scope,
}

impl<C: CacheClientExtended> Prefixed<C> {
    /// Opens the namespace `path` over a client.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the path is empty or ill-formed, as [`Namespace`] says.
    pub fn new(inner: C, path: &str) -> Result<Self> {
        let namespace: Namespace = path.parse()?;
        // How long a value may be is for the inner client to say.
        Ok(Self {
            inner,
            scope: Scope::new("namespace", namespace, usize::MAX),
        })
    }

    /// The client below, which sees the whole store.
    pub fn inner(&self) -> &C {
        &self.inner
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<C: CacheClientExtended> CacheClient for Prefixed<C> {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        self.inner.read(&self.scope.key("read", key)?).await
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let keys = self.scope.keys("read_all", keys)?;
        self.inner.read_all(&borrowed(&keys)).await
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        self.inner
            .write(&self.scope.key("write", key)?, value, condition, expiry)
            .await
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        let keys: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
        let keys = self.scope.keys("write_all", &keys)?;
        let entries: Vec<(&str, Bytes)> = keys
            .iter()
            .zip(entries)
            .map(|(key, (_, value))| (&**key, value.clone()))
            .collect();
        self.inner.write_all(&entries, expiry).await
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        self.inner.remove(&self.scope.key("remove", key)?).await
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        let keys = self.scope.keys("remove_all", keys)?;
        self.inner.remove_all(&borrowed(&keys)).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        self.inner
            .increment(&self.scope.key("increment", key)?, by, expiry_if_new)
            .await
    }

    async fn flush_all(&self) -> Result<()> {
        self.inner
            .remove_starting_with(self.scope.namespace().stored())
            .await
            .map(drop)
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }

    fn codec(&self) -> Codec {
        self.inner.codec()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<C: CacheClientExtended> CacheClientExtended for Prefixed<C> {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        self.inner
            .get_time_to_live(&self.scope.key("get_time_to_live", key)?)
            .await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        self.inner
            .set_time_to_live(&self.scope.key("set_time_to_live", key)?, expiry)
            .await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        self.inner
            .read_with_time_to_live(&self.scope.key("read_with_time_to_live", key)?)
            .await
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        Box::pin(stream! {
            let Some(prefix) = self.scope.prefix(prefix) else { return };
            let mut keys = self.inner.keys_starting_with(&prefix);
            while let Some(key) = keys.next().await {
                yield key.map(|key| self.scope.strip(&key).to_owned());
            }
        })
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        match self.scope.prefix(prefix) {
            Some(prefix) => self.inner.remove_starting_with(&prefix).await,
            None => Ok(0),
        }
    }

    async fn remove_expired(&self) -> Result<u64> {
        self.inner.remove_expired().await
    }
}

fn borrowed<'k>(keys: &'k [std::borrow::Cow<'k, str>]) -> Vec<&'k str> {
    keys.iter().map(|key| &**key).collect()
}
