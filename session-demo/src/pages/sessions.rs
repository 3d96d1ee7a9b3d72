//! A user's own sessions: which there are, ending one, and signing out everywhere.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;
use serde_json::json;
use session_web::{Accepted, Problem, SessionContext};

use super::listed::Listed;
use crate::app::Site;
use crate::input::SignedIn;
use crate::page::{Done, Page, done};
use crate::problem::problem;
use crate::session::DemoSession;

/// How many sessions are shown, those saved last first; all of them can be ended at once.
const MOST_SHOWN: usize = 100;

/// `GET /sessions`
pub(crate) async fn show(
    accepted: Accepted,
    after: Done,
    State(site): State<Site>,
    SignedIn { session, user_id }: SignedIn,
) -> Result<Response, Problem> {
    let all = site.sessions.list_user(&user_id).await?;
    let count = all.len();
    let shown = all.into_iter().take(MOST_SHOWN);
    let listed: Vec<Listed> = shown
        .map(|one| Listed::of(one, session.current()))
        .collect();
    if accepted != Accepted::Html {
        return Ok(Json(json!({ "count": count, "sessions": listed })).into_response());
    }
    let main = html! {
        section aria-labelledby="where" {
            h2 id="where" { "Where you are signed in" }
            ul.list { @for one in &listed { li { (one.show("/sessions", false)) } } }
            @if count > listed.len() { p { "And " (count - listed.len()) " more." } }
        }
        section aria-labelledby="all" {
            h2 id="all" { "All at once" }
            p { "After a change of your password, or if you see a session that is not yours." }
            div.row {
                form method="post" action="/sessions/end-others" {
                    button.bad { "Sign out everywhere else" }
                }
                form method="post" action="/sessions/end-all" {
                    button.bad { "Sign out everywhere" }
                }
            }
        }
    };
    let page = Page::new("Your sessions", "/sessions").after(after);
    Ok(page.show(&main).into_response())
}

/// `POST /sessions/{handle}/end`, `DELETE /sessions/{handle}`: one session of this user.
pub(crate) async fn end(
    accepted: Accepted,
    context: SessionContext,
    State(site): State<Site>,
    SignedIn { session, user_id }: SignedIn,
    Path(handle): Path<String>,
) -> Result<Response, Problem> {
    let handle = handle.parse().ok();
    if handle.is_some() && handle == session.handle() {
        // The browser forgets its ids too.
        context.sign_out::<DemoSession>().await?;
        return Ok(done(accepted, "/", "ended", json!({ "ended": 1 })));
    }
    let ended = match handle {
        Some(handle) => site.sessions.remove_user_session(&user_id, &handle).await?,
        None => false,
    };
    match (ended, accepted) {
        (true, _) => Ok(done(accepted, "/sessions", "ended", json!({ "ended": 1 }))),
        (false, Accepted::Html) => Ok(done(accepted, "/sessions", "gone", ())),
        (false, _) => Err(problem(StatusCode::NOT_FOUND, "You have no such session.")),
    }
}

/// `POST /sessions/end-others`: everywhere but here.
pub(crate) async fn end_others(
    accepted: Accepted,
    State(site): State<Site>,
    SignedIn { session, user_id }: SignedIn,
) -> Result<Response, Problem> {
    let current = session.current();
    let ended = site.sessions.remove_user_except(&user_id, current).await?;
    let json = json!({ "ended": ended });
    Ok(done(accepted, "/sessions", "elsewhere", json))
}

/// `POST /sessions/end-all`, `DELETE /sessions`: everywhere, here too.
pub(crate) async fn end_all(
    accepted: Accepted,
    context: SessionContext,
    State(site): State<Site>,
    SignedIn { user_id, .. }: SignedIn,
) -> Result<Response, Problem> {
    let ended = site.sessions.remove_user(&user_id).await?;
    context.sign_out::<DemoSession>().await?;
    Ok(done(accepted, "/", "everywhere", json!({ "ended": ended })))
}
