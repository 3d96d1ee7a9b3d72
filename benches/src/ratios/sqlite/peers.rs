//! Who else keeps entries in SQLite.

use std::path::{Path, PathBuf};
use std::process::Command;

use async_sqlite::rusqlite::{Connection, Error, OptionalExtension, Row, params};
use async_sqlite::{JournalMode, Pool, PoolBuilder};
use sampler::sql;
use sampler::work::Store;
use session_core::Bytes;

use crate::ratios::stores::Peer;

/// Builds a program of `peers-sqlite` and says where it is.
pub(crate) fn program(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = here.join("peers-sqlite").join(name).join("Cargo.toml");
    let this = std::env::current_exe().expect("a program knows its path");
    let target = this.with_file_name("peers-sqlite");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    eprintln!("  building {name}, with its own SQLite");
    let built = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--manifest-path",
        ])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target)
        .status();
    assert!(built.expect("cargo can be run").success(), "{name} builds");
    target.join("release").join(format!("peer-{name}"))
}

impl Peer<Pool> {
    /// As many connections as our backend reads with.
    pub(crate) async fn open(file: &str, synchronous: &str) -> Self {
        let pool = PoolBuilder::new()
            .path(file)
            .journal_mode(JournalMode::Wal)
            .num_conns(4)
            .open()
            .await
            .expect("the file opens");
        let pragma = format!("PRAGMA synchronous = {synchronous}; PRAGMA busy_timeout = 10000;");
        let set =
            pool.conn_for_each(move |connection: &Connection| connection.execute_batch(&pragma));
        for set in set.await {
            set.expect("a connection is set up");
        }
        let made = pool.conn(|connection| connection.execute_batch(sql::SCHEMA));
        made.await.expect("the table is made");
        Self(pool)
    }
}

impl Store for Peer<Pool> {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let key = key.to_owned();
        let found = self.0.conn(move |connection| {
            let mut statement = connection.prepare_cached(sql::GET)?;
            let value = |row: &Row<'_>| row.get::<_, Vec<u8>>(0);
            statement
                .query_row(params![key, sql::now()], value)
                .optional()
        });
        found.await.expect("a read succeeds").map(Bytes::from)
    }

    async fn set(&self, key: &str, value: Bytes) {
        let key = key.to_owned();
        let written = self.0.conn(move |connection| {
            let mut statement = connection.prepare_cached(sql::SET)?;
            statement.execute(params![key, &value[..], sql::deadline()])?;
            Ok::<_, Error>(())
        });
        written.await.expect("a write succeeds");
    }
}
