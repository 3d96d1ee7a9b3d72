//! Who else keeps entries in PostgreSQL.

use benches::place::Place;
use deadpool_postgres::{Manager, Pool};
use sampler::work::{SetMany, Store};
use session_core::Bytes;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_postgres::{Client, NoTls, Statement};

/// As many as ours opens at most.
const CONNECTIONS: u32 = 8;

/// A table of this run and the statements on it, which the run keeps to its end.
pub(crate) struct Table {
    name: String,
    get: &'static str,
    set: &'static str,
    set_all: &'static str,
}

impl Table {
    fn new(place: &Place) -> Self {
        let name = format!("\"{}peers\"", place.prefix);
        let now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        let over = "ON CONFLICT (key)
            DO UPDATE SET value = excluded.value, deadline = excluded.deadline";
        let get = format!(
            "SELECT value FROM {name} WHERE key = $1 AND (deadline IS NULL OR deadline > {now})"
        );
        let set = format!(
            "INSERT INTO {name} (key, value, deadline) VALUES ($1, $2, {now} + 3600000) {over}"
        );
        let set_all = format!(
            "INSERT INTO {name} (key, value, deadline)
             SELECT key, value, {now} + 3600000 FROM UNNEST($1::text[], $2::bytea[]) AS new (key, value)
             {over}"
        );
        Self {
            name,
            get: get.leak(),
            set: set.leak(),
            set_all: set_all.leak(),
        }
    }

    fn schema(&self) -> String {
        let name = &self.name;
        format!(
            "CREATE TABLE {name} (
                key text COLLATE \"C\" PRIMARY KEY, value bytea NOT NULL, deadline bigint
             );
             CREATE INDEX ON {name} (deadline) WHERE deadline IS NOT NULL"
        )
    }
}

/// A pool of sqlx, as most applications have one.
pub(crate) struct Plain {
    pool: PgPool,
    get: &'static str,
    set: &'static str,
    set_all: &'static str,
}

impl Plain {
    pub(crate) async fn connect(place: &Place) -> (Self, Table) {
        let table = Table::new(place);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect(place.bare_url())
            .await
            .expect("sqlx connects");
        let made = sqlx::raw_sql(sqlx::AssertSqlSafe(table.schema()));
        made.execute(&pool).await.expect("a table can be made");
        let Table {
            get, set, set_all, ..
        } = table;
        let plain = Self {
            pool,
            get,
            set,
            set_all,
        };
        (plain, table)
    }

    pub(crate) async fn drop_table(&self, table: &Table) {
        let drop = format!("DROP TABLE {}", table.name);
        let dropped = sqlx::raw_sql(sqlx::AssertSqlSafe(drop));
        let dropped = dropped.execute(&self.pool).await;
        dropped.expect("the table can be dropped");
    }
}

impl Store for Plain {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let query = sqlx::query_scalar::<_, Vec<u8>>(self.get).bind(key);
        let found = query.fetch_optional(&self.pool).await;
        found.expect("a read succeeds").map(Bytes::from)
    }

    async fn set(&self, key: &str, value: Bytes) {
        let query = sqlx::query(self.set).bind(key).bind(&value[..]);
        let written = query.execute(&self.pool).await;
        written.expect("a write succeeds");
    }
}

impl SetMany for Plain {
    async fn set_all(&self, entries: &[(&str, Bytes)]) {
        let (keys, values): (Vec<&str>, Vec<&[u8]>) = entries
            .iter()
            .map(|(key, value)| (*key, &value[..]))
            .unzip();
        let query = sqlx::query(self.set_all).bind(keys).bind(values);
        let written = query.execute(&self.pool).await;
        written.expect("a batch is written");
    }
}

/// deadpool over tokio-postgres, with statements prepared once for each connection.
pub(crate) struct Deadpool {
    pool: Pool,
    get: &'static str,
    set: &'static str,
}

impl Deadpool {
    pub(crate) fn connect(place: &Place, table: &Table) -> Self {
        let config = place
            .bare_url()
            .parse()
            .expect("the URL is the driver's too");
        let pool = Pool::builder(Manager::new(config, NoTls))
            .max_size(CONNECTIONS as usize)
            .build();
        Self {
            pool: pool.expect("a pool can be made"),
            get: table.get,
            set: table.set,
        }
    }
}

impl Store for Deadpool {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let client = self.pool.get().await.expect("a connection");
        let statement = client.prepare_cached(self.get).await;
        let statement = statement.expect("it is prepared");
        let found = client.query_opt(&statement, &[&key]).await;
        let value = |row: tokio_postgres::Row| Bytes::from(row.get::<_, Vec<u8>>(0));
        found.expect("a read succeeds").map(value)
    }

    async fn set(&self, key: &str, value: Bytes) {
        let client = self.pool.get().await.expect("a connection");
        let statement = client.prepare_cached(self.set).await;
        let statement = statement.expect("it is prepared");
        let written = client.execute(&statement, &[&key, &&value[..]]).await;
        written.expect("a write succeeds");
    }
}

/// One connection of tokio-postgres, on which the statements of all tasks follow each other without
/// waiting for answers.
pub(crate) struct Pipelined {
    client: Client,
    get: Statement,
    set: Statement,
}

impl Pipelined {
    pub(crate) async fn connect(place: &Place, table: &Table) -> Self {
        let (client, connection) = tokio_postgres::connect(place.bare_url(), NoTls)
            .await
            .expect("tokio-postgres connects");
        tokio::spawn(connection);
        let (get, set) = (
            client.prepare(table.get).await,
            client.prepare(table.set).await,
        );
        Self {
            client,
            get: get.expect("it is prepared"),
            set: set.expect("it is prepared"),
        }
    }
}

impl Store for Pipelined {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let found = self.client.query_opt(&self.get, &[&key]).await;
        let value = |row: tokio_postgres::Row| Bytes::from(row.get::<_, Vec<u8>>(0));
        found.expect("a read succeeds").map(value)
    }

    async fn set(&self, key: &str, value: Bytes) {
        let written = self.client.execute(&self.set, &[&key, &&value[..]]).await;
        written.expect("a write succeeds");
    }
}
