//! axum-login, on tower-sessions 0.14.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Form, Router};
use axum_login::tower_sessions::SessionManagerLayer;
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend};
use session_adapters::CacheSessionStore;

use crate::gate::Gate;
use crate::stores::{Cache, keys, memory};
use crate::visitor::Visitor;

#[derive(Clone, Debug)]
struct User(String);

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.0.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"hash of the password"
    }
}

/// Knows everybody whose password is the name.
#[derive(Clone, Debug)]
struct Users;

#[derive(Clone, serde::Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

impl AuthnBackend for Users {
    type User = User;
    type Credentials = Credentials;
    type Error = std::convert::Infallible;

    async fn authenticate(&self, given: Credentials) -> Result<Option<User>, Self::Error> {
        Ok((given.name == given.password).then_some(User(given.name)))
    }

    async fn get_user(&self, id: &String) -> Result<Option<User>, Self::Error> {
        Ok(Some(User(id.clone())))
    }
}

type AuthSession = axum_login::AuthSession<Users>;

async fn look(auth: AuthSession) -> String {
    auth.user.map_or_else(|| "nobody".to_owned(), |user| user.0)
}

async fn sign_in(mut auth: AuthSession, Form(given): Form<Credentials>) -> Result<(), StatusCode> {
    let user = auth.authenticate(given).await.unwrap();
    let user = user.ok_or(StatusCode::UNAUTHORIZED)?;
    auth.login(&user)
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

async fn sign_out(mut auth: AuthSession) {
    auth.logout().await.unwrap();
}

async fn slow(State(gate): State<Gate>, auth: AuthSession) {
    auth.session.insert("seen", true).await.unwrap();
    gate.pass().await;
}

fn visitor(cache: &Cache, gate: &Gate) -> Visitor {
    let sessions = SessionManagerLayer::new(CacheSessionStore::new(cache.clone()));
    let auth = AuthManagerLayerBuilder::new(Users, sessions).build();
    let router = Router::new()
        .route("/", get(look))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/slow", post(slow))
        .layer(auth)
        .with_state(gate.clone());
    Visitor::new(router)
}

#[tokio::test]
async fn a_user_stays_signed_in_until_signing_out() {
    let cache = memory();
    let mut visitor = visitor(&cache, &Gate::default());
    assert_eq!(visitor.get("/").await.ok(), "nobody");
    let refused = visitor.post("/sign-in", "name=alice&password=guess").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(keys(&cache).await, [""; 0]);
    visitor
        .post("/sign-in", "name=alice&password=alice")
        .await
        .ok();
    assert_eq!(visitor.get("/").await.ok(), "alice");
    let mut stolen = visitor.clone();
    visitor.post("/sign-out", "").await.ok();
    assert_eq!(visitor.get("/").await.ok(), "nobody");
    assert_eq!(stolen.get("/").await.ok(), "nobody");
    assert_eq!(keys(&cache).await, [""; 0]);
}

#[tokio::test]
async fn a_slow_request_does_not_sign_the_user_in_again() {
    let (cache, gate) = (memory(), Gate::default());
    let mut visitor = visitor(&cache, &gate);
    visitor
        .post("/sign-in", "name=alice&password=alice")
        .await
        .ok();
    let (mut slow, mut stolen) = (visitor.clone(), visitor.clone());
    let reply = gate
        .hold(slow.post("/slow", ""), async {
            visitor.post("/sign-out", "").await.ok();
        })
        .await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(stolen.get("/").await.ok(), "nobody");
    assert_eq!(keys(&cache).await, [""; 0]);
}
