//! The frame of every page: plain HTML that works without scripts, on a phone and with a screen
//! reader.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Json, http};
use maud::{DOCTYPE, Markup, html};
use serde::Serialize;
use session_core::TimeToLive;
use session_web::Accepted;

/// A page before its content.
pub(crate) struct Page<'p> {
    title: &'p str,
    /// The path that leads here, to be marked in the navigation.
    here: &'p str,
    done: Done,
    is_problem: bool,
}

impl<'p> Page<'p> {
    pub(crate) fn new(title: &'p str, here: &'p str) -> Self {
        Self {
            title,
            here,
            done: Done(None),
            is_problem: false,
        }
    }

    /// Says what was done on the page before.
    pub(crate) fn after(mut self, done: Done) -> Self {
        self.done = done;
        self
    }

    pub(crate) fn with_problem(mut self) -> Self {
        self.is_problem = true;
        self
    }

    pub(crate) fn show(&self, main: &Markup) -> Html<String> {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    // A screen reader begins with the title.
                    title {
                        @if self.is_problem { "Error: " }
                        (self.title) " – Session demo"
                    }
                    link rel="stylesheet" href="/style.css";
                    link rel="icon" href="/icon.svg" type="image/svg+xml";
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header {
                        nav aria-label="Site" { ul {
                            @for (path, name) in NAVIGATION {
                                @let current = (path == self.here).then_some("page");
                                li { a href=(path) aria-current=[current] { (name) } }
                            }
                        } }
                    }
                    main id="main" {
                        h1 { (self.title) }
                        // The focus tells a screen reader of it on a page that was just loaded.
                        @if let Some(sentence) = self.done.0 {
                            p.notice role="status" tabindex="-1" autofocus { (sentence) }
                        }
                        (main)
                    }
                }
            }
        };
        Html(page.into_string())
    }
}

const NAVIGATION: [(&str, &str); 5] = [
    ("/", "Start"),
    ("/cart", "Cart"),
    ("/sessions", "Sessions"),
    ("/keys", "API keys"),
    ("/admin", "Admin"),
];

/// What was done on the page before: a word in the address that a redirect leads to, and the
/// sentence for it. Nothing else that stands there is ever shown.
pub(crate) struct Done(Option<&'static str>);

const SENTENCES: [(&str, &str); 14] = [
    ("added", "The article is in your cart."),
    ("changed", "The quantity is changed."),
    ("removed", "The article is out of your cart."),
    ("emptied", "Your cart is empty now."),
    ("counted", "The visit is counted."),
    ("ended", "The session has ended."),
    ("gone", "That session was not there any more."),
    ("elsewhere", "You are signed out everywhere else."),
    ("everywhere", "You are signed out everywhere."),
    ("made", "The key is made."),
    ("cancelled", "The key is cancelled and refused from now on."),
    ("no-key", "There was no such key any more."),
    (
        "sent-before",
        "That form was sent before; no second key was made.",
    ),
    ("registered", "You are registered and signed in."),
];

impl Done {
    pub(crate) fn by(word: &str) -> Self {
        let sentence = SENTENCES.iter().find(|(known, _)| *known == word);
        Self(sentence.map(|(_, sentence)| *sentence))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Done {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let word = pairs.find_map(|(name, value)| (name == "done").then_some(value));
        Ok(Self::by(&word.unwrap_or_default()))
    }
}

/// The answer to a form is a page to go to, so that loading it again repeats nothing; the answer to
/// a program is what it asked for.
pub(crate) fn done(accepted: Accepted, path: &str, word: &str, json: impl Serialize) -> Response {
    match accepted {
        Accepted::Html => Redirect::to(&format!("{path}?done={word}")).into_response(),
        Accepted::Json | Accepted::Text => Json(json).into_response(),
    }
}

/// What every response says to browsers: it is one visitor's, loads nothing but our own style, and
/// other sites can neither frame nor extend it.
pub(crate) async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let value = HeaderValue::from_static;
    headers.insert(CONTENT_SECURITY_POLICY, value(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, value("nosniff"));
    headers.insert(REFERRER_POLICY, value("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(value("no-store"));
    response
}

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// `GET /style.css`
pub(crate) async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("style.css"))
}

/// `GET /icon.svg`
pub(crate) async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("icon.svg"))
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, max-age=3600"),
    ];
    (http::StatusCode::OK, headers, text)
}

/// A time as people say it: `3 hours`, `28 days`.
pub(crate) fn words(time: Duration) -> String {
    let minutes = (time.as_secs() + 30) / 60;
    let (count, unit) = match minutes {
        0 => return "less than a minute".to_owned(),
        1..=90 => (minutes, "minute"),
        91..=2_880 => ((minutes + 30) / 60, "hour"),
        _ => ((minutes + 720) / 1_440, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// Whole milliseconds; none for what never ends.
pub(crate) fn millis(time: TimeToLive) -> Option<u64> {
    match time {
        TimeToLive::Never => None,
        TimeToLive::Remaining(time) => u64::try_from(time.as_millis()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        for (seconds, said) in [
            (29, "less than a minute"),
            (60, "1 minute"),
            (90 * 60, "90 minutes"),
            (2 * 3_600, "2 hours"),
            (14 * 86_400 - 5, "14 days"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), said);
        }
    }
}
