//! The table of store calls in the docs of the module, row by row.

use futures_util::TryStreamExt;
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
    bag.update("b", |b: &mut i32| *b += 1).await.unwrap();
    assert_eq!(world.store.calls(), ["read_all", "write", "read"]);
    bag.update("b", |b: &mut i32| *b).await.unwrap();
    assert_eq!(world.store.calls(), ["read_all"]);
    bag.update("c", |c: &mut i32| *c += 1).await.unwrap();
    assert_eq!(world.store.calls(), ["read_all", "write", "write", "read"]);
    bag.keys().await.unwrap();
    assert_eq!(world.store.calls(), [READ]);
    bag.remove("b").await.unwrap();
    assert_eq!(world.store.calls(), [READ, "write", "remove_all"]);
    bag.remove_all().await.unwrap();
    assert_eq!(world.store.calls(), [READ, "write", "remove_all"]);
}

/// What naming a session in its user's index costs.
const NAME: [&str; 2] = ["read", "write"];

#[tokio::test]
async fn signing_in_and_out_costs_what_the_bag_holds_and_no_listing() {
    let world = World::new();
    let mut session = world.visitor().await;
    session.save().await.unwrap();
    world.store.calls();
    let alice = Shop::user("alice");
    session.sign_in(Lifetime::Temporary, alice).await.unwrap();
    assert_eq!(
        world.store.calls(),
        [&NAME[..], &["write", "write"]].concat()
    );
    session.renew().await.unwrap();
    // The last one forgets the old id.
    let renewed = [&NAME[..], &["write", "write", "write"]].concat();
    assert_eq!(world.store.calls(), renewed);
    for n in 0..20 {
        session.bag().set(&n.to_string(), &n).await.unwrap();
    }
    world.store.calls();
    session.renew().await.unwrap();
    let copied = [
        "write",
        "write_all",
        "write",
        "read_all",
        "remove_all",
        "write",
    ];
    let moved = [&["read_all"], &NAME[..], &copied].concat();
    assert_eq!(world.store.calls(), moved);
    session.remove().await.unwrap();
    let removed = ["write", "remove_all", "read", "write"];
    assert_eq!(world.store.calls(), removed);
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test]
async fn without_a_user_a_renewal_costs_two_and_a_removal_one() {
    let world = World::new();
    let mut session = world.visitor().await;
    session.save().await.unwrap();
    world.store.calls();
    session.renew().await.unwrap();
    assert_eq!(world.store.calls(), ["write", "write"]);
    session.remove().await.unwrap();
    assert_eq!(world.store.calls(), ["write"]);
}

#[tokio::test]
async fn a_user_who_stays_costs_no_call_more_than_a_visitor() {
    let world = World::new();
    let mut session = world.visitor().await;
    let alice = Shop::user("alice");
    session.sign_in(Lifetime::Temporary, alice).await.unwrap();
    world.store.calls();
    let mut session = world.request(&session.id().unwrap()).await;
    session.update(|shop| shop.visits += 1).await.unwrap();
    session.save().await.unwrap();
    assert_eq!(world.store.calls(), [READ, "write", "write"]);
    session.bag().set("a", &1).await.unwrap();
    assert_eq!(world.store.calls(), ["write", "write", "read"]);
}

#[tokio::test]
async fn the_sessions_of_a_user_cost_what_they_are_whatever_the_store_holds() {
    let world = World::new();
    for n in 0..30 {
        let mut session = world.visitor().await;
        let user = if n % 10 == 0 { "alice" } else { "bob" };
        let user = Shop::user(user);
        session.sign_in(Lifetime::Temporary, user).await.unwrap();
    }
    world.store.calls();
    let listed = world.sessions.list_user("alice").await.unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(world.store.calls(), ["read", READ, READ, READ]);
    assert_eq!(world.sessions.remove_user("alice").await.unwrap(), 3);
    let (mark, ended) = (["read", "write"], ["write"; 3]);
    let expected = [&mark[..], &["read_all"], &ended, &["write"]].concat();
    assert_eq!(world.store.calls(), expected);
}

#[tokio::test]
async fn removing_by_id_costs_two() {
    let world = World::new();
    let id = world.stored().await;
    world.store.calls();
    world.sessions.remove(&id).await.unwrap();
    assert_eq!(world.store.calls(), [READ, "write"]);
}

#[tokio::test]
async fn signing_in_again_costs_what_it_takes_to_forget_who_was_there() {
    let world = World::new();
    let mut session = world.visitor().await;
    let alice = Shop::user("alice");
    let sign_in = session.sign_in(Lifetime::Temporary, alice.clone());
    sign_in.await.unwrap();
    world.store.calls();
    session.sign_in(Lifetime::Temporary, alice).await.unwrap();
    let stored = [&NAME[..], &["write", "write"]].concat();
    assert_eq!(world.store.calls(), [&stored[..], &["write"]].concat());
    let bob = Shop::user("bob");
    session.sign_in(Lifetime::Temporary, bob).await.unwrap();
    assert_eq!(world.store.calls(), [&stored[..], &NAME].concat());
}

#[tokio::test]
async fn sliding_by_hand_costs_one_or_nothing() {
    let world = World::new();
    let id = world.stored().await;
    world.pass(10 * DAY);
    let mut session = world.request(&id).await;
    world.store.calls();
    assert!(session.slide().await.unwrap());
    assert_eq!(world.store.calls(), ["set_time_to_live"]);
    assert!(!session.slide().await.unwrap());
    assert!(world.store.calls().is_empty());
}

#[tokio::test]
async fn what_is_made_or_removed_at_once_costs_the_sum_of_both() {
    let world = World::new();
    let id = world.stored().await;
    assert_eq!(world.store.calls(), ["write"]);
    world.sessions.get_or_create(Some(&id)).await.unwrap();
    assert_eq!(world.store.calls(), [READ]);
    let current = CurrentSession::new(Some(id));
    assert!(world.sessions.remove_current(&current).await.unwrap());
    assert_eq!(world.store.calls(), [READ, "write"]);
}

#[tokio::test]
async fn a_listing_costs_a_read_a_session_and_a_handle_is_found_by_one() {
    let world = World::new();
    let mut session = world.visitor().await;
    let alice = Shop::user("alice");
    session.sign_in(Lifetime::Temporary, alice).await.unwrap();
    let handle = session.handle().unwrap();
    world.stored().await;
    world.store.calls();
    let listed: Vec<_> = world.sessions.list().try_collect().await.unwrap();
    assert_eq!(listed.len(), 2);
    // The listing itself is not among what is counted.
    assert_eq!(world.store.calls(), [READ, READ]);

    let ended = world.sessions.remove_user_session("alice", &handle).await;
    assert!(ended.unwrap());
    // Found, removed and forgotten.
    let removed = ["read", READ, "write", "read", "write"];
    assert_eq!(world.store.calls(), removed);
    let left = world.sessions.list().try_next().await.unwrap().unwrap();
    world.store.calls();
    let ended = world.sessions.remove_by_handle(&left.handle).await;
    assert!(ended.unwrap());
    assert_eq!(world.store.calls(), [READ, "write"]);
}
