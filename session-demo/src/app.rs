//! The application: its parts, its routes, and the layers around them.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{delete, get, post};
use session_core::{ApiKeys, BoxError, CacheClientExtended, Sessions};
use session_web::{
    ApiKeyAuth, ApiKeyRoutes, AttemptLimit, AuthRoutes, Credentials, RequestAuthLayer, SessionLayer,
};

use crate::key_auth::CountingKeys;
use crate::pages::{admin, api, bag, cart, home, keys, register, sessions, token};
use crate::session::DemoSession;
use crate::users::DemoUsers;
use crate::{device, page, problem};

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) cache: Arc<dyn CacheClientExtended>,
    pub(crate) sessions: Sessions<DemoSession>,
    pub(crate) users: DemoUsers,
    pub(crate) keys: ApiKeys,
    pub(crate) key_auth: Arc<dyn ApiKeyAuth<DemoSession>>,
}

/// The longest body that is read, in bytes.
const LONGEST_BODY: usize = 64 * 1_024;

pub(crate) fn app(cache: Arc<dyn CacheClientExtended>) -> Result<Router, BoxError> {
    let users = DemoUsers::new(cache.clone());
    let keys = ApiKeys::in_cache(cache.clone());
    let site = Site {
        sessions: Sessions::new(cache.clone()),
        key_auth: Arc::new(CountingKeys::new(
            keys.clone(),
            users.clone(),
            cache.clone(),
        )),
        cache,
        users,
        keys,
    };
    let sign_in = AuthRoutes::<DemoSession>::new()
        .provider(Credentials::new(site.users.clone())?)
        .attempts(AttemptLimit::new(site.cache.clone()));

    Ok(pages()
        .merge(programs(&site))
        .nest("/token", token::routes(&site.sessions, site.users.clone())?)
        .merge(sign_in.router()?)
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(from_fn(problem::as_pages))
        .layer(from_fn(device::noted))
        .layer(SessionLayer::new(site.sessions.clone()))
        // The same for all, so outside the sessions.
        .route("/style.css", get(page::style))
        .route("/icon.svg", get(page::icon))
        .layer(from_fn(page::guarded))
        .with_state(site))
}

/// For people; what they show is JSON for programs.
fn pages() -> Router<Site> {
    let cart = get(cart::show).post(cart::add).delete(cart::empty);
    let sessions = get(sessions::show).delete(sessions::end_all);
    Router::new()
        .route("/", get(home::show))
        .route("/session", get(home::session))
        .route("/session/visit", post(home::visit))
        .route("/register", get(register::show).post(register::register))
        .route("/cart", cart)
        .route("/cart/change", post(cart::change))
        .route("/cart/remove", post(cart::remove))
        .route("/cart/empty", post(cart::empty))
        .route("/sessions", sessions)
        .route("/sessions/end-all", post(sessions::end_all))
        .route("/sessions/end-others", post(sessions::end_others))
        .route("/sessions/{handle}", delete(sessions::end))
        .route("/sessions/{handle}/end", post(sessions::end))
        .route("/keys", get(keys::show).post(keys::make))
        .route("/keys/{id}", delete(keys::cancel))
        .route("/keys/{id}/cancel", post(keys::cancel))
        .route("/keys/{id}/regenerate", post(keys::regenerate))
        .route("/admin", get(admin::show))
        .route("/admin/sessions/{handle}", delete(admin::end))
        .route("/admin/sessions/{handle}/end", post(admin::end))
}

/// For programs: the bag as it is, and what takes API keys.
fn programs(site: &Site) -> Router<Site> {
    let value = get(bag::value)
        .put(bag::set_value)
        .delete(bag::remove_value);
    let by_key = RequestAuthLayer::new(site.sessions.clone()).provider(site.key_auth.clone());
    Router::new()
        .route("/api/cached", get(api::used))
        .route("/api/uncached", get(api::used))
        .merge(ApiKeyRoutes::new(site.key_auth.clone()).router())
        .layer(by_key)
        .route("/bag", get(bag::keys).delete(bag::empty))
        .route("/bag/{key}", value)
}
