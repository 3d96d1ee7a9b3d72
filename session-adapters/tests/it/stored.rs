//! What tower-sessions has in the cache, asked of the store without its middleware.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache_memory::MemoryCache;
use session_adapters::{CacheSessionStore, TOWER_KEY_PREFIX};
use session_core::{CacheClientExtended, MAX_DEADLINE_MS, SessionError};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, ExpiredDeletion, SessionStore};

use crate::full::Full;
use crate::stores::{HOUR, keys, memory, memory_with_clock, put};

fn record(id: i128, visits: u64) -> Record {
    Record {
        id: Id(id),
        data: HashMap::from([("visits".to_owned(), visits.into())]),
        expiry_date: (SystemTime::now() + HOUR).into(),
    }
}

fn key(id: i128) -> String {
    format!("{TOWER_KEY_PREFIX}{}", Id(id))
}

#[tokio::test]
async fn a_new_session_whose_id_is_taken_gets_another() {
    let store = CacheSessionStore::new(memory());
    let (mut first, mut second) = (record(7, 1), record(7, 2));
    store.create(&mut first).await.unwrap();
    store.create(&mut second).await.unwrap();
    assert_eq!(first.id, Id(7));
    assert_ne!(second.id, Id(7));
    assert_eq!(
        store.load(&first.id).await.unwrap().unwrap().data,
        first.data
    );
    assert_eq!(
        store.load(&second.id).await.unwrap().unwrap().data,
        second.data
    );
}

#[tokio::test]
async fn a_save_makes_no_session() {
    let store = CacheSessionStore::new(memory());
    let error = store.save(&record(7, 1)).await.unwrap_err();
    assert_eq!(error.to_string(), SessionError::Removed.to_string());
    assert_eq!(store.load(&Id(7)).await.unwrap(), None);
}

/// Where tasks move between threads, what glibc frees without a lock: see ARCHITECTURE.md.
#[tokio::test]
async fn a_load_and_a_save_wait_in_little_room() {
    let store = CacheSessionStore::new(memory());
    let (id, record) = (Id(7), record(7, 1));
    let sizes = [
        size_of_val(&*store.load(&id)),
        size_of_val(&*store.save(&record)),
    ];
    assert!(sizes.iter().all(|size| *size <= 120), "{sizes:?}");
}

#[tokio::test]
async fn both_versions_of_tower_sessions_read_the_same_sessions() {
    let store = CacheSessionStore::new(memory());
    store.create(&mut record(7, 1)).await.unwrap();
    let id = tower_sessions_0_14::session::Id(7);
    let loaded = tower_sessions_0_14::SessionStore::load(&store, &id).await;
    let loaded = loaded.unwrap().unwrap();
    assert_eq!(loaded.data["visits"], 1);
}

#[tokio::test]
async fn a_loaded_session_has_the_date_that_was_saved() {
    let store = CacheSessionStore::new(memory());
    let mut saved = record(7, 1);
    let last = UNIX_EPOCH + Duration::from_millis(MAX_DEADLINE_MS.unsigned_abs());
    for date in [SystemTime::now() + HOUR, last] {
        saved.expiry_date = date.into();
        store.create(&mut saved).await.unwrap();
        let loaded: SystemTime = store
            .load(&saved.id)
            .await
            .unwrap()
            .unwrap()
            .expiry_date
            .into();
        let later = loaded.duration_since(date).unwrap();
        assert!(later < Duration::from_millis(1), "{later:?}");
    }
}

#[tokio::test]
async fn a_session_ends_with_its_entry_wherever_its_deadline_was_moved() {
    let (cache, clock) = memory_with_clock();
    let store = CacheSessionStore::new(cache.clone());
    store.create(&mut record(7, 1)).await.unwrap();
    let quarter = HOUR / 4;
    cache
        .set_time_to_live(&key(7), quarter.into())
        .await
        .unwrap();
    clock.advance(quarter);
    assert_eq!(store.load(&Id(7)).await.unwrap(), None);
}

#[tokio::test]
async fn a_date_that_no_calendar_has_is_the_last_one() {
    let cache = memory();
    let store = CacheSessionStore::new(cache.clone());
    for (stored, year) in [(i64::MAX, 9999), (i64::MIN, 1970)] {
        let value = format!(r#"{{"data":{{}},"expires":{stored}}}"#);
        put(&cache, &key(7), &value).await;
        let loaded = store.load(&Id(7)).await.unwrap().unwrap();
        assert_eq!(loaded.expiry_date.year(), year);
    }
}

#[tokio::test]
async fn a_session_that_has_ended_already_is_not_stored() {
    let cache = memory();
    let store = CacheSessionStore::new(cache.clone());
    let mut ended = record(7, 1);
    ended.expiry_date = (SystemTime::now() - HOUR).into();
    store.create(&mut ended).await.unwrap();
    assert_eq!(keys(&cache).await, [""; 0]);
}

#[tokio::test]
async fn expired_sessions_are_swept_on_demand_too() {
    let (cache, clock) = memory_with_clock();
    let store = CacheSessionStore::new(cache.clone());
    store.create(&mut record(7, 1)).await.unwrap();
    clock.advance(2 * HOUR);
    assert_eq!(store.load(&Id(7)).await.unwrap(), None);
    store.delete_expired().await.unwrap();
    assert_eq!(
        cache.remove_expired().await.unwrap(),
        0,
        "nothing was left to free"
    );
}

#[tokio::test]
async fn a_damaged_session_is_an_error_that_shows_nothing_of_it() {
    let cache = memory();
    let store = CacheSessionStore::new(cache.clone());
    put(&cache, &key(7), r#"["secret"]"#).await;
    let error = store.load(&Id(7)).await.unwrap_err();
    assert!(matches!(error, Error::Decode(_)), "{error:?}");
    let shown = format!("{error}{error:?}{store:?}");
    assert!(!shown.contains("secret") && !shown.contains(&Id(7).to_string()));
}

#[tokio::test]
async fn ids_that_are_all_taken_end_in_an_error() {
    let store = CacheSessionStore::new(Full(MemoryCache::new()));
    let error = store.create(&mut record(7, 1)).await.unwrap_err();
    assert!(matches!(error, Error::Backend(_)), "{error:?}");
}
