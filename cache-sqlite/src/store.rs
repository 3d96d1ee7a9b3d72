//! An open store: which thread does what, and how long a caller waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use session_core::{ClientOptions, ErrorKind, Outcome, Result};
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use crate::connection::{self, Opened, Readers};
use crate::error::{Failure, overloaded, timed_out};
use crate::file::File;
use crate::options::SqliteOptions;
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
    client: ClientOptions,
}

/// What a write carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
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
            file,
            sql,
            pace: Pace::default(),
            client: options.client.clone(),
        })
    }

    /// Reads something short: on the calling thread, unless reads take long at present, the value
    /// is large or the connections are taken.
    ///
    /// `work` is given the length of the longest value that it may read.
    pub(crate) async fn read<T, F>(&self, operation: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection, &Sql, usize) -> Result<T, Failure> + Send + 'static,
    {
        let Some(readers) = &self.readers else {
            return self
                .read_in_memory(operation, self.client.timeout, work)
                .await;
        };
        let mut timeout = self.client.timeout;
        if self.pace.is_short()
            && let Some(reader) = readers.try_take()
        {
            let started = Instant::now();
            let result = check(self.file.as_deref()).and_then(|()| {
                reader.read(|connection| work(connection, &self.sql, LONGEST_READ_HERE))
            });
            drop(reader);
            let give_way = self.pace.note(started.elapsed());
            match result {
                Err(Failure::TooLong(len)) => timeout = self.client.timeout_for(len),
                Err(failure) if failure.is_busy() => {}
                result => {
                    if give_way {
                        tokio::task::yield_now().await;
                    }
                    return result.map_err(|failure| failure.into_error(operation));
                }
            }
        }
        self.read_elsewhere(readers, operation, timeout, work).await
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
        F: Fn(&Connection, &Sql, usize) -> Result<T, Failure> + Send + 'static,
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
        let timeout = self.client.timeout_for(load.bytes);
        let weight = Weight::new(load.entries, load.bytes);
        let work = move |connection: &mut Connection| work(connection, &sql);
        self.writer.submit(operation, weight, timeout, work).await
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
        F: Fn(&Connection, &Sql, usize) -> Result<T, Failure> + Send + 'static,
    {
        let deadline = Instant::now() + timeout;
        let reader = timeout_at(deadline.into(), readers.take()).await;
        let reader = reader.map_err(|_| overloaded(operation, timeout))?;
        let (file, sql) = (self.file.clone(), self.sql.clone());
        let reading = spawn_blocking(move || {
            check(file.as_deref()).and_then(|()| {
                reader.read_patiently(deadline, |connection| work(connection, &sql, usize::MAX))
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
        F: Fn(&Connection, &Sql, usize) -> Result<T, Failure> + Send + 'static,
    {
        let sql = Arc::clone(&self.sql);
        let work = move |connection: &mut Connection| work(connection, &sql, usize::MAX);
        self.writer
            .submit(operation, Weight::new(1, 0), timeout, work)
            .await
    }
}

/// Refuses once the store's file is gone.
pub(crate) fn check(file: Option<&File>) -> Result<(), Failure> {
    file.map_or(Ok(()), File::check)
}

/// The longest value that is read on the calling thread, in bytes.
const LONGEST_READ_HERE: usize = 64 * 1_024;
