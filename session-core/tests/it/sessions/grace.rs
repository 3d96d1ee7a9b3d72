//! New ids with a grace time, in which the old id still reads the session.

use futures_util::TryStreamExt;
use session_core::{
    CacheClientExtended, Codec, CurrentSession, IdKey, Lifetime, Session, SessionChange,
    SessionError, SessionId, TimeToLive,
};

use super::store::Fault;
use super::{DAY, SECOND, Shop, World};

const GRACE: std::time::Duration = std::time::Duration::from_secs(30);

fn world() -> World {
    World::with(|options| options.renewal_grace(GRACE))
}

/// A session with a bag that has got a new id, and the old one.
async fn renewed(world: &World) -> (SessionId, Session<Shop>) {
    let mut session = world.visitor().await;
    let alice = Shop::user("alice");
    session.sign_in(Lifetime::Temporary, alice).await.unwrap();
    session.bag().set("cart", &1).await.unwrap();
    let old = session.id().unwrap();
    session.renew().await.unwrap();
    assert_ne!(session.id(), Some(old.clone()));
    (old, session)
}

#[tokio::test]
async fn the_old_id_reads_and_writes_the_new_session_for_the_grace_time_and_no_longer() {
    let world = world();
    let (old, session) = renewed(&world).await;
    let new = session.id().unwrap();
    let mut tab = world.request(&old).await;
    assert!(tab.is_signed_in());
    assert_eq!(tab.handle(), session.handle());
    tab.update(|shop| shop.visits += 1).await.unwrap();
    tab.note = "saved".to_owned();
    tab.save().await.unwrap();
    tab.bag().set("cart", &2).await.unwrap();
    assert_eq!(tab.current().change(), SessionChange::Unchanged);
    let bag = world.sessions.bag(&CurrentSession::new(Some(old.clone())));
    assert_eq!(bag.get::<i32>("cart").await.unwrap(), Some(2));
    bag.set("more", &3).await.unwrap();
    let bag = world.sessions.bag(&CurrentSession::new(Some(old.clone())));
    assert_eq!(bag.keys().await.unwrap(), ["cart", "more"]);
    world
        .sessions
        .update(&old, |shop| shop.visits += 1)
        .await
        .unwrap();

    let found = world.request(&new).await;
    assert_eq!((found.visits, found.note.as_str()), (2, "saved"));
    assert_eq!(found.bag().get::<i32>("more").await.unwrap(), Some(3));
    world.pass(GRACE - SECOND);
    assert!(world.find(&old).await.is_some());
    world.pass(SECOND);
    assert!(world.find(&old).await.is_none());
    assert!(world.find(&new).await.is_some());
}

#[tokio::test]
async fn without_a_grace_time_and_after_a_sign_in_the_old_id_is_dead() {
    let (without, world) = (World::new(), world());
    let (old, _session) = renewed(&without).await;
    assert!(without.find(&old).await.is_none());

    let (older, mut session) = renewed(&world).await;
    let old = session.id().unwrap();
    let alice = Shop::user("alice");
    session.sign_in(Lifetime::Temporary, alice).await.unwrap();
    assert!(world.find(&old).await.is_none());
    assert!(world.find(&older).await.is_none());

    // So it is if the sign-in came with the id in its grace time.
    let (old, session) = renewed(&world).await;
    let alice = Shop::user("alice");
    let mut tab = world.request(&old).await;
    tab.sign_in(Lifetime::Temporary, alice).await.unwrap();
    assert!(world.find(&old).await.is_none());
    assert!(world.find(&session.id().unwrap()).await.is_none());
    assert!(world.find(&tab.id().unwrap()).await.is_some());
}

