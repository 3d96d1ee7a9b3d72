//! One visit to the whole site, on every store.

use conformance_tests::servers::{PostgresServer, RedisServer};
use serde_json::json;
use tempfile::tempdir;

use crate::browser::Browser;
use crate::server::Server;

#[test]
fn a_journey_on_memory() {
    a_journey_on("memory:");
}

#[test]
fn a_journey_on_sqlite() {
    let folder = tempdir().unwrap();
    a_journey_on(&format!("sqlite://{}/demo.db", folder.path().display()));
}

#[test]
fn a_journey_on_redis() {
    let redis = RedisServer::start(&[]).unwrap();
    a_journey_on(&redis.url());
}

#[test]
fn a_journey_on_postgres() {
    let postgres = PostgresServer::start(&[]).unwrap();
    a_journey_on(&postgres.url());
}

fn a_journey_on(cache: &str) {
    let server = Server::start(cache);
    let mut desk = Browser::showing_pages(&server.address).with("User-Agent", "curl/8.5.0");
    desk.form_then_page("/cart", "article=Hat&quantity=2");
    desk.form_then_page("/session/visit", "");
    assert_eq!(desk.sign_in("alice").status, 303);
    let page = desk.get("/").body;
    assert!(
        page.contains("Hello, Alice") && page.contains("28 days"),
        "{page}"
    );
    let page = desk
        .form_then_page("/cart/change", "article=Hat&quantity=3")
        .body;
    assert!(page.contains(r#"value="3""#), "{page}");

    // A second device, ended from the first.
    let mut phone = Browser::of(&server.address).with("User-Agent", "phone");
    phone.sign_in("alice").json();
    let page = desk.get("/sessions").body;
    assert!(
        page.contains("phone") && page.contains("this one"),
        "{page}"
    );
    desk.form_then_page("/sessions/end-others", "");
    assert_eq!(phone.get("/session").json()["is_authenticated"], false);

    // A key: cached at one route, refused at once when it is cancelled.
    let mut program = desk.clone().reading_json();
    let made = program
        .form("/keys", "environment=live&scopes=read&notes=Nightly")
        .created();
    let mut api = Browser::of(&server.address).with("X-Api-Key", made["key"].as_str().unwrap());
    let used = ["/api/cached", "/api/cached", "/api/uncached"].map(|path| api.get(path).json());
    assert_eq!(used[0]["session_made_ms"], used[1]["session_made_ms"]);
    assert_eq!(
        (&used[2]["uses"], &used[2]["user_name"]),
        (&json!(3), &json!("alice"))
    );
    let page = desk.get("/keys").body;
    assert!(
        page.contains("Nightly") && page.contains("3 times"),
        "{page}"
    );
    let path = format!("/keys/{}/cancel", made["made"]["id"].as_str().unwrap());
    assert!(
        desk.form_then_page(&path, "")
            .body
            .contains("You have none.")
    );
    assert_eq!(api.get("/api/cached").status, 401);

    // Somebody registers, and the administrator ends their session.
    let mut carol = Browser::showing_pages(&server.address);
    carol.form_then_page("/register", "userName=carol&password=carol-password");
    assert!(carol.get("/").body.contains("Welcome, carol"));
    let mut admin = Browser::of(&server.address);
    admin.sign_in("admin").json();
    let found = admin.get("/admin?q=carol").json();
    let handle = found["sessions"][0]["handle"].as_str().unwrap().to_owned();
    assert_eq!(found["sessions"].as_array().unwrap().len(), 1);
    let mut admin = admin.in_browser();
    let page = admin
        .form_then_page(&format!("/admin/sessions/{handle}/end"), "")
        .body;
    assert!(
        page.contains("The session has ended.") && !page.contains("carol"),
        "{page}"
    );
    assert!(!carol.get("/").body.contains("carol"));

    let page = desk.form_then_page("/sessions/end-all", "").body;
    assert!(page.contains("You are signed out everywhere.") && page.contains("Remember me"));
    assert!(desk.get("/cart").body.contains("Nothing yet."));
}
