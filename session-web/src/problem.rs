//! What went wrong, for whoever sent the request: one body, as JSON or as text.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Response, StatusCode};
use session_core::{Error, ErrorKind, SessionError};

/// A refusal with a body that says why: problem details (RFC 9457) or plain text, by `Accept`.
///
/// Handlers give it back as their error; failures of a session turn into one by `?`. It never
/// tells a visitor what the store said, nor an id: that goes to the log.
///
/// ```
/// use session_web::Problem;
///
/// let problem = Problem::new(http::StatusCode::NOT_FOUND).with_detail("There is no such cart.");
/// assert_eq!(problem.status(), 404);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: Option<Cow<'static, str>>,
    /// Seconds.
    retry_after: Option<u64>,
    challenge: Option<&'static str>,
}

impl Problem {
    /// A problem that says no more than its status.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            detail: None,
            retry_after: None,
            challenge: None,
        }
    }

    /// Says in a sentence what is wrong and what would be right. No id and no password.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says when trying again makes sense (`Retry-After`), in whole seconds, rounded up.
    #[must_use]
    pub fn with_retry_after(mut self, time: Duration) -> Self {
        let more = u64::from(time.subsec_nanos() > 0);
        self.retry_after = Some(time.as_secs().saturating_add(more));
        self
    }

    /// Says what would be taken as a proof (`WWW-Authenticate`), such as `Bearer`.
    #[must_use]
    pub fn with_challenge(mut self, challenge: &'static str) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The name of the status, such as `Not Found`.
    pub fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// The response, in the form that the visitor accepts; for services without axum, whose
    /// handlers give a `Problem` as it is.
    pub fn to_response<B: From<Bytes>>(&self, accepted: Accepted) -> Response<B> {
        let mut response = Response::new(B::from(Bytes::new()));
        *response.status_mut() = self.status;
        self.render(accepted, &mut response);
        response
    }

    /// Writes body and content type, and what else the problem says by header, into a response and
    /// leaves its other headers.
    pub(crate) fn render<B: From<Bytes>>(&self, accepted: Accepted, response: &mut Response<B>) {
        let (kind, body) = match accepted {
            Accepted::Json => ("application/problem+json", self.json()),
            Accepted::Html | Accepted::Text => ("text/plain; charset=utf-8", self.text()),
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.remove(CONTENT_LENGTH);
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(Ok(challenge)) = self.challenge.map(HeaderValue::from_str) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        *response.body_mut() = B::from(Bytes::from(body));
    }

    fn json(&self) -> String {
        let mut body = serde_json::json!({ "title": self.title(), "status": self.status.as_u16() });
        if let Some(detail) = self.detail() {
            body["detail"] = detail.into();
        }
        body.to_string()
    }

    fn text(&self) -> String {
        format!("{}\n", self.detail().unwrap_or(self.title()))
    }
}

impl From<SessionError> for Problem {
    /// What a visitor may know of it; the rest goes to the log.
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Removed => Self::new(StatusCode::CONFLICT).with_detail(
                "The session ended while this request was running; nothing was stored.",
            ),
            SessionError::Conflict => Self::new(StatusCode::CONFLICT)
                .with_detail("The session was changed by another request; try again."),
            SessionError::Rejected { reason } => {
                Self::new(StatusCode::FORBIDDEN).with_detail(reason)
            }
            SessionError::RequestOnly => Self::new(StatusCode::FORBIDDEN)
                .with_detail("This request has a session of its own, which keeps nothing."),
            SessionError::Store(error) => error.into(),
            // Kinds of a newer version of the core.
            error => {
                tracing::error!(%error, "a session failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl From<Error> for Problem {
    /// What a visitor may know of it; the rest goes to the log.
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidInput => {
                tracing::debug!(%error, "a request asks for what the store refuses");
                Self::new(StatusCode::BAD_REQUEST)
                    .with_detail("A key or a value is empty, too long or has a NUL in it.")
            }
            ErrorKind::Codec => {
                tracing::error!(%error, "a session does not decode");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR)
                    .with_detail("What is stored cannot be read.")
            }
            _ => {
                tracing::error!(%error, "the session store fails");
                Self::new(StatusCode::SERVICE_UNAVAILABLE)
                    .with_detail("Sessions are out of order at the moment; try again later.")
            }
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.detail().unwrap_or(self.title()))
    }
}

impl std::error::Error for Problem {}

/// The form in which a client reads answers best: what its `Accept` header names first.
///
/// JSON for who names nothing of the three, as programs do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// JSON, or anything.
    Json,
    /// HTML: a browser that shows a page.
    Html,
    /// Plain text.
    Text,
}

impl Accepted {
    /// Looks at the `Accept` header.
    pub fn of(headers: &HeaderMap) -> Self {
        let accepted = headers
            .get(ACCEPT)
            .map_or(&b""[..], |value| value.as_bytes());
        let first = accepted.split(|byte| matches!(byte, b',' | b';')).next();
        match first.map(<[u8]>::trim_ascii) {
            Some(b"text/html" | b"application/xhtml+xml") => Self::Html,
            Some(b"text/plain" | b"text/*") => Self::Text,
            _ => Self::Json,
        }
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Problem {
    /// JSON; the layer makes it text where the visitor prefers that.
    fn into_response(self) -> axum::response::Response {
        let mut response = self.to_response(Accepted::Json);
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_what_is_accepted_first() {
        let form = |accept| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            Accepted::of(&headers)
        };
        assert_eq!(
            form("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
            Accepted::Html
        );
        assert_eq!(form("text/plain; q=0.5"), Accepted::Text);
        assert_eq!(form("application/json, text/html"), Accepted::Json);
        assert_eq!(form("*/*"), Accepted::Json);
        assert_eq!(Accepted::of(&HeaderMap::new()), Accepted::Json);
    }

    #[test]
    fn a_body_says_what_is_wrong() {
        let problem = Problem::new(StatusCode::CONFLICT).with_detail("Too \"late\".");
        let response: Response<Vec<u8>> = problem
            .to_response(Accepted::Json)
            .map(|b: Bytes| b.to_vec());
        assert_eq!(response.status(), 409);
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({ "title": "Conflict", "status": 409, "detail": "Too \"late\"." })
        );
        let response: Response<Bytes> = problem.to_response(Accepted::Text);
        assert_eq!(&response.body()[..], b"Too \"late\".\n");
    }
}