#[tokio::test]
async fn a_renewal_at_once_has_no_grace_time() {
    let world = world();
    let (older, mut session) = renewed(&world).await;
    let old = session.id().unwrap();
    session.renew_at_once().await.unwrap();
    assert!(world.find(&old).await.is_none());
    assert!(world.find(&older).await.is_none());
    let found = world.request(&session.id().unwrap()).await;
    assert_eq!(found.bag().get::<i32>("cart").await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_session_that_was_signed_out_is_not_revived_by_an_old_id() {
    let world = world();
    for way in 0..6 {
        let (old, mut session) = renewed(&world).await;
        let mut tab = world.request(&old).await;
        let gone = match way {
            0 => session.remove().await.unwrap(),
            1 => tab.remove().await.unwrap(),
            2 => world.sessions.remove(&old).await.unwrap(),
            3 => world.sessions.remove_user("alice").await.unwrap() == 1,
            4 => {
                let handle = world.sessions.handle_of(&old);
                world.sessions.remove_by_handle(&handle).await.unwrap()
            }
            _ => {
                let mut stale = world.request(&session.id().unwrap()).await;
                session.renew().await.unwrap();
                stale.remove().await.unwrap()
            }
        };
        assert!(gone, "{way}");
        assert!(world.find(&old).await.is_none(), "{way}");
        for late in [&mut tab, &mut session] {
            let late = late.update(|shop| shop.visits += 1).await;
            assert!(matches!(late, Err(SessionError::Removed)), "{way}");
        }
        let listed: Vec<_> = world.sessions.list().try_collect().await.unwrap();
        assert!(listed.is_empty(), "{way}");
        world.pass(GRACE);
        assert_eq!(world.store.keys().await, [""; 0], "{way}");
    }
}

#[tokio::test]
async fn a_request_that_meets_a_renewal_goes_on_with_the_session() {
    let world = world();
    for way in 0..5 {
        let mut session = world.visitor().await;
        session.save().await.unwrap();
        session.bag().set("cart", &1).await.unwrap();
        let old = session.id().unwrap();
        let mut tab = world.request(&old).await;
        session.renew().await.unwrap();
        match way {
            0 => tab.update(|shop| shop.visits = 7).await.unwrap(),
            1 => {
                tab.visits = 7;
                tab.save().await.unwrap();
            }
            2 => {
                tab.bag().set("more", &7).await.unwrap();
                tab.bag().set("cart", &2).await.unwrap();
                assert_eq!(session.bag().get::<i32>("cart").await.unwrap(), Some(2));
                let read = session.bag().get::<u32>("more").await.unwrap();
                tab.update(|shop| shop.visits = read.unwrap())
                    .await
                    .unwrap();
            }
            3 => {
                // A key that is there is written without looking first.
                tab.bag().set("cart", &7_u32).await.unwrap();
                let read = tab.bag().get::<u32>("cart").await.unwrap();
                tab.update(|shop| shop.visits = read.unwrap())
                    .await
                    .unwrap();
            }
            _ => {
                tab.renew().await.unwrap();
                tab.update(|shop| shop.visits = 7).await.unwrap();
            }
        }
        let found = world.find(&session.id().unwrap()).await.unwrap();
        assert_eq!(found.visits, 7, "{way}");
        let listed: Vec<_> = world.sessions.list().try_collect().await.unwrap();
        assert_eq!(listed.len(), 1, "{way}");
        assert!(session.remove().await.unwrap());
        world.pass(GRACE);
        assert_eq!(world.store.keys().await, [""; 0], "{way}");
    }
}

#[tokio::test]
async fn sliding_with_an_old_id_does_not_lengthen_its_grace_time() {
    let world = world();
    let old = world.stored().await;
    world.pass(10 * DAY);
    let mut tab = world.request(&old).await;
    let mut session = world.request(&old).await;
    session.renew().await.unwrap();
    tab.slide().await.unwrap();
    world.pass(GRACE);
    assert!(world.find(&old).await.is_none());
    let left = world.find(&session.id().unwrap()).await.unwrap();
    let left = left.time_to_live();
    assert_eq!(left, Some(TimeToLive::Remaining(14 * DAY - GRACE)));
}

#[tokio::test]
async fn old_ids_are_followed_over_some_renewals_and_not_without_end() {
    let world = world();
    let first = world.stored().await;
    let mut session = world.request(&first).await;
    for _ in 0..4 {
        session.renew().await.unwrap();
        assert!(world.find(&first).await.is_some());
    }
    session.renew().await.unwrap();
    assert!(world.find(&first).await.is_none());
    assert!(world.find(&session.id().unwrap()).await.is_some());
}

#[tokio::test]
async fn a_session_in_its_grace_time_is_listed_once_and_named_once() {
    let world = world();
    let (old, session) = renewed(&world).await;
    let listed: Vec<_> = world.sessions.list().try_collect().await.unwrap();
    assert_eq!(listed.len(), 1);
    let of_user = world.sessions.list_user("alice").await.unwrap();
    assert_eq!(of_user.len(), 1);
    assert!(of_user[0].is_current(session.current()));
    assert!(of_user[0].is_current(world.request(&old).await.current()));
    // The request that came with the old id keeps its session.
    let tab = world.request(&old).await;
    let others = world.sessions.remove_user_except("alice", tab.current());
    assert_eq!(others.await.unwrap(), 0);
    assert!(world.find(&old).await.is_some());
    // So does one that does not know yet that its session has another id.
    let mut session = session;
    session.renew().await.unwrap();
    let others = world.sessions.remove_user_except("alice", tab.current());
    assert_eq!(others.await.unwrap(), 0);
    assert!(world.find(&session.id().unwrap()).await.is_some());
}

#[tokio::test]
async fn what_leads_to_a_session_holds_no_id_where_ids_are_hashed_and_is_read_in_any_codec() {
    let key = IdKey::new([1; 32]).unwrap();
    let world = World::with(|options| {
        let options = options.renewal_grace(GRACE).codec(Codec::Bincode);
        options.id_key(key)
    });
    let (old, session) = renewed(&world).await;
    assert!(world.find(&old).await.is_some());
    let leads = world.store.keys().await.into_iter();
    for key in leads.filter(|key| key.starts_with("urn:")) {
        let (value, _) = world
            .store
            .map
            .read_with_time_to_live(&key)
            .await
            .unwrap()
            .unwrap();
        let value = String::from_utf8_lossy(&value).into_owned();
        assert!(!value.contains(session.id().unwrap().as_str()));
    }
}

#[tokio::test]
async fn an_old_id_costs_a_read_more_and_a_renewal_none() {
    let world = world();
    let old = world.stored().await;
    let mut session = world.request(&old).await;
    world.store.calls();
    session.renew().await.unwrap();
    assert_eq!(world.store.calls(), ["write", "write"]);
    world.request(&old).await;
    assert_eq!(world.store.calls().len(), 2);
}

/// Each call of a renewal fails, before or after it took place, alone or with all that follow.
#[tokio::test]
async fn a_renewal_that_fails_half_way_leaves_one_session_that_the_old_id_reads() {
    for from in 0..9 {
        for (applied, until) in [
            (false, from + 1),
            (true, from + 1),
            (false, usize::MAX),
            (true, usize::MAX),
        ] {
            let world = world();
            let mut session = world.visitor().await;
            let alice = Shop::user("alice");
            session.sign_in(Lifetime::Temporary, alice).await.unwrap();
            session.bag().set("cart", &1).await.unwrap();
            let old = session.id().unwrap();
            let fault = Fault {
                from,
                until,
                applied,
            };
            world.store.fail(fault);
            let result = session.renew().await;
            world.store.fail(None);
            let tab = world.request(&old).await;
            assert!(tab.is_signed_in(), "{fault:?}");
            assert_eq!(
                tab.bag().get::<i32>("cart").await.unwrap(),
                Some(1),
                "{fault:?}"
            );
            if result.is_ok() {
                assert_eq!(tab.handle(), session.handle(), "{fault:?}");
            }
            // Both ids are of the one user, and go together.
            world.sessions.remove_user("alice").await.unwrap();
            assert!(world.find(&old).await.is_none(), "{fault:?}");
        }
    }
}

/// Who still has the old id writes under the old one, then under the new one, while the bag moves.
#[tokio::test(start_paused = true)]
async fn a_renewal_never_undoes_a_newer_value_of_the_bag() {
    for seed in 1..600 {
        let world = world();
        let (_, mut session) = renewed(&world).await;
        let id = session.id().unwrap();
        world.store.shuffle(seed);
        let others = async {
            for number in 2..5 {
                let bag = world.sessions.bag(&CurrentSession::new(Some(id.clone())));
                match seed % 2 {
                    0 => bag.set("cart", &number).await.unwrap(),
                    _ => bag
                        .update("cart", |cart: &mut i32| *cart += 1)
                        .await
                        .unwrap(),
                }
                assert_eq!(
                    bag.get::<i32>("cart").await.unwrap(),
                    Some(number),
                    "{seed}"
                );
            }
        };
        let (renewed, ()) = tokio::join!(session.renew(), others);
        renewed.unwrap();
        let cart = session.bag().get::<i32>("cart").await.unwrap();
        assert_eq!(cart, Some(4), "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_and_a_sign_out_at_once_leave_nothing_in_any_order() {
    for seed in 1..300 {
        let world = world();
        let (old, mut session) = renewed(&world).await;
        let mut tab = world.request(&old).await;
        let other = world.request(&session.id().unwrap()).await.bag();
        world.store.shuffle(seed);
        let (_, ended, _) = tokio::join!(
            session.renew(),
            async {
                match seed % 2 {
                    0 => tab.remove().await.unwrap(),
                    _ => world.sessions.remove_user("alice").await.unwrap() > 0,
                }
            },
            other.set("cart", &seed),
        );
        assert!(ended, "{seed}");
        let listed: Vec<_> = world.sessions.list().try_collect().await.unwrap();
        assert!(listed.is_empty(), "{seed}");
        world.pass(GRACE);
        let keys = world.store.keys().await;
        assert!(
            !keys.iter().any(|key| key.starts_with("sess:")),
            "{seed} {keys:?}"
        );
        assert!(
            !keys.iter().any(|key| key.starts_with("urn:")),
            "{seed} {keys:?}"
        );
    }
}
