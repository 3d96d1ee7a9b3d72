//! Sessions on top of the store.

use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use session_core::{
    AuthUserSession, BAG_KEY_PREFIX, CurrentSession, IdKey, Lifetime, SESSION_KEY_PREFIX, Session,
    SessionData, SessionError, SessionId, SessionOptions, SessionResult, Sessions,
};

use super::prelude::*;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Visitor {
    pub(crate) auth: AuthUserSession,
    pub(crate) visits: u32,
    pages: Vec<String>,
}

impl SessionData for Visitor {
    fn auth(&self) -> Option<&AuthUserSession> {
        Some(&self.auth)
    }

    fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
        Some(&mut self.auth)
    }
}

pub(crate) async fn a_visitor_who_stores_nothing_leaves_nothing(store: Store) {
    let sessions = sessions(&store);
    let session = done(sessions.open(&CurrentSession::new(None)).await);
    assert!(
        !session.is_stored(),
        "a session that nobody saved is stored"
    );
    assert_eq!(done(session.bag().get::<u32>("key").await), None);
    let unknown = SessionId::from_bytes([7; 24]);
    done(sessions.open(&CurrentSession::new(Some(unknown))).await);
    lists(listed(&*store, "").await, &[]);
}

pub(crate) async fn a_session_is_stored_under_its_key_with_its_lifetime(store: Store) {
    let (_, session) = stored(&store).await;
    let key = key_of(&session);
    lists(listed(&*store, "").await, &[&key]);
    lives_about(store.get_time_to_live(&key).await, HOUR);
}

pub(crate) async fn a_saved_session_is_loaded_as_it_was_saved(store: Store) {
    let (sessions, mut session) = stored(&store).await;
    session.visits = 3;
    session.pages.push("ключ 🔑 \0 \"'\\".to_owned());
    done(session.save().await);
    let loaded = done(sessions.load(&id_of(&session)).await);
    assert_eq!(loaded.data(), session.data());
    assert!(loaded.is_stored());
}

pub(crate) async fn an_unknown_id_is_never_adopted(store: Store) {
    let sessions = sessions(&store);
    let chosen = SessionId::from_bytes([7; 24]);
    let mut session = done(
        sessions
            .open(&CurrentSession::new(Some(chosen.clone())))
            .await,
    );
    done(session.save().await);
    assert_ne!(id_of(&session), chosen, "the id that the client chose");
    misses(
        store
            .read(&format!("{SESSION_KEY_PREFIX}{}", chosen.as_str()))
            .await,
    );
}

pub(crate) async fn a_stale_save_is_a_conflict_and_changes_nothing(store: Store) {
    let (sessions, session) = stored(&store).await;
    let id = id_of(&session);
    let mut first = done(sessions.load(&id).await);
    let mut second = done(sessions.load(&id).await);
    first.visits = 1;
    done(first.save().await);
    second.visits = 2;
    match second.save().await {
        Err(SessionError::Conflict) => {}
        seen => panic!("expected a conflict, saw {seen:?}"),
    }
    assert_eq!(done(sessions.load(&id).await).visits, 1);
}

pub(crate) async fn no_parallel_update_of_a_session_is_lost(store: Store) {
    let (sessions, session) = stored(&store).await;
    let id = id_of(&session);
    let tasks = (0..8).map(|_| {
        let (sessions, id) = (sessions.clone(), id.clone());
        tokio::spawn(async move {
            for _ in 0..5 {
                done(sessions.update(&id, |visitor| visitor.visits += 1).await);
            }
        })
    });
    for task in join_all(tasks).await {
        task.expect("a task that updates");
    }
    assert_eq!(done(sessions.load(&id).await).visits, 40);
}

pub(crate) async fn an_update_of_a_session_starts_its_lifetime_anew(store: Store) {
    let (_, mut session) = stored(&store).await;
    let key = key_of(&session);
    happens(store.set_time_to_live(&key, (HOUR / 10).into()).await);
    done(session.update(|visitor| visitor.visits += 1).await);
    lives_about(store.get_time_to_live(&key).await, HOUR);
}

