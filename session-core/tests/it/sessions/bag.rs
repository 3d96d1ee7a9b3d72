use session_core::{CurrentSession, ErrorKind, Expiry, SessionError, SessionId};

use super::{DAY, HOUR, World};

#[tokio::test]
async fn a_bag_gives_back_what_was_set_under_any_key() {
    let world = World::new();
    let id = world.stored().await;
    let bag = world.request(&id).await.bag();
    for key in ["cart", "a:b", "%_*[", " ", "ü\n"] {
        bag.set(key, key).await.unwrap();
        let read = world.request(&id).await.bag();
        assert_eq!(read.get::<String>(key).await.unwrap().unwrap(), key);
        let stored = format!("sess:{}:{key}", id.as_str());
        assert!(world.store.keys().await.contains(&stored));
    }
    assert_eq!(
        bag.keys().await.unwrap(),
        [" ", "%_*[", "a:b", "cart", "ü\n"]
    );
    assert!(bag.remove("cart").await.unwrap());
    assert!(!bag.remove("cart").await.unwrap());
    assert_eq!(bag.get::<String>("cart").await.unwrap(), None);
    assert_eq!(bag.remove_all().await.unwrap(), 4);
    assert_eq!(bag.keys().await.unwrap(), [""; 0]);
    assert_eq!(world.store.keys().await.len(), 1);
}

