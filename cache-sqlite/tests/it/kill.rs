//! A process that is killed loses nothing that it had acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use cache_sqlite::SqliteCache;
use session_core::{Bytes, CacheClient, Condition, Expiry};

use crate::store::TempStore;

#[test]
fn a_killed_writer_loses_nothing_acknowledged() {
    if let Ok(url) = std::env::var(URL) {
        return write_until_killed(&url);
    }
    for synchronous in ["off", "normal", "full"] {
        let store = TempStore::new();
        let url = format!(
            "sqlite://{}?synchronous={synchronous}&timeout_ms=30000",
            store.path().display()
        );
        let acknowledged = kill_in_mid_write(&url);
        assert!(acknowledged.len() >= WANTED);
        let whole: String = store
            .raw()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");
        let missing = runtime().block_on(async {
            let cache = store.connect().await;
            let keys: Vec<_> = acknowledged.iter().map(String::as_str).collect();
            let values = cache.read_all(&keys).await.unwrap();
            values.iter().filter(|value| value.is_none()).count()
        });
        assert_eq!(missing, 0, "{synchronous}");
    }
}

/// Runs this test again as a process that writes, and kills it; gives what it acknowledged.
fn kill_in_mid_write(url: &str) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::a_killed_writer_loses_nothing_acknowledged",
            "--nocapture",
        ])
        .env(URL, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines {
        // A line without its end was cut by the kill.
        let Ok(line) = line else { break };
        if let Some(key) = line
            .strip_prefix("wrote ")
            .and_then(|rest| rest.strip_suffix('.'))
        {
            acknowledged.push(key.to_owned());
        }
        if acknowledged.len() == WANTED {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    acknowledged
}

fn write_until_killed(url: &str) {
    runtime().block_on(async {
        let cache = SqliteCache::connect(url).await.unwrap();
        let tasks = (0..8).map(|task| {
            let cache = cache.clone();
            tokio::spawn(async move {
                for n in 0..1_000_000 {
                    let (key, value) = (format!("{task}-{n}"), Bytes::from(vec![7; 500]));
                    cache
                        .write(&key, value, Condition::Always, Expiry::Never)
                        .await
                        .unwrap();
                    std::io::stdout()
                        .write_all(format!("wrote {key}.\n").as_bytes())
                        .unwrap();
                }
            })
        });
        futures_util::future::join_all(tasks).await;
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()
        .unwrap()
}

/// Tells the second process that it is one, and where to write.
const URL: &str = "CACHE_SQLITE_TEST_WRITES_TO";

/// So many acknowledged writes later it is killed.
const WANTED: usize = 500;
