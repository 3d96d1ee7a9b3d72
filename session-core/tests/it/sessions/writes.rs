use session_core::{CurrentSession, SessionChange, SessionError};

use super::World;

#[tokio::test(start_paused = true)]
async fn parallel_updates_all_count() {
    let world = World::new();
    let id = world.stored().await;
    world.store.shuffle(1);
    let tasks = (0..40).map(|_| {
        let (sessions, id) = (world.sessions.clone(), id.clone());
        tokio::spawn(async move {
            let mut session = sessions.open(&CurrentSession::new(Some(id))).await.unwrap();
            tokio::task::yield_now().await;
            for _ in 0..5 {
                session.update(|shop| shop.visits += 1).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(world.find(&id).await.unwrap().visits, 200);
}

#[tokio::test]
async fn an_update_gives_what_its_closure_gives_and_shows_the_newest() {
    let world = World::new();
    let id = world.stored().await;
    let mut session = world.request(&id).await;
    world
        .sessions
        .update(&id, |shop| shop.visits = 7)
        .await
        .unwrap();
    session.note = "not saved".to_owned();
    let seen = session.update(|shop| std::mem::replace(&mut shop.visits, 8));
    assert_eq!(seen.await.unwrap(), 7);
    assert_eq!((session.visits, session.note.as_str()), (8, ""));
}

#[tokio::test]
async fn a_stale_save_is_a_conflict_and_overwrites_nothing() {
    let world = World::new();
    let id = world.stored().await;
    let mut slow = world.request(&id).await;
    world
        .sessions
        .update(&id, |shop| shop.visits = 1)
        .await
        .unwrap();
    slow.note = "stale".to_owned();
    assert!(matches!(slow.save().await, Err(SessionError::Conflict)));
    // The session that met the other's change knows of it, and still does not overwrite it.
    assert!(matches!(slow.save().await, Err(SessionError::Conflict)));
    let stored = world.find(&id).await.unwrap();
    assert_eq!((stored.visits, stored.note.as_str()), (1, ""));
}

#[tokio::test]
async fn a_save_is_no_conflict_with_the_bag_of_another_request() {
    let world = World::new();
    let id = world.stored().await;
    let mut slow = world.request(&id).await;
    world
        .request(&id)
        .await
        .bag()
        .set("cart", &1)
        .await
        .unwrap();
    slow.note = "mine".to_owned();
    slow.save().await.unwrap();
    let stored = world.request(&id).await;
    assert_eq!(stored.note, "mine");
    assert_eq!(stored.bag().get::<i32>("cart").await.unwrap(), Some(1));
}

#[tokio::test]
async fn saves_and_updates_of_one_request_follow_each_other() {
    let world = World::new();
    let mut session = world.visitor().await;
    session.update(|shop| shop.visits = 1).await.unwrap();
    session.note = "a".to_owned();
    session.save().await.unwrap();
    session.bag().set("k", &1).await.unwrap();
    session.note = "b".to_owned();
    session.save().await.unwrap();
    session.update(|shop| shop.visits += 1).await.unwrap();
    let stored = world.find(&session.id().unwrap()).await.unwrap();
    assert_eq!((stored.visits, stored.note.as_str()), (2, "b"));
}

#[tokio::test]
async fn a_late_write_after_a_removal_restores_nothing() {
    let world = World::new();
    for way in 0..5 {
        let id = world.stored().await;
        let mut slow = world.request(&id).await;
        assert!(world.sessions.remove(&id).await.unwrap());
        let late = match way {
            0 => slow.save().await,
            1 => slow.update(|shop| shop.visits += 1).await,
            2 => slow.bag().set("cart", &1).await,
            3 => slow.renew().await,
            _ => {
                // It has met the removal already.
                assert_eq!(slow.bag().get::<i32>("cart").await.unwrap(), None);
                slow.save().await
            }
        };
        assert!(matches!(late, Err(SessionError::Removed)), "{way} {late:?}");
        assert!(matches!(slow.save().await, Err(SessionError::Removed)));
        assert!(world.store.keys().await.is_empty(), "{way}");
        assert_eq!(slow.current().change(), SessionChange::Unchanged);
    }
}

#[tokio::test]
async fn a_removal_in_the_middle_of_a_save_wins() {
    let world = World::new();
    let id = world.stored().await;
    let mut session = world.request(&id).await;
    let (sessions, gone) = (world.sessions.clone(), id.clone());
    world.store.before_call(0, async move {
        assert!(sessions.remove(&gone).await.unwrap());
    });
    let late = session.update(|shop| shop.visits += 1).await;
    assert!(matches!(late, Err(SessionError::Removed)));
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test]
async fn a_removal_is_told_once_and_the_request_goes_on_without_a_session() {
    let world = World::new();
    let id = world.stored().await;
    let mut session = world.request(&id).await;
    session.bag().set("cart", &1).await.unwrap();
    assert!(session.remove().await.unwrap());
    assert!(!session.remove().await.unwrap());
    assert_eq!(session.current().change(), SessionChange::Removed);
    assert!(!session.is_stored() && session.time_to_live().is_none());
    assert!(matches!(session.save().await, Err(SessionError::Removed)));
    assert_eq!(session.bag().get::<i32>("cart").await.unwrap(), None);
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_never_rests_can_be_removed() {
    let world = World::new();
    let id = world.stored().await;
    let mut session = world.request(&id).await;
    session.bag().set("cart", &1).await.unwrap();
    world.store.keep_changing();
    let busy = session.update(|shop| shop.visits += 1).await;
    assert!(matches!(busy, Err(SessionError::Conflict)));
    assert!(session.remove().await.unwrap());
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test]
async fn a_lost_answer_to_a_save_is_no_conflict_when_it_is_saved_again() {
    let world = World::new();
    let id = world.stored().await;
    let mut session = world.request(&id).await;
    session.note = "once".to_owned();
    world.store.fail(super::store::Fault {
        from: 0,
        until: 1,
        applied: true,
    });
    assert!(matches!(session.save().await, Err(SessionError::Store(_))));
    session.save().await.unwrap();
    assert_eq!(world.find(&id).await.unwrap().note, "once");
}

#[tokio::test]
async fn a_failing_store_is_an_error_and_never_an_empty_session() {
    let world = World::new();
    let id = world.stored().await;
    world.store.fail(super::store::Fault {
        from: 0,
        until: usize::MAX,
        applied: false,
    });
    let current = CurrentSession::new(Some(id.clone()));
    assert!(matches!(
        world.sessions.open(&current).await,
        Err(SessionError::Store(_))
    ));
    assert!(world.sessions.bag(&current).get::<i32>("a").await.is_err());
    assert!(world.sessions.bag(&current).set("a", &1).await.is_err());
    world.store.fail(None);
    assert!(world.find(&id).await.is_some());
}

#[tokio::test]
async fn an_update_that_fails_leaves_the_copy_as_it_was() {
    let world = World::new();
    let mut session = world.visitor().await;
    world.store.fail(super::store::Fault {
        from: 0,
        until: 1,
        applied: false,
    });
    assert!(session.update(|shop| shop.visits += 1).await.is_err());
    session.update(|shop| shop.visits += 1).await.unwrap();
    assert_eq!(session.visits, 1);
}

#[tokio::test]
async fn a_request_only_session_is_never_stored() {
    let world = World::new();
    let data = super::Shop {
        note: "from a token".to_owned(),
        ..super::Shop::default()
    };
    let mut session = world.sessions.request_only(data).unwrap();
    session.save().await.unwrap();
    session.update(|shop| shop.visits += 1).await.unwrap();
    session.renew().await.unwrap();
    assert!(!session.slide().await.unwrap());
    assert!(session.is_request_only() && !session.is_stored());
    let set = session.bag().set("cart", &1).await;
    assert!(matches!(set, Err(SessionError::RequestOnly)));
    let signed_in = session.sign_in(session.lifetime(), |_| ()).await;
    assert!(matches!(signed_in, Err(SessionError::RequestOnly)));

    let again = world.sessions.open(session.current()).await.unwrap();
    assert_eq!((again.visits, again.note.as_str()), (1, "from a token"));
    assert!(!session.remove().await.unwrap());
    assert!(world.store.calls().is_empty());
}
