//! A store in a map, with a clock that tests move.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::{StreamExt, stream};
use session_core::{
    BoxStream, Bytes, CacheClient, CacheClientExtended, Codec, Condition, Deadline, Error,
    ErrorKind, Expiry, Result, TimeToLive, async_trait,
};

#[derive(Default)]
pub(crate) struct MapCache {
    codec: Codec,
    now_ms: AtomicI64,
    entries: Mutex<BTreeMap<String, (Bytes, Deadline)>>,
}

impl MapCache {
    pub(crate) fn with_codec(codec: Codec) -> Self {
        Self {
            codec,
            ..Self::default()
        }
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Works on the live entries, at one instant.
    fn live<R>(&self, work: impl FnOnce(&mut BTreeMap<String, (Bytes, Deadline)>, i64) -> R) -> R {
        let mut entries = self.entries.lock().unwrap();
        let now_ms = self.now_ms.load(Ordering::SeqCst);
        entries.retain(|_, (_, deadline)| deadline.time_to_live(now_ms).is_some());
        work(&mut entries, now_ms)
    }
}

impl fmt::Debug for MapCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MapCache")
    }
}

#[async_trait]
impl CacheClient for MapCache {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        let value = self.live(|entries, _| entries.get(key).map(|(value, _)| value.clone()));
        // Gives others their turn between reading and writing, as a store would.
        tokio::task::yield_now().await;
        Ok(value)
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        Ok(self.live(|entries, now_ms| {
            let there = entries.get(key);
            let holds = match &condition {
                Condition::Always => true,
                Condition::Absent => there.is_none(),
                Condition::Present => there.is_some(),
                Condition::Equals(expected) => there.is_some_and(|(value, _)| value == expected),
            };
            let deadline = match expiry.deadline(now_ms) {
                Deadline::Keep => there.map_or(Deadline::Never, |(_, deadline)| *deadline),
                deadline => deadline,
            };
            if holds {
                entries.insert(key.to_owned(), (value, deadline));
            }
            holds
        }))
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        Ok(self.live(|entries, _| entries.remove(key).is_some()))
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        self.live(|entries, now_ms| {
            let refuse = |kind| Error::new(kind, "map", "increment");
            let (old, deadline) = match entries.get(key) {
                Some((value, deadline)) => {
                    let text = std::str::from_utf8(value).unwrap_or_default();
                    let old = text
                        .parse::<i64>()
                        .ok()
                        .filter(|old| old.to_string() == text);
                    (old.ok_or_else(|| refuse(ErrorKind::NotANumber))?, *deadline)
                }
                None => (0, expiry_if_new.deadline(now_ms)),
            };
            let new = old
                .checked_add(by)
                .ok_or_else(|| refuse(ErrorKind::Overflow))?;
            entries.insert(key.to_owned(), (new.to_string().into(), deadline));
            Ok(new)
        })
    }

    async fn flush_all(&self) -> Result<()> {
        self.live(|entries, _| entries.clear());
        Ok(())
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    fn codec(&self) -> Codec {
        self.codec
    }
}

#[async_trait]
impl CacheClientExtended for MapCache {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        Ok(self
            .read_with_time_to_live(key)
            .await?
            .map(|(_, left)| left))
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        let Some(value) = self.read(key).await? else {
            return Ok(false);
        };
        self.write(key, value, Condition::Present, expiry).await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        Ok(self.live(|entries, now_ms| {
            let (value, deadline) = entries.get(key)?;
            Some((value.clone(), deadline.time_to_live(now_ms)?))
        }))
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        let keys = self.live(|entries, _| {
            let keys = entries.keys().filter(|key| key.starts_with(prefix));
            keys.cloned().collect::<Vec<_>>()
        });
        stream::iter(keys.into_iter().map(Ok)).boxed()
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        Ok(self.live(|entries, _| {
            let before = entries.len();
            entries.retain(|key, _| !key.starts_with(prefix));
            (before - entries.len()) as u64
        }))
    }

    async fn remove_expired(&self) -> Result<u64> {
        Ok(0)
    }
}
