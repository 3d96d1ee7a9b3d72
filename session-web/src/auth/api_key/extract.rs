//! The key of a request, for handlers.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use session_core::KeyRefusal;

use super::refused;
use crate::problem::Problem;

/// The API key with which a request came: an axum extractor. It dereferences to
/// [`session_core::ApiKey`].
///
/// A request without a key is answered 401, as one with a bad key is; `Option<ApiKey>` takes both
/// requests with a good key and those with none.
///
/// ```no_run
/// # use session_web::{ApiKey, Problem};
/// async fn order(key: ApiKey) -> Result<String, Problem> {
///     if !key.has_scope("orders:write") {
///         return Err(Problem::new(http::StatusCode::FORBIDDEN));
///     }
///     Ok(format!("ordered in {}", key.environment))
/// }
/// ```
#[derive(Clone)]
pub struct ApiKey(Arc<session_core::ApiKey>);

impl ApiKey {
    /// For who authenticates by other means, or a test: to be put among a request's extensions.
    pub fn new(key: session_core::ApiKey) -> Self {
        Self(Arc::new(key))
    }
}

impl Deref for ApiKey {
    type Target = session_core::ApiKey;

    fn deref(&self) -> &session_core::ApiKey {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ApiKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let key: Option<&Self> = parts.extensions.get();
        key.cloned().ok_or_else(|| refused(KeyRefusal::Missing))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for ApiKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok(parts.extensions.get().cloned())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
