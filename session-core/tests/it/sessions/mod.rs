//! Sessions over a map whose every call is counted, can be made to fail and can be held up.

mod bag;
mod costs;
mod grace;
mod hashed;
mod hooks;
mod ids;
mod life;
mod listing;
mod records;
mod sign_in;
mod store;
mod users;
mod writes;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use session_core::{
    AuthUserSession, CurrentSession, Session, SessionData, SessionId, SessionOptions, Sessions,
};

use crate::map::MapCache;
use store::Watched;

/// A session type of an application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Shop {
    auth: AuthUserSession,
    visits: u32,
    note: String,
}

impl SessionData for Shop {
    fn auth(&self) -> Option<&AuthUserSession> {
        Some(&self.auth)
    }

    fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
        Some(&mut self.auth)
    }
}

impl Shop {
    fn user(name: &str) -> impl FnMut(&mut Shop) + Send + Clone {
        let name = name.to_owned();
        move |shop| shop.auth.user_id = Some(name.clone())
    }

    fn is_signed_in(&self) -> bool {
        self.auth.is_authenticated
    }
}

/// A store, its sessions and the clock of both.
struct World {
    store: Arc<Watched>,
    sessions: Sessions<Shop>,
    clock: Clock,
}

#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn now(&self) -> SystemTime {
        let since = START_MS + self.0.load(Ordering::SeqCst);
        UNIX_EPOCH + Duration::from_millis(since.unsigned_abs())
    }
}

impl World {
    fn new() -> Self {
        Self::with(|options| options)
    }

    fn with(options: impl FnOnce(SessionOptions) -> SessionOptions) -> Self {
        let store = Arc::new(Watched::over(MapCache::default()));
        let clock = Clock::default();
        let reading = clock.clone();
        let defaults = SessionOptions::default().clock(move || reading.now());
        let sessions = Sessions::new(store.clone()).with_options(options(defaults));
        Self {
            store,
            sessions,
            clock,
        }
    }

    fn pass(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap();
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
        self.store.map.pass(ms);
    }

    /// A request that comes with this id.
    async fn request(&self, id: &SessionId) -> Session<Shop> {
        let current = CurrentSession::new(Some(id.clone()));
        self.sessions.open(&current).await.unwrap()
    }

    /// A request that comes without an id.
    async fn visitor(&self) -> Session<Shop> {
        self.sessions
            .open(&CurrentSession::new(None))
            .await
            .unwrap()
    }

    /// A stored session, and its id.
    async fn stored(&self) -> SessionId {
        self.sessions
            .get_or_create(None)
            .await
            .unwrap()
            .id()
            .unwrap()
    }

    async fn find(&self, id: &SessionId) -> Option<Session<Shop>> {
        self.sessions.find(id).await.unwrap()
    }
}

const START_MS: i64 = 1_700_000_000_000;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
