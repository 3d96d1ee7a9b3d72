//! The whole suite on a real server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::servers::RedisServer;
use conformance_tests::{Client, Harness, Networked, Outage, Profile, Reopen, Share, async_trait};
use session_core::Result;

use crate::database::Database;

/// A database of the shared server for each case; time passes by moving the stored deadlines.
struct RedisHarness {
    database: Database,
    cache: RedisCache,
    /// A server that only this case uses, if it has one.
    own: Option<RedisServer>,
}

impl RedisHarness {
    async fn on(database: Database) -> Self {
        let cache = RedisCache::connect_with(database.options()).await.unwrap();
        Self {
            database,
            cache,
            own: None,
        }
    }

    fn own(&mut self) -> &mut RedisServer {
        self.own.as_mut().unwrap()
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
        let Self {
            database, cache, ..
        } = self;
        drop(cache);
        Self::on(database).await
    }
}

#[async_trait]
impl Networked for RedisHarness {
    fn server(&self) -> SocketAddr {
        self.database.address()
    }

    async fn through(&self, address: SocketAddr, timeout: Duration) -> Result<Client> {
        let options = self.database.options_at(address).timeout(timeout);
        Ok(Arc::new(RedisCache::connect_with(options).await?))
    }
}

#[async_trait]
impl Outage for RedisHarness {
    async fn alone() -> Self {
        let server = RedisServer::start(&[]).unwrap();
        let alone = Self::on(Database::take_on(server.url()).await).await;
        Self {
            own: Some(server),
            ..alone
        }
    }

    async fn stop(&mut self) {
        self.own().stop().unwrap();
    }

    async fn go_on(&mut self) {
        self.own().go_on().unwrap();
    }

    async fn kill(&mut self) {
        self.own().kill();
    }

    async fn start(&mut self) {
        self.own().restart().unwrap();
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

conformance_tests::conformance_tests!(RedisHarness, probation: deny);
