use session_core::{CurrentSession, SessionChange, SessionId};

use super::World;

#[tokio::test]
async fn an_id_without_a_stored_session_is_never_adopted() {
    let world = World::new();
    let own = SessionId::from_bytes([1; 24]);

    let mut session = world.request(&own).await;
    session.visits = 1;
    session.save().await.unwrap();
    assert_ne!(session.id().unwrap(), own);

    let mut session = world.request(&own).await;
    session.update(|shop| shop.visits += 1).await.unwrap();
    assert_ne!(session.id().unwrap(), own);

    let current = CurrentSession::new(Some(own.clone()));
    world.sessions.bag(&current).set("cart", &1).await.unwrap();
    assert_ne!(current.id().unwrap(), own);

    let mut session = world.request(&own).await;
    session.renew().await.unwrap();
    assert_ne!(session.id().unwrap(), own);

    let mut session = world.request(&own).await;
    let alice = super::Shop::user("alice");
    session.sign_in(session.lifetime(), alice).await.unwrap();
    assert_ne!(session.id().unwrap(), own);

    let created = world.sessions.get_or_create(Some(&own)).await.unwrap();
    assert_ne!(created.id().unwrap(), own);
    assert!(world.find(&own).await.is_none());
    assert!(world.sessions.update(&own, |_| ()).await.is_err());
    assert!(
        !world
            .store
            .keys()
            .await
            .iter()
            .any(|key| key.contains(own.as_str()))
    );
}

#[tokio::test]
async fn a_visitor_who_stores_nothing_leaves_the_store_empty() {
    let world = World::new();
    for byte in 0..100 {
        let id = SessionId::from_bytes([byte; 24]);
        let mut session = world.request(&id).await;
        session.visits += 1;
        assert!(!session.slide().await.unwrap());
        assert!(session.bag().keys().await.unwrap().is_empty());
        assert!(!session.is_stored() && session.id().is_none() && session.handle().is_none());
        assert_eq!(session.current().change(), SessionChange::Unchanged);
    }
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test]
async fn all_parts_of_a_request_see_the_id_that_one_of_them_made() {
    let world = World::new();
    let current = CurrentSession::new(None);
    let (mut session, bag) = (
        world.sessions.open(&current).await.unwrap(),
        world.sessions.bag(&current),
    );
    bag.set("cart", &1).await.unwrap();
    let made = current.id().unwrap();
    assert_eq!(current.change(), SessionChange::Created);
    assert_eq!(session.id(), Some(made.clone()));

    session.note = "kept".to_owned();
    session.save().await.unwrap();
    assert_eq!(session.id(), Some(made.clone()));
    assert_eq!(bag.get::<i32>("cart").await.unwrap(), Some(1));

    session.renew().await.unwrap();
    assert_ne!(current.id(), Some(made));
    assert_eq!(current.change(), SessionChange::Created);
    assert_eq!(bag.get::<i32>("cart").await.unwrap(), Some(1));
    assert_eq!(session.note, "kept");
}

#[tokio::test]
async fn two_parts_of_a_request_that_write_first_make_one_session() {
    let world = World::new();
    let current = CurrentSession::new(None);
    let (one, other) = (world.sessions.bag(&current), world.sessions.bag(&current));
    let (one, other) = tokio::join!(one.set("a", &1), other.set("b", &2));
    assert!(one.is_ok() && other.is_ok());
    let bag = world.sessions.bag(&current);
    assert_eq!(bag.keys().await.unwrap(), ["a", "b"]);
    assert_eq!(world.store.keys().await.len(), 3);
}

#[tokio::test]
async fn a_part_of_a_request_that_reads_during_a_renewal_does_not_bring_the_old_id_back() {
    for is_removed in [false, true] {
        let world = World::new();
        let id = world.stored().await;
        let mut session = world.request(&id).await;
        let (current, bag) = (session.current().clone(), session.bag());
        bag.set("cart", &1).await.unwrap();
        world.store.before_answer(async move {
            match is_removed {
                true => drop(session.remove().await.unwrap()),
                false => session.renew().await.unwrap(),
            }
        });
        bag.get::<i32>("cart").await.unwrap();
        if is_removed {
            assert_eq!(current.change(), SessionChange::Removed);
            assert!(current.id().is_none());
            assert!(bag.set("cart", &2).await.is_err());
        } else {
            assert_eq!(current.change(), SessionChange::Renewed);
            assert!(world.find(&current.id().unwrap()).await.is_some());
            assert_eq!(bag.get::<i32>("cart").await.unwrap(), Some(1));
        }
    }
}

#[tokio::test]
async fn the_generator_can_be_replaced_and_a_taken_id_is_not_taken_over() {
    let world = World::with(|options| options.ids(|| Ok(SessionId::from_bytes([9; 24]))));
    let first = world.stored().await;
    assert_eq!(first, SessionId::from_bytes([9; 24]));
    let error = world.sessions.get_or_create(None).await.unwrap_err();
    assert!(error.to_string().contains("taken"), "{error}");
    assert!(world.find(&first).await.is_some());
}

#[tokio::test]
async fn nothing_shows_an_id() {
    let world = World::new();
    let id = world.stored().await;
    let session = world.request(&id).await;
    let shown = format!(
        "{session:?}{:?}{:?}{id:?}",
        session.bag(),
        session.current()
    );
    assert!(!shown.contains(id.as_str()), "{shown}");
}
