//! Connections: how one is opened, and the bounded pool of those that read.
//!
//! One connection writes, on a thread of its own ([`writer`](crate::writer)); the others read,
//! each used by one caller at a time. Reads see the last commit and neither wait for the writer
//! nor hold it up, but for the short ones of the task that wrote last, which may use its connection.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use session_core::ErrorKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Failure;
use crate::file::File;
use crate::options::{Location, SqliteOptions, Synchronous};
use crate::sql::Sql;

/// A store that was opened: one connection to write, some to read, and the file below.
pub(crate) struct Opened {
    pub(crate) writer: Connection,
    /// None in memory, where the writer's connection is the only one that sees the entries.
    pub(crate) readers: Vec<Connection>,
    pub(crate) file: Option<Arc<File>>,
}

/// Opens the store, makes what is not there and refuses what is no store.
pub(crate) fn open(options: &SqliteOptions, sql: &Sql) -> Result<Opened, Failure> {
    let file = match &options.location {
        Location::File(path) => Some(File::open(path, !options.read_only)?),
        Location::Memory => None,
    };
    let mut writer = connect(file.as_ref(), options)?;
    if options.read_only {
        sql.check(&writer)?;
    } else {
        if file.is_some() {
            prepare_file(&writer, options, Instant::now() + options.client.timeout)?;
        }
        if let Some(bytes) = options.max_bytes {
            bound(&writer, bytes)?;
        }
        sql.prepare(&mut writer)?;
    }
    let readers = match &file {
        None => Vec::new(),
        Some(file) => (0..options.readers)
            .map(|_| connect_reader(file, options, sql))
            .collect::<Result<_, _>>()?,
    };
    Ok(Opened {
        writer,
        readers,
        file: file.map(Arc::new),
    })
}

fn connect(file: Option<&File>, options: &SqliteOptions) -> Result<Connection, Failure> {
    // Each connection is used by one thread at a time, so SQLite needs no locks of its own.
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
        | if options.read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        };
    let connection = match file {
        Some(file) => Connection::open_with_flags(file.path(), flags)?,
        None => Connection::open_in_memory()?,
    };
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Another process may be closing the file at this moment.
    connection.busy_timeout(options.client.timeout)?;
    let kibibytes = i64::try_from(options.page_cache / 1_024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kibibytes)?;
    Ok(connection)
}

/// Opens a connection that reads, and never waits for a lock: it may be used where nothing may.
fn connect_reader(file: &File, options: &SqliteOptions, sql: &Sql) -> Result<Connection, Failure> {
    let connection = connect(Some(file), options)?;
    sql.check(&connection)?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok(connection)
}

/// Sets what belongs to the file and to the connection that writes it.
fn prepare_file(
    writer: &Connection,
    options: &SqliteOptions,
    deadline: Instant,
) -> Result<(), Failure> {
    let pages: i64 = writer.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages == 0 {
        // Only a file that is empty takes it; that of an application is left as it is.
        writer.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let encoding: String = writer.pragma_query_value(None, "encoding", |row| row.get(0))?;
    if encoding != "UTF-8" {
        return Err(Failure::Rule(
            ErrorKind::InvalidInput,
            Some("the file keeps text as UTF-16, which sorts otherwise; use another file"),
        ));
    }
    write_ahead(writer, deadline)?;
    let synchronous = match options.synchronous {
        Synchronous::Off => "OFF",
        Synchronous::Normal => "NORMAL",
        Synchronous::Full => "FULL",
    };
    writer.pragma_update(None, "synchronous", synchronous)?;
    writer.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    Ok(())
}

/// Sets how many pages there may be, in a file or in memory.
fn bound(writer: &Connection, bytes: u64) -> Result<(), Failure> {
    let page: i64 = writer.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
    writer.pragma_update(None, "max_page_count", pages.clamp(1, MAX_PAGES))?;
    Ok(())
}

/// Switches to write-ahead logging, for which SQLite does not wait by itself.
fn write_ahead(writer: &Connection, deadline: Instant) -> Result<(), Failure> {
    loop {
        let mode = writer
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))
            .map_err(Failure::from);
        match mode {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Ok(_) => {
                return Err(Failure::Rule(
                    ErrorKind::Other,
                    Some("the file system does not allow write-ahead logging"),
                ));
            }
            Err(failure) if failure.is_busy() && Instant::now() < deadline => {
                std::thread::sleep(RETRY);
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// The connections that read.
pub(crate) struct Readers {
    idle: Mutex<Vec<Connection>>,
    /// One permit for each connection that is idle.
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(connections.len())),
            idle: Mutex::new(connections),
        })
    }

    /// A connection, if one is idle and nobody waits for it.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<Reader> {
        let permit = self.permits.clone().try_acquire_owned().ok()?;
        Some(self.hand_out(Some(permit)))
    }

    /// A connection, as soon as it is this caller's turn.
    pub(crate) async fn take(self: &Arc<Self>) -> Reader {
        // Nobody closes the semaphore.
        let permit = self.permits.clone().acquire_owned().await.ok();
        self.hand_out(permit)
    }

    fn hand_out(self: &Arc<Self>, permit: Option<OwnedSemaphorePermit>) -> Reader {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        Reader {
            connection: idle.pop(),
            readers: Arc::clone(self),
            _permit: permit,
        }
    }
}

/// A connection that reads, for the time of one read.
pub(crate) struct Reader {
    connection: Option<Connection>,
    readers: Arc<Readers>,
    /// Given back after the connection, since fields go after `drop`.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Reader {
    /// Reads at once or not at all.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match &self.connection {
            Some(connection) => work(connection),
            None => Err(Failure::Rule(ErrorKind::Closed, None)),
        }
    }

    /// Does a number of reads; if there are `many`, in one transaction, whose cost they share.
    pub(crate) fn read_in_one(&self, many: bool, work: impl FnOnce(&Connection)) {
        let Some(connection) = &self.connection else {
            return;
        };
        let execute = |statement| connection.prepare_cached(statement)?.execute([]);
        // Should it fail, each read is in a transaction of its own.
        let begun = many && execute("BEGIN").is_ok();
        work(connection);
        if begun && execute("COMMIT").is_err() {
            let _ = execute("ROLLBACK");
        }
    }

    /// Reads, waiting until `deadline` for a lock that another process holds.
    pub(crate) fn read_patiently<T>(
        &self,
        deadline: Instant,
        work: impl Fn(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        loop {
            match self.read(&work) {
                Err(failure) if failure.is_busy() && Instant::now() < deadline => {
                    std::thread::sleep(RETRY);
                }
                result => return result,
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let mut idle = self
                .readers
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            idle.push(connection);
        }
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers")
            .field("idle", &self.permits.available_permits())
            .finish_non_exhaustive()
    }
}

/// Prepared statements kept by a connection: more than there are.
const STATEMENTS: usize = 32;

/// What a write-ahead log keeps of its length, in bytes, once it was copied into the file.
const WAL_KEPT: i64 = 8 * 1_024 * 1_024;

/// How long to wait before asking again for a lock for which SQLite does not wait.
const RETRY: Duration = Duration::from_millis(2);

/// SQLite's own bound.
const MAX_PAGES: i64 = 4_294_967_294;
