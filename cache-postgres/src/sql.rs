//! The schema and the statements: everything that is said to the server about entries.
//!
//! One operation is one statement. The clock is the server's, read once a statement
//! (`statement_timestamp()`, in whole milliseconds since 1970), so an expired row counts as absent
//! in the very condition that decides about it. Statements that touch many rows lock them in the
//! order of their keys, so that two of them never wait for each other in a circle. No `LIKE`: a
//! prefix is a range of keys in collation "C".
//!
//! What expired is found by an index of when to look, which is no later than the deadline. A write
//! that moves the deadline to a later one leaves it alone and changes nothing that an index holds,
//! so that the server puts the new row beside the old one and takes that away by itself
//! (heap-only tuples). The sweeper looks at such an entry once in what was its life, and puts it off.
//!
//! In the templates `@table` is the quoted table, `@now` the clock, `@live` the condition that
//! the row `e` has not expired. `@renewed` gives it the deadline of the row that was to be inserted,
//! `@kept` the one it has.

use session_core::MAX_DEADLINE_MS;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::lifetime::{Lifetime, Test};

/// How many rows one step of a listing, a removal or a sweep looks at.
pub(crate) const PAGE: i64 = 1_000;

/// The statements of one table, made once a client.
#[derive(Debug)]
pub(crate) struct Statements {
    /// `$1` key.
    pub(crate) read: SqlStr,
    /// `$1` keys; rows of key and value.
    pub(crate) read_all: SqlStr,
    /// By [`Test`] and [`Lifetime`]: `$1` key, `$2` value, `$3` amount of the lifetime, `$4` what
    /// `Equals` compares with. A row affected: the condition held.
    writes: [[SqlStr; 5]; 4],
    /// By [`Lifetime`]: `$1` sorted keys, `$2` values, `$3` amount. `Never` and `In` are in
    /// `upsert_all`.
    write_all_keep: SqlStr,
    write_all_until: SqlStr,
    /// `$1` sorted keys, `$2` values, `$3` milliseconds from now or null for each.
    pub(crate) upsert_all: SqlStr,
    /// `$1` keys; those whose rows somebody else has locked.
    pub(crate) locked: SqlStr,
    /// `$1` key; a row that tells whether the entry was live.
    pub(crate) remove: SqlStr,
    /// `$1` keys; the number of live entries.
    pub(crate) remove_all: SqlStr,
    /// By [`Lifetime`]: `$1` key, `$2` what to add, `$3` amount. A row of status and sum.
    increments: [SqlStr; 5],
    /// No parameters; empties the table.
    pub(crate) truncate: SqlStr,
    pub(crate) ping: SqlStr,
    /// `$1` key; milliseconds that are left, null for ever.
    pub(crate) time_to_live: SqlStr,
    /// By [`Lifetime`]: `$1` key, `$3` amount. A row affected: the entry was live.
    set_time_to_live: [SqlStr; 5],
    /// `$1` key; value and milliseconds that are left.
    pub(crate) read_with_time_to_live: SqlStr,
    /// `$1` first key, `$2` first key after the range or null; rows of key and liveness.
    pub(crate) page: SqlStr,
    /// As `page`; the rows looked at, the last of them and the live entries that went.
    pub(crate) remove_page: SqlStr,
    /// No parameters; a row of how many were looked at and how many of these went.
    pub(crate) remove_expired: SqlStr,
    /// `$1` the name of the advisory lock; as `remove_expired`, if no other process is at it.
    pub(crate) sweep: SqlStr,
}

/// What an increment's row says.
pub(crate) mod status {
    pub(crate) const DONE: i32 = 0;
    pub(crate) const NOT_A_NUMBER: i32 = 1;
    pub(crate) const OVERFLOW: i32 = 2;
}

