//! The one thread that writes, and the queue in front of it.
//!
//! Writes of many tasks become one transaction: the thread takes what is waiting, runs it, commits
//! once and then answers all. A write that finds the thread idle is committed at once. Between
//! groups the thread does the upkeep ([`sweep`](crate::sweep)). It ends, and closes its
//! connection, when the last clone of the client is gone and the queue is empty.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use rusqlite::Connection;
use session_core::{Error, ErrorKind, Outcome, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{BACKEND, Failure, overloaded, timed_out};
use crate::file::File;
use crate::store::check;
use crate::sweep::Sweep;

/// The queue's end at which operations come in.
pub(crate) struct Writer {
    jobs: Sender<Box<dyn Job>>,
    /// What the queue still takes, in small writes.
    room: Arc<Semaphore>,
}

/// How much a piece of work asks of the writer, in small writes: what bounds the queue and a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight(u32);

impl Weight {
    pub(crate) fn new(entries: usize, bytes: usize) -> Self {
        let weight = entries
            .saturating_add(bytes / BYTES_OF_A_SMALL_WRITE)
            .max(1);
        Self(u32::try_from(weight).unwrap_or(ROOM).min(ROOM))
    }
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        connection: Connection,
        file: Option<Arc<File>>,
        sweep: Sweep,
    ) -> Result<Self, Failure> {
        connection.busy_timeout(LOCK_PATIENCE)?;
        let (jobs, queue) = mpsc::channel();
        let thread = Thread {
            connection,
            file,
            queue,
            sweep,
        };
        std::thread::Builder::new()
            .name("cache-sqlite".to_owned())
            .spawn(move || thread.run())
            .map_err(|_| {
                Failure::Rule(ErrorKind::Overloaded, Some("no thread could be started"))
            })?;
        Ok(Self {
            jobs,
            room: Arc::new(Semaphore::new(ROOM as usize)),
        })
    }

    /// Has the thread do a piece of work in a transaction, and gives its answer once that is
    /// committed.
    ///
    /// The work may run a second time, if the group that it was first part of was undone. Work
    /// that has not begun when the time is over, or when the future is dropped, is not done.
    pub(crate) async fn submit<T, F>(
        &self,
        operation: &'static str,
        weight: Weight,
        timeout: Duration,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        let deadline = tokio::time::Instant::now() + timeout;
        let room = self.room(weight, deadline).await;
        let room = room.ok_or_else(|| overloaded(operation, timeout))?;
        let claim = Claim::default();
        let (reply, answer) = oneshot::channel();
        let task = Task {
            operation,
            work,
            result: None,
            claim: claim.clone(),
            reply,
            weight,
            _room: room,
        };
        let closed = || Error::new(ErrorKind::Closed, BACKEND, operation);
        self.jobs.send(Box::new(task)).map_err(|_| closed())?;
        let withdraw = WithdrawOnDrop(claim);
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(closed().with_outcome(Outcome::Unknown)),
            Err(_) if withdraw.0.take() => Err(overloaded(operation, timeout)),
            Err(_) => Err(timed_out(operation, Outcome::Unknown)),
        }
    }

    async fn room(
        &self,
        weight: Weight,
        deadline: tokio::time::Instant,
    ) -> Option<OwnedSemaphorePermit> {
        let room = self.room.clone();
        match self.room.clone().try_acquire_many_owned(weight.0) {
            Ok(permit) => Some(permit),
            Err(_) => {
                let permit = tokio::time::timeout_at(deadline, room.acquire_many_owned(weight.0));
                permit.await.ok()?.ok()
            }
        }
    }
}

/// Decides once whether a piece of work is done or withdrawn: the first to take it decides.
#[derive(Clone, Debug, Default)]
struct Claim(Arc<AtomicBool>);

impl Claim {
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Withdraws the work of a future that was dropped, unless it has begun.
struct WithdrawOnDrop(Claim);

impl Drop for WithdrawOnDrop {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// A piece of work in the queue, whatever its answer is.
trait Job: Send {
    fn weight(&self) -> u32;

    /// Whether nobody waits for it any more. Asked before it was begun only.
    fn is_withdrawn(&self) -> bool;

    /// Begins it, unless it was withdrawn.
    fn begin(&mut self) -> bool;

    fn run(&mut self, connection: &mut Connection);

    /// Why the last run failed, if it did.
    fn failure(&self) -> Option<Failure>;