pub(crate) async fn a_session_that_was_removed_stays_removed(store: Store) {
    let (sessions, session) = stored(&store).await;
    let id = id_of(&session);
    let mut slow = done(sessions.load(&id).await);
    let mut slower = done(sessions.load(&id).await);
    assert!(
        done(sessions.remove(&id).await),
        "the removal of a stored session"
    );
    slow.visits = 9;
    for answer in [
        slow.save().await,
        slower.update(|visitor| visitor.visits += 1).await,
        sessions.update(&id, |visitor| visitor.visits += 1).await,
        slower.bag().set("key", "value").await,
    ] {
        match answer {
            Err(SessionError::Removed) => {}
            seen => panic!("expected that the session is gone, saw {seen:?}"),
        }
    }
    assert!(
        !done(sessions.remove(&id).await),
        "the removal of a removed session"
    );
    lists(listed(&*store, "").await, &[]);
}

pub(crate) async fn an_expired_session_is_gone(store: Store) {
    let (sessions, session) = stored(&store).await;
    let id = id_of(&session);
    happens(
        store
            .set_time_to_live(&key_of(&session), store.brief().into())
            .await,
    );
    store.outlive().await;
    assert!(
        done(sessions.find(&id).await).is_none(),
        "an expired session was found"
    );
    assert!(
        !done(sessions.remove(&id).await),
        "an expired session was removed"
    );
}

pub(crate) async fn sliding_moves_the_deadline_below_the_threshold_only(store: Store) {
    let (sessions, mut session) = stored(&store).await;
    let (id, key) = (id_of(&session), key_of(&session));
    let value = ok(store.read(&key).await).expect("a stored session");
    assert!(!done(session.slide().await), "a fresh session was slid");
    happens(store.set_time_to_live(&key, (HOUR / 10).into()).await);
    let mut session = done(sessions.load(&id).await);
    assert!(
        done(session.slide().await),
        "a session with little time left was not slid"
    );
    lives_about(store.get_time_to_live(&key).await, HOUR);
    holds(store.read(&key).await, value);
}

pub(crate) async fn sliding_does_not_restore_a_removed_session(store: Store) {
    let (sessions, session) = stored(&store).await;
    let (id, key) = (id_of(&session), key_of(&session));
    happens(store.set_time_to_live(&key, (HOUR / 10).into()).await);
    let mut slow = done(sessions.load(&id).await);
    assert!(done(sessions.remove(&id).await));
    match slow.slide().await {
        Err(SessionError::Removed) => {}
        seen => panic!("expected that the session is gone, saw {seen:?}"),
    }
    misses(store.read(&key).await);
}

pub(crate) async fn sign_in_gives_a_new_id_and_ends_the_old_one(store: Store) {
    let (sessions, mut session) = stored(&store).await;
    let (old, old_key) = (id_of(&session), key_of(&session));
    done(session.update(|visitor| visitor.visits = 5).await);
    done(sign_in(&mut session, "alice").await);
    assert_ne!(id_of(&session), old, "the id after the sign-in");
    misses(store.read(&old_key).await);
    assert!(
        done(sessions.find(&old).await).is_none(),
        "the old id still opens a session"
    );
    let loaded = done(sessions.load(&id_of(&session)).await);
    assert_eq!(loaded.visits, 5, "data of the anonymous session");
    assert!(loaded.auth.is_authenticated);
    lists(
        listed(&*store, SESSION_KEY_PREFIX).await,
        &[&key_of(&session)],
    );
}

pub(crate) async fn a_permanent_session_lives_longer(store: Store) {
    let (_, mut session) = stored(&store).await;
    let user = |visitor: &mut Visitor| visitor.auth.user_id = Some("alice".to_owned());
    done(session.sign_in(Lifetime::Permanent, user).await);
    assert!(session.is_permanent());
    lives_about(store.get_time_to_live(&key_of(&session)).await, HOUR * 5);
}

pub(crate) async fn the_bag_keeps_an_entry_for_each_key(store: Store) {
    let (_, session) = stored(&store).await;
    let bag = session.bag();
    done(bag.set("cart", &["book", "pen"]).await);
    done(bag.set("odd %_*[\\ ключ", &7_u32).await);
    assert_eq!(
        done(bag.get::<Vec<String>>("cart").await).expect("a cart"),
        ["book", "pen"]
    );
    assert_eq!(done(bag.keys().await), ["cart", "odd %_*[\\ ключ"]);
    let below = format!("{BAG_KEY_PREFIX}{}:", id_of(&session).as_str());
    assert_eq!(
        ok(listed(&*store, &below).await).len(),
        2,
        "entries of the bag"
    );
    assert!(done(bag.remove("cart").await), "the removal of a value");
    assert!(!done(bag.remove("cart").await), "the removal of no value");
    assert_eq!(done(bag.get::<Vec<String>>("cart").await), None);
    assert_eq!(done(bag.remove_all().await), 1);
    lists(listed(&*store, &below).await, &[]);
}

