//! What actix-session has in the cache, asked of the store without its middleware.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SessionKey, SessionStore, UpdateError};
use cache_memory::MemoryCache;
use session_adapters::{ACTIX_KEY_PREFIX, CacheSessionStore};
use session_core::SessionError;

use crate::full::Full;
use crate::stores::{HOUR, keys, memory, put};

#[tokio::test]
async fn frameworks_share_a_cache_without_meeting() {
    let cache = memory();
    let store = CacheSessionStore::new(cache.clone());
    put(&cache, "tower:sess:AAAAAAAAAAAAAAAAAAAAAA", "{}").await;
    let hour = HOUR.try_into().unwrap();
    let state = HashMap::from([("visits".to_owned(), "2".to_owned())]);
    let session_key = store.save(state.clone(), &hour).await.unwrap();
    assert_eq!(
        keys(&cache).await,
        [
            &format!("actix:sess:{}", session_key.as_ref()),
            "tower:sess:AAAAAAAAAAAAAAAAAAAAAA"
        ]
    );
    assert_eq!(store.load(&session_key).await.unwrap(), Some(state));
}

#[tokio::test]
async fn a_key_that_another_store_made_opens_nothing() {
    let cache = memory();
    let store = CacheSessionStore::new(cache.clone());
    let hour = HOUR.try_into().unwrap();
    for stranger in ["", "x", &"A".repeat(64), &":".repeat(32)] {
        put(&cache, &format!("{ACTIX_KEY_PREFIX}{stranger}"), "{}").await;
        let session_key = || SessionKey::try_from(stranger.to_owned()).unwrap();
        assert_eq!(store.load(&session_key()).await.unwrap(), None);
        let update = store.update(session_key(), HashMap::new(), &hour).await;
        let Err(UpdateError::Other(error)) = update else {
            panic!("{update:?}")
        };
        assert!(matches!(error.downcast_ref(), Some(SessionError::Removed)));
        assert!(store.update_ttl(&session_key(), &hour).await.is_err());
        store.delete(&session_key()).await.unwrap();
    }
    assert_eq!(keys(&cache).await.len(), 4, "and none of them was touched");
}

#[tokio::test]
async fn a_damaged_session_is_told_from_a_store_that_fails() {
    let cache = memory();
    let store = CacheSessionStore::new(cache.clone());
    let id = "A".repeat(32);
    put(
        &cache,
        &format!("{ACTIX_KEY_PREFIX}{id}"),
        r#"{"user":["secret"]}"#,
    )
    .await;
    let session_key = SessionKey::try_from(id.clone()).unwrap();
    let error = store.load(&session_key).await.unwrap_err();
    assert!(matches!(error, LoadError::Deserialization(_)), "{error:?}");
    let shown = format!("{error}{error:?}");
    assert!(!shown.contains("secret") && !shown.contains(&id));
}

#[tokio::test]
async fn ids_that_are_all_taken_end_in_an_error() {
    let store = CacheSessionStore::new(Full(MemoryCache::new()));
    let hour = HOUR.try_into().unwrap();
    assert!(store.save(HashMap::new(), &hour).await.is_err());
}
