use session_core::{Lifetime, SessionChange, SessionError};

use super::store::Fault;
use super::{DAY, Shop, World};

#[tokio::test]
async fn signing_in_keeps_what_the_visitor_had_under_a_new_id() {
    let world = World::new();
    let old = world.stored().await;
    let mut session = world.request(&old).await;
    session.visits = 3;
    session.save().await.unwrap();
    session.bag().set("cart", &["book"]).await.unwrap();
    world.pass(DAY);

    let mut session = world.request(&old).await;
    session
        .sign_in(Lifetime::Permanent, Shop::user("alice"))
        .await
        .unwrap();
    let new = session.id().unwrap();
    assert_ne!(new, old);
    assert_eq!(session.current().change(), SessionChange::Renewed);
    assert_eq!(session.visits, 3);

    let stored = world.request(&new).await;
    assert!(stored.is_signed_in() && stored.is_permanent());
    assert_eq!(stored.auth.user_id.as_deref(), Some("alice"));
    assert_eq!(stored.created(), Some(world.clock.now()));
    assert_eq!(stored.visits, 3);
    let cart = stored.bag().get::<Vec<String>>("cart").await.unwrap();
    assert_eq!(cart.unwrap(), ["book"]);
    assert!(world.find(&old).await.is_none());
    let keys = world.store.keys().await;
    assert!(!keys.iter().any(|key| key.contains(old.as_str())));
    // The session, its bag and the user's index.
    assert_eq!(keys.len(), 3);
}

#[tokio::test]
async fn signing_in_as_another_drops_what_the_first_had() {
    let world = World::new();
    let mut session = world.visitor().await;
    session
        .sign_in(Lifetime::Temporary, Shop::user("alice"))
        .await
        .unwrap();
    session
        .update(|shop| shop.note = "alice's".to_owned())
        .await
        .unwrap();
    session.bag().set("cart", &1).await.unwrap();

    session
        .sign_in(Lifetime::Temporary, Shop::user("alice"))
        .await
        .unwrap();
    assert_eq!(session.note, "alice's");
    assert_eq!(session.bag().keys().await.unwrap(), ["cart"]);

    session
        .sign_in(Lifetime::Temporary, Shop::user("bob"))
        .await
        .unwrap();
    assert_eq!(session.auth.user_id.as_deref(), Some("bob"));
    assert_eq!(session.note, "");
    assert!(session.bag().keys().await.unwrap().is_empty());
    // The session and bob's index.
    assert_eq!(world.store.keys().await.len(), 2);
}

#[tokio::test]
async fn a_visitor_without_a_session_is_signed_in_to_a_new_one_with_what_the_copy_holds() {
    let world = World::new();
    let mut session = world.visitor().await;
    session.note = "unsaved".to_owned();
    session
        .sign_in(Lifetime::Temporary, Shop::user("alice"))
        .await
        .unwrap();
    assert_eq!(session.current().change(), SessionChange::Created);
    let stored = world.find(&session.id().unwrap()).await.unwrap();
    assert_eq!(stored.note, "unsaved");
    assert!(stored.is_signed_in());
}

#[tokio::test]
async fn what_others_store_during_a_sign_in_is_kept() {
    let world = World::new();
    let old = world.stored().await;
    world
        .request(&old)
        .await
        .bag()
        .set("cart", &1)
        .await
        .unwrap();
    // Before each call of a sign-in, an update and a write of the bag by another request.
    for call in 0..8 {
        let mut session = world.visitor().await;
        session.save().await.unwrap();
        session.bag().set("cart", &1).await.unwrap();
        let id = session.id().unwrap();
        let mut other = world.request(&id).await;
        world.store.before_call(call, async move {
            let updated = other.update(|shop| shop.visits += 1).await;
            let set = other.bag().set("cart", &2).await;
            // Once the old id is dead they are told so.
            let dead = |error| matches!(error, Err(SessionError::Removed));
            assert_eq!(updated.is_ok(), set.is_ok());
            assert!(updated.is_ok() || dead(updated) && dead(set));
        });
        // Of the first call on there is alice's index, too.
        let before = world.store.keys().await.len() + usize::from(call == 0);
        session
            .sign_in(Lifetime::Temporary, Shop::user("alice"))
            .await
            .unwrap();
        let stored = world.request(&session.id().unwrap()).await;
        let cart = stored.bag().get::<i32>("cart").await.unwrap();
        let seen = (stored.visits, cart);
        let expected = [(1, Some(2)), (0, Some(1))];
        // The old session goes with the sixth call.
        assert_eq!(seen, expected[usize::from(call > 5)], "{call}");
        assert!(stored.is_signed_in());
        assert_eq!(world.store.keys().await.len(), before, "{call}");
    }
}

