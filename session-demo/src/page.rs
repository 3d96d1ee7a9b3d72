//! The one page: plain HTML that works without scripts, on a phone and with a screen reader.

use std::fmt::Write;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use session_web::{Accepted, Problem, Session, SessionBag};

use crate::app::DemoSession;

/// `GET /`
pub(crate) async fn home(
    session: Session<DemoSession>,
    bag: SessionBag,
) -> Result<Response, Problem> {
    let keys = bag.keys().await?;
    let mut main = String::new();
    main += &match session.user_name() {
        Some(name) => SIGNED_IN.replace("{name}", &escape(name)),
        None => SIGN_IN.to_owned(),
    };
    main += &VISITS.replace("{visits}", &session.visits.to_string());
    main += &BAG.replace("{keys}", &list(&keys));
    if session.user().is_some_and(|user| user.has_role("admin")) {
        main += ADMIN;
    }
    Ok(page("Sessions", &main))
}

/// Shows problems to browsers as pages with a way back; programs get them as they are.
pub(crate) async fn problems_as_pages(request: Request, next: Next) -> Response {
    let accepted = Accepted::of(request.headers());
    let mut response = next.run(request).await;
    if accepted != Accepted::Html {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let main = PROBLEM.replace("{sentence}", &escape(&problem.to_string()));
    (problem.status(), page(problem.title(), &main)).into_response()
}

fn page(title: &str, main: &str) -> Response {
    let html = PAGE
        .replace("{title}", &escape(title))
        .replace("{main}", main);
    let mut headers = HeaderMap::new();
    // What it shows is one visitor's. Other sites can neither frame it nor add to it.
    headers.insert(
        CACHE_CONTROL,
        axum::http::HeaderValue::from_static("no-store"),
    );
    let policy = axum::http::HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    );
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    (headers, Html(html)).into_response()
}

fn list(keys: &[String]) -> String {
    if keys.is_empty() {
        return "<p>It is empty.</p>".to_owned();
    }
    let items = keys.iter().fold(String::new(), |mut items, key| {
        let _ = write!(items, "<li><code>{}</code></li>", escape(key));
        items
    });
    format!("<ul>{items}</ul>")
}

/// Text as HTML, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            '\'' => html += "&#39;",
            other => html.push(other),
        }
    }
    html
}

const PAGE: &str = include_str!("page.html");

const SIGN_IN: &str = r#"
<section aria-labelledby="sign-in">
  <h2 id="sign-in">Sign in</h2>
  <form method="post" action="/auth/credentials">
    <label for="userName">User name</label>
    <input id="userName" name="userName" autocomplete="username" autocapitalize="none" required>
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="current-password" required>
    <label class="choice"><input type="checkbox" name="rememberMe" value="true"> Remember me</label>
    <button>Sign in</button>
  </form>
  <p class="hint">Try <code>alice</code> with <code>alice-password</code>, or <code>admin</code>
  with <code>admin-password</code>.</p>
</section>
"#;

const SIGNED_IN: &str = r#"
<section aria-labelledby="who">
  <h2 id="who">Hello, {name}</h2>
  <form method="post" action="/auth/logout">
    <button>Sign out</button>
  </form>
</section>
"#;

const VISITS: &str = r#"
<section aria-labelledby="visits">
  <h2 id="visits">Visits</h2>
  <p>Counted so far: <strong>{visits}</strong></p>
  <form method="post" action="/session/visit">
    <button>Count a visit</button>
  </form>
  <p class="hint">The first one makes a session; before that nothing is stored.
  <a href="/session">See it as JSON</a>.</p>
</section>
"#;

const BAG: &str = r#"
<section aria-labelledby="bag">
  <h2 id="bag">Bag</h2>
  {keys}
  <p class="hint">Programs fill it: <code>PUT /bag/cart</code> with a JSON body.</p>
</section>
"#;

const ADMIN: &str = r#"
<section aria-labelledby="admin">
  <h2 id="admin">Administration</h2>
  <p><a href="/admin/sessions">All sessions as JSON</a></p>
</section>
"#;

const PROBLEM: &str = r#"
<section>
  <p role="alert">{sentence}</p>
  <p><a href="/">Back to the start</a></p>
</section>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            escape(r#"<a href="x">'&"#),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;"
        );
    }
}
