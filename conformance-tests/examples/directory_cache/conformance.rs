//! All that the suite needs to prove the backend.

use std::sync::Arc;
use std::time::Duration;

use conformance_tests::{Client, Harness, Profile, Reopen, Share, async_trait};
use session_core::{ClientOptions, Namespace, Result};
use tempfile::TempDir;

use crate::client::DirectoryCache;

struct Directory {
    root: TempDir,
    cache: DirectoryCache,
}

#[async_trait]
impl Harness for Directory {
    const PROFILE: Profile = Profile::new().moves_time();

    async fn fresh() -> Self {
        let root = tempfile::tempdir().unwrap();
        let cache = open(&root, Namespace::root()).await.unwrap();
        Self { root, cache }
    }

    fn cache(&self) -> Client {
        Arc::new(self.cache.clone())
    }

    async fn pass(&self, by: Duration) {
        self.cache.age(by).await.unwrap();
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        Ok(Arc::new(open(&self.root, path.parse()?).await?))
    }
}

#[async_trait]
impl Reopen for Directory {
    async fn reopen(self) -> Self {
        let Self { root, cache } = self;
        drop(cache);
        let cache = open(&root, Namespace::root()).await.unwrap();
        Self { root, cache }
    }
}

#[async_trait]
impl Share for Directory {
    async fn another(&self) -> Client {
        Arc::new(open(&self.root, Namespace::root()).await.unwrap())
    }
}

/// Opens a client of the directory, patient enough for a machine that is busy.
async fn open(root: &TempDir, namespace: Namespace) -> Result<DirectoryCache> {
    let timeout = Duration::from_secs(30);
    let options = ClientOptions {
        namespace,
        timeout,
        ..ClientOptions::default()
    };
    DirectoryCache::open(root.path(), options).await
}

conformance_tests::conformance_tests!(Directory, lacking: {
    networked: "a directory of this machine: there is no network between",
    outage: "a directory of this machine: there is no server",
});
