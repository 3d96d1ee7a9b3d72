//! Concurrent reads of one server, merged into one `MGET` where that is faster; with times to live,
//! into a transaction of `MGET` and a `PTTL` for each key that asks for it.
//!
//! A few reads at a time go out as they are: a lone read pays for counting and nothing else. Beyond
//! [`DIRECT`] at a time, or [`DIRECT_TIMED`] of those that are four commands alone, they queue, and
//! a task sends what is in the queue as one command, again
//! and again until it is empty. While one such command is on its way the next one fills, so the
//! more is asked at once, the more goes at once.
//!
//! How long an answer becomes is not known before it is there, so a merged read asks for as many
//! keys as fit into [`FULL_BYTES`] if every value is as long as the longest of late: many small
//! values go together, long ones alone.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use redis::{Pipeline, Value};
use session_core::TimeToLive;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::command;
use crate::error::Failure;
use crate::node::{Call, Node, Repeat};
use crate::reply;

/// The reads of one server.
pub(crate) struct Reads {
    /// Those that are on their way, in the queue or not.
    count: AtomicUsize,
    queue: Arc<Mutex<Queue>>,
    length: Arc<Length>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many tasks are emptying it.
    senders: usize,
}

/// How long the next value may be: the longest of late, of which each merged read without such a
/// one forgets half.
struct Length(AtomicUsize);

/// What is asked of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
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

type Answer = Result<Option<Found>, Failure>;

struct Waiting {
    key: String,
    ask: Ask,
    answer: oneshot::Sender<Answer>,
}

/// One read among the others, also when it is dropped half-way.
struct Counted<'r>(&'r AtomicUsize);

impl Reads {
    pub(crate) fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            queue: Arc::default(),
            length: Arc::new(Length(AtomicUsize::new(FULL_BYTES / DIRECT))),
        }
    }

    /// Reads a key, alone or with others.
    pub(crate) async fn read(&self, node: &Arc<Node>, call: Call, key: &str, ask: Ask) -> Answer {
        let others = self.count.fetch_add(1, Relaxed);
        let _counted = Counted(&self.count);
        let direct = match ask {
            Ask::Value => DIRECT,
            Ask::ValueAndTimeToLive => DIRECT_TIMED,
        };
        if others < direct {
            let found = alone(node, call, key, ask).await?;
            self.length
                .raise(found.as_ref().map_or(0, |found| found.value.len()));
            return Ok(found);
        }
        let answer = self.enqueue(node, call, key, ask);
        match timeout_at(call.deadline, answer).await {
            Ok(Ok(answer)) => answer,
            // The sender ends without an answer only with the runtime.
            Ok(Err(_)) => Err(Failure::unexpected()),
            Err(_) => Err(Failure::silence()),
        }
    }

    fn enqueue(
        &self,
        node: &Arc<Node>,
        call: Call,
        key: &str,
        ask: Ask,
    ) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let mut queue = lock(&self.queue);
        queue.waiting.push_back(Waiting {
            key: key.to_owned(),
            ask,
            answer: sender,
        });
        if queue.senders < SENDERS && queue.waiting.len() > queue.senders * self.length.keys() {
            queue.senders += 1;
            let patience = call.deadline.saturating_duration_since(Instant::now());
            let (queue, length) = (self.queue.clone(), self.length.clone());
            tokio::spawn(send(queue, length, node.clone(), patience));
        }
        receiver
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

async fn alone(node: &Node, call: Call, key: &str, ask: Ask) -> Answer {
    let get = command::on_key("GET", key);
    if ask == Ask::Value {
        let value = reply::read(node.send(call, &get).await?)?;
        return Ok(value.map(|value| Found { value, left: None }));
    }
    let mut both = Pipeline::with_capacity(2);
    both.add_command(get);
    both.add_command(command::on_key("PTTL", key));
    let answers = transaction(node, call, both).await?;
    let [value, left] = <[Value; 2]>::try_from(answers).map_err(|_| Failure::unexpected())?;
    timed(reply::read(value)?, left)
}

/// An answer for each.
async fn together(node: &Node, call: Call, batch: &[Waiting]) -> Result<Vec<Answer>, Failure> {
    let keys: Vec<&str> = batch.iter().map(|waiting| waiting.key.as_str()).collect();
    let get = command::on_keys("MGET", &keys);
    let mut all = Pipeline::new();
    for waiting in batch {
        if waiting.ask == Ask::ValueAndTimeToLive {
            all.add_command(command::on_key("PTTL", &waiting.key));
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
    if values.len() != batch.len() {
        return Err(Failure::unexpected());
    }
    let mut left = left.into_iter();
    let answer = |(waiting, value): (&Waiting, Value)| {
        match waiting.ask {
            Ask::Value => Ok(reply::value(value)?.map(|value| Found { value, left: None })),
            Ask::ValueAndTimeToLive => {
                // Taken first, so that a value that makes no sense shifts nobody's time to live.
                let left = left.next().ok_or_else(Failure::unexpected)?;
                timed(reply::value(value)?, left)
            }
        }
    };
    Ok(batch.iter().zip(values).map(answer).collect())
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
fn timed(value: Option<Bytes>, left: Value) -> Answer {
    let Some(value) = value else { return Ok(None) };
    let left = reply::time_to_live(&reply::checked(left)?)?;
    Ok(left.map(|left| Found {
        value,
        left: Some(left),
    }))
}

/// Sends what is in the queue until it is empty.
async fn send(queue: Arc<Mutex<Queue>>, length: Arc<Length>, node: Arc<Node>, patience: Duration) {
    loop {
        // Whoever is about to ask may join.
        tokio::task::yield_now().await;
        let Some(mut batch) = take(&queue, length.keys()) else {
            return;
        };
        // Who gave up meanwhile need not be asked for.
        batch.retain(|waiting| !waiting.answer.is_closed());
        if batch.is_empty() {
            continue;
        }
        let deadline = Instant::now() + patience;
        let call = Call {
            operation: "read",
            deadline,
            repeat: Repeat::Harmless,
        };
        match together(&node, call, &batch).await {
            Ok(answers) => {
                let mut longest = 0;
                for (waiting, answer) in batch.into_iter().zip(answers) {
                    if let Ok(Some(found)) = &answer {
                        longest = longest.max(found.value.len());
                    }
                    let _ = waiting.answer.send(answer);
                }
                length.learn(longest);
            }
            Err(failure) => {
                for waiting in batch {
                    let _ = waiting.answer.send(Err(failure.clone()));
                }
            }
        }
    }
}

/// The next reads to send, at most `most`; without any, the sender is done.
fn take(queue: &Mutex<Queue>, most: usize) -> Option<Vec<Waiting>> {
    let mut queue = lock(queue);
    if queue.waiting.is_empty() {
        queue.senders -= 1;
        return None;
    }
    let taken = queue.waiting.len().min(most);
    Some(queue.waiting.drain(..taken).collect())
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

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many reads at a time go out as they are.
const DIRECT: usize = 16;
/// The same for reads with their time to live, which cost the server and the driver more.
const DIRECT_TIMED: usize = 4;
/// The most keys of one merged read.
const FULL: usize = 128;
/// The most bytes that a merged read expects, unless a single value is longer.
const FULL_BYTES: usize = 1 << 20;
/// How many merged reads may be on their way, each after the first when there is more than the
/// ones before can take.
const SENDERS: usize = 4;

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
