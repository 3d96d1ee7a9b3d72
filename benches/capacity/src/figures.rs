//! What was measured of each backend: `benches/figures.json`, as the example `measure` writes it.

use serde::{Deserialize, Serialize};

/// The figures in the repository.
pub const IN_REPOSITORY: &str = include_str!("../../figures.json");

/// All of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Where they come from.
    pub measured: Measured,
    /// What sessions write.
    pub written: Kinds<Written>,
    /// `cache-memory`.
    pub memory: Backend,
    /// `cache-sqlite`.
    pub sqlite: Backend,
    /// `cache-redis`.
    pub redis: Backend,
    /// `cache-postgres`.
    pub postgres: Backend,
    /// PostgreSQL's write-ahead log.
    pub wal: Wal,
}

impl Figures {
    /// The backends and the names of their schemes.
    pub fn backends(&self) -> [(&'static str, Backend); 4] {
        [
            ("memory", self.memory),
            ("sqlite", self.sqlite),
            ("redis", self.redis),
            ("postgres", self.postgres),
        ]
    }
}

/// When, how and on what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// The day, in UTC.
    pub date: String,
    /// The command line.
    pub command: String,
    /// Processors and system.
    pub machine: String,
    /// What else the machine had to do: the load of one minute before and after.
    pub load: [f64; 2],
    /// Entries of each kind in a store.
    pub entries: u32,
    /// The servers.
    pub servers: String,
}

/// A value for each kind of entry.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Kinds<T> {
    /// The record of a session.
    pub record: T,
    /// A value in its bag.
    pub bag: T,
    /// The index of a user with one session.
    pub index: T,
}

/// The bytes of an entry before a store has it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Written {
    /// Of the key.
    pub key: f64,
    /// Of the value.
    pub value: f64,
}

/// A node of a backend.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Backend {
    /// Bytes of memory or disk for an entry, key and value included.
    pub stored: Kinds<f64>,
    /// Microseconds for a call that only asks whether the store is there.
    pub round_trip: f64,
    /// With 64 tasks at once.
    pub tasks_64: Rates,
    /// With 256 tasks at once.
    pub tasks_256: Rates,
}

/// Calls a second that a node answers when it does nothing else.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Rates {
    /// A session with what is left of its life.
    pub load: f64,
    /// A value.
    pub read: f64,
    /// A session over what was read.
    pub save: f64,
    /// A deadline.
    pub slide: f64,
}

/// Bytes of log for a slide.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Wal {
    /// One whose pages were written since the last checkpoint.
    pub slide: f64,
    /// One that is the first to touch its pages after a checkpoint.
    pub slide_first: f64,
    /// How many of the slides were HOT updates, which leave the indexes alone: 0 to 1.
    pub hot: f64,
}
