use std::collections::BTreeSet;

use session_core::{
    CacheClient, CacheClientExtended, Codec, Condition, CurrentSession, Expiry, Lifetime, Session,
    SessionError, SessionId, TimeToLive, USER_KEY_PREFIX,
};

use super::store::Fault;
use super::{DAY, HOUR, SECOND, Shop, World};

const ALICE: &str = "user:sess:2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90";

async fn signed_in(world: &World, user: &str) -> Session<Shop> {
    let mut session = world.visitor().await;
    let lifetime = Lifetime::Temporary;
    session.sign_in(lifetime, Shop::user(user)).await.unwrap();
    session
}

/// The handles that a listing of this user gives.
async fn listed(world: &World, user: &str) -> BTreeSet<String> {
    let listed = world.sessions.list_user(user).await.unwrap();
    let handles: BTreeSet<_> = listed.iter().map(|one| one.handle.to_string()).collect();
    assert_eq!(handles.len(), listed.len());
    handles
}

fn handles<'s>(sessions: impl IntoIterator<Item = &'s Session<Shop>>) -> BTreeSet<String> {
    let handle = |session: &Session<Shop>| session.handle().unwrap().to_string();
    sessions.into_iter().map(handle).collect()
}

async fn index(world: &World) -> Option<String> {
    let bytes = world.store.map.read(ALICE).await.unwrap()?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_user_sees_the_sessions_of_that_user_and_no_others() {
    let world = World::new();
    let (_bob, _visitor) = (signed_in(&world, "bob").await, world.stored().await);
    let phone = signed_in(&world, "alice").await;
    world.pass(DAY);
    let mut laptop = signed_in(&world, "alice").await;
    laptop.update(|shop| shop.visits = 7).await.unwrap();

    let listed = world.sessions.list_user("alice").await.unwrap();
    let seen: Vec<_> = listed.iter().map(|one| &one.handle).collect();
    assert_eq!(seen, [&laptop.handle().unwrap(), &phone.handle().unwrap()]);
    assert_eq!(listed[0].data.visits, 7);
    assert_eq!(listed[1].time_to_live, TimeToLive::Remaining(13 * DAY));
    assert!(listed[0].is_current(laptop.current()));
    assert!(!listed[1].is_current(laptop.current()));
    assert!(world.sessions.list_user("carol").await.unwrap().is_empty());
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_the_user_and_a_late_save_restores_none() {
    let world = World::new();
    let bob = signed_in(&world, "bob").await;
    let mut all = Vec::new();
    for n in 0..5 {
        let session = signed_in(&world, "alice").await;
        session.bag().set("cart", &n).await.unwrap();
        all.push(session);
    }
    assert_eq!(world.sessions.remove_user("alice").await.unwrap(), 5);
    assert_eq!(world.sessions.remove_user("alice").await.unwrap(), 0);
    for mut session in all {
        let late = session.update(|shop| shop.visits += 1).await;
        assert!(matches!(late, Err(SessionError::Removed)));
    }
    assert_eq!(listed(&world, "bob").await, handles([&bob]));
    assert_eq!(world.store.keys().await.len(), 2);
}

#[tokio::test]
async fn signing_out_everywhere_else_leaves_the_session_of_the_request() {
    let world = World::new();
    let (here, _there) = (
        signed_in(&world, "alice").await,
        signed_in(&world, "alice").await,
    );
    let unread = CurrentSession::new(here.id());
    let others = world.sessions.remove_user_except("alice", &unread).await;
    assert_eq!(others.unwrap(), 1);
    let others = world.sessions.remove_user_except("alice", here.current());
    assert_eq!(others.await.unwrap(), 0);
    assert_eq!(listed(&world, "alice").await, handles([&here]));
    // It is not marked: it can be renewed.
    world
        .request(&here.id().unwrap())
        .await
        .renew()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_user_can_end_one_session_of_their_own_and_none_of_anothers() {
    let world = World::new();
    let (one, two) = (
        signed_in(&world, "alice").await,
        signed_in(&world, "alice").await,
    );
    let handle = one.handle().unwrap();
    let sessions = &world.sessions;
    assert!(!sessions.remove_user_session("bob", &handle).await.unwrap());
    world.store.calls();
    assert!(
        sessions
            .remove_user_session("alice", &handle)
            .await
            .unwrap()
    );
    assert_eq!(
        world.store.calls(),
        ["read", "read_with_time_to_live", "write", "read", "write"]
    );
    assert!(
        !sessions
            .remove_user_session("alice", &handle)
            .await
            .unwrap()
    );
    assert_eq!(listed(&world, "alice").await, handles([&two]));
}

#[tokio::test]
async fn the_index_follows_new_ids_and_goes_with_the_last_session() {
    let world = World::new();
    let mut session = signed_in(&world, "alice").await;
    session.renew().await.unwrap();
    let alice = Shop::user("alice");
    session.sign_in(Lifetime::Permanent, alice).await.unwrap();
    assert_eq!(listed(&world, "alice").await, handles([&session]));
    assert_eq!(index(&world).await.unwrap().matches("until").count(), 1);
    let bob = Shop::user("bob");
    session.sign_in(Lifetime::Permanent, bob).await.unwrap();
    assert_eq!(index(&world).await, None);
    assert_eq!(listed(&world, "bob").await, handles([&session]));
    session.remove().await.unwrap();
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test]
async fn a_user_who_comes_and_goes_without_a_sign_in_is_known_too() {
    let world = World::new();
    let mut session = world.visitor().await;
    let set = |user: Option<&'static str>| {
        move |shop: &mut Shop| {
            shop.auth.user_id = user.map(str::to_owned);
            shop.auth.is_authenticated = user.is_some();
        }
    };
    session.update(set(Some("alice"))).await.unwrap();
    assert_eq!(listed(&world, "alice").await, handles([&session]));
    session.update(set(Some("bob"))).await.unwrap();
    assert!(listed(&world, "alice").await.is_empty());
    assert_eq!(listed(&world, "bob").await, handles([&session]));
    set(Some("alice"))(session.data_mut());
    session.save().await.unwrap();
    assert_eq!(listed(&world, "alice").await, handles([&session]));
    assert_eq!(world.sessions.remove_user("bob").await.unwrap(), 0);
    session.update(set(None)).await.unwrap();
    assert_eq!(world.sessions.remove_user("alice").await.unwrap(), 0);
    assert!(world.find(&session.id().unwrap()).await.is_some());
    // What both indices say in vain goes when it is met.
    world.pass(HOUR);
    assert!(listed(&world, "alice").await.is_empty() && listed(&world, "bob").await.is_empty());
    assert_eq!(world.store.keys().await.len(), 1);
}

#[tokio::test]
async fn a_session_stored_before_there_was_an_index_is_named_by_its_next_save() {
    let world = World::new();
    let session = signed_in(&world, "alice").await;
    let key = format!("urn:iauthsession:{}", session.id().unwrap().as_str());
    let value = world.store.map.read(&key).await.unwrap().unwrap();
    let text = String::from_utf8(value.to_vec()).unwrap();
    let user = format!(r#""user":"{}","#, &ALICE[USER_KEY_PREFIX.len()..]);
    let value = text.replace(&user, "").into();
    world.store.map.remove(ALICE).await.unwrap();
    let map = &world.store.map;
    map.write(&key, value, Condition::Present, Expiry::Keep)
        .await
        .unwrap();
    assert!(listed(&world, "alice").await.is_empty());
    let mut session = world.request(&session.id().unwrap()).await;
    session.save().await.unwrap();
    assert_eq!(listed(&world, "alice").await, handles([&session]));
}

#[tokio::test]
async fn an_index_that_the_store_lost_comes_back_session_by_session_with_new_ids() {
    let world = World::new();
    let mut one = signed_in(&world, "alice").await;
    let mut other = signed_in(&world, "alice").await;
    world.store.map.remove(ALICE).await.unwrap();
    assert!(listed(&world, "alice").await.is_empty());
    // This is the limit: nothing names them, so nothing ends them.
    assert_eq!(world.sessions.remove_user("alice").await.unwrap(), 0);
    assert!(world.find(&one.id().unwrap()).await.is_some());

    one.renew().await.unwrap();
    assert_eq!(listed(&world, "alice").await, handles([&one]));
    other.renew().await.unwrap();
    assert_eq!(listed(&world, "alice").await, handles([&one, &other]));
    assert_eq!(world.sessions.remove_user("alice").await.unwrap(), 2);
}

#[tokio::test]
async fn sessions_that_expired_are_dropped_when_they_are_met() {
    let world = World::new();
    signed_in(&world, "alice").await;
    world.pass(13 * DAY);
    let kept = signed_in(&world, "alice").await;
    world.pass(DAY);
    assert_eq!(index(&world).await.unwrap().matches("until").count(), 2);
    assert_eq!(listed(&world, "alice").await, handles([&kept]));
    assert_eq!(index(&world).await.unwrap().matches("until").count(), 1);
    world.pass(13 * DAY);
    assert_eq!(world.sessions.remove_user("alice").await.unwrap(), 0);
    assert_eq!(index(&world).await, None);
}

#[tokio::test]
async fn the_index_lives_as_long_as_the_longest_of_its_sessions_can() {
    let world = World::new();
    let mut session = signed_in(&world, "alice").await;
    world.pass(10 * DAY);
    signed_in(&world, "alice").await.remove().await.unwrap();
    for _ in 0..7 {
        session.save().await.unwrap();
        world.pass(10 * DAY);
    }
    session.save().await.unwrap();
    world.pass(10 * DAY - SECOND);
    let left = |left| left == TimeToLive::Remaining(61 * SECOND);
    assert!(left(
        world
            .store
            .map
            .get_time_to_live(ALICE)
            .await
            .unwrap()
            .unwrap()
    ));
    assert_eq!(listed(&world, "alice").await, handles([&session]));
    world.pass(61 * SECOND);
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test]
async fn one_sign_in_too_many_ends_the_oldest_session() {
    let world = World::with(|options| options.max_user_sessions(3));
    let mut all = Vec::new();
    for _ in 0..5 {
        let mut session = signed_in(&world, "alice").await;
        session.bag().set("cart", &1).await.unwrap();
        // A session that takes the place of another of the same user is none too many.
        session.renew().await.unwrap();
        let alice = Shop::user("alice");
        session.sign_in(Lifetime::Temporary, alice).await.unwrap();
        all.push(session);
        world.pass(SECOND);
    }
    assert_eq!(listed(&world, "alice").await, handles(&all[2..]));
    assert_eq!(world.store.keys().await.len(), 3 * 2 + 1);
    // One that has gone makes room for another.
    all.remove(4).remove().await.unwrap();
    all.push(signed_in(&world, "alice").await);
    assert_eq!(listed(&world, "alice").await, handles(&all[2..]));
}

#[tokio::test]
async fn sign_ins_that_came_to_nothing_do_not_fill_the_index() {
    let world = World::with(|options| options.max_user_sessions(1));
    for _ in 0..1_100 {
        world.store.fail(Fault {
            from: 2,
            until: 3,
            applied: false,
        });
        let mut session = world
            .sessions
            .open(&CurrentSession::new(None))
            .await
            .unwrap();
        // Read of the index, write of the index; then the store fails.
        let failed = session
            .sign_in(Lifetime::Temporary, Shop::user("alice"))
            .await;
        if failed.is_ok() {
            session.remove().await.unwrap();
        }
        world.pass(SECOND);
    }
    world.store.fail(None);
    assert!(index(&world).await.unwrap().matches("until").count() <= 1_001);
    world.pass(HOUR);
    let session = signed_in(&world, "alice").await;
    assert_eq!(listed(&world, "alice").await, handles([&session]));
    assert_eq!(index(&world).await.unwrap().matches("until").count(), 1);
}

/// Each call of a sign-in fails, before or after it took place, alone or with all that follow.
#[tokio::test]
async fn whatever_fails_no_session_is_missing_from_the_index() {
    for from in 0..14 {
        for (applied, until) in [
            (false, from + 1),
            (true, from + 1),
            (false, usize::MAX),
            (true, usize::MAX),
        ] {
            for way in 0..3 {
                let world = World::new();
                let mut session = match way {
                    0 => world.visitor().await,
                    _ => signed_in(&world, "alice").await,
                };
                session.bag().set("cart", &1).await.unwrap();
                let fault = Fault {
                    from,
                    until,
                    applied,
                };
                world.store.fail(fault);
                let _ = match way {
                    0 | 1 => {
                        session
                            .sign_in(Lifetime::Temporary, Shop::user("alice"))
                            .await
                    }
                    _ => session.renew().await,
                };
                world.store.fail(None);
                assert_all_named(&world, &format!("{way} {fault:?}")).await;
                world.sessions.remove_user("alice").await.unwrap();
                let keys = world.store.keys().await;
                let visitor = usize::from(way == 0);
                assert!(sessions_in(&keys).count() <= visitor, "{way} {fault:?}");
            }
        }
    }
}

fn sessions_in(keys: &[String]) -> impl Iterator<Item = &str> {
    keys.iter()
        .filter_map(|key| key.strip_prefix("urn:iauthsession:"))
}

/// Every stored session of a user is in the user's index.
async fn assert_all_named(world: &World, what: &str) {
    let index = index(world).await.unwrap_or_default();
    for id in sessions_in(&world.store.keys().await) {
        let session = world.request(&id.parse().unwrap()).await;
        assert_eq!(session.is_signed_in(), index.contains(id), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn sign_ins_and_sign_outs_at_once_leave_the_index_right_in_any_order() {
    for seed in 1..150 {
        let world = World::new();
        let mut old = signed_in(&world, "alice").await;
        let mut gone = signed_in(&world, "alice").await;
        world.store.shuffle(seed);
        let (a, b, (), ()) = tokio::join!(
            signed_in(&world, "alice"),
            signed_in(&world, "alice"),
            async { old.renew().await.unwrap() },
            async { assert!(gone.remove().await.unwrap()) },
        );
        assert_eq!(
            listed(&world, "alice").await,
            handles([&a, &b, &old]),
            "{seed}"
        );
        assert_eq!(index(&world).await.unwrap().matches("until").count(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn no_renewal_carries_a_session_past_a_sign_out_everywhere_in_any_order() {
    for seed in 1..400 {
        let world = World::new();
        let mut session = signed_in(&world, "alice").await;
        let new = world.visitor().await;
        world.store.shuffle(seed);
        let renew = async {
            for _ in 0..3 {
                if session.renew().await.is_err() {
                    break;
                }
            }
        };
        let mut new = new;
        let sign_in = async {
            // Between a sign-in and the sign-out either may be first.
            new.sign_in(Lifetime::Temporary, Shop::user("alice"))
                .await
                .unwrap();
        };
        let end = async {
            for _ in 0..seed % 7 {
                tokio::task::yield_now().await;
            }
            world.sessions.remove_user("alice").await.unwrap();
        };
        tokio::join!(renew, end, sign_in);
        let id = session.id();
        assert_all_named(&world, &seed.to_string()).await;
        if let Some(id) = id {
            assert!(world.find(&id).await.is_none(), "{seed}");
        }
        let keys = world.store.keys().await;
        for left in sessions_in(&keys) {
            assert_eq!(Some(left.parse::<SessionId>().unwrap()), new.id(), "{seed}");
        }
    }
}

/// A sign-out everywhere strikes before each call of a sign-in.
#[tokio::test]
async fn a_sign_in_during_a_sign_out_everywhere_is_there_whole_or_gone() {
    for call in 0..8 {
        let world = World::new();
        let mut session = signed_in(&world, "alice").await;
        session.bag().set("cart", &1).await.unwrap();
        let sessions = world.sessions.clone();
        world.store.before_call(call, async move {
            sessions.remove_user("alice").await.unwrap();
        });
        let alice = Shop::user("alice");
        session.sign_in(Lifetime::Temporary, alice).await.unwrap();
        world.store.disarm();
        assert_all_named(&world, &call.to_string()).await;
        let keys = world.store.keys().await;
        match world.find(&session.id().unwrap()).await {
            Some(mut found) => {
                assert!(found.is_signed_in());
                // It bears no mark.
                found.renew().await.unwrap();
            }
            None => assert_eq!(sessions_in(&keys).count(), 0),
        }
    }
}

/// A listing and a sign-out everywhere meet the name of a session that is not stored yet.
#[tokio::test]
async fn the_name_of_a_sign_in_under_way_is_not_dropped() {
    for is_late in [false, true] {
        let world = World::new();
        let mut session = world.visitor().await;
        let (sessions, clock) = (world.sessions.clone(), world.clock.clone());
        // Read and write of the index; then the session.
        world.store.before_call(2, async move {
            if is_late {
                clock
                    .0
                    .fetch_add(3_600_000, std::sync::atomic::Ordering::SeqCst);
            }
            assert!(sessions.list_user("alice").await.unwrap().is_empty());
            assert_eq!(sessions.remove_user("alice").await.unwrap(), 0);
        });
        let alice = Shop::user("alice");
        session.sign_in(Lifetime::Temporary, alice).await.unwrap();
        assert_eq!(
            listed(&world, "alice").await,
            handles([&session]),
            "{is_late}"
        );
        session.renew().await.unwrap();
    }
}

#[tokio::test]
async fn an_index_that_does_not_decode_keeps_nobody_from_signing_in() {
    let world = World::new();
    for damaged in ["", "x", "{\"v\":1}", "\u{1}"] {
        let map = &world.store.map;
        map.write(ALICE, damaged.into(), Condition::Always, Expiry::Never)
            .await
            .unwrap();
        let session = signed_in(&world, "alice").await;
        assert_eq!(listed(&world, "alice").await, handles([&session]));
    }
    let newer = "{\"v\":2}".into();
    let map = &world.store.map;
    map.write(ALICE, newer, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    assert!(world.sessions.list_user("alice").await.is_err());
    let mut session = world.visitor().await;
    let refused = session.sign_in(Lifetime::Temporary, Shop::user("alice"));
    assert!(refused.await.is_err());
}

#[tokio::test]
async fn sessions_in_binary_are_known_by_their_user_too() {
    let world = World::with(|options| options.codec(Codec::Bincode));
    let mut session = signed_in(&world, "alice").await;
    session.bag().set("cart", &1).await.unwrap();
    session.renew().await.unwrap();
    assert_eq!(listed(&world, "alice").await, handles([&session]));
    assert_eq!(world.sessions.remove_user("alice").await.unwrap(), 1);
    assert!(world.store.keys().await.is_empty());
}

#[tokio::test]
async fn sessions_that_do_not_decode_are_ended_with_the_others() {
    for damaged in ["", "{}", "{\"v\":9}"] {
        let world = World::new();
        let session = signed_in(&world, "alice").await;
        let key = format!("urn:iauthsession:{}", session.id().unwrap().as_str());
        signed_in(&world, "alice").await;
        let map = &world.store.map;
        map.write(&key, damaged.into(), Condition::Always, Expiry::Keep)
            .await
            .unwrap();
        assert_eq!(listed(&world, "alice").await.len(), 1);
        assert_eq!(world.sessions.remove_user("alice").await.unwrap(), 2);
        assert!(world.store.keys().await.is_empty());
    }
}
