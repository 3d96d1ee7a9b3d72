//! The ready-made provider.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use http::request::Parts;
use session_core::{
    ApiKey as StoredKey, ApiKeyHash, ApiKeySecret, ApiKeys, CacheTicket, CachedKeySession,
    KeyRefusal, SessionData, Sessions,
};

use super::check::NAME;
use super::{ApiKeyAuth, KeyError};
use crate::auth::connection::ConnectionRule;
use crate::auth::header::{Authorization, looks_like_jwt};
use crate::auth::users::UsersById;
use crate::origin::X_API_KEY;
use crate::problem::Problem;

/// For how long the session of an API key is cached, request by request.
///
/// A closure is one:
///
/// ```
/// use std::time::Duration;
/// use http::request::Parts;
///
/// # fn example(keys: session_web::ApiKeyProvider) -> session_web::ApiKeyProvider {
/// keys.cache_policy(|request: &Parts| match request.uri.path() {
///     "/prices" => Some(Duration::from_secs(60)),
///     _ => None,
/// })
/// # }
/// ```
pub trait CachePolicy: Send + Sync + 'static {
    /// For how long this request caches its session, and how old a cached one it takes; `None` if
    /// it does neither.
    fn for_request(&self, request: &Parts) -> Option<Duration>;
}

impl<F> CachePolicy for F
where
    F: Fn(&Parts) -> Option<Duration> + Send + Sync + 'static,
{
    fn for_request(&self, request: &Parts) -> Option<Duration> {
        self(request)
    }
}

/// Authenticates by keys of [`ApiKeys`] and users of [`UsersById`].
///
/// By default it caches nothing and takes keys over HTTPS only. To change a step, wrap it; see
/// [`ApiKeyAuth`].
#[derive(Clone)]
pub struct ApiKeyProvider {
    keys: ApiKeys,
    users: Arc<dyn UsersById>,
    policy: Arc<dyn CachePolicy>,
    connection: ConnectionRule,
}

impl ApiKeyProvider {
    /// A provider of these keys, each of which acts as its user.
    pub fn new(keys: ApiKeys, users: impl UsersById) -> Self {
        Self {
            keys,
            users: Arc::new(users),
            policy: Arc::new(|_: &Parts| None),
            connection: ConnectionRule::default(),
        }
    }

    /// For how long sessions are cached, request by request; by default not at all.
    #[must_use]
    pub fn cache_policy(mut self, policy: impl CachePolicy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// On which connections keys are taken; by default HTTPS only.
    #[must_use]
    pub fn connection(mut self, rule: ConnectionRule) -> Self {
        self.connection = rule;
        self
    }

    /// The keys.
    pub fn keys(&self) -> &ApiKeys {
        &self.keys
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<T: SessionData> ApiKeyAuth<T> for ApiKeyProvider {
    fn wrapped(&self) -> &dyn ApiKeyAuth<T> {
        self
    }

    fn key_of(&self, request: &Parts) -> Result<Option<ApiKeySecret>, KeyError> {
        let sent = match request.headers.get(X_API_KEY) {
            Some(value) => Some(value.to_str().unwrap_or_default().to_owned()),
            None => match Authorization::of(&request.headers) {
                Some(Authorization::Bearer(token)) if !looks_like_jwt(&token) => Some(token),
                Some(Authorization::Basic(name, password)) if password.is_empty() => Some(name),
                _ => None,
            },
        };
        let parse = |text: String| text.parse().map_err(|_| KeyRefusal::Malformed.into());
        sent.map(parse).transpose()
    }

    fn allows_connection(&self, request: &Parts) -> bool {
        self.connection.allows(request)
    }

    fn caches_for(&self, request: &Parts) -> Option<Duration> {
        self.policy.for_request(request)
    }

    async fn has_cached_session(
        &self,
        _: &Parts,
        key: &ApiKeyHash,
        lives: Option<Duration>,
    ) -> Result<CachedKeySession<T>, KeyError> {
        let Some(lives) = lives else {
            return Ok(CachedKeySession::Missing(None));
        };
        let cached = self.keys.sessions().read(key, lives).await;
        Ok(cached.unwrap_or_else(|error| {
            // The keys themselves decide, as if nothing were cached.
            tracing::warn!(%error, "the cached session of an API key cannot be read");
            CachedKeySession::Missing(None)
        }))
    }

    async fn cache_session(&self, _: &Parts, ticket: CacheTicket, key: &StoredKey, session: &T) {
        let now_ms = self.keys.now_ms();
        let written = self.keys.sessions().write(ticket, key, session, now_ms);
        if let Err(error) = written.await {
            tracing::warn!(%error, "the session of an API key cannot be cached");
        }
    }

    async fn find(&self, _: &Parts, key: &ApiKeyHash) -> Result<Option<StoredKey>, KeyError> {
        Ok(self.keys.find(key).await?)
    }

    async fn validate(&self, _: &Parts, key: &StoredKey) -> Result<(), KeyError> {
        Ok(key.check(self.keys.now_ms())?)
    }

    async fn session_of(
        &self,
        _: &Parts,
        sessions: &Sessions<T>,
        key: &StoredKey,
    ) -> Result<T, KeyError> {
        let user = self.users.find_by_id(&key.user_id).await.map_err(|error| {
            tracing::error!(%error, "the users cannot be read");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                .with_detail("Nobody can be authenticated at the moment; try again later.")
        })?;
        let mut user = user.ok_or(KeyRefusal::User)?;
        user.provider = Some(NAME.to_owned());
        let session = sessions.authenticate(|session: &mut T| {
            if let Some(auth) = session.auth_mut() {
                *auth = user;
            }
        });
        Ok(session.await?)
    }

    async fn on_api_key_used(&self, _: &Parts, _: &StoredKey) {}

    async fn keys_of(
        &self,
        _: &Parts,
        user_id: &str,
        environment: Option<&str>,
    ) -> Result<Vec<StoredKey>, KeyError> {
        Ok(self.keys.of_user(user_id, environment).await?)
    }

    async fn regenerate(
        &self,
        _: &Parts,
        user_id: &str,
        environment: Option<&str>,
    ) -> Result<Vec<(ApiKeySecret, StoredKey)>, KeyError> {
        Ok(self.keys.regenerate(user_id, environment).await?)
    }
}

impl fmt::Debug for ApiKeyProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyProvider")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
