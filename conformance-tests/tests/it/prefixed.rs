//! The whole suite on a namespace of the reference client, which must look like a store of its
//! own: `Prefixed` forwards every operation.

use std::sync::Arc;
use std::time::Duration;

use conformance_tests::reference::ReferenceCache;
use conformance_tests::{Client, Harness, Profile, Reopen, Share, async_trait};
use session_core::Prefixed;

struct Inside(ReferenceCache);

#[async_trait]
impl Harness for Inside {
    const PROFILE: Profile = Profile::new()
        .moves_time()
        .longest_key(1_024 - "a:b:".len());

    async fn fresh() -> Self {
        Self(ReferenceCache::new())
    }

    fn cache(&self) -> Client {
        Arc::new(Prefixed::new(self.0.clone(), "a:b").expect("a namespace"))
    }

    async fn pass(&self, by: Duration) {
        self.0.pass(by);
    }
}

#[async_trait]
impl Reopen for Inside {
    async fn reopen(self) -> Self {
        self
    }
}

#[async_trait]
impl Share for Inside {
    async fn another(&self) -> Client {
        self.cache()
    }
}

conformance_tests::conformance_tests!(Inside);
