//! Name and password with every request, and limits on attempts.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router, routing::get};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cache_memory::MemoryCache;
use futures_util::TryStreamExt;
use http::StatusCode;
use session_core::{AuthUserSession, CacheClientExtended, Sessions, async_trait};
use session_web::{
    ApiKeyAuth, ApiKeyProvider, AttemptLimit, AuthProvider, AuthRoutes, BasicAuth, CacheUserStore,
    ConnectionRule, Credentials, CrossSite, PeerAddress, Problem, RequestAuthLayer, RequestSession,
    Session, SessionLayer, SignIn,
};

use crate::application::{PASSWORD, Shop};
use crate::keys::Keyed;
use crate::visitor::{Reply, Visitor};

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test]
async fn name_and_password_are_a_session_for_the_request_only() {
    let app = Keyed::new().await;
    let alice = basic("Alice", PASSWORD);
    let mut client = app.client().with_header("authorization", &alice);
    assert_eq!(client.get("/who").await.ok(), "alice by basic");
    assert_eq!(client.get("/save").await.ok(), "1");
    let stored: Vec<String> = app
        .cache
        .keys_starting_with("")
        .try_collect()
        .await
        .unwrap();
    assert!(stored.is_empty(), "{stored:?}");
    client.headers.clear();
    assert_eq!(client.get("/who").await.ok(), "nobody by nothing");
}

#[tokio::test]
async fn whatever_is_wrong_is_one_answer() {
    let app = Keyed::new().await;
    app.users.set_locked("bob", true).await.unwrap();
    let mut answers = Vec::new();
    for (name, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("bob", PASSWORD)] {
        let sent = basic(name, password);
        let reply = app
            .client()
            .with_header("authorization", &sent)
            .get("/who")
            .await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert!(
            reply
                .header("www-authenticate")
                .unwrap()
                .starts_with("Basic ")
        );
        answers.push(reply.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn passwords_are_for_secure_connections() {
    let app = Keyed::new().await;
    let alice = basic("alice", PASSWORD);
    let mut client = Visitor::of_router(app.router.clone()).with_header("authorization", &alice);
    assert_eq!(client.get("/who").await.status, StatusCode::FORBIDDEN);
}

/// Routes that a Basic layer guards and no session layer surrounds.
async fn guarded(layer: impl Fn(RequestAuthLayer<Shop>) -> RequestAuthLayer<Shop>) -> Router {
    let app = Keyed::new().await;
    let basic = BasicAuth::new(Credentials::new(app.users).unwrap());
    let basic = basic.connection(ConnectionRule::any());
    let keys = ApiKeyProvider::new(app.keys, CacheUserStore::new(app.cache.clone()));
    let keys: Arc<dyn ApiKeyAuth<Shop>> = Arc::new(keys.connection(ConnectionRule::any()));
    let sessions = Sessions::<Shop>::new(app.cache);
    let requests = RequestAuthLayer::new(sessions)
        .provider(keys)
        .provider(basic);
    let who = async |session: Option<Extension<RequestSession>>| match session {
        Some(_) => "somebody",
        None => "nobody",
    };
    Router::new()
        .route("/who", get(who).post(who))
        .layer(layer(requests))
}

#[tokio::test]
async fn another_site_cannot_use_basic_where_no_session_layer_is() {
    let router = guarded(|requests| requests).await;
    let alice = basic("alice", PASSWORD);
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.test"),
    ] {
        let driven = Visitor::of_router(router.clone()).with_header(header, value);
        let mut with_password = driven.clone().with_header("authorization", &alice);
        let reply = with_password.post("/who").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{header}: {value}");
        assert!(reply.body.contains("another site"));
        // Reading is left to what browsers keep from other sites.
        assert_eq!(with_password.get("/who").await.ok(), "somebody");
        // A key that a browser keeps as a user name of Basic is sent by itself, too.
        let key = basic("ak_live_nobodys", "");
        let mut with_key = driven.clone().with_header("authorization", &key);
        assert_eq!(with_key.post("/who").await.status, StatusCode::FORBIDDEN);
        // Who has no proof, or one that no browser adds by itself, is none of this layer's business.
        assert_eq!(driven.clone().post("/who").await.ok(), "nobody");
        let mut by_header = driven.clone().with_header("x-api-key", "ak_live_nobodys");
        assert_eq!(
            by_header.post("/who").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    for (header, value) in [
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://localhost:3000"),
    ] {
        let mut own = Visitor::of_router(router.clone()).with_header(header, value);
        own = own.with_header("authorization", &alice);
        assert_eq!(own.post("/who").await.ok(), "somebody");
    }
    let partner = CrossSite::refuse().except("https://partner.test").unwrap();
    let router = guarded(|requests| requests.cross_site(partner.clone())).await;
    let mut partner = Visitor::of_router(router)
        .with_header("origin", "https://partner.test")
        .with_header("authorization", &alice);
    assert_eq!(partner.post("/who").await.ok(), "somebody");
}

/// An application that lets each name fail twice and each address four times.
struct Limited {
    router: Router,
    cache: Arc<dyn CacheClientExtended>,
}

impl Limited {
    async fn new() -> Self {
        let users = Keyed::new().await.users;
        let cache: Arc<dyn CacheClientExtended> = Arc::new(MemoryCache::new());
        let limit = AttemptLimit::new(cache.clone())
            .per_user(2, Duration::from_secs(600))
            .per_address(4, Duration::from_secs(600));
        let credentials = Credentials::new(users).unwrap();
        let sessions = Sessions::<Shop>::new(Arc::new(MemoryCache::new()));
        let auth = AuthRoutes::<Shop>::new()
            .provider(credentials.clone())
            .connection(ConnectionRule::any())
            .attempts(limit.clone());
        let basic = BasicAuth::new(credentials).connection(ConnectionRule::any());
        let basic = basic.attempts(limit);
        let router = Router::new()
            .route("/who", get(async |_: Session<Shop>| "somebody"))
            .merge(auth.router().unwrap())
            .layer(RequestAuthLayer::new(sessions.clone()).provider(basic))
            .layer(SessionLayer::new(sessions));
        Self { router, cache }
    }

    fn from(&self, address: &str) -> Visitor {
        let peer = Extension(PeerAddress(address.parse().unwrap()));
        Visitor::of_router(self.router.clone().layer(peer))
    }

    async fn try_from(&self, address: &str, name: &str, password: &str) -> Reply {
        let form = format!("userName={name}&password={password}");
        self.from(address).sign_in_with(&form).await
    }

    async fn status(&self, address: &str, name: &str, password: &str) -> u16 {
        self.try_from(address, name, password).await.status.as_u16()
    }
}

#[tokio::test]
async fn too_many_attempts_are_429_with_a_time_to_wait_and_no_look_at_the_password() {
    let app = Limited::new().await;
    for name in ["alice", "nobody"] {
        let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
        assert_eq!(app.status(addresses[0], name, "wrong").await, 401);
        // Another spelling of the same name.
        let shouted = format!("+{}", name.to_uppercase());
        assert_eq!(app.status(addresses[1], &shouted, "wrong").await, 401);
        // The right password changes nothing now.
        let reply = app.try_from(addresses[2], name, PASSWORD).await;
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
        let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=600).contains(&seconds));
    }
    let stored: Vec<String> = app
        .cache
        .keys_starting_with("")
        .try_collect()
        .await
        .unwrap();
    assert!(stored.iter().all(|key| key.starts_with("auth:attempts:")));
    let told = stored.join(" ");
    assert!(!told.contains("alice") && !told.contains("192.0"), "{told}");
}

#[tokio::test]
async fn an_address_is_limited_whatever_the_names() {
    let app = Limited::new().await;
    for guess in 0..4 {
        let address = format!("2001:db8::{guess}");
        assert_eq!(
            app.status(&address, &format!("name{guess}"), "wrong").await,
            401
        );
    }
    assert_eq!(app.status("2001:db8::ffff", "alice", PASSWORD).await, 429);
    assert_eq!(app.status("2001:db8:0:1::1", "alice", PASSWORD).await, 200);
}

#[tokio::test]
async fn a_success_forgets_the_failures_of_its_name_and_not_those_of_the_address() {
    let app = Limited::new().await;
    for _ in 0..4 {
        assert_eq!(app.status("192.0.2.1", "alice", PASSWORD).await, 200);
    }
    for _ in 0..4 {
        assert_eq!(app.status("192.0.2.2", "alice", "wrong").await, 401);
        assert_eq!(app.status("192.0.2.3", "alice", PASSWORD).await, 200);
    }
    assert_eq!(app.status("192.0.2.2", "alice", PASSWORD).await, 429);
}

#[tokio::test]
async fn attempts_made_side_by_side_count() {
    let app = Limited::new().await;
    let tries = (0..6).map(|number| {
        let app = &app;
        async move {
            app.status(&format!("192.0.2.{number}"), "alice", "wrong")
                .await
        }
    });
    let mut answers = futures_util::future::join_all(tries).await;
    answers.sort_unstable();
    assert_eq!(answers, [401, 401, 429, 429, 429, 429]);
}

/// Knows everybody, and takes so long that the time of the counters is over meanwhile.
struct Slow(Arc<dyn CacheClientExtended>);

#[async_trait]
impl AuthProvider for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    async fn authenticate(&self, attempt: &SignIn) -> Result<AuthUserSession, Problem> {
        assert_eq!(self.0.remove_starting_with("auth:").await.unwrap(), 2);
        match attempt.remember_me {
            true => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE)),
            false => Ok(AuthUserSession::default()),
        }
    }
}