#[tokio::test]
async fn a_key_outside_the_rules_is_refused_before_anything_is_stored() {
    let world = World::new();
    let bag = world.visitor().await.bag();
    let refused = |error| match error {
        SessionError::Store(error) => error.kind() == ErrorKind::InvalidInput,
        _ => false,
    };
    for key in ["", "a\0b", &"k".repeat(987)] {
        assert!(refused(bag.set(key, &1).await.unwrap_err()));
        assert!(refused(bag.get::<i32>(key).await.unwrap_err()));
        assert!(refused(bag.remove(key).await.unwrap_err()));
    }
    assert!(world.store.keys().await.is_empty());
    let longest = "k".repeat(986);
    bag.set(&longest, &1).await.unwrap();
    assert_eq!(bag.get::<i32>(&longest).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_full_bag_takes_known_keys_only_until_one_expires() {
    let world = World::with(|options| options.max_bag_keys(2));
    let bag = world.visitor().await.bag();
    bag.set("a", &1).await.unwrap();
    bag.set_with("b", &1, HOUR).await.unwrap();
    bag.set("a", &2).await.unwrap();
    assert!(bag.set("c", &1).await.is_err());
    world.pass(HOUR);
    bag.set("c", &1).await.unwrap();
    assert_eq!(bag.keys().await.unwrap(), ["a", "c"]);
}

#[tokio::test]
async fn a_value_lives_as_long_as_its_session_or_as_told() {
    let world = World::new();
    let id = world.stored().await;
    let bag = world.request(&id).await.bag();
    bag.set("kept", &1).await.unwrap();
    bag.set_with("short", &1, HOUR).await.unwrap();
    bag.set_with("long", &1, 1_000 * DAY).await.unwrap();
    bag.set_with("gone", &1, std::time::Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(bag.keys().await.unwrap(), ["kept", "long", "short"]);
    world.pass(HOUR / 2);
    bag.set_with("short", &2, Expiry::Keep).await.unwrap();
    world.pass(HOUR / 2);
    assert_eq!(bag.get::<i32>("short").await.unwrap(), None);
    assert_eq!(bag.keys().await.unwrap(), ["kept", "long"]);

    for _ in 0..8 {
        world.pass(10 * DAY);
        world.request(&id).await.save().await.unwrap();
        let bag = world.request(&id).await.bag();
        assert_eq!(bag.get::<i32>("kept").await.unwrap(), Some(1));
    }
    world.pass(10 * DAY);
    assert_eq!(world.store.keys().await, [""; 0]);
}

#[tokio::test]
async fn a_value_that_has_expired_by_itself_begins_anew() {
    let world = World::new();
    let id = world.stored().await;
    let bag = world.request(&id).await.bag();
    for way in 0..2 {
        bag.set_with("attempts", &5, HOUR).await.unwrap();
        world.pass(HOUR);
        match way {
            0 => bag.update("attempts", |count: &mut i32| *count += 1).await,
            _ => bag.set_with("attempts", &1, Expiry::Keep).await,
        }
        .unwrap();
        world.pass(HOUR);
        let found = bag.get::<i32>("attempts").await.unwrap();
        assert_eq!(found, Some(1), "{way}");
    }
}

#[tokio::test]
async fn nobody_reads_the_bag_of_a_session_that_has_expired() {
    let world = World::new();
    let id = world.stored().await;
    world
        .request(&id)
        .await
        .bag()
        .set("cart", &1)
        .await
        .unwrap();
    world.pass(14 * DAY);
    let bag = world.sessions.bag(&CurrentSession::new(Some(id)));
    assert_eq!(bag.get::<i32>("cart").await.unwrap(), None);
    assert!(bag.keys().await.unwrap().is_empty());
    assert!(!bag.remove("cart").await.unwrap());
}

#[tokio::test]
async fn a_value_that_no_session_names_is_not_read() {
    let world = World::new();
    let id = world.stored().await;
    let key = format!("sess:{}:planted", id.as_str());
    use session_core::{CacheClient, Condition};
    let value = "1".into();
    world
        .store
        .map
        .write(&key, value, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let bag = world.request(&id).await.bag();
    assert_eq!(bag.get::<i32>("planted").await.unwrap(), None);
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error_and_stays() {
    let world = World::new();
    let bag = world.visitor().await.bag();
    bag.set("cart", "text").await.unwrap();
    let error = bag.get::<i32>("cart").await.unwrap_err();
    assert!(matches!(error, SessionError::Store(error) if error.kind() == ErrorKind::Codec));
    assert_eq!(bag.get::<String>("cart").await.unwrap().unwrap(), "text");
}

#[tokio::test(start_paused = true)]
async fn requests_that_set_different_keys_do_not_disturb_each_other() {
    let world = World::new();
    let id = world.stored().await;
    world.store.shuffle(3);
    let tasks = (0..20).map(|n| {
        let (sessions, id) = (world.sessions.clone(), id.clone());
        tokio::spawn(async move {
            let bag = sessions.bag(&CurrentSession::new(Some(id)));
            bag.set(&format!("key {n}"), &n).await.unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let bag = world.request(&id).await.bag();
    assert_eq!(bag.keys().await.unwrap().len(), 20);
    for n in 0..20 {
        let value = bag.get::<i32>(&format!("key {n}")).await.unwrap();
        assert_eq!(value, Some(n));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_update_one_value_lose_nothing_in_any_order() {
    for seed in 1..50 {
        let world = World::new();
        let id = world.stored().await;
        world.store.shuffle(seed);
        let update = |n: u32| {
            let bag = world.sessions.bag(&CurrentSession::new(Some(id.clone())));
            async move { bag.update("cart", |cart: &mut Vec<u32>| cart.push(n)).await }
        };
        let (a, b, c, d) = tokio::join!(update(0), update(1), update(2), update(3));
        a.and(b).and(c).and(d).unwrap();
        let bag = world.request(&id).await.bag();
        let mut cart = bag.get::<Vec<u32>>("cart").await.unwrap().unwrap();
        cart.sort_unstable();
        assert_eq!(cart, [0, 1, 2, 3], "{seed}");
    }
}

#[tokio::test]
async fn an_update_begins_with_the_default_and_writes_only_what_changed() {
    let world = World::new();
    let bag = world.visitor().await.bag();
    let seen = bag.update("cart", |cart: &mut Vec<u32>| cart.len());
    assert_eq!(seen.await.unwrap(), 0);
    assert!(world.store.keys().await.is_empty());
    let push = |cart: &mut Vec<u32>| cart.push(1);
    bag.update("cart", push).await.unwrap();
    bag.set_with("short", &1, HOUR).await.unwrap();
    bag.update("short", |n: &mut i32| *n += 1).await.unwrap();
    assert_eq!(bag.get::<i32>("short").await.unwrap(), Some(2));
    world.pass(HOUR);
    assert_eq!(bag.keys().await.unwrap(), ["cart"]);
    bag.set("text", "text").await.unwrap();
    let error = bag.update("text", push).await.unwrap_err();
    assert!(matches!(error, SessionError::Store(error) if error.kind() == ErrorKind::Codec));
    assert_eq!(bag.get::<String>("text").await.unwrap().unwrap(), "text");
}

#[tokio::test]
async fn an_update_of_a_value_that_no_session_names_begins_anew() {
    use session_core::{CacheClient, Condition};
    let world = World::new();
    let id = world.stored().await;
    let key = format!("sess:{}:planted", id.as_str());
    let (value, map) = ("7".into(), &world.store.map);
    let planted = map.write(&key, value, Condition::Always, Expiry::Never);
    planted.await.unwrap();
    let bag = world.request(&id).await.bag();
    bag.update("planted", |n: &mut i32| *n += 1).await.unwrap();
    assert_eq!(bag.get::<i32>("planted").await.unwrap(), Some(1));
}

/// A sign-out strikes before each call of an update of the bag.
#[tokio::test]
async fn a_sign_out_during_an_update_of_the_bag_leaves_nothing() {
    for call in 0..5 {
        let world = World::new();
        let id = world.stored().await;
        let session = world.request(&id).await;
        let (sessions, gone) = (world.sessions.clone(), id.clone());
        world.store.before_call(call, async move {
            assert!(sessions.remove(&gone).await.unwrap());
        });
        let updated = session.bag().update("cart", |n: &mut i32| *n += 1).await;
        let calls = world.store.calls().len();
        world.store.disarm();
        if updated.is_ok() {
            // The sign-out had no call left to strike before.
            assert!(calls <= call, "{call}");
            assert!(world.sessions.remove(&id).await.unwrap());
        } else {
            assert!(matches!(updated, Err(SessionError::Removed)), "{call}");
        }
        assert_eq!(world.store.keys().await, [""; 0], "{call}");
    }
}

/// A sign-out strikes before each call of a write of the bag.
#[tokio::test]
async fn a_sign_out_during_a_write_of_the_bag_leaves_nothing() {
    for is_new_key in [true, false] {
        for call in 0..4 {
            let world = World::new();
            let id = world.stored().await;
            let session = world.request(&id).await;
            if !is_new_key {
                session.bag().set("cart", &1).await.unwrap();
            }
            let (sessions, gone) = (world.sessions.clone(), id.clone());
            world.store.before_call(call, async move {
                assert!(sessions.remove(&gone).await.unwrap());
            });
            let set = session.bag().set("cart", &2).await;
            let calls = world.store.calls().len();
            world.store.disarm();
            if set.is_ok() {
                // The sign-out had no call left to strike before.
                assert!(calls <= call, "{call}");
                assert!(world.sessions.remove(&id).await.unwrap());
            } else {
                assert!(matches!(set, Err(SessionError::Removed)), "{call} {set:?}");
            }
            assert_eq!(world.store.keys().await, [""; 0], "{is_new_key} {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn writes_of_the_bag_and_a_sign_out_at_once_leave_nothing_in_any_order() {
    for seed in 1..200 {
        let world = World::new();
        let id = world.stored().await;
        world
            .request(&id)
            .await
            .bag()
            .set("key 0", &0)
            .await
            .unwrap();
        world.store.shuffle(seed);
        let set = |n: u32| {
            let bag = world.sessions.bag(&CurrentSession::new(Some(id.clone())));
            async move { bag.set(&format!("key {n}"), &n).await.map(drop) }
        };
        let end = async { world.sessions.remove(&id).await.map(drop) };
        let (end, ..) = tokio::join!(end, set(0), set(1), set(2));
        end.unwrap();
        let keys = world.store.keys().await;
        // A request that came after the sign-out has made a session of its own; that is whole.
        let of_the_old = keys.iter().filter(|key| key.contains(id.as_str()));
        assert_eq!(of_the_old.count(), 0, "{seed} {keys:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_write_of_the_bag_survives_a_renewal_in_any_order() {
    for seed in 1..200 {
        let world = World::new();
        let id = world.stored().await;
        world.request(&id).await.bag().set("a", &0).await.unwrap();
        let mut session = world.request(&id).await;
        let other = world.request(&id).await.bag();
        world.store.shuffle(seed);
        let (renewed, a, b) = tokio::join!(session.renew(), other.set("a", &1), async {
            world.request(&id).await.bag().set("b", &1).await
        });
        renewed.unwrap();
        let bag = world.request(&session.id().unwrap()).await.bag();
        if a.is_ok() {
            assert_eq!(bag.get::<i32>("a").await.unwrap(), Some(1), "{seed}");
        }
        let b_is_there = bag.get::<i32>("b").await.unwrap() == Some(1);
        let made_another = world.store.keys().await.len() > 1 + bag.keys().await.unwrap().len();
        assert!(b.is_err() || b_is_there || made_another, "{seed}");
        let keys = world.store.keys().await;
        assert!(!keys.iter().any(|key| key.contains(id.as_str())), "{seed}");
    }
}

#[tokio::test]
async fn an_unknown_id_has_an_empty_bag() {
    let world = World::new();
    let current = CurrentSession::new(Some(SessionId::from_bytes([1; 24])));
    let bag = world.sessions.bag(&current);
    assert_eq!(bag.get::<i32>("cart").await.unwrap(), None);
    assert!(bag.keys().await.unwrap().is_empty());
    assert_eq!(bag.remove_all().await.unwrap(), 0);
    assert!(current.is_used() && world.store.keys().await.is_empty());
}
