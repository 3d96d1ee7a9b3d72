//! The table: made once by many, by others, or not ours.

use std::time::Duration;

use cache_postgres::{PostgresCache, PostgresOptions};
use futures_util::StreamExt;
use futures_util::future::join_all;
use session_core::{Bytes, CacheClient, CacheClientExtended, Condition, ErrorKind, Expiry};

use crate::database::Database;

const VALUE: Bytes = Bytes::from_static(b"value");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_that_start_at_once_make_one_table() {
    for _ in 0..5 {
        let database = Database::take().await;
        let clients = join_all((0..10).map(|_| {
            let options = database.options();
            tokio::spawn(async move { PostgresCache::connect_with(options).await.unwrap() })
        }))
        .await;
        for (n, client) in clients.into_iter().enumerate() {
            let sum = client
                .unwrap()
                .increment("n", 1, Expiry::Never)
                .await
                .unwrap();
            assert_eq!(sum, i64::try_from(n).unwrap() + 1);
        }
    }
}

/// A role that may use the table and nothing else, and its client's options.
async fn poor_role(database: &Database, name: &str) -> PostgresOptions {
    database
        .execute(&format!(
            "DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN"
        ))
        .await;
    let name_of_database = "postgres";
    database.options().user(name).database(name_of_database)
}

#[tokio::test]
async fn a_role_that_may_make_nothing_works_with_a_table_that_is_there() {
    let database = Database::take().await;
    let role = format!("poor_{}", std::process::id());
    let options = poor_role(&database, &role).await;
    let error = PostgresCache::connect_with(options.clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    database.execute(&options.schema_sql().unwrap()).await;
    let (schema, table) = (database.quoted_schema(), database.table());
    database
        .execute(&format!(
            "GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}"
        ))
        .await;
    let cache = PostgresCache::connect_with(options).await.unwrap();
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    assert_eq!(cache.increment("n", 2, Expiry::Never).await.unwrap(), 2);
    // It may not truncate either.
    cache.flush_all().await.unwrap();
    assert_eq!(cache.read_all(&["k", "n"]).await.unwrap(), [None, None]);
    drop(cache);
    database
        .execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}

#[tokio::test]
async fn the_sql_for_the_administrator_can_be_run_again() {
    let database = Database::take().await;
    let sql = database.options().unlogged(true).schema_sql().unwrap();
    database.execute(&sql).await;
    database.execute(&sql).await;
    database.connect().await.ping().await.unwrap();
}

/// The table as version 1 made it, with an entry that expired, one that lives and one that never ends.
async fn make_version_1(database: &Database) {
    let (schema, table) = (database.quoted_schema(), database.table());
    database
        .execute(&format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE {table} (
                 key text COLLATE \"C\" PRIMARY KEY, value bytea NOT NULL, deadline bigint);
             CREATE INDEX cache_entries_deadline ON {table} (deadline) WHERE deadline IS NOT NULL;
             COMMENT ON TABLE {table} IS 'session cache, version 1';
             INSERT INTO {table} VALUES ('expired', 'value', 1000), ('never', 'value', NULL),
                 ('lives', 'value', (extract(epoch FROM now()) * 1000)::bigint + 3600000)"
        ))
        .await;
}

/// The indexes of the table.
async fn indexes(database: &Database) -> String {
    let mut connection = database.connection().await;
    let sql = format!(
        "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text)
         FROM pg_index WHERE indrelid = '{}'::regclass",
        database.table().replace('\'', "''")
    );
    let names = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
    let names: String = names.fetch_one(&mut connection).await.unwrap();
    names.replace(&format!("{}.", database.quoted_schema()), "")
}

#[tokio::test]
async fn a_table_of_version_1_is_renewed_with_its_entries() {
    let database = Database::take().await;
    make_version_1(&database).await;
    let clients = join_all((0..4).map(|_| PostgresCache::connect_with(database.options()))).await;
    let cache = clients.into_iter().map(Result::unwrap).next().unwrap();
    assert_eq!(
        cache
            .read_all(&["expired", "lives", "never"])
            .await
            .unwrap(),
        [None, Some(VALUE), Some(VALUE)]
    );
    assert_eq!(
        indexes(&database).await,
        "cache_entries_due cache_entries_pkey"
    );
    // As a client of version 1 writes that is still there.
    let insert = format!(
        "INSERT INTO {} VALUES ('old', 'value', 2000)",
        database.table()
    );
    database.execute(&insert).await;
    assert_eq!(cache.remove_expired().await.unwrap(), 2);
    database.age(Duration::from_secs(3_601)).await;
    assert_eq!(cache.remove_expired().await.unwrap(), 1);
    assert_eq!(cache.read("never").await.unwrap(), Some(VALUE));
}

#[tokio::test]
async fn a_role_that_may_not_renew_the_table_hears_what_its_owner_is_to_run() {
    let database = Database::take().await;
    let role = format!("renewing_{}", std::process::id());
    let options = poor_role(&database, &role).await;
    make_version_1(&database).await;
    let (schema, table) = (database.quoted_schema(), database.table());
    database
        .execute(&format!(
            "GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}"
        ))
        .await;
    let error = PostgresCache::connect_with(options.clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("schema_sql"), "{error}");
    database.execute(&options.schema_sql().unwrap()).await;
    let cache = PostgresCache::connect_with(options).await.unwrap();
    assert_eq!(cache.remove_expired().await.unwrap(), 1);
    assert_eq!(cache.read("lives").await.unwrap(), Some(VALUE));
    drop(cache);
    database
        .execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}

#[tokio::test]
async fn a_table_that_is_no_cache_or_a_newer_one_is_corrupt_and_left_alone() {
    let database = Database::take().await;
    let (schema, table) = (database.quoted_schema(), database.table());
    database
        .execute(&format!(
            "CREATE SCHEMA {schema}; CREATE TABLE {table} (key int)"
        ))
        .await;
    let error = PostgresCache::connect_with(database.options())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    database
        .execute(&format!(
            "COMMENT ON TABLE {table} IS 'session cache, version 99'"
        ))
        .await;
    let error = PostgresCache::connect_with(database.options())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("newer"), "{error}");
}

