//! The client: the contract's methods, one statement each.

use std::fmt;
use std::sync::Arc;

use async_stream::try_stream;
use async_trait::async_trait;
use bytes::Bytes;
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, Codec, Condition, ErrorKind, Expiry, Result,
    Scope, TimeToLive,
};
use sqlx::postgres::{PgPool, PgRow};

use crate::batch::{Put, by_key, bytes, column};
use crate::connection::{Connections, Source};
use crate::dispatch::Dispatcher;
use crate::error::{BACKEND, Failure};
use crate::lifetime::{Lifetime, Test};
use crate::options::{PostgresOptions, refuse};
use crate::schema::{self, Table};
use crate::sql::Statements;
use crate::statement::Parameter;
use crate::steps::{CHUNK, chunk_len, end_of, looked, sum, time_to_live};
use crate::sweep::Sweeper;

/// A cache in one table of a PostgreSQL database.
///
/// Cheap to clone; the clones share connections. It belongs to the runtime in which it was made.
#[derive(Clone)]
pub struct PostgresCache {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) scope: Scope,
    // Ends its task when the last clone goes.
    _sweeper: Option<Sweeper>,
}

impl PostgresCache {
    /// Opens the table that a URL names, as [`PostgresOptions`] says, and makes it if need be.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a URL that is none; as [`connect_with`](Self::connect_with).
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url.parse()?).await
    }

    /// Opens the table that the options name; makes it if it is not there, and renews it if it is of
    /// an older version.
    ///
    /// # Errors
    ///
    /// `Unavailable` or `Timeout` if the server does not answer, `Denied` if it refuses the user
    /// or if the table is missing or of an older version and the user may not make or renew it,
    /// `Corrupt` if there is another table of this name, `InvalidInput` for options that do not go
    /// together.
    pub async fn connect_with(options: PostgresOptions) -> Result<Self> {
        let source = Source::Own(Box::new(options.connect_options()?));
        Self::open(source, options).await
    }

    /// Opens the table through a pool that the caller has.
    ///
    /// The options count except those that say how to connect. Statements take their connections
    /// from the pool one by one and give them back; `max_connections` bounds how many at once.
    /// What other clients set on their connections is the caller's to set on the pool, above all
    /// `statement_timeout` and `lock_timeout`.
    ///
    /// # Errors
    ///
    /// As [`connect_with`](Self::connect_with).
    pub async fn with_pool(pool: PgPool, options: PostgresOptions) -> Result<Self> {
        options.check_shared_connections()?;
        Self::open(Source::Pool(pool), options).await
    }

    async fn open(source: Source, options: PostgresOptions) -> Result<Self> {
        if options.max_connections == 0 {
            return Err(refuse("max_connections is at least 1"));
        }
        let table = options.table_names()?;
        let statements = Statements::new(&table.name);
        let dispatcher = Dispatcher::new(
            Connections::new(source),
            options.protocol(),
            options.max_connections,
            options.shared.clone(),
            statements,
        );
        prepare(&dispatcher, &table, &options)
            .await
            .map_err(|failure| failure.into_error("connect"))?;
        let sweeper = options
            .sweep_every
            .map(|interval| Sweeper::start(&dispatcher, interval, table.lock_name("sweep")));
        let scope = options.shared.scope(BACKEND);
        Ok(Self {
            inner: Arc::new(Inner {
                dispatcher,
                scope,
                _sweeper: sweeper,
            }),
        })
    }
}