impl Statements {
    /// The statements for a table whose name is quoted already.
    pub(crate) fn new(table: &str) -> Self {
        let sql = |template: &str| expand(template, table, CLOCK);
        // Read once: for each of many rows it would be a tenth of their time.
        let batch = |template: &str| expand(template, table, &format!("(SELECT {CLOCK})"));
        let writes = [Test::Always, Test::Absent, Test::Present, Test::Equals]
            .map(|test| Lifetime::ALL.map(|lifetime| sql(&write(test, lifetime))));
        Self {
            read: sql("SELECT e.value FROM @table AS e WHERE e.key = $1 AND @live"),
            read_all: sql(
                "SELECT e.key, e.value FROM @table AS e WHERE e.key = ANY($1::text[]) AND @live",
            ),
            writes,
            write_all_keep: batch(WRITE_ALL_KEEP),
            write_all_until: batch(WRITE_ALL_UNTIL),
            upsert_all: batch(&UPSERT_ALL.replace("@deadline", &deadline_after("n.millis"))),
            locked: sql(LOCKED),
            remove: sql("DELETE FROM @table AS e WHERE e.key = $1 RETURNING @live"),
            remove_all: sql(REMOVE_ALL),
            increments: Lifetime::ALL.map(|lifetime| sql(&increment(lifetime))),
            truncate: sql("TRUNCATE @table"),
            ping: sql("SELECT 1"),
            time_to_live: sql(
                "SELECT e.deadline - @now FROM @table AS e WHERE e.key = $1 AND @live",
            ),
            set_time_to_live: Lifetime::ALL.map(|lifetime| sql(&set_time_to_live(lifetime))),
            read_with_time_to_live: sql(
                "SELECT e.value, e.deadline - @now FROM @table AS e WHERE e.key = $1 AND @live",
            ),
            page: sql(&format!(
                "SELECT e.key, @live FROM @table AS e WHERE {RANGE} ORDER BY e.key LIMIT {PAGE}"
            )),
            remove_page: sql(&remove_page()),
            remove_expired: sql(&remove_expired("true")),
            sweep: sql(&remove_expired(
                "(SELECT pg_try_advisory_xact_lock(hashtextextended($1::text, 0)))",
            )),
        }
    }

    pub(crate) fn write(&self, test: Test, lifetime: Lifetime) -> SqlStr {
        self.writes[test as usize][lifetime.index()].clone()
    }

    /// `None` where a removal does it.
    pub(crate) fn write_all(&self, lifetime: Lifetime) -> Option<SqlStr> {
        match lifetime {
            Lifetime::Never | Lifetime::In(_) => Some(self.upsert_all.clone()),
            Lifetime::Keep => Some(self.write_all_keep.clone()),
            Lifetime::Until(_) => Some(self.write_all_until.clone()),
            Lifetime::Past => None,
        }
    }

    pub(crate) fn increment(&self, lifetime: Lifetime) -> SqlStr {
        self.increments[lifetime.index()].clone()
    }

    pub(crate) fn set_time_to_live(&self, lifetime: Lifetime) -> SqlStr {
        self.set_time_to_live[lifetime.index()].clone()
    }
}

fn expand(template: &str, table: &str, clock: &str) -> SqlStr {
    let kept = "CASE WHEN @live THEN e.deadline END";
    let sql = template
        .replace("@renewed", &lives_until("excluded.deadline"))
        .replace("@kept", &lives_until(kept))
        .replace("@live", "(e.deadline IS NULL OR e.deadline > @now)")
        .replace("@now", clock)
        .replace("@table", table);
    AssertSqlSafe(sql).into_sql_str()
}

/// The deadline of a row that is new.
fn deadline(lifetime: Lifetime) -> String {
    match lifetime {
        Lifetime::Never | Lifetime::Keep | Lifetime::Past => "NULL::bigint".to_owned(),
        Lifetime::In(_) => deadline_after("$3::bigint"),
        Lifetime::Until(_) => "$3::bigint".to_owned(),
    }
}

/// Null for ever, as a deadline after the year 9999 is too.
fn deadline_after(millis: &str) -> String {
    format!("CASE WHEN {millis} <= {MAX_DEADLINE_MS} - @now THEN @now + {millis} END")
}

