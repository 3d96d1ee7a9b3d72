//! Signing in and out, and counting visits.

use std::time::Duration;

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::{Html, Response};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use session_core::SessionHandle;
use session_web::{Accepted, Problem, Session};

use crate::page::{Done, Page, done, millis, words};
use crate::problem::problem;
use crate::session::DemoSession;

/// `GET /`
pub(crate) async fn show(after: Done, session: Session<DemoSession>) -> Html<String> {
    let main = html! {
        @match session.display_name() {
            Some(name) => (signed_in(name, &session)),
            None => (sign_in_form("")),
        }
        section aria-labelledby="visits" {
            h2 id="visits" { "Visits" }
            p { "Counted so far: " strong { (session.visits) } }
            form method="post" action="/session/visit" { button { "Count a visit" } }
            p.hint {
                "The first one makes a session; before that nothing is stored. "
                a href="/session" { "See it as JSON" } "."
            }
        }
    };
    Page::new("Start", "/").after(after).show(&main)
}

fn signed_in(name: &str, session: &Session<DemoSession>) -> Markup {
    let left = session.time_to_live().and_then(millis);
    html! {
        section aria-labelledby="who" {
            h2 id="who" { @if session.newcomer { "Welcome, " } @else { "Hello, " } (name) }
            @if let Some(left) = left {
                p {
                    "You stay signed in for " (words(Duration::from_millis(left)))
                    @if session.is_permanent() { ", on this device also after you close the browser." }
                    @else { " at most, until you close the browser." }
                }
            }
            form method="post" action="/auth/logout" { button.quiet { "Sign out" } }
        }
    }
}

/// A form that signs in at `/auth/credentials` below `base`.
pub(crate) fn sign_in_form(base: &str) -> Markup {
    html! {
        section aria-labelledby="sign-in" {
            h2 id="sign-in" { "Sign in" }
            form method="post" action={ (base) "/auth/credentials" } {
                label for="userName" { "User name" }
                input id="userName" name="userName" autocomplete="username" autocapitalize="none"
                    spellcheck="false" required;
                label for="password" { "Password" }
                input id="password" name="password" type="password"
                    autocomplete="current-password" required;
                label.choice {
                    input type="checkbox" name="rememberMe" value="true"; "Remember me"
                }
                button { "Sign in" }
            }
            p.hint {
                "Try " code { "alice" } " with " code { "alice-password" } ", or " code { "admin" }
                " with " code { "admin-password" } ". Or " a href="/register" { "register" }
                @if base.is_empty() { ", or " a href="/token" { "sign in with a token" } } "."
            }
        }
    }
}

/// A session as its own visitor sees it: by its handle, never by its id.
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
    #[serde(default)]
    delay_ms: u64,
}

/// `POST /session/visit`: counts, and loses none however many requests run at once.
pub(crate) async fn visit(
    accepted: Accepted,
    visit: Result<Query<Visit>, QueryRejection>,
    mut session: Session<DemoSession>,
) -> Result<Response, Problem> {
    match visit {
        Ok(Query(Visit { delay_ms })) if delay_ms <= LONGEST_DELAY_MS => {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        _ => {
            let wanted = format!("delay_ms is a number up to {LONGEST_DELAY_MS}.");
            return Err(problem(StatusCode::BAD_REQUEST, wanted));
        }
    }
    session.update(|session| session.visits += 1).await?;
    Ok(done(accepted, "/", "counted", SessionView::of(&session)))
}

const LONGEST_DELAY_MS: u64 = 5_000;
