//! What a backend gives to be proved.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use session_core::{CacheClientExtended, Prefixed, Result, async_trait};

use crate::profile::Profile;

/// A client under test, whatever its type.
pub type Client = Arc<dyn CacheClientExtended>;

/// A fresh store for each case, and how time passes in it.
///
/// Every case makes its own with [`fresh`](Harness::fresh), on a runtime of its own, and drops it
/// at the end; removing what it left behind is the work of `Drop`. Cases run side by side, so two
/// harnesses must never share an entry.
///
/// Implement [`Reopen`], [`Share`], [`Networked`] and [`Outage`] as well where the store can do it,
/// or declare their groups as lacking.
#[async_trait]
pub trait Harness: Sized + Send + Sync + 'static {
    /// What the backend differs in.
    const PROFILE: Profile;

    /// Opens an empty store that nobody else uses. Panics if it cannot.
    async fn fresh() -> Self;

    /// The client of the store: each time the same, or one like it.
    fn cache(&self) -> Client;

    /// Lets time pass for the entries of this store.
    ///
    /// By waiting, as provided; or at once, by moving a clock that the client reads or the stored
    /// deadlines (then declare [`Profile::moves_time`]). A case that moved time writes no
    /// [`Expiry::At`](session_core::Expiry::At) afterwards, so that both ways are right.
    async fn pass(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    /// Opens a client of the same store in a namespace.
    ///
    /// Open it with the backend's own option and the same stored data; as provided it is
    /// [`Prefixed`], which is proved anyway.
    ///
    /// # Errors
    ///
    /// Those of the backend for a namespace that it refuses: the cases ask for ill-formed ones.
    async fn namespace(&self, path: &str) -> Result<Client> {
        Ok(Arc::new(Prefixed::new(self.cache(), path)?))
    }
}

/// A store that keeps its entries when all clients are closed.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether its store can be reopened",
    note = "implement `conformance_tests::Reopen` for it, or say why not: \
            `conformance_tests!({Self}, lacking: {{ reopening: \"…\" }})`"
)]
pub trait Reopen: Harness {
    /// Closes the client and opens another on the same stored data, as a restart does.
    async fn reopen(self) -> Self;
}

/// A store that several clients, also of several processes, use at once.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether several clients can share its store",
    note = "implement `conformance_tests::Share` for it, or say why not: \
            `conformance_tests!({Self}, lacking: {{ sharing: \"…\" }})`"
)]
pub trait Share: Harness {
    /// Opens another client on the same stored data, while the first stays open.
    ///
    /// As far from the first as can be: another pool, another connection, another file handle.
    async fn another(&self) -> Client;
}

/// A store behind one TCP address, before which the suite puts a network of its own that fails.
///
/// The network is a [`Proxy`](crate::proxy::Proxy): it knows no protocol, but TLS between client and
/// server must be off, for a garbled reply would be TLS's to complain of.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether a network lies between its client and its store",
    note = "implement `conformance_tests::Networked` for it, or say why not: \
            `conformance_tests!({Self}, lacking: {{ networked: \"…\" }})`"
)]
pub trait Networked: Harness {
    /// Where the server of this store listens.
    fn server(&self) -> SocketAddr;

    /// Opens another client on the same stored data, which finds its server at `address` and
    /// nowhere else, and has this time-out.
    ///
    /// # Errors
    ///
    /// Those of the backend when nobody answers there: the cases ask for it.
    async fn through(&self, address: SocketAddr, timeout: Duration) -> Result<Client>;
}

/// A server that can be stopped, killed and started for a case.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether the server of its store can be stopped",
    note = "implement `conformance_tests::Outage` for it, or say why not: \
            `conformance_tests!({Self}, lacking: {{ outage: \"…\" }})`"
)]
pub trait Outage: Networked {
    /// Opens an empty store on a server of its own, which nobody else uses. Panics if it cannot.
    async fn alone() -> Self;

    /// Stops the server as it is, as `SIGSTOP` does: connections stay open and nothing answers.
    async fn stop(&mut self);

    /// Lets a stopped server go on.
    async fn go_on(&mut self);

    /// Ends the server at once, as `SIGKILL` does.
    async fn kill(&mut self);

    /// Starts the killed server again, at the same address, and waits until it answers. Entries
    /// may be lost with it.
    async fn start(&mut self);
}
