//! tokio-rusqlite, given its turns by the ratios: `peer-tokio-rusqlite FILE SYNCHRONOUS ENTRIES`.

use std::sync::Arc;

use sampler::entries::Entries;
use sampler::sql;
use sampler::work::{Get, Mixed, Set, Store, fill};
use sampler::worker::Worker;
use session_core::Bytes;
use tokio::runtime::Runtime;
use tokio_rusqlite::rusqlite::{Error, OptionalExtension, params};

struct Peer(tokio_rusqlite::Connection);

impl Peer {
    async fn open(file: &str, synchronous: &str) -> Self {
        let connection = tokio_rusqlite::Connection::open(file).await;
        let connection = connection.expect("the file opens");
        let pragmas = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};");
        let prepared = connection.call(move |connection| {
            connection.execute_batch(&pragmas)?;
            connection.execute_batch(sql::SCHEMA)
        });
        prepared.await.expect("the table is made");
        Self(connection)
    }
}

impl Store for Peer {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let key = key.to_owned();
        let found = self.0.call(move |connection| {
            let mut statement = connection.prepare_cached(sql::GET)?;
            let value = |row: &tokio_rusqlite::rusqlite::Row<'_>| row.get::<_, Vec<u8>>(0);
            statement.query_row(params![key, sql::now()], value).optional()
        });
        found.await.expect("a read succeeds").map(Bytes::from)
    }

    async fn set(&self, key: &str, value: Bytes) {
        let key = key.to_owned();
        let written = self.0.call(move |connection| {
            let mut statement = connection.prepare_cached(sql::SET)?;
            statement.execute(params![key, &value[..], sql::deadline()])?;
            Ok::<_, Error>(())
        });
        written.await.expect("a write succeeds");
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, synchronous, entries] = &arguments[..] else {
        panic!("peer-tokio-rusqlite FILE SYNCHRONOUS ENTRIES");
    };
    let runtime = Runtime::new().expect("a runtime can be made");
    let entries = Entries::new(entries.parse().expect("a number of entries"), 200);
    let entries = Arc::new(entries);
    let store = runtime.block_on(async {
        let store = Peer::open(file, "off").await;
        fill(&store, &entries).await;
        drop(store);
        Arc::new(Peer::open(file, synchronous).await)
    });
    Worker::new()
        .with("get", runtime.handle(), Get(store.clone(), entries.clone()))
        .with("set", runtime.handle(), Set(store.clone(), entries.clone()))
        .with("mixed", runtime.handle(), Mixed(store, entries))
        .serve();
}
