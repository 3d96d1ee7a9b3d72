//! The tool measures, draws and leaves nothing behind.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use session_core::{CacheClientExtended, Expiry};
use tempfile::TempDir;

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_benches"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

async fn keys(cache: &dyn CacheClientExtended) -> usize {
    use futures_util::StreamExt;
    cache.keys_starting_with("").count().await
}

#[tokio::test]
async fn measuring_draws_a_page_and_leaves_the_store_as_it_was() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/own.db", folder.path().display());
    let cache = cache_connect::connect(&url).await.unwrap();
    cache
        .write_all(&[("mine", "1".into())], Expiry::Never)
        .await
        .unwrap();

    let short = ["--quick", "--tasks=1,2", "--sizes=200", "--entries=50"];
    let table = run(folder.path(), &[&["memory:", &url], &short[..]].concat());
    for word in ["memory", "sqlite", "round trip", "get", "set"] {
        assert!(table.contains(word), "{word} is missing:\n{table}");
    }
    let page = std::fs::read_to_string(folder.path().join("benches.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 4);
    assert!(!page.contains("#000000"));
    assert_eq!(keys(&*cache).await, 1);
}

#[test]
fn figures_are_json() {
    let folder = TempDir::new().unwrap();
    let short = ["memory:", "--quick", "--tasks=1", "--sizes=200", "--json"];
    let figures: serde_json::Value = serde_json::from_str(&run(folder.path(), &short)).unwrap();
    let figures = figures.as_array().unwrap();
    assert_eq!(figures.len(), 3);
    assert!(
        figures
            .iter()
            .all(|figure| figure["rate"].as_f64().unwrap() > 0.0)
    );
    assert!(!folder.path().join("benches.html").exists());
}

#[tokio::test]
async fn growth_is_drawn_and_leaves_the_store_empty() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/own.db", folder.path().display());
    let table = run(folder.path(), &["--growth", "--quick", "memory:", &url]);
    for word in ["list 100", "free 1,000 expired", "each write evicts"] {
        assert!(table.contains(word), "{word} is missing:\n{table}");
    }
    let page = std::fs::read_to_string(folder.path().join("benches.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 4);
    let cache = cache_connect::connect(&url).await.unwrap();
    assert_eq!(keys(&*cache).await, 0);
}

#[test]
fn a_store_that_is_not_there_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_benches"))
        .args(["redis://127.0.0.1:1", "--quick"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stderr.is_empty());
}
