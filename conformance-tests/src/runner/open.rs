//! Opens stores for cases: a harness made from a URL.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use session_core::{Error, Prefixed, Result, async_trait};

use super::seeds::Seeds;
use super::target::Target;
use crate::harness::Client;
use crate::profile::Profile;
use crate::store::{Erased, Store};

/// Opens the store that a URL names.
pub(super) type Connect = Arc<dyn Fn(String) -> BoxFuture<'static, Result<Client>> + Send + Sync>;

/// Opens one target, in namespaces of its own.
#[derive(Clone)]
pub(super) struct Opener {
    pub(super) target: Target,
    connect: Connect,
    margin: Duration,
    seeds: Option<Seeds>,
}

impl Opener {
    pub(super) fn new(
        target: Target,
        connect: Connect,
        margin: Duration,
        seeds: Option<Seeds>,
    ) -> Self {
        Self {
            target,
            connect,
            margin,
            seeds,
        }
    }

    /// A client of what the URL names.
    pub(super) async fn whole(&self) -> Result<Client> {
        (self.connect)(self.target.url()).await
    }

    /// A client of a namespace inside it.
    pub(super) async fn within(&self, path: &str) -> Result<Client> {
        (self.connect)(self.target.url_within(path)).await
    }

    /// A store for one case, in a namespace, which gives what the case needs.
    pub(super) async fn store(self, path: String, needs: &'static str) -> Store {
        let cache = opened(self.within(&path).await);
        let server = self.target.server();
        let store = Opened {
            opener: self,
            path,
            cache,
        };
        match (needs, server) {
            ("networked", Ok(server)) => Store::behind(server, store).await,
            _ => Store::holding(store),
        }
    }
}

/// A store that a case works on.
struct Opened {
    opener: Opener,
    path: String,
    cache: Client,
}

#[async_trait]
impl Erased for Opened {
    fn profile(&self) -> Profile {
        let target = &self.opener.target;
        let profile = match target.private {
            Some(_) => Profile::new(),
            None => Profile::new().neighbours(),
        };
        profile
            .margin(self.opener.margin)
            .longest_key(target.longest_key_within(&self.path))
            .largest_value(target.largest_value())
            .sweeps()
    }

    fn cache(&self) -> Client {
        Arc::clone(&self.cache)
    }

    fn seeds(&self) -> Option<Range<u64>> {
        self.opener.seeds.clone().map(|Seeds(range)| range)
    }

    async fn pass(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        match self.opener.target.private {
            Some(_) => Ok(Arc::new(Prefixed::new(self.cache(), path)?)),
            None => self.opener.within(&format!("{}:{path}", self.path)).await,
        }
    }

    async fn another(&self) -> Client {
        opened(self.opener.within(&self.path).await)
    }

    async fn through(&self, address: SocketAddr, timeout: Duration) -> Result<Client> {
        let Opener {
            target, connect, ..
        } = &self.opener;
        connect(target.url_through(&self.path, address, timeout)).await
    }

    async fn reopen(self: Box<Self>) -> Box<dyn Erased> {
        let Self {
            opener,
            path,
            cache,
        } = *self;
        drop(cache);
        let cache = opened(opener.within(&path).await);
        Box::new(Self {
            opener,
            path,
            cache,
        })
    }
}

fn opened(client: Result<Client>) -> Client {
    client.unwrap_or_else(|error| panic!("the store could not be opened: {}", told(&error)))
}

/// An error with its causes, for people.
pub(super) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
