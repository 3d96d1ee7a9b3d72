//! A table as an application would make it that stores what our SQLite backend stores, with the
//! same index to find what expired; the statements on it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Makes the table; for a file with a write-ahead log.
pub const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entries (
        key TEXT NOT NULL UNIQUE, value BLOB NOT NULL, deadline INTEGER
    ) STRICT;
    CREATE INDEX IF NOT EXISTS deadlines ON entries (deadline) WHERE deadline IS NOT NULL;";

/// `?1` key, `?2` now.
pub const GET: &str =
    "SELECT value FROM entries WHERE key = ?1 AND (deadline IS NULL OR deadline > ?2)";

/// `?1` key, `?2` value, `?3` deadline.
pub const SET: &str = "INSERT INTO entries (key, value, deadline) VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, deadline = excluded.deadline";

/// Milliseconds since 1970.
pub fn now() -> i64 {
    milliseconds(Duration::ZERO)
}

/// An hour from now.
pub fn deadline() -> i64 {
    milliseconds(Duration::from_secs(3_600))
}

fn milliseconds(after: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let time = now.unwrap_or_default() + after;
    time.as_millis().try_into().unwrap_or(i64::MAX)
}