/// Opens the first connection, looks for the table and keeps the connection.
async fn prepare(
    dispatcher: &Dispatcher,
    table: &Table,
    options: &PostgresOptions,
) -> std::result::Result<(), Failure> {
    let mut connection = dispatcher.knock(options.shared.timeout).await?;
    schema::ensure(&mut connection, options.protocol(), table, options.unlogged).await?;
    dispatcher.give_back(connection);
    Ok(())
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl CacheClient for PostgresCache {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        let key = self.stored("read", key)?;
        self.dispatcher()
            .read(key)
            .await
            .map_err(|failure| failure.into_error("read"))
    }

    /// In chunks of 1,000 keys, each of one instant.
    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let keys = self.scope().keys("read_all", keys)?;
        let mut values = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            let names = chunk.iter().map(|key| key.to_string()).collect();
            let sql = &self.statements().read_all;
            let answer = self
                .run("read_all", sql, vec![Parameter::Texts(names)])
                .await?;
            let found = by_key(&answer.rows).map_err(|garbled| garbled.into_error("read_all"))?;
            values.extend(chunk.iter().map(|key| found.get(&**key).cloned()));
        }
        Ok(values)
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let key = self.stored("write", key)?;
        self.scope().write("write", &value, &condition)?;
        let lifetime = Lifetime::from(expiry);
        let (test, expected) = match condition {
            Condition::Always if matches!(lifetime, Lifetime::Never | Lifetime::In(_)) => {
                let put = self
                    .dispatcher()
                    .put(Put {
                        key,
                        value,
                        lifetime,
                    })
                    .await;
                return put
                    .map(|()| true)
                    .map_err(|failure| failure.into_error("write"));
            }
            Condition::Always => (Test::Always, Bytes::new()),
            Condition::Absent => (Test::Absent, Bytes::new()),
            Condition::Present => (Test::Present, Bytes::new()),
            Condition::Equals(expected) => (Test::Equals, expected),
        };
        let parameters = vec![
            Parameter::Text(key),
            Parameter::Blob(value),
            Parameter::Integer(lifetime.amount()),
            Parameter::Blob(expected),
        ];
        let sql = self.statements().write(test, lifetime);
        Ok(self.run("write", &sql, parameters).await?.affected > 0)
    }

    /// In chunks of 1,000 entries or 16 MiB, each whole or not at all.
    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        let mut puts = Vec::with_capacity(entries.len());
        let lifetime = Lifetime::from(expiry);
        for (key, value) in entries {
            self.scope().value("write_all", value)?;
            let key = self.stored("write_all", key)?;
            puts.push(Put {
                key,
                value: value.clone(),
                lifetime,
            });
        }
        let mut puts = puts.into_iter();
        let mut changed = false;
        while !puts.as_slice().is_empty() {
            let length = chunk_len(puts.as_slice());
            let chunk = puts.by_ref().take(length).collect();
            let step = self.write_chunk(chunk, lifetime).await;
            changed |= step.map_err(|error| error.after_changes(changed))?;
        }
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        let key = self.stored("remove", key)?;
        let sql = &self.statements().remove;
        let answer = self.run("remove", sql, vec![Parameter::Text(key)]).await?;
        Ok(answer.cell("remove")?.unwrap_or(false))
    }

    /// In chunks of 1,000 keys, each whole or not at all.
    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        let keys = self.scope().keys("remove_all", keys)?;
        let mut removed = 0;
        for chunk in keys.chunks(CHUNK) {
            let names = chunk.iter().map(|key| key.to_string()).collect();
            let step = self.remove_chunk("remove_all", names).await;
            removed += step.map_err(|error| error.after_changes(removed > 0))?;
        }
        Ok(removed)
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        let key = self.stored("increment", key)?;
        let lifetime = Lifetime::from(expiry_if_new);
        let sql = self.statements().increment(lifetime);
        for _ in 0..TRIES {
            let parameters = vec![
                Parameter::Text(key.clone()),
                Parameter::Integer(by),
                Parameter::Integer(lifetime.amount()),
            ];
            let answer = self.run("increment", &sql, parameters).await?;
            // No row: the entry changed under the statement, which did nothing.
            let Some(row) = answer.rows.first() else {
                continue;
            };
            return sum(row).map_err(|failure| failure.into_error("increment"));
        }
        Err(self.scope().error(ErrorKind::Conflict, "increment"))
    }

    /// Without a namespace the table is truncated, which takes a moment whatever it holds; where
    /// the role may not, or somebody uses the table for longer, its rows are removed in steps of
    /// 1,000.
    async fn flush_all(&self) -> Result<()> {
        let namespace = self.scope().namespace();
        if namespace.is_root() {
            match self
                .run("flush_all", &self.statements().truncate, Vec::new())
                .await
            {
                Ok(_) => return Ok(()),
                Err(error) => match error.kind() {
                    ErrorKind::Denied | ErrorKind::Overloaded | ErrorKind::Conflict => {}
                    _ => return Err(error),
                },
            }
        }
        self.remove_range("flush_all", namespace.stored())
            .await
            .map(drop)
    }

    async fn ping(&self) -> Result<()> {
        self.run("ping", &self.statements().ping, Vec::new())
            .await
            .map(drop)
    }

    fn codec(&self) -> Codec {
        self.dispatcher().options().codec
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl CacheClientExtended for PostgresCache {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        let key = self.stored("get_time_to_live", key)?;
        let sql = &self.statements().time_to_live;
        let answer = self
            .run("get_time_to_live", sql, vec![Parameter::Text(key)])
            .await?;
        let row = answer.rows.first().map(|row| column(row, 0)).transpose();
        let left = row.map_err(|garbled| garbled.into_error("get_time_to_live"))?;
        Ok(left.map(time_to_live))
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        let key = self.stored("set_time_to_live", key)?;
        let lifetime = Lifetime::from(expiry);
        let sql = self.statements().set_time_to_live(lifetime);
        let parameters = vec![
            Parameter::Text(key),
            Parameter::Integer(0),
            Parameter::Integer(lifetime.amount()),
        ];
        Ok(self
            .run("set_time_to_live", &sql, parameters)
            .await?
            .affected
            > 0)
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        let key = self.stored("read_with_time_to_live", key)?;
        let sql = &self.statements().read_with_time_to_live;
        let answer = self
            .run("read_with_time_to_live", sql, vec![Parameter::Text(key)])
            .await?;
        let entry = |row: &PgRow| Ok((bytes(row, 0)?, time_to_live(column(row, 1)?)));
        let entry = answer.rows.first().map(entry).transpose();
        entry.map_err(|garbled: Failure| garbled.into_error("read_with_time_to_live"))
    }

    /// In the order of the keys, in pages of 1,000 rows.
    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        Box::pin(try_stream! {
            let Some(prefix) = self.scope().prefix(prefix) else { return };
            let end = end_of(&prefix);
            let mut next = Some(prefix.into_owned());
            while let Some(first) = next {
                let page = self.page(first, end.clone()).await?;
                next = page.next;
                for key in page.live {
                    yield self.scope().strip(&key).to_owned();
                }
            }
        })
    }

    /// In steps of 1,000 rows, each whole or not at all.
    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        match self.scope().prefix(prefix) {
            Some(prefix) => self.remove_range("remove_starting_with", &prefix).await,
            None => Ok(0),
        }
    }

    async fn remove_expired(&self) -> Result<u64> {
        let mut removed = 0;
        loop {
            let sql = &self.statements().remove_expired;
            let answer = self.run("remove_expired", sql, Vec::new()).await;
            let answer = answer.map_err(|error| error.after_changes(removed > 0))?;
            let step = looked(&answer).map_err(|garbled| garbled.into_error("remove_expired"))?;
            removed += step.removed;
            if !step.more {
                return Ok(removed);
            }
        }
    }
}

impl fmt::Debug for PostgresCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresCache")
            .field("namespace", self.scope().namespace())
            .finish_non_exhaustive()
    }
}

/// How often an increment is sent that did nothing because others changed the entry.
const TRIES: usize = 16;
