//! The whole suite on what wraps a client, which must look like a client of its own: every wrapper
//! forwards every operation.

use std::sync::Arc;
use std::time::Duration;

use conformance_tests::reference::ReferenceCache;
use conformance_tests::{Client, Harness, Profile, Reopen, Share, async_trait};
use session_core::Prefixed;

/// Makes a harness of a wrapper over the reference client, in a module of its own.
macro_rules! wrapper {
    ($name:ident: |$store:ident| $wrapped:expr) => {
        mod $name {
            use super::*;

            struct Wrapped(ReferenceCache);

            #[async_trait]
            impl Harness for Wrapped {
                const PROFILE: Profile = Profile::new()
                    .moves_time()
                    .longest_key(1_024 - "a:b:".len());

                async fn fresh() -> Self {
                    Self(ReferenceCache::new())
                }

                fn cache(&self) -> Client {
                    let $store = self.0.clone();
                    Arc::new($wrapped)
                }

                async fn pass(&self, by: Duration) {
                    self.0.pass(by);
                }
            }

            #[async_trait]
            impl Reopen for Wrapped {
                async fn reopen(self) -> Self {
                    self
                }
            }

            #[async_trait]
            impl Share for Wrapped {
                async fn another(&self) -> Client {
                    self.cache()
                }
            }

            conformance_tests::conformance_tests!(Wrapped, probation: deny, lacking: {
                networked: "what is wrapped has no server",
                outage: "what is wrapped has no server",
            });
        }
    };
}

wrapper!(prefixed: |store| Prefixed::new(store, "a:b").expect("a namespace"));

wrapper!(prefixed_twice_and_behind_pointers: |store| {
    let outer = Prefixed::new(Arc::new(Box::new(store)), "a").expect("a namespace");
    Box::new(Prefixed::new(Arc::new(outer), "b").expect("a namespace"))
});
