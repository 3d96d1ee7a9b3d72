//! API keys over HTTP. The trait first, then how a request is checked through it (`check.rs`), the
//! ready-made provider, the routes and the extractor.

mod check;
mod extract;
mod provider;
mod routes;

use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use http::request::Parts;
use session_core::{
    ApiKey as StoredKey, ApiKeyHash, ApiKeySecret, CacheTicket, CachedKeySession, Error,
    KeyRefusal, SessionData, SessionError, Sessions,
};

pub use extract::ApiKey;
pub use provider::{ApiKeyProvider, CachePolicy};
pub use routes::ApiKeyRoutes;

use crate::problem::Problem;

/// How an application authenticates by API key, step by step.
///
/// The check of each request, the routes for listing and regenerating, and the extractor know this
/// trait and no type behind it. So a provider of one's own works everywhere: it names the one that
/// it [wraps](ApiKeyAuth::wrapped) and overrides what it does differently, for all requests or for
/// some. Every other step goes to the wrapped one.
///
/// `Arc<dyn ApiKeyAuth<T>>` is a [`RequestAuthProvider`](crate::RequestAuthProvider).
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use http::request::Parts;
/// use session_core::{ApiKeyHash, AuthUserSession, CachedKeySession, async_trait};
/// use session_web::{ApiKeyAuth, KeyError};
///
/// /// Requests to `/metered` always look at the key itself; all others are as they were.
/// struct Metered(Arc<dyn ApiKeyAuth<AuthUserSession>>);
///
/// #[async_trait]
/// impl ApiKeyAuth<AuthUserSession> for Metered {
///     fn wrapped(&self) -> &dyn ApiKeyAuth<AuthUserSession> {
///         &*self.0
///     }
///
///     async fn has_cached_session(
///         &self,
///         request: &Parts,
///         key: &ApiKeyHash,
///         lives: Option<Duration>,
///     ) -> Result<CachedKeySession<AuthUserSession>, KeyError> {
///         match request.uri.path() {
///             "/metered" => Ok(CachedKeySession::Missing(None)),
///             _ => self.0.has_cached_session(request, key, lives).await,
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait ApiKeyAuth<T: SessionData>: Send + Sync + 'static {
    /// The provider to which all that is not overridden goes.
    ///
    /// One that implements every other method gives itself, as [`ApiKeyProvider`] does.
    fn wrapped(&self) -> &dyn ApiKeyAuth<T>;

    /// The key that a request carries, if any.
    ///
    /// The ready-made one looks at `X-Api-Key`, at a bearer token that is no JWT, and at the name
    /// of Basic without a password.
    ///
    /// # Errors
    ///
    /// `Refused` for what cannot be a key.
    fn key_of(&self, request: &Parts) -> Result<Option<ApiKeySecret>, KeyError> {
        self.wrapped().key_of(request)
    }

    /// Whether a request's connection is good enough for keys; otherwise it is answered 403,
    /// whatever its key.
    fn allows_connection(&self, request: &Parts) -> bool {
        self.wrapped().allows_connection(request)
    }

    /// For how long a request caches its session, and how old a cached one it takes; `None` if it
    /// does neither.
    fn caches_for(&self, request: &Parts) -> Option<Duration> {
        self.wrapped().caches_for(request)
    }

    /// The session that is cached for a key, if this request may use one; `lives` is what
    /// [`caches_for`](ApiKeyAuth::caches_for) said.
    ///
    /// `Missing` with a ticket lets the session be cached that is made next.
    ///
    /// # Errors
    ///
    /// `Failed` ends the request.
    async fn has_cached_session(
        &self,
        request: &Parts,
        key: &ApiKeyHash,
        lives: Option<Duration>,
    ) -> Result<CachedKeySession<T>, KeyError> {
        let wrapped = self.wrapped();
        wrapped.has_cached_session(request, key, lives).await
    }

    /// Caches a session. A failure is for the log only: the request has its session.
    async fn cache_session(
        &self,
        request: &Parts,
        ticket: CacheTicket,
        key: &StoredKey,
        session: &T,
    ) {
        let wrapped = self.wrapped();
        wrapped.cache_session(request, ticket, key, session).await;
    }

    /// The stored key with this hash, good or not.
    ///
    /// # Errors
    ///
    /// `Failed` if it cannot be known.
    async fn find(&self, request: &Parts, key: &ApiKeyHash) -> Result<Option<StoredKey>, KeyError> {
        self.wrapped().find(request, key).await
    }

    /// Whether a key may be used for a request; called for every use, cached or not.
    ///
    /// The ready-made one looks whether it is cancelled or expired.
    ///
    /// # Errors
    ///
    /// `Refused` with the reason for the log; `Failed` with an answer of one's own.
    async fn validate(&self, request: &Parts, key: &StoredKey) -> Result<(), KeyError> {
        self.wrapped().validate(request, key).await
    }

    /// The session of a key that is good.
    ///
    /// # Errors
    ///
    /// `Refused` if the key's user may not sign in; `Failed`.
    async fn session_of(
        &self,
        request: &Parts,
        sessions: &Sessions<T>,
        key: &StoredKey,
    ) -> Result<T, KeyError> {
        self.wrapped().session_of(request, sessions, key).await
    }

    /// A key was used, whether its session was cached or not: for counting.
    ///
    /// The request waits for it. The ready-made one does nothing.
    async fn on_api_key_used(&self, request: &Parts, key: &StoredKey) {
        self.wrapped().on_api_key_used(request, key).await;
    }

    /// The good keys of a user, for the route that lists them.
    ///
    /// # Errors
    ///
    /// `Failed` with the answer.
    async fn keys_of(
        &self,
        request: &Parts,
        user_id: &str,
        environment: Option<&str>,
    ) -> Result<Vec<StoredKey>, KeyError> {
        self.wrapped().keys_of(request, user_id, environment).await
    }

    /// Replaces the good keys of a user, for the route that does so.
    ///
    /// # Errors
    ///
    /// `Failed` with the answer.
    async fn regenerate(
        &self,
        request: &Parts,
        user_id: &str,
        environment: Option<&str>,
    ) -> Result<Vec<(ApiKeySecret, StoredKey)>, KeyError> {
        let wrapped = self.wrapped();
        wrapped.regenerate(request, user_id, environment).await
    }
}

/// Why a step of a check did not give what was asked for.
#[derive(Debug)]
pub enum KeyError {
    /// The key is no good. Outside, all reasons are one and the same 401; this goes to the log.
    Refused(KeyRefusal),
    /// Something else, and the answer to it.
    Failed(Problem),
}

impl From<KeyRefusal> for KeyError {
    fn from(refusal: KeyRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Problem> for KeyError {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<Error> for KeyError {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<SessionError> for KeyError {
    /// A hook's refusal concerns the user and tells the sender nothing.
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Rejected { .. } => Self::Refused(KeyRefusal::User),
            error => Self::Failed(error.into()),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Refused(refusal) => refused(refusal),
            KeyError::Failed(problem) => problem,
        }
    }
}

/// The one answer to every key that is no good, and to none where one is needed.
fn refused(refusal: KeyRefusal) -> Problem {
    tracing::info!(reason = %refusal, "an API key was refused");
    Problem::new(StatusCode::UNAUTHORIZED)
        .with_detail("A valid API key is needed.")
        .with_challenge("Bearer")
}

fn insecure() -> Problem {
    tracing::info!("an API key came by a connection that others can listen to");
    Problem::new(StatusCode::FORBIDDEN)
        .with_detail("API keys may be sent over a secure connection (HTTPS) only.")
}
