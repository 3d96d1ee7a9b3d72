//! Connections, and when one may be used again.
//!
//! A connection is used by one statement at a time and comes back only after the server has
//! answered. One that failed, or whose statement did not end in time, is dropped: what it would
//! answer next is not known. The driver's own pool asks the server before each use and after it,
//! which triples the round trips of a cache; this one asks only when a connection was idle for a
//! while or another one has just failed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_core::{ErrorKind, Outcome};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection as _, Postgres};
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::{Failure, Stage, failure};

/// Connections that were idle for longer are asked whether they are alive. After a restart of the
/// server it takes at most this long until no call meets a connection that is gone.
const TRUSTED: Duration = Duration::from_secs(1);

/// How long a connection may take to say that it is alive.
const ANSWER: Duration = Duration::from_millis(300);

/// Connections that were idle for longer are closed.
const IDLE: Duration = Duration::from_secs(300);

/// Where connections come from.
pub(crate) enum Source {
    Own(Box<PgConnectOptions>),
    Pool(PgPool),
}

pub(crate) struct Connections {
    source: Source,
    idle: Mutex<Vec<Connection>>,
}

pub(crate) struct Connection {
    raw: Raw,
    used: Instant,
}

enum Raw {
    Own(PgConnection),
    Pooled(PoolConnection<Postgres>),
}

impl Connections {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Takes a connection that is alive as far as can be known, or opens one.
    ///
    /// Connections that were used last before `suspect_before` are asked first.
    pub(crate) async fn take(
        &self,
        suspect_before: Instant,
        deadline: Instant,
    ) -> Result<Connection, Failure> {
        // In a statement of its own: the lock must not live as long as the loop's body.
        while let Some(mut connection) = self.pop() {
            if connection.used >= suspect_before && connection.used.elapsed() < TRUSTED {
                return Ok(connection);
            }
            if connection.is_alive(deadline).await {
                return Ok(connection);
            }
            // What happened to one has happened to its neighbours, and asking takes time.
            self.lock().clear();
        }
        self.open(deadline).await
    }

    /// Opens a connection of its own, or takes one from the caller's pool.
    pub(crate) async fn open(&self, deadline: Instant) -> Result<Connection, Failure> {
        let raw = match &self.source {
            Source::Own(options) => connect(options, deadline).await.map(Raw::Own)?,
            Source::Pool(pool) => acquire(pool, deadline).await.map(Raw::Pooled)?,
        };
        Ok(Connection {
            raw,
            used: Instant::now(),
        })
    }

    /// Keeps a connection whose last statement was answered to its end.
    pub(crate) fn give_back(&self, connection: Connection) {
        match connection.raw {
            Raw::Own(_) => self.keep(Connection {
                used: Instant::now(),
                ..connection
            }),
            Raw::Pooled(pooled) => return_to_pool(pooled),
        }
    }

    fn keep(&self, connection: Connection) {
        let now = connection.used;
        let mut idle = self.lock();
        // The busiest are on top, so what nobody needs gathers at the bottom.
        let old = idle
            .iter()
            .take_while(|other| now - other.used > IDLE)
            .count();
        let closing: Vec<Connection> = idle.drain(..old).collect();
        idle.push(connection);
        drop(idle);
        for connection in closing {
            if let Raw::Own(raw) = connection.raw {
                tokio::spawn(timeout(ANSWER, raw.close()));
            }
        }
    }

    fn pop(&self) -> Option<Connection> {
        self.lock().pop()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    pub(crate) fn driver(&mut self) -> &mut PgConnection {
        match &mut self.raw {
            Raw::Own(connection) => connection,
            Raw::Pooled(connection) => connection,
        }
    }

    async fn is_alive(&mut self, deadline: Instant) -> bool {
        let deadline = deadline.min(Instant::now() + ANSWER);
        matches!(timeout_at(deadline, self.driver().ping()).await, Ok(Ok(())))
    }

    /// Closes it without a word to the server, and without a pool waiting for it.
    pub(crate) fn abandon(self) {
        match self.raw {
            Raw::Own(connection) => drop(connection),
            Raw::Pooled(connection) => drop(connection.detach()),
        }
    }
}

async fn connect(options: &PgConnectOptions, deadline: Instant) -> Result<PgConnection, Failure> {
    match timeout_at(deadline, options.connect()).await {
        Ok(connected) => connected.map_err(|error| failure(&error, Stage::Connecting)),
        Err(_) => Err(Failure::silence(Stage::Connecting)),
    }
}

/// Waits for the pool, and when it has nothing to give asks the server itself why: a pool goes on
/// trying in silence when the server refuses.
async fn acquire(pool: &PgPool, deadline: Instant) -> Result<PoolConnection<Postgres>, Failure> {
    let asking = ANSWER.min(deadline.saturating_duration_since(Instant::now()) / 4);
    match timeout_at(deadline - asking, pool.acquire()).await {
        Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => {}
        Ok(acquired) => return acquired.map_err(|error| failure(&error, Stage::Connecting)),
    }
    let probe = connect(&pool.connect_options(), deadline).await?;
    tokio::spawn(timeout(ANSWER, probe.close()));
    Err(Failure::new(ErrorKind::Overloaded, Outcome::NotApplied)
        .with_message("the pool has no connection to give"))
}

/// The pool asks the server once more and would wait for ever for one that fell silent, so that
/// its place in the pool were lost.
fn return_to_pool(mut connection: PoolConnection<Postgres>) {
    let returned = connection.return_to_pool();
    tokio::spawn(timeout(ANSWER, returned));
}
