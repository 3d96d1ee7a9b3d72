//! The whole suite on a real server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cache_postgres::PostgresCache;
use conformance_tests::servers::PostgresServer;
use conformance_tests::{Client, Harness, Networked, Outage, Profile, Reopen, Share, async_trait};
use session_core::Result;

use crate::database::Database;

/// A schema of the shared server for each case; time passes by moving the stored deadlines.
struct PostgresHarness {
    cache: PostgresCache,
    database: Database,
    /// A server that only this case uses, if it has one.
    own: Option<PostgresServer>,
}

impl PostgresHarness {
    async fn on(database: Database) -> Self {
        let options = database.patient_options();
        let cache = PostgresCache::connect_with(options).await.unwrap();
        database.refuse_late_looks().await;
        Self {
            cache,
            database,
            own: None,
        }
    }

    fn own(&mut self) -> &mut PostgresServer {
        self.own.as_mut().unwrap()
    }
}

#[async_trait]
impl Harness for PostgresHarness {
    const PROFILE: Profile = Profile::new().moves_time().in_order();

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
        let Self {
            cache, database, ..
        } = self;
        drop(cache);
        Self::on(database).await
    }
}

#[async_trait]
impl Networked for PostgresHarness {
    fn server(&self) -> SocketAddr {
        self.database.address()
    }

    async fn through(&self, address: SocketAddr, timeout: Duration) -> Result<Client> {
        let options = self.database.options().timeout(timeout);
        let options = options.host(address.ip().to_string()).port(address.port());
        Ok(Arc::new(PostgresCache::connect_with(options).await?))
    }
}

#[async_trait]
impl Outage for PostgresHarness {
    async fn alone() -> Self {
        let server = PostgresServer::start(&[]).unwrap();
        let alone = Self::on(Database::on(server.url())).await;
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
impl Share for PostgresHarness {
    async fn another(&self) -> Client {
        let options = self.database.patient_options();
        Arc::new(PostgresCache::connect_with(options).await.unwrap())
    }
}

conformance_tests::conformance_tests!(PostgresHarness, probation: deny);
