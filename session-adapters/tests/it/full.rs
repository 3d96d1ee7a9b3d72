//! A store that has no room for another session.

use cache_memory::MemoryCache;
use session_core::{
    BoxStream, Bytes, CacheClient, CacheClientExtended, Condition, Expiry, Result, TimeToLive,
    async_trait,
};

/// A store in which every key is taken.
#[derive(Debug)]
pub(crate) struct Full(pub(crate) MemoryCache);

#[async_trait]
impl CacheClient for Full {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        self.0.read(key).await
    }

    async fn write(&self, _: &str, _: Bytes, condition: Condition, _: Expiry) -> Result<bool> {
        Ok(condition != Condition::Absent)
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
impl CacheClientExtended for Full {
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
