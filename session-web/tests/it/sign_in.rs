//! Signing in and out.

use axum::Extension;
use http::{Request, StatusCode};
use session_web::{PeerAddress, SecureConnection};

use crate::application::{Application, PASSWORD};
use crate::stores::Store;
use crate::visitor::Visitor;

pub(crate) async fn signing_in_gives_new_ids_and_kills_the_old(store: &dyn Store) {
    let application = Application::on(store).await;
    let mut visitor = Visitor::of(&application);
    visitor.post("/visit").await.ok();
    visitor
        .send(Request::post("/bag/cart"), "a book")
        .await
        .ok();
    let mut old = visitor.clone();
    let reply = visitor.sign_in("alice").await;
    assert_eq!(reply.cookie_names(), ["ss-id", "ss-pid"]);
    assert_ne!(visitor.jar["ss-id"], old.jar["ss-id"]);
    assert_ne!(visitor.jar["ss-pid"], old.jar["ss-pid"]);
    assert_eq!(visitor.get("/look").await.ok(), "alice 1");
    assert_eq!(visitor.get("/bag/cart").await.ok(), "a book");
    assert_eq!(old.get("/look").await.ok(), "nobody 0");
    assert_eq!(old.get("/bag/cart").await.ok(), "");
}

#[tokio::test]
async fn both_ids_are_new_even_if_neither_had_a_session() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    visitor.get("/plain").await.ok();
    let before = visitor.jar.clone();
    visitor.sign_in("alice").await.ok();
    assert_ne!(visitor.jar["ss-id"], before["ss-id"]);
    assert_ne!(visitor.jar["ss-pid"], before["ss-pid"]);
}

pub(crate) async fn the_session_of_another_user_is_dropped(store: &dyn Store) {
    let application = Application::on(store).await;
    let mut visitor = Visitor::of(&application);
    visitor.sign_in("alice").await.ok();
    visitor.post("/visit").await.ok();
    visitor.sign_in("bob").await.ok();
    assert_eq!(visitor.get("/look").await.ok(), "bob 0");
}

pub(crate) async fn remember_me_moves_the_session_to_the_permanent_id_and_back(store: &dyn Store) {
    let application = Application::on(store).await;
    let mut visitor = Visitor::of(&application);
    let form = format!("userName=alice&password={PASSWORD}&rememberMe=");
    let reply = visitor.sign_in_with(&format!("{form}on")).await;
    assert_eq!(reply.cookie("ss-opt").value(), "perm");
    // The browser is closed and opened again.
    visitor.jar.remove("ss-id");
    assert_eq!(visitor.get("/look").await.ok(), "alice 0");
    let reply = visitor.sign_in_with(&format!("{form}false")).await;
    assert_eq!(reply.cookie("ss-opt").value(), "temp");
    visitor.jar.remove("ss-id");
    assert_eq!(visitor.get("/look").await.ok(), "nobody 0");
}

pub(crate) async fn signing_out_removes_the_sessions_of_both_ids(store: &dyn Store) {
    let application = Application::on(store).await;
    let mut remembered = Visitor::of(&application);
    let form = format!("userName=alice&password={PASSWORD}&rememberMe=1");
    remembered.sign_in_with(&form).await.ok();
    let mut other = Visitor::of(&application);
    other.post("/visit").await.ok();
    // One browser with a session under each of its ids.
    remembered
        .jar
        .insert("ss-id".to_owned(), other.jar["ss-id"].clone());
    // Two sessions, and the list of the user's own.
    assert_eq!(application.stored().await, 3);
    assert_eq!(
        remembered.post("/auth/logout").await.ok(),
        r#"{"signedOut":true}"#
    );
    assert!(remembered.jar.is_empty());
    assert_eq!(application.stored().await, 0);
    assert_eq!(
        remembered.post("/auth/logout").await.ok(),
        r#"{"signedOut":false}"#
    );
}

#[tokio::test]
async fn forms_and_json_sign_in_alike() {
    let application = Application::new();
    for (kind, body) in [
        (
            "application/x-www-form-urlencoded; charset=utf-8",
            format!("userName=alice&password={}", PASSWORD.replace(' ', "+")),
        ),
        (
            "application/json",
            format!(r#"{{"username":"alice","password":"{PASSWORD}","rememberMe":null}}"#),
        ),
    ] {
        let mut visitor = Visitor::of(&application);
        let request = Request::post("/auth/credentials").header("content-type", kind);
        visitor.send(request, &body).await.ok();
        assert_eq!(visitor.get("/look").await.ok(), "alice 0", "{kind}");
    }
    let mut browser = Visitor::of(&application).with_header("accept", "text/html,*/*;q=0.8");
    let reply = browser.sign_in("alice").await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (StatusCode::SEE_OTHER, Some("/"))
    );
}