#[tokio::test]
async fn a_bag_value_acknowledged_just_before_the_old_id_dies_is_kept() {
    let world = World::new();
    let mut session = world.visitor().await;
    session.bag().set("cart", &1).await.unwrap();
    let other = world.request(&session.id().unwrap()).await;
    // Read of the bag, new session, copy of the bag; then the old session goes.
    world.store.before_call(3, async move {
        other.bag().set("cart", &2).await.unwrap();
    });
    session.renew().await.unwrap();
    let calls = world.store.calls();
    assert_eq!(calls[0..3], ["read_all", "write", "write_all"], "{calls:?}");
    assert_eq!(session.bag().get::<i32>("cart").await.unwrap(), Some(2));
    assert_eq!(world.store.keys().await.len(), 2);
}

#[tokio::test]
async fn a_sign_in_during_a_removal_gets_a_session_of_its_own() {
    let world = World::new();
    let old = world.stored().await;
    let mut session = world.request(&old).await;
    let (sessions, gone) = (world.sessions.clone(), old.clone());
    // Read and write of the index, new session; then the old one goes.
    world.store.before_call(3, async move {
        assert!(sessions.remove(&gone).await.unwrap());
    });
    session
        .sign_in(Lifetime::Temporary, Shop::user("alice"))
        .await
        .unwrap();
    assert!(world.request(&session.id().unwrap()).await.is_signed_in());
    assert_eq!(world.store.keys().await.len(), 2);
}

/// Each call of a sign-in fails, before or after it took place, alone or with all that follow.
#[tokio::test]
async fn a_sign_in_that_fails_half_way_leaves_one_whole_session() {
    for from in 0..14 {
        for applied in [false, true] {
            for until in [from + 1, usize::MAX] {
                let fault = Fault {
                    from,
                    until,
                    applied,
                };
                fail_a_sign_in(fault).await;
            }
        }
    }
}

async fn fail_a_sign_in(fault: Fault) {
    let world = World::new();
    let mut session = world.visitor().await;
    session.note = "before".to_owned();
    session.save().await.unwrap();
    session.bag().set("cart", &1).await.unwrap();
    let old = session.id().unwrap();

    world.store.fail(fault);
    let result = session
        .sign_in(Lifetime::Permanent, Shop::user("alice"))
        .await;
    world.store.fail(None);

    let old_session = world.find(&old).await;
    match result {
        Ok(()) => {
            assert!(old_session.is_none(), "{fault:?}");
            assert_ne!(session.id().unwrap(), old);
            assert_whole(&world, &session.id().unwrap(), "new", fault).await;
        }
        Err(error) => {
            assert!(matches!(error, SessionError::Store(_)), "{fault:?}");
            assert!(!session.is_signed_in(), "{fault:?}");
            match old_session {
                Some(_) => assert_whole(&world, &old, "old", fault).await,
                None => assert_a_new_one_is_whole(&world, fault).await,
            }
        }
    }
}

async fn assert_whole(world: &World, id: &session_core::SessionId, which: &str, fault: Fault) {
    let session = world.request(id).await;
    assert_eq!(session.is_signed_in(), which == "new", "{fault:?}");
    assert_eq!(session.is_permanent(), which == "new", "{fault:?}");
    assert_eq!(session.note, "before", "{fault:?}");
    let cart = session.bag().get::<i32>("cart").await.unwrap();
    assert_eq!(cart, Some(1), "{fault:?}");
}

/// The old session went and the answer was lost, so nobody knows the new id; but it is whole.
async fn assert_a_new_one_is_whole(world: &World, fault: Fault) {
    let keys = world.store.keys().await;
    let mut ids = keys
        .iter()
        .filter_map(|key| key.strip_prefix(session_core::SESSION_KEY_PREFIX));
    let id = ids.next().unwrap().parse().unwrap();
    assert_whole(world, &id, "new", fault).await;
}

#[tokio::test]
async fn renewing_keeps_everything_but_the_id() {
    let world = World::new();
    let mut session = world.visitor().await;
    session
        .sign_in(Lifetime::Permanent, Shop::user("alice"))
        .await
        .unwrap();
    let (old, made) = (session.id().unwrap(), session.created());
    session.bag().set_with("code", &7, DAY).await.unwrap();
    world.pass(DAY / 2);
    let mut session = world.request(&old).await;
    session.renew().await.unwrap();
    assert_ne!(session.id().unwrap(), old);
    assert_eq!(session.created(), made);
    assert!(session.is_permanent() && session.is_signed_in());
    assert_eq!(session.bag().get::<i32>("code").await.unwrap(), Some(7));
    world.pass(DAY / 2);
    assert_eq!(session.bag().get::<i32>("code").await.unwrap(), None);
    assert!(session.bag().keys().await.unwrap().is_empty());
    assert!(world.find(&old).await.is_none());
}