    /// Answers with what the last run gave, or with what became of the transaction.
    fn answer(self: Box<Self>, committed: Result<(), Undone>);
}

struct Task<T, F> {
    operation: &'static str,
    work: F,
    result: Option<Result<T, Failure>>,
    claim: Claim,
    reply: oneshot::Sender<Result<T>>,
    weight: Weight,
    _room: OwnedSemaphorePermit,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnMut(&mut Connection) -> Result<T, Failure> + Send,
{
    fn weight(&self) -> u32 {
        self.weight.0
    }

    fn is_withdrawn(&self) -> bool {
        self.claim.is_taken()
    }

    fn begin(&mut self) -> bool {
        self.claim.take()
    }

    fn run(&mut self, connection: &mut Connection) {
        self.result = Some((self.work)(connection));
    }

    fn failure(&self) -> Option<Failure> {
        self.result.as_ref()?.as_ref().err().copied()
    }

    fn answer(self: Box<Self>, committed: Result<(), Undone>) {
        let result = match (self.result, committed) {
            // Its own failure says more than that of the group.
            (Some(Err(failure)), _) => Err(failure.into_error(self.operation)),
            (_, Err(undone)) => Err(undone
                .failure
                .into_error(self.operation)
                .with_outcome(undone.outcome)),
            (Some(Ok(answer)), Ok(())) => Ok(answer),
            (None, Ok(())) => return,
        };
        // Nobody may be waiting any more; that is theirs to decide.
        let _ = self.reply.send(result);
    }
}

/// Why a transaction was not committed, and whether that is certain.
#[derive(Clone, Copy)]
struct Undone {
    failure: Failure,
    outcome: Outcome,
}

impl Undone {
    fn is_for_want_of_room(self) -> bool {
        self.failure.is_full() && self.outcome == Outcome::NotApplied
    }

    fn surely(failure: Failure) -> Self {
        Self {
            failure,
            outcome: Outcome::NotApplied,
        }
    }
}

/// What the thread owns.
struct Thread {
    connection: Connection,
    file: Option<Arc<File>>,
    queue: Receiver<Box<dyn Job>>,
    sweep: Sweep,
}

impl Thread {
    fn run(mut self) {
        loop {
            match self.queue.recv_timeout(self.sweep.due_in()) {
                Ok(job) => self.work_off(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.sweep.is_due() {
                let file = check(self.file.as_deref());
                self.sweep.step(&self.connection, file);
            }
        }
    }

    /// Commits a job together with what waits behind it, and answers.
    fn work_off(&mut self, first: Box<dyn Job>) {
        let Some(mut group) = self.begin(first) else {
            return;
        };
        match self.commit(&mut group) {
            // One that is too large must not take the others down: each for itself, then.
            Err(undone) if undone.is_for_want_of_room() && group.len() > 1 => {
                for mut job in group {
                    let alone = std::slice::from_mut(&mut job);
                    let committed = self.begin_now().and_then(|()| self.commit(alone));
                    job.answer(committed);
                }
            }
            committed => {
                for job in group {
                    job.answer(committed);
                }
            }
        }
    }

    /// Begins a transaction and takes the jobs for it, or none if all were answered otherwise.
    ///
    /// Waits for other processes as long as the caller of the first job waits.
    fn begin(&mut self, first: Box<dyn Job>) -> Option<Vec<Box<dyn Job>>> {
        while !first.is_withdrawn() {
            match self.begin_now() {
                Ok(()) => return Some(self.gather(first)),
                Err(undone) if undone.failure.is_busy() => {}
                Err(undone) => {
                    first.answer(Err(undone));
                    return None;
                }
            }
        }
        None
    }

    /// Takes the job and what is waiting behind it, up to what one transaction may hold.
    fn gather(&mut self, first: Box<dyn Job>) -> Vec<Box<dyn Job>> {
        let mut weight = 0;
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(mut job) = next {
            if job.begin() {
                weight += job.weight();
                group.push(job);
            }
            next = (weight < GROUP)
                .then(|| self.queue.try_recv().ok())
                .flatten();
        }
        group
    }

    fn begin_now(&mut self) -> Result<(), Undone> {
        check(self.file.as_deref()).map_err(Undone::surely)?;
        self.execute("BEGIN IMMEDIATE").map_err(Undone::surely)
    }

    /// Runs what was begun and commits it.
    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Undone> {
        for job in group.iter_mut() {
            job.run(&mut self.connection);
            // Some failures, such as a full disk, undo the whole transaction.
            if self.connection.is_autocommit() {
                let failure = job
                    .failure()
                    .unwrap_or(Failure::Rule(ErrorKind::Other, None));
                return Err(Undone::surely(failure));
            }
        }
        match self.execute("COMMIT") {
            Ok(()) => {
                self.sweep.wrote();
                let outcome = Outcome::Unknown;
                check(self.file.as_deref()).map_err(|failure| Undone { failure, outcome })
            }
            Err(failure) => {
                let certain = failure.is_full() || failure.is_busy();
                let undone = self.connection.is_autocommit() || self.execute("ROLLBACK").is_ok();
                let outcome = match certain && undone {
                    true => Outcome::NotApplied,
                    false => Outcome::Unknown,
                };
                Err(Undone { failure, outcome })
            }
        }
    }

    fn execute(&self, statement: &str) -> Result<(), Failure> {
        self.connection.prepare_cached(statement)?.execute([])?;
        Ok(())
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("room", &self.room.available_permits())
            .finish_non_exhaustive()
    }
}

/// What the queue takes at most, in small writes: about 64 MiB.
const ROOM: u32 = 4_096;

/// What one transaction takes at most, in small writes; a single job may be heavier.
const GROUP: u32 = 512;

/// How many bytes of values count as one more small write.
const BYTES_OF_A_SMALL_WRITE: usize = 16 * 1_024;

/// How long SQLite waits for the lock of another process before the thread looks who still waits.
const LOCK_PATIENCE: Duration = Duration::from_millis(50);
