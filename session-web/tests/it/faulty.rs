//! A store that fails when it is told to, and counts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use cache_memory::MemoryCache;
use session_core::{
    BoxStream, Bytes, CacheClient, CacheClientExtended, Condition, Error, ErrorKind, Expiry,
    Result, TimeToLive, async_trait,
};

#[derive(Debug)]
pub(crate) struct Faulty {
    store: MemoryCache,
    reads: AtomicBool,
    writes: AtomicBool,
    calls: AtomicUsize,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        Self {
            store: MemoryCache::new(),
            reads: AtomicBool::new(false),
            writes: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
        }
    }

    pub(crate) fn fail_reads(&self, fail: bool) {
        self.reads.store(fail, Relaxed);
    }

    pub(crate) fn fail_writes(&self, fail: bool) {
        self.writes.store(fail, Relaxed);
    }

    fn reading(&self) -> Result<&MemoryCache> {
        self.unless(self.reads.load(Relaxed))
    }

    fn writing(&self) -> Result<&MemoryCache> {
        self.unless(self.writes.load(Relaxed))
    }

    /// How many calls there were since it was last asked.
    pub(crate) fn calls(&self) -> usize {
        self.calls.swap(0, Relaxed)
    }

    fn unless(&self, fails: bool) -> Result<&MemoryCache> {
        self.calls.fetch_add(1, Relaxed);
        match fails {
            true => Err(Error::new(ErrorKind::Unavailable, "faulty", "call")),
            false => Ok(&self.store),
        }
    }
}

#[async_trait]
impl CacheClient for Faulty {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        self.reading()?.read(key).await
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.reading()?.read_all(keys).await
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        self.writing()?.write(key, value, condition, expiry).await
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        self.writing()?.write_all(entries, expiry).await
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        self.writing()?.remove(key).await
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        self.writing()?.remove_all(keys).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        self.writing()?.increment(key, by, expiry_if_new).await
    }

    async fn flush_all(&self) -> Result<()> {
        self.writing()?.flush_all().await
    }

    async fn ping(&self) -> Result<()> {
        self.reading()?.ping().await
    }
}

#[async_trait]
impl CacheClientExtended for Faulty {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        self.reading()?.get_time_to_live(key).await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        self.writing()?.set_time_to_live(key, expiry).await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        self.reading()?.read_with_time_to_live(key).await
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        self.store.keys_starting_with(prefix)
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        self.writing()?.remove_starting_with(prefix).await
    }

    async fn remove_expired(&self) -> Result<u64> {
        self.writing()?.remove_expired().await
    }
}
