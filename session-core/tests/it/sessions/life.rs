use std::time::Duration;

use session_core::{
    CacheClientExtended, CurrentSession, Lifetime, SessionError, Sliding, TimeToLive,
};

use super::{DAY, HOUR, SECOND, World};

fn left(time: Option<TimeToLive>) -> Duration {
    match time {
        Some(TimeToLive::Remaining(left)) => left,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_session_lives_14_days_from_its_last_save() {
    let world = World::new();
    let id = world.stored().await;
    assert_eq!(
        left(world.find(&id).await.unwrap().time_to_live()),
        14 * DAY
    );
    world.pass(13 * DAY);
    let mut session = world.find(&id).await.unwrap();
    assert_eq!(left(session.time_to_live()), DAY);
    session.save().await.unwrap();
    assert_eq!(left(session.time_to_live()), 14 * DAY);
    world.pass(14 * DAY - Duration::from_millis(1));
    assert!(world.find(&id).await.is_some());
    world.pass(Duration::from_millis(1));
    assert!(world.find(&id).await.is_none());
    assert_eq!(session.time_to_live(), None);
}

#[tokio::test]
async fn a_permanent_session_lives_28_days_and_no_client_makes_a_temporary_one_permanent() {
    let world = World::new();
    let permanent = CurrentSession::with_lifetime(None, Lifetime::Permanent);
    let mut session = world.sessions.open(&permanent).await.unwrap();
    session.save().await.unwrap();
    assert!(session.is_permanent());
    assert_eq!(left(session.time_to_live()), 28 * DAY);

    let id = world.stored().await;
    let claims = CurrentSession::with_lifetime(Some(id.clone()), Lifetime::Permanent);
    let mut session = world.sessions.open(&claims).await.unwrap();
    assert!(!session.is_permanent());
    session.save().await.unwrap();
    assert_eq!(left(session.time_to_live()), 14 * DAY);
    assert!(!world.find(&id).await.unwrap().is_permanent());
}

#[tokio::test]
async fn a_change_of_the_bag_leaves_the_sessions_time_alone() {
    let world = World::new();
    let id = world.stored().await;
    world.pass(10 * DAY);
    world
        .request(&id)
        .await
        .bag()
        .set("cart", &1)
        .await
        .unwrap();
    assert_eq!(left(world.find(&id).await.unwrap().time_to_live()), 4 * DAY);
}

#[tokio::test]
async fn sliding_writes_only_below_the_threshold() {
    let world = World::with(|options| options.sliding(Sliding::EveryRequest).slide_below(DAY));
    let id = world.stored().await;
    world.pass(13 * DAY - SECOND);
    world.store.calls();
    world.request(&id).await;
    assert_eq!(world.store.calls(), ["read_with_time_to_live"]);
    world.pass(2 * SECOND);
    let session = world.request(&id).await;
    assert_eq!(
        world.store.calls(),
        ["read_with_time_to_live", "set_time_to_live"]
    );
    assert_eq!(left(session.time_to_live()), 14 * DAY);
    assert_eq!(
        left(world.find(&id).await.unwrap().time_to_live()),
        14 * DAY
    );
}

#[tokio::test]
async fn a_session_that_was_slid_too_far_is_set_right_when_it_is_used() {
    let world = World::with(|options| options.sliding(Sliding::EveryRequest));
    let id = world.stored().await;
    // As a request does that saw the session before a save that shortened its life.
    let keys = world.store.keys().await;
    let far = world
        .store
        .map
        .set_time_to_live(&keys[0], (30 * DAY).into());
    assert!(far.await.unwrap());
    let session = world.request(&id).await;
    assert_eq!(left(session.time_to_live()), 14 * DAY);
    world.store.calls();
    world.request(&id).await;
    assert_eq!(world.store.calls(), ["read_with_time_to_live"]);
}

#[tokio::test]
async fn by_default_sliding_waits_for_a_tenth_of_the_life_and_for_the_hand() {
    let world = World::new();
    let id = world.stored().await;
    let mut session = world.request(&id).await;
    assert!(!session.slide().await.unwrap());
    world.pass(DAY);
    assert!(!world.request(&id).await.slide().await.unwrap());
    world.pass(DAY);
    let mut session = world.request(&id).await;
    assert_eq!(left(session.time_to_live()), 12 * DAY);
    assert!(session.slide().await.unwrap());
    assert!(!session.slide().await.unwrap());
    assert_eq!(left(session.time_to_live()), 14 * DAY);
}

#[tokio::test]
async fn looking_at_a_session_from_outside_a_request_does_not_slide_it() {
    let world = World::with(|options| options.sliding(Sliding::EveryRequest));
    let id = world.stored().await;
    world.pass(10 * DAY);
    assert_eq!(left(world.find(&id).await.unwrap().time_to_live()), 4 * DAY);
    world.request(&id).await;
    assert_eq!(
        left(world.find(&id).await.unwrap().time_to_live()),
        14 * DAY
    );
}

#[tokio::test]
async fn a_session_that_goes_while_it_is_slid_is_not_there() {
    let world = World::with(|options| options.sliding(Sliding::EveryRequest));
    let id = world.stored().await;
    world.pass(10 * DAY);
    let (sessions, gone) = (world.sessions.clone(), id.clone());
    world.store.before_call(1, async move {
        sessions.remove(&gone).await.unwrap();
    });
    assert!(!world.request(&id).await.is_stored());

    let id = world.stored().await;
    world.pass(10 * DAY);
    let mut session = world.sessions.load(&id).await.unwrap();
    world.sessions.remove(&id).await.unwrap();
    assert!(matches!(session.slide().await, Err(SessionError::Removed)));
}

#[tokio::test]
async fn a_store_that_cannot_slide_still_serves() {
    let world = World::with(|options| options.sliding(Sliding::EveryRequest));
    let id = world.stored().await;
    world.pass(10 * DAY);
    world.store.fail(super::store::Fault {
        from: 1,
        until: usize::MAX,
        applied: false,
    });
    assert!(world.request(&id).await.is_stored());
}

#[tokio::test]
async fn nothing_extends_the_absolute_limit() {
    let world = World::with(|options| options.sliding(Sliding::EveryRequest));
    let id = world.stored().await;
    for day in 1..90 {
        world.pass(DAY);
        let mut session = world.request(&id).await;
        assert!(session.is_stored(), "{day}");
        match day % 3 {
            0 => session.save().await.unwrap(),
            1 => session.update(|shop| shop.visits += 1).await.unwrap(),
            _ => drop(session.slide().await.unwrap()),
        }
        assert!(left(session.time_to_live()) <= (90 - day) * DAY);
    }
    let mut session = world.request(&id).await;
    session.renew().await.unwrap();
    let renewed = session.id().unwrap();
    assert_eq!(left(session.time_to_live()), DAY);
    world.pass(DAY);
    assert!(world.find(&renewed).await.is_none());
    assert!(matches!(session.save().await, Err(SessionError::Removed)));
}

#[tokio::test]
async fn near_the_absolute_limit_sliding_does_not_write_at_every_request() {
    let world = World::with(|options| {
        options
            .sliding(Sliding::EveryRequest)
            .slide_below(100 * DAY)
    });
    let id = world.stored().await;
    for _ in 0..8 {
        world.pass(10 * DAY);
        world.request(&id).await;
    }
    world.store.calls();
    for _ in 0..10 {
        world.pass(HOUR);
        world.request(&id).await;
    }
    assert_eq!(world.store.calls(), ["read_with_time_to_live"; 10]);
}

#[tokio::test]
async fn a_shorter_absolute_limit_counts_for_stored_sessions_and_a_longer_one_does_not() {
    let world = World::new();
    let id = world.stored().await;
    world.pass(10 * DAY);
    let clock = world.clock.clone();
    let other = |limit| {
        let clock = clock.clone();
        let options = world.sessions.options().clone().absolute_limit(limit);
        world
            .sessions
            .clone()
            .with_options(options.clock(move || clock.now()))
    };
    assert!(other(9 * DAY).find(&id).await.unwrap().is_none());
    let mut session = other(1_000 * DAY).load(&id).await.unwrap();
    session.save().await.unwrap();
    for _ in 0..8 {
        world.pass(10 * DAY);
        if let Some(mut session) = other(1_000 * DAY).find(&id).await.unwrap() {
            session.save().await.unwrap();
        }
    }
    assert!(other(1_000 * DAY).find(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn an_idle_session_ends_and_a_used_one_lives_as_long_as_its_lifetime() {
    let idle = Duration::from_secs(1_800);
    let world = World::with(|options| options.idle_limit(idle).temporary_lifetime(HOUR));
    let id = world.stored().await;
    assert_eq!(left(world.find(&id).await.unwrap().time_to_live()), idle);
    for _ in 0..3 {
        world.pass(Duration::from_secs(900));
        assert!(world.request(&id).await.is_stored());
    }
    // The last use left what the lifetime had left.
    assert_eq!(
        left(world.find(&id).await.unwrap().time_to_live()),
        HOUR / 4
    );
    world.pass(HOUR / 4);
    assert!(world.find(&id).await.is_none());

    let id = world.stored().await;
    world.pass(idle);
    assert!(world.find(&id).await.is_none());
}

#[tokio::test]
async fn reading_the_bag_is_a_use_of_the_session() {
    let world = World::with(|options| options.idle_limit(HOUR));
    let id = world.stored().await;
    for _ in 0..4 {
        world.pass(HOUR / 2);
        let bag = world.sessions.bag(&CurrentSession::new(Some(id.clone())));
        assert_eq!(bag.get::<i32>("cart").await.unwrap(), None);
    }
    assert!(world.find(&id).await.is_some());
}

#[tokio::test]
async fn a_lifetime_without_end_is_cut_by_the_limit_only() {
    let world = World::with(|options| {
        options
            .temporary_lifetime(Duration::MAX)
            .absolute_limit(Duration::MAX)
    });
    let id = world.stored().await;
    world
        .request(&id)
        .await
        .bag()
        .set("cart", &1)
        .await
        .unwrap();
    let mut session = world.request(&id).await;
    assert_eq!(session.time_to_live(), Some(TimeToLive::Never));
    assert!(!session.slide().await.unwrap());
    assert_eq!(session.bag().get::<i32>("cart").await.unwrap(), Some(1));
}

#[tokio::test]
async fn the_times_of_a_session_are_told() {
    let world = World::new();
    let id = world.stored().await;
    let made = world.clock.now();
    world.pass(HOUR);
    let mut session = world.find(&id).await.unwrap();
    session.save().await.unwrap();
    assert_eq!(session.created(), Some(made));
    assert_eq!(session.modified(), Some(world.clock.now()));
    assert_eq!(world.visitor().await.created(), None);
}
