//! What `session-demo` does not show: hooks, sliding, signed and hashed ids, cookies edited, tokens,
//! Basic, and a session put into a request. `alice` has the password `correct horse`.
//!
//! ```sh
//! cargo run -p session-web --example tour
//! alice='userName=alice&password=correct%20horse'
//! curl -c jar -d "$alice" localhost:3003/auth/credentials; curl -b jar localhost:3003/me
//! curl -b jar localhost:3003/time; curl -b jar -X POST localhost:3003/stay
//! curl -b jar -X POST localhost:3003/registered
//! curl -c tok -d "$alice" localhost:3003/token/auth/credentials; curl -b tok localhost:3003/me
//! curl -u 'alice:correct horse' localhost:3003/me
//! curl localhost:3003/as-guest
//! curl -H 'X-ss-id;' -X POST -i localhost:3003/notes   # ids by header
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, serve};
use cache_memory::MemoryCache;
use serde::{Deserialize, Serialize};
use session_core::{
    AuthUserSession, BoxError, CacheClientExtended, EventContext, IdKey, IdSigner, Rejection,
    Saving, SessionData, SessionEvents, SessionOptions, Sessions, async_trait,
};
use session_web::{
    AuthRoutes, BasicAuth, CacheUserStore, ConnectionRule, Credentials, JwtAuth, JwtClaims,
    JwtHooks, JwtKey, JwtKeys, Problem, RequestAuthLayer, RequestSession, SameSite, Session,
    SessionLayer, WebOptions,
};
use tokio::net::TcpListener;

/// The ready-made user, and what this application adds.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Member {
    auth: AuthUserSession,
    notes: u32,
    /// Filled whenever the session is read.
    #[serde(skip)]
    greeting: String,
}

impl SessionData for Member {
    fn auth(&self) -> Option<&AuthUserSession> {
        Some(&self.auth)
    }

    fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
        Some(&mut self.auth)
    }

    async fn on_load(&mut self, _: &EventContext) -> Result<(), Rejection> {
        let name = self.auth.user_name.as_deref().unwrap_or("stranger");
        self.greeting = format!("hello {name}");
        Ok(())
    }

    async fn validate(&self, _: &EventContext) -> Result<(), Rejection> {
        match self.auth.email {
            Some(_) => Ok(()),
            None => Err(Rejection::new("Give us your e-mail address first.")),
        }
    }
}

/// Writes down what happens, and shortens the life of what is saved.
struct Journal;

#[async_trait]
impl SessionEvents<Member> for Journal {
    async fn on_created(&self, _: &mut Member, _: &EventContext) {
        tracing::info!("a new session");
    }

    async fn on_save(&self, _: &Member, saving: &mut Saving) -> Result<(), Rejection> {
        saving.set_expires_in(HOUR);
        Ok(())
    }

    async fn on_registered(&self, _: &mut Member, context: &EventContext) {
        tracing::info!(handle = ?context.handle(), "a user was registered");
    }

    async fn on_authenticated(&self, _: &mut Member, _: &EventContext) {
        tracing::info!("a user signed in");
    }

    async fn on_logout(&self, _: &Member, context: &EventContext) {
        tracing::info!(handle = ?context.handle(), "a session ends");
    }
}

/// Carries the notes in tokens.
struct Notes;

#[async_trait]
impl JwtHooks<Member> for Notes {
    async fn fill_claims(&self, member: &Member, claims: &mut JwtClaims) {
        claims.other.insert("notes".to_owned(), member.notes.into());
    }

    async fn fill_session(&self, claims: &JwtClaims, member: &mut Member) -> Result<(), Rejection> {
        let notes = claims.other.get("notes").and_then(|notes| notes.as_u64());
        member.notes = notes.and_then(|notes| notes.try_into().ok()).unwrap_or(0);
        Ok(())
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let cache: Arc<dyn CacheClientExtended> = Arc::new(MemoryCache::new());
    // From where the program's other secrets are.
    let secret = [7; 32];
    let options = SessionOptions::default()
        .slide_below(Duration::from_secs(600))
        .id_key(IdKey::new(secret)?);
    let sessions = Sessions::new(cache.clone())
        .with_options(options)
        .with_events(Journal);
    let listener = TcpListener::bind("127.0.0.1:3003").await?;
    Ok(serve(listener, app(cache, sessions, &secret).await?).await?)
}

async fn app(
    cache: Arc<dyn CacheClientExtended>,
    sessions: Sessions<Member>,
    secret: &[u8],
) -> Result<Router, BoxError> {
    let users = CacheUserStore::new(cache);
    let alice = AuthUserSession {
        user_id: Some("17".to_owned()),
        user_name: Some("alice".to_owned()),
        email: Some("alice@example.com".to_owned()),
        ..AuthUserSession::default()
    };
    users.register(alice, "correct horse").await?;
    let credentials = Credentials::new(users)?;
    let tokens = JwtAuth::new(JwtKeys::new(JwtKey::hs256(secret)?), "tour").hooks(Notes);
    let basic = BasicAuth::new(credentials.clone());
    let by_request = RequestAuthLayer::new(sessions.clone())
        .provider(tokens.clone())
        .provider(basic.connection(ConnectionRule::https_or_localhost()));
    let stored = AuthRoutes::<Member>::new().provider(credentials.clone());
    let stateless = AuthRoutes::new().provider(credentials).token_cookie(tokens);

    let options = WebOptions::new()
        .sign_ids(IdSigner::new(IdKey::new(secret)?))
        .same_site(SameSite::Strict)
        .edit_cookie(|mut cookie| {
            if cookie.name() == "ss-opt" {
                // So that a page can show it; it is no secret.
                cookie.set_http_only(false);
            }
            Some(cookie)
        });
    Ok(Router::new()
        .route("/me", get(me))
        .route("/notes", post(note))
        .route("/time", get(time))
        .route("/stay", post(time).layer(from_fn(sliding)))
        .route("/registered", post(registered))
        .route(
            "/as-guest",
            get(me).layer(from_fn_with_state(sessions.clone(), as_guest)),
        )
        .merge(stored.router()?)
        .nest("/token", stateless.router()?)
        .layer(by_request)
        .layer(SessionLayer::with_options(sessions, options)?))
}

async fn me(member: Session<Member>) -> String {
    let lives = match member.is_request_only() {
        true => "for this request",
        false => "in the store",
    };
    format!("{}, {} notes, {lives}\n", member.greeting, member.notes)
}

async fn note(mut member: Session<Member>) -> Result<String, Problem> {
    member.update(|member| member.notes += 1).await?;
    Ok(format!("{} notes\n", member.notes))
}

async fn time(member: Session<Member>) -> String {
    format!("{:?}\n", member.time_to_live())
}

/// Has the routes below lengthen the life of the sessions that they see.
async fn sliding(mut member: Session<Member>, request: Request, next: Next) -> Response {
    if let Err(error) = member.slide().await {
        tracing::warn!(%error, "a session could not be slid");
    }
    next.run(request).await
}

async fn registered(mut member: Session<Member>) {
    member.registered().await;
}

/// Has the routes below see a guest, whoever asks.
async fn as_guest(
    State(sessions): State<Sessions<Member>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let mut guest = Member::default();
    guest.auth.user_name = Some("guest".to_owned());
    let session = RequestSession::new(&sessions, guest)?;
    request.extensions_mut().insert(session);
    Ok(next.run(request).await)
}
