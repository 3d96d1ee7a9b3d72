//! What visitors and programs can do, besides signing in and out.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use session_core::{SessionHandle, TimeToLive};
use session_web::{Accepted, Problem, Session, SessionBag, SessionContext};

use crate::app::DemoSession;

/// A session as programs and administrators see it: by its handle, never by its id.
#[derive(Serialize)]
pub(crate) struct SessionView {
    id_handle: Option<SessionHandle>,
    is_authenticated: bool,
    user_name: Option<String>,
    visits: u64,
    permanent: bool,
    time_to_live_ms: Option<u64>,
}

impl SessionView {
    fn of(session: &Session<DemoSession>) -> Self {
        Self {
            id_handle: session.handle(),
            is_authenticated: session.user().is_some(),
            user_name: session.user_name().map(str::to_owned),
            visits: session.visits,
            permanent: session.is_permanent(),
            time_to_live_ms: session.time_to_live().and_then(millis),
        }
    }
}

/// `GET /session`
pub(crate) async fn session(session: Session<DemoSession>) -> Json<SessionView> {
    Json(SessionView::of(&session))
}

#[derive(Deserialize)]
pub(crate) struct Visit {
    /// Milliseconds between reading and writing, to try by hand what happens in between.
    delay_ms: Option<u64>,
}

/// `POST /session/visit`: counts, and loses none however many requests run at once.
pub(crate) async fn visit(
    accepted: Accepted,
    Query(Visit { delay_ms }): Query<Visit>,
    mut session: Session<DemoSession>,
) -> Result<Response, Problem> {
    if let Some(delay) = delay_ms {
        if delay > 5_000 {
            return Err(problem(
                StatusCode::BAD_REQUEST,
                "delay_ms goes up to 5000.",
            ));
        }
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    session.update(|session| session.visits += 1).await?;
    Ok(match accepted {
        Accepted::Html => Redirect::to("/").into_response(),
        _ => Json(SessionView::of(&session)).into_response(),
    })
}

/// `GET /bag`
pub(crate) async fn bag_keys(bag: SessionBag) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(bag.keys().await?))
}

/// `DELETE /bag`
pub(crate) async fn empty_bag(bag: SessionBag) -> Result<StatusCode, Problem> {
    bag.remove_all().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /bag/{key}`
pub(crate) async fn bag_value(
    bag: SessionBag,
    Path(key): Path<String>,
) -> Result<Json<Value>, Problem> {
    let value = bag.get(&key).await?;
    value.map(Json).ok_or_else(no_such_key)
}

/// `PUT /bag/{key}` with a JSON body
pub(crate) async fn set_bag_value(
    bag: SessionBag,
    Path(key): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let value: Value = serde_json::from_slice(&body).map_err(|error| {
        let at = format!("line {} column {}", error.line(), error.column());
        problem(
            StatusCode::BAD_REQUEST,
            format!("The body is no JSON: see {at}."),
        )
    })?;
    bag.set(&key, &value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /bag/{key}`
pub(crate) async fn remove_bag_value(
    bag: SessionBag,
    Path(key): Path<String>,
) -> Result<StatusCode, Problem> {
    match bag.remove(&key).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_such_key()),
    }
}

/// Lets only the administrator in: ask for it in a handler, and the rest is refused.
pub(crate) struct Admin;

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let session = Session::<DemoSession>::from_request_parts(parts, state).await?;
        match session.user() {
            Some(user) if user.has_role("admin") => Ok(Self),
            Some(_) => Err(problem(
                StatusCode::FORBIDDEN,
                "This is for administrators.",
            )),
            None => Err(problem(StatusCode::UNAUTHORIZED, "Sign in first.")),
        }
    }
}

/// How many sessions a listing shows at most.
const LONGEST_LISTING: usize = 1_000;

/// `GET /admin/sessions`
pub(crate) async fn all_sessions(
    _: Admin,
    context: SessionContext,
) -> Result<Json<Vec<SessionView>>, Problem> {
    let sessions = context.sessions::<DemoSession>()?;
    let views = sessions
        .list()
        .take(LONGEST_LISTING)
        .map_ok(|listed| SessionView {
            id_handle: Some(listed.handle),
            is_authenticated: listed.data.user().is_some(),
            user_name: listed.data.user_name().map(str::to_owned),
            visits: listed.data.visits,
            permanent: listed.lifetime == session_core::Lifetime::Permanent,
            time_to_live_ms: millis(listed.time_to_live),
        })
        .try_collect()
        .await?;
    Ok(Json(views))
}

/// `DELETE /admin/sessions/{handle}`
pub(crate) async fn end_session(
    _: Admin,
    context: SessionContext,
    Path(handle): Path<String>,
) -> Result<StatusCode, Problem> {
    let sessions = context.sessions::<DemoSession>()?;
    let ended = match handle.parse() {
        Ok(handle) => sessions.remove_by_handle(&handle).await?,
        Err(_) => false,
    };
    match ended {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(problem(StatusCode::NOT_FOUND, "There is no such session.")),
    }
}

/// Everything else.
pub(crate) async fn not_found() -> Problem {
    problem(StatusCode::NOT_FOUND, "There is nothing here.")
}

fn no_such_key() -> Problem {
    problem(StatusCode::NOT_FOUND, "The bag has no such key.")
}

fn problem(status: StatusCode, detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(status).with_detail(detail)
}

/// Whole milliseconds; none for what never ends.
fn millis(time: TimeToLive) -> Option<u64> {
    match time {
        TimeToLive::Never => None,
        TimeToLive::Remaining(time) => u64::try_from(time.as_millis()).ok(),
    }
}
