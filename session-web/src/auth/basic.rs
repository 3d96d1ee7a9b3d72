//! Name and password with every request.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use http::request::Parts;
use session_core::{SessionData, Sessions};

use super::attempts::{self, SignInAttempts};
use super::connection::insecure_password;
use super::header::Authorization;
use super::{ConnectionRule, Credentials, RequestAuthProvider, SignIn, UserStore};
use crate::problem::Problem;

/// Authenticates requests by `Authorization: Basic`, against the same users as the sign-in.
///
/// Each request costs a password check, with its tens of milliseconds and 19 MiB: programs that
/// send many requests are better served by an API key. By default passwords are taken over HTTPS
/// only. Where [`ApiKeyProvider`](crate::ApiKeyProvider) stands before it, a name without a
/// password is an API key.
///
/// ```
/// # use session_core::{AuthUserSession, BoxError, Sessions};
/// # use session_web::{BasicAuth, Credentials, RequestAuthLayer, UserStore};
/// # fn layer(sessions: Sessions<AuthUserSession>, users: impl UserStore)
/// # -> Result<RequestAuthLayer<AuthUserSession>, BoxError> {
/// let basic = BasicAuth::new(Credentials::new(users)?);
/// Ok(RequestAuthLayer::new(sessions).provider(basic))
/// # }
/// ```
pub struct BasicAuth<U> {
    credentials: Credentials<U>,
    connection: ConnectionRule,
    attempts: Option<Arc<dyn SignInAttempts>>,
}

impl<U: UserStore> BasicAuth<U> {
    /// Basic authentication of these users. Sharing the credentials with the sign-in shares the
    /// bound on how many passwords are checked at once.
    pub fn new(credentials: Credentials<U>) -> Self {
        Self {
            credentials,
            connection: ConnectionRule::default(),
            attempts: None,
        }
    }

    /// On which connections passwords are taken; by default HTTPS only.
    #[must_use]
    pub fn connection(mut self, rule: ConnectionRule) -> Self {
        self.connection = rule;
        self
    }

    /// Limits attempts. Requests that run side by side count until their password is checked, so
    /// allow more for a name than one client sends at once.
    #[must_use]
    pub fn attempts(mut self, attempts: impl SignInAttempts) -> Self {
        self.attempts = Some(Arc::new(attempts));
        self
    }
}

#[async_trait]
impl<U: UserStore, T: SessionData> RequestAuthProvider<T> for BasicAuth<U> {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn authenticate(
        &self,
        request: &mut Parts,
        sessions: &Sessions<T>,
    ) -> Result<Option<T>, Problem> {
        let sent = Authorization::of(&request.headers);
        let Some(Authorization::Basic(user_name, password)) = sent else {
            return Ok(None);
        };
        if !self.connection.allows(request) {
            return Err(insecure_password());
        }
        let sent = SignIn {
            user_name,
            password,
            remember_me: false,
        };
        let address = attempts::address_of(&request.headers, &request.extensions);
        let attempts = self.attempts.as_deref();
        let user = attempts::authenticate(&self.credentials, attempts, &sent, address).await;
        let mut user = user.map_err(|problem| match problem.status() {
            StatusCode::UNAUTHORIZED => problem.with_challenge(CHALLENGE),
            _ => problem,
        })?;
        user.provider = Some(NAME.to_owned());
        let session = sessions.authenticate(|session: &mut T| {
            if let Some(auth) = session.auth_mut() {
                *auth = user;
            }
        });
        Ok(Some(session.await?))
    }
}

impl<U> fmt::Debug for BasicAuth<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BasicAuth(..)")
    }
}

const NAME: &str = "basic";

const CHALLENGE: &str = r#"Basic realm="users", charset="UTF-8""#;
