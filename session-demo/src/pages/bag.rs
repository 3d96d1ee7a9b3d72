//! The bag of a session as programs see it: JSON by key.

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::Value;
use session_web::{Problem, SessionBag};

use crate::problem::problem;

/// `GET /bag`
pub(crate) async fn keys(bag: SessionBag) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(bag.keys().await?))
}

/// `DELETE /bag`
pub(crate) async fn empty(bag: SessionBag) -> Result<StatusCode, Problem> {
    bag.remove_all().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /bag/{key}`
pub(crate) async fn value(
    bag: SessionBag,
    Path(key): Path<String>,
) -> Result<Json<Value>, Problem> {
    let value = bag.get(&key).await?;
    value.map(Json).ok_or_else(no_such_key)
}

/// `PUT /bag/{key}` with a JSON body
pub(crate) async fn set_value(
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
pub(crate) async fn remove_value(
    bag: SessionBag,
    Path(key): Path<String>,
) -> Result<StatusCode, Problem> {
    match bag.remove(&key).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_such_key()),
    }
}

fn no_such_key() -> Problem {
    problem(StatusCode::NOT_FOUND, "The bag has no such key.")
}
