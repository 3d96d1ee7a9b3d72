//! The client of the remote reference, and its harness.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, ClientOptions, Condition, Expiry, Result, Scope,
    TimeToLive, async_trait,
};

use super::remote::{BACKEND, Flaws, Link, Server, Tickets};
use crate::harness::{Client, Harness, Networked, Outage};
use crate::profile::Profile;

/// A client of a [`Server`].
pub(crate) struct RemoteCache {
    link: Arc<Link>,
    scope: Scope,
    flaws: Flaws,
}

impl RemoteCache {
    fn new(address: SocketAddr, tickets: &Arc<Tickets>, timeout: Duration, flaws: Flaws) -> Self {
        Self {
            link: Link::new(address, Arc::clone(tickets), timeout, flaws),
            scope: ClientOptions::default().scope(BACKEND),
            flaws,
        }
    }
}

impl fmt::Debug for RemoteCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteCache").finish_non_exhaustive()
    }
}

/// Has the server call a method with a text that is lent, if it takes one, and arguments that are
/// its own.
macro_rules! remote {
    ($self:ident.$method:ident[$($text:ident)?]($($argument:ident),*)) => {
        remote!($self.$method[$($text)?]($($argument),*), |_| 0)
    };
    ($self:ident.$method:ident[$($text:ident)?]($($argument:ident),*), $length:expr) => {
        $self.link.call(
            stringify!($method),
            move |cache| {
                $(let $text = $text.clone();)?
                $(let $argument = $argument.clone();)*
                Box::pin(async move { cache.$method($(&$text,)? $($argument),*).await })
            },
            $length,
        ).await
    };
}

#[async_trait]
impl CacheClient for RemoteCache {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        let key = self.scope.key("read", key)?.into_owned();
        let read = remote!(self.read[key](), |value| value
            .as_ref()
            .map_or(0, Bytes::len));
        if self.flaws.misses {
            Ok(read.unwrap_or(None))
        } else {
            read
        }
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.scope.keys("read_all", keys)?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        if self.flaws.one_by_one {
            return stream::iter(keys)
                .then(|key| self.read(key))
                .try_collect()
                .await;
        }
        let keys = owned(keys);
        let read = move |cache: super::ReferenceCache| -> BoxRead {
            let keys = keys.clone();
            Box::pin(async move { cache.read_all(&borrowed(&keys)).await })
        };
        self.link.call("read_all", read, |_| 0).await
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
        if self.flaws.one_by_one && condition != Condition::Always {
            self.ping().await?;
        }
        remote!(self.write[key](value, condition, expiry))
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        for (key, value) in entries {
            self.scope.key("write_all", key)?;
            self.scope.value("write_all", value)?;
        }
        if entries.is_empty() {
            return Ok(());
        }
        let entries: Vec<(String, Bytes)> = entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        let write = move |cache: super::ReferenceCache| -> BoxDone {
            let entries = entries.clone();
            Box::pin(async move {
                let entries: Vec<_> = entries.iter().map(|(k, v)| (&**k, v.clone())).collect();
                cache.write_all(&entries, expiry).await
            })
        };
        self.link.call("write_all", write, |()| 0).await
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        let key = self.scope.key("remove", key)?.into_owned();
        remote!(self.remove[key]())
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        self.scope.keys("remove_all", keys)?;
        if keys.is_empty() {
            return Ok(0);
        }
        let keys = owned(keys);
        let remove = move |cache: super::ReferenceCache| -> BoxCount {
            let keys = keys.clone();
            Box::pin(async move { cache.remove_all(&borrowed(&keys)).await })
        };
        self.link.call("remove_all", remove, |_| 0).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        let key = self.scope.key("increment", key)?.into_owned();
        remote!(self.increment[key](by, expiry_if_new))
    }

    async fn flush_all(&self) -> Result<()> {
        remote!(self.flush_all[]())
    }

    async fn ping(&self) -> Result<()> {
        remote!(self.ping[]())
    }
}

type BoxRead = futures_util::future::BoxFuture<'static, Result<Vec<Option<Bytes>>>>;
type BoxDone = futures_util::future::BoxFuture<'static, Result<()>>;
type BoxCount = futures_util::future::BoxFuture<'static, Result<u64>>;
type BoxPage = futures_util::future::BoxFuture<'static, Result<Vec<String>>>;

