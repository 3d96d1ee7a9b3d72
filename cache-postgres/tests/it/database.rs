//! A schema of the shared server for each test.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use cache_postgres::{PostgresCache, PostgresOptions};
use conformance_tests::servers;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

/// A schema that goes with this value. Its name has blanks and quotes, so that every statement of
/// every test proves that names are quoted.
pub(crate) struct Database {
    url: String,
    schema: String,
}

impl Database {
    /// A new schema on the server that all tests share. The client makes it.
    pub(crate) async fn take() -> Self {
        Self::on(servers::postgres().await)
    }

    /// A new schema on this server.
    pub(crate) fn on(url: String) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let schema = format!(
            "Test \"{}\" $1 {}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        Self { url, schema }
    }

    /// What a client of this schema is told.
    pub(crate) fn options(&self) -> PostgresOptions {
        let options: PostgresOptions = self.url.parse().unwrap();
        options.schema(&self.schema)
    }

    pub(crate) async fn connect(&self) -> PostgresCache {
        PostgresCache::connect_with(self.options()).await.unwrap()
    }

    /// The quoted table.
    pub(crate) fn table(&self) -> String {
        format!("{}.cache_entries", self.quoted_schema())
    }

    pub(crate) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema.replace('"', "\"\""))
    }

    /// A connection beside the client's.
    pub(crate) async fn connection(&self) -> PgConnection {
        self.url
            .parse::<PgConnectOptions>()
            .unwrap()
            .connect()
            .await
            .unwrap()
    }

    /// Runs statements beside the client.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        let mut connection = self.connection().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await;
        done.unwrap().rows_affected()
    }

    /// Moves the stored deadlines back, which for the entries is the same as waiting.
    pub(crate) async fn age(&self, by: Duration) {
        let millis = by.as_millis();
        self.execute(&format!(
            "UPDATE {} SET deadline = deadline - {millis}",
            self.table()
        ))
        .await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop_schema = format!(
            "SET lock_timeout = '5s'; DROP SCHEMA IF EXISTS {} CASCADE",
            self.quoted_schema()
        );
        let options: PgConnectOptions = self.url.parse().unwrap();
        // The test's runtime may be ending; a server that a test killed needs no cleaning.
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut connection = options.connect().await?;
                sqlx::raw_sql(AssertSqlSafe(drop_schema))
                    .execute(&mut connection)
                    .await?;
                Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        let _ = cleaning.join();
    }
}
