//! The table as it is stored, and every statement.
//!
//! The statements differ between tables only in the quoted name, so they are written once, when
//! the store is opened. Live is spelled out in each of them: no deadline, or one after `now`.
//! Prefixes are ranges of the key, which the unique index answers. The key is text in the collation
//! `BINARY`, which compares bytes.
//!
//! What expired is found by an index of when to look, which is no later than the deadline. A write
//! that moves the deadline to a later one leaves it alone, so that a session which is prolonged by
//! every request costs a change in one tree and not in two; the sweeper looks at it once in what
//! was its life, and moves it on.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use session_core::ErrorKind;

use crate::error::Failure;

/// The statements for one table.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) read: String,
    pub(crate) deadline: String,
    pub(crate) put: Moving,
    pub(crate) put_keeping: String,
    pub(crate) add: String,
    pub(crate) replace: Moving,
    pub(crate) replace_keeping: String,
    pub(crate) swap: Moving,
    pub(crate) swap_keeping: String,
    pub(crate) set_value: String,
    pub(crate) set_deadline: Moving,
    pub(crate) delete: String,
    pub(crate) delete_live: String,
    pub(crate) delete_equal: String,
    pub(crate) keys: String,
    pub(crate) step_end: String,
    pub(crate) delete_range: String,
    pub(crate) delete_all: String,
    pub(crate) any_due: String,
    pub(crate) put_off: String,
    pub(crate) delete_expired: String,
    pub(crate) version: String,
    schema: Schema,
}

/// A change that gives an entry another deadline; the first statement is tried, and if it changed
/// nothing the second is.
#[derive(Debug)]
pub(crate) struct Moving {
    /// Leaves the index alone: for entries that are looked at before the new deadline anyway.
    pub(crate) later: String,
    /// To whatever deadline.
    pub(crate) anywhere: String,
}

impl Moving {
    /// `change` sets the deadline where the condition holds, which is empty for always.
    fn new(change: &str, deadline: &str, condition: &str) -> Self {
        let later = format!("(due <= {deadline} OR {deadline} IS NULL)");
        Self {
            later: match condition {
                "" => format!("{change} WHERE {later}"),
                _ => format!("{change} WHERE {condition} AND {later}"),
            },
            anywhere: match condition {
                "" => format!("{change}, due = {deadline}"),
                _ => format!("{change}, due = {deadline} WHERE {condition}"),
            },
        }
    }
}

/// What is made on first use.
#[derive(Debug)]
struct Schema {
    table: String,
    versions: String,
    create: String,
    /// Makes a table of [`FORMER`] one of [`VERSION`].
    renew: String,
}

/// What was found in a file.
#[derive(PartialEq, Eq)]
enum Found {
    Nothing,
    /// A table without `due`; those who only read need none.
    Former,
    Ready,
}

/// The schema that this version makes and understands.
const VERSION: i64 = 2;

/// The one before, which had no column `due` and an index of deadlines.
const FORMER: i64 = 1;

impl Sql {
    /// Writes the statements for the table of this name, whatever characters it has.
    ///
    /// `?1` is the key, or the start of a range; `?2` now. The rest is said in each statement.
    pub(crate) fn new(table: &str) -> Self {
        let t = quoted(table);
        let live = "(deadline IS NULL OR deadline > ?2)";
        // ?3 value, ?4 deadline
        let insert = format!("INSERT INTO {t} (key, value, deadline, due) VALUES (?1, ?3, ?4, ?4)");
        let over = "ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let update = format!("UPDATE {t} SET value = ?3");
        let due = format!("SELECT rowid FROM {t} WHERE due <= ?1 ORDER BY due LIMIT ?2");
        let is_key = format!("key = ?1 AND {live}");
        Self {
            // ?3 how long a value may be to come along; a longer one is left where it is
            read: format!(
                "SELECT deadline, length(value), iif(length(value) <= ?3, value, NULL)
                 FROM {t} WHERE key = ?1 AND {live}"
            ),
            deadline: format!("SELECT deadline FROM {t} WHERE key = ?1 AND {live}"),
            put: Moving::new(
                &format!("{insert} {over}, deadline = excluded.deadline"),
                "excluded.deadline",
                "",
            ),
            put_keeping: format!("{insert} {over}, deadline = iif(deadline <= ?2, NULL, deadline)"),
            add: format!("{insert} {over}, deadline = excluded.deadline WHERE deadline <= ?2"),
            replace: Moving::new(&format!("{update}, deadline = ?4"), "?4", &is_key),
            replace_keeping: format!("{update} WHERE key = ?1 AND {live}"),
            // ?5 the expected value
            swap: Moving::new(
                &format!("{update}, deadline = ?4"),
                "?4",
                &format!("{is_key} AND value = ?5"),
            ),
            // ?4 the expected value
            swap_keeping: format!("{update} WHERE key = ?1 AND {live} AND value = ?4"),
            // ?2 value
            set_value: format!("UPDATE {t} SET value = ?2 WHERE key = ?1"),
            // ?3 deadline
            set_deadline: Moving::new(&format!("UPDATE {t} SET deadline = ?3"), "?3", &is_key),
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
            any_due: format!("SELECT 1 FROM {t} WHERE due <= ?1 LIMIT 1"),
            // ?1 now, ?2 how many to look at
            put_off: format!(
                "UPDATE {t} SET due = deadline WHERE rowid IN ({due}) AND
                 (deadline IS NULL OR deadline > ?1)"
            ),
            delete_expired: format!("DELETE FROM {t} WHERE rowid IN ({due}) AND deadline <= ?1"),
            version: format!("SELECT version FROM {}", quoted(&versions(table))),
            schema: Schema::new(table),
        }
    }

