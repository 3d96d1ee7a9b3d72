//! Becoming a user.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{Html, Response};
use maud::html;
use serde::Deserialize;
use serde_json::json;
use session_core::{CacheClient, Expiry, Lifetime};
use session_web::{Accepted, Problem, Session};

use crate::app::Site;
use crate::input::{Confidential, Fields, Input};
use crate::page::{Page, done};
use crate::problem::problem;
use crate::session::DemoSession;

/// Characters.
const LONGEST_NAME: usize = 40;
const SHORTEST_PASSWORD: usize = 8;
const LONGEST_PASSWORD: usize = 128;
/// How many users an address may register in an hour.
const MOST_AN_HOUR: i64 = 20;

#[derive(Deserialize)]
pub(crate) struct Registration {
    #[serde(rename = "userName")]
    user_name: String,
    password: String,
}

impl Fields for Registration {
    const WANTED: &'static str = "Send userName, 1 to 40 letters, digits and . _ -, and password, \
        8 to 128 characters.";
}

/// `GET /register`
pub(crate) async fn show() -> Html<String> {
    let main = html! {
        section aria-labelledby="new" {
            h2 id="new" { "A new user" }
            form method="post" action="/register" {
                label for="userName" { "User name" }
                input id="userName" name="userName" autocomplete="username" autocapitalize="none"
                    spellcheck="false" maxlength=(LONGEST_NAME) required;
                label for="password" { "Password" }
                input id="password" name="password" type="password" autocomplete="new-password"
                    minlength=(SHORTEST_PASSWORD) maxlength=(LONGEST_PASSWORD) required
                    aria-describedby="password-hint";
                p.hint id="password-hint" { "At least " (SHORTEST_PASSWORD) " characters." }
                button { "Register" }
            }
        }
    };
    Page::new("Register", "/register").show(&main)
}

/// `POST /register`: the new user is signed in at once, and the hooks are told.
pub(crate) async fn register(
    accepted: Accepted,
    State(site): State<Site>,
    _: Confidential,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut session: Session<DemoSession>,
    Input(wanted): Input<Registration>,
) -> Result<Response, Problem> {
    let name = wanted.checked()?;
    limit(&site, peer).await?;
    let Some(user) = site.users.register(name, &wanted.password).await? else {
        return Err(problem(StatusCode::CONFLICT, "That user name is taken."));
    };
    session
        .sign_in(Lifetime::Temporary, |data| data.auth = user.clone())
        .await?;
    session.registered().await;
    session.save().await?;
    Ok(done(
        accepted,
        "/",
        "registered",
        json!({ "userName": name }),
    ))
}

impl Registration {
    fn checked(&self) -> Result<&str, Problem> {
        let name = self.user_name.trim();
        let fits = |character: char| character.is_alphanumeric() || "._-".contains(character);
        let right = (1..=LONGEST_NAME).contains(&name.chars().count())
            && name.chars().all(fits)
            && (SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&self.password.chars().count());
        match right {
            true => Ok(name),
            false => Err(problem(StatusCode::BAD_REQUEST, Self::WANTED)),
        }
    }
}

/// Users stay for ever, so nobody may add them without end.
async fn limit(site: &Site, peer: SocketAddr) -> Result<(), Problem> {
    let key = format!("demo:registered-from:{}", peer.ip());
    let hour = Duration::from_secs(60 * 60);
    let count = site.cache.increment(&key, 1, Expiry::In(hour)).await?;
    match count <= MOST_AN_HOUR {
        true => Ok(()),
        false => Err(Problem::new(StatusCode::TOO_MANY_REQUESTS)
            .with_detail("Too many users were registered from your address; try again later.")
            .with_retry_after(hour)),
    }
}
