//! Calls of several statements, one of which the server refuses.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use cache_postgres::PostgresCache;
use session_core::{Bytes, CacheClient, CacheClientExtended, ErrorKind, Expiry, Outcome, Result};

use crate::database::Database;

const VALUE: Bytes = Bytes::from_static(b"value");

/// How many entries a statement takes.
const CHUNK: usize = 1_000;

/// More than one statement takes; the server refuses to touch one in the second half.
struct Entries {
    database: Database,
    cache: PostgresCache,
    keys: Vec<String>,
}

impl Entries {
    async fn take() -> Self {
        let database = Database::take().await;
        let options = database.patient_options().sweep_every(None);
        let cache = PostgresCache::connect_with(options).await.unwrap();
        let keys = (0..CHUNK + 500).map(|n| format!("k{n:04}")).collect();
        let entries = Self {
            database,
            cache,
            keys,
        };
        let all = entries.all();
        entries.cache.write_all(&all, Expiry::Never).await.unwrap();
        drop(all);
        entries.refuse().await;
        entries
    }

    async fn refuse(&self) {
        let (schema, table) = (self.database.quoted_schema(), self.database.table());
        let refuse = format!("EXECUTE FUNCTION {schema}.refuse()");
        self.database
            .execute(&format!(
                "CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                     RAISE EXCEPTION USING errcode = '42501';
                 END $$;
                 CREATE TRIGGER write BEFORE INSERT ON {table}
                     FOR EACH ROW WHEN (new.key = 'k1400') {refuse};
                 CREATE TRIGGER remove BEFORE DELETE ON {table}
                     FOR EACH ROW WHEN (old.key = 'k1400') {refuse};
                 CREATE TRIGGER flush BEFORE TRUNCATE ON {table} {refuse}"
            ))
            .await;
    }

    fn keys(&self) -> Vec<&str> {
        self.keys.iter().map(String::as_str).collect()
    }

    fn all(&self) -> Vec<(&str, Bytes)> {
        self.keys.iter().map(|key| (&**key, VALUE)).collect()
    }

    /// Writes again what a call that was refused in its second statement may have removed.
    async fn refill(&self) {
        let first = &self.all()[..CHUNK];
        self.cache.write_all(first, Expiry::Never).await.unwrap();
    }
}

#[track_caller]
fn assert_refused<T: Debug>(result: Result<T>, outcome: Outcome) {
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Denied, outcome)
    );
}

#[tokio::test]
async fn a_write_of_many_is_of_unknown_outcome_once_a_part_of_it_was_applied() {
    let entries = Entries::take().await;
    let (cache, all) = (&entries.cache, entries.all());
    for expiry in [
        Expiry::Never,
        Duration::from_secs(60).into(),
        Expiry::Keep,
        (SystemTime::now() + Duration::from_secs(3_600)).into(),
    ] {
        assert_refused(cache.write_all(&all, expiry).await, Outcome::Unknown);
        let refused = cache.write_all(&all[CHUNK..], expiry).await;
        assert_refused(refused, Outcome::NotApplied);
    }
    let past = || cache.write_all(&all, Duration::ZERO.into());
    assert_refused(past().await, Outcome::Unknown);
    assert_refused(past().await, Outcome::NotApplied);
}

#[tokio::test]
async fn a_removal_of_many_is_of_unknown_outcome_once_a_part_of_it_was_applied() {
    let entries = Entries::take().await;
    let (cache, keys) = (&entries.cache, entries.keys());
    // What is gone already is no part of the second call.
    for outcome in [Outcome::Unknown, Outcome::NotApplied] {
        assert_refused(cache.remove_all(&keys).await, outcome);
    }
    entries.refill().await;
    for outcome in [Outcome::Unknown, Outcome::NotApplied] {
        assert_refused(cache.remove_starting_with("k").await, outcome);
    }
    entries.refill().await;
    for outcome in [Outcome::Unknown, Outcome::NotApplied] {
        assert_refused(cache.flush_all().await, outcome);
    }
    entries.refill().await;
    let expire = format!(
        "UPDATE {} SET deadline = 2, due = CASE key WHEN 'k1400' THEN 2 ELSE 1 END",
        entries.database.table()
    );
    entries.database.execute(&expire).await;
    for outcome in [Outcome::Unknown, Outcome::NotApplied] {
        assert_refused(cache.remove_expired().await, outcome);
    }
}
