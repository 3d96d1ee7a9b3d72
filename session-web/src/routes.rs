//! Sign-in and sign-out as routes that an application mounts.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use session_core::{Lifetime, SessionData};

#[cfg(feature = "jwt")]
use crate::auth::JwtAuth;
use crate::auth::{AuthProvider, ConnectionRule, SignIn, SignInAttempts, attempts, connection};
use crate::context::SessionContext;
use crate::options::OptionsError;
use crate::problem::{Accepted, Problem};

/// `POST /auth/{provider}` and `POST /auth/logout`, for sessions of one type.
///
/// Sign-in takes `userName`, `password` and `rememberMe` as a form or as JSON, up to 16 KiB, and
/// answers programs with JSON and browsers with a redirect (303). The routes are to lie inside the
/// [`SessionLayer`](crate::SessionLayer), which also keeps other sites from using them.
///
/// ```
/// # use session_core::{AuthUserSession, BoxError};
/// # use session_web::{AuthRoutes, Credentials, UserStore};
/// # fn routes(users: impl UserStore) -> Result<axum::Router, BoxError> {
/// let auth = AuthRoutes::<AuthUserSession>::new().provider(Credentials::new(users)?);
/// let app: axum::Router = axum::Router::new().merge(auth.router()?);
/// # Ok(app)
/// # }
/// ```
pub struct AuthRoutes<T> {
    providers: HashMap<&'static str, Arc<dyn AuthProvider>>,
    attempts: Option<Arc<dyn SignInAttempts>>,
    redirect_to: String,
    connection: ConnectionRule,
    #[cfg(feature = "jwt")]
    tokens: Option<JwtAuth<T>>,
    sessions: PhantomData<fn() -> T>,
}

impl<T: SessionData> AuthRoutes<T> {
    /// Routes without a provider: only sign-out works.
    pub fn new() -> Self {
        Self {
            providers: HashMap::new(),
            attempts: None,
            redirect_to: "/".to_owned(),
            connection: ConnectionRule::https_or_localhost(),
            #[cfg(feature = "jwt")]
            tokens: None,
            sessions: PhantomData,
        }
    }

    /// Adds a provider under its name; one of the same name gives way.
    #[must_use]
    pub fn provider(mut self, provider: impl AuthProvider) -> Self {
        self.providers.insert(provider.name(), Arc::new(provider));
        self
    }

    /// Limits attempts to sign in, such as by an [`AttemptLimit`](crate::AttemptLimit); by default
    /// nobody does.
    #[must_use]
    pub fn attempts(mut self, attempts: impl SignInAttempts) -> Self {
        self.attempts = Some(Arc::new(attempts));
        self
    }

    /// Where browsers go after signing in and out; `/` by default.
    #[must_use]
    pub fn redirect_to(mut self, path: impl Into<String>) -> Self {
        self.redirect_to = path.into();
        self
    }

    /// On which connections passwords are taken; by default HTTPS only, and from the machine that
    /// the server runs on ([`ConnectionRule::https_or_localhost`]). Elsewhere the sign-in is refused
    /// (403) before anything is looked at; the sign-out never is.
    #[must_use]
    pub fn connection(mut self, rule: ConnectionRule) -> Self {
        self.connection = rule;
        self
    }

    /// Has the sign-in answer with a token in the cookie `ss-tok` and store nothing, and the
    /// sign-out remove that cookie. The requests that follow need the same
    /// [`JwtAuth`](crate::JwtAuth) in a [`RequestAuthLayer`](crate::RequestAuthLayer).
    ///
    /// The cookie lives as long as the token with `rememberMe`, and as long as the browser's
    /// session without. As with every sign-in both ids are new and the old ones are dead. A stored
    /// session of somebody who was signed in before is removed. An anonymous one is kept under its
    /// new id, bag and all, until the sign-out; [`SessionContext::session`] and
    /// [`bag`](SessionContext::bag) give it, since the extractors give the token's.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn token_cookie(mut self, tokens: JwtAuth<T>) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// The routes.
    ///
    /// # Errors
    ///
    /// A redirect that no header takes; sessions that hold no user
    /// ([`SessionData::auth_mut`] gives `None`), so that nobody could be signed in.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Result<Router<S>, OptionsError> {
        if !self.providers.is_empty() && T::default().auth_mut().is_none() {
            return Err(OptionsError::new(
                "the session type gives no place for a user: implement SessionData::auth_mut",
            ));
        }
        let redirect = HeaderValue::from_str(&self.redirect_to)
            .map_err(|_| OptionsError::new("the redirect is no address"))?;
        let ways = Arc::new(Ways {
            attempts: self.attempts,
            connection: self.connection,
            back: redirect,
            #[cfg(feature = "jwt")]
            tokens: self.tokens,
            sessions: PhantomData,
        });
        let mut router = Router::new();
        for (name, provider) in self.providers {
            let ways: Arc<Ways<T>> = ways.clone();
            let sign_in = move |request| sign_in(provider.clone(), ways.clone(), request);
            router = router.route(&format!("/auth/{name}"), post(sign_in));
        }
        let logout = move |request| sign_out(ways.clone(), request);
        Ok(router.route("/auth/logout", post(logout)))
    }
}

impl<T: SessionData> Default for AuthRoutes<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for AuthRoutes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthRoutes")
            .field("providers", &self.providers.keys())
            .field("redirect_to", &self.redirect_to)
            .finish()
    }
}

