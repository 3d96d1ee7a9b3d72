//! The table: its names, how it is made, and how a client finds out that it is there.
//!
//! The version stands in the table's comment, which every role may read. The table is made by one
//! message to the server, which is one transaction: it is there with its index and its version, or
//! not at all. An advisory lock has other processes wait for it meanwhile. The same message renews a
//! table of the version before, so that there is one text for an administrator to run.

use std::time::Duration;

use session_core::{Error, ErrorKind, Outcome, Result};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use tokio::time::{Instant, timeout_at};

use crate::batch::column;
use crate::connection::Connection;
use crate::error::{BACKEND, Failure, Stage, failure};
use crate::statement::{Parameter, Protocol, Statement};

/// The comment of a table of this version.
const VERSION: &str = "session cache, version 2";

/// That of the version before, which had no column `due` and an index of deadlines.
const FORMER: &str = "session cache, version 1";

/// What the comment of a table of any version starts with.
const ANY_VERSION: &str = "session cache, version ";

/// What the server allows for a name, in bytes; an index's name is the table's and a suffix.
const MAX_NAME: usize = 63;
const INDEX_SUFFIX: &str = "_due";
const FORMER_INDEX_SUFFIX: &str = "_deadline";

/// How full a page is made, in percent. In what is left of it a row is put that replaces one of them.
const FILL: u8 = 80;

/// How long making the table may take, other processes that are at it included.
const MAKING: Duration = Duration::from_secs(10);

/// The names of the table, quoted.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    schema: String,
    index: String,
    /// The index of [`FORMER`], with its schema.
    former_index: String,
    /// Schema and table.
    pub(crate) name: String,
}

impl Table {
    pub(crate) fn new(schema: &str, table: &str) -> Result<Self> {
        let fits =
            |name: &str, most| !name.is_empty() && name.len() <= most && !name.contains('\0');
        if !fits(schema, MAX_NAME) || !fits(table, MAX_NAME - FORMER_INDEX_SUFFIX.len()) {
            return Err(
                Error::new(ErrorKind::InvalidInput, BACKEND, "connect").with_message(
                    "the name of a schema has 1 to 63 bytes, that of a table 1 to 54, without NUL",
                ),
            );
        }
        Ok(Self {
            schema: quote(schema),
            index: quote(&format!("{table}{INDEX_SUFFIX}")),
            former_index: format!(
                "{}.{}",
                quote(schema),
                quote(&format!("{table}{FORMER_INDEX_SUFFIX}"))
            ),
            name: format!("{}.{}", quote(schema), quote(table)),
        })
    }

    /// The name of the advisory lock of those who make the table, or sweep it.
    pub(crate) fn lock_name(&self, purpose: &str) -> String {
        format!("session cache {purpose} {}", self.name)
    }

    pub(crate) fn create_sql(&self, unlogged: bool) -> String {
        let schema = match self.schema.as_str() {
            "\"public\"" => String::new(),
            schema => format!("CREATE SCHEMA IF NOT EXISTS {schema};\n"),
        };
        format!("{schema}{}", self.create_table_sql(unlogged))
    }

