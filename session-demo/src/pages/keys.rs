//! A user's API keys: making one, which is shown once; regenerating and cancelling.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use serde_json::json;
use session_core::{ApiKey, ApiKeySecret, NewApiKey, TypedCache};
use session_web::{Accepted, Problem};

use super::listed::since_1970;
use crate::app::Site;
use crate::input::{Confidential, Fields, Input, SignedIn};
use crate::key_auth::uses_key;
use crate::page::{Done, Page, done, words};
use crate::problem::problem;
use crate::session::DemoSession;

const ENVIRONMENTS: [&str; 2] = ["test", "live"];
const MOST_DAYS: u64 = 3_650;
const MOST_SCOPES: usize = 10;
/// Characters.
const LONGEST_NOTES: usize = 200;

/// What a new key is to be.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    environment: String,
    /// Separated by blanks; none lets the key do everything.
    #[serde(default)]
    scopes: String,
    /// 0 is for ever.
    #[serde(default)]
    expires_in_days: u64,
    #[serde(default)]
    notes: String,
    /// Which form of its session it is. Programs send none.
    form: Option<u64>,
}

impl Fields for Wanted {
    const WANTED: &'static str = "Send environment (test or live) and, if you like, scopes (up to \
        10 words of letters, digits and : . _ -), expires_in_days (up to 3650, 0 for ever) and \
        notes (up to 200 characters).";
}

/// A key as a list shows it.
#[derive(Serialize)]
struct KeyView {
    id: String,
    environment: String,
    scopes: BTreeSet<String>,
    notes: Option<String>,
    created_ms: i64,
    expires_ms: Option<i64>,
    uses: i64,
}

impl KeyView {
    fn of(key: ApiKey, uses: i64) -> Self {
        Self {
            id: key.id(),
            environment: key.environment,
            scopes: key.scopes,
            notes: key.notes,
            created_ms: key.created_ms,
            expires_ms: key.expires_ms,
            uses,
        }
    }
}

/// `GET /keys`
pub(crate) async fn show(
    accepted: Accepted,
    after: Done,
    State(site): State<Site>,
    SignedIn { session, user_id }: SignedIn,
) -> Result<Response, Problem> {
    let keys = site.keys.of_user(&user_id, None).await?;
    let counters: Vec<String> = keys.iter().map(|key| uses_key(&key.id())).collect();
    let counters: Vec<&str> = counters.iter().map(String::as_str).collect();
    let uses = site.cache.get_all::<i64>(&counters).await?;
    let with_uses = keys.into_iter().zip(uses);
    let views: Vec<KeyView> = with_uses
        .map(|(key, uses)| KeyView::of(key, uses.unwrap_or_default()))
        .collect();
    if accepted != Accepted::Html {
        return Ok(Json(json!({ "keys": views })).into_response());
    }
    let main = html! {
        section aria-labelledby="yours" {
            h2 id="yours" { "Your keys" }
            @if views.is_empty() { p { "You have none." } }
            ul.list { @for key in &views { li { (row(key)) } } }
        }
        (make_form(session.key_forms))
    };
    let page = Page::new("API keys", "/keys").after(after);
    Ok(page.show(&main).into_response())
}

fn row(key: &KeyView) -> Markup {
    let now_ms = since_1970(SystemTime::now());
    let apart = |ms: i64| Duration::from_millis(ms.unsigned_abs().abs_diff(now_ms));
    let name = match &key.notes {
        Some(notes) => notes,
        None => &format!("Key {}", &key.id[..6]),
    };
    html! {
        h3 { (name) span.mark { (key.environment) } }
        dl {
            dt { "Scopes" }
            dd { @if key.scopes.is_empty() { "everything" } @for scope in &key.scopes { code { (scope) } " " } }
            dt { "Made" } dd { (words(apart(key.created_ms))) " ago" }
            dt { "Good for" }
            dd { @match key.expires_ms { Some(end) => (words(apart(end))), None => "ever" } }
            dt { "Used" } dd { (key.uses) @if key.uses == 1 { " time" } @else { " times" } }
        }
        div.row {
            form method="post" action={ "/keys/" (key.id) "/regenerate" } {
                button.quiet { "Regenerate" span.away { " " (name) } }
            }
            form method="post" action={ "/keys/" (key.id) "/cancel" } {
                button.bad { "Cancel" span.away { " " (name) } }
            }
        }
    }
}

fn make_form(form: u64) -> Markup {
    html! {
        section aria-labelledby="make" {
            h2 id="make" { "Make a key" }
            form method="post" action="/keys" {
                input type="hidden" name="form" value=(form);
                label for="environment" { "Environment" }
                select id="environment" name="environment" {
                    @for name in ENVIRONMENTS { option { (name) } }
                }
                label for="scopes" { "Scopes, separated by blanks" }
                input id="scopes" name="scopes" value="read" autocapitalize="none"
                    autocomplete="off" spellcheck="false" aria-describedby="scopes-hint";
                p.hint id="scopes-hint" {
                    "The API asks for " code { "read" } ". A key without scopes may do everything."
                }
                label for="expires" { "Good for" }
                select id="expires" name="expires_in_days" {
                    option value="1" { "a day" }
                    option value="30" selected { "30 days" }
                    option value="365" { "a year" }
                    option value="0" { "ever" }
                }
                label for="notes" { "Notes" }
                input id="notes" name="notes" maxlength=(LONGEST_NOTES) autocomplete="off"
                    placeholder="What it is for";
                button { "Make the key" }
            }
        }
    }
}

