//! Deadlines, done wrongly.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use session_core::{
    CacheClient, CacheClientExtended, Condition, Deadline, Expiry, Result, TimeToLive, async_trait,
};

use super::Defect;
use crate::reference::ReferenceCache;

#[derive(Debug, Default)]
pub(super) struct KeepForgets;

#[async_trait]
impl Defect for KeepForgets {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let expiry = match expiry {
            Expiry::Keep => Expiry::Never,
            expiry => expiry,
        };
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct OverwriteKeepsDeadline;

#[async_trait]
impl Defect for OverwriteKeepsDeadline {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let expiry = match expiry {
            Expiry::Never => Expiry::Keep,
            expiry => expiry,
        };
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct ZeroMeansForEver;

#[async_trait]
impl Defect for ZeroMeansForEver {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let expiry = match expiry {
            Expiry::In(life) if life < Duration::from_millis(1) => Expiry::Never,
            expiry => expiry,
        };
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct PastIsIgnored;

#[async_trait]
impl Defect for PastIsIgnored {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        if expiry.deadline(healthy.now()) == Deadline::Past {
            return Ok(true);
        }
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct DeadlineWraps;

#[async_trait]
impl Defect for DeadlineWraps {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let expiry = match expiry {
            Expiry::In(life) => Expiry::In(Duration::from_millis(
                u64::try_from(life.as_millis() % (1 << 32)).unwrap_or(0),
            )),
            expiry => expiry,
        };
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct ReadingSlides;

#[async_trait]
impl Defect for ReadingSlides {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        let Some((value, left)) = healthy.read_with_time_to_live(key).await? else {
            return Ok(None);
        };
        if let TimeToLive::Remaining(left) = left {
            // As if the whole life were known: what is left, and an hour.
            let longer = left + Duration::from_secs(3_600);
            healthy.set_time_to_live(key, longer.into()).await?;
        }
        Ok(Some(value))
    }
}

#[derive(Debug, Default)]
pub(super) struct TouchCreates;

#[async_trait]
impl Defect for TouchCreates {
    async fn set_time_to_live(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        expiry: Expiry,
    ) -> Result<bool> {
        healthy.set_time_to_live(key, expiry).await.map(|_| true)
    }
}

#[derive(Debug, Default)]
pub(super) struct SweepTakesRenewed {
    deadlines: Mutex<Vec<(String, i64)>>,
}

#[async_trait]
impl Defect for SweepTakesRenewed {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        if let Deadline::At(deadline) = expiry.deadline(healthy.now()) {
            let mut deadlines = self
                .deadlines
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            deadlines.push((key.to_owned(), deadline));
        }
        healthy.write(key, value, condition, expiry).await
    }
    async fn remove_expired(&self, healthy: &ReferenceCache) -> Result<u64> {
        let now = healthy.now();
        let mut due = Vec::new();
        let deadlines = &self.deadlines;
        deadlines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(key, deadline)| {
                if *deadline <= now {
                    due.push(key.clone());
                }
                *deadline > now
            });
        let due: Vec<&str> = due.iter().map(|key| &**key).collect();
        healthy.remove_all(&due).await
    }
}

#[derive(Debug, Default)]
pub(super) struct DeadlineComesLater;

#[async_trait]
impl Defect for DeadlineComesLater {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let written = healthy.write(key, value, condition, Expiry::Never).await?;
        tokio::task::yield_now().await;
        if written && expiry != Expiry::Never {
            healthy.set_time_to_live(key, expiry).await?;
        }
        Ok(written)
    }
}

#[derive(Debug, Default)]
pub(super) struct SweepCountsNothing;

#[async_trait]
impl Defect for SweepCountsNothing {
    async fn remove_expired(&self, healthy: &ReferenceCache) -> Result<u64> {
        healthy.remove_expired().await.map(|_| 0)
    }
}

#[derive(Debug, Default)]
pub(super) struct TouchRestores;

#[async_trait]
impl Defect for TouchRestores {
    async fn set_time_to_live(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        expiry: Expiry,
    ) -> Result<bool> {
        let Some(value) = healthy.read(key).await? else {
            return Ok(false);
        };
        tokio::task::yield_now().await;
        healthy.write(key, value, Condition::Always, expiry).await
    }
}
