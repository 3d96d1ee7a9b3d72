//! An open store: which thread does what, and how long a caller waits for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use session_core::{ClientOptions, ErrorKind, Outcome, Result};
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use crate::clock::Now;
use crate::connection::{self, Opened, Readers};
use crate::error::{Failure, overloaded, timed_out};
use crate::file::File;
use crate::gather::{self, Gathering, Last, Turn};
use crate::options::{SqliteOptions, Synchronous};
use crate::pace::Pace;
use crate::sql::Sql;
use crate::sweep::Sweep;
use crate::writer::{Weight, Writer};

/// What all clones of a client share.
#[derive(Debug)]
pub(crate) struct Store {
    // Dropped before the writer, which closes the last connection on its own thread.
    readers: Option<Arc<Readers>>,
    writer: Writer,
    file: Option<Arc<File>>,
    sql: Arc<Sql>,
    pace: Pace,
    /// How long writes take that are made where they are asked for.
    writing: Pace,
    /// Whether any are: not where each commit waits for the disk.
    writes_here: bool,
    gathering: Gathering,
    /// Who wrote last.
    wrote: Mutex<Option<Last>>,
    client: ClientOptions,
}

/// What a write carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

impl Load {
    fn is_small(self) -> bool {
        self.entries == 1 && self.bytes <= LONGEST_READ_HERE
    }
}

impl Store {
    /// Opens the store; waits for the disk and for other processes.
    pub(crate) fn open(options: &SqliteOptions) -> Result<Self, Failure> {
        let sql = Arc::new(Sql::new(&options.table));
        let Opened {
            writer,
            readers,
            file,
        } = connection::open(options, &sql)?;
        // Who only reads has nothing to keep up.
        let sweep_interval = match options.read_only {
            true => Duration::MAX,
            false => options.sweep_interval,
        };
        let sweep = Sweep::new(Arc::clone(&sql), sweep_interval);
        Ok(Self {
            readers: file.is_some().then(|| Readers::new(readers)),
            writer: Writer::start(writer, file.clone(), sweep)?,
            sql,
            pace: Pace::of_reads(),
            writing: Pace::of_writes(),
            writes_here: file.is_none() || options.synchronous != Synchronous::Full,
            gathering: Gathering::default(),
            wrote: Mutex::default(),
            file,
            client: options.client.clone(),
        })
    }

    /// Reads something short: on the calling thread, unless reads take long at present, the value
    /// is large or the connections are taken.
    ///
    /// `work` is given the time and the length of the longest value that it may read.
    pub(crate) async fn read<T, F>(&self, operation: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection, &Sql, Now, usize) -> Result<T, Failure> + Send + 'static,
    {
        let Some(readers) = &self.readers else {
            return self
                .read_in_memory(operation, self.client.timeout, work)
                .await;
        };
        if !self.pace.is_short() {
            let timeout = self.client.timeout;
            return self.read_elsewhere(readers, operation, timeout, work).await;
        }
        let now = Instant::now();
        let (work, answer) = if gather::is_crowded(now) {
            gather::note(now);
            let turn = |turn: Turn<'_>| self.read_together(readers, turn);
            let answer = self.gathering.read(work, turn).await;
            // Nobody drops a read before the store is dropped, which this borrows.
            let closed = || Failure::Rule(ErrorKind::Closed, None).into_error(operation);
            answer.ok_or_else(closed)?
        } else {
            let answer = self.read_here(readers, now, &work);
            if let Some((_, true)) = answer {
                tokio::task::yield_now().await;
            }
            (work, answer.map(|(answer, _)| answer))
        };
        let timeout = match answer {
            Some(Err(Failure::TooLong(len))) => self.client.timeout_for(len),
            Some(Err(failure)) if failure.is_busy() => self.client.timeout,
            None => self.client.timeout,
            Some(result) => return result.map_err(|failure| failure.into_error(operation)),
        };
        self.read_elsewhere(readers, operation, timeout, work).await
    }

    /// Reads on this thread at once if a connection is idle; the second answer is whether the task
    /// should give way.
    ///
    /// The task that wrote last reads by the connection that wrote, if that is idle: a write makes
    /// the pages that all others have in memory worthless.
    fn read_here<T>(
        &self,
        readers: &Arc<Readers>,
        started: Instant,
        work: impl Fn(&Connection, &Sql, Now, usize) -> Result<T, Failure>,
    ) -> Option<(Result<T, Failure>, bool)> {
        let work = |connection: &Connection| {
            self.check_lately(started)?;
            work(connection, &self.sql, Now::read(), LONGEST_READ_HERE)
        };
        let by_writer = match self.has_this_task_written() {
            true => self.writer.try_read(work),
            false => None,
        };
        let result = match by_writer {
            Some(result) => result,
            None => readers.try_take()?.read(work),
        };
        let ended = Instant::now();
        gather::note(ended);
        Some((result, self.pace.note(ended - started)))
    }

    fn check_lately(&self, now: Instant) -> Result<(), Failure> {
        let file = self.file.as_deref();
        file.map_or(Ok(()), |file| file.check_lately(now))
    }

