//! The upkeep between writes: expired entries leave, the file gives room back, the log stays short.
//!
//! Nothing depends on it, since expired is absent in every statement. Each step is short, so that
//! a write which comes in between waits for one step at most, and costs by what it removes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::entries;
use crate::error::Failure;
use crate::sql::Sql;

/// When the next step is due, and what there is to do.
#[derive(Debug)]
pub(crate) struct Sweep {
    sql: Arc<Sql>,
    every: Duration,
    /// None for never.
    due: Option<Instant>,
    /// Something was written since the last look.
    busy: bool,
    /// The log holds what was written since it was last emptied.
    log: bool,
}

/// What a step found.
#[derive(PartialEq, Eq)]
enum Found {
    More,
    Nothing,
}

impl Sweep {
    pub(crate) fn new(sql: Arc<Sql>, every: Duration) -> Self {
        Self {
            sql,
            every,
            due: Instant::now().checked_add(every),
            busy: false,
            log: true,
        }
    }

    /// How long the writer may wait for work.
    pub(crate) fn due_in(&self) -> Duration {
        self.due.map_or(Duration::MAX, |due| {
            due.saturating_duration_since(Instant::now())
        })
    }

    pub(crate) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }

    /// Takes note that something was written.
    pub(crate) fn wrote(&mut self) {
        self.busy = true;
        self.log = true;
    }

    /// Does one step if all is ready for it, and sets when the next is due.
    pub(crate) fn step(&mut self, connection: &Connection, ready: Result<(), Failure>) {
        let found = ready.and_then(|()| self.remove_or_shrink(connection));
        let found = found.unwrap_or_else(|failure| {
            // A lock or a full disk passes; whoever writes hears of all else.
            tracing::debug!(?failure, "expired entries could not be removed");
            Found::Nothing
        });
        let pause = match found {
            Found::More => PAUSE.min(self.every),
            Found::Nothing => self.every,
        };
        self.due = Instant::now().checked_add(pause);
    }

    fn remove_or_shrink(&mut self, connection: &Connection) -> Result<Found, Failure> {
        // Asked first, so that an idle client takes no lock.
        if entries::any_due(connection, &self.sql)? {
            entries::remove_expired(connection, &self.sql, STEP)?;
            self.log = true;
            return Ok(Found::More);
        }
        if shrink(connection)? {
            self.log = true;
            return Ok(Found::More);
        }
        if std::mem::take(&mut self.busy) || !self.log {
            return Ok(Found::Nothing);
        }
        self.log = !empty_log(connection)?;
        Ok(Found::Nothing)
    }
}

/// Gives some free pages back to the file system, if a good part of the file is free.
///
/// Free pages are used again, so a few of them are worth keeping. Does nothing in a file that was
/// made without `auto_vacuum`.
fn shrink(connection: &Connection) -> Result<bool, Failure> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let free = pragma("freelist_count")?;
    if free < FREE_PAGES || free < pragma("page_count")? / 4 || pragma("auto_vacuum")? == 0 {
        return Ok(false);
    }
    let mut statement = connection.prepare_cached(VACUUM)?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}

/// Copies the log into the file and cuts it off; `false` if a reader still needs it.
fn empty_log(connection: &Connection) -> Result<bool, Failure> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(statement.query_row([], |row| row.get::<_, i64>(0))? == 0)
}

/// How many expired entries a step removes.
const STEP: usize = 500;

/// How long writes have the thread for themselves between two steps.
const PAUSE: Duration = Duration::from_millis(5);

/// How many pages may be free before the file shrinks: 1 MiB.
const FREE_PAGES: i64 = 256;

/// How many pages a step gives back.
const VACUUM: &str = "PRAGMA incremental_vacuum(256)";
