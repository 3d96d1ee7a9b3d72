use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use session_core::{
    CacheClient, CacheClientExtended, Condition, CurrentSession, Expiry, Lifetime, ListedSession,
    SESSION_KEY_PREFIX, SessionHandle, SessionId, TimeToLive,
};

use super::{DAY, Shop, World};

async fn list(world: &World) -> Vec<ListedSession<Shop>> {
    world.sessions.list().try_collect().await.unwrap()
}

#[tokio::test]
async fn a_listing_gives_every_session_with_a_handle_its_data_and_its_time() {
    let world = World::new();
    let mut handles = BTreeSet::new();
    for n in 0..50 {
        let mut session = world.visitor().await;
        session.visits = n;
        session.save().await.unwrap();
        session.bag().set("cart", &n).await.unwrap();
        handles.insert(session.handle().unwrap());
    }
    world.pass(DAY);
    let mut session = world.visitor().await;
    session
        .sign_in(Lifetime::Permanent, Shop::user("alice"))
        .await
        .unwrap();

    let listed = list(&world).await;
    assert_eq!(listed.len(), 51);
    let alice = listed.iter().find(|one| one.data.is_signed_in()).unwrap();
    assert_eq!(Some(&alice.handle), session.handle().as_ref());
    assert_eq!(alice.lifetime, Lifetime::Permanent);
    assert_eq!(alice.created, world.clock.now());
    let others = listed.iter().filter(|one| !one.data.is_signed_in());
    for other in others {
        assert!(handles.remove(&other.handle));
        assert_eq!(other.time_to_live, TimeToLive::Remaining(13 * DAY));
    }
    assert!(handles.is_empty());
}

#[tokio::test]
async fn a_listing_leaves_out_what_vanishes_and_what_is_no_session() {
    let world = World::new();
    for key in [
        "urn:iauthsession:",
        "urn:iauthsession:foreign",
        "urn:iauthsessio",
    ] {
        let value = "{\"Id\":1}".into();
        let map = &world.store.map;
        map.write(key, value, Condition::Always, Expiry::Never)
            .await
            .unwrap();
    }
    let (gone, _kept) = (world.stored().await, world.stored().await);
    let sessions = world.sessions.clone();
    world.store.before_call(0, async move {
        sessions.remove(&gone).await.unwrap();
    });
    assert_eq!(list(&world).await.len(), 1);
}

#[tokio::test]
async fn a_handle_ends_its_session_and_no_other() {
    let world = World::new();
    let (one, other) = (world.stored().await, world.stored().await);
    world
        .request(&one)
        .await
        .bag()
        .set("cart", &1)
        .await
        .unwrap();
    let handle = SessionHandle::of(&one);
    let listed = list(&world).await;
    assert!(listed.iter().any(|session| session.handle == handle));
    assert!(world.sessions.remove_by_handle(&handle).await.unwrap());
    assert!(!world.sessions.remove_by_handle(&handle).await.unwrap());
    assert!(world.find(&one).await.is_none());
    assert!(world.find(&other).await.is_some());
    assert_eq!(world.store.keys().await.len(), 1);
    let unknown = SessionHandle::of(&SessionId::from_bytes([1; 24]));
    assert!(!world.sessions.remove_by_handle(&unknown).await.unwrap());
}

#[tokio::test]
async fn removing_the_entries_of_all_sessions_signs_everybody_out() {
    let world = World::new();
    let mut sessions = Vec::new();
    for user in ["alice", "bob"] {
        let mut session = world.visitor().await;
        session
            .sign_in(Lifetime::Temporary, Shop::user(user))
            .await
            .unwrap();
        session.bag().set("cart", &1).await.unwrap();
        sessions.push(session);
    }
    let gone = world.store.remove_starting_with(SESSION_KEY_PREFIX).await;
    assert_eq!(gone.unwrap(), 2);
    for mut session in sessions {
        let id = session.id().unwrap();
        assert!(!world.request(&id).await.is_signed_in());
        let bag = world.sessions.bag(&CurrentSession::new(Some(id.clone())));
        assert_eq!(bag.get::<i32>("cart").await.unwrap(), None);
        // Not even a request that was under way brings one back.
        assert!(session.save().await.is_err());
        assert!(world.find(&id).await.is_none());
    }
}
