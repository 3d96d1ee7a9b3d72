//! Clients that remember: right in each operation alone, wrong in one after another.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use session_core::{
    CacheClient, CacheClientExtended, Condition, Expiry, Result, TimeToLive, async_trait,
};

use super::Defect;
use crate::reference::ReferenceCache;

/// Something for each stored key.
#[derive(Debug)]
struct Memory<T>(Mutex<HashMap<String, T>>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Memory<T> {
    fn held(&self) -> MutexGuard<'_, HashMap<String, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
pub(super) struct ReadsStayStale {
    copies: Memory<Bytes>,
}

#[async_trait]
impl Defect for ReadsStayStale {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        if let Some(copy) = self.copies.held().get(&healthy.stored_key(key)) {
            return Ok(Some(copy.clone()));
        }
        let found = healthy.read_with_time_to_live(key).await?;
        // As a careful one would: no copy of what ends by itself.
        if let Some((value, TimeToLive::Never)) = &found {
            let mut copies = self.copies.held();
            copies.insert(healthy.stored_key(key), value.clone());
        }
        Ok(found.map(|(value, _)| value))
    }

    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        self.copies.held().remove(&healthy.stored_key(key));
        healthy.write(key, value, condition, expiry).await
    }

    async fn write_all(
        &self,
        healthy: &ReferenceCache,
        entries: &[(&str, Bytes)],
        expiry: Expiry,
    ) -> Result<()> {
        self.copies.held().clear();
        healthy.write_all(entries, expiry).await
    }

    async fn remove(&self, healthy: &ReferenceCache, key: &str) -> Result<bool> {
        self.copies.held().remove(&healthy.stored_key(key));
        healthy.remove(key).await
    }

    async fn remove_all(&self, healthy: &ReferenceCache, keys: &[&str]) -> Result<u64> {
        self.copies.held().clear();
        healthy.remove_all(keys).await
    }

    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        self.copies.held().remove(&healthy.stored_key(key));
        healthy.increment(key, by, expiry_if_new).await
    }

    async fn flush_all(&self, healthy: &ReferenceCache) -> Result<()> {
        self.copies.held().clear();
        healthy.flush_all().await
    }
}

#[derive(Debug, Default)]
pub(super) struct KeepRemembersRemoved {
    removed: Memory<TimeToLive>,
}

#[async_trait]
impl Defect for KeepRemembersRemoved {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let before = self.removed.held().remove(&healthy.stored_key(key));
        let is_new = healthy.get_time_to_live(key).await?.is_none();
        let expiry = match (expiry, before) {
            (Expiry::Keep, Some(before)) if is_new => before.into(),
            (expiry, _) => expiry,
        };
        healthy.write(key, value, condition, expiry).await
    }

    async fn remove(&self, healthy: &ReferenceCache, key: &str) -> Result<bool> {
        if let Some(left) = healthy.get_time_to_live(key).await? {
            let mut removed = self.removed.held();
            removed.insert(healthy.stored_key(key), left);
        }
        healthy.remove(key).await
    }
}

#[derive(Debug, Default)]
pub(super) struct CounterStaysStale {
    sums: Memory<i64>,
}

#[async_trait]
impl Defect for CounterStaysStale {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        self.sums.held().remove(&healthy.stored_key(key));
        healthy.write(key, value, condition, expiry).await
    }

    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        let known = self.sums.held().get(&healthy.stored_key(key)).copied();
        if let Some(known) = known {
            let known = Bytes::from(known.to_string());
            healthy
                .write(key, known, Condition::Present, Expiry::Keep)
                .await?;
        }
        let sum = healthy.increment(key, by, expiry_if_new).await?;
        self.sums.held().insert(healthy.stored_key(key), sum);
        Ok(sum)
    }
}

#[derive(Debug, Default)]
pub(super) struct KeepOfTwiceForgets;

#[async_trait]
impl Defect for KeepOfTwiceForgets {
    async fn write_all(
        &self,
        healthy: &ReferenceCache,
        entries: &[(&str, Bytes)],
        expiry: Expiry,
    ) -> Result<()> {
        healthy.write_all(entries, expiry).await?;
        for (n, (key, _)) in entries.iter().enumerate() {
            let twice = entries[..n].iter().any(|(before, _)| before == key);
            if twice && expiry == Expiry::Keep {
                healthy.set_time_to_live(key, Expiry::Never).await?;
            }
        }
        Ok(())
    }
}
