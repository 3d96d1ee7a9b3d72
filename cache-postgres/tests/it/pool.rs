//! Connections that are few, taken, locked out, or the caller's.

use std::time::Duration;

use cache_postgres::{PostgresCache, SynchronousCommit};
use futures_util::future::join_all;
use session_core::{
    Bytes, CacheClient, CacheClientExtended, Condition, ErrorKind, Expiry, Outcome,
};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor};

use crate::database::{Database, ends};

const VALUE: Bytes = Bytes::from_static(b"value");

#[tokio::test]
async fn one_connection_serves_many_calls() {
    let database = Database::take().await;
    let options = database.patient_options().max_connections(1);
    let cache = PostgresCache::connect_with(options).await.unwrap();
    let calls = (0..500).map(|n| {
        let cache = &cache;
        async move {
            let key = format!("k{n}");
            let value = Bytes::from(key.clone());
            cache
                .write(&key, value.clone(), Condition::Always, Expiry::Never)
                .await
                .unwrap();
            assert_eq!(cache.read(&key).await.unwrap(), Some(value));
            cache.increment("n", 1, Expiry::Never).await.unwrap();
        }
    });
    join_all(calls).await;
    assert_eq!(cache.increment("n", 0, Expiry::Never).await.unwrap(), 500);
}

#[tokio::test]
async fn calls_that_run_together_keep_their_answers_apart() {
    let database = Database::take().await;
    let cache = database.connect().await;
    let writes = (0..400).map(|n| {
        let value = Bytes::from(n.to_string());
        let expiry = if n % 2 == 0 {
            Expiry::Never
        } else {
            Duration::from_millis(n).into()
        };
        let cache = &cache;
        // Every key is written by two of them at once.
        async move {
            cache
                .write(&(n / 2).to_string(), value, Condition::Always, expiry)
                .await
        }
    });
    for result in join_all(writes).await {
        assert!(result.unwrap());
    }
    cache
        .write("last", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let reads = (0..300).map(|n| {
        let cache = &cache;
        async move { (n, cache.read(&n.to_string()).await.unwrap()) }
    });
    for (n, value) in join_all(reads).await {
        let value = value.map(|value| String::from_utf8(value.to_vec()).unwrap());
        let writers = [(2 * n).to_string(), (2 * n + 1).to_string()];
        assert!(
            value.is_none_or(|value| n < 200 && writers.contains(&value)),
            "{n}"
        );
    }
}

#[tokio::test]
async fn an_entry_that_somebody_locks_is_overloaded_and_others_go_on() {
    let database = Database::take().await;
    let cache = database.connect().await;
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let mut other = database.connection().await;
    let lock = format!(
        "BEGIN; SELECT FROM {} WHERE key = 'k' FOR UPDATE",
        database.table()
    );
    other
        .execute(sqlx::raw_sql(AssertSqlSafe(lock)))
        .await
        .unwrap();
    let error = ends(cache.increment("k", 1, Expiry::Never))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Overloaded, Outcome::NotApplied)
    );
    let error = ends(cache.write("k", VALUE, Condition::Always, Expiry::Never))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Overloaded, Outcome::NotApplied)
    );
    assert_eq!(ends(cache.read("k")).await.unwrap(), Some(VALUE));
    assert!(
        ends(cache.write("m", VALUE, Condition::Always, Expiry::Never))
            .await
            .unwrap()
    );
    other.execute(sqlx::raw_sql("ROLLBACK")).await.unwrap();
    assert!(
        ends(cache.write("k", VALUE, Condition::Always, Expiry::Never))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_locked_entry_does_not_fail_the_writes_that_run_with_its_own() {
    let database = Database::take().await;
    let cache = database.connect().await;
    let keys: Vec<String> = (0..60).map(|n| n.to_string()).collect();
    for key in &keys[..40] {
        cache
            .write(key, VALUE, Condition::Always, Expiry::Never)
            .await
            .unwrap();
    }
    let mut other = database.connection().await;
    let lock = format!(
        "BEGIN; SELECT FROM {} WHERE key = '30' FOR UPDATE",
        database.table()
    );
    other
        .execute(sqlx::raw_sql(AssertSqlSafe(lock)))
        .await
        .unwrap();
    let writes = keys
        .iter()
        .map(|key| cache.write(key, Bytes::new(), Condition::Always, Expiry::Never));
    for (key, result) in keys.iter().zip(ends(join_all(writes)).await) {
        match key.as_str() {
            "30" => assert_eq!(result.unwrap_err().kind(), ErrorKind::Overloaded),
            _ => assert!(result.unwrap(), "{key}"),
        }
    }
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let values = cache.read_all(&names).await.unwrap();
    for (key, value) in keys.iter().zip(values) {
        let expected = if key == "30" { VALUE } else { Bytes::new() };
        assert_eq!(value, Some(expected), "{key}");
    }
}

#[tokio::test]
async fn a_flush_does_not_wait_for_who_holds_the_table() {
    let database = Database::take().await;
    let cache = database.connect().await;
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let mut other = database.connection().await;
    let hold = format!("BEGIN; SELECT FROM {}", database.table());
    other
        .execute(sqlx::raw_sql(AssertSqlSafe(hold)))
        .await
        .unwrap();
    ends(cache.flush_all()).await.unwrap();
    assert_eq!(ends(cache.read("k")).await.unwrap(), None);
}

#[tokio::test]
async fn the_callers_pool_is_used_and_given_back() {
    let database = Database::take().await;
    let options = PgPoolOptions::new().max_connections(1);
    let pool = options.connect(&database.url()).await.unwrap();
    let cache = PostgresCache::with_pool(
        pool.clone(),
        database.options().timeout(Duration::from_secs(3)),
    )
    .await
    .unwrap();
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let held = pool.acquire().await.unwrap();
    let error = ends(cache.read("k")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Overloaded, Outcome::NotApplied)
    );
    drop(held);
    assert_eq!(ends(cache.read("k")).await.unwrap(), Some(VALUE));
    for round in 0..200 {
        let patience = Duration::from_micros(round % 9 * 60);
        let _ = tokio::time::timeout(patience, cache.read("k")).await;
    }
    assert_eq!(ends(cache.read("k")).await.unwrap(), Some(VALUE));
    drop(pool.acquire().await.unwrap());
    pool.close().await;
    let error = ends(cache.read("k")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Closed, Outcome::NotApplied)
    );
}

