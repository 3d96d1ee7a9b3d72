use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use session_core::{
    AuthUserSession, CurrentSession, EventContext, Lifetime, Rejection, Saving, SessionData,
    SessionError, SessionEvents, SessionId, SessionOptions, Sessions, TimeToLive, async_trait,
};

use super::store::Watched;
use super::{HOUR, MapCache};

/// A session type with hooks of its own; `refuse` names the one that refuses.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Own {
    auth: AuthUserSession,
    refuse: String,
    #[serde(skip)]
    told: Vec<&'static str>,
}

impl Own {
    fn answer(&self, hook: &str) -> Result<(), Rejection> {
        match self.refuse == hook {
            true => Err(Rejection::new(format!("{hook} says no"))),
            false => Ok(()),
        }
    }
}

impl SessionData for Own {
    fn auth(&self) -> Option<&AuthUserSession> {
        Some(&self.auth)
    }

    fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
        Some(&mut self.auth)
    }

    async fn on_created(&mut self, context: &EventContext) {
        assert!(context.handle().is_none());
        self.told.push("created");
    }

    async fn on_load(&mut self, context: &EventContext) -> Result<(), Rejection> {
        let is_stored = self.auth.provider.as_deref() != Some("token");
        assert_eq!(context.handle().is_some(), is_stored);
        self.told.push("load");
        self.answer("load")
    }

    async fn on_save(&self, _: &mut Saving) -> Result<(), Rejection> {
        self.answer("save")
    }

    async fn on_registered(&mut self, _: &EventContext) {
        self.told.push("registered");
    }

    async fn validate(&self, _: &EventContext) -> Result<(), Rejection> {
        assert!(self.auth.is_authenticated && self.auth.authenticated_ms.is_some());
        self.answer("validate")
    }

    async fn on_authenticated(&mut self, _: &EventContext) {
        self.told.push("authenticated");
    }
}

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl SessionEvents<Own> for Log {
    async fn on_created(&self, session: &mut Own, _: &EventContext) {
        // The type's own hook came first.
        assert_eq!(session.told, ["created"]);
        self.add("created");
    }

    async fn on_load(&self, _: &mut Own, _: &EventContext) -> Result<(), Rejection> {
        self.add("load");
        Ok(())
    }

    async fn on_save(&self, _: &Own, saving: &mut Saving) -> Result<(), Rejection> {
        self.add("save");
        if saving.context().lifetime() == Lifetime::Temporary {
            saving.set_expires_in(HOUR);
        }
        Ok(())
    }

    async fn on_registered(&self, _: &mut Own, _: &EventContext) {
        self.add("registered");
    }

    async fn validate(&self, _: &Own, _: &EventContext) -> Result<(), Rejection> {
        self.add("validate");
        Ok(())
    }

    async fn on_authenticated(&self, session: &mut Own, _: &EventContext) {
        session.auth.roles.insert("filled".to_owned());
        self.add("authenticated");
    }

    async fn on_logout(&self, session: &Own, context: &EventContext) {
        assert!(context.handle().is_some());
        let user = session.auth.user_id.as_deref().unwrap_or("nobody");
        self.add(&format!("logout {user}"));
    }
}

fn sessions() -> (Sessions<Own>, Log, Arc<Watched>) {
    let store = Arc::new(Watched::over(MapCache::default()));
    let log = Log::default();
    let sessions = Sessions::new(store.clone()).with_events(log.clone());
    (sessions, log, store)
}

fn alice(own: &mut Own) {
    own.auth.user_id = Some("alice".to_owned());
}

#[tokio::test]
async fn hooks_are_called_at_each_step_of_a_sessions_life() {
    let (sessions, log, _) = sessions();
    let mut session = sessions.open(&CurrentSession::new(None)).await.unwrap();
    assert_eq!(log.take(), ["created"]);
    session.save().await.unwrap();
    assert_eq!(log.take(), ["save"]);
    session.registered().await;
    assert_eq!(log.take(), ["registered"]);
    session.sign_in(Lifetime::Temporary, alice).await.unwrap();
    assert_eq!(log.take(), ["load", "validate", "authenticated", "save"]);
    assert!(session.auth.has_role("filled"));
    assert_eq!(session.told, ["load", "authenticated"]);
    session.update(|own| own.refuse.clear()).await.unwrap();
    assert_eq!(log.take(), ["load", "save"]);

    let mut session = sessions.load(&session.id().unwrap()).await.unwrap();
    assert!(session.auth.has_role("filled"));
    assert_eq!(log.take(), ["load"]);
    session.remove().await.unwrap();
    assert_eq!(log.take(), ["logout alice"]);
}

#[tokio::test]
async fn a_sign_out_by_an_old_id_is_told_once() {
    let store = Arc::new(Watched::over(MapCache::default()));
    let log = Log::default();
    let options = SessionOptions::default().renewal_grace(HOUR);
    let sessions = Sessions::<Own>::new(store).with_options(options);
    let sessions = sessions.with_events(log.clone());
    let mut session = sessions.get_or_create(None).await.unwrap();
    session.sign_in(Lifetime::Temporary, alice).await.unwrap();
    let old = session.id().unwrap();
    session.renew().await.unwrap();
    log.take();
    assert!(sessions.remove(&old).await.unwrap());
    assert_eq!(log.take(), ["logout alice"]);
}