fn owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

fn borrowed(keys: &[String]) -> Vec<&str> {
    keys.iter().map(|key| &**key).collect()
}

#[async_trait]
impl CacheClientExtended for RemoteCache {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        let key = self.scope.key("get_time_to_live", key)?.into_owned();
        remote!(self.get_time_to_live[key]())
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        let key = self.scope.key("set_time_to_live", key)?.into_owned();
        remote!(self.set_time_to_live[key](expiry))
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        let key = self.scope.key("read_with_time_to_live", key)?.into_owned();
        remote!(self.read_with_time_to_live[key]())
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        if self.scope.prefix(prefix).is_none() {
            return Box::pin(stream::empty());
        }
        // A page behind the last key of the page before; none after a short one.
        let pages = stream::try_unfold(Some(String::new()), move |after| async move {
            let Some(after) = after else {
                return Ok(None);
            };
            let page = match self.page(prefix, after).await {
                Err(_) if self.flaws.ends_early => Vec::new(),
                page => page?,
            };
            let next = page.last().filter(|_| page.len() == PAGE).cloned();
            Ok(Some((stream::iter(page).map(Ok), next)))
        });
        Box::pin(pages.try_flatten())
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        if self.scope.prefix(prefix).is_none() {
            return Ok(0);
        }
        let prefix = prefix.to_owned();
        remote!(self.remove_starting_with[prefix]())
    }

    async fn remove_expired(&self) -> Result<u64> {
        remote!(self.remove_expired[]())
    }
}

const PAGE: usize = 1_000;

impl RemoteCache {
    async fn page(&self, prefix: &str, after: String) -> Result<Vec<String>> {
        let prefix = prefix.to_owned();
        let page = move |cache: super::ReferenceCache| -> BoxPage {
            let (prefix, after) = (prefix.clone(), after.clone());
            Box::pin(async move {
                let keys = cache.keys_starting_with(&prefix);
                let behind = keys.try_skip_while(move |key| {
                    std::future::ready(Ok(!after.is_empty() && *key <= after))
                });
                behind.take(PAGE).try_collect().await
            })
        };
        self.link.call("keys_starting_with", page, |_| 0).await
    }
}

/// What is wrong with the client of a [`RemoteHarness`].
pub trait Flawed: Send + Sync + 'static {
    /// What is.
    const FLAWS: Flaws;
}

/// Nothing is.
#[derive(Debug)]
pub struct Sound;

impl Flawed for Sound {
    const FLAWS: Flaws = Flaws::NONE;
}

/// Proves the groups about networks and servers, and the suite with them.
#[derive(Debug)]
pub struct RemoteHarness<F: Flawed = Sound> {
    server: Server,
    flaws: PhantomData<F>,
}

#[async_trait]
impl<F: Flawed> Harness for RemoteHarness<F> {
    const PROFILE: Profile = Profile::new().moves_time().in_order();

    async fn fresh() -> Self {
        Self {
            server: Server::start(Arc::default()).await,
            flaws: PhantomData,
        }
    }

    /// Past the network, so without the flaws.
    fn cache(&self) -> Client {
        Arc::new(self.server.tickets.cache.clone())
    }

    async fn pass(&self, by: Duration) {
        self.server.tickets.cache.pass(by);
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        Ok(Arc::new(self.server.tickets.cache.within(path)?))
    }
}

#[async_trait]
impl<F: Flawed> Networked for RemoteHarness<F> {
    fn server(&self) -> SocketAddr {
        self.server.address
    }

    async fn through(&self, address: SocketAddr, timeout: Duration) -> Result<Client> {
        let cache = RemoteCache::new(address, &self.server.tickets, timeout, F::FLAWS);
        cache.ping().await?;
        Ok(Arc::new(cache))
    }
}

#[async_trait]
impl<F: Flawed> Outage for RemoteHarness<F> {
    async fn alone() -> Self {
        Self::fresh().await
    }

    async fn stop(&mut self) {
        self.server.stop(true);
    }

    async fn go_on(&mut self) {
        self.server.stop(false);
    }

    async fn kill(&mut self) {
        self.server.kill();
    }

    async fn start(&mut self) {
        let (address, tickets) = (self.server.address, Arc::clone(&self.server.tickets));
        self.server = Server::start_at(address, tickets).await;
    }
}
