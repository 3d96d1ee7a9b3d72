//! A schema of the shared server for each test.

use std::net::{SocketAddr, ToSocketAddrs};
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

    /// The same schema as another server has it.
    pub(crate) fn of(&self, url: String) -> Self {
        Self {
            url,
            schema: self.schema.clone(),
        }
    }

    /// The server's URL.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// The server's address.
    pub(crate) fn address(&self) -> SocketAddr {
        let options: PgConnectOptions = self.url.parse().unwrap();
        let server = (options.get_host(), options.get_port());
        server.to_socket_addrs().unwrap().next().unwrap()
    }

    /// The server's port.
    pub(crate) fn port(&self) -> u16 {
        self.url.parse::<PgConnectOptions>().unwrap().get_port()
    }

    /// What a client of this schema is told.
    pub(crate) fn options(&self) -> PostgresOptions {
        options_of(&self.place())
    }

    /// What another process has to know to use the schema too; see [`options_of`].
    pub(crate) fn place(&self) -> String {
        format!("{} {}", self.url, self.schema)
    }

    /// The same with time to spare: the cases of the suite ask what is done and not how soon, and
    /// a machine that builds at the same time is slow.
    pub(crate) fn patient_options(&self) -> PostgresOptions {
        self.options().timeout(Duration::from_secs(10))
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

    /// A connection, if the server has one to give.
    pub(crate) async fn try_connection(&self) -> Option<PgConnection> {
        self.url
            .parse::<PgConnectOptions>()
            .unwrap()
            .connect()
            .await
            .ok()
    }

    /// Runs statements beside the client.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        let mut connection = self.connection().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await;
        done.unwrap().rows_affected()
    }

    /// One number, asked for beside the client.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connection().await;
        let number = sqlx::query_scalar(AssertSqlSafe(sql));
        number.fetch_one(&mut connection).await.unwrap()
    }

    /// From now on the server refuses a row that would be looked at too late, or never.
    pub(crate) async fn refuse_late_looks(&self) {
        self.execute(&format!(
            "ALTER TABLE {} ADD CHECK (deadline IS NULL OR (due IS NOT NULL AND due <= deadline))",
            self.table()
        ))
        .await;
    }

    /// Moves the stored deadlines back, which for the entries is the same as waiting.
    pub(crate) async fn age(&self, by: Duration) {
        let millis = by.as_millis();
        self.execute(&format!(
            "UPDATE {} SET deadline = deadline - {millis}, due = due - {millis}",
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
                let cleaning = async {
                    let mut connection = options.connect().await?;
                    let drop_schema = sqlx::raw_sql(AssertSqlSafe(drop_schema));
                    drop_schema.execute(&mut connection).await
                };
                tokio::time::timeout(Duration::from_secs(5), cleaning).await??;
                Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        let _ = cleaning.join();
    }
}

/// What a client of the schema at this place is told.
pub(crate) fn options_of(place: &str) -> PostgresOptions {
    let (url, schema) = place.split_once(' ').unwrap();
    let options: PostgresOptions = url.parse().unwrap();
    options.schema(schema)
}

/// Gives what a call gives, which must not take much longer than its time-out of a second. No
/// test measures time with it.
#[track_caller]
pub(crate) fn ends<T>(call: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(Duration::from_secs(5), call).await {
            Ok(result) => result,
            Err(_) => panic!("the call at {caller} hangs"),
        }
    }
}

/// Calls until it succeeds, as a client does that is back by itself; gives up after a while.
#[track_caller]
pub(crate) fn comes_back<T, F>(call: impl Fn() -> F) -> impl Future<Output = T>
where
    F: Future<Output = session_core::Result<T>>,
{
    let caller = std::panic::Location::caller();
    async move {
        let until = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            match call().await {
                Ok(value) => return value,
                Err(error) if tokio::time::Instant::now() > until => {
                    panic!("the client at {caller} does not come back: {error:?}")
                }
                Err(error) => assert!(error.is_transient(), "{error:?} at {caller}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
