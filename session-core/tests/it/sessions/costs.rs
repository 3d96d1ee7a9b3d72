//! The table of store calls in the docs of the module, row by row.

use session_core::{CurrentSession, Lifetime, SessionId, Sliding};

use super::{DAY, Shop, World};

const READ: &str = "read_with_time_to_live";

#[tokio::test]
async fn a_visitor_without_an_id_costs_nothing() {
    let world = World::new();
    let mut session = world.visitor().await;
    assert_eq!(session.bag().get::<i32>("cart").await.unwrap(), None);
    assert!(session.bag().keys().await.unwrap().is_empty());
    assert!(!session.slide().await.unwrap() && !session.remove().await.unwrap());
    assert!(world.store.calls().is_empty());
}

#[tokio::test]
async fn a_request_reads_its_session_once_however_often_it_is_opened() {
    let world = World::new();
    for id in [world.stored().await, SessionId::from_bytes([1; 24])] {
        let current = CurrentSession::new(Some(id));
        world.store.calls();
        world.store.shuffle(1);
        let (one, other) =
            tokio::join!(world.sessions.open(&current), world.sessions.open(&current));
        assert!(one.is_ok() && other.is_ok());
        world.sessions.open(&current).await.unwrap();
        assert_eq!(world.store.calls(), [READ]);
    }
}

#[tokio::test]
async fn a_session_that_is_slid_costs_two() {
    let world = World::with(|options| options.sliding(Sliding::EveryRequest));
    let id = world.stored().await;
    world.pass(10 * DAY);
    world.store.calls();
    world.request(&id).await;
    assert_eq!(world.store.calls(), [READ, "set_time_to_live"]);
}

#[tokio::test]
async fn a_write_after_a_load_costs_one() {
    let world = World::new();
    let id = world.stored().await;
    let mut session = world.request(&id).await;
    world.store.calls();
    session.save().await.unwrap();
    assert_eq!(world.store.calls(), ["write"]);
    session.update(|shop| shop.visits += 1).await.unwrap();
    assert_eq!(world.store.calls(), ["write"]);
    session.remove().await.unwrap();
    assert_eq!(world.store.calls(), ["write"]);
    world.visitor().await.save().await.unwrap();
    assert_eq!(world.store.calls(), ["write"]);
}

#[tokio::test]
async fn an_update_by_id_costs_two() {
    let world = World::new();
    let id = world.stored().await;
    world.store.calls();
    world
        .sessions
        .update(&id, |shop| shop.visits += 1)
        .await
        .unwrap();
    assert_eq!(world.store.calls(), [READ, "write"]);
}

#[tokio::test]
async fn a_conflict_costs_a_read_and_a_write_more() {
    let world = World::new();
    let id = world.stored().await;
    let mut session = world.request(&id).await;
    world
        .sessions
        .update(&id, |shop| shop.visits += 1)
        .await
        .unwrap();
    world.store.calls();
    session.update(|shop| shop.visits += 1).await.unwrap();
    assert_eq!(world.store.calls(), ["write", READ, "write"]);
}

#[tokio::test]
async fn a_bag_costs_what_is_asked_of_it() {
    let world = World::new();
    let bag = world.visitor().await.bag();
    bag.set("a", &1).await.unwrap();
    assert_eq!(world.store.calls(), ["write", "write", "read"]);
    bag.set("b", &1).await.unwrap();
    assert_eq!(world.store.calls(), ["write", "write", "read"]);
    bag.set("b", &2).await.unwrap();
    assert_eq!(world.store.calls(), ["write", "read"]);
    bag.get::<i32>("b").await.unwrap();
    assert_eq!(world.store.calls(), ["read_all"]);
    bag.keys().await.unwrap();
    assert_eq!(world.store.calls(), [READ]);
    bag.remove("b").await.unwrap();
    assert_eq!(world.store.calls(), [READ, "write", "remove_all"]);
    bag.remove_all().await.unwrap();
    assert_eq!(world.store.calls(), [READ, "write", "remove_all"]);
}

#[tokio::test]
async fn signing_in_and_out_costs_what_the_bag_holds_and_no_listing() {
    let world = World::new();
    let mut session = world.visitor().await;
    session.save().await.unwrap();
    world.store.calls();
    session
        .sign_in(Lifetime::Temporary, Shop::user("alice"))
        .await
        .unwrap();
    assert_eq!(world.store.calls(), ["write", "write"]);
    for n in 0..20 {
        session.bag().set(&n.to_string(), &n).await.unwrap();
    }
    world.store.calls();
    session.renew().await.unwrap();
    let moved = [
        "read_all",
        "write",
        "write_all",
        "write",
        "read_all",
        "remove_all",
    ];
    assert_eq!(world.store.calls(), moved);
    session.remove().await.unwrap();
    assert_eq!(world.store.calls(), ["write", "remove_all"]);
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test]
async fn removing_by_id_costs_two() {
    let world = World::new();
    let id = world.stored().await;
    world.store.calls();
    world.sessions.remove(&id).await.unwrap();
    assert_eq!(world.store.calls(), [READ, "write"]);
}