    /// Makes the table if it is not there, renews a former one, and refuses what this version does not understand.
    ///
    /// Safe when several processes do so at once: one makes it, the others wait and find it.
    pub(crate) fn prepare(&self, connection: &mut Connection) -> Result<(), Failure> {
        if self.find(connection)? == Found::Ready {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match self.find(&transaction)? {
            Found::Nothing => transaction.execute_batch(&self.schema.create)?,
            Found::Former => transaction.execute_batch(&self.schema.renew)?,
            Found::Ready => {}
        }
        Ok(transaction.commit()?)
    }

    /// Refuses a file in which the table is not there already.
    pub(crate) fn check(&self, connection: &Connection) -> Result<(), Failure> {
        if self.find(connection)? != Found::Nothing {
            return Ok(());
        }
        Err(Failure::Rule(
            ErrorKind::ReadOnly,
            Some("the file has no such table, and a client that only reads does not make it"),
        ))
    }

    fn find(&self, connection: &Connection) -> Result<Found, Failure> {
        // The table first: it comes with its version, so that one which is made meanwhile has it.
        let has_table = exists(connection, &self.schema.table)?;
        if !exists(connection, &self.schema.versions)? {
            if has_table {
                return Err(Failure::Rule(
                    ErrorKind::InvalidInput,
                    Some(
                        "the file has a table of that name that is no cache; name another (table)",
                    ),
                ));
            }
            return Ok(Found::Nothing);
        }
        let version: Option<i64> = connection
            .query_row(&self.version, [], |row| row.get(0))
            .optional()?;
        match version {
            Some(VERSION) => Ok(Found::Ready),
            Some(FORMER) => Ok(Found::Former),
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
        let index = format!(
            "CREATE INDEX {index} ON {table} (due) WHERE due IS NOT NULL;",
            index = quoted(&format!("{table}_due")),
            table = quoted(table),
        );
        let create = format!(
            "CREATE TABLE {table} (
                 key TEXT NOT NULL UNIQUE COLLATE BINARY,
                 value BLOB NOT NULL,
                 deadline INTEGER, -- milliseconds since 1970; NULL: never
                 due INTEGER -- when to look whether it expired: not after the deadline
             ) STRICT;
             {index}
             CREATE TABLE {versions} (version INTEGER NOT NULL) STRICT;
             INSERT INTO {versions} VALUES ({VERSION});",
            table = quoted(table),
            versions = quoted(&versions),
        );
        let renew = format!(
            "ALTER TABLE {table} ADD COLUMN due INTEGER;
             UPDATE {table} SET due = deadline;
             DROP INDEX {former};
             {index}
             UPDATE {versions} SET version = {VERSION};",
            table = quoted(table),
            former = quoted(&format!("{table}_deadline")),
            versions = quoted(&versions),
        );
        Self {
            table: table.to_owned(),
            versions,
            create,
            renew,
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
            &sql.replace.later,
            &sql.replace.anywhere,
            &sql.replace_keeping,
            &sql.swap.later,
            &sql.swap.anywhere,
            &sql.swap_keeping,
            &sql.set_value,
            &sql.set_deadline.later,
            &sql.set_deadline.anywhere,
            &sql.delete,
            &sql.delete_live,
            &sql.delete_equal,
            &sql.keys,
            &sql.step_end,
            &sql.delete_range,
            &sql.any_due,
            &sql.put_off,
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
        for statement in [&sql.any_due, &sql.put_off, &sql.delete_expired] {
            assert!(plan(statement).contains("t_due (due<?)"), "{statement}");
        }
    }
}
