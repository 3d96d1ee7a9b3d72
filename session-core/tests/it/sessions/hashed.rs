//! Ids that are hashed at rest: whoever reads the store can open no session.

use futures_util::TryStreamExt;
use session_core::{
    CacheClient, CurrentSession, IdKey, Lifetime, Session, SessionId, SessionOptions, Sessions,
    Sliding,
};

use super::{DAY, Shop, World};

fn key(byte: u8) -> IdKey {
    IdKey::new([byte; 32]).unwrap()
}

/// The sessions of the same store, with other keys.
fn others(world: &World, options: impl FnOnce(SessionOptions) -> SessionOptions) -> Sessions<Shop> {
    let clock = world.clock.clone();
    let defaults = SessionOptions::default().clock(move || clock.now());
    world.sessions.clone().with_options(options(defaults))
}

async fn opened(sessions: &Sessions<Shop>, id: &SessionId) -> Session<Shop> {
    let current = CurrentSession::new(Some(id.clone()));
    sessions.open(&current).await.unwrap()
}

/// All keys and values, as text.
async fn dump(world: &World) -> String {
    let mut dump = String::new();
    for key in world.store.keys().await {
        let value = world.store.map.read(&key).await.unwrap().unwrap();
        dump += &format!("{key} {}\n", String::from_utf8_lossy(&value));
    }
    dump
}

#[tokio::test]
async fn a_dump_of_the_store_holds_no_id_and_opens_no_session() {
    let world = World::with(|options| options.id_key(key(1)));
    let mut ids = Vec::new();
    for user in ["alice", "alice", "bob"] {
        let mut session = world.visitor().await;
        session.save().await.unwrap();
        session.bag().set("cart", &["book"]).await.unwrap();
        ids.push(session.id().unwrap());
        let user = Shop::user(user);
        session.sign_in(Lifetime::Permanent, user).await.unwrap();
        ids.push(session.id().unwrap());
        session.renew().await.unwrap();
        ids.push(session.id().unwrap());
    }
    let dump = dump(&world).await;
    assert_eq!(dump.lines().count(), 3 * 2 + 2);
    assert!(ids.iter().all(|id| !dump.contains(id.as_str())), "{dump}");
    // No text of 32 or more characters in it opens a session, not even where ids are plain.
    let plain = others(&world, |options| options);
    let mixed = others(&world, |options| {
        options.id_key(key(2)).fallback_plain_ids()
    });
    for text in dump.split(|char: char| !char.is_ascii_alphanumeric() && !"-_".contains(char)) {
        for start in 0..text.len().saturating_sub(31) {
            let Ok(id) = text[start..start + 32].parse::<SessionId>() else {
                continue;
            };
            for sessions in [&world.sessions, &plain, &mixed] {
                assert!(sessions.find(&id).await.unwrap().is_none());
            }
        }
    }
}

