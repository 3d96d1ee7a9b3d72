//! The thread that writes, and the queue in front of it.
//!
//! Writes of many tasks become one transaction: the thread takes what is waiting, runs it, commits
//! once and then answers all. A lone short write that finds the [`Pen`] free is committed where it
//! was asked for. Whatever waits for the disk is left to the thread: the writes that begin a new
//! log, the checkpoints, and the upkeep ([`sweep`](crate::sweep)). The thread ends, and closes the
//! connection, when the last clone of the client is gone and the queue is empty.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use session_core::{Error, ErrorKind, Outcome, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{BACKEND, Failure, overloaded, timed_out};
use crate::file::File;
use crate::pen::{Pen, Undone};
use crate::sweep::Sweep;

/// The queue's end at which operations come in.
pub(crate) struct Writer {
    // Dropped before the queue's end, so that the thread is the last to have it.
    pen: Arc<Mutex<Pen>>,
    jobs: Sender<Order>,
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
        let pen = Arc::new(Mutex::new(Pen::new(connection, file, sweep)?));
        let (jobs, queue) = mpsc::channel();
        let thread = Thread {
            pen: Arc::clone(&pen),
            queue,
        };
        std::thread::Builder::new()
            .name("cache-sqlite".to_owned())
            .spawn(move || thread.run())
            .map_err(|_| {
                Failure::Rule(ErrorKind::Overloaded, Some("no thread could be started"))
            })?;
        Ok(Self {
            pen,
            jobs,
            room: Arc::new(Semaphore::new(ROOM as usize)),
        })
    }

    /// Does a piece of work in a transaction on the calling thread, unless somebody else writes or
    /// the disk may have to be waited for.
    pub(crate) fn try_now<T, F>(&self, operation: &'static str, work: F) -> Option<Result<T>>
    where
        F: FnOnce(&mut Connection) -> Result<T, Failure>,
    {
        let mut pen = self.pen.try_lock().ok()?;
        let result = pen.write_now(operation, work);
        let log_is_long = pen.log.is_long();
        drop(pen);
        if log_is_long {
            // A thread that is gone has nothing to look after any more.
            let _ = self.jobs.send(Order::LookAfterTheLog);
        }
        result
    }

    /// Reads on the calling thread by the connection that writes, unless somebody uses it.
    pub(crate) fn try_read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Option<Result<T, Failure>> {
        let pen = self.pen.try_lock().ok()?;
        Some(pen.read(work))
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
        self.jobs
            .send(Order::Job(Box::new(task)))
            .map_err(|_| closed())?;
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
                // In a box of its own, so that a call which need not wait takes less memory.
                let permit = tokio::time::timeout_at(deadline, room.acquire_many_owned(weight.0));
                Box::pin(permit).await.ok()?.ok()
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

    fn give_back(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Withdraws the work of a future that was dropped, unless it has begun.
struct WithdrawOnDrop(Claim);

impl Drop for WithdrawOnDrop {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// What the thread is told.
enum Order {
    Job(Box<dyn Job>),
    LookAfterTheLog,
}

/// A piece of work in the queue, whatever its answer is.
trait Job: Send {
    fn weight(&self) -> u32;

    /// Whether nobody waits for it any more. Asked before it was begun only.
    fn is_withdrawn(&self) -> bool;

    /// Begins it, unless it was withdrawn.
    fn begin(&mut self) -> bool;

    /// Makes it one that has not begun, since what it did was undone.
    fn put_back(&mut self);

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
        // Who gave up after it had begun did not withdraw it.
        self.claim.is_taken() || self.reply.is_closed()
    }

    fn begin(&mut self) -> bool {
        self.claim.take()
    }

    fn put_back(&mut self) {
        self.result = None;
        self.claim.give_back();
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

/// What the thread has.
struct Thread {
    pen: Arc<Mutex<Pen>>,
    queue: Receiver<Order>,
}

impl Thread {
    fn run(self) {
        // If a piece of work panicked, nobody knows what state things are in.
        while let Ok(due_in) = self.pen.lock().map(|pen| pen.sweep.due_in()) {
            let order = self.queue.recv_timeout(due_in);
            let Ok(mut pen) = self.pen.lock() else { break };
            match order {
                Ok(Order::Job(job)) => self.work_off(&mut pen, job),
                Ok(Order::LookAfterTheLog) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            pen.keep_up();
        }
    }

    /// Commits a job together with what waits behind it, and answers.
    fn work_off(&self, pen: &mut Pen, first: Box<dyn Job>) {
        let Some(first) = begin(pen, first) else {
            return;
        };
        let mut group = self.gather(first);
        match pen.commit(|connection| run_all(&mut group, connection)) {
            // One that is too large must not take the others down: each for itself, then.
            Err(undone) if undone.is_for_want_of_room() && group.len() > 1 => {
                // All of them, so that those which wait for the first ones can be withdrawn.
                for job in &mut group {
                    job.put_back();
                }
                for job in group {
                    work_off_alone(pen, job);
                }
            }
            committed => answer_all(group, committed),
        }
    }

    /// Takes the job and what is waiting behind it, up to what one transaction may hold.
    fn gather(&self, first: Box<dyn Job>) -> Vec<Box<dyn Job>> {
        let mut weight = 0;
        let mut group = Vec::new();
        let mut next = Some(Order::Job(first));
        while let Some(order) = next {
            // The log is looked after when the group is done.
            if let Order::Job(mut job) = order
                && job.begin()
            {
                weight += job.weight();
                group.push(job);
            }
            next = (weight < GROUP)
                .then(|| self.queue.try_recv().ok())
                .flatten();
        }
        group
    }
}

/// Commits a job by itself, and answers.
fn work_off_alone(pen: &mut Pen, job: Box<dyn Job>) {
    if let Some(mut job) = begin(pen, job) {
        let mut alone = Vec::new();
        if job.begin() {
            alone.push(job);
        }
        let committed = pen.commit(|connection| run_all(&mut alone, connection));
        answer_all(alone, committed);
    }
}

/// Begins a transaction and gives the job back, or not if it was withdrawn or answered.
///
/// Waits for other processes as long as the caller of the job waits.
fn begin(pen: &mut Pen, job: Box<dyn Job>) -> Option<Box<dyn Job>> {
    while !job.is_withdrawn() {
        match pen.begin_patiently() {
            Ok(()) => return Some(job),
            Err(undone) if undone.failure.is_busy() => {}
            Err(undone) => {
                job.answer(Err(undone));
                return None;
            }
        }
    }
    None
}

fn answer_all(group: Vec<Box<dyn Job>>, committed: Result<(), Undone>) {
    for job in group {
        job.answer(committed);
    }
}

fn run_all(group: &mut [Box<dyn Job>], connection: &mut Connection) -> Result<(), Failure> {
    for job in group {
        job.run(connection);
        // Some failures, such as a full disk, undo the whole transaction.
        if connection.is_autocommit() {
            return Err(job
                .failure()
                .unwrap_or(Failure::Rule(ErrorKind::Other, None)));
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;
    use crate::connection;
    use crate::options::SqliteOptions;
    use crate::sql::Sql;

    /// Has two writes in one group, which finds no room, and another process take the lock then; it
    /// keeps it for so long, or for good.
    async fn undone_together(timeout: Duration, kept: Option<Duration>) -> [Result<()>; 2] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let sql = Arc::new(Sql::new("cache"));
        let opened = connection::open(&SqliteOptions::file(&path), &sql).unwrap();
        let sweep = Sweep::new(sql, Duration::MAX);
        let writer = Writer::start(opened.writer, opened.file, sweep).unwrap();
        let other = Arc::new(Mutex::new(Connection::open(&path).unwrap()));

        let (taker, mut is_repeated) = (Arc::clone(&other), false);
        let large = move |connection: &mut Connection| {
            if std::mem::replace(&mut is_repeated, true) {
                return Ok(());
            }
            // What SQLite does by itself where there is no room.
            connection.execute_batch("ROLLBACK")?;
            taker.lock().unwrap().execute_batch("BEGIN IMMEDIATE")?;
            Err(Failure::Sqlite(ffi::Error::new(ffi::SQLITE_FULL)))
        };
        let pen = writer.pen.lock().unwrap();
        let freeing = async {
            // Both are in the queue now.
            drop(pen);
            if let Some(kept) = kept {
                while other.lock().unwrap().is_autocommit() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                tokio::time::sleep(kept).await;
                other.lock().unwrap().execute_batch("COMMIT").unwrap();
            }
        };
        let weight = Weight::new(1, 0);
        let (large, small, ()) = tokio::join!(
            writer.submit("test", weight, timeout, large),
            writer.submit("test", weight, timeout, |_| Ok(())),
            freeing
        );
        [large, small]
    }

    #[tokio::test]
    async fn what_was_undone_with_its_group_waits_for_the_lock_as_before() {
        let timeout = Duration::from_secs(30);
        let kept = Some(Duration::from_millis(100));
        for result in undone_together(timeout, kept).await {
            result.unwrap();
        }
    }

    #[tokio::test]
    async fn what_was_undone_with_its_group_is_withdrawn_when_its_time_is_over() {
        for result in undone_together(Duration::from_secs(1), None).await {
            let error = result.unwrap_err();
            assert_eq!(
                (error.kind(), error.outcome()),
                (ErrorKind::Overloaded, Outcome::NotApplied)
            );
        }
    }
}
