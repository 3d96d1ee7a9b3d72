//! What programs call with an API key. The two routes differ in one thing, which `key_auth` decides:
//! whether the key's session is made anew for each request.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Serialize;
use session_core::TypedCache;
use session_web::{ApiKey, Problem, Session};

use crate::app::Site;
use crate::key_auth::{cached_for, uses_key};
use crate::problem::problem;
use crate::session::DemoSession;

/// The scope that the routes ask for; a key without any scope may do everything.
pub(crate) const SCOPE: &str = "read";

#[derive(Serialize)]
pub(crate) struct Used {
    user_name: Option<String>,
    key_id: String,
    environment: String,
    scopes: Vec<String>,
    /// How often the key was used, at any route and cached or not.
    uses: i64,
    /// When the session of this request was made: cached ones are older than the request.
    session_made_ms: Option<i64>,
    cached_for_seconds: Option<u64>,
}

/// `GET /api/cached`, `GET /api/uncached`
pub(crate) async fn used(
    State(site): State<Site>,
    key: ApiKey,
    session: Session<DemoSession>,
    request: Request,
) -> Result<Json<Used>, Problem> {
    if !key.scopes.is_empty() && !key.has_scope(SCOPE) {
        return Err(problem(
            StatusCode::FORBIDDEN,
            "The key lacks the scope read.",
        ));
    }
    let (parts, _) = request.into_parts();
    let uses = site.cache.get(&uses_key(&key.id())).await?;
    Ok(Json(Used {
        user_name: session.user_name().map(str::to_owned),
        key_id: key.id(),
        environment: key.environment.clone(),
        scopes: key.scopes.iter().cloned().collect(),
        uses: uses.unwrap_or_default(),
        session_made_ms: session.auth.authenticated_ms,
        cached_for_seconds: cached_for(&parts).map(|time| time.as_secs()),
    }))
}
