//! What each operation does on a connection: plain functions that wait for nothing but the disk.
//!
//! Those that write run inside the writer's transaction and change the table by one statement, so
//! that one which fails leaves nothing behind; batches take a savepoint. They read the clock
//! themselves, when they have the lock, so that none goes by a time before that of the write which
//! it follows. Those that read are given the time from before their snapshot: by a later one, what
//! was prolonged in between would look expired.

use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, ToSql, params};
use session_core::{Condition, Deadline, ErrorKind, Expiry, TimeToLive, prefix_end};

use crate::clock::Now;
use crate::error::Failure;
use crate::sql::{Moving, Sql};

type Result<T, E = Failure> = std::result::Result<T, E>;

/// How many entries one chunk of a batch, one page of a listing or one step of a removal has.
pub(crate) const CHUNK: usize = 1_000;

/// How many bytes of values end a chunk of a batch before it has so many entries.
pub(crate) const CHUNK_BYTES: usize = 16 * 1_024 * 1_024;

/// Reads a value of at most `limit` bytes and what is left of its life.
pub(crate) fn read(
    connection: &Connection,
    sql: &Sql,
    now: Now,
    key: &str,
    limit: usize,
) -> Result<Option<(Bytes, TimeToLive)>> {
    let mut statement = connection.prepare_cached(&sql.read)?;
    let mut rows = statement.query(params![key, now.millis, integer(limit)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let value = match row.get_ref(2)? {
        ValueRef::Null => {
            let len: i64 = row.get(1)?;
            return Err(Failure::TooLong(usize::try_from(len).unwrap_or(usize::MAX)));
        }
        value => Bytes::copy_from_slice(value.as_blob().map_err(rusqlite::Error::from)?),
    };
    Ok(Some((value, left(row, now)?)))
}

/// Reads the values of the first of these keys, of one instant: of all, or of as many as it takes
/// to have [`CHUNK_BYTES`].
pub(crate) fn read_all(
    connection: &Connection,
    sql: &Sql,
    now: Now,
    keys: &[String],
    limit: usize,
) -> Result<Vec<Option<Bytes>>> {
    // In memory the writer's transaction is already there.
    let _snapshot = match connection.is_autocommit() {
        true => Some(connection.unchecked_transaction()?),
        false => None,
    };
    let (mut values, mut bytes) = (Vec::with_capacity(keys.len()), 0);
    for key in keys {
        let value = read(connection, sql, now, key, limit)?.map(|(value, _)| value);
        bytes += value.as_ref().map_or(0, Bytes::len);
        values.push(value);
        if bytes >= CHUNK_BYTES {
            break;
        }
    }
    Ok(values)
}

pub(crate) fn time_to_live(
    connection: &Connection,
    sql: &Sql,
    now: Now,
    key: &str,
) -> Result<Option<TimeToLive>> {
    let mut statement = connection.prepare_cached(&sql.deadline)?;
    let mut rows = statement.query(params![key, now.millis])?;
    rows.next()?.map(|row| left(row, now)).transpose()
}

/// Lists live keys from `start` on that start with `prefix`.
pub(crate) fn keys(
    connection: &Connection,
    sql: &Sql,
    now: Now,
    prefix: &str,
    start: &str,
) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(&sql.keys)?;
    let keys = statement.query_map(
        params![start, now.millis, prefix_end(prefix), integer(CHUNK)],
        |row| row.get(0),
    )?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn ping(connection: &Connection, sql: &Sql) -> Result<()> {
    let mut statement = connection.prepare_cached(&sql.version)?;
    Ok(statement.query_row([], |_| Ok(()))?)
}

pub(crate) fn write(
    connection: &Connection,
    sql: &Sql,
    key: &str,
    value: &Bytes,
    condition: &Condition,
    expiry: Expiry,
) -> Result<bool> {
    write_at(connection, sql, Now::read(), key, value, condition, expiry)
}

fn write_at(
    connection: &Connection,
    sql: &Sql,
    now: Now,
    key: &str,
    value: &Bytes,
    condition: &Condition,
    expiry: Expiry,
) -> Result<bool> {
    let value: &[u8] = value;
    let deadline = match now.deadline(expiry) {
        Deadline::Past => return remove_if(connection, sql, key, condition, now),
        Deadline::Keep => return write_keeping(connection, sql, key, value, condition, now),
        Deadline::At(deadline) => Some(deadline),
        Deadline::Never => None,
    };
    match condition {
        Condition::Always => change_deadline(
            connection,
            &sql.put,
            params![key, now.millis, value, deadline],
        ),
        Condition::Absent => change(
            connection,
            &sql.add,
            params![key, now.millis, value, deadline],
        ),
        Condition::Present => change_deadline(
            connection,
            &sql.replace,
            params![key, now.millis, value, deadline],
        ),
        Condition::Equals(expected) => {
            let expected: &[u8] = expected;
            change_deadline(
                connection,
                &sql.swap,
                params![key, now.millis, value, deadline, expected],
            )
        }
    }
}

/// Writes entries that all have one expiry, all or none.
pub(crate) fn write_all(
    connection: &mut Connection,
    sql: &Sql,
    entries: &[(String, Bytes)],
    expiry: Expiry,
) -> Result<()> {
    let now = Now::read();
    let savepoint = connection.savepoint()?;
    for (key, value) in entries {
        write_at(&savepoint, sql, now, key, value, &Condition::Always, expiry)?;
    }
    Ok(savepoint.commit()?)
}

pub(crate) fn remove(connection: &Connection, sql: &Sql, key: &str) -> Result<bool> {
    remove_at(connection, sql, Now::read(), key)
}

fn remove_at(connection: &Connection, sql: &Sql, now: Now, key: &str) -> Result<bool> {
    change(connection, &sql.delete_live, params![key, now.millis])
}

/// Removes many entries, all or none, and counts the live ones.
pub(crate) fn remove_all(connection: &mut Connection, sql: &Sql, keys: &[String]) -> Result<u64> {
    let now = Now::read();
    let savepoint = connection.savepoint()?;
    let mut removed = 0;
    for key in keys {
        removed += u64::from(remove_at(&savepoint, sql, now, key)?);
    }
    savepoint.commit()?;
    Ok(removed)
}

pub(crate) fn increment(
    connection: &Connection,
    sql: &Sql,
    key: &str,
    by: i64,
    expiry_if_new: Expiry,
) -> Result<i64> {
    let now = Now::read();
    let counter = {
        let mut statement = connection.prepare_cached(&sql.read)?;
        let mut rows = statement.query(params![key, now.millis, LONGEST_COUNTER])?;
        match rows.next()? {
            None => None,
            Some(row) => Some(counter(row)?),
        }
    };
    let start = counter.unwrap_or(0);
    let sum = start
        .checked_add(by)
        .ok_or(Failure::Rule(ErrorKind::Overflow, None))?;
    let text = sum.to_string();
    let text = text.as_bytes();
    let deadline = match now.deadline(expiry_if_new) {
        _ if counter.is_some() => {
            change(connection, &sql.set_value, params![key, text])?;
            return Ok(sum);
        }
        Deadline::Past => return Ok(sum),
        Deadline::At(deadline) => Some(deadline),
        Deadline::Never | Deadline::Keep => None,
    };
    change_deadline(
        connection,
        &sql.put,
        params![key, now.millis, text, deadline],
    )?;
    Ok(sum)
}

pub(crate) fn set_time_to_live(
    connection: &Connection,
    sql: &Sql,
    key: &str,
    expiry: Expiry,
) -> Result<bool> {
    let now = Now::read();
    let deadline = match now.deadline(expiry) {
        Deadline::Past => return change(connection, &sql.delete_live, params![key, now.millis]),
        Deadline::Keep => {
            return holds(
                &mut connection.prepare_cached(&sql.deadline)?,
                params![key, now.millis],
            );
        }
        Deadline::At(deadline) => Some(deadline),
        Deadline::Never => None,
    };
    change_deadline(
        connection,
        &sql.set_deadline,
        params![key, now.millis, deadline],
    )
}

/// Removes the entries of one step from `start` on, and says how many were live and where the
/// next step starts.
pub(crate) fn remove_step(
    connection: &Connection,
    sql: &Sql,
    start: &str,
    end: Option<&str>,
) -> Result<(u64, Option<String>)> {
    let now = Now::read();
    let next: Option<String> = connection
        .prepare_cached(&sql.step_end)?
        .query_row(params![start, end, integer(CHUNK)], |row| row.get(0))
        .optional()?;
    let mut statement = connection.prepare_cached(&sql.delete_range)?;
    let mut rows = statement.query(params![start, now.millis, next.as_deref().or(end)])?;
    let mut live = 0;
    while let Some(row) = rows.next()? {
        live += u64::from(row.get::<_, bool>(0)?);
    }
    Ok((live, next))
}

pub(crate) fn remove_everything(connection: &Connection, sql: &Sql) -> Result<()> {
    connection.prepare_cached(&sql.delete_all)?.execute([])?;
    Ok(())
}

/// What a look at entries that are due gave.
pub(crate) struct Looked {
    /// How many had expired, and are gone.
    pub(crate) removed: usize,
    /// Whether there may be more.
    pub(crate) more: bool,
}

/// Looks at `limit` entries that are due at most: frees what expired and puts off what lives longer
/// by now.
pub(crate) fn remove_expired(connection: &Connection, sql: &Sql, limit: usize) -> Result<Looked> {
    let now = Now::read().millis;
    let run = |statement: &str, limit: usize| {
        let mut statement = connection.prepare_cached(statement)?;
        statement.execute(params![now, integer(limit)])
    };
    let put_off = run(&sql.put_off, limit)?;
    // Of those that it looked at, the others are the first now.
    let removed = run(&sql.delete_expired, limit - put_off)?;
    Ok(Looked {
        removed,
        more: put_off + removed == limit,
    })
}

pub(crate) fn any_due(connection: &Connection, sql: &Sql) -> Result<bool> {
    holds(
        &mut connection.prepare_cached(&sql.any_due)?,
        [Now::read().millis],
    )
}

fn write_keeping(
    connection: &Connection,
    sql: &Sql,
    key: &str,
    value: &[u8],
    condition: &Condition,
    now: Now,
) -> Result<bool> {
    let never: Option<i64> = None;
    match condition {
        Condition::Always => change(
            connection,
            &sql.put_keeping,
            params![key, now.millis, value, never],
        ),
        Condition::Absent => change(connection, &sql.add, params![key, now.millis, value, never]),
        Condition::Present => change(
            connection,
            &sql.replace_keeping,
            params![key, now.millis, value],
        ),
        Condition::Equals(expected) => {
            let expected: &[u8] = expected;
            change(
                connection,
                &sql.swap_keeping,
                params![key, now.millis, value, expected],
            )
        }
    }
}

/// What a write with a past deadline does: if the condition holds, nothing stays.
fn remove_if(
    connection: &Connection,
    sql: &Sql,
    key: &str,
    condition: &Condition,
    now: Now,
) -> Result<bool> {
    match condition {
        Condition::Always => change(connection, &sql.delete, params![key]).map(|_| true),
        Condition::Absent => {
            let live = holds(
                &mut connection.prepare_cached(&sql.deadline)?,
                params![key, now.millis],
            )?;
            Ok(!live)
        }
        Condition::Present => change(connection, &sql.delete_live, params![key, now.millis]),
        Condition::Equals(expected) => {
            let expected: &[u8] = expected;
            change(
                connection,
                &sql.delete_equal,
                params![key, now.millis, expected],
            )
        }
    }
}

/// Runs a statement that changes at most one entry; `true` if it did.
fn change(connection: &Connection, statement: &str, params: &[&dyn ToSql]) -> Result<bool> {
    Ok(connection.prepare_cached(statement)?.execute(params)? > 0)
}

/// Runs a change that gives an entry another deadline.
fn change_deadline(
    connection: &Connection,
    moving: &Moving,
    params: &[&dyn ToSql],
) -> Result<bool> {
    Ok(change(connection, &moving.later, params)? || change(connection, &moving.anywhere, params)?)
}

fn holds(statement: &mut CachedStatement<'_>, params: impl rusqlite::Params) -> Result<bool> {
    Ok(statement.query(params)?.next()?.is_some())
}

/// What is left of the life of the entry whose deadline is the row's first column.
fn left(row: &Row<'_>, now: Now) -> Result<TimeToLive> {
    let deadline: Option<i64> = row.get(0)?;
    Ok(now.left(deadline))
}

/// The counter in a row of `read`: canonical decimal text and nothing else.
fn counter(row: &Row<'_>) -> Result<i64> {
    let not_a_number = || Failure::Rule(ErrorKind::NotANumber, None);
    let bytes = match row.get_ref(2)? {
        ValueRef::Blob(bytes) => bytes,
        _ => return Err(not_a_number()),
    };
    let number: i64 = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(not_a_number)?;
    // What is not written as we would write it (`+1`, `01`, `-0`) is no counter.
    if number.to_string().as_bytes() == bytes {
        Ok(number)
    } else {
        Err(not_a_number())
    }
}

/// A count as SQLite's integers are.
fn integer(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The bytes of `i64::MIN`; what is longer is no counter.
const LONGEST_COUNTER: i64 = 20;

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::connection;
    use crate::options::SqliteOptions;

    #[test]
    fn a_list_is_read_by_the_clock_from_before_its_snapshot() {
        let sql = Sql::new("cache");
        let opened = connection::open(&SqliteOptions::memory(), &sql).unwrap();
        let insert = "INSERT INTO cache VALUES ('a', x'', 1000, 1000), ('b', x'', 1001, 1001)";
        opened.writer.execute(insert, []).unwrap();
        // By the clock of this moment both expired long ago.
        let now = Now::at(UNIX_EPOCH + Duration::from_secs(1));
        let keys = ["a", "b", "b"].map(str::to_owned);
        let values = read_all(&opened.writer, &sql, now, &keys, 1).unwrap();
        assert_eq!(values, [None, Some(Bytes::new()), Some(Bytes::new())]);
    }

    #[test]
    fn a_chunk_is_written_by_one_reading_of_the_clock() {
        let sql = Sql::new("cache");
        let mut opened = connection::open(&SqliteOptions::memory(), &sql).unwrap();
        let entries: Vec<_> = (0..CHUNK)
            .map(|n| (format!("k{n}"), Bytes::new()))
            .collect();
        let hour = Expiry::In(Duration::from_secs(3_600));
        write_all(&mut opened.writer, &sql, &entries, hour).unwrap();
        let deadlines = "SELECT count(DISTINCT deadline) FROM cache";
        let row = |row: &Row<'_>| row.get(0);
        let deadlines: i64 = opened.writer.query_row(deadlines, [], row).unwrap();
        assert_eq!(deadlines, 1);
    }
}
