//! One call about one key: what was asked, what came back, and when.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use session_core::{
    CacheClientExtended, Condition, Error, ErrorKind, Expiry, Outcome, Result, TimeToLive,
};

/// A call as it was recorded.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Who called: tasks are numbered, and each waits for its answer before it calls again.
    pub(super) caller: usize,
    pub(super) operation: Operation,
    /// What came back; `None` where the outcome is unknown.
    pub(super) answer: Option<Answer>,
    /// Places in the one order of all beginnings and ends.
    pub(super) began: u64,
    /// [`NEVER`](Call::NEVER) where the outcome is unknown: what was asked may happen at any time.
    pub(super) ended: u64,
    /// The milliseconds of the store's time, since the history began, in which it ran.
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Call {
    pub(super) const NEVER: u64 = u64::MAX;

    pub(super) fn is_known(&self) -> bool {
        self.ended != Self::NEVER
    }

    /// Whether by its answer it has left everything as it was, whatever that was.
    pub(super) fn changed_nothing(&self) -> bool {
        match self.answer {
            Some(Answer::Value(_) | Answer::Entry(_) | Answer::NotANumber) => true,
            Some(Answer::Happened(happened)) => !happened,
            Some(Answer::Sum(_)) | None => false,
        }
    }
}

/// What can be asked about one key. A batch is one of these for each of its keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operation {
    Read,
    ReadWithTimeToLive,
    Write(Bytes, Condition, Life),
    Remove,
    Increment(i64, Life),
    SetTimeToLive(Life),
}

/// An [`Expiry`] without the instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Never,
    Keep,
    /// In milliseconds; 0 is over at once.
    In(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Value(Option<Bytes>),
    Entry(Option<(Bytes, TimeToLive)>),
    Happened(bool),
    Sum(i64),
    NotANumber,
}

impl Life {
    pub(super) fn expiry(self) -> Expiry {
        match self {
            Self::Never => Expiry::Never,
            Self::Keep => Expiry::Keep,
            Self::In(millis) => Duration::from_millis(millis.into()).into(),
        }
    }
}

impl Operation {
    pub(super) async fn call(&self, client: &dyn CacheClientExtended, key: &str) -> Result<Answer> {
        match self {
            Self::Read => client.read(key).await.map(Answer::Value),
            Self::ReadWithTimeToLive => client.read_with_time_to_live(key).await.map(Answer::Entry),
            Self::Write(value, condition, life) => {
                let write = client.write(key, value.clone(), condition.clone(), life.expiry());
                write.await.map(Answer::Happened)
            }
            Self::Remove => client.remove(key).await.map(Answer::Happened),
            Self::Increment(by, life) => match client.increment(key, *by, life.expiry()).await {
                Err(error) if error.kind() == ErrorKind::NotANumber => Ok(Answer::NotANumber),
                sum => sum.map(Answer::Sum),
            },
            Self::SetTimeToLive(life) => {
                let set = client.set_time_to_live(key, life.expiry());
                set.await.map(Answer::Happened)
            }
        }
    }

    /// Whether it changes nothing, whatever is stored.
    pub(super) fn only_reads(&self) -> bool {
        matches!(self, Self::Read | Self::ReadWithTimeToLive)
    }

    /// Whether it may have happened, or may still happen, though this is what came back.
    pub(super) fn may_follow(&self, error: &Error) -> bool {
        !self.only_reads() && error.outcome() == Outcome::Unknown
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> ", self.operation)?;
        match &self.answer {
            None => write!(f, "unknown: then, at any time later, or never"),
            Some(answer) => write!(f, "{answer}"),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => f.write_str("read"),
            Self::ReadWithTimeToLive => f.write_str("read_with_time_to_live"),
            Self::Write(value, Condition::Equals(expected), life) => write!(
                f,
                "write({}, Equals({}), {life})",
                value.escape_ascii(),
                expected.escape_ascii()
            ),
            Self::Write(value, condition, life) => {
                write!(f, "write({}, {condition:?}, {life})", value.escape_ascii())
            }
            Self::Remove => f.write_str("remove"),
            Self::Increment(by, life) => write!(f, "increment({by}, {life})"),
            Self::SetTimeToLive(life) => write!(f, "set_time_to_live({life})"),
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(millis) => write!(f, "In({millis} ms)"),
            other => write!(f, "{other:?}"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(None) | Self::Entry(None) => f.write_str("nothing"),
            Self::Value(Some(value)) => write!(f, "{}", value.escape_ascii()),
            Self::Entry(Some((value, left))) => write!(f, "{}, {left:?}", value.escape_ascii()),
            Self::Happened(happened) => write!(f, "{happened}"),
            Self::Sum(sum) => write!(f, "{sum}"),
            Self::NotANumber => f.write_str("NotANumber"),
        }
    }
}
