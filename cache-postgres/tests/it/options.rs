//! URLs and the environment.

use std::process::Command;

use cache_postgres::{PostgresCache, PostgresOptions};
use conformance_tests::servers::postgres;
use session_core::{CacheClient, Codec, ErrorKind, TypedCache};

use crate::database::Database;

#[test]
fn a_url_is_taken_apart() {
    let shown = |url: &str| format!("{:?}", url.parse::<PostgresOptions>().unwrap());
    for (url, part) in [
        ("postgres://h", r#"host: Some("h")"#),
        (
            "postgresql://u:p%40%2F@h:1234/d%20b",
            r#"host: Some("h"), port: Some(1234), database: Some("d b")"#,
        ),
        (
            "postgres://u@[::1]:5433/d",
            r#"host: Some("::1"), port: Some(5433)"#,
        ),
        (
            "postgres:///d?host=/run/postgresql",
            r#"host: Some("/run/postgresql"), port: None"#,
        ),
        (
            "postgres://%2Frun%2Fpostgresql/d",
            r#"host: Some("/run/postgresql")"#,
        ),
        (
            "postgres://h?schema=a%22b&table=c",
            r#"schema: "a\"b", table: "c""#,
        ),
        (
            "postgres://h?sslmode=verify-full",
            "tls_mode: Some(VerifyFull)",
        ),
        (
            "postgres://h?unlogged=true&synchronous_commit=off",
            "unlogged: true, synchronous_commit: Some(Off)",
        ),
        (
            "postgres://h?max_connections=3&pgbouncer=true",
            "max_connections: 3, pgbouncer: true",
        ),
        ("postgres://h?sweep_seconds=0", "sweep_every: None"),
        (
            "postgres://h?environment=true&timeout_ms=7",
            "environment: true",
        ),
    ] {
        assert!(shown(url).contains(part), "{url}: {}", shown(url));
    }
}

#[test]
fn what_is_no_url_of_this_backend_is_refused_and_not_told() {
    for url in [
        "redis://h",
        "postgres:h",
        "postgres://u:s3cret@h:port",
        "postgres://u:s3cret@h:99999",
        "postgres://u:%FF@h?s3cret",
        "postgres://h?pool=1",
        "postgres://h?unlogged=yes",
        "postgres://h?sslmode=s3cret",
        "postgres://h?sslcert=a",
        "postgres://h?synchronous_commit=s3cret",
        "postgres://h?max_connections=0",
        "postgres://h?table=",
        "postgres://h?table=a%00b",
        &format!("postgres://h?table={}", "t".repeat(55)),
    ] {
        let error = url.parse::<PostgresOptions>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn no_connections_are_too_few() {
    let database = Database::take().await;
    let options = database.options().max_connections(0);
    let error = PostgresCache::connect_with(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// Runs this very test once more in a process with those variables.
#[tokio::test]
async fn the_environment_counts_only_if_asked_for() {
    if std::env::var_os(CHILD).is_none() {
        let url = postgres().await;
        let run = |name: &str, value: &str| {
            let output = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "options::the_environment_counts_only_if_asked_for",
                ])
                .env(CHILD, "1")
                .env("CACHE_POSTGRES_URL", &url)
                .env(name, value)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}");
            // A name that no test has any more would succeed as well.
            assert!(said.contains("1 passed"), "{said}");
        };
        run("PGUSER", "nobody_there");
        run("PGOPTIONS", "-c geqo=off");
        return;
    }
    let database = Database::take().await;
    let url = database.url();
    let asked: PostgresOptions = format!("postgres://127.0.0.1:{}/postgres", database.port())
        .parse()
        .unwrap();
    if std::env::var_os("PGOPTIONS").is_some() {
        let error = PostgresCache::connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("PGOPTIONS"), "{error}");
        return;
    }
    PostgresCache::connect_with(asked.clone())
        .await
        .unwrap()
        .ping()
        .await
        .unwrap();
    let error = PostgresCache::connect_with(asked.environment(true))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
}

const CHILD: &str = "CACHE_POSTGRES_TEST_CHILD";

#[tokio::test]
async fn the_limit_for_values_and_the_codec_reach_the_client() {
    let database = Database::take().await;
    let options = database.options().max_value_len(3).codec(Codec::Json);
    let cache = PostgresCache::connect_with(options).await.unwrap();
    cache.set("key", &'x', None).await.unwrap();
    let longer = cache.set("key", &"xx", None).await.unwrap_err();
    assert_eq!(longer.kind(), ErrorKind::InvalidInput);
    assert_eq!(cache.read("key").await.unwrap().unwrap(), "\"x\"");
}
