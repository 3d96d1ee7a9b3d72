//! The suite that every backend passes, on a file and in memory.

use std::sync::Arc;
use std::time::Duration;

use cache_sqlite::{SqliteCache, SqliteOptions};
use conformance_tests::{Client, Harness, Profile, Reopen, Share};
use session_core::{Result, async_trait};

use crate::store::TempStore;

struct File {
    store: TempStore,
    cache: SqliteCache,
}

#[async_trait]
impl Harness for File {
    const PROFILE: Profile = Profile::new().moves_time();

    async fn fresh() -> Self {
        let store = TempStore::new();
        let cache = store.connect().await;
        Self { store, cache }
    }

    fn cache(&self) -> Client {
        Arc::new(self.cache.clone())
    }

    async fn pass(&self, by: Duration) {
        self.store.pass(by);
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        let options = self.store.options().namespace(path.parse()?);
        Ok(Arc::new(SqliteCache::connect_with(options).await?))
    }
}

#[async_trait]
impl Reopen for File {
    async fn reopen(self) -> Self {
        let Self { store, cache } = self;
        drop(cache);
        let cache = store.connect().await;
        Self { store, cache }
    }
}

#[async_trait]
impl Share for File {
    async fn another(&self) -> Client {
        Arc::new(self.store.connect().await)
    }
}

struct Memory(SqliteCache);

#[async_trait]
impl Harness for Memory {
    const PROFILE: Profile = Profile::new();

    async fn fresh() -> Self {
        let options = SqliteOptions::memory()
            .sweep_interval(Duration::from_secs(3_600))
            .timeout(Duration::from_secs(30));
        Self(SqliteCache::connect_with(options).await.unwrap())
    }

    fn cache(&self) -> Client {
        Arc::new(self.0.clone())
    }
}

mod on_a_file {
    use super::File;

    conformance_tests::conformance_tests!(File, probation: deny, lacking: {
        networked: "the file lies on this machine: there is no network between",
        outage: "the file is opened by this process: there is no server",
    });
}

mod in_memory {
    use super::Memory;

    conformance_tests::conformance_tests!(Memory, probation: deny, lacking: {
        reopening: "the entries go with the last clone",
        sharing: "each connect opens a store of its own",
        networked: "the entries lie in this process: there is no network between",
        outage: "the entries lie in this process: there is no server",
    });
}
