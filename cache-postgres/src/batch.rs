//! Calls that run as one statement, and who gets what of its answer.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::sync::oneshot;

use crate::error::{Failure, Stage, failure};
use crate::lifetime::{Lifetime, Test};
use crate::sql::Statements;
use crate::statement::{Answer, Parameter, Statement};

pub(crate) type Reply<T> = oneshot::Sender<Result<T, Failure>>;

/// What a caller asks for, and where it waits for the answer.
pub(crate) enum Request {
    Read(String, Reply<Option<Bytes>>),
    Put(Put, Reply<()>),
    Other(Statement, Reply<Answer>),
}

/// A write without a condition, whose lifetime is `Never` or `In`.
pub(crate) struct Put {
    pub(crate) key: String,
    pub(crate) value: Bytes,
    pub(crate) lifetime: Lifetime,
}

/// Requests of one sort may run together, except `Other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Read,
    Put,
    Other,
}

impl Request {
    pub(crate) fn sort(&self) -> Sort {
        match self {
            Self::Read(..) => Sort::Read,
            Self::Put(..) => Sort::Put,
            Self::Other(..) => Sort::Other,
        }
    }

    /// The bytes that are sent.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Read(key, _) => key.len(),
            Self::Put(put, _) => put.key.len() + put.value.len(),
            Self::Other(statement, _) => statement.len(),
        }
    }

    /// Whether nobody waits for it any more.
    pub(crate) fn is_forsaken(&self) -> bool {
        match self {
            Self::Read(_, reply) => reply.is_closed(),
            Self::Put(_, reply) => reply.is_closed(),
            Self::Other(_, reply) => reply.is_closed(),
        }
    }

    /// Answers with a failure without having run.
    pub(crate) fn refuse(self, failure: Failure) {
        // Who went away needs no answer; here and below.
        match self {
            Self::Read(_, reply) => drop(reply.send(Err(failure))),
            Self::Put(_, reply) => drop(reply.send(Err(failure))),
            Self::Other(_, reply) => drop(reply.send(Err(failure))),
        }
    }
}

/// Who waits for the answer of one statement.
pub(crate) enum Waiting {
    Read(Vec<Reply<Option<Bytes>>>),
    /// With the keys.
    Put(Vec<(String, Reply<()>)>),
    Other(Reply<Answer>),
}

/// Makes one statement of requests of one sort, which are at least one.
pub(crate) fn merge(
    requests: Vec<Request>,
    statements: &Statements,
) -> Option<(Statement, Waiting)> {
    let (mut keys, mut readers) = (Vec::new(), Vec::new());
    let (mut puts, mut writers) = (Vec::new(), Vec::new());
    for request in requests {
        match request {
            Request::Read(key, reply) => {
                keys.push(key);
                readers.push(reply);
            }
            Request::Put(put, reply) => {
                writers.push((put.key.clone(), reply));
                puts.push(put);
            }
            Request::Other(statement, reply) => return Some((statement, Waiting::Other(reply))),
        }
    }
    if !readers.is_empty() {
        return Some((read(keys, statements), Waiting::Read(readers)));
    }
    (!writers.is_empty()).then(|| (write(puts, statements), Waiting::Put(writers)))
}

fn read(mut keys: Vec<String>, statements: &Statements) -> Statement {
    match keys.pop() {
        Some(key) if keys.is_empty() => {
            Statement::new(&statements.read, vec![Parameter::Text(key)])
        }
        last => {
            keys.extend(last);
            Statement::new(&statements.read_all, vec![Parameter::Texts(keys)])
        }
    }
}

fn write(mut puts: Vec<Put>, statements: &Statements) -> Statement {
    match puts.pop() {
        Some(put) if puts.is_empty() => Statement::new(
            &statements.write(Test::Always, put.lifetime),
            vec![
                Parameter::Text(put.key),
                Parameter::Blob(put.value),
                Parameter::Integer(put.lifetime.amount()),
                Parameter::Blob(Bytes::new()),
            ],
        ),
        last => {
            puts.extend(last);
            upsert(puts, statements)
        }
    }
}

