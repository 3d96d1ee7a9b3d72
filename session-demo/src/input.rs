//! What a form, a program's JSON or an address says, as one type.

use axum::Json;
use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use session_web::{Problem, Session};

use crate::app::Site;
use crate::problem::problem;
use crate::session::DemoSession;

/// The body of a request, a form or JSON; of a `GET` the query of its address.
pub(crate) struct Input<T>(pub(crate) T);

/// What a client may send.
pub(crate) trait Fields: DeserializeOwned {
    /// What would be right, in a sentence for whoever sent something else.
    const WANTED: &'static str;
}

impl<T: Fields, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE);
        let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
            && !request.method().is_safe();
        let read = match is_json {
            true => Json::from_request(request, state)
                .await
                .map(|Json(fields)| fields)
                .map_err(IntoResponse::into_response),
            false => Form::from_request(request, state)
                .await
                .map(|Form(fields)| fields)
                .map_err(IntoResponse::into_response),
        };
        // The library's own words quote what was sent.
        read.map(Self).map_err(|refused| match refused.status() {
            StatusCode::UNPROCESSABLE_ENTITY => problem(StatusCode::BAD_REQUEST, T::WANTED),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => problem(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send a form or application/json.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(StatusCode::PAYLOAD_TOO_LARGE),
            _ => problem(StatusCode::BAD_REQUEST, T::WANTED),
        })
    }
}

/// Lets only who is signed in pass: ask for it in a handler, and the rest is refused.
pub(crate) struct SignedIn {
    pub(crate) session: Session<DemoSession>,
    pub(crate) user_id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let session = Session::<DemoSession>::from_request_parts(parts, state).await?;
        let user_id = session.user().and_then(|user| user.user_id.clone());
        match user_id {
            Some(user_id) => Ok(Self { session, user_id }),
            None => Err(problem(StatusCode::UNAUTHORIZED, "Sign in first.")),
        }
    }
}

/// The same for the administrator alone.
pub(crate) struct Admin(pub(crate) Session<DemoSession>);

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let SignedIn { session, .. } = SignedIn::from_request_parts(parts, state).await?;
        match session.is_admin() {
            true => Ok(Self(session)),
            false => Err(problem(
                StatusCode::FORBIDDEN,
                "This is for administrators.",
            )),
        }
    }
}

/// A connection on which passwords and keys may go in the open: HTTPS, or this very machine.
pub(crate) struct Confidential {
    /// The host that was asked for.
    pub(crate) host: String,
}

impl FromRequestParts<Site> for Confidential {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Problem> {
        if !site.key_auth.allows_connection(parts) {
            let needed = "Passwords and API keys go over a secure connection (HTTPS) only.";
            return Err(problem(StatusCode::FORBIDDEN, needed));
        }
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        Ok(Self {
            host: host.unwrap_or("localhost").to_owned(),
        })
    }
}
