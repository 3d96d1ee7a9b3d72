//! Ids that come by header.

use http::{Request, StatusCode};
use session_web::WebOptions;

use crate::application::Application;
use crate::visitor::{Visitor, invented};

#[tokio::test]
async fn header_ids_are_answered_by_header_and_set_no_cookie() {
    let application = Application::new();
    let mut program = Visitor::of(&application).with_header("x-ss-id", &invented(1));
    let reply = program.post("/visit").await;
    assert!(reply.cookies().is_empty());
    let (id, permanent) = (
        reply.header("x-ss-id").unwrap(),
        reply.header("x-ss-pid").unwrap(),
    );
    assert_ne!(id, invented(1));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let mut program = Visitor::of(&application)
        .with_header("x-ss-id", id)
        .with_header("x-ss-pid", permanent);
    let reply = program.get("/look").await;
    assert_eq!(reply.header("x-ss-id"), None);
    assert_eq!(reply.ok(), "nobody 1");
}

#[tokio::test]
async fn a_program_signs_in_and_out_by_header() {
    for option in ["x-ss-opt", "x-ss-opts"] {
        let application = Application::new();
        let mut program = Visitor::of(&application).with_header("x-ss-id", "give me one");
        let form = format!(
            "userName=alice&password={}&rememberMe=true",
            crate::application::PASSWORD
        );
        let reply = program.sign_in_with(&form).await;
        assert!(reply.cookies().is_empty());
        assert_eq!(reply.header("x-ss-opt"), Some("perm"));
        let mut program = Visitor::of(&application)
            .with_header("x-ss-id", reply.header("x-ss-id").unwrap())
            .with_header("x-ss-pid", reply.header("x-ss-pid").unwrap())
            .with_header(option, "perm");
        assert_eq!(program.get("/look").await.ok(), "alice 0");
        let reply = program.post("/auth/logout").await;
        assert_eq!(
            (reply.header("x-ss-id"), reply.header("x-ss-pid")),
            (Some(""), Some(""))
        );
        assert_eq!(program.get("/look").await.ok(), "nobody 0");
    }
}

#[tokio::test]
async fn header_and_cookie_with_different_ids_are_refused() {
    let application = Application::new();
    for (header, cookie) in [("x-ss-id", "ss-id"), ("x-ss-pid", "ss-pid")] {
        let mut confused = Visitor::of(&application)
            .with_header(header, &invented(1))
            .with_cookie(cookie, &invented(2));
        assert_eq!(confused.get("/plain").await.status, StatusCode::BAD_REQUEST);
        let mut agreed = confused.with_cookie(cookie, &invented(1));
        agreed.get("/plain").await.ok();
    }
}

#[tokio::test]
async fn header_ids_can_be_switched_off() {
    let application = Application::with(WebOptions::new().header_ids(false));
    let mut visitor = Visitor::of(&application);
    visitor.post("/visit").await.ok();
    let mut program = Visitor::of(&application).with_header("x-ss-id", &visitor.jar["ss-id"]);
    let reply = program.get("/look").await;
    assert_eq!(reply.cookie_names(), ["ss-id", "ss-pid"]);
    assert_eq!(reply.ok(), "nobody 0");
}

#[tokio::test]
async fn an_id_in_an_address_or_a_body_is_not_read() {
    let application = Application::new();
    let mut alice = Visitor::of(&application);
    alice.sign_in("alice").await.ok();
    let id = alice.jar["ss-id"].clone();
    for name in ["ss-id", "X-ss-id", "sessionId"] {
        let mut stranger = Visitor::of(&application);
        let reply = stranger.get(&format!("/look?{name}={id}")).await;
        assert_eq!(reply.ok(), "nobody 0");
        let mut stranger = Visitor::of(&application);
        let request =
            Request::post("/visit").header("content-type", "application/x-www-form-urlencoded");
        let reply = stranger.send(request, &format!("{name}={id}")).await;
        assert_eq!(reply.ok(), "1");
        assert_ne!(stranger.jar["ss-id"], id);
    }
    assert_eq!(alice.get("/look").await.ok(), "alice 0");
}
