//! tower-sessions-sqlx-store on SQLite, given its turns by the ratios: `peer-sqlx FILE SESSIONS`.

use sampler::records::{Load, LoadAndSave, Records, Save};
use sampler::worker::Worker;
use tokio::runtime::Runtime;
use tower_sessions_sqlx_store::SqliteStore;
use tower_sessions_sqlx_store::sqlx::SqlitePool;
use tower_sessions_sqlx_store::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous,
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, sessions] = &arguments[..] else {
        panic!("peer-sqlx FILE SESSIONS");
    };
    let runtime = Runtime::new().expect("a runtime can be made");
    let records = runtime.block_on(async {
        // As ours is by default; its own defaults wait for the disk.
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePool::connect_with(options).await;
        let store = SqliteStore::new(pool.expect("the file opens"));
        store.migrate().await.expect("the table is made");
        let sessions = sessions.parse().expect("a number of sessions");
        Records::filled(store, sessions).await
    });
    Worker::new()
        .with("load", runtime.handle(), Load(records.clone()))
        .with("save", runtime.handle(), Save(records.clone()))
        .with("load and save", runtime.handle(), LoadAndSave(records))
        .serve();
}
