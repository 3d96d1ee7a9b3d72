//! The application: its session type, its routes, and the layer around them.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{delete, get, post};
use serde::{Deserialize, Serialize};
use session_core::{AuthUserSession, BoxError, CacheClientExtended, SessionData, Sessions};
use session_web::{AuthRoutes, Credentials, SessionLayer};

use crate::users::DemoUsers;
use crate::{page, routes};

/// What this application keeps in a session.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DemoSession {
    auth: AuthUserSession,
    pub(crate) visits: u64,
}

impl SessionData for DemoSession {
    fn auth(&self) -> Option<&AuthUserSession> {
        Some(&self.auth)
    }

    fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
        Some(&mut self.auth)
    }
}

impl DemoSession {
    /// Who is signed in.
    pub(crate) fn user(&self) -> Option<&AuthUserSession> {
        Some(&self.auth).filter(|auth| auth.is_authenticated)
    }

    pub(crate) fn user_name(&self) -> Option<&str> {
        self.user()?.user_name.as_deref()
    }
}

/// The longest value for the bag, in bytes.
const LONGEST_BODY: usize = 64 * 1_024;

pub(crate) fn app(cache: Arc<dyn CacheClientExtended>) -> Result<Router, BoxError> {
    let sessions = Sessions::<DemoSession>::new(cache);
    let auth = AuthRoutes::<DemoSession>::new().provider(Credentials::new(DemoUsers)?);
    let bag = get(routes::bag_value)
        .put(routes::set_bag_value)
        .delete(routes::remove_bag_value);

    Ok(Router::new()
        .route("/", get(page::home))
        .merge(auth.router()?)
        .route("/session", get(routes::session))
        .route("/session/visit", post(routes::visit))
        .route("/bag", get(routes::bag_keys).delete(routes::empty_bag))
        .route("/bag/{key}", bag)
        .route("/admin/sessions", get(routes::all_sessions))
        .route("/admin/sessions/{handle}", delete(routes::end_session))
        .fallback(routes::not_found)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(from_fn(page::problems_as_pages))
        .layer(SessionLayer::new(sessions)))
}
