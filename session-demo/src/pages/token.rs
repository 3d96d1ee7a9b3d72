//! Signing in without a stored session: a signed token in the cookie `ss-tok` says who it is.
//!
//! The routes are a site of their own below `/token`, so that the rest shows stored sessions.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use maud::html;
use serde_json::json;
use session_core::{BoxError, Sessions};
use session_web::{
    Accepted, AttemptLimit, AuthRoutes, Credentials, JwtAuth, JwtKey, JwtKeys, RequestAuthLayer,
    Session,
};

use super::home::sign_in_form;
use crate::app::Site;
use crate::page::{Done, Page};
use crate::session::DemoSession;
use crate::users::DemoUsers;

/// How long a token is good. It cannot be taken back, so not long.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

pub(crate) fn routes(
    sessions: &Sessions<DemoSession>,
    users: DemoUsers,
) -> Result<Router<Site>, BoxError> {
    // Made at each start, so that tokens end with the program. Several servers would share a key
    // that their configuration gives them.
    let secret = sessions.new_id()?;
    let key = JwtKey::hs256(secret.as_str().as_bytes())?;
    let tokens = JwtAuth::new(JwtKeys::new(key), "session-demo").lifetime(LIFETIME);
    let sign_in = AuthRoutes::<DemoSession>::new()
        .provider(Credentials::new(users)?)
        .attempts(AttemptLimit::new(sessions.cache().clone()))
        .token_cookie(tokens.clone())
        .redirect_to("/token");
    let by_token = RequestAuthLayer::new(sessions.clone()).provider(tokens);
    Ok(Router::new()
        .route("/", get(show))
        .merge(sign_in.router()?)
        .layer(by_token))
}

/// `GET /token`
async fn show(accepted: Accepted, after: Done, session: Session<DemoSession>) -> Response {
    // A stored session is no token.
    let name = session.display_name().filter(|_| session.is_request_only());
    if accepted != Accepted::Html {
        return Json(json!({ "display_name": name })).into_response();
    }
    let main = html! {
        @match name {
            Some(name) => section aria-labelledby="who" {
                h2 id="who" { "Hello, " (name) }
                p { "Your browser has a token that says so. Nothing is stored here." }
                form method="post" action="/token/auth/logout" {
                    button.quiet { "Forget the token" }
                }
            },
            None => (sign_in_form("/token")),
        }
        p.hint {
            "A token cannot be taken back before it ends, and keeps no cart. Signing in here ends "
            "the stored session of this browser. " a href="/" { "Sign in with a session" } "."
        }
    };
    let page = Page::new("Sign in with a token", "/token").after(after);
    page.show(&main).into_response()
}