#[tokio::test]
async fn an_attempt_that_outlasts_the_time_of_its_counters_gives_nobody_another() {
    let cache: Arc<dyn CacheClientExtended> = Arc::new(MemoryCache::new());
    let sessions = Sessions::<Shop>::new(Arc::new(MemoryCache::new()));
    let auth = AuthRoutes::<Shop>::new()
        .provider(Slow(cache.clone()))
        .attempts(AttemptLimit::new(cache.clone()));
    let router = auth.router().unwrap().layer(SessionLayer::new(sessions));
    let peer = Extension(PeerAddress("127.0.0.1".parse().unwrap()));
    let router: Router = router.layer(peer);
    for (end, status) in [("no", 200), ("yes", 503)] {
        let form = format!("userName=alice&password=x&rememberMe={end}");
        let request = http::Request::post("/auth/slow");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply = Visitor::of_router(router.clone())
            .send(request, &form)
            .await;
        assert_eq!(reply.status.as_u16(), status);
        // Nothing is counted, and above all nothing below zero.
        let counters: Vec<String> = cache.keys_starting_with("").try_collect().await.unwrap();
        assert!(counters.is_empty(), "{counters:?}");
    }
}

#[tokio::test]
async fn basic_counts_with_the_sign_in() {
    let app = Limited::new().await;
    for _ in 0..2 {
        let wrong = basic("alice", "wrong");
        let mut client = app.from("192.0.2.1").with_header("authorization", &wrong);
        assert_eq!(client.get("/who").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(app.status("192.0.2.2", "alice", PASSWORD).await, 429);
    let right = basic("alice", PASSWORD);
    let mut client = app.from("192.0.2.2").with_header("authorization", &right);
    assert_eq!(
        client.get("/who").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
}
