//! Listing and regenerating one's own keys, as routes that an application mounts.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use session_core::{ApiKey as StoredKey, ApiKeySecret, SessionData};

use super::{ApiKey, ApiKeyAuth, insecure};
use crate::problem::Problem;
use crate::session::Session;

/// `GET /apikeys[/{environment}]` and `POST /apikeys/regenerate[/{environment}]`, for whoever is
/// signed in or sends a key.
///
/// Listing shows what the keys are, never their texts, which nobody has; regenerating shows the
/// new ones this once. A request that came with a key that has scopes may list and not regenerate,
/// since it would get keys that can do more. As with all uses of keys, the connection has to be
/// secure.
///
/// ```
/// # use std::sync::Arc;
/// # use session_core::AuthUserSession;
/// # use session_web::{ApiKeyAuth, ApiKeyRoutes};
/// # fn routes(keys: Arc<dyn ApiKeyAuth<AuthUserSession>>) -> axum::Router {
/// axum::Router::new()
///     .merge(ApiKeyRoutes::new(keys.clone()).router())
///     // The same under paths of one's own.
///     .merge(ApiKeyRoutes::new(keys).list_at("/my/keys").regenerate_at("/my/new-keys").router())
/// # }
/// ```
pub struct ApiKeyRoutes<T> {
    auth: Arc<dyn ApiKeyAuth<T>>,
    list: String,
    regenerate: String,
}

impl<T: SessionData> ApiKeyRoutes<T> {
    /// The routes of this provider, whatever it wraps.
    pub fn new(auth: Arc<dyn ApiKeyAuth<T>>) -> Self {
        Self {
            auth,
            list: "/apikeys".to_owned(),
            regenerate: "/apikeys/regenerate".to_owned(),
        }
    }

    /// Where keys are listed; by default `/apikeys`. The environment follows after a `/`.
    #[must_use]
    pub fn list_at(mut self, path: impl Into<String>) -> Self {
        self.list = path.into();
        self
    }

    /// Where keys are regenerated; by default `/apikeys/regenerate`. The environment follows after
    /// a `/`.
    #[must_use]
    pub fn regenerate_at(mut self, path: impl Into<String>) -> Self {
        self.regenerate = path.into();
        self
    }

    /// The routes.
    ///
    /// # Panics
    ///
    /// As [`Router::route`] does, if a path does not begin with `/`.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route(&self.list, self.list_route())
            .route(&format!("{}/{{environment}}", self.list), self.list_route())
            .route(&self.regenerate, self.regenerate_route())
            .route(
                &format!("{}/{{environment}}", self.regenerate),
                self.regenerate_route(),
            )
    }

    fn list_route<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let auth = self.auth.clone();
        get(move |environment, request| list(auth.clone(), environment, request))
    }

    fn regenerate_route<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let auth = self.auth.clone();
        post(move |environment, request| regenerate(auth.clone(), environment, request))
    }
}

impl<T> fmt::Debug for ApiKeyRoutes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeyRoutes")
            .field("list", &self.list)
            .field("regenerate", &self.regenerate)
            .finish_non_exhaustive()
    }
}

async fn list<T: SessionData>(
    auth: Arc<dyn ApiKeyAuth<T>>,
    environment: Option<Path<String>>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let user_id = user_of(&*auth, &mut parts).await?;
    let environment = environment.as_deref().map(String::as_str);
    let keys = auth.keys_of(&parts, &user_id, environment).await?;
    Ok(answer(keys.iter().map(shown).collect()))
}

async fn regenerate<T: SessionData>(
    auth: Arc<dyn ApiKeyAuth<T>>,
    environment: Option<Path<String>>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let user_id = user_of(&*auth, &mut parts).await?;
    let key: Option<&ApiKey> = parts.extensions.get();
    if key.is_some_and(|key| !key.scopes.is_empty()) {
        return Err(Problem::new(StatusCode::FORBIDDEN)
            .with_detail("A key with scopes cannot make new keys."));
    }
    let environment = environment.as_deref().map(String::as_str);
    let made = auth.regenerate(&parts, &user_id, environment).await?;
    Ok(answer(made.iter().map(shown_once).collect()))
}

/// Whose keys a request may see.
async fn user_of<T: SessionData>(
    auth: &dyn ApiKeyAuth<T>,
    parts: &mut Parts,
) -> Result<String, Problem> {
    if !auth.allows_connection(parts) {
        return Err(insecure());
    }
    let session: Session<T> = Session::from_request_parts(parts, &()).await?;
    let user_id = session.data().user_id().map(str::to_owned);
    user_id.ok_or_else(|| {
        Problem::new(StatusCode::UNAUTHORIZED)
            .with_detail("Sign in, or send an API key.")
            .with_challenge("Bearer")
    })
}

fn shown(key: &StoredKey) -> Value {
    json!({
        "id": key.id(),
        "environment": key.environment,
        "keyType": key.key_type,
        "scopes": key.scopes,
        "createdMs": key.created_ms,
        "expiresMs": key.expires_ms,
        "notes": key.notes,
        "references": key.references,
    })
}

fn shown_once((secret, key): &(ApiKeySecret, StoredKey)) -> Value {
    let mut shown = shown(key);
    shown["key"] = secret.as_str().into();
    shown
}

fn answer(results: Vec<Value>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, json!({ "results": results }).to_string()).into_response()
}
