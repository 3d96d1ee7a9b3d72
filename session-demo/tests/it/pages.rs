//! What holds for every page: it is whole without scripts, others cannot use it, and what visitors
//! write stays text.

use crate::browser::Browser;
use crate::server::Server;

const PATHS: [&str; 8] = [
    "/",
    "/register",
    "/token",
    "/cart",
    "/sessions",
    "/keys",
    "/admin",
    "/nothing",
];

/// The administrator, who has something to see on every page.
fn visitor(server: &Server) -> Browser {
    let mut visitor = Browser::showing_pages(&server.address);
    visitor.form_then_page("/cart", "article=Hat&quantity=2");
    visitor.clone().sign_in("admin");
    visitor.sign_in("admin");
    visitor.form("/keys", "form=0&environment=test&notes=Nightly");
    visitor
}

#[test]
fn every_page_is_made_for_phones_and_screen_readers() {
    let server = Server::start("memory:");
    let mut visitor = visitor(&server);
    let signed_out = Browser::showing_pages(&server.address).get("/keys").body;
    let done = visitor.get("/cart?done=added").body;
    let status = r#"<p class="notice" role="status" tabindex="-1" autofocus>The article"#;
    assert!(done.contains(status), "{done}");
    let mut pages = PATHS.map(|path| visitor.get(path).body).to_vec();
    pages.extend([signed_out, done]);
    for page in pages {
        assert!(
            page.starts_with(r#"<!DOCTYPE html><html lang="en">"#),
            "{page}"
        );
        for once in [
            "<h1>",
            "<main id=\"main\">",
            "<title>",
            "name=\"viewport\"",
            "href=\"#main\"",
        ] {
            assert_eq!(page.matches(once).count(), 1, "{once} in {page}");
        }
        assert!(page.contains(r#"<nav aria-label="Site">"#));
        assert_headings_in_order(&page);
        assert_fields_have_labels(&page);
        assert_buttons_are_told_apart(&page);
    }
    let current = visitor.get("/cart").body;
    assert!(current.contains(r#"<a href="/cart" aria-current="page">"#));
}

#[track_caller]
fn assert_headings_in_order(page: &str) {
    let mut last = 0;
    for (at, _) in page.match_indices("<h") {
        let level = page[at + 2..]
            .chars()
            .next()
            .and_then(|level| level.to_digit(10));
        if let Some(level) = level {
            assert!(level <= last + 1, "h{level} after h{last} in {page}");
            last = level;
        }
    }
}

#[track_caller]
fn assert_fields_have_labels(page: &str) {
    let tags = page.match_indices('<').map(|(at, _)| (at, &page[at..]));
    let fields = tags.filter(|(_, tag)| tag.starts_with("<input") || tag.starts_with("<select"));
    for (at, field) in fields {
        let field = field.split('>').next().unwrap();
        let is_inside =
            page[..at].matches("<label").count() > page[..at].matches("</label").count();
        let id = field
            .split_once("id=\"")
            .and_then(|(_, rest)| rest.split('"').next());
        let is_named = id.is_some_and(|id| page.contains(&format!("for=\"{id}\"")));
        let is_hidden = field.contains("type=\"hidden\"");
        assert!(is_hidden || is_inside || is_named, "{field} in {page}");
    }
}

/// Two buttons that do different things have different names.
#[track_caller]
fn assert_buttons_are_told_apart(page: &str) {
    let mut names = std::collections::BTreeMap::new();
    for form in page.split("<form").skip(1) {
        let form = form.split("</form>").next().unwrap();
        let (_, button) = form.split_once("<button").unwrap();
        let hidden = form
            .split_once("type=\"hidden\"")
            .map(|(_, rest)| rest.split('>').next());
        let action = form.split_once("action=\"").unwrap().1.split('"').next();
        let other = names.insert(
            button.split('>').skip(1).collect::<String>(),
            (action, hidden),
        );
        assert!(
            other.is_none() || other == Some((action, hidden)),
            "{button} in {page}"
        );
    }
}

#[test]
fn every_page_loads_nothing_but_its_own_style() {
    let server = Server::start("memory:");
    let mut visitor = visitor(&server);
    for path in PATHS {
        let page = visitor.get(path);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self'"));
        assert!(policy.contains("form-action 'self'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        for foreign in ["<script", " style=", "http://", "https://", "=\"//"] {
            assert!(!page.body.contains(foreign), "{foreign} in {}", page.body);
        }
    }
    let mut anybody = Browser::of(&server.address);
    for (path, kind) in [
        ("/style.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let asset = anybody.get(path);
        assert_eq!(
            (asset.status, asset.header("content-type")),
            (200, Some(kind))
        );
        assert!(asset.header("set-cookie").is_none() && anybody.jar.is_empty());
    }
}

#[test]
fn no_form_can_be_sent_by_another_site() {
    let server = Server::start("memory:");
    let mut visitor = visitor(&server);
    let mut forms = std::collections::BTreeSet::from(["/auth/credentials".to_owned()]);
    for path in PATHS {
        let page = visitor.get(path).body;
        for form in page.split("<form method=\"post\" action=\"").skip(1) {
            forms.insert(form.split('"').next().unwrap().to_owned());
        }
    }
    assert!(forms.len() >= 13, "{forms:?}");
    let before = visitor.clone().reading_json();
    let looks = |visitor: &Browser| {
        ["/cart", "/sessions", "/keys"].map(|path| visitor.clone().get(path).json())
    };
    let seen = looks(&before).map(without_time);
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.test"),
        ("Origin", "null"),
    ] {
        let mut evil = visitor.clone().with(name, value);
        for form in &forms {
            let refused = evil.form(form, "article=Hat&userName=admin&password=admin-password");
            assert_eq!(refused.status, 403, "{form} {name}: {value}");
            assert!(refused.body.contains("another site"), "{}", refused.body);
        }
    }
    assert_eq!(looks(&before).map(without_time), seen);
    let mut own = visitor.clone().with("Sec-Fetch-Site", "same-origin");
    assert_eq!(own.form("/cart", "article=Hat").status, 303);
}

/// What changes by itself taken out.
fn without_time(mut seen: serde_json::Value) -> serde_json::Value {
    for session in seen["sessions"].as_array_mut().into_iter().flatten() {
        session["time_to_live_ms"].take();
    }
    seen
}

#[test]
fn what_visitors_write_stays_text() {
    let hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;</title>";
    let escaped = "&quot;'&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;&amp;amp;&lt;/title&gt;";
    let sent: String = hostile.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let server = Server::start("memory:");
    let mut visitor = Browser::showing_pages(&server.address).with("User-Agent", hostile);
    visitor.sign_in("admin");
    visitor.form("/cart", &format!("article={sent}"));
    visitor.form("/keys", &format!("form=0&environment=test&notes={sent}"));
    // Of a device the first 60 characters are kept.
    let device = "&quot;'&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x";
    for (path, shown) in [
        ("/cart", escaped),
        ("/keys", escaped),
        (&*format!("/admin?q={sent}"), escaped),
        ("/sessions", device),
        ("/admin", device),
    ] {
        let page = visitor.get(path).body;
        assert!(page.contains(shown), "{path}: {page}");
        assert_eq!(page.matches("</title>").count(), 1, "{page}");
        for markup in ["<script", "<img", "\"'>"] {
            assert!(!page.contains(markup), "{path}: {markup} in {page}");
        }
    }
    for path in [
        format!("/cart?done={sent}"),
        format!("/{sent}"),
        format!("/?done={sent}"),
    ] {
        let page = visitor.get(&path).body;
        assert!(
            !page.contains("<script") && !page.contains("role=\"status\""),
            "{page}"
        );
    }
}

#[test]
fn problems_are_pages_for_people_and_details_for_programs() {
    let server = Server::start("memory:");
    let mut person = Browser::showing_pages(&server.address);
    for (path, status, said) in [
        ("/nothing", 404, "There is nothing here."),
        ("/keys", 401, "Sign in first."),
        ("/cart/change", 405, "Method Not Allowed"),
        ("/admin?page=x", 401, "Sign in first."),
        ("/session/visit?delay_ms=x", 405, "Method Not Allowed"),
    ] {
        let page = person.get(path);
        assert_eq!(
            (page.status, page.header("content-type")),
            (status, Some("text/html; charset=utf-8"))
        );
        assert!(
            page.body.contains(&format!(r#"role="alert">{said}"#)),
            "{}",
            page.body
        );
        assert!(page.body.contains("<title>Error: "));
        let problem = person.clone().reading_json().get(path);
        assert_eq!(problem.status, status);
        assert_eq!(
            problem.header("content-type"),
            Some("application/problem+json")
        );
        let body: serde_json::Value = serde_json::from_str(&problem.body).unwrap();
        assert_eq!(body["status"], status);
    }
}