#[tokio::test]
async fn an_update_goes_by_what_was_loaded_unless_somebody_touched_it() {
    let (sessions, log, _) = sessions();
    let id = sessions.get_or_create(None).await.unwrap().id().unwrap();
    let mut session = sessions.load(&id).await.unwrap();
    log.take();
    let user = session.update(|own| {
        assert_eq!(own.told, ["load"]);
        own.auth.user_name = Some("alice".to_owned());
    });
    user.await.unwrap();
    assert_eq!(log.take(), ["save"]);

    let mut session = sessions.load(&id).await.unwrap();
    log.take();
    session.auth.user_name = None;
    let name = session.update(|own| own.auth.user_name.clone()).await;
    assert_eq!(name.unwrap().as_deref(), Some("alice"));
    assert_eq!(log.take(), ["load", "save"]);

    // What another request stored meanwhile is read, however it was loaded here.
    let mut session = sessions.load(&id).await.unwrap();
    let bob = |own: &mut Own| own.auth.user_name = Some("bob".to_owned());
    sessions.update(&id, bob).await.unwrap();
    let name = session.update(|own| own.auth.user_name.clone()).await;
    assert_eq!(name.unwrap().as_deref(), Some("bob"));
}

#[tokio::test]
async fn all_events_are_called() {
    let (sessions, first, _) = sessions();
    let second = Log::default();
    let sessions = sessions.with_events(second.clone());
    sessions.get_or_create(None).await.unwrap();
    assert_eq!(first.take(), ["created", "save"]);
    assert_eq!(second.take(), ["created", "save"]);
}

#[tokio::test]
async fn on_save_sets_how_long_a_session_lives_and_sliding_goes_by_it() {
    let (sessions, ..) = sessions();
    let mut session = sessions.get_or_create(None).await.unwrap();
    let at_most = |session: &session_core::Session<Own>| match session.time_to_live() {
        Some(TimeToLive::Remaining(left)) => left <= HOUR,
        _ => false,
    };
    assert!(at_most(&session));
    assert!(!session.slide().await.unwrap());
    session.sign_in(Lifetime::Permanent, alice).await.unwrap();
    assert!(!at_most(&session));
}

#[tokio::test]
async fn a_refusal_stores_nothing() {
    for hook in ["save", "validate"] {
        let (sessions, _, store) = sessions();
        let mut session = sessions.open(&CurrentSession::new(None)).await.unwrap();
        session.refuse = hook.to_owned();
        let result = match hook {
            "save" => session.save().await,
            _ => session.sign_in(Lifetime::Temporary, alice).await,
        };
        let Err(SessionError::Rejected { reason }) = result else {
            panic!("{result:?}");
        };
        assert_eq!(reason, format!("{hook} says no"));
        assert!(!session.auth.is_authenticated && session.auth.user_id.is_none());
        assert!(store.keys().await.is_empty());
    }
}

#[tokio::test]
async fn a_refused_sign_in_leaves_the_session_as_it_was() {
    let (sessions, ..) = sessions();
    let mut session = sessions.get_or_create(None).await.unwrap();
    session
        .update(|own| own.refuse = "validate".to_owned())
        .await
        .unwrap();
    let id = session.id().unwrap();
    assert!(session.sign_in(Lifetime::Temporary, alice).await.is_err());
    assert_eq!(session.id(), Some(id.clone()));
    assert!(!sessions.load(&id).await.unwrap().auth.is_authenticated);
}

#[tokio::test]
async fn a_session_refused_on_load_is_an_error_and_can_be_ended() {
    let (sessions, log, _) = sessions();
    let mut session = sessions.get_or_create(None).await.unwrap();
    session
        .update(|own| own.refuse = "load".to_owned())
        .await
        .unwrap();
    let id = session.id().unwrap();
    let rejected = sessions.load(&id).await;
    assert!(matches!(rejected, Err(SessionError::Rejected { .. })));
    let rejected = sessions.update(&id, |_| ()).await;
    assert!(matches!(rejected, Err(SessionError::Rejected { .. })));
    log.take();
    assert!(sessions.remove(&id).await.unwrap());
    assert_eq!(log.take(), ["logout nobody"]);
}

#[tokio::test]
async fn a_session_of_one_request_is_loaded_as_a_stored_one_and_never_saved() {
    let (sessions, log, store) = sessions();
    let mut of_token = Own::default();
    of_token.auth.provider = Some("token".to_owned());
    of_token.refuse = "save".to_owned();
    let made = sessions.request_only(of_token.clone()).unwrap();
    assert!(log.take().is_empty());
    let mut session = sessions.open(made.current()).await.unwrap();
    // What the hook fills is there although it is not stored.
    assert_eq!(session.told, ["load"]);
    assert_eq!(log.take(), ["load"]);
    session.save().await.unwrap();
    session.update(|own| own.refuse.clear()).await.unwrap();
    assert!(log.take().is_empty());
    assert!(store.calls().is_empty());

    of_token.refuse = "load".to_owned();
    let made = sessions.request_only(of_token).unwrap();
    let rejected = sessions.open(made.current()).await;
    assert!(matches!(rejected, Err(SessionError::Rejected { .. })));
}

#[tokio::test]
async fn a_type_without_a_user_is_a_session_too() {
    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Plain {
        count: u32,
    }
    impl SessionData for Plain {}

    let sessions = Sessions::<Plain>::new(Arc::new(MapCache::default()));
    let mut session = sessions.get_or_create(None).await.unwrap();
    session.count = 1;
    session.save().await.unwrap();
    session.sign_in(Lifetime::Temporary, |_| ()).await.unwrap();
    assert_eq!(
        sessions.load(&session.id().unwrap()).await.unwrap().count,
        1
    );
    assert!(
        sessions
            .find(&SessionId::from_bytes([1; 24]))
            .await
            .unwrap()
            .is_none()
    );
}

#[test]
fn public_types_can_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<Sessions<Own>>();
    check::<session_core::Session<Own>>();
    check::<session_core::SessionBag>();
    check::<CurrentSession>();
    check::<SessionError>();
}
