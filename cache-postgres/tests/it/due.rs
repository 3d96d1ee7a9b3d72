//! When an entry is looked at to see whether it expired: never too late, and seldom.

use std::time::Duration;

use cache_postgres::PostgresCache;
use session_core::{Bytes, CacheClient, CacheClientExtended, Condition, Expiry, TimeToLive};

use crate::database::Database;

const VALUE: Bytes = Bytes::from_static(b"value");

fn seconds(seconds: u64) -> Expiry {
    Duration::from_secs(seconds).into()
}

async fn write(cache: &PostgresCache, key: &str, expiry: Expiry) {
    let written = cache.write(key, VALUE, Condition::Always, expiry).await;
    assert!(written.unwrap());
}

/// A client whose connections the server can tell from others.
async fn named(database: &Database, name: &str) -> PostgresCache {
    let options = database.options().application_name(name);
    PostgresCache::connect_with(options).await.unwrap()
}

/// What the server counted of the table once the connections of that name have ended and it has come
/// to so many, or does not get there.
async fn counted(database: &Database, what: &str, name: &str, least: i64) -> i64 {
    let open = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}'");
    let table = database.table().replace('\'', "''");
    let sql = format!("SELECT {what} WHERE relid = '{table}'::regclass");
    for _ in 0..500 {
        if database.number(&open).await == 0 && database.number(&sql).await >= least {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(database.number(&open).await, 0);
    database.number(&sql).await
}

#[tokio::test]
async fn a_write_that_prolongs_changes_no_index() {
    let database = Database::take().await;
    let name = format!("prolonging {}", std::process::id());
    let cache = named(&database, &name).await;
    write(&cache, "k", seconds(60)).await;
    for n in 0..8 {
        let longer = seconds(61 + n);
        write(&cache, "k", longer).await;
        for condition in [Condition::Present, Condition::Equals(VALUE)] {
            assert!(cache.write("k", VALUE, condition, longer).await.unwrap());
        }
        let at = std::time::SystemTime::now() + Duration::from_secs(3_600);
        assert!(cache.set_time_to_live("k", at.into()).await.unwrap());
        assert!(cache.set_time_to_live("k", longer).await.unwrap());
        cache.write_all(&[("k", VALUE)], longer).await.unwrap();
        cache.write_all(&[("k", VALUE)], at.into()).await.unwrap();
        cache
            .write_all(&[("k", VALUE)], Expiry::Keep)
            .await
            .unwrap();
    }
    drop(cache);
    for what in ["n_tup_upd", "n_tup_hot_upd"] {
        let what = format!("{what} FROM pg_stat_all_tables");
        assert_eq!(counted(&database, &what, &name, 64).await, 64, "{what}");
    }
}

#[tokio::test]
async fn an_entry_that_is_prolonged_is_put_off_and_leaves_once_it_expired() {
    let database = Database::take().await;
    let cache = database.connect().await;
    let rest = format!("SELECT deadline - due FROM {}", database.table());
    for lifetime in 60..=120 {
        write(&cache, "k", seconds(lifetime)).await;
    }
    assert!(database.number(&rest).await >= 60_000);
    database.age(Duration::from_secs(61)).await;
    assert_eq!(cache.remove_expired().await.unwrap(), 0);
    assert_eq!(database.number(&rest).await, 0);
    assert_eq!(cache.read("k").await.unwrap(), Some(VALUE));
    database.age(Duration::from_secs(60)).await;
    assert_eq!(cache.remove_expired().await.unwrap(), 1);
    let rows = format!("SELECT count(*) FROM {}", database.table());
    assert_eq!(database.number(&rows).await, 0);
}

#[tokio::test]
async fn a_look_that_is_overdue_moves_with_the_next_write() {
    let database = Database::take().await;
    let cache = database.connect().await;
    write(&cache, "k", seconds(60)).await;
    write(&cache, "k", seconds(120)).await;
    database.age(Duration::from_secs(61)).await;
    write(&cache, "k", seconds(300)).await;
    let rest = format!("SELECT deadline - due FROM {}", database.table());
    assert_eq!(database.number(&rest).await, 0);
}

#[tokio::test]
async fn an_entry_that_lives_for_ever_is_put_off_for_good_and_can_become_mortal_again() {
    let database = Database::take().await;
    let cache = database.connect().await;
    write(&cache, "k", seconds(60)).await;
    write(&cache, "k", Expiry::Never).await;
    database.age(Duration::from_secs(61)).await;
    assert_eq!(cache.remove_expired().await.unwrap(), 0);
    let looks = format!("SELECT count(due) FROM {}", database.table());
    assert_eq!(database.number(&looks).await, 0);
    assert!(cache.set_time_to_live("k", seconds(60)).await.unwrap());
    database.age(Duration::from_secs(61)).await;
    assert_eq!(cache.remove_expired().await.unwrap(), 1);
}

#[tokio::test]
async fn an_entry_that_is_shortened_leaves_in_time() {
    let database = Database::take().await;
    let cache = database.connect().await;
    let keys = ["by time to live", "by write", "by batch"];
    for key in keys {
        write(&cache, key, seconds(600)).await;
    }
    assert!(cache.set_time_to_live(keys[0], seconds(60)).await.unwrap());
    write(&cache, keys[1], seconds(60)).await;
    cache
        .write_all(&[(keys[2], VALUE)], seconds(60))
        .await
        .unwrap();
    database.age(Duration::from_secs(61)).await;
    assert_eq!(cache.remove_expired().await.unwrap(), 3);
}

#[tokio::test]
async fn what_expired_leaves_though_a_thousand_that_live_longer_are_looked_at_first() {
    let database = Database::take().await;
    let cache = database.connect().await;
    let keys: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (key.as_str(), VALUE)).collect();
    cache.write_all(&entries, seconds(60)).await.unwrap();
    cache.write_all(&entries, seconds(600)).await.unwrap();
    write(&cache, "expires", seconds(90)).await;
    database.age(Duration::from_secs(91)).await;
    assert_eq!(cache.remove_expired().await.unwrap(), 1);
    assert_eq!(cache.remove_expired().await.unwrap(), 0);
    let left = cache.get_time_to_live("999").await.unwrap();
    assert!(matches!(left, Some(TimeToLive::Remaining(_))));
}

#[tokio::test]
async fn removing_what_expired_reads_that_and_not_the_table() {
    let database = Database::take().await;
    drop(database.connect().await);
    let fill = format!(
        "INSERT INTO {} SELECT n::text, '', d, d
         FROM generate_series(1, 30000) AS n, LATERAL (SELECT CASE WHEN n % 15 = 0 THEN n
                                                              ELSE 4000000000000 END) AS o (d)",
        database.table()
    );
    database.execute(&fill).await;
    let name = format!("removing {}", std::process::id());
    let cache = named(&database, &name).await;
    let read = "(sum(idx_tup_read) + max(seq_tup_read))::bigint
                FROM pg_stat_all_indexes JOIN pg_stat_all_tables USING (relid)";
    let before = counted(&database, read, "nobody", 0).await;
    assert_eq!(cache.remove_expired().await.unwrap(), 2_000);
    drop(cache);
    let given = counted(&database, read, &name, before + 4_000).await - before;
    assert!((4_000..20_000).contains(&given), "{given} of 30,000");
}