#[tokio::test]
async fn a_body_that_is_no_sign_in_is_refused() {
    let application = Application::new();
    let json = "application/json";
    for (kind, body, status) in [
        (json, "{", StatusCode::BAD_REQUEST),
        (json, "[]", StatusCode::BAD_REQUEST),
        (json, r#"{"userName":"alice"}"#, StatusCode::BAD_REQUEST),
        (
            json,
            r#"{"userName":"alice","password":1}"#,
            StatusCode::BAD_REQUEST,
        ),
        ("text/plain", "alice", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (json, &" ".repeat(17 * 1_024), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let request = Request::post("/auth/credentials").header("content-type", kind);
        let reply = Visitor::of(&application).send(request, body).await;
        assert_eq!(reply.status, status, "{body:.40}");
    }
    assert_eq!(application.stored().await, 0);
}

#[tokio::test]
async fn unknown_user_and_wrong_password_get_one_and_the_same_answer() {
    let application = Application::new();
    let long = "x".repeat(2_000);
    let mut answers = Vec::new();
    for (user, password) in [
        ("alice", "wrong"),
        ("nobody", PASSWORD),
        ("nobody", ""),
        ("alice", long.as_str()),
    ] {
        let form = format!("userName={user}&password={password}");
        let reply = Visitor::of(&application).sign_in_with(&form).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        answers.push(reply.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(application.stored().await, 0);
}

#[tokio::test]
async fn a_refused_or_failing_sign_in_leaves_the_session_as_it_was() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    visitor.post("/visit").await.ok();
    let before = visitor.jar.clone();
    let reply = visitor.sign_in("barred").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.body.contains("This account is closed."));
    assert_eq!(
        visitor.sign_in("unreachable").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(visitor.jar, before);
    assert_eq!(visitor.get("/look").await.ok(), "nobody 1");
    assert_eq!(application.stored().await, 1);
}

#[tokio::test]
async fn a_session_that_a_hook_refuses_can_be_signed_out() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    visitor.sign_in("suspended").await.ok();
    assert_eq!(visitor.get("/look").await.status, StatusCode::FORBIDDEN);
    visitor.post("/auth/logout").await.ok();
    assert_eq!(application.stored().await, 0);
    assert_eq!(visitor.get("/look").await.ok(), "nobody 0");
}

#[tokio::test]
async fn a_session_that_a_hook_refuses_gives_way_to_another_user() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    visitor.sign_in("suspended").await.ok();
    visitor.sign_in("alice").await.ok();
    assert_eq!(visitor.get("/look").await.ok(), "alice 0");
}

#[tokio::test]
async fn passwords_are_taken_over_https_and_on_this_machine_only() {
    let application = Application::new();
    let router = &application.router;
    let asking_for = |host: &str| Visitor::of(&application).with_header("host", host);
    let local = || asking_for("localhost");
    let peer = |address: &str| {
        let peer = PeerAddress(address.parse().unwrap());
        Visitor::of_router(router.clone().layer(Extension(peer)))
    };
    let secure = router.clone().layer(Extension(SecureConnection(true)));
    for mut good in [
        local(),
        asking_for("LocalHost:3000"),
        asking_for("127.0.0.1:3000"),
        asking_for("[::1]:3000"),
        peer("127.0.0.1"),
        peer("::ffff:127.0.0.1"),
        Visitor::of_router(secure).with_header("host", "shop.test"),
    ] {
        good.sign_in("alice").await.ok();
    }
    for (number, mut bad) in [
        asking_for("shop.test"),
        asking_for("192.0.2.1"),
        asking_for("localhost.evil.test"),
        asking_for("127.0.0.1.evil.test"),
        asking_for(""),
        peer("192.0.2.1"),
        local().with_header("x-forwarded-proto", "https"),
        local().with_header("x-forwarded-for", "127.0.0.1"),
        local().with_header("forwarded", "proto=https"),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = bad.sign_in("alice").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{number}");
        assert!(reply.body.contains("HTTPS"), "{}", reply.body);
        assert_eq!(bad.get("/look").await.ok(), "nobody 0");
    }
    // Who is signed in can sign out from anywhere.
    let mut alice = local();
    alice.sign_in("alice").await.ok();
    alice.headers.clear();
    let mut alice = alice.with_header("host", "shop.test");
    assert_eq!(
        alice.post("/auth/logout").await.ok(),
        r#"{"signedOut":true}"#
    );
}