/// Gives the row `e` another deadline, and with it when to look: as before, if that is not after the
/// deadline. What should have been looked at already moves to the deadline here and now, which spares
/// the sweeper a write of its own.
///
/// Nothing else may set a deadline. `least` passes over nulls: what lives for ever is put off once, and
/// what no longer does is looked at again.
fn lives_until(next: &str) -> String {
    format!(
        "deadline = {next},
         due = CASE WHEN e.due > @now THEN least(e.due, {next}) ELSE {next} END"
    )
}

fn write(test: Test, lifetime: Lifetime) -> String {
    let holds = match test {
        Test::Always => "true",
        Test::Absent => "NOT @live",
        Test::Present => "@live",
        Test::Equals => "@live AND e.value = $4::bytea",
    };
    // Only an instant can turn out to be past; then the statement has a second half.
    let guard = if matches!(lifetime, Lifetime::Until(_)) {
        "$3::bigint > @now"
    } else {
        "true"
    };
    let new = deadline(lifetime);
    let (over, instead) = match lifetime {
        Lifetime::Keep => ("@kept", "@kept".to_owned()),
        _ => ("@renewed", lives_until(&new)),
    };
    let put = match test {
        Test::Always | Test::Absent => format!(
            "INSERT INTO @table AS e (key, value, deadline, due)
             SELECT $1::text, $2::bytea, {new}, {new} WHERE {guard}
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, {over}
             WHERE {holds}"
        ),
        Test::Present | Test::Equals => format!(
            "UPDATE @table AS e SET value = $2::bytea, {instead}
             WHERE e.key = $1 AND {holds} AND {guard}"
        ),
    };
    match lifetime {
        Lifetime::Past => removal(test, holds),
        Lifetime::Until(_) => put_or_removal(test, holds, &put),
        Lifetime::Never | Lifetime::Keep | Lifetime::In(_) => put,
    }
}

fn removal(test: Test, holds: &str) -> String {
    match test {
        Test::Always => {
            "WITH gone AS (DELETE FROM @table AS e WHERE e.key = $1) SELECT 1".to_owned()
        }
        Test::Absent => format!("SELECT 1 WHERE {NO_LIVE_ENTRY}"),
        Test::Present | Test::Equals => {
            format!("DELETE FROM @table AS e WHERE e.key = $1 AND {holds}")
        }
    }
}

fn put_or_removal(test: Test, holds: &str, put: &str) -> String {
    match test {
        Test::Always => format!(
            "WITH gone AS (DELETE FROM @table AS e WHERE e.key = $1 AND $3 <= @now),
             put AS ({put}) SELECT 1"
        ),
        Test::Absent => format!(
            "WITH put AS ({put} RETURNING 1) SELECT 1
             WHERE EXISTS (SELECT FROM put) OR ($3 <= @now AND {NO_LIVE_ENTRY})"
        ),
        Test::Present | Test::Equals => format!(
            "WITH gone AS (DELETE FROM @table AS e
                           WHERE e.key = $1 AND {holds} AND $3 <= @now RETURNING 1),
             put AS ({put} RETURNING 1)
             SELECT 1 FROM gone UNION ALL SELECT 1 FROM put"
        ),
    }
}

fn set_time_to_live(lifetime: Lifetime) -> String {
    let renewed = lives_until(&deadline(lifetime));
    match lifetime {
        Lifetime::Keep => "SELECT 1 FROM @table AS e WHERE e.key = $1 AND @live".to_owned(),
        // Not the text of `removal`, which has other parameters: a connection prepares a text once.
        Lifetime::Past => "WITH gone AS (DELETE FROM @table AS e
                           WHERE e.key = $1 AND @live RETURNING 1)
             SELECT 1 FROM gone"
            .to_owned(),
        Lifetime::Never | Lifetime::In(_) => {
            format!("UPDATE @table AS e SET {renewed} WHERE e.key = $1 AND @live")
        }
        Lifetime::Until(_) => format!(
            "WITH gone AS (DELETE FROM @table AS e
                           WHERE e.key = $1 AND @live AND $3 <= @now RETURNING 1),
             put AS (UPDATE @table AS e SET {renewed}
                     WHERE e.key = $1 AND @live AND $3 > @now RETURNING 1)
             SELECT 1 FROM gone UNION ALL SELECT 1 FROM put"
        ),
    }
}

