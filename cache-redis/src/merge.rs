//! Concurrent calls to one server, merged into requests for many where that is faster.
//!
//! A few calls at a time go out as they are: a lone one pays for counting and nothing else. Beyond
//! that they queue, and a task sends what is in the queue as one request, again and again until it
//! is empty. While requests are on their way the next one fills, so the more is asked at once, the
//! more goes at once. Several may be on their way, so that neither side waits for the other and a
//! long way to the server is no longer for those who came second.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::error::Failure;
use crate::node::{Call, Node};

/// Calls of one kind, which can be sent alone or with others.
pub(crate) trait Kind: Send + Sync + 'static {
    /// What one call asks.
    type Ask: Send + Sync + 'static;
    /// What it is told.
    type Answer: Send + 'static;

    /// How many calls at a time go out as they are.
    fn direct(&self, ask: &Self::Ask) -> usize;

    /// How many calls a request may take.
    fn most(&self) -> usize;

    /// What a request for many is to its server, until this instant.
    fn call(&self, deadline: Instant) -> Call;

    /// Sends one.
    fn alone(
        &self,
        node: &Node,
        call: Call,
        ask: &Self::Ask,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;

    /// Sends many, and gives an answer for each or what went wrong with all.
    fn together(
        &self,
        node: &Node,
        call: Call,
        asks: Vec<Self::Ask>,
    ) -> impl Future<Output = Result<Vec<Result<Self::Answer, Failure>>, Failure>> + Send;
}

/// The calls of a kind to one server.
pub(crate) struct Merge<K: Kind> {
    shared: Arc<Shared<K>>,
}

struct Shared<K: Kind> {
    kind: K,
    node: Arc<Node>,
    /// Calls that are on their way, in the queue or not.
    count: AtomicUsize,
    queue: Mutex<Queue<K>>,
}

struct Queue<K: Kind> {
    waiting: VecDeque<Waiting<K>>,
    /// How many tasks are emptying it.
    senders: usize,
}

struct Waiting<K: Kind> {
    ask: K::Ask,
    deadline: Instant,
    answer: oneshot::Sender<Result<K::Answer, Failure>>,
}

/// One call among the others, also when it is dropped half-way.
struct Counted<'m>(&'m AtomicUsize);

impl<K: Kind> Merge<K> {
    pub(crate) fn new(kind: K, node: Arc<Node>) -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            senders: 0,
        };
        Self {
            shared: Arc::new(Shared {
                kind,
                node,
                count: AtomicUsize::new(0),
                queue: Mutex::new(queue),
            }),
        }
    }

    /// Sends a call, alone or with others.
    pub(crate) async fn send(&self, call: Call, ask: K::Ask) -> Result<K::Answer, Failure> {
        let others = self.shared.count.fetch_add(1, Relaxed);
        let _counted = Counted(&self.shared.count);
        // A full queue is that of a server which does not answer: then the node says what is wrong.
        let is_few = others < self.shared.kind.direct(&ask);
        if is_few || others > self.shared.node.max_in_flight() {
            return self.shared.kind.alone(&self.shared.node, call, &ask).await;
        }
        match timeout_at(call.deadline, self.enqueue(call.deadline, ask)).await {
            Ok(Ok(answer)) => answer,
            // The sender ends without an answer only with the runtime.
            Ok(Err(_)) => Err(Failure::unexpected()),
            Err(_) => Err(Failure::silence()),
        }
    }

    fn enqueue(
        &self,
        deadline: Instant,
        ask: K::Ask,
    ) -> oneshot::Receiver<Result<K::Answer, Failure>> {
        let (answer, receiver) = oneshot::channel();
        let mut queue = self.shared.lock();
        queue.waiting.push_back(Waiting {
            ask,
            deadline,
            answer,
        });
        let enough = NEXT.min(self.shared.kind.most());
        if queue.senders == 0 || (queue.senders < SENDERS && queue.waiting.len() >= enough) {
            queue.senders += 1;
            tokio::spawn(send(self.shared.clone()));
        }
        receiver
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl<K: Kind> Shared<K> {
    fn lock(&self) -> MutexGuard<'_, Queue<K>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next calls to send; without any, the sender is done.
    fn take(&self) -> Option<Vec<Waiting<K>>> {
        let mut queue = self.lock();
        if queue.waiting.is_empty() {
            queue.senders -= 1;
            return None;
        }
        // Its share of all, so that the others have something to send while this one waits.
        let share = (self.count.load(Relaxed) / SENDERS).max(NEXT);
        let taken = queue.waiting.len().min(share).min(self.kind.most());
        Some(queue.waiting.drain(..taken).collect())
    }
}

/// Sends what is in the queue until it is empty.
async fn send<K: Kind>(shared: Arc<Shared<K>>) {
    loop {
        let Some(mut batch) = shared.take() else {
            return;
        };
        // Who gave up meanwhile need not be asked for.
        batch.retain(|waiting| !waiting.answer.is_closed());
        let Some(deadline) = batch.iter().map(|waiting| waiting.deadline).max() else {
            continue;
        };
        let (asks, waiting): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.ask, waiting.answer))
            .unzip();
        let call = shared.kind.call(deadline);
        match shared.kind.together(&shared.node, call, asks).await {
            Ok(answers) => {
                for (waiting, answer) in waiting.into_iter().zip(answers) {
                    let _ = waiting.send(answer);
                }
            }
            Err(failure) => {
                for waiting in waiting {
                    let _ = waiting.send(Err(failure.clone()));
                }
            }
        }
    }
}

/// How many requests for many may be on their way.
const SENDERS: usize = 4;
/// How many calls have to wait before one more request goes out beside those on their way.
const NEXT: usize = 8;
