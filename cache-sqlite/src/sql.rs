//! The table as it is stored, and every statement.
//!
//! The statements differ between tables only in the quoted name, so they are written once, when
//! the store is opened. Live is spelled out in each of them: no deadline, or one after `now`.
//! Prefixes are ranges of the key, which the unique index answers; deadlines have an index of
//! their own. The key is text in the collation `BINARY`, which compares bytes.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use session_core::ErrorKind;

use crate::error::Failure;

/// The statements for one table.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) read: String,
    pub(crate) deadline: String,
    pub(crate) put: String,
    pub(crate) put_keeping: String,
    pub(crate) add: String,
    pub(crate) replace: String,
    pub(crate) replace_keeping: String,
    pub(crate) swap: String,
    pub(crate) swap_keeping: String,
    pub(crate) set_value: String,
    pub(crate) set_deadline: String,
    pub(crate) delete: String,
    pub(crate) delete_live: String,
    pub(crate) delete_equal: String,
    pub(crate) keys: String,
    pub(crate) step_end: String,
    pub(crate) delete_range: String,
    pub(crate) delete_all: String,
    pub(crate) any_expired: String,
    pub(crate) delete_expired: String,
    pub(crate) version: String,
    schema: Schema,
}

/// What is made on first use.
#[derive(Debug)]
struct Schema {
    table: String,
    versions: String,
    create: String,
}

/// The schema that this version makes and understands.
const VERSION: i64 = 1;

impl Sql {
    /// Writes the statements for the table of this name, whatever characters it has.
    ///
    /// `?1` is the key, or the start of a range; `?2` now. The rest is said in each statement.
    pub(crate) fn new(table: &str) -> Self {
        let t = quoted(table);
        let live = "(deadline IS NULL OR deadline > ?2)";
        // ?3 value, ?4 deadline
        let insert = format!("INSERT INTO {t} (key, value, deadline) VALUES (?1, ?3, ?4)");
        let over = "ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let update = format!("UPDATE {t} SET value = ?3");
        Self {
            // ?3 how long a value may be to come along; a longer one is left where it is
            read: format!(
                "SELECT deadline, length(value), iif(length(value) <= ?3, value, NULL)
                 FROM {t} WHERE key = ?1 AND {live}"
            ),
            deadline: format!("SELECT deadline FROM {t} WHERE key = ?1 AND {live}"),
            put: format!("{insert} {over}, deadline = excluded.deadline"),
            put_keeping: format!("{insert} {over}, deadline = iif(deadline <= ?2, NULL, deadline)"),
            add: format!("{insert} {over}, deadline = excluded.deadline WHERE deadline <= ?2"),
            replace: format!("{update}, deadline = ?4 WHERE key = ?1 AND {live}"),
            replace_keeping: format!("{update} WHERE key = ?1 AND {live}"),
            // ?5 the expected value
            swap: format!("{update}, deadline = ?4 WHERE key = ?1 AND {live} AND value = ?5"),
            // ?4 the expected value
            swap_keeping: format!("{update} WHERE key = ?1 AND {live} AND value = ?4"),
            // ?2 value
            set_value: format!("UPDATE {t} SET value = ?2 WHERE key = ?1"),
            // ?3 deadline
            set_deadline: format!("UPDATE {t} SET deadline = ?3 WHERE key = ?1 AND {live}"),
            delete: format!("DELETE FROM {t} WHERE key = ?1"),
            delete_live: format!("DELETE FROM {t} WHERE key = ?1 AND {live}"),
            // ?3 the expected value
            delete_equal: format!("DELETE FROM {t} WHERE key = ?1 AND {live} AND value = ?3"),
            // ?3 the end of the range or NULL, ?4 how many
            keys: format!(
                "SELECT key FROM {t} WHERE key >= ?1 AND key < {} AND {live}
                 ORDER BY key LIMIT ?4",
                end("?3")
            ),
            // ?2 the end of the range or NULL, ?3 how many keys a step takes
            step_end: format!(
                "SELECT key FROM {t} WHERE key >= ?1 AND key < {}
                 ORDER BY key LIMIT 1 OFFSET ?3",
                end("?2")
            ),
            // ?3 the end of the range or NULL
            delete_range: format!(
                "DELETE FROM {t} WHERE key >= ?1 AND key < {} RETURNING {live}",
                end("?3")
            ),
            delete_all: format!("DELETE FROM {t}"),
            // ?1 now
            any_expired: format!("SELECT 1 FROM {t} WHERE deadline <= ?1 LIMIT 1"),
            // ?1 now, ?2 how many
            delete_expired: format!(
                "DELETE FROM {t} WHERE rowid IN
                 (SELECT rowid FROM {t} WHERE deadline <= ?1 ORDER BY deadline LIMIT ?2)"
            ),
            version: format!("SELECT version FROM {}", quoted(&versions(table))),
            schema: Schema::new(table),
        }
    }

