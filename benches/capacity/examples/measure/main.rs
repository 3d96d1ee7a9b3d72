//! Measures what a node of each backend carries: prints `benches/figures.json` anew.
//!
//! ```sh
//! cargo run --release -p capacity --example measure > figures.json
//! ```
//!
//! Servers are started for it on this machine, with the settings of the tests but for those named
//! here. A loopback server is not a network, and the clients take their part of the processors.
//! The entries are those that sessions write: one is taken apart and stored under many ids.

// A measurement that cannot go on has nothing better to do than to stop and say where.
#![allow(clippy::expect_used, clippy::print_stderr, clippy::print_stdout)]

mod load;
mod sizes;
mod template;

use std::sync::Arc;

use capacity::figures::{Backend, Figures, Kinds, Measured};
use conformance_tests::servers::{PostgresServer, RedisServer, ask};
use session_core::CacheClientExtended;
use template::Template;

/// Entries of each kind.
const ENTRIES: u32 = 100_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let figures = runtime.block_on(measured());
    println!(
        "{}",
        serde_json::to_string_pretty(&figures).expect("figures are JSON")
    );
}

async fn measured() -> Figures {
    let before = load_of_one_minute();
    let template = Template::new().await;
    let written = template.written();

    eprintln!("memory");
    let stored = sizes::of_memory(&template);
    let memory = backend("memory:", stored, &template).await;

    eprintln!("sqlite");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("sessions.db");
    let stored = sizes::of_sqlite(&file, &template).await;
    let sqlite = backend(&format!("sqlite://{}", file.display()), stored, &template).await;

    eprintln!("redis");
    let server = RedisServer::start(&[]).expect("Redis starts");
    let stored = sizes::of_redis(&template).await;
    let redis = backend(&server.url(), stored, &template).await;
    let info = ask(server.port(), &["INFO", "server"]).expect("Redis answers");
    let redis_version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));

    eprintln!("postgres");
    let settings = [
        "fsync = on",
        "synchronous_commit = on",
        "full_page_writes = on",
        "shared_buffers = '512MB'",
    ];
    let server = PostgresServer::start(&settings).expect("PostgreSQL starts");
    let database = sizes::Database::connect(&server.url()).await;
    let stored = database.sizes(&server.url(), &template).await;
    let wal = database.wal(&server.url(), &template).await;
    let postgres = backend(&server.url(), stored, &template).await;

    Figures {
        measured: Measured {
            date: shell("date -u +%F"),
            command: "cargo run --release -p capacity --example measure".to_owned(),
            machine: shell(
                "echo \"$(nproc) processors ($(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)), $(uname -sm)\"",
            ),
            load: [before, load_of_one_minute()],
            entries: ENTRIES,
            servers: format!(
                "Redis {}, PostgreSQL {}, on this machine",
                redis_version.unwrap_or("?").trim(),
                database.version().await,
            ),
        },
        written,
        memory,
        sqlite,
        redis,
        postgres,
        wal,
    }
}

/// A backend's rates, with a store that holds the entries.
async fn backend(url: &str, stored: Kinds<f64>, template: &Template) -> Backend {
    let cache = connect(url).await;
    template.fill(&*cache, template::RECORD, ENTRIES).await;
    template.fill(&*cache, template::BAG, ENTRIES).await;
    let (round_trip, tasks_64, tasks_256) = load::of(&cache, template).await;
    Backend {
        stored,
        round_trip,
        tasks_64,
        tasks_256,
    }
}

async fn connect(url: &str) -> Arc<dyn CacheClientExtended> {
    cache_connect::connect(url)
        .await
        .expect("the store answers")
}

/// How many programs want a processor; 0 where the system does not tell.
fn load_of_one_minute() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().unwrap_or_default()
}

fn shell(script: &str) -> String {
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .output();
    let output = output.expect("a shell runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
