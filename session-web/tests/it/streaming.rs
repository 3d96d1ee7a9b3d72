//! Handlers that answer for a while and hold their session meanwhile.

use axum::body::Body;
use axum::{Router, routing::get};
use futures_util::StreamExt;
use futures_util::stream::unfold;
use http::Request;
use http::header::COOKIE;
use session_core::{Bytes, SessionError};
use session_web::{Problem, Session, SessionLayer};
use tower::ServiceExt;

use crate::application::{Application, Shop};
use crate::visitor::Visitor;

/// A line for each visit that it counts, each counted when somebody reads it.
async fn stream(mut session: Session<Shop>) -> Result<Body, Problem> {
    if !session.is_stored() {
        session.save().await?;
    }
    let lines = unfold(Some(session), |session| async {
        let mut session = session?;
        let visits = session.update(|shop| {
            shop.visits += 1;
            shop.visits
        });
        match visits.await {
            Ok(visits) => Some((Ok(visits.to_string()), Some(session))),
            Err(SessionError::Removed) => Some((Ok("signed out".to_owned()), None)),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(Body::from_stream(lines))
}

#[tokio::test]
async fn a_stream_saves_long_after_its_headers_and_learns_of_a_sign_out() {
    let application = Application::new();
    let sessions = application.sessions.clone();
    let streaming = Router::new().route("/stream", get(stream));
    let router = application.router.clone();
    let router = router.merge(streaming.layer(SessionLayer::new(sessions)));
    let mut visitor = Visitor::of_router(router.clone());
    visitor.get("/plain").await.ok();
    visitor.post("/visit").await.ok();

    let cookie = format!("ss-id={}", visitor.jar["ss-id"]);
    let request = Request::get("/stream").header(COOKIE, cookie);
    let request = request.body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let mut lines = response.into_body().into_data_stream();
    let mut line = async || lines.next().await.unwrap().unwrap();
    assert_eq!(line().await, Bytes::from("2"));
    // Another request in between; neither undoes the other.
    assert_eq!(visitor.post("/visit").await.ok(), "3");
    assert_eq!(line().await, Bytes::from("4"));
    assert_eq!(visitor.get("/look").await.ok(), "nobody 4");

    visitor.post("/auth/logout").await.ok();
    assert_eq!(line().await, Bytes::from("signed out"));
    assert!(lines.next().await.is_none());
    assert_eq!(application.stored().await, 0);
}
