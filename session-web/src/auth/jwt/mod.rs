//! Signed tokens in place of stored sessions. What a token may say first (`claims.rs`), then whose
//! signature counts (`key.rs`); here tokens are made, checked and turned into sessions.

mod claims;
mod key;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use http::StatusCode;
use http::request::Parts;
use jsonwebtoken::errors::ErrorKind as JwtErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use session_core::{AuthUserSession, Error, ErrorKind, SessionData, Sessions};

pub use claims::{JwtClaims, JwtHooks};
pub use key::{JwtKey, JwtKeys};

use super::connection::ConnectionRule;
use super::header::{Authorization, looks_like_jwt};
use super::request::RequestAuthProvider;
use crate::context::SessionContext;
use crate::problem::Problem;

/// Makes tokens of sessions, and sessions of the tokens that requests carry: as a bearer token, or
/// in the cookie `ss-tok`, which [`AuthRoutes::token_cookie`](crate::AuthRoutes::token_cookie) has
/// the sign-in set.
///
/// A token is taken if one of the keys signed it by its own algorithm, and if issuer, audience and
/// times are right. A bad bearer token is answered 401. A bad cookie counts as none, so that its
/// visitor can sign in again; it is taken inside a [`SessionLayer`](crate::SessionLayer) only,
/// which keeps other sites from using it.
///
/// **A token cannot be taken back**: a sign-out makes the browser forget it, and whoever copied it
/// can use it until it expires. Where that matters, keep the lifetime short or let
/// [`JwtHooks::fill_session`] refuse.
///
/// If another crate of the application switches on `aws_lc_rs` of the crate `jsonwebtoken`, install
/// one of its two `CryptoProvider`s at start.
///
/// ```
/// # use session_core::{AuthUserSession, BoxError, Sessions};
/// # use session_web::{AuthRoutes, Credentials, JwtAuth, JwtKey, JwtKeys, RequestAuthLayer};
/// # use session_web::{SessionLayer, UserStore};
/// # fn app(sessions: Sessions<AuthUserSession>, users: impl UserStore, secret: &[u8])
/// # -> Result<axum::Router, BoxError> {
/// let jwt = JwtAuth::<AuthUserSession>::new(JwtKeys::new(JwtKey::hs256(secret)?), "shop.test");
/// let auth = AuthRoutes::new().provider(Credentials::new(users)?).token_cookie(jwt.clone());
/// Ok(axum::Router::new()
///     .merge(auth.router()?)
///     .layer(RequestAuthLayer::new(sessions.clone()).provider(jwt))
///     .layer(SessionLayer::new(sessions)))
/// # }
/// ```
pub struct JwtAuth<T> {
    keys: Arc<JwtKeys>,
    issuer: String,
    audience: Option<String>,
    lifetime: Duration,
    leeway: Duration,
    connection: ConnectionRule,
    hooks: Vec<Arc<dyn JwtHooks<T>>>,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    sessions: PhantomData<fn() -> T>,
}

/// Why a token is refused. For the log: outside, all are one and the same 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtRefusal {
    /// It is no token, is not signed, or asks for what is not supported.
    Malformed,
    /// No key fits its algorithm and the id of its key.
    Key,
    /// The signature is not that of the key.
    Signature,
    /// Its time is over, or it says none.
    Expired,
    /// Its time has not begun.
    TooEarly,
    /// Somebody else made it.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// A hook refused it.
    Hook,
}

impl<T: SessionData> JwtAuth<T> {
    /// Tokens of this issuer, signed with the first of the keys, good for 14 days.
    pub fn new(keys: JwtKeys, issuer: impl Into<String>) -> Self {
        Self {
            keys: Arc::new(keys),
            issuer: issuer.into(),
            audience: None,
            lifetime: Duration::from_secs(14 * 24 * 60 * 60),
            leeway: Duration::from_secs(60),
            connection: ConnectionRule::default(),
            hooks: Vec::new(),
            clock: Arc::new(SystemTime::now),
            sessions: PhantomData,
        }
    }