    /// Does what was gathered, on this thread, for one turn.
    fn read_together(&self, readers: &Arc<Readers>, mut turn: Turn<'_>) {
        let reader = readers.try_take();
        let mut started = Instant::now();
        if let Some(reader) = reader
            && self.check_lately(started).is_ok()
        {
            let many = turn.len() > 1;
            let mut over = false;
            // Before the snapshot that they share, and once: see `entries`.
            let now = Now::read();
            let mut read_all = |connection: &Connection| {
                for read in turn.by_ref() {
                    read.run(Some((connection, now)), &self.sql);
                    let ended = Instant::now();
                    over = self.pace.note(ended - started);
                    if over || self.pace.is_long() {
                        break;
                    }
                    started = ended;
                }
                gather::note_many(started);
            };
            reader.read_in_one(many, &mut read_all);
            if over && !self.pace.is_long() {
                return;
            }
        }
        // What is left is read where it may take long, or where it is told what is wrong.
        for read in turn {
            read.run(None, &self.sql);
        }
    }

    /// Reads something long, which is many entries or up to `bytes` of values.
    pub(crate) async fn read_long<T, F>(
        &self,
        operation: &'static str,
        bytes: usize,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection, &Sql, Now, usize) -> Result<T, Failure> + Send + 'static,
    {
        let timeout = self.client.timeout_for(bytes);
        match &self.readers {
            Some(readers) => self.read_elsewhere(readers, operation, timeout, work).await,
            None => self.read_in_memory(operation, timeout, work).await,
        }
    }

    /// Writes something, together with what others write.
    pub(crate) async fn write<T, F>(
        &self,
        operation: &'static str,
        load: Load,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Connection, &Sql) -> Result<T, Failure> + Send + 'static,
    {
        let sql = Arc::clone(&self.sql);
        let mut work = move |connection: &mut Connection| work(connection, &sql);
        if self.writes_here && load.is_small() && self.writing.is_short() {
            let started = Instant::now();
            if self.is_alone(started)
                && let Some(result) = self.writer.try_now(operation, &mut work)
            {
                if self.writing.note(started.elapsed()) {
                    tokio::task::yield_now().await;
                }
                return result;
            }
        }
        let timeout = self.client.timeout_for(load.bytes);
        let weight = Weight::new(load.entries, load.bytes);
        self.writer.submit(operation, weight, timeout, work).await
    }

    /// Whether no other task writes at present: those of several are committed together.
    fn is_alone(&self, now: Instant) -> bool {
        let last = Some(Last::by_this_task(now));
        let last = std::mem::replace(
            &mut *self.wrote.lock().unwrap_or_else(PoisonError::into_inner),
            last,
        );
        last.is_none_or(|last| !last.is_of_another_task() || !last.is_within(TOGETHER, now))
    }

    /// Whether the last write was this task's.
    fn has_this_task_written(&self) -> bool {
        let wrote = self.wrote.lock().unwrap_or_else(PoisonError::into_inner);
        wrote.is_some_and(|last| !last.is_of_another_task())
    }

    /// Reads on a thread that may wait for the disk; as many at once as there are connections.
    async fn read_elsewhere<T, F>(
        &self,
        readers: &Arc<Readers>,
        operation: &'static str,
        timeout: Duration,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection, &Sql, Now, usize) -> Result<T, Failure> + Send + 'static,
    {
        let deadline = Instant::now() + timeout;
        let reader = timeout_at(deadline.into(), readers.take()).await;
        let reader = reader.map_err(|_| overloaded(operation, timeout))?;
        let (file, sql) = (self.file.clone(), self.sql.clone());
        let reading = spawn_blocking(move || {
            check(file.as_deref()).and_then(|()| {
                reader.read_patiently(deadline, |connection| {
                    work(connection, &sql, Now::read(), usize::MAX)
                })
            })
        });
        match timeout_at(deadline.into(), reading).await {
            Ok(Ok(result)) => result.map_err(|failure| failure.into_error(operation)),
            // The runtime is shutting down, and nobody will see this.
            Ok(Err(_)) => Err(Failure::Rule(ErrorKind::Closed, None).into_error(operation)),
            Err(_) => Err(timed_out(operation, Outcome::NotApplied)),
        }
    }

    /// Reads on the one connection there is, in the order of the queue.
    async fn read_in_memory<T, F>(
        &self,
        operation: &'static str,
        timeout: Duration,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection, &Sql, Now, usize) -> Result<T, Failure> + Send + 'static,
    {
        let sql = Arc::clone(&self.sql);
        let work =
            move |connection: &mut Connection| work(connection, &sql, Now::read(), usize::MAX);
        let read = self
            .writer
            .submit(operation, Weight::new(1, 0), timeout, work);
        // Whatever became of the group that it was in, a read changes nothing.
        read.await
            .map_err(|error| error.with_outcome(Outcome::NotApplied))
    }
}

/// Refuses once the store's file is gone.
pub(crate) fn check(file: Option<&File>) -> Result<(), Failure> {
    file.map_or(Ok(()), File::check)
}

/// The longest value that is read on the calling thread, in bytes.
pub(crate) const LONGEST_READ_HERE: usize = 64 * 1_024;

/// Writes of two tasks in so short a time are better committed together.
const TOGETHER: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_read_in_memory_that_takes_too_long_has_changed_nothing() {
        let options = SqliteOptions::memory().timeout(Duration::from_millis(200));
        let store = Store::open(&options).unwrap();
        let (until_here, ended) = mpsc::channel::<()>();
        let ended = Mutex::new(ended);
        let read = store.read("read", move |_, _, _, _| {
            let _ = ended.lock().unwrap().recv();
            Ok(())
        });
        assert_eq!(read.await.unwrap_err().outcome(), Outcome::NotApplied);
        drop(until_here);
    }
}