/// `POST /keys`
///
/// The text of a key is in this one response. So a browser is not sent on to another page, for
/// which the text would have to be stored. Loading the page again sends the form again, and a form
/// makes one key only.
pub(crate) async fn make(
    accepted: Accepted,
    State(site): State<Site>,
    connection: Confidential,
    SignedIn {
        mut session,
        user_id,
    }: SignedIn,
    Input(wanted): Input<Wanted>,
) -> Result<Response, Problem> {
    let new = wanted.checked()?;
    if let Some(form) = wanted.form {
        let take = |session: &mut DemoSession| {
            let is_new = session.key_forms == form;
            session.key_forms += u64::from(is_new);
            is_new
        };
        if !session.update(take).await? {
            return Ok(done(accepted, "/keys", "sent-before", ()));
        }
    }
    let made = site.keys.make(&user_id, new).await?;
    Ok(shown_once(accepted, &connection, StatusCode::CREATED, made))
}

impl Wanted {
    fn checked(&self) -> Result<NewApiKey, Problem> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":._-".contains(&byte);
        let mut scopes = self.scopes.split_whitespace();
        let notes = self.notes.trim();
        let right = ENVIRONMENTS.contains(&&*self.environment)
            && scopes.clone().count() <= MOST_SCOPES
            && scopes.all(|scope| scope.len() <= 40 && scope.bytes().all(fits))
            && self.expires_in_days <= MOST_DAYS
            && notes.chars().count() <= LONGEST_NOTES
            && !notes.contains(char::is_control);
        if !right {
            return Err(problem(StatusCode::BAD_REQUEST, Self::WANTED));
        }
        let days = (self.expires_in_days > 0).then_some(self.expires_in_days);
        let time = days.map(|days| Duration::from_secs(days * 24 * 60 * 60));
        let new = NewApiKey::new(&*self.environment).expires_in(time);
        let new = if notes.is_empty() {
            new
        } else {
            new.notes(notes)
        };
        let scopes = self.scopes.split_whitespace();
        Ok(scopes.fold(new, NewApiKey::scope))
    }
}

/// `POST /keys/{id}/regenerate`: a new key of the same kind, and the old one is cancelled.
pub(crate) async fn regenerate(
    accepted: Accepted,
    State(site): State<Site>,
    connection: Confidential,
    SignedIn { user_id, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let Some(made) = site.keys.regenerate_one(&user_id, &id).await? else {
        return no_such_key(accepted);
    };
    site.cache.remove(&uses_key(&id)).await?;
    Ok(shown_once(accepted, &connection, StatusCode::CREATED, made))
}

/// `POST /keys/{id}/cancel`, `DELETE /keys/{id}`
pub(crate) async fn cancel(
    accepted: Accepted,
    State(site): State<Site>,
    SignedIn { user_id, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    if !site.keys.cancel(&user_id, &id).await? {
        return no_such_key(accepted);
    }
    site.cache.remove(&uses_key(&id)).await?;
    Ok(done(
        accepted,
        "/keys",
        "cancelled",
        json!({ "cancelled": 1 }),
    ))
}

fn no_such_key(accepted: Accepted) -> Result<Response, Problem> {
    match accepted {
        Accepted::Html => Ok(done(accepted, "/keys", "no-key", ())),
        _ => Err(problem(StatusCode::NOT_FOUND, "You have no such key.")),
    }
}

fn shown_once(
    accepted: Accepted,
    connection: &Confidential,
    status: StatusCode,
    (secret, key): (ApiKeySecret, ApiKey),
) -> Response {
    let view = KeyView::of(key, 0);
    if accepted != Accepted::Html {
        let json = json!({ "key": secret.as_str(), "made": view });
        return (status, Json(json)).into_response();
    }
    let try_it = |path: &str| {
        let (key, host) = (secret.as_str(), &connection.host);
        format!("curl -H 'X-Api-Key: {key}' '{host}{path}'")
    };
    let main = html! {
        section aria-labelledby="secret" {
            h2 id="secret" { "Your new key" }
            p { "Copy it now. It is not stored and cannot be shown again." }
            pre { code { (secret.as_str()) } }
            p { a href="/keys" { "Back to your keys" } }
        }
        section aria-labelledby="try" {
            h2 id="try" { "Try it" }
            p { "A route that caches the key's session for a minute:" }
            pre { code { (try_it("/api/cached")) } }
            p { "And one that never does:" }
            pre { code { (try_it("/api/uncached")) } }
        }
    };
    let page = Page::new("A new API key", "/keys").after(Done::by("made"));
    (status, page.show(&main)).into_response()
}
