//! What a backend gives to be proved.

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
/// Implement [`Reopen`] and [`Share`] as well where the store can do it, or declare their groups
/// as lacking.
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
