//! Name and password with every request, and limits on attempts.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router, routing::get};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cache_memory::MemoryCache;
use futures_util::TryStreamExt;
use http::StatusCode;
use session_core::{CacheClientExtended, Sessions};
use session_web::{
    AttemptLimit, AuthRoutes, BasicAuth, ConnectionRule, Credentials, PeerAddress,
    RequestAuthLayer, Session, SessionLayer,
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
        let auth = AuthRoutes::<Shop>::new().provider(credentials.clone());
        let basic = BasicAuth::new(credentials).connection(ConnectionRule::any());
        let basic = basic.attempts(limit.clone());
        let router = Router::new()
            .route("/who", get(async |_: Session<Shop>| "somebody"))
            .merge(auth.attempts(limit).router().unwrap())
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