/// Adds in `numeric`, where nothing wraps. A row that cannot be added to is left alone, and the
/// statement says why from what it saw; if it saw another row than it met, it gives no row, has
/// done nothing and may be sent again.
fn increment(lifetime: Lifetime) -> String {
    let new = deadline(lifetime);
    let renewed = lives_until("CASE WHEN @live THEN e.deadline ELSE excluded.deadline END");
    let sum = format!("convert_to(({NUMBER} + $2)::text, 'UTF8')");
    let fits = format!("{NUMBER} {IN_RANGE} AND {NUMBER} + $2 {IN_RANGE}");
    let (insert_guard, update_guard) = match lifetime {
        Lifetime::Past => ("false", "true"),
        Lifetime::Until(_) => ("$3::bigint > @now", "$3 <= @now"),
        Lifetime::Never | Lifetime::Keep | Lifetime::In(_) => ("true", "false"),
    };
    format!(
        "WITH put AS (
            INSERT INTO @table AS e (key, value, deadline, due)
            SELECT $1::text, convert_to($2::bigint::text, 'UTF8'), {new}, {new}
            WHERE {insert_guard}
            ON CONFLICT (key) DO UPDATE
            SET value = CASE WHEN @live THEN {sum} ELSE excluded.value END, {renewed}
            WHERE NOT @live OR ({fits})
            RETURNING e.value),
         changed AS (
            UPDATE @table AS e SET value = {sum}
            WHERE e.key = $1 AND {update_guard} AND @live AND {fits}
            RETURNING e.value),
         done AS (SELECT value FROM put UNION ALL SELECT value FROM changed)
         SELECT 0 AS status, convert_from(value, 'UTF8')::bigint AS sum FROM done
         UNION ALL
         SELECT CASE WHEN {NUMBER} {IN_RANGE} THEN 2 ELSE 1 END, NULL
         FROM @table AS e
         WHERE e.key = $1 AND @live AND NOT EXISTS (SELECT FROM done)
           AND ({fits}) IS NOT TRUE
         UNION ALL
         SELECT 0, $2 WHERE {update_guard} AND {NO_LIVE_ENTRY}"
    )
}

/// What it looked at is told apart from what went, so that a row which another process removed
/// meanwhile does not end the walk.
fn remove_page() -> String {
    format!(
        "WITH page AS MATERIALIZED (
            SELECT e.key FROM @table AS e WHERE {RANGE} ORDER BY e.key LIMIT {PAGE}),
         locked AS MATERIALIZED (
            SELECT e.key FROM @table AS e JOIN page USING (key) ORDER BY e.key FOR UPDATE OF e),
         gone AS (
            DELETE FROM @table AS e USING locked WHERE e.key = locked.key
            RETURNING @live AS live)
         SELECT (SELECT count(*) FROM page), (SELECT max(key) FROM page),
                (SELECT count(*) FILTER (WHERE live) FROM gone)"
    )
}

/// A row that is locked is one that somebody is renewing or removing: it is left for the next step.
///
/// What lives longer by now is put off. Whether it does is judged once the row is locked, by what it is
/// then and not by what it was when the statement began.
fn remove_expired(turn: &str) -> String {
    format!(
        "WITH turn AS MATERIALIZED (SELECT {turn} AS mine),
         looked AS MATERIALIZED (
            SELECT e.key, @live AS live FROM @table AS e
            WHERE (SELECT mine FROM turn) AND e.due <= @now
            ORDER BY e.due LIMIT {PAGE} FOR UPDATE SKIP LOCKED),
         gone AS (
            DELETE FROM @table AS e USING looked
            WHERE e.key = looked.key AND NOT looked.live
            RETURNING 1),
         put_off AS (
            UPDATE @table AS e SET due = e.deadline FROM looked
            WHERE e.key = looked.key AND looked.live)
         SELECT (SELECT count(*) FROM looked), (SELECT count(*) FROM gone)"
    )
}