#[tokio::test]
async fn an_option_that_a_shared_connection_cannot_keep_is_refused() {
    let database = Database::take().await;
    let options = database
        .options()
        .synchronous_commit(SynchronousCommit::Off);
    let pool = PgPoolOptions::new().connect_lazy(&database.url()).unwrap();
    let pooled = PostgresCache::with_pool(pool, options.clone())
        .await
        .unwrap_err();
    let bounced = PostgresCache::connect_with(options.pgbouncer(true))
        .await
        .unwrap_err();
    for error in [pooled, bounced] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn connections_are_set_as_the_options_say() {
    let database = Database::take().await;
    let options = database
        .options()
        .synchronous_commit(SynchronousCommit::Off);
    let cache = PostgresCache::connect_with(options).await.unwrap();
    // What a trigger sees is what the client's connections are set to.
    let table = database.table();
    let schema = database.quoted_schema();
    database
        .execute(&format!(
            "CREATE FUNCTION {schema}.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 new.value := convert_to(concat_ws(' ', current_setting('synchronous_commit'),
                     current_setting('lock_timeout'), current_setting('statement_timeout')), 'UTF8');
                 RETURN new;
             END $$;
             CREATE TRIGGER tell BEFORE INSERT ON {table}
                 FOR EACH ROW EXECUTE FUNCTION {schema}.tell()"
        ))
        .await;
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let told = cache.read("k").await.unwrap().unwrap();
    assert_eq!(told, Bytes::from_static(b"off 500ms 2340ms"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_in_opposite_orders_never_wait_for_each_other_in_a_circle() {
    let database = Database::take().await;
    let keys: Vec<String> = (0..400).map(|n| format!("k{n:03}")).collect();
    let tasks = (0..6_usize).map(|task| {
        let (options, mut keys) = (database.options(), keys.clone());
        tokio::spawn(async move {
            let cache = PostgresCache::connect_with(options).await.unwrap();
            if task % 2 == 1 {
                keys.reverse();
            }
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            let entries: Vec<(&str, Bytes)> = names.iter().map(|name| (*name, VALUE)).collect();
            let soon = std::time::SystemTime::now() + Duration::from_secs(3_600);
            for round in 0..20 {
                match (task + round) % 5 {
                    0 => drop(cache.remove_all(&names).await.unwrap()),
                    1 => drop(cache.remove_starting_with("k").await.unwrap()),
                    2 => cache.write_all(&entries, soon.into()).await.unwrap(),
                    3 => cache.write_all(&entries, Expiry::Keep).await.unwrap(),
                    _ => cache.write_all(&entries, Expiry::Never).await.unwrap(),
                }
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
}
