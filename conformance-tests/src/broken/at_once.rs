//! Clients that are right when they are alone, and wrong when many call at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use session_core::{
    CacheClient, CacheClientExtended, Condition, Expiry, Result, TimeToLive, async_trait,
};
use tokio::time::sleep;

use super::Defect;
use crate::reference::ReferenceCache;

/// Long enough for others to come in between, on a machine that is busy too.
const MEANWHILE: Duration = Duration::from_millis(2);

/// A copy by key, and when it was made.
type Copies = HashMap<String, (Option<Bytes>, Instant)>;

#[derive(Debug, Default)]
pub(super) struct ReadsFromCopies(Mutex<Copies>);

#[async_trait]
impl Defect for ReadsFromCopies {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        let copies = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = healthy.stored_key(key);
        let copy = copies().get(&name).cloned();
        if let Some((value, made)) = copy
            && made.elapsed() < MEANWHILE
        {
            return Ok(value);
        }
        let value = healthy.read(key).await?;
        copies().insert(name, (value.clone(), Instant::now()));
        Ok(value)
    }
}

#[derive(Debug, Default)]
pub(super) struct SwapLooksFirst;

#[async_trait]
impl Defect for SwapLooksFirst {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let Condition::Equals(expected) = &condition else {
            return healthy.write(key, value, condition, expiry).await;
        };
        if healthy.read(key).await?.as_ref() != Some(expected) {
            return Ok(false);
        }
        sleep(MEANWHILE).await;
        healthy.write(key, value, Condition::Present, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct CounterOverwrites;

#[async_trait]
impl Defect for CounterOverwrites {
    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        let before = healthy.read_with_time_to_live(key).await?;
        let sum = healthy.increment(key, by, expiry_if_new).await?;
        sleep(MEANWHILE).await;
        // As one does that brings the deadline back, which its store's increment has dropped.
        if let Some((_, left)) = before {
            let expiry = match left {
                TimeToLive::Never => Expiry::Never,
                TimeToLive::Remaining(left) => Expiry::In(left),
            };
            let sum = sum.to_string().into();
            healthy.write(key, sum, Condition::Present, expiry).await?;
        }
        Ok(sum)
    }
}

#[derive(Debug, Default)]
pub(super) struct BatchRemovesFirst;

#[async_trait]
impl Defect for BatchRemovesFirst {
    async fn write_all(
        &self,
        healthy: &ReferenceCache,
        entries: &[(&str, Bytes)],
        expiry: Expiry,
    ) -> Result<()> {
        if expiry != Expiry::Keep {
            let keys: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
            healthy.remove_all(&keys).await?;
            sleep(MEANWHILE).await;
        }
        healthy.write_all(entries, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct SweepTakesWhatItSaw;

#[async_trait]
impl Defect for SweepTakesWhatItSaw {
    async fn remove_expired(&self, healthy: &ReferenceCache) -> Result<u64> {
        let mut expired = Vec::new();
        for key in healthy.keys_taking_room() {
            if healthy.get_time_to_live(&key).await?.is_none() {
                expired.push(key);
            }
        }
        sleep(MEANWHILE).await;
        for key in &expired {
            healthy.remove(key).await?;
        }
        Ok(u64::try_from(expired.len()).unwrap_or(u64::MAX))
    }
}

#[derive(Debug, Default)]
pub(super) struct DroppedIsRepeated;

/// Increments when it is dropped, as a task does that sends again what nobody waits for.
struct Again<'f>(&'f ReferenceCache, &'f str, i64, Expiry, bool);

impl Drop for Again<'_> {
    fn drop(&mut self) {
        if self.4 {
            let (healthy, key) = (self.0.clone(), self.1.to_owned());
            let (by, expiry) = (self.2, self.3);
            tokio::spawn(async move { healthy.increment(&key, by, expiry).await });
        }
    }
}

#[async_trait]
impl Defect for DroppedIsRepeated {
    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        let mut again = Again(healthy, key, by, expiry_if_new, true);
        let sum = healthy.increment(key, by, expiry_if_new).await;
        sleep(MEANWHILE).await;
        again.4 = false;
        sum
    }
}
