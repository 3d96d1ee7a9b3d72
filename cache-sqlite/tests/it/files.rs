//! What is in the file, and which files are refused.

use std::time::Duration;

use cache_sqlite::{SqliteCache, SqliteOptions, Synchronous};
use futures_util::StreamExt;
use session_core::{
    Bytes, CacheClient, CacheClientExtended, Condition, ErrorKind, Expiry, TypedCache,
};

use crate::store::{TempStore, until};

async fn put(cache: &SqliteCache, key: &str, value: &'static str) {
    let value = Bytes::from_static(value.as_bytes());
    cache
        .write(key, value, Condition::Always, Expiry::Never)
        .await
        .unwrap();
}

#[test]
fn the_public_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + Clone + std::fmt::Debug>() {}
    check::<SqliteCache>();
    check::<SqliteOptions>();
    check::<Synchronous>();
}

#[tokio::test]
async fn two_stores_in_memory_share_nothing() {
    let one = SqliteCache::connect("sqlite::memory:").await.unwrap();
    let two = SqliteCache::connect("sqlite://:memory:").await.unwrap();
    put(&one, "k", "v").await;
    assert_eq!(two.read("k").await.unwrap(), None);
}

#[tokio::test]
async fn a_relative_path_counts_from_the_folder_of_the_process() {
    // Cargo runs tests in the folder of the crate.
    let folder = tempfile::TempDir::new_in(".").unwrap();
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    for (n, url) in [
        format!("sqlite://{name}/a%20b.db"),
        format!("sqlite:{name}/c.db"),
    ]
    .iter()
    .enumerate()
    {
        let cache = SqliteCache::connect(url).await.unwrap();
        put(&cache, "k", "v").await;
        assert!(folder.path().join(["a b.db", "c.db"][n]).exists());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt;

    let store = TempStore::new();
    let cache = store.connect().await;
    put(&cache, "k", "v").await;
    let mut modes: Vec<_> = std::fs::read_dir(store.path().parent().unwrap())
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| {
            (
                file.file_name(),
                file.metadata().unwrap().permissions().mode() & 0o777,
            )
        })
        .collect();
    modes.sort();
    let names = ["cache.db", "cache.db-shm", "cache.db-wal"];
    assert_eq!(modes, names.map(|name| (name.into(), 0o600)));
}

#[tokio::test]
async fn the_last_clone_closes_the_file() {
    let store = TempStore::new();
    let cache = store.connect().await;
    let clone = cache.clone();
    put(&cache, "k", "v").await;
    drop(cache);
    put(&clone, "l", "v").await;
    drop(clone);
    let log = store.path().with_extension("db-wal");
    until("closing removes the log", || !log.exists());
    assert_eq!(entries(&store), 2);
}

#[tokio::test]
async fn other_tables_are_left_alone_whatever_the_name_of_ours() {
    let store = TempStore::new();
    store
        .raw()
        .execute_batch("CREATE TABLE users (name); INSERT INTO users VALUES ('ann')")
        .unwrap();
    let names = [
        "select",
        "a\"b",
        "x'; DROP TABLE users; --",
        "täble [1]",
        "%_",
        "cache]",
        " ",
    ];
    for name in names {
        let cache = SqliteCache::connect_with(store.options().table(name))
            .await
            .unwrap();
        put(&cache, "k", "v").await;
    }
    for name in names {
        let cache = SqliteCache::connect_with(store.options().table(name))
            .await
            .unwrap();
        assert_eq!(cache.read("k").await.unwrap().as_deref(), Some(&b"v"[..]));
        assert_eq!(
            cache
                .increment("n", 1, Expiry::In(Duration::from_secs(9)))
                .await
                .unwrap(),
            1
        );
        let keys: Vec<_> = cache
            .keys_starting_with("")
            .map(Result::unwrap)
            .collect()
            .await;
        assert_eq!(keys, ["k", "n"]);
        cache.flush_all().await.unwrap();
        assert_eq!(cache.remove_expired().await.unwrap(), 0);
        assert_eq!(cache.read("k").await.unwrap(), None);
    }
    let users: i64 = store
        .raw()
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(users, 1);
}

#[tokio::test]
async fn a_table_of_somebody_else_is_refused() {
    let store = TempStore::new();
    store
        .raw()
        .execute_batch("CREATE TABLE Cache (name)")
        .unwrap();
    let error = SqliteCache::connect_with(store.options())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("name another"), "{error}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let store = TempStore::new();
    drop(store.connect().await);
    store
        .raw()
        .execute_batch("UPDATE cache_schema SET version = 3")
        .unwrap();
    let error = SqliteCache::connect_with(store.options())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("newer version"), "{error}");
    let version: i64 = store
        .raw()
        .query_row("SELECT version FROM cache_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 3);
}

