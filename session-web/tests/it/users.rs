//! The ready-made store of users.

use std::sync::Arc;

use cache_memory::MemoryCache;
use futures_util::TryStreamExt;
use session_core::{AuthUserSession, CacheClient, CacheClientExtended, ErrorKind, Outcome};
use session_web::{AuthProvider, CacheUserStore, Credentials, SignIn, UserStore, UsersById};

use crate::faulty::Faulty;

fn user(id: &str, name: &str) -> AuthUserSession {
    AuthUserSession {
        user_id: Some(id.to_owned()),
        user_name: Some(name.to_owned()),
        ..AuthUserSession::default()
    }
}

fn store() -> (Arc<dyn CacheClientExtended>, CacheUserStore) {
    let cache: Arc<dyn CacheClientExtended> = Arc::new(MemoryCache::new());
    (cache.clone(), CacheUserStore::new(cache))
}

/// Who is signed in by name and password.
async fn signed_in(users: &CacheUserStore, name: &str, password: &str) -> Option<String> {
    let credentials = Credentials::new(users.clone()).unwrap();
    let sent = SignIn {
        user_name: name.to_owned(),
        password: password.to_owned(),
        remember_me: false,
    };
    credentials.authenticate(&sent).await.ok()?.user_name
}

#[tokio::test]
async fn a_registered_user_signs_in_and_no_password_is_stored() {
    let (cache, users) = store();
    assert!(
        users
            .register(user("1", "Alice"), "correct horse")
            .await
            .unwrap()
    );
    let alice = signed_in(&users, " aLICE ", "correct horse").await;
    assert_eq!(alice.as_deref(), Some("Alice"));
    assert_eq!(signed_in(&users, "alice", "wrong").await, None);
    let keys: Vec<String> = cache.keys_starting_with("").try_collect().await.unwrap();
    assert_eq!(keys.len(), 2);
    let mut hashes = 0;
    for key in keys {
        let value = cache.read(&key).await.unwrap().unwrap();
        let value = String::from_utf8(value.to_vec()).unwrap();
        assert!(!value.contains("correct horse") && !key.to_lowercase().contains("alice"));
        hashes += usize::from(value.contains("$argon2id$"));
    }
    assert_eq!(hashes, 1);
}

#[tokio::test]
async fn names_and_ids_are_taken_once() {
    let (_, users) = store();
    let adds = (0..8).map(|number| {
        let users = users.clone();
        async move {
            let new = user(&format!("id {number}"), "alice");
            users
                .register(new, &format!("password {number}"))
                .await
                .unwrap()
        }
    });
    let added = futures_util::future::join_all(adds).await;
    assert_eq!(added.iter().filter(|added| **added).count(), 1);
    let winner = added.iter().position(|added| *added).unwrap();
    let password = format!("password {winner}");
    assert!(signed_in(&users, "alice", &password).await.is_some());
    // The ids of those that were not added are free again, and the winner's is not.
    for number in 0..8 {
        let found = users.find_by_id(&format!("id {number}")).await.unwrap();
        assert_eq!(found.is_some(), number == winner);
        let new = user(&format!("id {number}"), &format!("other {number}"));
        assert_eq!(users.register(new, "x").await.unwrap(), number != winner);
    }
    let nameless = AuthUserSession::default();
    let error = users.register(nameless, "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_user_whose_answer_was_lost_is_whole_and_can_be_asked_for_again() {
    for lost in 0..2 {
        let store = Arc::new(Faulty::new());
        let users = CacheUserStore::new(store.clone());
        store.lose_answer_after(lost);
        let error = users.register(user("1", "alice"), "correct horse").await;
        assert_eq!(error.unwrap_err().outcome(), Outcome::Unknown);
        let again = users.register(user("1", "alice"), "correct horse").await;
        // The first write is that of the id.
        assert_eq!(again.unwrap(), lost == 0);
        assert!(signed_in(&users, "alice", "correct horse").await.is_some());
        assert!(users.find_by_id("1").await.unwrap().is_some());
        assert!(!users.register(user("1", "bob"), "mine").await.unwrap());
    }
}

#[tokio::test]
async fn a_password_that_nobody_could_sign_in_with_is_refused() {
    let (_, users) = store();
    let longest = "x".repeat(1_024);
    assert!(users.register(user("1", "alice"), &longest).await.unwrap());
    assert!(signed_in(&users, "alice", &longest).await.is_some());
    let longer = "x".repeat(1_025);
    let refused = users.register(user("2", "bob"), &longer).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    let refused = users.set_password("alice", &longer).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(signed_in(&users, "alice", &longest).await.is_some());
}

#[tokio::test]
async fn a_locked_user_is_not_found_until_unlocked() {
    let (_, users) = store();
    users
        .register(user("1", "alice"), "correct horse")
        .await
        .unwrap();
    assert!(users.set_locked("Alice", true).await.unwrap());
    assert!(users.find("alice").await.unwrap().is_none());
    assert!(users.find_by_id("1").await.unwrap().is_none());
    assert_eq!(signed_in(&users, "alice", "correct horse").await, None);
    // Nor is the name free.
    assert!(!users.register(user("2", "alice"), "mine").await.unwrap());
    assert!(users.set_locked("alice", false).await.unwrap());
    assert!(users.find_by_id("1").await.unwrap().is_some());
    assert!(!users.set_locked("nobody", true).await.unwrap());
}

#[tokio::test]
async fn a_user_changes_but_not_what_the_user_is_found_by() {
    let (_, users) = store();
    users
        .register(user("1", "alice"), "correct horse")
        .await
        .unwrap();
    let changed = users.update("alice", |user| {
        user.display_name = Some("Alice".to_owned());
        user.user_id = Some("2".to_owned());
        user.user_name = Some("bob".to_owned());
    });
    assert!(changed.await.unwrap());
    let alice = users.find_by_id("1").await.unwrap().unwrap();
    assert_eq!(alice.display_name.as_deref(), Some("Alice"));
    assert_eq!(alice.user_name.as_deref(), Some("alice"));
    assert!(users.set_password("alice", "battery staple").await.unwrap());
    assert_eq!(signed_in(&users, "alice", "correct horse").await, None);
    assert!(signed_in(&users, "alice", "battery staple").await.is_some());
}
