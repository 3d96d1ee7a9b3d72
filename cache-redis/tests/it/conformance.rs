//! The whole suite on a real server.

use std::sync::Arc;
use std::time::Duration;

use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::{Client, Harness, Profile, Reopen, Share, async_trait};
use session_core::Result;

use crate::database::Database;

/// A database of the shared server for each case; time passes by moving the stored deadlines.
struct RedisHarness {
    database: Database,
    cache: RedisCache,
}

impl RedisHarness {
    async fn on(database: Database) -> Self {
        let cache = RedisCache::connect_with(database.options()).await.unwrap();
        Self { database, cache }
    }
}

#[async_trait]
impl Harness for RedisHarness {
    const PROFILE: Profile = Profile::new().moves_time().sweeps();

    async fn fresh() -> Self {
        Self::on(Database::take().await).await
    }

    fn cache(&self) -> Client {
        Arc::new(self.cache.clone())
    }

    async fn pass(&self, by: Duration) {
        self.database.age(by).await;
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        let options: RedisOptions = self.database.options().namespace(path.parse()?);
        Ok(Arc::new(RedisCache::connect_with(options).await?))
    }
}

#[async_trait]
impl Reopen for RedisHarness {
    async fn reopen(self) -> Self {
        let Self { database, cache } = self;
        drop(cache);
        Self::on(database).await
    }
}

#[async_trait]
impl Share for RedisHarness {
    async fn another(&self) -> Client {
        Arc::new(
            RedisCache::connect_with(self.database.options())
                .await
                .unwrap(),
        )
    }
}

conformance_tests::conformance_tests!(RedisHarness);
