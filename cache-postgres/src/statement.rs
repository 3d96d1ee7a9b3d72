//! A statement with its parameters, owned, so that it can wait in a queue and run on any task.

use std::fmt::Write as _;

use bytes::Bytes;
use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Either, Executor, Postgres, SqlSafeStr, SqlStr};

/// What is sent: one statement and what stands for `$1`, `$2` and so on.
pub(crate) struct Statement {
    pub(crate) sql: SqlStr,
    pub(crate) parameters: Vec<Parameter>,
}

pub(crate) enum Parameter {
    Text(String),
    Blob(Bytes),
    Integer(i64),
    Texts(Vec<String>),
    Blobs(Vec<Bytes>),
    MaybeIntegers(Vec<Option<i64>>),
}

/// What comes back.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<PgRow>,
    /// Rows written, removed or selected.
    pub(crate) affected: u64,
}

/// How statements reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Prepared once a connection, parameters in binary.
    Prepared,
    /// One self-contained text, so that a pooler may give every statement another connection.
    Text,
}

impl Statement {
    pub(crate) fn new(sql: &SqlStr, parameters: Vec<Parameter>) -> Self {
        Self {
            sql: sql.clone(),
            parameters,
        }
    }

    /// The bytes that the parameters hold.
    pub(crate) fn len(&self) -> usize {
        self.parameters.iter().map(Parameter::len).sum()
    }

    /// Runs it to its end. The connection is not to be used again if this is dropped before.
    pub(crate) async fn run(
        &self,
        connection: &mut PgConnection,
        protocol: Protocol,
    ) -> sqlx::Result<Answer> {
        let mut answer = Answer::default();
        let mut results = match protocol {
            Protocol::Prepared => connection.fetch_many(self.query()),
            Protocol::Text => sqlx::raw_sql(self.text()).fetch_many(connection),
        };
        while let Some(result) = results.try_next().await? {
            match result {
                Either::Left(done) => answer.affected += done.rows_affected(),
                Either::Right(row) => answer.rows.push(row),
            }
        }
        drop(results);
        Ok(answer)
    }

    fn query(&self) -> Query<'_, Postgres, PgArguments> {
        let query = sqlx::query(self.sql.clone());
        self.parameters
            .iter()
            .fold(query, |query, parameter| match parameter {
                Parameter::Text(text) => query.bind(text.as_str()),
                Parameter::Blob(bytes) => query.bind(&bytes[..]),
                Parameter::Integer(number) => query.bind(*number),
                Parameter::Texts(texts) => query.bind(texts),
                Parameter::Blobs(blobs) => {
                    query.bind(blobs.iter().map(|bytes| &bytes[..]).collect::<Vec<_>>())
                }
                Parameter::MaybeIntegers(numbers) => query.bind(numbers),
            })
    }

    /// The statement with its parameters written out. Texts and bytes are written as hexadecimal
    /// digits, so there is nothing in them that could end a literal.
    fn text(&self) -> SqlStr {
        let sql = self.sql.as_str();
        let mut text = String::with_capacity(sql.len() + 2 * self.len() + 64);
        // A name in double quotes is itself, whatever it contains.
        for (index, piece) in sql.split('"').enumerate() {
            if index > 0 {
                text.push('"');
            }
            match index % 2 {
                0 => self.fill_in(&mut text, piece),
                _ => text.push_str(piece),
            }
        }
        AssertSqlSafe(text).into_sql_str()
    }

    fn fill_in(&self, text: &mut String, sql: &str) {
        let mut pieces = sql.split('$');
        text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(piece.len());
            let (number, rest) = piece.split_at(digits);
            let index = number
                .parse::<usize>()
                .ok()
                .and_then(|number| number.checked_sub(1));
            match index.and_then(|index| self.parameters.get(index)) {
                Some(parameter) => parameter.write(text),
                None => {
                    text.push('$');
                    text.push_str(number);
                }
            }
            text.push_str(rest);
        }
    }
}

impl Parameter {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
            Self::Integer(_) => 8,
            Self::Texts(texts) => texts.iter().map(String::len).sum(),
            Self::Blobs(blobs) => blobs.iter().map(Bytes::len).sum(),
            Self::MaybeIntegers(numbers) => 8 * numbers.len(),
        }
    }

    /// The parameter as it stands in a text.
    pub(crate) fn literal(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => write_text(out, text),
            Self::Blob(bytes) => write_bytes(out, bytes),
            Self::Integer(number) => write_integer(out, *number),
            Self::Texts(texts) => {
                write_array(out, "text", texts, |out, text| write_text(out, text));
            }
            Self::Blobs(blobs) => {
                write_array(out, "bytea", blobs, |out, bytes| write_bytes(out, bytes));
            }
            Self::MaybeIntegers(numbers) => {
                write_array(out, "bigint", numbers, |out, number| match number {
                    Some(number) => write_integer(out, *number),
                    None => out.push_str("NULL"),
                });
            }
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push_str("convert_from(");
    write_bytes(out, text.as_bytes());
    out.push_str(", 'UTF8')");
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push_str("decode('");
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out.push_str("', 'hex')");
}

fn write_integer(out: &mut String, number: i64) {
    // Writing to a string cannot fail.
    let _ = write!(out, "({number})::bigint");
}

fn write_array<T>(out: &mut String, kind: &str, items: &[T], one: impl Fn(&mut String, &T)) {
    out.push_str("ARRAY[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        one(out, item);
    }
    let _ = write!(out, "]::{kind}[]");
}
