//! Counters, done wrongly.

use bytes::Bytes;
use session_core::{
    CacheClient, CacheClientExtended, Condition, ErrorKind, Expiry, Result, async_trait,
};

use super::Defect;
use crate::reference::ReferenceCache;

#[derive(Debug, Default)]
pub(super) struct CounterDropsDeadline;

#[async_trait]
impl Defect for CounterDropsDeadline {
    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        let sum = healthy.increment(key, by, expiry_if_new).await?;
        healthy.set_time_to_live(key, Expiry::Never).await?;
        Ok(sum)
    }
}

#[derive(Debug, Default)]
pub(super) struct CounterIsNotAtomic;

#[async_trait]
impl Defect for CounterIsNotAtomic {
    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        let value = healthy.read(key).await?;
        let Some(count) = value.as_deref().and_then(as_integer) else {
            return healthy.increment(key, by, expiry_if_new).await;
        };
        tokio::task::yield_now().await;
        let sum = count.wrapping_add(by);
        let text = Bytes::from(sum.to_string());
        healthy
            .write(key, text, Condition::Always, Expiry::Keep)
            .await?;
        Ok(sum)
    }
}

#[derive(Debug, Default)]
pub(super) struct CounterIsFloat;

#[async_trait]
impl Defect for CounterIsFloat {
    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        let sum = healthy.increment(key, by, expiry_if_new).await?;
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let sum = (sum as f64) as i64;
        let text = Bytes::from(sum.to_string());
        healthy
            .write(key, text, Condition::Present, Expiry::Keep)
            .await?;
        Ok(sum)
    }
}

#[derive(Debug, Default)]
pub(super) struct CounterIsLenient;

#[async_trait]
impl Defect for CounterIsLenient {
    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        if let Some(count) = healthy.read(key).await?.as_deref().and_then(as_integer) {
            let text = Bytes::from(count.to_string());
            healthy
                .write(key, text, Condition::Present, Expiry::Keep)
                .await?;
        }
        healthy.increment(key, by, expiry_if_new).await
    }
}

#[derive(Debug, Default)]
pub(super) struct OverflowWraps;

#[async_trait]
impl Defect for OverflowWraps {
    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        let sum = healthy.increment(key, by, expiry_if_new).await;
        let overflow = matches!(&sum, Err(error) if error.kind() == ErrorKind::Overflow);
        if !overflow {
            return sum;
        }
        let value = healthy.read(key).await?;
        let count = value.as_deref().and_then(as_integer).unwrap_or(0);
        let sum = count.wrapping_add(by);
        let text = Bytes::from(sum.to_string());
        healthy
            .write(key, text, Condition::Always, Expiry::Keep)
            .await?;
        Ok(sum)
    }
}

/// An integer as most parsers take it: with zeros, signs and blanks.
fn as_integer(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}
