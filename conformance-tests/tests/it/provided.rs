//! The methods that the traits provide do what the contract says: a client that implements none
//! of them passes the cases of batches.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conformance_tests::reference::ReferenceCache;
use conformance_tests::{CASES, Client, Harness, Profile, Store, async_trait};
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, Condition, Expiry, Result, TimeToLive,
};

/// The docs of `write_all` leave this to the client.
const LEFT_TO_THE_CLIENT: &str = "a_value_that_is_too_long_in_the_middle_touches_nothing";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_without_batches_of_its_own_passes_their_cases() {
    let of_batches = CASES.iter().filter(|case| {
        let in_matrix = case.group == "states" && case.name.contains("_all_");
        (case.group == "batches" || in_matrix) && case.name != LEFT_TO_THE_CLIENT
    });
    let mut count = 0;
    for case in of_batches {
        case.run(Store::plain::<Minimal>().await).await;
        count += 1;
    }
    assert!(count > 30, "only {count} cases of batches");
}

/// The reference client without the methods that need not be written.
#[derive(Clone, Debug)]
struct Minimal(ReferenceCache);

#[async_trait]
impl CacheClient for Minimal {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        self.0.read(key).await
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        self.0.write(key, value, condition, expiry).await
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        self.0.remove(key).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        self.0.increment(key, by, expiry_if_new).await
    }

    async fn flush_all(&self) -> Result<()> {
        self.0.flush_all().await
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }
}

#[async_trait]
impl CacheClientExtended for Minimal {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        self.0.get_time_to_live(key).await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        self.0.set_time_to_live(key, expiry).await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        self.0.read_with_time_to_live(key).await
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        self.0.keys_starting_with(prefix)
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        self.0.remove_starting_with(prefix).await
    }

    async fn remove_expired(&self) -> Result<u64> {
        self.0.remove_expired().await
    }
}

#[async_trait]
impl Harness for Minimal {
    const PROFILE: Profile = Profile::new().moves_time();

    async fn fresh() -> Self {
        Self(ReferenceCache::new())
    }

    fn cache(&self) -> Client {
        Arc::new(self.clone())
    }

    async fn pass(&self, by: Duration) {
        self.0.pass(by);
    }
}