    /// Makes the table if it is not there, and refuses what this version does not understand.
    ///
    /// Safe when several processes do so at once: one makes it, the others wait and find it.
    pub(crate) fn prepare(&self, connection: &mut Connection) -> Result<(), Failure> {
        if self.is_ready(connection)? {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !self.is_ready(&transaction)? {
            transaction.execute_batch(&self.schema.create)?;
        }
        Ok(transaction.commit()?)
    }

    /// Refuses a file in which the table is not there already.
    pub(crate) fn check(&self, connection: &Connection) -> Result<(), Failure> {
        if self.is_ready(connection)? {
            return Ok(());
        }
        Err(Failure::Rule(
            ErrorKind::ReadOnly,
            Some("the file has no such table, and a client that only reads does not make it"),
        ))
    }

    fn is_ready(&self, connection: &Connection) -> Result<bool, Failure> {
        if !exists(connection, &self.schema.versions)? {
            if exists(connection, &self.schema.table)? {
                return Err(Failure::Rule(
                    ErrorKind::InvalidInput,
                    Some(
                        "the file has a table of that name that is no cache; name another (table)",
                    ),
                ));
            }
            return Ok(false);
        }
        let version: Option<i64> = connection
            .query_row(&self.version, [], |row| row.get(0))
            .optional()?;
        match version {
            Some(VERSION) => Ok(true),
            Some(newer) if newer > VERSION => Err(Failure::Rule(
                ErrorKind::Corrupt,
                Some("the table was made by a newer version of cache-sqlite; use that one"),
            )),
            _ => Err(Failure::Rule(
                ErrorKind::Corrupt,
                Some("the table does not say which version of cache-sqlite made it"),
            )),
        }
    }
}

impl Schema {
    fn new(table: &str) -> Self {
        let versions = versions(table);
        let create = format!(
            "CREATE TABLE {table} (
                 key TEXT NOT NULL UNIQUE COLLATE BINARY,
                 value BLOB NOT NULL,
                 deadline INTEGER -- milliseconds since 1970; NULL: never
             ) STRICT;
             CREATE INDEX {index} ON {table} (deadline) WHERE deadline IS NOT NULL;
             CREATE TABLE {versions} (version INTEGER NOT NULL) STRICT;
             INSERT INTO {versions} VALUES ({VERSION});",
            table = quoted(table),
            index = quoted(&format!("{table}_deadline")),
            versions = quoted(&versions),
        );
        Self {
            table: table.to_owned(),
            versions,
            create,
        }
    }
}

fn versions(table: &str) -> String {
    format!("{table}_schema")
}

/// Whether there is a table or view of this name; SQLite's names do not tell ASCII case.
fn exists(connection: &Connection, name: &str) -> Result<bool, Failure> {
    let found = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE",
            [name],
            |_| Ok(()),
        )
        .optional()?;
    Ok(found.is_some())
}

/// The end of a range of keys, whose parameter is NULL where the range has none.
///
/// SQLite sorts every blob after every text, so the empty one ends the range of all keys and the
/// index is used either way.
fn end(parameter: &str) -> String {
    format!("coalesce({parameter}, x'')")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite would run a statement, with every parameter NULL.
    fn plan(statement: &str) -> String {
        let mut connection = Connection::open_in_memory().unwrap();
        Sql::new("t").prepare(&mut connection).unwrap();
        let mut plan = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap();
        let mut rows = plan.raw_query();
        let mut steps = String::new();
        while let Some(row) = rows.next().unwrap() {
            steps += &row.get::<_, String>("detail").unwrap();
            steps += "\n";
        }
        steps
    }

    #[test]
    fn no_statement_reads_the_whole_table() {
        let sql = Sql::new("t");
        let statements = [
            &sql.read,
            &sql.deadline,
            &sql.replace,
            &sql.replace_keeping,
            &sql.swap,
            &sql.swap_keeping,
            &sql.set_value,
            &sql.set_deadline,
            &sql.delete,
            &sql.delete_live,
            &sql.delete_equal,
            &sql.keys,
            &sql.step_end,
            &sql.delete_range,
            &sql.any_expired,
            &sql.delete_expired,
        ];
        for statement in statements {
            let plan = plan(statement);
            assert!(plan.contains("SEARCH t USING"), "{statement}: {plan}");
            assert!(
                !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
                "{statement}: {plan}"
            );
        }
    }

    #[test]
    fn a_listing_takes_both_ends_of_its_range_from_the_index() {
        let sql = Sql::new("t");
        for statement in [&sql.keys, &sql.step_end, &sql.delete_range] {
            assert!(plan(statement).contains("(key>? AND key<?)"), "{statement}");
        }
        assert!(plan(&sql.delete_expired).contains("t_deadline"));
    }
}
