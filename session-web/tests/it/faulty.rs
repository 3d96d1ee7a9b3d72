//! A store that is watched: it counts its calls, fails when it is told to, and holds a call.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use cache_memory::MemoryCache;
use session_core::{
    BoxStream, Bytes, CacheClient, CacheClientExtended, Codec, Condition, Error, ErrorKind, Expiry,
    Outcome, Result, TimeToLive, async_trait,
};

use crate::application::Gate;
use crate::stores::Cache;

pub(crate) struct Faulty {
    store: Cache,
    reads: AtomicBool,
    writes: AtomicBool,
    /// How many writes come before the one that takes place and whose answer is lost.
    lost: Mutex<Option<usize>>,
    calls: AtomicUsize,
    /// How many calls come before the one that is held.
    held: Mutex<Option<usize>>,
    gate: Gate,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemoryCache::new()))
    }

    pub(crate) fn over(store: Cache) -> Self {
        Self {
            store,
            reads: AtomicBool::new(false),
            writes: AtomicBool::new(false),
            lost: Mutex::default(),
            calls: AtomicUsize::new(0),
            held: Mutex::default(),
            gate: Gate::new(),
        }
    }

    /// Holds the call after `calls` more at the gate.
    pub(crate) fn hold_after(&self, calls: usize) -> &Gate {
        *self.held.lock().unwrap() = Some(calls);
        &self.gate
    }

    pub(crate) fn fail_reads(&self, fail: bool) {
        self.reads.store(fail, Relaxed);
    }

    pub(crate) fn fail_writes(&self, fail: bool) {
        self.writes.store(fail, Relaxed);
    }

    /// Loses the answer to the write after `writes` more.
    pub(crate) fn lose_answer_after(&self, writes: usize) {
        *self.lost.lock().unwrap() = Some(writes);
    }

    async fn reading(&self) -> Result<&Cache> {
        self.count().await;
        self.unless(&self.reads)
    }

    async fn writing(&self) -> Result<&Cache> {
        self.count().await;
        self.unless(&self.writes)
    }

    /// How many calls there were since it was last asked.
    pub(crate) fn calls(&self) -> usize {
        self.calls.swap(0, Relaxed)
    }

    fn unless(&self, fails: &AtomicBool) -> Result<&Cache> {
        match fails.load(Relaxed) {
            true => Err(Error::new(ErrorKind::Unavailable, "faulty", "call")),
            false => Ok(&self.store),
        }
    }

    async fn count(&self) {
        self.calls.fetch_add(1, Relaxed);
        let held = {
            let mut held = self.held.lock().unwrap();
            let before = held.take();
            *held = before.and_then(|calls| calls.checked_sub(1));
            before == Some(0)
        };
        if held {
            self.gate.pass().await;
        }
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl CacheClient for Faulty {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        self.reading().await?.read(key).await
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.reading().await?.read_all(keys).await
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let store = self.writing().await?;
        let written = store.write(key, value, condition, expiry).await;
        let mut lost = self.lost.lock().unwrap();
        let before = lost.take();
        *lost = before.and_then(|writes| writes.checked_sub(1));
        match before {
            Some(0) => Err(Error::new(ErrorKind::Unavailable, "faulty", "write")
                .with_outcome(Outcome::Unknown)),
            _ => written,
        }
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        self.writing().await?.write_all(entries, expiry).await
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        self.writing().await?.remove(key).await
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        self.writing().await?.remove_all(keys).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        self.writing()
            .await?
            .increment(key, by, expiry_if_new)
            .await
    }

    async fn flush_all(&self) -> Result<()> {
        self.writing().await?.flush_all().await
    }

    async fn ping(&self) -> Result<()> {
        self.reading().await?.ping().await
    }

    fn codec(&self) -> Codec {
        self.store.codec()
    }
}

#[async_trait]
impl CacheClientExtended for Faulty {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        self.reading().await?.get_time_to_live(key).await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        self.writing().await?.set_time_to_live(key, expiry).await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        self.reading().await?.read_with_time_to_live(key).await
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        self.store.keys_starting_with(prefix)
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        self.writing().await?.remove_starting_with(prefix).await
    }

    async fn remove_expired(&self) -> Result<u64> {
        self.writing().await?.remove_expired().await
    }
}