    fn create_table_sql(&self, unlogged: bool) -> String {
        let Self {
            index,
            former_index,
            name,
            ..
        } = self;
        let table = if unlogged { "UNLOGGED TABLE" } else { "TABLE" };
        format!(
            "CREATE {table} IF NOT EXISTS {name} (
    key text COLLATE \"C\" PRIMARY KEY,
    value bytea NOT NULL,
    deadline bigint, -- milliseconds since 1970; none: the entry never expires
    due bigint DEFAULT 0 -- when to look whether it expired: not after the deadline
) WITH (fillfactor = {FILL});
-- A table of version 1 becomes one of version 2; nothing in it is written anew.
ALTER TABLE {name} ADD COLUMN IF NOT EXISTS due bigint DEFAULT 0;
ALTER TABLE {name} SET (fillfactor = {FILL});
DROP INDEX IF EXISTS {former_index};
CREATE INDEX IF NOT EXISTS {index} ON {name} (due) WHERE due IS NOT NULL;
COMMENT ON TABLE {name} IS '{VERSION}';
"
        )
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Finds the table or makes it, and renews a former one.
pub(crate) async fn ensure(
    connection: &mut Connection,
    protocol: Protocol,
    table: &Table,
    unlogged: bool,
) -> std::result::Result<(), Failure> {
    let deadline = Instant::now() + MAKING;
    let found = look(connection, protocol, table, deadline).await?;
    let state = found.state()?;
    if state == State::Ready {
        if unlogged && found.is_logged {
            tracing::warn!("the table is there and logged; the option unlogged does not change it");
        }
        return Ok(());
    }
    let made = make(connection, table, found.has_schema, unlogged, deadline).await;
    match made {
        Ok(()) => Ok(()),
        // Somebody with more rights, or without this lock, may have been quicker.
        Err(refusal) => match look(connection, protocol, table, deadline).await {
            Ok(found) if found.state()? == State::Ready => Ok(()),
            _ if state == State::Former => Err(refusal.with_message(
                "the table is of version 1 and could not be renewed; its owner can do that with \
                 what PostgresOptions::schema_sql gives",
            )),
            _ => Err(refusal),
        },
    }
}

/// What there is of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    Former,
    Ready,
}

#[derive(Default)]
struct Found {
    has_schema: bool,
    has_table: bool,
    is_logged: bool,
    comment: Option<String>,
}

impl Found {
    /// An error if there is another table.
    fn state(&self) -> std::result::Result<State, Failure> {
        let corrupt = |message| {
            Err(Failure::new(ErrorKind::Corrupt, Outcome::NotApplied).with_message(message))
        };
        match self.comment.as_deref() {
            _ if !self.has_table => Ok(State::Missing),
            Some(VERSION) => Ok(State::Ready),
            Some(FORMER) => Ok(State::Former),
            Some(other) if other.starts_with(ANY_VERSION) => {
                corrupt("the table was made by a newer version of this library")
            }
            _ => corrupt("there is a table of this name that is no cache"),
        }
    }
}

async fn look(
    connection: &mut Connection,
    protocol: Protocol,
    table: &Table,
    deadline: Instant,
) -> std::result::Result<Found, Failure> {
    let sql = AssertSqlSafe(
        "SELECT to_regnamespace($1::text) IS NOT NULL, c.oid IS NOT NULL,
                coalesce(c.relpersistence <> 'u', false), obj_description(c.oid, 'pg_class')
         FROM (SELECT 1) AS one LEFT JOIN pg_class AS c ON c.oid = to_regclass($2::text)",
    )
    .into_sql_str();
    let names = [&table.schema, &table.name].map(|name| Parameter::Text(name.clone()));
    let statement = Statement::new(&sql, names.into());
    let answer = match timeout_at(deadline, statement.run(connection.driver(), protocol)).await {
        Ok(answer) => answer.map_err(|error| failure(&error, Stage::Running))?,
        Err(_) => return Err(Failure::silence(Stage::Running)),
    };
    let Some(row) = answer.rows.first() else {
        return Ok(Found::default());
    };
    Ok(Found {
        has_schema: column(row, 0)?,
        has_table: column(row, 1)?,
        is_logged: column(row, 2)?,
        comment: column(row, 3)?,
    })
}

async fn make(
    connection: &mut Connection,
    table: &Table,
    has_schema: bool,
    unlogged: bool,
    deadline: Instant,
) -> std::result::Result<(), Failure> {
    // A role that may not make schemas may still make a table in one that is there.
    let create = match has_schema {
        true => table.create_table_sql(unlogged),
        false => table.create_sql(unlogged),
    };
    let lock = Parameter::Text(table.lock_name("schema")).literal();
    let script: SqlStr = AssertSqlSafe(format!(
        "SET LOCAL lock_timeout = '9s';
         SET LOCAL statement_timeout = '9s';
         SET LOCAL client_min_messages = warning;
         SELECT pg_advisory_xact_lock(hashtextextended({lock}, 0)); {create}"
    ))
    .into_sql_str();
    match timeout_at(deadline, sqlx::raw_sql(script).execute(connection.driver())).await {
        Ok(made) => made
            .map(drop)
            .map_err(|error| failure(&error, Stage::Running)),
        Err(_) => Err(Failure::silence(Stage::Running)),
    }
}
