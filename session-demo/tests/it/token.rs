//! Signing in with a token in place of a stored session.

use serde_json::Value;

use crate::browser::Browser;
use crate::server::Server;

const ALICE: &str = "userName=alice&password=alice-password";

#[test]
fn a_token_says_who_it_is_and_nothing_is_stored() {
    let server = Server::start("memory:");
    let mut alice = Browser::showing_pages(&server.address);
    assert!(
        alice
            .get("/token")
            .body
            .contains(r#"action="/token/auth/credentials""#)
    );
    let signed_in = alice.form("/token/auth/credentials", ALICE);
    assert_eq!(
        (signed_in.status, signed_in.header("location")),
        (303, Some("/token"))
    );
    assert!(alice.get("/token").body.contains("Hello, Alice"));
    // Nowhere else is she known, nor to the administrator.
    let session = alice.clone().reading_json().get("/session").json();
    assert_eq!(session["is_authenticated"], false);
    let mut admin = Browser::of(&server.address);
    admin.sign_in("admin").json();
    let sessions = admin.get("/admin").json()["sessions"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(sessions, 1);
    assert_eq!(alice.form("/token/auth/logout", "").status, 303);
    assert!(!alice.jar.contains_key("ss-tok"));
    assert!(!alice.get("/token").body.contains("Hello"));
}

#[test]
fn a_token_that_was_changed_or_a_wrong_password_signs_nobody_in() {
    let server = Server::start("memory:");
    let mut alice = Browser::of(&server.address);
    alice.form("/token/auth/credentials", ALICE).json();
    assert_eq!(alice.get("/token").json()["display_name"], "Alice");
    let token = alice.jar["ss-tok"].clone();
    let (signed, _) = token.rsplit_once('.').unwrap();
    alice
        .jar
        .insert("ss-tok".to_owned(), format!("{signed}.{}", "A".repeat(43)));
    assert_eq!(alice.get("/token").json()["display_name"], Value::Null);
    let refused = alice
        .in_browser()
        .form("/token/auth/credentials", "userName=alice&password=x");
    assert_eq!(refused.status, 401);
    assert!(
        refused.body.contains(r#"action="/token/auth/credentials""#),
        "{}",
        refused.body
    );
}
