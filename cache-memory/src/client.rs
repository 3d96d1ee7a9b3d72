//! The contract, in its order: each method is the one for plain code.
//!
//! What takes long, a batch or a removal by prefix, lets other tasks run between its steps.
//!
//! Reads and writes ask for the box of their future first and make the call in it, once it is
//! polled. An `async` block is made on the stack and copied, while its parts are still on their way
//! to memory, and a processor waits for those.

use std::future::poll_fn;
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, Codec, Condition, Expiry, Result, TimeToLive,
};

use crate::cache::MemoryCache;

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl CacheClient for MemoryCache {
    fn read<'s, 'k, 'f>(&'s self, key: &'k str) -> BoxFuture<'f, Result<Option<Bytes>>>
    where
        's: 'f,
        'k: 'f,
        Self: 'f,
    {
        let place = Box::new_uninit();
        let call = poll_fn(move |_| Poll::Ready(self.read_now(key)));
        let future = Box::write(place, call);
        Box::into_pin(future)
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.scope.keys("read_all", keys)?;
        let mut values = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            values.append(&mut self.read_all_now(chunk)?);
            let_others_run(values.len() < keys.len()).await;
        }
        Ok(values)
    }

    fn write<'s, 'k, 'f>(
        &'s self,
        key: &'k str,
        mut value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> BoxFuture<'f, Result<bool>>
    where
        's: 'f,
        'k: 'f,
        Self: 'f,
    {
        let place = Box::new_uninit();
        let mut is_done = false;
        let call = poll_fn(move |_| {
            // The old value is in the place of the new one by then.
            assert!(
                !std::mem::replace(&mut is_done, true),
                "polled after it was done"
            );
            Poll::Ready(self.exchange(key, &mut value, &condition, expiry))
        });
        let future = Box::write(place, call);
        Box::into_pin(future)
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        self.check_all(entries)?;
        for chunk in entries.chunks(CHUNK) {
            self.write_checked(chunk, expiry)?;
            let_others_run(chunk.len() == CHUNK).await;
        }
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        self.remove_now(key)
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        self.scope.keys("remove_all", keys)?;
        let mut removed = 0;
        for chunk in keys.chunks(CHUNK) {
            removed += self.remove_all_now(chunk)?;
            let_others_run(chunk.len() == CHUNK).await;
        }
        Ok(removed)
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        self.increment_now(key, by, expiry_if_new)
    }

    async fn flush_all(&self) -> Result<()> {
        if !self.scope.namespace().is_root() {
            return self.remove_starting_with("").await.map(drop);
        }
        for at in 0..self.store.shards() {
            self.store.clear_shard(at);
            let_others_run(true).await;
        }
        Ok(())
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    fn codec(&self) -> Codec {
        self.codec
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl CacheClientExtended for MemoryCache {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        self.get_time_to_live_now(key)
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        self.set_time_to_live_now(key, expiry)
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        self.read_with_time_to_live_now(key)
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        Box::pin(stream::iter(self.keys_starting_with_now(prefix).map(Ok)))
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        let mut removed = 0;
        for page in self.pages(prefix) {
            removed += self.remove_page(&page)?;
            let_others_run(!page.is_empty()).await;
        }
        Ok(removed)
    }

    async fn remove_expired(&self) -> Result<u64> {
        let mut freed = 0;
        for step in self.sweeps() {
            freed += step;
            let_others_run(step > 0).await;
        }
        Ok(freed)
    }
}

/// Gives the thread back to the runtime once, whichever runtime it is.
async fn let_others_run(is_due: bool) {
    let mut has_waited = !is_due;
    poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How many entries of a batch are done before other tasks get their turn.
const CHUNK: usize = 1_000;