    /// Whom tokens are for. Without one, tokens that name an audience are refused; with one, those
    /// that do not name it.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// How long new tokens are good, in whole seconds; 14 days by default.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// By how much the clocks of those who make tokens may differ from ours; a minute by default.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// On which connections bearer tokens are taken; by default HTTPS only. Cookies carry `Secure`
    /// as the layer's options say.
    #[must_use]
    pub fn connection(mut self, rule: ConnectionRule) -> Self {
        self.connection = rule;
        self
    }

    /// Adds hooks, called after those that are there already.
    #[must_use]
    pub fn hooks(mut self, hooks: impl JwtHooks<T>) -> Self {
        self.hooks.push(Arc::new(hooks));
        self
    }

    /// The clock; the host's wall clock by default. For tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A token for a session: the sign-in's, or one for a program.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the first key cannot sign; `Codec` if the claims are no JSON.
    pub async fn issue(&self, session: &T) -> session_core::Result<String> {
        let now = self.now();
        let mut claims = session.auth().map(JwtClaims::of_user).unwrap_or_default();
        for hooks in &self.hooks {
            hooks.fill_claims(session, &mut claims).await;
        }
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        claims.issuer = Some(self.issuer.clone());
        claims.issued = Some(now);
        claims.expires = Some(now.saturating_add(lifetime));
        if let Some(audience) = &self.audience {
            let audience = audience.as_str().into();
            claims.other.insert("aud".to_owned(), audience);
        }
        let key = &self.keys.keys[0];
        let signs = key.signs.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "jwt", "issue")
                .with_message("the first key is public and signs nothing")
        })?;
        let mut header = Header::new(key.algorithm);
        header.kid.clone_from(&key.id);
        jsonwebtoken::encode(&header, &claims, signs)
            .map_err(|_| Error::new(ErrorKind::Codec, "jwt", "issue"))
    }

    /// What a token says, if it is to be believed.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub fn check(&self, token: &str) -> Result<JwtClaims, JwtRefusal> {
        if token.len() > LONGEST_TOKEN {
            return Err(JwtRefusal::Malformed);
        }
        // `none` is no algorithm that is known here.
        let header = jsonwebtoken::decode_header(token).map_err(|_| JwtRefusal::Malformed)?;
        if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
            return Err(JwtRefusal::Malformed);
        }
        let mut refusal = JwtRefusal::Key;
        for key in self.keys.candidates(header.alg, header.kid.as_deref()) {
            let validation = self.validation(key.algorithm);
            match jsonwebtoken::decode::<JwtClaims>(token, &key.checks, &validation) {
                Ok(token) => return self.check_times(token.claims),
                Err(error) => refusal = reason(error.kind()),
            }
            if refusal != JwtRefusal::Signature {
                break;
            }
        }
        Err(refusal)
    }

    /// The session of a token.
    ///
    /// # Errors
    ///
    /// Why the token is refused.
    pub async fn session_of(&self, token: &str) -> Result<T, JwtRefusal> {
        let claims = self.check(token)?;
        let mut session = T::default();
        if let Some(auth) = session.auth_mut() {
            *auth = claims.user();
        }
        for hooks in &self.hooks {
            let filled = hooks.fill_session(&claims, &mut session).await;
            filled.map_err(|rejection| {
                tracing::info!(reason = rejection.reason(), "a hook refused a token");
                JwtRefusal::Hook
            })?;
        }
        Ok(session)
    }

    /// Signs a user in without storing: the token, and how long a browser is to keep it if that is
    /// longer than its own session.
    pub(crate) async fn sign_in(
        &self,
        context: &SessionContext,
        user: AuthUserSession,
        remember: bool,
    ) -> Result<(String, Option<Duration>), Problem> {
        let sessions = context.sessions::<T>()?;
        let session = sessions.authenticate(|session: &mut T| {
            if let Some(auth) = session.auth_mut() {
                *auth = user;
            }
        });
        let token = self.issue(&session.await?).await?;
        if token.len() > LONGEST_COOKIE {
            tracing::error!("a token is too long for a cookie: its claims hold too much");
            return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR));
        }
        let mut stored = context.session_to_sign_in::<T>().await?;
        stored.give_way_to_token().await?;
        Ok((token, remember.then_some(self.lifetime)))
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.issuer]);
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
        }
        let needed = [Some("iss"), self.audience.as_ref().map(|_| "aud")];
        validation.set_required_spec_claims(&needed.into_iter().flatten().collect::<Vec<_>>());
        // By our own clock, below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }

    fn check_times(&self, claims: JwtClaims) -> Result<JwtClaims, JwtRefusal> {
        let now = self.now();
        let leeway = i64::try_from(self.leeway.as_secs()).unwrap_or(i64::MAX);
        let late = now.saturating_sub(leeway);
        let early = now.saturating_add(leeway);
        if claims.expires.is_none_or(|expires| expires <= late) {
            return Err(JwtRefusal::Expired);
        }
        match claims.not_before.max(claims.issued) {
            Some(begins) if begins > early => Err(JwtRefusal::TooEarly),
            _ => Ok(claims),
        }
    }

    fn now(&self) -> i64 {
        let since = (self.clock)().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
    }
}