/// Milliseconds since 1970.
const CLOCK: &str = "floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint";

const NO_LIVE_ENTRY: &str = "NOT EXISTS (SELECT FROM @table AS e WHERE e.key = $1 AND @live)";

/// Both ends always count: with a condition on whether there is an end, the plan that is kept would read
/// on from the last match to the end of the table.
const RANGE: &str = "e.key >= $1 AND e.key < $2";

/// The value of `e` as a canonical integer of any size, or null. The nesting keeps the order: a
/// long value is not looked into, and only digits are cast.
const NUMBER: &str = "CASE WHEN octet_length(e.value) <= 20 THEN
    CASE WHEN encode(e.value, 'escape') ~ '^(0|-?[1-9][0-9]*)$'
         THEN encode(e.value, 'escape')::numeric END END";

const IN_RANGE: &str = "BETWEEN -9223372036854775808 AND 9223372036854775807";

const UPSERT_ALL: &str = "INSERT INTO @table AS e (key, value, deadline, due)
    SELECT n.key, n.value, @deadline, @deadline
    FROM unnest($1::text[], $2::bytea[], $3::bigint[]) AS n (key, value, millis)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, @renewed";

const WRITE_ALL_KEEP: &str = "INSERT INTO @table AS e (key, value, deadline, due)
    SELECT n.key, n.value, NULL, NULL FROM unnest($1::text[], $2::bytea[]) AS n (key, value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, @kept";

const WRITE_ALL_UNTIL: &str = "WITH locked AS MATERIALIZED (
        SELECT e.key FROM @table AS e WHERE e.key = ANY($1::text[]) AND $3::bigint <= @now
        ORDER BY e.key FOR UPDATE),
    gone AS (DELETE FROM @table AS e USING locked WHERE e.key = locked.key)
    INSERT INTO @table AS e (key, value, deadline, due)
    SELECT n.key, n.value, $3, $3 FROM unnest($1::text[], $2::bytea[]) AS n (key, value)
    WHERE $3 > @now
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, @renewed";

const LOCKED: &str = "SELECT e.key FROM @table AS e WHERE e.key = ANY($1::text[])
    EXCEPT
    SELECT f.key FROM (
        SELECT e.key FROM @table AS e WHERE e.key = ANY($1) FOR NO KEY UPDATE SKIP LOCKED) AS f";

const REMOVE_ALL: &str = "WITH locked AS MATERIALIZED (
        SELECT e.key FROM @table AS e WHERE e.key = ANY($1::text[]) ORDER BY e.key FOR UPDATE),
    gone AS (
        DELETE FROM @table AS e USING locked WHERE e.key = locked.key RETURNING @live AS live)
    SELECT count(*) FILTER (WHERE live) FROM gone";

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// A connection prepares a text once, with the parameters of whoever sends it first.
    #[test]
    fn statements_of_different_parameters_have_different_texts() {
        let statements = Statements::new("\"cache\"");
        let writes = statements.writes.iter().flatten().map(|sql| ("write", sql));
        let increments = statements.increments.iter().map(|sql| ("increment", sql));
        let touches = statements.set_time_to_live.iter().map(|sql| ("touch", sql));
        let others = [
            ("read", &statements.read),
            ("read_all", &statements.read_all),
            ("write_all", &statements.write_all_keep),
            ("write_all", &statements.write_all_until),
            ("write_all", &statements.upsert_all),
            ("remove", &statements.remove),
            ("remove_all", &statements.remove_all),
            ("time_to_live", &statements.time_to_live),
            ("read", &statements.read_with_time_to_live),
            ("page", &statements.page),
            ("page", &statements.remove_page),
        ];
        let mut senders = HashMap::new();
        for (sender, sql) in writes.chain(increments).chain(touches).chain(others) {
            let first = *senders.entry(sql.as_str()).or_insert(sender);
            assert_eq!(first, sender, "both send {}", sql.as_str());
        }
    }
}
