//! Conditions, removals and errors, done wrongly.

use bytes::Bytes;
use session_core::{CacheClient, Condition, Error, Expiry, Result, async_trait};

use super::Defect;
use crate::reference::ReferenceCache;

#[derive(Debug, Default)]
pub(super) struct AddRefusesExpired;

#[async_trait]
impl Defect for AddRefusesExpired {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        if condition == Condition::Absent && healthy.holds_room_for(key) {
            return Ok(false);
        }
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct AddIsNotAtomic;

#[async_trait]
impl Defect for AddIsNotAtomic {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        if condition == Condition::Absent {
            if healthy.read(key).await?.is_some() {
                return Ok(false);
            }
            tokio::task::yield_now().await;
            return healthy.write(key, value, Condition::Always, expiry).await;
        }
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct PresentIgnored;

#[async_trait]
impl Defect for PresentIgnored {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let condition = match condition {
            Condition::Present => Condition::Always,
            condition => condition,
        };
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct EqualsIgnored;

#[async_trait]
impl Defect for EqualsIgnored {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let condition = match condition {
            Condition::Equals(_) => Condition::Present,
            condition => condition,
        };
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct RemoveCountsExpired;

#[async_trait]
impl Defect for RemoveCountsExpired {
    async fn remove(&self, healthy: &ReferenceCache, key: &str) -> Result<bool> {
        let counted = healthy.holds_room_for(key);
        healthy.remove(key).await.map(|_| counted)
    }
}

#[derive(Debug, Default)]
pub(super) struct DroppedHalfway;

#[async_trait]
impl Defect for DroppedHalfway {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        if condition == Condition::Always {
            healthy.remove(key).await?;
            tokio::task::yield_now().await;
        }
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct ErrorsSwallowed;

#[async_trait]
impl Defect for ErrorsSwallowed {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        Ok(healthy.read(key).await.unwrap_or(None))
    }
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let write = healthy.write(key, value, condition, expiry);
        Ok(write.await.unwrap_or(false))
    }
}

#[derive(Debug, Default)]
pub(super) struct ErrorShowsKey;

#[async_trait]
impl Defect for ErrorShowsKey {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        healthy.read(key).await.map_err(|error| {
            let message = format!("the key {key:?} is not valid");
            Error::new(error.kind(), "broken", "read").with_message(message)
        })
    }
}