#[tokio::test]
async fn hashed_sessions_are_saved_listed_ended_and_slid_as_any_others() {
    let world = World::with(|options| options.id_key(key(1)).sliding(Sliding::EveryRequest));
    let mut session = world.visitor().await;
    let alice = Shop::user("alice");
    session.sign_in(Lifetime::Temporary, alice).await.unwrap();
    let id = session.id().unwrap();
    world.pass(10 * DAY);
    let mut session = world.request(&id).await;
    session.update(|shop| shop.visits += 1).await.unwrap();
    let bag = world.sessions.bag(&CurrentSession::new(Some(id.clone())));
    bag.set("cart", &1).await.unwrap();
    assert_eq!(bag.get::<i32>("cart").await.unwrap(), Some(1));
    bag.set(&"k".repeat(975), &1).await.unwrap();
    assert!(bag.set(&"k".repeat(976), &1).await.is_err());

    let handle = world.sessions.handle_of(&id);
    assert_eq!(session.handle(), Some(handle.clone()));
    let listed: Vec<_> = world.sessions.list().try_collect().await.unwrap();
    assert_eq!(listed[0].handle, handle);
    let of_user = world.sessions.list_user("alice").await.unwrap();
    assert!(of_user[0].is_current(session.current()));
    let unread = CurrentSession::new(Some(id.clone()));
    let others = world.sessions.remove_user_except("alice", &unread);
    assert_eq!(others.await.unwrap(), 0);
    assert!(world.sessions.remove_by_handle(&handle).await.unwrap());
    assert!(world.find(&id).await.is_none());

    let id = world.stored().await;
    assert!(world.sessions.remove(&id).await.unwrap());
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test]
async fn another_key_finds_nothing() {
    let world = World::with(|options| options.id_key(key(1)));
    let id = world.stored().await;
    let other = others(&world, |options| options.id_key(key(2)));
    assert!(other.find(&id).await.unwrap().is_none());
    let plain = others(&world, |options| options.fallback_id_key(key(2)));
    assert!(plain.find(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_stored_under_an_old_form_is_found_and_moves_with_a_new_id() {
    let world = World::new();
    let hashed = others(&world, |options| options.id_key(key(1)));
    for old in [&world.sessions, &hashed] {
        let new = others(&world, |options| {
            let options = options.id_key(key(2)).fallback_id_key(key(1));
            options.fallback_plain_ids()
        });
        let mut session = old.get_or_create(None).await.unwrap();
        let alice = Shop::user("alice");
        session.sign_in(Lifetime::Temporary, alice).await.unwrap();
        session.bag().set("cart", &1).await.unwrap();
        let id = session.id().unwrap();

        let bag = new.bag(&CurrentSession::new(Some(id.clone())));
        assert_eq!(bag.get::<i32>("cart").await.unwrap(), Some(1));
        bag.set("cart", &2).await.unwrap();
        let mut session = opened(&new, &id).await;
        session.update(|shop| shop.visits = 7).await.unwrap();
        new.update(&id, |shop| shop.visits += 1).await.unwrap();
        assert_eq!(old.find(&id).await.unwrap().unwrap().visits, 8);

        let current = CurrentSession::new(Some(id.clone()));
        new.remove_user_except("alice", &current).await.unwrap();
        let mut session = opened(&new, &id).await;
        session.renew().await.unwrap();
        let moved = session.id().unwrap();
        assert!(new.find(&id).await.unwrap().is_none());
        assert!(old.find(&moved).await.unwrap().is_none());
        let session = opened(&new, &moved).await;
        assert_eq!(session.bag().get::<i32>("cart").await.unwrap(), Some(2));
        assert_eq!(new.list_user("alice").await.unwrap().len(), 1);
        assert!(new.remove(&moved).await.unwrap());

        let id = old.get_or_create(None).await.unwrap().id().unwrap();
        assert!(new.remove(&id).await.unwrap());
        assert!(world.store.keys().await.is_empty());
    }
}

#[tokio::test]
async fn each_old_form_costs_a_call_where_nothing_newer_is_stored() {
    let world = World::with(|options| options.id_key(key(1)));
    let id = world.stored().await;
    let new = others(&world, |options| {
        options.id_key(key(2)).fallback_id_key(key(1))
    });
    world.store.calls();
    let mut session = opened(&new, &id).await;
    assert_eq!(world.store.calls().len(), 2);
    // Once it is found it is known where it is.
    session.update(|shop| shop.visits += 1).await.unwrap();
    assert_eq!(session.bag().get::<i32>("cart").await.unwrap(), None);
    assert_eq!(world.store.calls(), ["write", "read_all"]);
    session.renew().await.unwrap();
    world.store.calls();
    opened(&new, &session.id().unwrap()).await;
    assert_eq!(world.store.calls().len(), 1);
    opened(&new, &SessionId::from_bytes([1; 24])).await;
    assert_eq!(world.store.calls().len(), 2);
    // Whoever comes without an id costs nothing still.
    new.open(&CurrentSession::new(None)).await.unwrap();
    assert!(world.store.calls().is_empty());
}

#[tokio::test]
async fn options_show_no_key() {
    let shown = format!("{:?}", SessionOptions::default().id_key(key(7)));
    assert!(
        !shown.contains("7, 7") && shown.contains("IdKey"),
        "{shown}"
    );
}
