//! A small application to send requests to.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::{get, post};
use cache_memory::MemoryCache;
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, HeaderMap, SET_COOKIE};
use serde::{Deserialize, Serialize};
use session_core::{
    AuthUserSession, BoxError, CacheClientExtended, EventContext, Rejection, SessionData, Sessions,
};
use session_web::{
    AuthRoutes, Credentials, Problem, Session, SessionBag, SessionIds, SessionLayer, StoredUser,
    UserStore, WebOptions, WhenReadingFails,
};
use tokio::sync::Semaphore;

use crate::stores::Store;

/// What the application keeps.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Shop {
    pub(crate) auth: AuthUserSession,
    pub(crate) visits: u64,
}

impl SessionData for Shop {
    fn auth(&self) -> Option<&AuthUserSession> {
        Some(&self.auth)
    }

    fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
        Some(&mut self.auth)
    }

    async fn on_load(&mut self, _: &EventContext) -> Result<(), Rejection> {
        match self.auth.user_name.as_deref() {
            Some("suspended") => Err(Rejection::new("This account is suspended.")),
            _ => Ok(()),
        }
    }

    async fn validate(&self, _: &EventContext) -> Result<(), Rejection> {
        match self.auth.user_name.as_deref() {
            Some("barred") => Err(Rejection::new("This account is closed.")),
            _ => Ok(()),
        }
    }
}

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse";

/// Known by `alice`, `bob`, `barred` and `suspended`.
struct Users(String);

#[session_core::async_trait]
impl UserStore for Users {
    async fn find(&self, user_name: &str) -> Result<Option<StoredUser>, BoxError> {
        if user_name == "unreachable" {
            return Err("the users are out of reach".into());
        }
        let known = ["alice", "bob", "barred", "suspended"].contains(&user_name);
        Ok(known.then(|| StoredUser {
            user: AuthUserSession {
                user_id: Some(format!("id of {user_name}")),
                user_name: Some(user_name.to_owned()),
                ..AuthUserSession::default()
            },
            password_hash: self.0.clone(),
        }))
    }
}

/// Holds what passes: requests to `/slow-visit` and `/slow-bag`, between reading and writing.
#[derive(Clone)]
pub(crate) struct Gate {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            reached: Arc::new(Semaphore::new(0)),
            open: Arc::new(Semaphore::new(0)),
        }
    }

    /// Waits until one is held.
    pub(crate) async fn is_reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// Lets one go on.
    pub(crate) fn let_through(&self) {
        self.open.add_permits(1);
    }

    /// Where it is held.
    pub(crate) async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }
}

/// The application, its store, and how to hold its slow requests.
pub(crate) struct Application {
    pub(crate) router: Router,
    pub(crate) cache: Arc<dyn CacheClientExtended>,
    pub(crate) sessions: Sessions<Shop>,
    pub(crate) gate: Gate,
}

impl Application {
    pub(crate) fn new() -> Self {
        Self::with(WebOptions::new())
    }

    pub(crate) fn with(options: WebOptions) -> Self {
        Self::over(Arc::new(MemoryCache::new()), options)
    }

    /// The application of another process on this store.
    pub(crate) async fn on(store: &dyn Store) -> Self {
        Self::over(store.open().await, WebOptions::new())
    }

    pub(crate) fn over(cache: Arc<dyn CacheClientExtended>, options: WebOptions) -> Self {
        Self::of(Sessions::new(cache), options)
    }

    pub(crate) fn of(sessions: Sessions<Shop>, options: WebOptions) -> Self {
        let gate = Gate::new();
        let layer = SessionLayer::with_options(sessions.clone(), options).unwrap();
        let router = routes()
            .layer(Extension(gate.clone()))
            // Twice, as happens when a part of an application brings its own.
            .layer(layer.clone())
            .layer(layer);
        Self {
            router,
            cache: sessions.cache().clone(),
            sessions,
            gate,
        }
    }

    /// How many entries the store has.
    pub(crate) async fn stored(&self) -> usize {
        self.cache.keys_starting_with("").count().await
    }
}

fn routes() -> Router {
    let users = Users(session_web::hash_password(PASSWORD).unwrap());
    let auth = AuthRoutes::<Shop>::new().provider(Credentials::new(users).unwrap());
    let anonymous = get(look).route_layer(Extension(WhenReadingFails::Anonymous));
    let save_anonymous = post(save).route_layer(Extension(WhenReadingFails::Anonymous));
    Router::new()
        .route("/plain", get(async || "plain").post(async || "plain"))
        .route("/look", get(look))
        .route("/look-anonymously", anonymous)
        .route("/save-anonymously", save_anonymous)
        .route("/look-twice", get(look_twice))
        .route("/visit", post(visit))
        .route("/save", post(save))
        .route("/slow-visit", post(slow_visit))
        .route("/slow-bag", post(slow_bag))
        .route("/renew", post(renew))
        .route("/bag/{key}", get(bag_get).post(bag_set))
        .route("/ids", get(ids))
        .route("/own-cookies", get(own_cookies))
        .route(
            "/headers",
            get(async |headers: HeaderMap| format!("{headers:?}")),
        )
        .merge(auth.router().unwrap())
}

async fn look(session: Session<Shop>) -> String {
    format!(
        "{} {}",
        session.auth.user_name.as_deref().unwrap_or("nobody"),
        session.visits
    )
}

async fn look_twice(one: Session<Shop>, other: Session<Shop>) -> String {
    format!("{} {}", one.visits, other.visits)
}

async fn visit(mut session: Session<Shop>) -> Result<String, Problem> {
    let visits = session.update(|shop| {
        shop.visits += 1;
        shop.visits
    });
    Ok(visits.await?.to_string())
}

async fn save(mut session: Session<Shop>) -> Result<String, Problem> {
    session.visits += 1;
    session.save().await?;
    Ok(session.visits.to_string())
}

async fn slow_visit(
    Extension(gate): Extension<Gate>,
    session: Session<Shop>,
) -> Result<String, Problem> {
    gate.pass().await;
    visit(session).await
}

async fn slow_bag(
    Extension(gate): Extension<Gate>,
    _session: Session<Shop>,
    bag: SessionBag,
) -> Result<(), Problem> {
    gate.pass().await;
    Ok(bag.set("cart", "a book").await?)
}

async fn renew(mut session: Session<Shop>) -> Result<(), Problem> {
    Ok(session.renew().await?)
}

async fn bag_get(bag: SessionBag, Path(key): Path<String>) -> Result<String, Problem> {
    Ok(bag.get(&key).await?.unwrap_or_default())
}

async fn bag_set(bag: SessionBag, Path(key): Path<String>, value: String) -> Result<(), Problem> {
    Ok(bag.set(&key, &value).await?)
}

async fn ids(ids: SessionIds) -> String {
    let text = |id: Option<session_core::SessionId>| id.map(|id| id.as_str().to_owned());
    format!(
        "{} {}",
        text(ids.temporary).unwrap_or_default(),
        text(ids.permanent).unwrap_or_default()
    )
}

/// Sets cookies of its own, two of one name and one that pretends to be ours.
async fn own_cookies() -> impl IntoResponse {
    let cookies = [
        "theme=dark; Path=/",
        "tour=1",
        "tour=2; Path=/x",
        "ss-id=mine",
    ];
    (
        [(CACHE_CONTROL, "public, max-age=60")],
        AppendHeaders(cookies.map(|cookie| (SET_COOKIE, cookie))),
    )
}
