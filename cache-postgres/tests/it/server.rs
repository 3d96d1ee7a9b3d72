//! A server that is stopped, killed, restarted, promoted, or shuts its sessions.

use std::time::Duration;

use cache_postgres::PostgresCache;
use conformance_tests::servers::PostgresServer;
use futures_util::StreamExt;
use futures_util::future::join_all;
use session_core::{
    Bytes, CacheClient, CacheClientExtended, Condition, ErrorKind, Expiry, Outcome,
};

use crate::database::{Database, comes_back, ends};

const VALUE: Bytes = Bytes::from_static(b"value");

#[tokio::test]
async fn a_stopped_server_is_a_timeout_and_is_found_again() {
    let server = PostgresServer::start(&[]).unwrap();
    let database = Database::on(server.url());
    let cache = database.connect().await;
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    server.stop().unwrap();
    let mut failures = Vec::new();
    for _ in 0..4 {
        let error = ends(cache.increment("n", 1, Expiry::Never))
            .await
            .unwrap_err();
        failures.push((error.kind(), error.outcome()));
    }
    let expected = [
        (ErrorKind::Timeout, Outcome::Unknown),
        // From here on there is no connection to send it on.
        (ErrorKind::Timeout, Outcome::NotApplied),
        (ErrorKind::Timeout, Outcome::NotApplied),
        (ErrorKind::Unavailable, Outcome::NotApplied),
    ];
    assert_eq!(failures, expected);
    server.go_on().unwrap();
    assert_eq!(comes_back(|| cache.read("k")).await, Some(VALUE));
    let counted = ends(cache.increment("n", 0, Expiry::Never)).await.unwrap();
    assert!((0..=1).contains(&counted), "{counted}");
}

#[tokio::test]
async fn a_killed_server_is_found_again_and_has_kept_what_it_acknowledged() {
    let mut server = PostgresServer::start(&[]).unwrap();
    let database = Database::on(server.url());
    let cache = database.connect().await;
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    server.kill();
    for _ in 0..4 {
        let error = ends(cache.read("k")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    server.restart().unwrap();
    assert_eq!(comes_back(|| cache.read("k")).await, Some(VALUE));
}

#[tokio::test]
async fn an_unlogged_table_is_empty_after_a_crash() {
    let mut server = PostgresServer::start(&[]).unwrap();
    let database = Database::on(server.url());
    let options = database.options().unlogged(true);
    let cache = PostgresCache::connect_with(options).await.unwrap();
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    server.restart().unwrap();
    assert_eq!(comes_back(|| cache.read("k")).await, None);
}

#[tokio::test]
async fn sessions_that_the_server_ends_cost_no_read() {
    let server = PostgresServer::start(&[]).unwrap();
    let database = Database::on(server.url());
    let cache = database.connect().await;
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    for _ in 0..20 {
        database
            .execute(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
                 WHERE application_name = 'session-cache'",
            )
            .await;
        assert_eq!(ends(cache.read("k")).await.unwrap(), Some(VALUE));
    }
    // A write is not sent again, but the next one finds a connection that is new.
    database
        .execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
             WHERE application_name = 'session-cache'",
        )
        .await;
    if let Err(error) = ends(cache.increment("n", 1, Expiry::Never)).await {
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Unavailable, Outcome::Unknown)
        );
    }
    ends(cache.increment("n", 1, Expiry::Never)).await.unwrap();
}

/// What is asked of a client that has several connections, all of them idle.
async fn has_several_connections(cache: &PostgresCache) {
    let calls = (0..64).map(|n| async move {
        cache
            .increment(&n.to_string(), 1, Expiry::Never)
            .await
            .unwrap();
    });
    ends(join_all(calls)).await;
}

#[tokio::test]
async fn a_connection_that_was_idle_is_asked_before_it_is_used() {
    let server = PostgresServer::start(&[]).unwrap();
    let database = Database::on(server.url());
    let cache = database.connect().await;
    has_several_connections(&cache).await;
    let terminate = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
                     WHERE application_name = 'session-cache'";
    database.execute(terminate).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    has_several_connections(&cache).await;
}

#[tokio::test]
async fn a_standby_is_read_only_until_it_is_promoted() {
    let primary = PostgresServer::start(&["wal_level = replica"]).unwrap();
    let database = Database::on(primary.url());
    let cache = database.connect().await;
    cache
        .write("k", VALUE, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let standby = primary.standby().unwrap();
    let replica = database.of(standby.url()).connect().await;
    assert_eq!(comes_back(|| replica.read("k")).await, Some(VALUE));
    let write = || replica.write("k", Bytes::new(), Condition::Always, Expiry::Never);
    let increment = || replica.increment("n", 1, Expiry::Never);
    for error in [
        ends(write()).await.unwrap_err(),
        ends(increment()).await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::ReadOnly, Outcome::NotApplied)
        );
    }
    assert_eq!(
        ends(replica.keys_starting_with("").collect::<Vec<_>>())
            .await
            .len(),
        1
    );
    drop(primary);
    standby.promote().unwrap();
    assert!(comes_back(write).await);
    assert_eq!(ends(replica.read("k")).await.unwrap(), Some(Bytes::new()));
}

#[tokio::test]
async fn a_server_without_room_for_connections_is_overloaded() {
    let server = PostgresServer::start(&[
        "max_connections = 6",
        "superuser_reserved_connections = 0",
        "max_wal_senders = 0",
    ])
    .unwrap();
    let database = Database::on(server.url());
    let cache = database.connect().await;
    drop(cache);
    let mut taken = Vec::new();
    while let Some(connection) = database.try_connection().await {
        taken.push(connection);
    }
    let error = ends(PostgresCache::connect_with(database.options())).await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Overloaded, Outcome::NotApplied)
    );
    drop(taken);
    let options = database.options();
    comes_back(|| PostgresCache::connect_with(options.clone())).await;
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_not_told() {
    let mut server = PostgresServer::start(&[]).unwrap();
    let database = Database::on(server.url());
    let setup = "CREATE ROLE web LOGIN PASSWORD 'right-one';
                 GRANT CREATE ON DATABASE postgres TO web";
    database.execute(setup).await;
    let rules = server.folder().join("data/pg_hba.conf");
    let trusting = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(
        &rules,
        format!("host all web all scram-sha-256\n{trusting}"),
    )
    .unwrap();
    server.restart().unwrap();
    let web = |password: &str| {
        database
            .options()
            .user("web")
            .password(password)
            .database("postgres")
    };
    let error = PostgresCache::connect_with(web("wr0ng-one"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Denied, Outcome::NotApplied)
    );
    let told = format!("{error} {error:?} {:?}", web("wr0ng-one"));
    assert!(!told.contains("wr0ng-one"), "{told}");
    let cache = PostgresCache::connect_with(web("right-one")).await.unwrap();
    cache.ping().await.unwrap();
}
