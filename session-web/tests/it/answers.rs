//! What refusals look like, and sessions that are put into a request.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use session_web::{RequestSession, Session};
use tower::ServiceExt;

use crate::application::{Application, Shop};
use crate::visitor::Visitor;

#[tokio::test]
async fn a_refusal_is_json_or_text_as_the_client_accepts() {
    let application = Application::new();
    for (accept, kind, start) in [
        ("*/*", "application/problem+json", "{"),
        ("application/json", "application/problem+json", "{"),
        (
            "text/html,*/*;q=0.8",
            "text/plain; charset=utf-8",
            "The user name",
        ),
        ("text/plain", "text/plain; charset=utf-8", "The user name"),
    ] {
        let mut visitor = Visitor::of(&application).with_header("accept", accept);
        let reply = visitor.sign_in("nobody").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(reply.header("content-type"), Some(kind));
        assert!(reply.body.starts_with(start), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_session_can_be_put_into_a_request() {
    let application = Application::new();
    let mut stored = Visitor::of(&application);
    stored.post("/visit").await.ok();
    let alice = Shop {
        visits: 7,
        ..Shop::default()
    };
    let own = RequestSession::new(&application.sessions, alice).unwrap();
    let request = Request::get("/look").extension(own.clone());
    assert_eq!(stored.send(request, "").await.ok(), "nobody 7");
    // Writing to it stores nothing.
    let request = Request::post("/visit").extension(own.clone());
    assert_eq!(stored.send(request, "").await.ok(), "8");
    assert_eq!(stored.get("/look").await.ok(), "nobody 1");
    let request = Request::post("/bag/cart").extension(own.clone());
    assert_eq!(stored.send(request, "").await.status, StatusCode::FORBIDDEN);

    // No layer is needed for it.
    let visits = async |session: Session<Shop>| session.visits.to_string();
    let bare = Router::new().route("/", get(visits));
    let own = RequestSession::new(&application.sessions, Shop::default()).unwrap();
    let request = Request::get("/")
        .extension(own)
        .body(Body::empty())
        .unwrap();
    let response = bare.clone().oneshot(request).await.unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "0"
    );
    let request = Request::get("/").body(Body::empty()).unwrap();
    let response = bare.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
