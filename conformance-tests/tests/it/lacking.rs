//! A harness of which two groups are declared as lacking: each of their cases shows as ignored.

use std::sync::Arc;
use std::time::Duration;

use conformance_tests::reference::ReferenceCache;
use conformance_tests::{Client, Harness, Profile, async_trait};

struct Lone(ReferenceCache);

#[async_trait]
impl Harness for Lone {
    const PROFILE: Profile = Profile::new().moves_time();

    async fn fresh() -> Self {
        Self(ReferenceCache::new())
    }

    fn cache(&self) -> Client {
        Arc::new(self.0.clone())
    }

    async fn pass(&self, by: Duration) {
        self.0.pass(by);
    }
}

conformance_tests::conformance_tests!(Lone, lacking: {
    sharing: "two clients are two stores",
    reopening: "the entries go with the client",
    networked: "no server",
    outage: "no server",
});
