//! One step of a sequence, what a client answers to it, and when two answers are the same.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use session_core::{
    CacheClientExtended, Condition, ErrorKind, Expiry, MAX_DEADLINE_MS, Result, TimeToLive,
};

use crate::expect::{HOUR, listed};

/// An operation on one of the views that a sequence has of its store.
#[derive(Clone, PartialEq)]
pub(super) struct Step {
    /// Which view, by its place in the plan.
    pub(super) view: usize,
    pub(super) operation: Operation,
}

/// A call of either trait with all that is given to it.
#[derive(Clone, PartialEq)]
pub(super) enum Operation {
    Read(String),
    ReadAll(Vec<String>),
    ReadWithTimeToLive(String),
    GetTimeToLive(String),
    List(String),
    Write(String, Bytes, Condition, Life),
    WriteAll(Vec<(String, Bytes)>, Life),
    Increment(String, i64, Life),
    SetTimeToLive(String, Life),
    /// Writes value and remaining life of the first key to the second.
    Copy(String, String),
    Remove(String),
    RemoveAll(Vec<String>),
    RemoveStartingWith(String),
    RemoveExpired,
    FlushAll,
    /// Lets units of time pass: an even number of them, see [`Life::In`].
    Pass(u32),
}

/// An [`Expiry`] as a plan gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Life {
    Never,
    Keep,
    Zero,
    /// An instant before 1970, at it, or after it.
    Past(i64),
    /// An hour ago, which only the store's clock tells to be past.
    Ago,
    /// Units of time: an odd number, so that no entry ends at the instant at which one looks.
    In(u32),
    /// The same as an instant, with a part of a millisecond. Not where time has been moved.
    At(u32),
    /// The longest duration, which is no deadline.
    Longest,
    /// A millisecond after the year 9999, which is no deadline.
    AfterTheLast,
}

/// What the units of a sequence mean at this step.
#[derive(Clone, Copy)]
pub(super) struct Instant {
    pub(super) unit: Duration,
    pub(super) now: SystemTime,
}

/// What a client gave.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Nothing,
    Value(Option<Bytes>),
    Values(Vec<Option<Bytes>>),
    Entry(Option<(Bytes, TimeToLive)>),
    Life(Option<TimeToLive>),
    Keys(Vec<String>),
    Happened(bool),
    Count(u64),
    Sum(i64),
    Failed(ErrorKind, String),
}

impl Life {
    fn expiry(self, at: Instant) -> Expiry {
        match self {
            Self::Never => Expiry::Never,
            Self::Keep => Expiry::Keep,
            Self::Zero => Expiry::In(Duration::ZERO),
            Self::Past(millis) => {
                let off = Duration::from_millis(millis.unsigned_abs());
                Expiry::At(match millis {
                    0.. => UNIX_EPOCH + off,
                    _ => UNIX_EPOCH - off,
                })
            }
            Self::Ago => Expiry::At(at.now - HOUR),
            Self::In(units) => Expiry::In(at.unit * units),
            Self::At(units) => Expiry::At(at.now + at.unit * units + Duration::from_nanos(1)),
            Self::Longest => Expiry::In(Duration::MAX),
            Self::AfterTheLast => {
                let after = Duration::from_millis(MAX_DEADLINE_MS.unsigned_abs() + 1);
                Expiry::At(UNIX_EPOCH + after)
            }
        }
    }
}

impl Operation {
    /// Calls the client. Time is not its business: `Pass` does nothing here.
    pub(super) async fn call(&self, client: &dyn CacheClientExtended, at: Instant) -> Answer {
        let answer = match self {
            Self::Read(key) => client.read(key).await.map(Answer::Value),
            Self::ReadAll(keys) => client.read_all(&borrowed(keys)).await.map(Answer::Values),
            Self::ReadWithTimeToLive(key) => {
                client.read_with_time_to_live(key).await.map(Answer::Entry)
            }
            Self::GetTimeToLive(key) => client.get_time_to_live(key).await.map(Answer::Life),
            Self::List(prefix) => listed(client, prefix).await.map(Answer::Keys),
            Self::Write(key, value, condition, life) => client
                .write(key, value.clone(), condition.clone(), life.expiry(at))
                .await
                .map(Answer::Happened),
            Self::WriteAll(entries, life) => {
                let entries: Vec<(&str, Bytes)> = entries
                    .iter()
                    .map(|(key, value)| (&**key, value.clone()))
                    .collect();
                let write = client.write_all(&entries, life.expiry(at)).await;
                write.map(|()| Answer::Nothing)
            }
            Self::Increment(key, by, life) => client
                .increment(key, *by, life.expiry(at))
                .await
                .map(Answer::Sum),
            Self::SetTimeToLive(key, life) => client
                .set_time_to_live(key, life.expiry(at))
                .await
                .map(Answer::Happened),
            Self::Copy(from, to) => copy(client, from, to).await,
            Self::Remove(key) => client.remove(key).await.map(Answer::Happened),
            Self::RemoveAll(keys) => client.remove_all(&borrowed(keys)).await.map(Answer::Count),
            Self::RemoveStartingWith(prefix) => {
                client.remove_starting_with(prefix).await.map(Answer::Count)
            }
            // How many it freed is for the store to say.
            Self::RemoveExpired => client.remove_expired().await.map(|_| Answer::Nothing),
            Self::FlushAll => client.flush_all().await.map(|()| Answer::Nothing),
            Self::Pass(_) => Ok(Answer::Nothing),
        };
        answer.unwrap_or_else(|error| Answer::Failed(error.kind(), format!("{error:?}")))
    }
}

async fn copy(client: &dyn CacheClientExtended, from: &str, to: &str) -> Result<Answer> {
    let found = client.read_with_time_to_live(from).await?;
    if let Some((value, left)) = found.clone() {
        client
            .write(to, value, Condition::Always, left.into())
            .await?;
    }
    Ok(Answer::Entry(found))
}

impl Answer {
    /// Whether this is the answer that was expected; what is left of a life may be off by `slack`.
    pub(super) fn is(&self, expected: &Self, slack: Duration) -> bool {
        let about = |seen: &TimeToLive, expected: &TimeToLive| match (seen, expected) {
            (TimeToLive::Remaining(seen), TimeToLive::Remaining(expected)) => {
                seen.abs_diff(*expected) <= slack && !seen.is_zero()
            }
            (seen, expected) => seen == expected,
        };
        match (self, expected) {
            (Self::Life(Some(seen)), Self::Life(Some(expected))) => about(seen, expected),
            (Self::Entry(Some((seen, left))), Self::Entry(Some((expected, life)))) => {
                seen == expected && about(left, life)
            }
            (Self::Failed(seen, _), Self::Failed(expected, _)) => seen == expected,
            (seen, expected) => seen == expected,
        }
    }
}

fn borrowed(keys: &[String]) -> Vec<&str> {
    keys.iter().map(|key| &**key).collect()
}