#[async_trait]
impl<T: SessionData> RequestAuthProvider<T> for JwtAuth<T> {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn authenticate(
        &self,
        request: &mut Parts,
        _: &Sessions<T>,
    ) -> Result<Option<T>, Problem> {
        if let Some(Authorization::Bearer(token)) = Authorization::of(&request.headers)
            && looks_like_jwt(&token)
        {
            if !self.connection.allows(request) {
                return Err(Problem::new(StatusCode::FORBIDDEN)
                    .with_detail("Tokens may be sent over a secure connection (HTTPS) only."));
            }
            return self.session_of(&token).await.map(Some).map_err(refused);
        }
        let context: Option<&SessionContext> = request.extensions.get();
        let Some(token) = context.and_then(|context| context.sent_token(&request.headers)) else {
            return Ok(None);
        };
        match self.session_of(&token).await {
            Ok(session) => Ok(Some(session)),
            Err(refusal) => {
                tracing::info!(reason = ?refusal, "the token of a cookie was not taken");
                Ok(None)
            }
        }
    }
}

impl<T> Clone for JwtAuth<T> {
    fn clone(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            lifetime: self.lifetime,
            leeway: self.leeway,
            connection: self.connection.clone(),
            hooks: self.hooks.clone(),
            clock: self.clock.clone(),
            sessions: PhantomData,
        }
    }
}

impl<T> fmt::Debug for JwtAuth<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth")
            .field("keys", &self.keys)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// What sessions made from a token carry as their provider.
const NAME: &str = "jwt";

/// In bytes; servers take headers of this size at most.
const LONGEST_TOKEN: usize = 16 * 1_024;

/// In bytes; browsers keep cookies of 4,096 bytes with name and attributes.
const LONGEST_COOKIE: usize = 3_800;

fn reason(kind: &JwtErrorKind) -> JwtRefusal {
    match kind {
        JwtErrorKind::InvalidSignature => JwtRefusal::Signature,
        JwtErrorKind::InvalidIssuer => JwtRefusal::Issuer,
        JwtErrorKind::InvalidAudience => JwtRefusal::Audience,
        JwtErrorKind::MissingRequiredClaim(claim) if claim == "iss" => JwtRefusal::Issuer,
        JwtErrorKind::MissingRequiredClaim(claim) if claim == "aud" => JwtRefusal::Audience,
        JwtErrorKind::InvalidAlgorithm => JwtRefusal::Key,
        _ => JwtRefusal::Malformed,
    }
}

fn refused(refusal: JwtRefusal) -> Problem {
    tracing::info!(reason = ?refusal, "a token was refused");
    Problem::new(StatusCode::UNAUTHORIZED)
        .with_detail("The token is not valid.")
        .with_challenge(r#"Bearer error="invalid_token""#)
}