#[tokio::test]
async fn a_table_that_vanishes_is_corrupt_and_no_miss() {
    let database = Database::take().await;
    let cache = database.connect().await;
    database
        .execute(&format!("DROP TABLE {}", database.table()))
        .await;
    assert_eq!(
        cache.read("k").await.unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    let error = cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn expired_rows_leave_in_the_background_and_renewed_ones_stay() {
    let database = Database::take().await;
    let options = database
        .options()
        .sweep_every(Some(Duration::from_millis(50)));
    let cache = PostgresCache::connect_with(options).await.unwrap();
    let entries: Vec<String> = (0..2_500).map(|n| n.to_string()).collect();
    let entries: Vec<(&str, Bytes)> = entries.iter().map(|key| (key.as_str(), VALUE)).collect();
    cache
        .write_all(&entries, Duration::from_secs(60).into())
        .await
        .unwrap();
    database.age(Duration::from_secs(61)).await;
    cache
        .write("7", VALUE, Condition::Absent, Expiry::Never)
        .await
        .unwrap();
    let rows = format!("SELECT count(*) FROM {}", database.table());
    for _ in 0..500 {
        if database.number(&rows).await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(database.number(&rows).await, 1);
    assert_eq!(cache.read("7").await.unwrap(), Some(VALUE));
}

#[tokio::test]
async fn a_row_that_somebody_renews_is_passed_over() {
    let database = Database::take().await;
    let cache = database.connect().await;
    cache
        .write(
            "k",
            VALUE,
            Condition::Always,
            Duration::from_secs(60).into(),
        )
        .await
        .unwrap();
    cache
        .write(
            "m",
            VALUE,
            Condition::Always,
            Duration::from_secs(60).into(),
        )
        .await
        .unwrap();
    database.age(Duration::from_secs(61)).await;
    let mut other = database.connection().await;
    let renew = format!(
        "BEGIN; UPDATE {} SET deadline = NULL WHERE key = 'k'",
        database.table()
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(renew))
        .execute(&mut other)
        .await
        .unwrap();
    assert_eq!(cache.remove_expired().await.unwrap(), 1);
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(
        cache.read_all(&["k", "m"]).await.unwrap(),
        [Some(VALUE), None]
    );
}

/// The server counts what an index gave once the connection that asked has ended.
#[tokio::test]
async fn listing_and_removing_by_prefix_read_what_matches_and_not_the_table() {
    let database = Database::take().await;
    drop(database.connect().await);
    let fill = format!(
        "INSERT INTO {} SELECT lpad(n::text, 5, '0'), '' FROM generate_series(0, 9999) AS n",
        database.table()
    );
    database.execute(&fill).await;
    let read = format!(
        "SELECT idx_tup_read FROM pg_stat_all_indexes
         WHERE relid = '{}'::regclass AND indexrelname = 'cache_entries_pkey'",
        database.table().replace('\'', "''")
    );
    let before = database.number(&read).await;
    let name = format!("listing {}", std::process::id());
    let options = database.options().application_name(&name);
    let cache = PostgresCache::connect_with(options).await.unwrap();
    let listed: Vec<_> = cache.keys_starting_with("012").collect().await;
    assert_eq!(listed.len(), 100);
    assert_eq!(cache.remove_starting_with("013").await.unwrap(), 100);
    drop(cache);
    let open = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}'");
    for _ in 0..500 {
        if database.number(&open).await == 0 && database.number(&read).await > before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(database.number(&open).await, 0);
    let given = database.number(&read).await - before;
    assert!((200..2_000).contains(&given), "{given} of 10,000");
}
