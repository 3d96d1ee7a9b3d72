//! Keys and values, done wrongly.

use bytes::Bytes;
use session_core::{CacheClient, Condition, Expiry, Result, async_trait};

use super::Defect;
use crate::reference::ReferenceCache;

#[derive(Debug, Default)]
pub(super) struct EmptyIsMiss;

#[async_trait]
impl Defect for EmptyIsMiss {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        let value = healthy.read(key).await?;
        Ok(value.filter(|value| !value.is_empty()))
    }
}

#[derive(Debug, Default)]
pub(super) struct TextOnly;

#[async_trait]
impl Defect for TextOnly {
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let value = String::from_utf8_lossy(&value).into_owned().into();
        healthy.write(key, value, condition, expiry).await
    }
}

#[derive(Debug, Default)]
pub(super) struct CaseIgnored;

#[async_trait]
impl Defect for CaseIgnored {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        healthy.read(&key.to_lowercase()).await
    }
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        healthy
            .write(&key.to_lowercase(), value, condition, expiry)
            .await
    }
    async fn remove(&self, healthy: &ReferenceCache, key: &str) -> Result<bool> {
        healthy.remove(&key.to_lowercase()).await
    }
}

#[derive(Debug, Default)]
pub(super) struct BlanksTrimmed;

#[async_trait]
impl Defect for BlanksTrimmed {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        healthy.read(key.trim_matches(' ')).await
    }
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        healthy
            .write(key.trim_matches(' '), value, condition, expiry)
            .await
    }
    async fn remove(&self, healthy: &ReferenceCache, key: &str) -> Result<bool> {
        healthy.remove(key.trim_matches(' ')).await
    }
}

#[derive(Debug, Default)]
pub(super) struct KeyCutShort;

#[async_trait]
impl Defect for KeyCutShort {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        healthy.read(cut(key)).await
    }
    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        healthy.write(cut(key), value, condition, expiry).await
    }
    async fn remove(&self, healthy: &ReferenceCache, key: &str) -> Result<bool> {
        healthy.remove(cut(key)).await
    }
}

/// At most 255 bytes of a key.
fn cut(key: &str) -> &str {
    let end = (0..=key.len().min(255))
        .rev()
        .find(|end| key.is_char_boundary(*end));
    &key[..end.unwrap_or(0)]
}
