//! Batches, done wrongly.

use std::collections::HashSet;

use bytes::Bytes;
use session_core::{CacheClient, Condition, Expiry, Result, async_trait};

use super::Defect;
use crate::reference::ReferenceCache;

#[derive(Debug, Default)]
pub(super) struct FirstOfBatchWins;

#[async_trait]
impl Defect for FirstOfBatchWins {
    async fn write_all(
        &self,
        healthy: &ReferenceCache,
        entries: &[(&str, Bytes)],
        expiry: Expiry,
    ) -> Result<()> {
        let mut seen = HashSet::new();
        let mut entries = entries.to_vec();
        entries.retain(|(key, _)| seen.insert(*key));
        healthy.write_all(&entries, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct BatchStopsMidway;

#[async_trait]
impl Defect for BatchStopsMidway {
    async fn write_all(
        &self,
        healthy: &ReferenceCache,
        entries: &[(&str, Bytes)],
        expiry: Expiry,
    ) -> Result<()> {
        for (key, value) in entries {
            healthy
                .write(key, value.clone(), Condition::Always, expiry)
                .await?;
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct BatchSkipsMissing;

#[async_trait]
impl Defect for BatchSkipsMissing {
    async fn read_all(
        &self,
        healthy: &ReferenceCache,
        keys: &[&str],
    ) -> Result<Vec<Option<Bytes>>> {
        let mut values = healthy.read_all(keys).await?;
        values.retain(Option::is_some);
        Ok(values)
    }
}

#[derive(Debug, Default)]
pub(super) struct BatchCountsTwice;

#[async_trait]
impl Defect for BatchCountsTwice {
    async fn remove_all(&self, healthy: &ReferenceCache, keys: &[&str]) -> Result<u64> {
        let mut counted = 0;
        for value in healthy.read_all(keys).await? {
            counted += u64::from(value.is_some());
        }
        healthy.remove_all(keys).await.map(|_| counted)
    }
}