pub(crate) async fn two_requests_set_different_keys_of_one_bag(store: Store) {
    let (sessions, session) = stored(&store).await;
    let id = id_of(&session);
    let tasks = (0..8_u32).map(|n| {
        let (sessions, id) = (sessions.clone(), id.clone());
        tokio::spawn(async move {
            let session = done(sessions.load(&id).await);
            done(session.bag().set(&format!("key:{n}"), &n).await);
        })
    });
    for task in join_all(tasks).await {
        task.expect("a task that sets");
    }
    let bag = done(sessions.load(&id).await).bag();
    assert_eq!(done(bag.keys().await).len(), 8, "keys of the bag");
    for n in 0..8_u32 {
        assert_eq!(done(bag.get(&format!("key:{n}")).await), Some(n));
    }
}

pub(crate) async fn the_bag_follows_its_session_to_a_new_id(store: Store) {
    let (_, mut session) = stored(&store).await;
    let old = id_of(&session);
    for n in 0..20_u32 {
        done(session.bag().set(&format!("key:{n}"), &n).await);
    }
    done(sign_in(&mut session, "alice").await);
    for n in 0..20_u32 {
        assert_eq!(done(session.bag().get(&format!("key:{n}")).await), Some(n));
    }
    let below = format!("{BAG_KEY_PREFIX}{}:", old.as_str());
    lists(listed(&*store, &below).await, &[]);
}

pub(crate) async fn the_bag_goes_with_its_session(store: Store) {
    let (_, mut session) = stored(&store).await;
    for n in 0..20_u32 {
        done(session.bag().set(&format!("key:{n}"), &n).await);
    }
    assert!(done(session.remove().await));
    lists(listed(&*store, "").await, &[]);
}

pub(crate) async fn another_user_does_not_get_the_bag(store: Store) {
    let (_, mut session) = stored(&store).await;
    done(sign_in(&mut session, "alice").await);
    done(session.bag().set("cart", "of alice").await);
    done(session.update(|visitor| visitor.visits = 5).await);
    done(sign_in(&mut session, "bob").await);
    assert_eq!(done(session.bag().get::<String>("cart").await), None);
    assert_eq!(session.visits, 0, "data of another user");
    lists(listed(&*store, BAG_KEY_PREFIX).await, &[]);
    lists(
        listed(&*store, SESSION_KEY_PREFIX).await,
        &[&key_of(&session)],
    );
}

pub(crate) async fn the_sessions_of_one_id_do_not_touch_those_of_another(store: Store) {
    let (sessions, mut one) = stored(&store).await;
    let mut two = done(sessions.get_or_create(None).await);
    done(one.bag().set("key", "one").await);
    done(two.bag().set("key", "two").await);
    done(one.remove().await);
    assert_eq!(
        done(two.bag().get::<String>("key").await).as_deref(),
        Some("two")
    );
    done(two.update(|visitor| visitor.visits += 1).await);
}

pub(crate) async fn all_sessions_are_listed_and_can_be_removed_by_handle(store: Store) {
    let sessions = sessions(&store);
    for visits in 0..30 {
        let mut session = done(sessions.get_or_create(None).await);
        done(session.update(|visitor| visitor.visits = visits).await);
        done(session.bag().set("key", &visits).await);
    }
    store.put("urn:other", "no session").await;
    let mut all: Vec<_> = done(sessions.list().try_collect().await);
    all.sort_by_key(|session| session.data.visits);
    let visits: Vec<u32> = all.iter().map(|session| session.data.visits).collect();
    assert_eq!(visits, (0..30).collect::<Vec<_>>(), "sessions listed");
    for session in &all {
        lives_about(Ok(Some(session.time_to_live)), HOUR);
    }
    assert!(
        done(sessions.remove_by_handle(&all[4].handle).await),
        "a removal by handle"
    );
    assert!(
        !done(sessions.remove_by_handle(&all[4].handle).await),
        "another of the same"
    );
    assert_eq!(
        sessions.list().count().await,
        29,
        "sessions listed after the removal"
    );
}

