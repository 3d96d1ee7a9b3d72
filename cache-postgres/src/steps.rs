//! What the contract's methods are made of: one statement each, and how its answer is read.

use session_core::{ErrorKind, MAX_KEY_LEN, Outcome, Result, Scope, TimeToLive, prefix_end};
use sqlx::SqlStr;
use sqlx::postgres::PgRow;
use std::time::Duration;

use crate::batch::{Put, column, upsert};
use crate::client::PostgresCache;
use crate::dispatch::Dispatcher;
use crate::error::Failure;
use crate::lifetime::Lifetime;
use crate::sql::{PAGE, Statements, status};
use crate::statement::{Answer, Parameter, Statement};

/// How many entries go in one statement, and how many bytes of values.
pub(crate) const CHUNK: usize = 1_000;
const CHUNK_BYTES: usize = 16 << 20;

/// A page of a listing.
pub(crate) struct Page {
    pub(crate) live: Vec<String>,
    /// Where the next page begins, if there may be one.
    pub(crate) next: Option<String>,
}

/// What a look at entries that are due gave.
pub(crate) struct Looked {
    /// How many had expired, and are gone.
    pub(crate) removed: u64,
    /// Whether there may be more that are due.
    pub(crate) more: bool,
}

impl PostgresCache {
    pub(crate) fn dispatcher(&self) -> &Dispatcher {
        &self.inner.dispatcher
    }

    pub(crate) fn statements(&self) -> &Statements {
        &self.inner.dispatcher.statements
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.inner.scope
    }

    pub(crate) fn stored(&self, operation: &'static str, key: &str) -> Result<String> {
        Ok(self.scope().key(operation, key)?.into_owned())
    }

    pub(crate) async fn run(
        &self,
        operation: &'static str,
        sql: &SqlStr,
        parameters: Vec<Parameter>,
    ) -> Result<Answer> {
        let statement = Statement::new(sql, parameters);
        self.dispatcher()
            .run(statement)
            .await
            .map_err(|failure| failure.into_error(operation))
    }

    /// Whether this may have changed anything.
    pub(crate) async fn write_chunk(&self, puts: Vec<Put>, lifetime: Lifetime) -> Result<bool> {
        let Some(sql) = self.statements().write_all(lifetime) else {
            let keys = puts.into_iter().map(|put| put.key).collect();
            let removed = self.remove_chunk("write_all", keys).await?;
            return Ok(removed > 0);
        };
        let mut statement = upsert(puts, self.statements());
        statement.sql = sql;
        if matches!(lifetime, Lifetime::Keep | Lifetime::Until(_)) {
            statement.parameters[2] = Parameter::Integer(lifetime.amount());
        }
        let run = self.dispatcher().run(statement).await;
        run.map(|_| true)
            .map_err(|failure| failure.into_error("write_all"))
    }

    pub(crate) async fn remove_chunk(
        &self,
        operation: &'static str,
        keys: Vec<String>,
    ) -> Result<u64> {
        let sql = &self.statements().remove_all;
        let answer = self
            .run(operation, sql, vec![Parameter::Texts(keys)])
            .await?;
        let removed: i64 = answer.cell(operation)?.unwrap_or(0);
        Ok(removed.unsigned_abs())
    }

    pub(crate) async fn page(&self, first: String, end: String) -> Result<Page> {
        let parameters = vec![Parameter::Text(first), Parameter::Text(end)];
        let answer = self
            .run("keys_starting_with", &self.statements().page, parameters)
            .await?;
        let mut page = Page {
            live: Vec::with_capacity(answer.rows.len()),
            next: None,
        };
        let is_full = answer.affected >= PAGE.unsigned_abs();
        if let Some(row) = answer.rows.last().filter(|_| is_full) {
            let last: String =
                column(row, 0).map_err(|garbled| garbled.into_error("keys_starting_with"))?;
            page.next = Some(after(last));
        }
        for row in &answer.rows {
            let (key, live) = column(row, 0)
                .and_then(|key| Ok((key, column(row, 1)?)))
                .map_err(|garbled| garbled.into_error("keys_starting_with"))?;
            if live {
                page.live.push(key);
            }
        }
        Ok(page)
    }

    pub(crate) async fn remove_range(&self, operation: &'static str, prefix: &str) -> Result<u64> {
        let end = end_of(prefix);
        let mut next = Some(prefix.to_owned());
        let mut removed = 0;
        while let Some(first) = next {
            let parameters = vec![Parameter::Text(first), Parameter::Text(end.clone())];
            let answer = self
                .run(operation, &self.statements().remove_page, parameters)
                .await
                .map_err(|error| error.after_changes(removed > 0))?;
            let step = answer.rows.first().map(removed_page).transpose();
            let (seen, last, live) = step
                .map_err(|garbled| garbled.into_error(operation))?
                .unwrap_or_default();
            removed += live.unsigned_abs();
            next = last.filter(|_| seen >= PAGE).map(after);
        }
        Ok(removed)
    }
}

impl Answer {
    /// The first column of the first row, if there is one.
    pub(crate) fn cell<'r, T>(&'r self, operation: &'static str) -> Result<Option<T>>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let cell = self.rows.first().map(|row| column(row, 0)).transpose();
        cell.map_err(|garbled| garbled.into_error(operation))
    }
}

/// How many of these go into the next statement: at least one.
pub(crate) fn chunk_len(puts: &[Put]) -> usize {
    let mut bytes = 0;
    let fits = |put: &&Put| {
        bytes += put.value.len();
        bytes <= CHUNK_BYTES
    };
    puts.iter().take(CHUNK).take_while(fits).count().max(1)
}

pub(crate) fn sum(row: &PgRow) -> std::result::Result<i64, Failure> {
    let refuse = |kind| Err(Failure::new(kind, Outcome::NotApplied));
    match column::<i32>(row, 0)? {
        status::DONE => column(row, 1),
        status::NOT_A_NUMBER => refuse(ErrorKind::NotANumber),
        status::OVERFLOW => refuse(ErrorKind::Overflow),
        _ => refuse(ErrorKind::Other),
    }
}

fn removed_page(row: &PgRow) -> std::result::Result<(i64, Option<String>, i64), Failure> {
    Ok((column(row, 0)?, column(row, 1)?, column(row, 2)?))
}

/// What a step of `remove_expired` or `sweep` answers.
pub(crate) fn looked(answer: &Answer) -> std::result::Result<Looked, Failure> {
    let counts = answer.rows.first().map(|row| {
        let counts: (i64, i64) = (column(row, 0)?, column(row, 1)?);
        Ok(counts)
    });
    let (looked, removed) = counts.transpose()?.unwrap_or_default();
    Ok(Looked {
        removed: removed.unsigned_abs(),
        more: looked >= PAGE,
    })
}

pub(crate) fn time_to_live(left: Option<i64>) -> TimeToLive {
    match left {
        None => TimeToLive::Never,
        // A live entry has at least a millisecond left.
        Some(millis) => TimeToLive::Remaining(Duration::from_millis(millis.max(1).unsigned_abs())),
    }
}

/// The end of the range of keys that start with a prefix, which is after all keys if nothing sorts after
/// the prefix.
pub(crate) fn end_of(prefix: &str) -> String {
    let after_all = || {
        char::MAX
            .to_string()
            .repeat(MAX_KEY_LEN / char::MAX.len_utf8() + 1)
    };
    prefix_end(prefix).unwrap_or_else(after_all)
}

/// The smallest key after this one: keys hold no NUL, so the next character is the smallest.
fn after(mut key: String) -> String {
    key.push('\u{1}');
    key
}
