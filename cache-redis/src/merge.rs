//! Concurrent reads of one server, merged into one `MGET` where that is faster.
//!
//! A few reads at a time go out as they are: a lone read pays for counting and nothing else. Beyond
//! [`DIRECT`] at a time they queue, and a task sends what is in the queue as one command, again
//! and again until it is empty. While one such command is on its way the next one fills, so the
//! more is asked at once, the more goes at once.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
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
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// How many tasks are emptying it.
    senders: usize,
}

struct Waiting {
    key: String,
    answer: oneshot::Sender<Result<Option<Bytes>, Failure>>,
}

/// One read among the others, also when it is dropped half-way.
struct Counted<'r>(&'r AtomicUsize);

impl Reads {
    pub(crate) fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            queue: Arc::default(),
        }
    }

    /// Reads a key, alone or with others.
    pub(crate) async fn read(
        &self,
        node: &Arc<Node>,
        call: Call,
        key: &str,
    ) -> Result<Option<Bytes>, Failure> {
        let others = self.count.fetch_add(1, Relaxed);
        let _counted = Counted(&self.count);
        if others < DIRECT {
            return reply::read(node.send(call, &command::on_key("GET", key)).await?);
        }
        let answer = self.enqueue(node, call, key);
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
    ) -> oneshot::Receiver<Result<Option<Bytes>, Failure>> {
        let (sender, receiver) = oneshot::channel();
        let mut queue = lock(&self.queue);
        queue.waiting.push(Waiting {
            key: key.to_owned(),
            answer: sender,
        });
        if queue.senders < SENDERS && queue.waiting.len() > queue.senders * FULL {
            queue.senders += 1;
            let patience = call.deadline.saturating_duration_since(Instant::now());
            tokio::spawn(send(self.queue.clone(), node.clone(), patience));
        }
        receiver
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Sends what is in the queue until it is empty.
async fn send(queue: Arc<Mutex<Queue>>, node: Arc<Node>, patience: Duration) {
    loop {
        // Whoever is about to ask may join.
        tokio::task::yield_now().await;
        let Some(mut batch) = take(&queue) else {
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
        let keys: Vec<&str> = batch.iter().map(|waiting| waiting.key.as_str()).collect();
        let answers = match node.send(call, &command::on_keys("MGET", &keys)).await {
            Ok(answer) => reply::checked(answer).and_then(reply::list),
            Err(failure) => Err(failure),
        };
        match answers {
            Ok(answers) if answers.len() == batch.len() => {
                for (waiting, answer) in batch.into_iter().zip(answers) {
                    let _ = waiting.answer.send(reply::value(answer));
                }
            }
            failed => {
                let failure = failed.err().unwrap_or_else(Failure::unexpected);
                for waiting in batch {
                    let _ = waiting.answer.send(Err(failure.clone()));
                }
            }
        }
    }
}

/// The next reads to send; without any, the sender is done.
fn take(queue: &Mutex<Queue>) -> Option<Vec<Waiting>> {
    let mut queue = lock(queue);
    if queue.waiting.is_empty() {
        queue.senders -= 1;
        return None;
    }
    let taken = queue.waiting.len().min(FULL);
    let rest = queue.waiting.split_off(taken);
    Some(std::mem::replace(&mut queue.waiting, rest))
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many reads at a time go out as they are.
const DIRECT: usize = 16;
/// The most keys of one merged read, so that the answer stays bounded.
const FULL: usize = 128;
/// How many merged reads may be on their way, each after the first when there is more than the
/// ones before can take.
const SENDERS: usize = 4;
