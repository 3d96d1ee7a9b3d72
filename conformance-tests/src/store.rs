//! The store that a case works on: a harness without its type.

use std::net::SocketAddr;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use session_core::{CacheClientExtended, Error, Result, async_trait};
use tokio::net::ToSocketAddrs;

use crate::harness::{Client, Harness, Networked, Outage, Reopen, Share};
use crate::profile::Profile;
use crate::proxy::Proxy;

/// A fresh store under test. It is used as the client that it is.
///
/// Cases take it in place of a harness, so that they are compiled once and not for each backend.
pub struct Store {
    cache: Client,
    proxy: Option<Proxy>,
    harness: Box<dyn Erased>,
}

impl Store {
    /// A fresh store, for cases that need no more than a [`Harness`].
    pub async fn plain<H: Harness>() -> Self {
        Self::able(H::fresh().await, Abilities::default())
    }

    /// A fresh store, for cases that reopen it.
    pub async fn reopening<H: Reopen>() -> Self {
        let abilities = Abilities {
            reopen: Some(|harness: H| harness.reopen()),
            ..Abilities::default()
        };
        Self::able(H::fresh().await, abilities)
    }

    /// A fresh store, for cases that open a second client beside the first.
    pub async fn sharing<H: Share>() -> Self {
        let abilities = Abilities {
            another: Some(|harness: &H| harness.another()),
            ..Abilities::default()
        };
        Self::able(H::fresh().await, abilities)
    }

    /// A fresh store whose client reaches it through a [`Proxy`], with a time-out of
    /// a second.
    pub async fn networked<H: Networked>() -> Self {
        let harness = H::fresh().await;
        let server = harness.server();
        let abilities = Abilities {
            through: Some(|harness: &H, address, timeout| harness.through(address, timeout)),
            ..Abilities::default()
        };
        Self::behind(server, Held { harness, abilities }).await
    }

    /// A fresh store on a server that the case stops and starts, with a time-out of
    /// a second.
    pub async fn outage<H: Outage>() -> Self {
        let harness = H::alone().await;
        let server = harness.server();
        let abilities = Abilities {
            through: Some(|harness: &H, address, timeout| harness.through(address, timeout)),
            obey: Some(|harness: &mut H, order| match order {
                Order::Stop => harness.stop(),
                Order::GoOn => harness.go_on(),
                Order::Kill => harness.kill(),
                Order::Start => harness.start(),
            }),
            ..Abilities::default()
        };
        let harness = Held { harness, abilities };
        Self {
            cache: opened(&harness, server).await,
            proxy: None,
            harness: Box::new(harness),
        }
    }

    /// A store whose client reaches this server through a [`Proxy`].
    pub(crate) async fn behind(server: impl ToSocketAddrs, harness: impl Erased + 'static) -> Self {
        let proxy = Proxy::before(server).await;
        let proxy = proxy.expect("a free port, and the address of the server");
        Self {
            cache: opened(&harness, proxy.address()).await,
            proxy: Some(proxy),
            harness: Box::new(harness),
        }
    }

    fn able<H: Harness>(harness: H, abilities: Abilities<H>) -> Self {
        Self::holding(Held { harness, abilities })
    }

    pub(crate) fn holding<E: Erased + 'static>(harness: E) -> Self {
        Self {
            cache: harness.cache(),
            proxy: None,
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

    /// The seeds that sequences try in place of those of the case.
    pub(crate) fn seeds(&self) -> Option<Range<u64>> {
        self.harness.seeds()
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
        drop(self.cache);
        let harness = self.harness.reopen().await;
        Self {
            cache: harness.cache(),
            proxy: None,
            harness,
        }
    }

    /// The network between the client and the server.
    pub(crate) fn proxy(&self) -> &Proxy {
        let proxy = self.proxy.as_ref();
        proxy.expect("the case stands in a group with a network")
    }

    /// A client that does not go through the network that fails.
    pub(crate) fn beside(&self) -> Client {
        self.harness.cache()
    }

    /// Another client, which finds its server at this address.
    pub(crate) async fn through(&self, address: SocketAddr) -> Result<Client> {
        self.harness.through(address, PATIENCE).await
    }

    /// Stops the server, or starts it again.
    pub(crate) async fn server(&mut self, order: Order) {
        self.harness.obey(order).await;
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

/// The time-out of clients whose network or server fails: the contract's default.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Opens the client of a case, whose time-out is short for a machine that is busy with other cases.
async fn opened(harness: &impl Erased, address: SocketAddr) -> Client {
    let mut opened = harness.through(address, PATIENCE).await;
    for _ in 0..5 {
        if opened.as_ref().is_err_and(Error::is_transient) {
            opened = harness.through(address, PATIENCE).await;
        }
    }
    opened.expect("a client of the store")
}

/// What a case does to a server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Stops it as it is.
    Stop,
    /// Lets it go on.
    GoOn,
    /// Ends it at once.
    Kill,
    /// Starts it again.
    Start,
}

/// A harness behind a pointer.
#[async_trait]
pub(crate) trait Erased: Send + Sync {
    fn profile(&self) -> Profile;
    fn cache(&self) -> Client;
    /// The seeds that sequences try in place of those of the case.
    fn seeds(&self) -> Option<Range<u64>> {
        None
    }
    async fn pass(&self, by: Duration);
    async fn namespace(&self, path: &str) -> Result<Client>;
    async fn another(&self) -> Client;
    async fn reopen(self: Box<Self>) -> Box<dyn Erased>;
    async fn through(&self, _address: SocketAddr, _timeout: Duration) -> Result<Client> {
        panic!("no case of a group with a network runs on this store")
    }
    async fn obey(&mut self, _order: Order) {
        panic!("no case of a group with a server of its own runs on this store")
    }
}

struct Held<H> {
    harness: H,
    abilities: Abilities<H>,
}

/// Opens a client that finds its server at an address.
type Through<H> = for<'h> fn(&'h H, SocketAddr, Duration) -> BoxFuture<'h, Result<Client>>;

/// What a harness can do beyond [`Harness`]; each group has what it needs, and no more.
struct Abilities<H> {
    reopen: Option<fn(H) -> BoxFuture<'static, H>>,
    another: Option<for<'h> fn(&'h H) -> BoxFuture<'h, Client>>,
    through: Option<Through<H>>,
    obey: Option<for<'h> fn(&'h mut H, Order) -> BoxFuture<'h, ()>>,
}

impl<H> Default for Abilities<H> {
    fn default() -> Self {
        Self {
            reopen: None,
            another: None,
            through: None,
            obey: None,
        }
    }
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
        let another = self.abilities.another;
        let another = another.expect("the case stands in a group that shares");
        another(&self.harness).await
    }

    async fn reopen(self: Box<Self>) -> Box<dyn Erased> {
        let reopen = self.abilities.reopen;
        let reopen = reopen.expect("the case stands in a group that reopens");
        Box::new(Self {
            harness: reopen(self.harness).await,
            ..*self
        })
    }

    async fn through(&self, address: SocketAddr, timeout: Duration) -> Result<Client> {
        let through = self.abilities.through;
        let through = through.expect("the case stands in a group with a network");
        through(&self.harness, address, timeout).await
    }

    async fn obey(&mut self, order: Order) {
        let obey = self.abilities.obey;
        let obey = obey.expect("the case stands in a group with a server of its own");
        obey(&mut self.harness, order).await;
    }
}
