//! A monotonic clock counts, whatever becomes of the wall clock.

use std::sync::Arc;

use cache_memory::MemoryCache;
use conformance_tests::clocks::{Clocks, Whose};

const CLOCKS: Clocks = Clocks::new(
    Whose::Process,
    "clocks::setting_the_time_of_the_host_moves_no_deadline",
);

#[tokio::test]
async fn setting_the_time_of_the_host_moves_no_deadline() {
    if let Some(turn) = CLOCKS.turn() {
        let cache = MemoryCache::connect(&turn.address()).await.unwrap();
        return turn.take(Arc::new(cache)).await;
    }
    CLOCKS.jump("memory:").await;
}