/// How users are signed in and out, whatever the provider.
struct Ways<T> {
    attempts: Option<Arc<dyn SignInAttempts>>,
    connection: ConnectionRule,
    /// Where browsers go.
    back: HeaderValue,
    #[cfg(feature = "jwt")]
    tokens: Option<JwtAuth<T>>,
    sessions: PhantomData<fn() -> T>,
}

impl<T> Ways<T> {
    fn answer(&self, accepted: Accepted, json: &Value) -> Response {
        match accepted {
            Accepted::Html => {
                (StatusCode::SEE_OTHER, [(LOCATION, self.back.clone())]).into_response()
            }
            Accepted::Json | Accepted::Text => {
                let kind = HeaderValue::from_static("application/json");
                ([(CONTENT_TYPE, kind)], json.to_string()).into_response()
            }
        }
    }
}

async fn sign_in<T: SessionData>(
    provider: Arc<dyn AuthProvider>,
    ways: Arc<Ways<T>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if !ways.connection.allows(&parts) {
        return Err(connection::insecure_password());
    }
    let attempt = read_sign_in(&parts.headers, body).await?;
    let address = attempts::address_of(&parts.headers, &parts.extensions);
    let user = attempts::authenticate(&*provider, ways.attempts.as_deref(), &attempt, address);
    let mut user = user.await?;
    user.provider = Some(provider.name().to_owned());
    let json = json!({
        "userName": user.user_name,
        "displayName": user.display_name,
        "rememberMe": attempt.remember_me,
    });
    let response = ways.answer(Accepted::of(&parts.headers), &json);
    let context = SessionContext::of(&parts.extensions)?;
    #[cfg(feature = "jwt")]
    if let Some(tokens) = &ways.tokens {
        let token = tokens.sign_in(context, user, attempt.remember_me).await?;
        return Ok(with_token(context, response, Some(token)));
    }
    let mut session = context.session_to_sign_in::<T>().await?;
    let lifetime = match attempt.remember_me {
        true => Lifetime::Permanent,
        false => Lifetime::Temporary,
    };
    session
        .sign_in(lifetime, |data| {
            if let Some(auth) = data.auth_mut() {
                *auth = user.clone();
            }
        })
        .await?;
    Ok(response)
}

async fn sign_out<T: SessionData>(
    ways: Arc<Ways<T>>,
    request: Request,
) -> Result<Response, Problem> {
    let context = SessionContext::of(request.extensions())?;
    let signed_out = context.sign_out::<T>().await?;
    #[cfg(feature = "jwt")]
    let signed_out = match ways.tokens {
        Some(_) => signed_out || context.sent_token(request.headers()).is_some(),
        None => signed_out,
    };
    let json = json!({ "signedOut": signed_out });
    let response = ways.answer(Accepted::of(request.headers()), &json);
    #[cfg(feature = "jwt")]
    if ways.tokens.is_some() {
        return Ok(with_token(context, response, None));
    }
    Ok(response)
}

/// The response that has a browser keep a token, or forget the one it has.
#[cfg(feature = "jwt")]
fn with_token(
    context: &SessionContext,
    mut response: Response,
    token: Option<(String, Option<std::time::Duration>)>,
) -> Response {
    context.write_token(response.headers_mut(), token);
    response
}

/// The longest body of a sign-in, in bytes.
const LONGEST_BODY: usize = 16 * 1_024;

async fn read_sign_in(headers: &HeaderMap, body: Body) -> Result<SignIn, Problem> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let mut fields = Fields::default();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => {
            for (name, value) in form_urlencoded::parse(&body) {
                fields.take(&name, Value::String(value.into_owned()));
            }
        }
        "application/json" => match serde_json::from_slice(&body) {
            Ok(Value::Object(object)) => object.into_iter().for_each(|(name, value)| {
                fields.take(&name, value);
            }),
            _ => return Err(bad_request("The body is not a JSON object.")),
        },
        _ => {
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            return Err(problem.with_detail("Send a form or application/json."));
        }
    }
    fields.into_sign_in()
}

/// The fields of a sign-in, whose names need not match in case.
#[derive(Default)]
struct Fields {
    user_name: Option<Value>,
    password: Option<Value>,
    remember_me: Option<Value>,
}

impl Fields {
    fn take(&mut self, name: &str, value: Value) {
        let field = match name.to_ascii_lowercase().as_str() {
            "username" => &mut self.user_name,
            "password" => &mut self.password,
            "rememberme" => &mut self.remember_me,
            _ => return,
        };
        field.get_or_insert(value);
    }

    fn into_sign_in(self) -> Result<SignIn, Problem> {
        let (Some(Value::String(user_name)), Some(Value::String(password))) =
            (self.user_name, self.password)
        else {
            return Err(bad_request(
                "userName and password are needed, both as text.",
            ));
        };
        Ok(SignIn {
            user_name,
            password,
            remember_me: self.remember_me.is_some_and(|value| is_yes(&value)),
        })
    }
}

/// What people and programs send for yes. Anything else is no, the safer of the two.
fn is_yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_i64() == Some(1),
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            matches!(text.as_str(), "true" | "on" | "yes" | "y" | "1")
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn bad_request(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_has_many_forms_and_all_else_is_no() {
        let yes = [
            json!(true),
            json!(1),
            json!("true"),
            json!("on"),
            json!("Yes"),
            json!("1"),
        ];
        let no = [
            json!(false),
            json!(0),
            json!("false"),
            json!(""),
            json!(null),
            json!([true]),
        ];
        assert!(yes.iter().all(is_yes) && !no.iter().any(is_yes));
    }
}
