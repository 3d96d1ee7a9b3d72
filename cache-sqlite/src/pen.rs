//! The connection that writes, and who has it: one transaction at a time, on whatever thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use session_core::{ErrorKind, Outcome, Result};

use crate::error::Failure;
use crate::file::File;
use crate::store::check;
use crate::sweep::Sweep;

/// What whoever writes has to himself meanwhile.
pub(crate) struct Pen {
    connection: Connection,
    file: Option<Arc<File>>,
    pub(crate) sweep: Sweep,
    pub(crate) log: Log,
}

impl Pen {
    pub(crate) fn new(
        mut connection: Connection,
        file: Option<Arc<File>>,
        sweep: Sweep,
    ) -> Result<Self, Failure> {
        let log = Log {
            pages: Arc::default(),
            long: LONG_LOG,
        };
        let pages = Arc::clone(&log.pages);
        // In place of the checkpoint that SQLite makes at the end of any commit.
        connection.wal_hook(Some(move |_: &mut _, now| {
            pages.store(u32::try_from(now).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            connection,
            file,
            sweep,
            log,
        })
    }

    /// Does a piece of work at once, unless the disk or another process may have to be waited for.
    pub(crate) fn write_now<T>(
        &mut self,
        operation: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Option<Result<T>> {
        if self.file.is_some() && !self.log.is_begun() {
            return None;
        }
        let error = |undone: Undone| {
            let error = undone.failure.into_error(operation);
            Some(Err(error.with_outcome(undone.outcome)))
        };
        match self.begin(Duration::ZERO) {
            Ok(()) => {}
            Err(undone) if undone.failure.is_busy() => return None,
            Err(undone) => return error(undone),
        }
        let mut result = None;
        let committed = self.commit(|connection| {
            let done = result.insert(work(connection));
            match (connection.is_autocommit(), done) {
                (false, _) => Ok(()),
                (true, Err(failure)) => Err(*failure),
                (true, Ok(_)) => Err(Failure::Rule(ErrorKind::Other, None)),
            }
        });
        match (result, committed) {
            // Its own failure says more.
            (Some(Err(failure)), _) => Some(Err(failure.into_error(operation))),
            (_, Err(undone)) => error(undone),
            (Some(Ok(answer)), Ok(())) => Some(Ok(answer)),
            (None, Ok(())) => None,
        }
    }

    /// Reads at once or not at all.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.connection.busy_timeout(Duration::ZERO)?;
        work(&self.connection)
    }

    /// Begins a transaction, or waits for another process's lock for a while.
    pub(crate) fn begin_patiently(&mut self) -> Result<(), Undone> {
        self.begin(LOCK_PATIENCE)
    }

    fn begin(&mut self, patience: Duration) -> Result<(), Undone> {
        check(self.file.as_deref()).map_err(Undone::surely)?;
        let set = self.connection.busy_timeout(patience);
        set.map_err(|error| Undone::surely(error.into()))?;
        self.execute("BEGIN IMMEDIATE").map_err(Undone::surely)
    }

    /// Runs what was begun and commits it.
    pub(crate) fn commit(
        &mut self,
        run: impl FnOnce(&mut Connection) -> Result<(), Failure>,
    ) -> Result<(), Undone> {
        run(&mut self.connection).map_err(Undone::surely)?;
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

    /// Does what is due between two groups.
    pub(crate) fn keep_up(&mut self) {
        if self.log.is_long() {
            match self.copy_log() {
                Ok(true) => self.log.was_copied(),
                Ok(false) => self.log.goes_on(),
                Err(failure) => {
                    tracing::debug!(?failure, "the log could not be copied");
                    self.log.goes_on();
                }
            }
        }
        if self.sweep.is_due() {
            // Cutting the log off waits for readers and holds the file's lock meanwhile; who writes
            // sets its own patience.
            let ready = check(self.file.as_deref())
                .and_then(|()| Ok(self.connection.busy_timeout(Duration::ZERO)?));
            self.sweep.step(&self.connection, ready);
            // It may have cut the log off.
            self.log.was_copied();
        }
    }

    /// Copies the log into the file and has readers leave it, so that the next write begins it
    /// anew; `false` if one of them stays.
    fn copy_log(&self) -> Result<bool, Failure> {
        self.connection.busy_timeout(LOCK_PATIENCE)?;
        let mut statement = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(RESTART)")?;
        Ok(statement.query_row([], |row| row.get::<_, i64>(0))? == 0)
    }

    fn execute(&self, statement: &str) -> Result<(), Failure> {
        self.connection.prepare_cached(statement)?.execute([])?;
        Ok(())
    }
}

/// How many pages the write-ahead log has, as of the last commit; 0 if the next one may begin a
/// new one, which waits for the disk.
#[derive(Debug)]
pub(crate) struct Log {
    pages: Arc<AtomicU32>,
    /// From how many pages on it is copied into the file.
    long: u32,
}

impl Log {
    fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }

    fn is_begun(&self) -> bool {
        (1..self.long).contains(&self.pages())
    }

    pub(crate) fn is_long(&self) -> bool {
        self.pages() >= self.long
    }

    fn was_copied(&mut self) {
        self.pages.store(0, Ordering::Relaxed);
        self.long = LONG_LOG;
    }

    /// Somebody still reads from it, so it cannot begin anew; each try waits for the disk.
    fn goes_on(&mut self) {
        self.long = self.pages().saturating_add(LONG_LOG);
    }
}

/// Why a transaction was not committed, and whether that is certain.
#[derive(Clone, Copy)]
pub(crate) struct Undone {
    pub(crate) failure: Failure,
    pub(crate) outcome: Outcome,
}

impl Undone {
    pub(crate) fn is_for_want_of_room(self) -> bool {
        self.failure.is_full() && self.outcome == Outcome::NotApplied
    }

    pub(crate) fn surely(failure: Failure) -> Self {
        Self {
            failure,
            outcome: Outcome::NotApplied,
        }
    }
}

/// How many pages of log are copied into the file: 4 MB.
const LONG_LOG: u32 = 1_000;

/// How long SQLite waits for the lock of another process before the thread looks who still waits.
const LOCK_PATIENCE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crate::connection;
    use crate::options::SqliteOptions;
    use crate::sql::Sql;

    use super::*;

    fn pen(folder: &tempfile::TempDir) -> Pen {
        pen_with(folder, Duration::from_secs(1), Duration::MAX)
    }

    fn pen_with(folder: &tempfile::TempDir, timeout: Duration, sweep_every: Duration) -> Pen {
        let options = SqliteOptions::file(folder.path().join("cache.db")).timeout(timeout);
        let sql = Arc::new(Sql::new("cache"));
        let opened = connection::open(&options, &sql).unwrap();
        let sweep = Sweep::new(sql, sweep_every);
        Pen::new(opened.writer, opened.file, sweep).unwrap()
    }

    fn write(pen: &mut Pen) -> bool {
        let insert = "INSERT INTO cache (key, value) VALUES (random(), x'00')";
        let work = |connection: &mut Connection| Ok(connection.execute(insert, [])?);
        pen.write_now("test", work).is_some()
    }

    /// As the thread does.
    fn write_patiently(pen: &mut Pen) {
        pen.begin_patiently().ok().unwrap();
        let insert = "INSERT INTO cache (key, value) VALUES (random(), x'00')";
        let committed = pen.commit(|connection| Ok(connection.execute_batch(insert)?));
        assert!(committed.is_ok());
    }

    #[test]
    fn writes_that_may_wait_for_the_disk_are_left_to_the_thread() {
        let folder = tempfile::tempdir().unwrap();
        let mut pen = pen(&folder);
        assert!(!write(&mut pen), "the first one begins the log");
        write_patiently(&mut pen);
        while !pen.log.is_long() {
            assert!(write(&mut pen));
        }
        assert!(!write(&mut pen), "the log is to be copied");
        pen.keep_up();
        assert!(!write(&mut pen), "the next one begins it anew");
        write_patiently(&mut pen);
        assert!(pen.log.pages() < 100);
        assert!(write(&mut pen));
    }

    #[test]
    fn the_sweeper_waits_for_no_reader() {
        let folder = tempfile::tempdir().unwrap();
        let timeout = Duration::from_secs(20);
        let mut pen = pen_with(&folder, timeout, Duration::ZERO);
        let reader = Connection::open(folder.path().join("cache.db")).unwrap();
        let read = "BEGIN; SELECT count(*) FROM cache";
        reader.execute_batch(read).unwrap();
        // What making the table left in the log cannot be cut off while somebody reads it.
        let started = Instant::now();
        pen.keep_up();
        assert!(started.elapsed() < timeout / 2);
    }

    #[test]
    fn a_log_that_is_still_read_is_not_copied_again_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut pen = pen(&folder);
        write_patiently(&mut pen);
        let reader = Connection::open(folder.path().join("cache.db")).unwrap();
        let read = "BEGIN; SELECT count(*) FROM cache";
        reader.execute_batch(read).unwrap();
        while !pen.log.is_long() {
            assert!(write(&mut pen));
        }
        pen.keep_up();
        assert!(!pen.log.is_long());
        assert!(write(&mut pen), "it goes on");
        drop(reader);
        while !pen.log.is_long() {
            assert!(write(&mut pen));
        }
        pen.keep_up();
        write_patiently(&mut pen);
        assert!(pen.log.pages() < 100);
    }
}
