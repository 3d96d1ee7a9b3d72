//! Signs users in and out with axum-login, in the store of a URL.
//!
//! `cargo run -p session-adapters --example axum_login --features tower-sessions-0_14`, then
//! `curl -c jar -d 'name=alice&password=alice' localhost:3000/sign-in; curl -b jar localhost:3000`

use std::convert::Infallible;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Form, Router};
use axum_login::tower_sessions::SessionManagerLayer;
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend};
use serde::Deserialize;
use session_adapters::CacheSessionStore;
use session_core::BoxError;

#[derive(Clone, Debug)]
struct User {
    name: String,
}

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.name.clone()
    }

    /// When it changes, all sessions of the user end: give the hash of the password.
    fn session_auth_hash(&self) -> &[u8] {
        self.name.as_bytes()
    }
}

#[derive(Clone, Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

/// Lets in whoever takes the name for a password; yours asks a database.
#[derive(Clone)]
struct Users;

impl AuthnBackend for Users {
    type User = User;
    type Credentials = Credentials;
    type Error = Infallible;

    async fn authenticate(&self, given: Credentials) -> Result<Option<User>, Infallible> {
        let known = given.name == given.password;
        Ok(known.then_some(User { name: given.name }))
    }

    async fn get_user(&self, name: &String) -> Result<Option<User>, Infallible> {
        Ok(Some(User { name: name.clone() }))
    }
}

type AuthSession = axum_login::AuthSession<Users>;

async fn home(auth: AuthSession) -> String {
    let name = auth.user.map_or("stranger".to_owned(), |user| user.name);
    format!("hello, {name}\n")
}

async fn sign_in(mut auth: AuthSession, Form(given): Form<Credentials>) -> Result<(), StatusCode> {
    let user = match auth.authenticate(given).await {
        Ok(Some(user)) => user,
        Ok(None) => return Err(StatusCode::UNAUTHORIZED),
        Err(_) => return Err(StatusCode::SERVICE_UNAVAILABLE),
    };
    let signed_in = auth.login(&user).await;
    signed_in.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

async fn sign_out(mut auth: AuthSession) -> Result<(), StatusCode> {
    let signed_out = auth.logout().await;
    signed_out.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).unwrap_or("memory:".to_owned());
    let store = CacheSessionStore::new(cache_connect::connect(&url).await?);

    // Without TLS a browser keeps no `Secure` cookie; leave this out in production.
    let sessions = SessionManagerLayer::new(store).with_secure(false);
    let auth = AuthManagerLayerBuilder::new(Users, sessions).build();
    let app = Router::new()
        .route("/", get(home))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .layer(auth);
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
    Ok(())
}
