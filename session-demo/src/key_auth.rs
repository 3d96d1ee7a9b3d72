//! How API keys are checked here: sessions of one route are cached, and every use is counted.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axum::http::request::Parts;
use session_core::{ApiKey, ApiKeys, CacheClientExtended, Expiry};
use session_web::{ApiKeyAuth, ApiKeyProvider, ConnectionRule};

use crate::session::DemoSession;
use crate::users::DemoUsers;

/// The ready-made provider, wrapped for the one step that differs.
pub(crate) struct CountingKeys {
    provider: ApiKeyProvider,
    cache: Arc<dyn CacheClientExtended>,
}

impl CountingKeys {
    pub(crate) fn new(
        keys: ApiKeys,
        users: DemoUsers,
        cache: Arc<dyn CacheClientExtended>,
    ) -> Self {
        let provider = ApiKeyProvider::new(keys, users)
            .cache_policy(cached_for)
            .connection(ConnectionRule::https_or_localhost());
        Self { provider, cache }
    }
}

/// A minute at one route, and not at all anywhere else.
pub(crate) fn cached_for(request: &Parts) -> Option<Duration> {
    (request.uri.path() == "/api/cached").then_some(Duration::from_secs(60))
}

#[async_trait]
impl ApiKeyAuth<DemoSession> for CountingKeys {
    fn wrapped(&self) -> &dyn ApiKeyAuth<DemoSession> {
        &self.provider
    }

    async fn on_api_key_used(&self, _: &Parts, key: &ApiKey) {
        // The count goes when the key does.
        let expiry = match key.expires_ms {
            Some(end) => {
                let end = Duration::from_millis(end.max(0).unsigned_abs());
                Expiry::At(SystemTime::UNIX_EPOCH + end)
            }
            None => Expiry::Never,
        };
        let counted = self.cache.increment(&uses_key(&key.id()), 1, expiry).await;
        if let Err(error) = counted {
            tracing::warn!(%error, "a use of an API key is not counted");
        }
    }
}

/// Where the uses of a key are counted.
pub(crate) fn uses_key(id: &str) -> String {
    format!("demo:key-uses:{id}")
}
