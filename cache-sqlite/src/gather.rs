//! Reads of many tasks, made together.
//!
//! One task that reads is answered at once, on its thread. Where several do so on one thread, each
//! gives way first; the one that is resumed first then reads for all that have asked meanwhile, in
//! one transaction. A transaction costs as much as a read, so many share one; nobody waits longer
//! than it takes to ask each of the others once; and nobody is woken on another thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task;

use crate::clock::Now;
use crate::error::Failure;
use crate::sql::Sql;
use crate::store::LONGEST_READ_HERE;

/// The reads that wait for their turn: a queue for each of the runtime's threads.
#[derive(Default)]
pub(crate) struct Gathering {
    queues: [Mutex<Queue>; QUEUES],
}

/// A read that was asked for; whoever has its turn does it.
pub(crate) trait Read: Send {
    /// Reads and answers; without a connection it answers that it was not read.
    fn run(self: Box<Self>, connection: Option<(&Connection, Now)>, sql: &Sql);

    /// Whether nobody waits for it any more.
    fn is_given_up(&self) -> bool;
}

/// A piece of work that comes back with its answer, or with none if it was not read here.
pub(crate) type Answer<F, T> = (F, Option<Result<T, Failure>>);

struct Task<F, T> {
    work: F,
    reply: oneshot::Sender<Answer<F, T>>,
}

impl<F, T> Read for Task<F, T>
where
    F: Fn(&Connection, &Sql, Now, usize) -> Result<T, Failure> + Send,
    T: Send,
{
    fn run(self: Box<Self>, connection: Option<(&Connection, Now)>, sql: &Sql) {
        if !self.is_given_up() {
            let answer = connection
                .map(|(connection, now)| (self.work)(connection, sql, now, LONGEST_READ_HERE));
            // Nobody may be waiting any more; that is theirs to decide.
            let _ = self.reply.send((self.work, answer));
        }
    }

    fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// The reads of one thread, in the order in which they were asked for.
#[derive(Default)]
struct Queue {
    reads: VecDeque<Box<dyn Read>>,
    /// How many were taken out since the store was opened.
    taken: u64,
}

impl Queue {
    fn end(&self) -> u64 {
        self.taken + self.reads.len() as u64
    }

    /// Adds a read and gives its number. Reads whose futures were dropped must not pile up where
    /// nobody stays long enough to have a turn.
    fn push(&mut self, read: Box<dyn Read>) -> u64 {
        while self.reads.front().is_some_and(|read| read.is_given_up()) {
            self.reads.pop_front();
            self.taken += 1;
        }
        let number = self.end();
        self.reads.push_back(read);
        number
    }
}

/// The reads that one turn may take: those that were asked for before it began, since an answer
/// must not be older than its question.
pub(crate) struct Turn<'g> {
    queue: &'g Mutex<Queue>,
    end: u64,
}

impl Turn<'_> {
    /// How many there are, unless another thread has its turn with them as well.
    pub(crate) fn len(&self) -> u64 {
        self.end.saturating_sub(lock(self.queue).taken)
    }
}

impl Iterator for Turn<'_> {
    type Item = Box<dyn Read>;

    fn next(&mut self) -> Option<Box<dyn Read>> {
        let mut queue = lock(self.queue);
        let read = (queue.taken < self.end)
            .then(|| queue.reads.pop_front())
            .flatten()?;
        queue.taken += 1;
        Some(read)
    }
}

impl Gathering {
    /// Has `work` done by whoever is first to have a turn, which `take_turn` does, on this thread.
    pub(crate) async fn read<F, T>(
        &self,
        work: F,
        take_turn: impl Fn(Turn<'_>),
    ) -> Option<Answer<F, T>>
    where
        F: Fn(&Connection, &Sql, Now, usize) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        let queue = &self.queues[THREAD.with(|thread| *thread) % QUEUES];
        let (reply, mut answer) = oneshot::channel();
        let number = lock(queue).push(Box::new(Task { work, reply }));
        loop {
            give_way().await;
            match answer.try_recv() {
                Ok(answer) => return Some(answer),
                Err(TryRecvError::Closed) => return None,
                Err(TryRecvError::Empty) => {}
            }
            let turn = {
                let queue_now = lock(queue);
                let waits = number >= queue_now.taken;
                let end = queue_now.end();
                waits.then_some(Turn { queue, end })
            };
            match turn {
                Some(turn) => take_turn(turn),
                // Another thread is at it.
                None => return answer.await.ok(),
            }
            if let Ok(answer) = answer.try_recv() {
                return Some(answer);
            }
        }
    }
}

impl fmt::Debug for Gathering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathering").finish_non_exhaustive()
    }
}

/// Lets those tasks run first that are ready on this thread.
///
/// What `tokio::task::yield_now` puts off is resumed when the thread has nothing else to do, and it
/// looks for tasks of other threads before: who gives way so waits for theirs as well.
async fn give_way() {
    let mut gave_way = false;
    let resumed = poll_fn(|context| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    });
    resumed.await;
}

/// Takes note that one task did what others had asked for.
pub(crate) fn note_many(now: Instant) {
    let task = None;
    LAST.set(Some(Last { task, when: now }));
}

/// Whether another task has read just now, so that several seem to do nothing else on this thread.
pub(crate) fn is_crowded(now: Instant) -> bool {
    let last = LAST.get();
    last.is_some_and(|last| last.is_of_another_task() && last.is_within(RECENT, now))
}

/// Who did something last, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last {
    task: Option<task::Id>,
    when: Instant,
}

impl Last {
    pub(crate) fn by_this_task(when: Instant) -> Self {
        let task = task::try_id();
        Self { task, when }
    }

    pub(crate) fn is_of_another_task(&self) -> bool {
        self.task != task::try_id()
    }

    pub(crate) fn is_within(&self, time: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.when) < time
    }
}

/// Takes note of who reads on this thread.
pub(crate) fn note(now: Instant) {
    LAST.set(Some(Last::by_this_task(now)));
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    // Nothing is left half done in it, and no work runs under the lock.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static LAST: Cell<Option<Last>> = const { Cell::new(None) };

    /// Numbers the threads that read.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

/// More threads than this share queues.
const QUEUES: usize = 16;

/// Reads of two tasks in so short a time leave room for little else on a thread.
const RECENT: Duration = Duration::from_micros(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_takes_no_read_that_was_asked_for_after_it_began() {
        let queue = Mutex::new(Queue::default());
        let ask = || lock(&queue).push(Box::new(Nothing { is_given_up: false }));
        ask();
        ask();
        let mut turn = Turn {
            queue: &queue,
            end: lock(&queue).end(),
        };
        assert!(turn.next().is_some());
        ask();
        assert_eq!(turn.len(), 1);
        assert!(turn.next().is_some());
        assert!(turn.next().is_none());
        assert_eq!(lock(&queue).reads.len(), 1);
    }

    #[test]
    fn reads_that_were_given_up_do_not_pile_up() {
        let mut queue = Queue::default();
        for number in 0..100 {
            let read = Nothing { is_given_up: true };
            assert_eq!(queue.push(Box::new(read)), number);
            assert_eq!(queue.reads.len(), 1);
        }
        let read = Nothing { is_given_up: false };
        assert_eq!(queue.push(Box::new(read)), 100);
        assert_eq!((queue.taken, queue.end()), (100, 101));
    }

    struct Nothing {
        is_given_up: bool,
    }

    impl Read for Nothing {
        fn run(self: Box<Self>, _: Option<(&Connection, Now)>, _: &Sql) {}

        fn is_given_up(&self) -> bool {
            self.is_given_up
        }
    }
}
