//! Every route, as a program and as a browser use it.

use serde_json::json;

use crate::browser::Browser;
use crate::server::Server;

const JSON: &str = "application/json";

#[test]
fn a_visitor_is_nobody_until_they_sign_in() {
    let server = Server::start("memory:");
    let mut visitor = Browser::of(&server.address);
    let nobody = json!({
        "id_handle": null,
        "is_authenticated": false,
        "user_name": null,
        "visits": 0,
        "permanent": false,
        "time_to_live_ms": null,
    });
    assert_eq!(visitor.get("/session").json(), nobody);
    let counted = visitor.post("/session/visit").json();
    assert_eq!(counted["visits"], 1);
    let body = r#"{"userName":"alice","password":"alice-password","rememberMe":true}"#;
    assert_eq!(
        visitor.send("POST", "/auth/credentials", JSON, body).status,
        200
    );
    let session = visitor.get("/session").json();
    assert_eq!(session["user_name"], "alice");
    assert_eq!(
        (&session["visits"], &session["permanent"]),
        (&json!(1), &json!(true))
    );
    assert_ne!(session["id_handle"], counted["id_handle"]);
    assert!(session["time_to_live_ms"].as_u64().unwrap() > 27 * 24 * 60 * 60 * 1_000);
    assert_eq!(visitor.post("/auth/logout").status, 200);
    assert_eq!(visitor.get("/session").json(), nobody);
    assert_eq!(visitor.sign_in("nobody").status, 401);
}

#[test]
fn visits_that_run_side_by_side_all_count() {
    let server = Server::start("memory:");
    let mut visitor = Browser::of(&server.address);
    visitor.post("/session/visit").json();
    let visits: Vec<_> = (0..4)
        .map(|_| {
            let mut tab = visitor.clone();
            std::thread::spawn(move || tab.post("/session/visit?delay_ms=200").status)
        })
        .collect();
    for visit in visits {
        assert_eq!(visit.join().unwrap(), 200);
    }
    assert_eq!(visitor.get("/session").json()["visits"], 5);
    for wrong in ["5001", "-1", "soon"] {
        let reply = visitor.post(&format!("/session/visit?delay_ms={wrong}"));
        assert_eq!(reply.status, 400, "{wrong}");
    }
}

#[test]
fn the_bag_keeps_json_by_key() {
    let server = Server::start("memory:");
    let mut visitor = Browser::of(&server.address);
    assert_eq!(visitor.get("/bag").json(), json!([]));
    assert_eq!(visitor.get("/bag/cart").status, 404);
    let cart = json!({ "books": ["one", "two"], "note": null });
    assert_eq!(
        visitor
            .send("PUT", "/bag/cart", JSON, &cart.to_string())
            .status,
        204
    );
    assert_eq!(
        visitor.send("PUT", "/bag/%C3%A4%2F%25", "", "17").status,
        204
    );
    assert_eq!(visitor.get("/bag").json(), json!(["cart", "ä/%"]));
    assert_eq!(visitor.get("/bag/cart").json(), cart);
    assert_eq!(visitor.get("/bag/%C3%A4%2F%25").json(), json!(17));
    for (body, status) in [("{", 400), ("", 400), (&"1".repeat(70_000), 413)] {
        assert_eq!(visitor.send("PUT", "/bag/cart", JSON, body).status, status);
    }
    assert_eq!(visitor.get("/bag/cart").json(), cart);
    assert_eq!(visitor.send("DELETE", "/bag/cart", JSON, "").status, 204);
    assert_eq!(visitor.send("DELETE", "/bag/cart", JSON, "").status, 404);
    assert_eq!(visitor.send("DELETE", "/bag", JSON, "").status, 204);
    assert_eq!(visitor.get("/bag").json(), json!([]));
}

#[test]
fn a_browser_needs_no_scripts() {
    let server = Server::start("memory:");
    let mut browser = Browser::showing_pages(&server.address);
    let page = browser.get("/");
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(page.body.contains("Counted so far: <strong>0</strong>"));
    assert!(!page.body.contains("<script") && !page.body.contains("http://"));
    let page = browser.form_then_page("/session/visit", "").body;
    assert!(page.contains("The visit is counted.") && page.contains("<strong>1</strong>"));
    let signed_in = browser.sign_in("alice");
    assert_eq!(
        (signed_in.status, signed_in.header("location")),
        (303, Some("/"))
    );
    let page = browser.get("/").body;
    assert!(page.contains("Hello, Alice") && page.contains("<strong>1</strong>"));
    assert_eq!(browser.post("/auth/logout").status, 303);
    let refused = browser.sign_in("nobody");
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("is not right") && refused.body.contains(r#"href="/""#));
}

#[test]
fn what_is_not_there_says_so() {
    let server = Server::start("memory:");
    let mut visitor = Browser::of(&server.address);
    assert_eq!(visitor.get("/nothing").status, 404);
    for (method, path) in [
        ("GET", "/auth/logout"),
        ("PUT", "/session"),
        ("POST", "/bag/cart"),
    ] {
        assert_eq!(
            visitor.send(method, path, JSON, "").status,
            405,
            "{method} {path}"
        );
    }
}
