//! All sessions of the site, for its administrator.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use serde_json::json;
use session_core::{CurrentSession, Sessions};
use session_web::{Accepted, Problem};

use super::listed::Listed;
use crate::app::Site;
use crate::input::{Admin, Fields, Input};
use crate::page::{Done, Page, done};
use crate::problem::problem;
use crate::session::DemoSession;

/// Sessions on a page.
const PER_PAGE: usize = 25;
/// How many sessions are looked at for a page, whatever the store holds.
const MOST_LOOKED_AT: usize = 5_000;

#[derive(Deserialize)]
pub(crate) struct Search {
    /// A part of a user name, a device or a handle.
    #[serde(default)]
    q: String,
    #[serde(default = "first")]
    page: usize,
}

fn first() -> usize {
    1
}

impl Fields for Search {
    const WANTED: &'static str = "Send q, a text to look for, and page, a number from 1 on.";
}

/// What a search came to.
#[derive(Serialize)]
struct Found {
    sessions: Vec<Listed>,
    page: usize,
    /// Whether there is a next page.
    more: bool,
    /// Whether the search ended before all sessions were looked at.
    incomplete: bool,
}

/// `GET /admin?q=&page=`
pub(crate) async fn show(
    accepted: Accepted,
    after: Done,
    State(site): State<Site>,
    Admin(session): Admin,
    Input(search): Input<Search>,
) -> Result<Response, Problem> {
    if search.page == 0 || search.page > MOST_LOOKED_AT / PER_PAGE {
        return Err(problem(StatusCode::BAD_REQUEST, Search::WANTED));
    }
    let found = find(&site.sessions, &search, session.current()).await?;
    if accepted != Accepted::Html {
        return Ok(Json(found).into_response());
    }
    let main = html! {
        (search_form(&search))
        (results(&search, &found))
    };
    Ok(Page::new("All sessions", "/admin")
        .after(after)
        .show(&main)
        .into_response())
}

/// Goes through the sessions as the store lists them and keeps one page of them, so that memory
/// does not grow with the store. The order is the store's; while sessions come and go, one may be
/// on two pages or on none.
async fn find(
    sessions: &Sessions<DemoSession>,
    search: &Search,
    current: &CurrentSession,
) -> Result<Found, Problem> {
    let mut all = sessions.list();
    let mut found = Found {
        sessions: Vec::new(),
        page: search.page,
        more: false,
        incomplete: false,
    };
    let (mut looked_at, mut to_skip) = (0, (search.page - 1) * PER_PAGE);
    while let Some(listed) = all.try_next().await? {
        if looked_at == MOST_LOOKED_AT {
            found.incomplete = true;
            break;
        }
        looked_at += 1;
        let listed = Listed::of(listed, current);
        if !listed.matches(search.q.trim()) {
            continue;
        }
        if to_skip > 0 {
            to_skip -= 1;
        } else if found.sessions.len() < PER_PAGE {
            found.sessions.push(listed);
        } else {
            found.more = true;
            break;
        }
    }
    Ok(found)
}

fn search_form(search: &Search) -> Markup {
    html! {
        section aria-labelledby="search" {
            h2 id="search" { "Search" }
            form role="search" method="get" action="/admin" {
                label for="q" { "User name, device or handle" }
                input id="q" name="q" type="search" value=(search.q) maxlength="100"
                    autocapitalize="none";
                button { "Search" }
            }
        }
    }
}

fn results(search: &Search, found: &Found) -> Markup {
    html! {
        section aria-labelledby="results" {
            h2 id="results" {
                "Sessions"
                @if !search.q.trim().is_empty() { " with “" (search.q.trim()) "”" }
                @if search.page > 1 { ", page " (search.page) }
            }
            @if found.sessions.is_empty() { p { "None." } }
            ul.list { @for one in &found.sessions { li { (one.show("/admin/sessions", true)) } } }
            @if found.incomplete {
                p { "The first " (MOST_LOOKED_AT) " sessions were searched." }
            }
            @if found.more || search.page > 1 {
                nav aria-label="Pages" { p {
                    @if search.page > 1 { a href=(address(search, search.page - 1)) { "Page before" } }
                    @if found.more && search.page > 1 { " · " }
                    @if found.more { a href=(address(search, search.page + 1)) { "Next page" } }
                } }
            }
        }
    }
}

fn address(search: &Search, page: usize) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", &search.q);
    query.append_pair("page", &page.to_string());
    format!("/admin?{}", query.finish())
}

/// `POST /admin/sessions/{handle}/end`, `DELETE /admin/sessions/{handle}`
pub(crate) async fn end(
    accepted: Accepted,
    State(site): State<Site>,
    _: Admin,
    Path(handle): Path<String>,
) -> Result<Response, Problem> {
    let ended = match handle.parse() {
        Ok(handle) => site.sessions.remove_by_handle(&handle).await?,
        Err(_) => false,
    };
    match (ended, accepted) {
        (true, _) => Ok(done(accepted, "/admin", "ended", json!({ "ended": 1 }))),
        (false, Accepted::Html) => Ok(done(accepted, "/admin", "gone", ())),
        (false, _) => Err(problem(StatusCode::NOT_FOUND, "There is no such session.")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_search_looks_at_so_many_sessions_and_says_so() {
        let cache = cache_connect::connect("memory:").await.unwrap();
        let sessions = Sessions::<DemoSession>::new(cache);
        let search = Search {
            q: "nobody".to_owned(),
            page: 1,
        };
        let current = CurrentSession::new(None);
        for more in [MOST_LOOKED_AT, 1] {
            for _ in 0..more {
                sessions.get_or_create(None).await.unwrap();
            }
            let found = find(&sessions, &search, &current).await.unwrap();
            assert_eq!(found.incomplete, more == 1);
            assert!(found.sessions.is_empty() && !found.more);
        }
    }
}
