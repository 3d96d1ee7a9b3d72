//! The cases of every backend.

use std::sync::Arc;
use std::time::Duration;

use cache_memory::{Clock, MemoryCache, MemoryOptions};
use conformance_tests::{Harness, Profile, Share};
use session_core::{CacheClientExtended, Result, async_trait};

struct MemoryHarness {
    cache: MemoryCache,
    clock: Clock,
}

#[async_trait]
impl Harness for MemoryHarness {
    const PROFILE: Profile = Profile::new().moves_time().sweeps();

    async fn fresh() -> Self {
        let clock = Clock::frozen();
        let options = MemoryOptions::new().clock(clock.clone());
        let cache = MemoryCache::connect_with(options).await.unwrap();
        Self { cache, clock }
    }

    fn cache(&self) -> Arc<dyn CacheClientExtended> {
        Arc::new(self.cache.clone())
    }

    async fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn namespace(&self, path: &str) -> Result<Arc<dyn CacheClientExtended>> {
        Ok(Arc::new(self.cache.namespace(path)?))
    }
}

#[async_trait]
impl Share for MemoryHarness {
    async fn another(&self) -> Arc<dyn CacheClientExtended> {
        Arc::new(self.cache.clone())
    }
}

conformance_tests::conformance_tests!(MemoryHarness, probation: deny, lacking: {
    reopening: "the entries go with the last client",
    networked: "the entries lie in this process: there is no network between",
    outage: "the entries lie in this process: there is no server",
});
