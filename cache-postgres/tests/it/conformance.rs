//! The whole suite on a real server.

use std::sync::Arc;
use std::time::Duration;

use cache_postgres::PostgresCache;
use conformance_tests::{Client, Harness, Profile, Reopen, Share, async_trait};
use session_core::Result;

use crate::database::Database;

/// A schema of the shared server for each case; time passes by moving the stored deadlines.
struct PostgresHarness {
    cache: PostgresCache,
    database: Database,
}

impl PostgresHarness {
    async fn on(database: Database) -> Self {
        let options = database.patient_options();
        let cache = PostgresCache::connect_with(options).await.unwrap();
        Self { cache, database }
    }
}

#[async_trait]
impl Harness for PostgresHarness {
    const PROFILE: Profile = Profile::new().moves_time();

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
        let options = self.database.patient_options().namespace(path.parse()?);
        Ok(Arc::new(PostgresCache::connect_with(options).await?))
    }
}

#[async_trait]
impl Reopen for PostgresHarness {
    async fn reopen(self) -> Self {
        let Self { cache, database } = self;
        drop(cache);
        Self::on(database).await
    }
}

#[async_trait]
impl Share for PostgresHarness {
    async fn another(&self) -> Client {
        let options = self.database.patient_options();
        Arc::new(PostgresCache::connect_with(options).await.unwrap())
    }
}

conformance_tests::conformance_tests!(PostgresHarness);
