//! API keys: the page that makes them, and the routes that take them.

use std::time::Duration;

use serde_json::Value;

use crate::browser::{Browser, Reply};
use crate::server::Server;

#[test]
fn a_key_is_made_shown_once_and_listed() {
    let server = Server::start("memory:");
    let mut alice = Browser::showing_pages(&server.address);
    alice.sign_in("alice");
    assert!(alice.get("/keys").body.contains("You have none."));
    let fields =
        "form=0&environment=test&scopes=read+orders:write&expires_in_days=30&notes=Nightly";
    let made = alice.form("/keys", fields);
    assert_eq!(
        (made.status, made.header("cache-control")),
        (201, Some("no-store"))
    );
    assert!(made.body.contains("cannot be shown again"), "{}", made.body);
    let key = secret_in(&made.body);
    assert!(key.starts_with("ak_test_") && key.len() == 40, "{key}");
    let page = alice.get("/keys").body;
    for seen in [
        "<h3>Nightly",
        ">test<",
        "<code>read</code>",
        "30 days",
        "0 times",
    ] {
        assert!(page.contains(seen), "{seen} in {page}");
    }
    assert!(!page.contains(&key));
    // Loading the answer again sends the form again.
    let page = alice.form_then_page("/keys", fields).body;
    assert!(page.contains("That form was sent before"), "{page}");
    assert_eq!(listed(&mut alice).len(), 1);
    assert_eq!(
        used(&server, "/api/uncached", &key).json()["user_name"],
        "alice"
    );
    assert!(alice.get("/keys").body.contains("1 time<"));
}

