//! Becoming a user.

use crate::browser::Browser;
use crate::server::Server;

#[test]
fn who_registers_is_welcomed_and_can_sign_in_again() {
    let server = Server::start("memory:");
    let mut carol = Browser::showing_pages(&server.address);
    carol.form_then_page("/cart", "article=Hat");
    let page = carol
        .form_then_page("/register", "userName=Carol&password=carol-password")
        .body;
    assert!(page.contains("You are registered and signed in."), "{page}");
    // The hook `on_registered` has seen to it, and it is stored.
    assert!(carol.get("/").body.contains("Welcome, Carol"));
    assert!(carol.get("/cart").body.contains("<h3>Hat</h3>"));
    carol.post("/auth/logout");
    assert_eq!(carol.sign_in("carol").status, 303);
    assert!(carol.get("/").body.contains("Hello, Carol"));
    assert_eq!(carol.get("/admin").status, 403);
    let made = carol
        .clone()
        .reading_json()
        .form("/keys", "environment=test")
        .created();
    let key = made["key"].as_str().unwrap();
    let mut program = Browser::of(&server.address).with("X-Api-Key", key);
    assert_eq!(program.get("/api/uncached").json()["user_name"], "Carol");
}

#[test]
fn a_name_is_taken_once_and_has_a_form() {
    let server = Server::start("memory:");
    let mut visitor = Browser::of(&server.address);
    let long = format!("userName={}&password=long+enough", "x".repeat(41));
    for (fields, status) in [
        ("userName=alice&password=long+enough", 409),
        ("userName=+ADMIN&password=long+enough", 409),
        ("userName=dave&password=long+enough", 200),
        ("userName=Dave&password=long+enough", 409),
        ("userName=erin&password=short", 400),
        ("userName=&password=long+enough", 400),
        ("userName=%3Cb%3E&password=long+enough", 400),
        ("userName=erin", 400),
        (&long, 400),
    ] {
        let reply = visitor.form("/register", fields);
        assert_eq!(reply.status, status, "{fields}: {}", reply.body);
        assert!(!reply.body.contains("enough"), "{}", reply.body);
    }
    assert_eq!(visitor.get("/session").json()["user_name"], "dave");
}

#[test]
fn an_address_registers_so_many_users_and_no_more() {
    let server = Server::start("memory:");
    let mut visitor = Browser::of(&server.address);
    let mut register = |fields: &str| visitor.form("/register", fields);
    for _ in 0..20 {
        assert_eq!(register("userName=alice&password=long+enough").status, 409);
    }
    let refused = register("userName=frank&password=long+enough");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("3600"))
    );
}

#[test]
fn guessing_a_password_ends_after_some_attempts() {
    let server = Server::start("memory:");
    let mut guesser = Browser::showing_pages(&server.address);
    for _ in 0..10 {
        assert_eq!(
            guesser
                .form("/auth/credentials", "userName=alice&password=x")
                .status,
            401
        );
    }
    let refused = guesser.sign_in("alice");
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some());
    assert!(
        refused.body.contains("too many attempts"),
        "{}",
        refused.body
    );
}
