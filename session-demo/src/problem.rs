//! What goes wrong, as a page for browsers and as it is for programs.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::html;
use session_web::{Accepted, Problem};

use crate::page::Page;
use crate::pages::home;

pub(crate) fn problem(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(status).with_detail(detail)
}

/// Everything that has no route.
pub(crate) async fn not_found() -> Problem {
    problem(StatusCode::NOT_FOUND, "There is nothing here.")
}

/// A route that does not take the method.
pub(crate) async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED)
}

/// Shows problems to browsers as pages with a way on; programs get them as they are.
pub(crate) async fn as_pages(request: Request, next: Next) -> Response {
    let accepted = Accepted::of(request.headers());
    let here = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if accepted != Accepted::Html {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let sentence = problem.to_string();
    let main = html! {
        p.notice.bad role="alert" { (sentence) }
        @if problem.status() == StatusCode::UNAUTHORIZED {
            (home::sign_in_form(if here.starts_with("/token") { "/token" } else { "" }))
        } @else {
            p { a href="/" { "Back to the start" } }
        }
    };
    let page = Page::new(problem.title(), &here).with_problem();
    // Its other headers stay, such as when to try again.
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    let html = page.show(&main);
    (parts, html).into_response()
}
