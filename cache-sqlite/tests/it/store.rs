//! A store of a test's own, in a folder that goes with it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cache_sqlite::{SqliteCache, SqliteOptions};
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) struct TempStore {
    folder: TempDir,
}

impl TempStore {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("cache.db")
    }

    pub(crate) fn options(&self) -> SqliteOptions {
        options_of(self.path())
    }

    pub(crate) async fn connect(&self) -> SqliteCache {
        SqliteCache::connect_with(self.options()).await.unwrap()
    }

    /// A connection beside those of the client, as another program has it.
    pub(crate) fn raw(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }

    /// Lets time pass for what is stored.
    pub(crate) fn pass(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.raw()
            .execute(
                "UPDATE cache SET deadline = deadline - ?1, due = due - ?1",
                [by],
            )
            .unwrap();
    }
}

/// Options for a file, without a sweeper that would meddle, and with patience for a machine that is
/// busy with other tests.
pub(crate) fn options_of(file: impl AsRef<Path>) -> SqliteOptions {
    SqliteOptions::file(file)
        .sweep_interval(Duration::from_secs(3_600))
        .timeout(Duration::from_secs(30))
}

/// Waits until something that happens on another thread has happened.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let watchdog = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < watchdog, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