#[test]
fn a_key_opens_the_api_and_each_use_counts() {
    let server = Server::start("memory:");
    let mut alice = Browser::of(&server.address);
    alice.sign_in("alice").json();
    let made = alice.form("/keys", "environment=live&notes=n").created();
    let key = made["key"].as_str().unwrap();
    let first = used(&server, "/api/cached", key).json();
    assert_eq!(first["user_name"], "alice");
    assert_eq!(first["key_id"], made["made"]["id"]);
    assert_eq!(
        (&first["environment"], &first["cached_for_seconds"]),
        (&"live".into(), &60.into())
    );
    // So that a session that is made anew is a younger one.
    std::thread::sleep(Duration::from_millis(5));
    let again = used(&server, "/api/cached", key).json();
    assert_eq!(again["session_made_ms"], first["session_made_ms"]);
    let uncached = used(&server, "/api/uncached", key).json();
    let made_ms = |used: &Value| used["session_made_ms"].as_i64().unwrap();
    assert!(made_ms(&uncached) > made_ms(&first));
    std::thread::sleep(Duration::from_millis(5));
    let uncached_again = used(&server, "/api/uncached", key).json();
    assert!(made_ms(&uncached_again) > made_ms(&uncached));
    assert_eq!(uncached["cached_for_seconds"], Value::Null);
    assert_eq!(uncached_again["uses"], 4);
    assert_eq!(listed(&mut alice)[0]["uses"], 4);
    let mut program = Browser::of(&server.address).with("X-Api-Key", key);
    assert_eq!(
        program.get("/apikeys").json()["results"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_request_without_a_good_key_gets_one_and_the_same_answer() {
    let server = Server::start("memory:");
    let mut alice = Browser::of(&server.address);
    alice.sign_in("alice").json();
    let made = alice.form("/keys", "environment=live").created();
    let key = made["key"].as_str().unwrap();
    used(&server, "/api/cached", key).json();
    let path = format!("/keys/{}/cancel", made["made"]["id"].as_str().unwrap());
    let mut admin = Browser::of(&server.address);
    admin.sign_in("admin").json();
    assert_eq!(admin.post(&path).status, 404, "it is another user's");
    used(&server, "/api/cached", key).json();
    alice.post(&path).json();
    let unknown = format!("ak_live_{}", "x".repeat(32));
    for route in ["/api/cached", "/api/uncached"] {
        for key in [key, "nonsense", &unknown] {
            let refused = used(&server, route, key);
            assert_eq!(refused.status, 401, "{route}");
            assert!(refused.body.contains("A valid API key is needed."));
        }
        assert_eq!(alice.get(route).status, 401, "a session is no key");
    }
    assert!(listed(&mut alice).is_empty());
}

#[test]
fn a_key_with_scopes_needs_the_right_one() {
    let server = Server::start("memory:");
    let mut alice = Browser::of(&server.address);
    alice.sign_in("alice").json();
    for (scopes, status) in [("", 200), ("read", 200), ("write", 403)] {
        let fields = format!("environment=test&scopes={scopes}");
        let made = alice.form("/keys", &fields).created();
        let reply = used(&server, "/api/uncached", made["key"].as_str().unwrap());
        assert_eq!(reply.status, status, "{scopes}");
    }
}

#[test]
fn a_regenerated_key_takes_the_place_of_the_old_one() {
    let server = Server::start("memory:");
    let mut alice = Browser::of(&server.address);
    alice.sign_in("alice").json();
    let other = alice
        .form("/keys", "environment=live&notes=other")
        .created();
    let made = alice
        .form("/keys", "environment=test&scopes=read&notes=nightly")
        .created();
    let old = made["key"].as_str().unwrap();
    used(&server, "/api/cached", old).json();
    let path = format!("/keys/{}/regenerate", made["made"]["id"].as_str().unwrap());
    let page = alice.clone().in_browser().form(&path, "");
    assert_eq!(page.status, 201);
    let new = secret_in(&page.body);
    assert_eq!(used(&server, "/api/cached", old).status, 401);
    assert_eq!(
        used(&server, "/api/cached", &new).json()["environment"],
        "test"
    );
    used(&server, "/api/cached", other["key"].as_str().unwrap()).json();
    let notes: Vec<Value> = listed(&mut alice)
        .iter()
        .map(|key| key["notes"].clone())
        .collect();
    assert_eq!(notes, ["other", "nightly"]);
    // Loading the answer again replaces nothing.
    let page = alice.clone().in_browser().form_then_page(&path, "").body;
    assert!(page.contains("There was no such key any more."));
    used(&server, "/api/cached", &new).json();
}

#[test]
fn a_key_of_the_wrong_kind_is_not_made() {
    let server = Server::start("memory:");
    let mut alice = Browser::of(&server.address);
    assert_eq!(alice.form("/keys", "environment=test").status, 401);
    alice.sign_in("alice").json();
    let long = format!("environment=test&notes={}", "x".repeat(201));
    for fields in [
        "",
        "environment=moon",
        "environment=test&scopes=a,b",
        "environment=test&scopes=%3Cb%3E",
        "environment=test&scopes=1+2+3+4+5+6+7+8+9+10+11",
        "environment=test&expires_in_days=3651",
        "environment=test&expires_in_days=-1",
        "environment=test&notes=a%0Ab",
        &long,
    ] {
        let refused = alice.form("/keys", fields);
        assert_eq!(refused.status, 400, "{fields}");
        assert!(
            refused.body.contains("Send environment"),
            "{}",
            refused.body
        );
    }
    assert!(listed(&mut alice).is_empty());
}

#[test]
fn keys_and_passwords_are_not_taken_on_connections_that_others_can_listen_to() {
    let server = Server::start("memory:");
    let mut alice = Browser::of(&server.address);
    alice.sign_in("alice").json();
    let made = alice.form("/keys", "environment=test").created();
    let key = made["key"].as_str().unwrap();
    let id = made["made"]["id"].as_str().unwrap();
    // A proxy that passes it on from elsewhere.
    let mut outside = alice.clone().with("X-Forwarded-For", "192.0.2.7");
    assert_eq!(outside.form("/keys", "environment=test").status, 403);
    assert_eq!(outside.post(&format!("/keys/{id}/regenerate")).status, 403);
    assert_eq!(
        outside
            .form("/register", "userName=x&password=long+enough")
            .status,
        403
    );
    let mut program = outside.with("X-Api-Key", key);
    assert_eq!(program.get("/api/uncached").status, 403);
    assert_eq!(listed(&mut alice).len(), 1);
    used(&server, "/api/uncached", key).json();
}

fn used(server: &Server, path: &str, key: &str) -> Reply {
    Browser::of(&server.address)
        .with("X-Api-Key", key)
        .get(path)
}

fn listed(visitor: &mut Browser) -> Vec<Value> {
    let keys = visitor.clone().reading_json().get("/keys").json();
    keys["keys"].as_array().unwrap().clone()
}

/// The key that a page shows.
fn secret_in(page: &str) -> String {
    let (_, rest) = page.split_once("<pre><code>").unwrap();
    rest.split_once("</code>").unwrap().0.to_owned()
}