/// One upsert of many. Of a key that is written twice the later value stays, as if the calls had
/// come one after the other.
pub(crate) fn upsert(mut puts: Vec<Put>, statements: &Statements) -> Statement {
    // Stable, so that the later of two stays behind the earlier one.
    puts.sort_by(|one, other| one.key.cmp(&other.key));
    puts.reverse();
    puts.dedup_by(|later, earlier| later.key == earlier.key);
    puts.reverse();
    let mut keys = Vec::with_capacity(puts.len());
    let mut values = Vec::with_capacity(puts.len());
    let mut lifetimes = Vec::with_capacity(puts.len());
    for put in puts {
        keys.push(put.key);
        values.push(put.value);
        lifetimes.push(match put.lifetime {
            Lifetime::In(millis) => Some(millis),
            _ => None,
        });
    }
    Statement::new(
        &statements.upsert_all,
        vec![
            Parameter::Texts(keys),
            Parameter::Blobs(values),
            Parameter::MaybeIntegers(lifetimes),
        ],
    )
}

/// An upsert of many without these keys; `None` if nothing is left, or nothing is taken away.
pub(crate) fn without(statement: &Statement, keys: &HashSet<String>) -> Option<Statement> {
    let [
        Parameter::Texts(all),
        Parameter::Blobs(values),
        Parameter::MaybeIntegers(lifetimes),
    ] = statement.parameters.as_slice()
    else {
        return None;
    };
    let left = || (0..all.len()).filter(|index| !keys.contains(&all[*index]));
    let some_but_not_all = (1..all.len()).contains(&left().count());
    some_but_not_all.then(|| {
        Statement::new(
            &statement.sql,
            vec![
                Parameter::Texts(left().map(|index| all[index].clone()).collect()),
                Parameter::Blobs(left().map(|index| values[index].clone()).collect()),
                Parameter::MaybeIntegers(left().map(|index| lifetimes[index]).collect()),
            ],
        )
    })
}

impl Waiting {
    /// How many calls wait.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Read(replies) => replies.len(),
            Self::Put(replies) => replies.len(),
            Self::Other(_) => 1,
        }
    }

    /// Answers the writers of these keys with a failure; the others go on waiting.
    pub(crate) fn refuse(&mut self, keys: &HashSet<String>, failure: &Failure) {
        let Self::Put(replies) = self else { return };
        let (refused, waiting) = std::mem::take(replies)
            .into_iter()
            .partition(|(key, _)| keys.contains(key));
        *replies = waiting;
        let refused: Vec<(String, Reply<()>)> = refused;
        for (_, reply) in refused {
            drop(reply.send(Err(failure.clone())));
        }
    }

    /// Gives everybody their part.
    pub(crate) fn settle(self, statement: &Statement, result: Result<Answer, Failure>) {
        match self {
            Self::Other(reply) => drop(reply.send(result)),
            Self::Put(replies) => {
                let result = result.map(drop);
                for (_, reply) in replies {
                    drop(reply.send(result.clone()));
                }
            }
            Self::Read(replies) => {
                let values = result.and_then(|answer| values(statement, &answer.rows));
                for (index, reply) in replies.into_iter().enumerate() {
                    let value = values
                        .as_ref()
                        .map(|values| values.get(index).cloned().flatten());
                    drop(reply.send(value.map_err(Failure::clone)));
                }
            }
        }
    }
}

/// The values in the order of the keys that the statement asked for.
fn values(statement: &Statement, rows: &[PgRow]) -> Result<Vec<Option<Bytes>>, Failure> {
    let Some(Parameter::Texts(keys)) = statement.parameters.first() else {
        return rows.iter().map(|row| bytes(row, 0).map(Some)).collect();
    };
    let found = by_key(rows)?;
    Ok(keys
        .iter()
        .map(|key| found.get(key.as_str()).cloned())
        .collect())
}

/// Rows of key and value.
pub(crate) fn by_key(rows: &[PgRow]) -> Result<HashMap<&str, Bytes>, Failure> {
    rows.iter()
        .map(|row| Ok((column(row, 0)?, bytes(row, 1)?)))
        .collect()
}

/// A column of a row. One that is not as expected is a garbled answer.
pub(crate) fn column<'r, T>(row: &'r PgRow, index: usize) -> Result<T, Failure>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(index)
        .map_err(|error| failure(&error, Stage::Running))
}

pub(crate) fn bytes(row: &PgRow, index: usize) -> Result<Bytes, Failure> {
    column::<Vec<u8>>(row, index).map(Bytes::from)
}