pub(crate) async fn a_user_is_signed_out_everywhere_and_nobody_else(store: Store) {
    let sessions = sessions(&store);
    let sign_ins = (0..8).map(|n| {
        let sessions = sessions.clone();
        tokio::spawn(async move {
            let mut session = done(sessions.get_or_create(None).await);
            done(session.bag().set("key", &n).await);
            done(sign_in(&mut session, if n < 6 { "alice" } else { "bob" }).await);
            session
        })
    });
    let mut all: Vec<_> = join_all(sign_ins).await;
    let mut first = all.swap_remove(0).expect("a task that signs in");
    let listed = done(sessions.list_user("alice").await);
    assert_eq!(listed.len(), 6, "sessions of a user");
    let current = first.current().clone();
    assert_eq!(
        done(sessions.remove_user_except("alice", &current).await),
        5
    );
    done(first.update(|visitor| visitor.visits += 1).await);
    assert_eq!(done(sessions.remove_user("alice").await), 1);
    match first.save().await {
        Err(SessionError::Removed) => {}
        seen => panic!("expected that the session is gone, saw {seen:?}"),
    }
    assert_eq!(done(sessions.list_user("alice").await).len(), 0);
    assert_eq!(done(sessions.list_user("bob").await).len(), 2);
    assert_eq!(done(sessions.remove_user("bob").await), 2);
    lists(self::listed(&*store, "").await, &[]);
}

pub(crate) async fn hashed_ids_are_nowhere_in_the_store(store: Store) {
    let key = IdKey::new([7; 32]).expect("a key that is long enough");
    let sessions = Sessions::<Visitor>::new(store.cache()).with_options(options().id_key(key));
    let mut session = done(sessions.get_or_create(None).await);
    done(session.bag().set("key", "value").await);
    done(sign_in(&mut session, "alice").await);
    let id = id_of(&session);
    for key in ok(listed(&*store, "").await) {
        let value = ok(store.read(&key).await).expect("an entry that was listed");
        let text = String::from_utf8_lossy(&value).into_owned() + &key;
        assert!(!text.contains(id.as_str()), "an id in the store");
    }
    assert!(done(sessions.load(&id).await).auth.is_authenticated);
    assert!(done(sessions.remove(&id).await));
    lists(listed(&*store, "").await, &[]);
}

pub(crate) async fn an_old_id_reads_the_session_for_its_grace_time(store: Store) {
    let options = options().renewal_grace(HOUR);
    let sessions = Sessions::<Visitor>::new(store.cache()).with_options(options);
    let mut session = done(sessions.get_or_create(None).await);
    done(session.bag().set("key", "value").await);
    let old = id_of(&session);
    done(session.renew().await);
    let mut tab = done(sessions.load(&old).await);
    done(tab.update(|visitor| visitor.visits = 5).await);
    assert_eq!(
        done(tab.bag().get::<String>("key").await).as_deref(),
        Some("value")
    );
    assert_eq!(done(sessions.load(&id_of(&session)).await).visits, 5);
    let old_key = format!("{SESSION_KEY_PREFIX}{}", old.as_str());
    lives_about(store.get_time_to_live(&old_key).await, HOUR);
    assert!(done(session.remove().await));
    assert!(
        done(sessions.find(&old).await).is_none(),
        "an old id revived a session"
    );
}

pub(crate) async fn three_clients_do_what_the_model_says(store: Store) {
    crate::session_model::prove(&store).await;
}

fn sessions(store: &Store) -> Sessions<Visitor> {
    Sessions::new(store.cache()).with_options(options())
}

fn options() -> SessionOptions {
    SessionOptions::default()
        .temporary_lifetime(HOUR)
        .permanent_lifetime(HOUR * 5)
}

async fn stored(store: &Store) -> (Sessions<Visitor>, Session<Visitor>) {
    let sessions = sessions(store);
    let session = done(sessions.get_or_create(None).await);
    (sessions, session)
}

async fn sign_in(session: &mut Session<Visitor>, user: &str) -> SessionResult<()> {
    let user = |visitor: &mut Visitor| visitor.auth.user_id = Some(user.to_owned());
    session.sign_in(Lifetime::Temporary, user).await
}

#[track_caller]
fn done<T>(result: SessionResult<T>) -> T {
    match result {
        Ok(answer) => answer,
        Err(error) => panic!("expected an answer, saw the error {error:?}"),
    }
}

#[track_caller]
fn id_of(session: &Session<Visitor>) -> SessionId {
    session.id().expect("a stored session")
}

#[track_caller]
fn key_of(session: &Session<Visitor>) -> String {
    format!("{SESSION_KEY_PREFIX}{}", id_of(session).as_str())
}