#[tokio::test]
async fn a_former_schema_is_renewed_and_keeps_its_entries() {
    let store = TempStore::new();
    let former = "
        CREATE TABLE cache (
            key TEXT NOT NULL UNIQUE COLLATE BINARY, value BLOB NOT NULL, deadline INTEGER
        ) STRICT;
        CREATE INDEX cache_deadline ON cache (deadline) WHERE deadline IS NOT NULL;
        CREATE TABLE cache_schema (version INTEGER NOT NULL) STRICT;
        INSERT INTO cache_schema VALUES (1);
        INSERT INTO cache VALUES ('stays', x'01', NULL), ('lives', x'02', 9000000000000),
                                 ('expired', x'03', 1);";
    store.raw().execute_batch(former).unwrap();
    store
        .raw()
        .execute_batch("PRAGMA journal_mode = WAL")
        .unwrap();
    let read_only = SqliteCache::connect_with(store.options().read_only(true));
    let read_only = read_only.await.unwrap();
    let cache = store.connect().await;
    for cache in [&cache, &read_only] {
        let keys = ["stays", "lives", "expired"];
        let values = cache.read_all(&keys).await.unwrap();
        assert_eq!(values, [Some(vec![1].into()), Some(vec![2].into()), None]);
    }
    assert_eq!(cache.remove_expired().await.unwrap(), 1);
    store.pass(Duration::from_secs(9_000_000_000));
    assert_eq!(cache.remove_expired().await.unwrap(), 1);
    assert_eq!(cache.read("stays").await.unwrap(), Some(vec![1].into()));
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_as_it_is() {
    let store = TempStore::new();
    let text = "no database, but long enough to be taken for one. ".repeat(100);
    std::fs::write(store.path(), &text).unwrap();
    let error = SqliteCache::connect_with(store.options())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(std::fs::read_to_string(store.path()).unwrap(), text);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made() {
    let store = TempStore::new();
    let path = store.path().with_file_name("missing").join("cache.db");
    let error = SqliteCache::connect_with(SqliteOptions::file(&path))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("make the folder"), "{error}");
    let folder = SqliteOptions::file(store.path().parent().unwrap());
    let error = SqliteCache::connect_with(folder).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(!format!("{error:?}").contains("missing"), "{error:?}");
}

#[tokio::test]
async fn a_file_with_wide_text_is_refused() {
    let store = TempStore::new();
    store
        .raw()
        .execute_batch("PRAGMA encoding = 'UTF-16'; CREATE TABLE t (x)")
        .unwrap();
    let error = SqliteCache::connect_with(store.options())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_client_that_only_reads_changes_nothing() {
    let store = TempStore::new();
    let error = SqliteCache::connect_with(store.options().read_only(true))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(!store.path().exists());

    let writer = store.connect().await;
    put(&writer, "k", "v").await;
    let reader = SqliteCache::connect_with(store.options().read_only(true))
        .await
        .unwrap();
    assert_eq!(reader.read("k").await.unwrap().as_deref(), Some(&b"v"[..]));
    let error = reader.remove("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert!(reader.read("k").await.unwrap().is_some());
}

#[tokio::test]
async fn urls_that_name_no_store_are_refused() {
    for url in [
        "sqlite:",
        "sqlite://",
        "sqlite:a%00b",
        "sqlite:a%FF",
        "sqlite:a?table=",
        "sqlite:a?table=sqlite_x",
        "sqlite:a?synchronous=always",
        "sqlite:a?readers=0",
        "sqlite:a?read_only=maybe",
        "sqlite:a?journal=wal",
        "mysql:a",
    ] {
        let error = SqliteCache::connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
    }
}

#[test]
fn every_option_can_be_said_in_a_url() {
    let url = "sqlite:///tmp/c.db?synchronous=off&table=t&readers=2&page_cache=4096&max_bytes=65536\
               &sweep_interval_ms=5&read_only=true&namespace=a:b&timeout_ms=7&max_value_len=9&codec=json";
    let built = SqliteOptions::file("/tmp/c.db")
        .synchronous(Synchronous::Off)
        .table("t")
        .readers(2)
        .page_cache(4_096)
        .max_bytes(65_536)
        .sweep_interval(Duration::from_millis(5))
        .read_only(true)
        .namespace("a:b".parse().unwrap())
        .timeout(Duration::from_millis(7))
        .max_value_len(9)
        .codec(session_core::Codec::Json);
    assert_eq!(url.parse::<SqliteOptions>().unwrap(), built);
}

#[tokio::test]
async fn the_limit_for_values_and_the_codec_reach_the_client() {
    let cache = SqliteCache::connect("sqlite::memory:?max_value_len=3&codec=json")
        .await
        .unwrap();
    cache.set("key", &'x', None).await.unwrap();
    let longer = cache.set("key", &"xx", None).await.unwrap_err();
    assert_eq!(longer.kind(), ErrorKind::InvalidInput);
    assert_eq!(cache.read("key").await.unwrap().unwrap(), "\"x\"");
}

#[test]
fn a_time_out_is_a_day_at_most() {
    let with = |timeout| SqliteOptions::memory().timeout(timeout);
    let day = Duration::from_secs(24 * 60 * 60);
    assert_eq!(with(Duration::MAX), with(day));
    assert_ne!(with(day - Duration::from_millis(1)), with(day));
    let longer = format!("sqlite::memory:?timeout_ms={}", u64::MAX);
    assert_eq!(longer.parse::<SqliteOptions>().unwrap(), with(day));
}

#[test]
fn a_sweep_interval_is_a_millisecond_at_least() {
    let with = |interval| SqliteOptions::memory().sweep_interval(interval);
    let millisecond = Duration::from_millis(1);
    assert_eq!(with(Duration::ZERO), with(millisecond));
    assert_ne!(with(2 * millisecond), with(millisecond));
}

#[tokio::test]
async fn options_without_measure_are_taken() {
    let store = TempStore::new();
    let options = store
        .options()
        .timeout(Duration::MAX)
        .max_value_len(usize::MAX)
        .sweep_interval(Duration::MAX);
    let cache = SqliteCache::connect_with(options.max_bytes(u64::MAX))
        .await
        .unwrap();
    put(&cache, "k", "v").await;
    assert!(cache.read_all(&["k"]).await.unwrap()[0].is_some());
    let url = format!(
        "sqlite://{}?timeout_ms={}",
        store.path().display(),
        u64::MAX
    );
    SqliteCache::connect(&url)
        .await
        .unwrap()
        .ping()
        .await
        .unwrap();
}

fn entries(store: &TempStore) -> i64 {
    store
        .raw()
        .query_row("SELECT count(*) FROM cache", [], |row| row.get(0))
        .unwrap()
}
