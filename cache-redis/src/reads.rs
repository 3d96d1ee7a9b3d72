//! Reads of one server: many as one `MGET`; with times to live, as a transaction of `MGET` and a
//! `PTTL` for each key that asks for it.
//!
//! How long an answer becomes is not known before it is there, so a merged read asks for as many
//! keys as fit into [`FULL_BYTES`] if every value is as long as the longest of late: many small
//! values go together, long ones alone.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use redis::{Pipeline, Value};
use session_core::TimeToLive;
use tokio::time::Instant;

use crate::command;
use crate::error::Failure;
use crate::merge::Kind;
use crate::node::{Call, Node, Repeat};
use crate::reply;

/// Reads, and how long the values were of late.
#[derive(Default)]
pub(crate) struct Reads {
    length: Length,
}

/// A key to read.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) key: String,
    pub(crate) what: What,
}

/// What is asked of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Value,
    /// Value and time to live of one instant.
    ValueAndTimeToLive,
}

/// A live entry; without its time to live where that was not asked for.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) value: Bytes,
    pub(crate) left: Option<TimeToLive>,
}

impl Kind for Reads {
    type Ask = Ask;
    type Answer = Option<Found>;

    fn direct(&self, ask: &Ask) -> usize {
        match ask.what {
            What::Value => DIRECT,
            What::ValueAndTimeToLive => DIRECT_TIMED,
        }
    }

    fn most(&self) -> usize {
        self.length.keys()
    }

    fn call(&self, deadline: Instant) -> Call {
        Call {
            operation: "read",
            deadline,
            repeat: Repeat::Harmless,
        }
    }

    async fn alone(&self, node: &Node, call: Call, ask: &Ask) -> Result<Option<Found>, Failure> {
        let found = alone(node, call, ask).await?;
        let len = found.as_ref().map_or(0, |found| found.value.len());
        self.length.raise(len);
        Ok(found)
    }

    async fn together(
        &self,
        node: &Node,
        call: Call,
        asks: Vec<Ask>,
    ) -> Result<Vec<Result<Option<Found>, Failure>>, Failure> {
        let answers = together(node, call, &asks).await?;
        let found = answers.iter().flatten().flatten();
        let longest = found.map(|found| found.value.len()).max();
        self.length.learn(longest.unwrap_or(0));
        Ok(answers)
    }
}

async fn alone(node: &Node, call: Call, ask: &Ask) -> Result<Option<Found>, Failure> {
    let get = command::on_key("GET", &ask.key);
    if ask.what == What::Value {
        let value = reply::read(node.send(call, &get).await?)?;
        return Ok(value.map(|value| Found { value, left: None }));
    }
    let mut both = Pipeline::with_capacity(2);
    both.add_command(get);
    both.add_command(command::on_key("PTTL", &ask.key));
    let answers = transaction(node, call, both).await?;
    let [value, left] = <[Value; 2]>::try_from(answers).map_err(|_| Failure::unexpected())?;
    timed(reply::read(value)?, left)
}

/// An answer for each.
async fn together(
    node: &Node,
    call: Call,
    asks: &[Ask],
) -> Result<Vec<Result<Option<Found>, Failure>>, Failure> {
    let keys: Vec<&str> = asks.iter().map(|ask| ask.key.as_str()).collect();
    let get = command::on_keys("MGET", &keys);
    let mut all = Pipeline::new();
    for ask in asks {
        if ask.what == What::ValueAndTimeToLive {
            all.add_command(command::on_key("PTTL", &ask.key));
        }
    }
    let (values, left) = if all.is_empty() {
        (node.send(call, &get).await?, Vec::new())
    } else {
        all.add_command(get);
        let mut answers = transaction(node, call, all).await?;
        (answers.pop().ok_or_else(Failure::unexpected)?, answers)
    };
    let values = reply::checked(values).and_then(reply::list)?;
    if values.len() != asks.len() {
        return Err(Failure::unexpected());
    }
    let mut left = left.into_iter();
    let answer = |(ask, value): (&Ask, Value)| {
        match ask.what {
            What::Value => Ok(reply::value(value)?.map(|value| Found { value, left: None })),
            What::ValueAndTimeToLive => {
                // Taken first, so that a value that makes no sense shifts nobody's time to live.
                let left = left.next().ok_or_else(Failure::unexpected)?;
                timed(reply::value(value)?, left)
            }
        }
    };
    Ok(asks.iter().zip(values).map(answer).collect())
}

/// Sends commands that see one instant and gives their answers.
pub(crate) async fn transaction(
    node: &Node,
    call: Call,
    mut commands: Pipeline,
) -> Result<Vec<Value>, Failure> {
    let answers = node.send(call, commands.atomic()).await?;
    let [answer] = <[Value; 1]>::try_from(answers).map_err(|_| Failure::unexpected())?;
    reply::list(reply::checked(answer)?)
}

/// A value with what `PTTL` tells.
fn timed(value: Option<Bytes>, left: Value) -> Result<Option<Found>, Failure> {
    let Some(value) = value else { return Ok(None) };
    let left = reply::time_to_live(&reply::checked(left)?)?;
    Ok(left.map(|left| Found {
        value,
        left: Some(left),
    }))
}

/// How long the next value may be: the longest of late, of which each merged read without such a
/// one forgets half.
struct Length(AtomicUsize);

impl Default for Length {
    fn default() -> Self {
        Self(AtomicUsize::new(FULL_BYTES / DIRECT))
    }
}

impl Length {
    /// How many keys to ask for at once.
    fn keys(&self) -> usize {
        (FULL_BYTES / self.0.load(Relaxed).max(1)).clamp(1, FULL)
    }

    /// Takes note of a value that was read alone.
    fn raise(&self, length: usize) {
        if length > self.0.load(Relaxed) {
            self.0.fetch_max(length, Relaxed);
        }
    }

    /// Takes note of the longest value of a merged read.
    fn learn(&self, longest: usize) {
        // The answers of several senders may come at once: what is lost then is soon learned again.
        let half = self.0.load(Relaxed) / 2;
        self.0.store(half.max(longest), Relaxed);
    }
}

/// How many reads at a time go out as they are.
const DIRECT: usize = 16;
/// The same for reads with their time to live, which cost the server and the driver more.
const DIRECT_TIMED: usize = 4;
/// The most keys of one merged read.
const FULL: usize = 128;
/// The most bytes that a merged read expects, unless a single value is longer.
const FULL_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_read_alone_and_forgotten_by_and_by() {
        let length = Length(AtomicUsize::new(0));
        assert_eq!(length.keys(), FULL);
        length.raise(16 << 20);
        assert_eq!(length.keys(), 1);
        for keys in [1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 128, 128] {
            length.learn(100);
            assert_eq!(length.keys(), keys);
        }
        length.learn(FULL_BYTES / 3);
        assert_eq!(length.keys(), 3);
    }
}
