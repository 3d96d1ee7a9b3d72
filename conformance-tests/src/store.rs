//! The store that a case works on: a harness without its type.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use session_core::{CacheClientExtended, Result, async_trait};

use crate::harness::{Client, Harness, Reopen, Share};
use crate::profile::Profile;

/// A fresh store under test. It is used as the client that it is.
///
/// Cases take it in place of a harness, so that they are compiled once and not for each backend.
pub struct Store {
    cache: Client,
    harness: Box<dyn Erased>,
}

impl Store {
    /// A fresh store, for cases that need no more than a [`Harness`].
    pub async fn plain<H: Harness>() -> Self {
        Self::holding(Held {
            harness: H::fresh().await,
            reopen: None,
            another: None,
        })
    }

    /// A fresh store, for cases that reopen it.
    pub async fn reopening<H: Reopen>() -> Self {
        Self::holding(Held {
            harness: H::fresh().await,
            reopen: Some(|harness| harness.reopen()),
            another: None,
        })
    }

    /// A fresh store, for cases that open a second client beside the first.
    pub async fn sharing<H: Share>() -> Self {
        Self::holding(Held {
            harness: H::fresh().await,
            reopen: None,
            another: Some(|harness| harness.another()),
        })
    }

    fn holding<E: Erased + 'static>(harness: E) -> Self {
        Self {
            cache: harness.cache(),
            harness: Box::new(harness),
        }
    }

    /// The client, to hand on to a task.
    pub(crate) fn cache(&self) -> Client {
        Arc::clone(&self.cache)
    }

    pub(crate) fn profile(&self) -> Profile {
        self.harness.profile()
    }

    /// A client of this store in a namespace.
    pub(crate) async fn namespace(&self, path: &str) -> Result<Client> {
        self.harness.namespace(path).await
    }

    /// Another client on the same stored data.
    pub(crate) async fn another(&self) -> Client {
        self.harness.another().await
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        let Self { cache, harness } = self;
        drop(cache);
        let harness = harness.reopen().await;
        Self {
            cache: harness.cache(),
            harness,
        }
    }

    /// A life that [`outlive`](Store::outlive) ends.
    pub(crate) fn brief(&self) -> Duration {
        self.profile()
            .time_margin()
            .max(self.profile().time_to_live_step())
    }

    /// Lets every entry expire that was written with a [`brief`](Store::brief) life.
    pub(crate) async fn outlive(&self) {
        self.pass(self.brief() * 2 + self.profile().time_to_live_step())
            .await;
    }

    pub(crate) async fn pass(&self, by: Duration) {
        self.harness.pass(by).await;
    }
}

impl Deref for Store {
    type Target = dyn CacheClientExtended;

    fn deref(&self) -> &Self::Target {
        &*self.cache
    }
}

/// A harness behind a pointer.
#[async_trait]
trait Erased: Send + Sync {
    fn profile(&self) -> Profile;
    fn cache(&self) -> Client;
    async fn pass(&self, by: Duration);
    async fn namespace(&self, path: &str) -> Result<Client>;
    async fn another(&self) -> Client;
    async fn reopen(self: Box<Self>) -> Box<dyn Erased>;
}

struct Held<H> {
    harness: H,
    reopen: Option<fn(H) -> BoxFuture<'static, H>>,
    another: Option<for<'h> fn(&'h H) -> BoxFuture<'h, Client>>,
}

#[async_trait]
impl<H: Harness> Erased for Held<H> {
    fn profile(&self) -> Profile {
        H::PROFILE
    }

    fn cache(&self) -> Client {
        self.harness.cache()
    }

    async fn pass(&self, by: Duration) {
        self.harness.pass(by).await;
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        self.harness.namespace(path).await
    }

    async fn another(&self) -> Client {
        let another = self
            .another
            .expect("the case stands in a group that shares");
        another(&self.harness).await
    }

    async fn reopen(self: Box<Self>) -> Box<dyn Erased> {
        let reopen = self
            .reopen
            .expect("the case stands in a group that reopens");
        Box::new(Self {
            harness: reopen(self.harness).await,
            ..*self
        })
    }
}
