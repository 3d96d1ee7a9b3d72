//! Listings and namespaces, done wrongly.

use futures_util::{StreamExt, TryStreamExt, stream};
use session_core::{BoxStream, CacheClientExtended, Result, async_trait};

use super::Defect;
use crate::reference::ReferenceCache;

#[derive(Debug, Default)]
pub(super) struct PrefixIsPattern;

#[async_trait]
impl Defect for PrefixIsPattern {
    fn keys_starting_with<'a>(
        &'a self,
        healthy: &'a ReferenceCache,
        prefix: &'a str,
    ) -> BoxStream<'a, Result<String>> {
        let pattern: Vec<char> = prefix.chars().chain(['%']).collect();
        let all = healthy.keys_starting_with("");
        Box::pin(all.try_filter(move |key| {
            let key: Vec<char> = key.chars().collect();
            std::future::ready(is_like(&key, &pattern))
        }))
    }
}

#[derive(Debug, Default)]
pub(super) struct ListsExpired;

#[async_trait]
impl Defect for ListsExpired {
    fn keys_starting_with<'a>(
        &'a self,
        healthy: &'a ReferenceCache,
        prefix: &'a str,
    ) -> BoxStream<'a, Result<String>> {
        let mut keys = healthy.keys_taking_room();
        keys.retain(|key| key.starts_with(prefix));
        Box::pin(stream::iter(keys.into_iter().map(Ok)))
    }
}

#[derive(Debug, Default)]
pub(super) struct ListsTwice;

#[async_trait]
impl Defect for ListsTwice {
    fn keys_starting_with<'a>(
        &'a self,
        healthy: &'a ReferenceCache,
        prefix: &'a str,
    ) -> BoxStream<'a, Result<String>> {
        let keys = healthy.keys_starting_with(prefix).enumerate();
        Box::pin(keys.flat_map(|(n, key)| {
            let again = match &key {
                Ok(key) if n % 1_000 == 999 => Some(Ok(key.clone())),
                _ => None,
            };
            stream::iter([key].into_iter().chain(again))
        }))
    }
}

#[derive(Debug, Default)]
pub(super) struct ListsByOffset;

#[async_trait]
impl Defect for ListsByOffset {
    fn keys_starting_with<'a>(
        &'a self,
        healthy: &'a ReferenceCache,
        prefix: &'a str,
    ) -> BoxStream<'a, Result<String>> {
        let pages = stream::unfold(0, move |offset| async move {
            let keys = healthy.keys_starting_with(prefix).skip(offset).take(100);
            let page: Vec<Result<String>> = keys.collect().await;
            (!page.is_empty()).then_some((page, offset + 100))
        });
        Box::pin(pages.flat_map(stream::iter))
    }
}

#[derive(Debug, Default)]
pub(super) struct FlushLeavesNamespace;

#[async_trait]
impl Defect for FlushLeavesNamespace {
    async fn flush_all(&self, healthy: &ReferenceCache) -> Result<()> {
        healthy.empty_the_whole_store();
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct PrefixCountsExpired;

#[async_trait]
impl Defect for PrefixCountsExpired {
    async fn remove_starting_with(&self, healthy: &ReferenceCache, prefix: &str) -> Result<u64> {
        let keys = healthy.keys_taking_room();
        let matches = keys.iter().filter(|key| key.starts_with(prefix)).count();
        healthy.remove_starting_with(prefix).await?;
        Ok(matches as u64)
    }
}

/// `LIKE` without an escape character: `%` is any run, `_` any character.
fn is_like(text: &[char], pattern: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some(('%', later)), None) => is_like(text, later),
        (Some(('%', later)), Some((_, rest))) => is_like(text, later) || is_like(rest, pattern),
        (Some(('_', later)), Some((_, rest))) => is_like(rest, later),
        (Some((wanted, later)), Some((seen, rest))) => wanted == seen && is_like(rest, later),
        (Some(_), None) => false,
    }
}
