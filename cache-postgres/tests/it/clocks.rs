//! The server's clock counts, whatever time the clients have.

use std::sync::Arc;
use std::time::Duration;

use cache_postgres::PostgresCache;
use conformance_tests::Client;
use conformance_tests::clocks::{Clocks, Whose};

use crate::database::{Database, options_of};

const CLOCKS: Clocks = Clocks::new(Whose::Store, "clocks::no_clients_clock_counts");

#[tokio::test]
async fn no_clients_clock_counts() {
    if let Some(turn) = CLOCKS.turn() {
        return turn.take(open(&turn.address()).await).await;
    }
    let database = Database::take().await;
    let address = database.place();
    CLOCKS.differ(&address, open(&address).await).await;
    CLOCKS.jump(&address).await;
}

async fn open(address: &str) -> Client {
    let options = options_of(address).timeout(Duration::from_secs(10));
    Arc::new(PostgresCache::connect_with(options).await.unwrap())
}
