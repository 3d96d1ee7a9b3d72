//! The wall clock of the host counts, in every process and time zone, and also when it jumps.

use std::sync::Arc;

use cache_sqlite::SqliteCache;
use conformance_tests::Client;
use conformance_tests::clocks::{Clocks, Whose};

use crate::store::{TempStore, options_of};

const CLOCKS: Clocks = Clocks::new(Whose::Host, "clocks::the_hosts_clock_counts_and_no_more");

/// Processes an hour apart stand for a host whose clock is set between them: what is due by it is
/// gone, and what was written meanwhile lives longer or shorter by that hour and no more.
#[tokio::test]
async fn the_hosts_clock_counts_and_no_more() {
    if let Some(turn) = CLOCKS.turn() {
        return turn.take(open(&turn.address()).await).await;
    }
    let store = TempStore::new();
    let address = store.path().display().to_string();
    CLOCKS.differ(&address, open(&address).await).await;
    CLOCKS.jump(&address).await;
}

async fn open(address: &str) -> Client {
    Arc::new(
        SqliteCache::connect_with(options_of(address))
            .await
            .unwrap(),
    )
}
