//! What is asked of the store, and what happens when it fails.

use std::sync::Arc;

use http::StatusCode;
use session_core::CacheClientExtended;
use session_web::WebOptions;

use crate::application::Application;
use crate::faulty::Faulty;
use crate::visitor::Visitor;

fn over_faulty() -> (Application, Arc<Faulty>) {
    let faulty = Arc::new(Faulty::new());
    let cache: Arc<dyn CacheClientExtended> = faulty.clone();
    (Application::over(cache, WebOptions::new()), faulty)
}

#[tokio::test]
async fn the_store_is_asked_once_a_request_and_only_if_somebody_asks() {
    let (application, store) = over_faulty();
    let mut visitor = Visitor::of(&application);
    // A visitor without an id has no session to read.
    assert_eq!(visitor.get("/look").await.ok(), "nobody 0");
    assert_eq!(store.calls(), 0);
    visitor.post("/visit").await.ok();
    for (path, calls) in [("/plain", 0), ("/ids", 0), ("/look", 1), ("/look-twice", 1)] {
        store.calls();
        visitor.get(path).await.ok();
        assert_eq!(store.calls(), calls, "{path}");
    }
    visitor.post("/visit").await.ok();
    assert_eq!(store.calls(), 2);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_503_and_loses_nothing() {
    let (application, store) = over_faulty();
    let mut visitor = Visitor::of(&application);
    visitor.sign_in("alice").await.ok();
    visitor.post("/visit").await.ok();
    let before = visitor.jar.clone();

    store.fail_reads(true);
    for path in ["/visit", "/save", "/renew", "/auth/logout", "/bag/cart"] {
        let reply = visitor.post(path).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(reply.cookies().is_empty(), "{path}");
    }
    assert_eq!(
        visitor.get("/look").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        visitor.sign_in("bob").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    visitor.get("/plain").await.ok();
    assert_eq!(visitor.jar, before);

    store.fail_reads(false);
    assert_eq!(visitor.get("/look").await.ok(), "alice 1");
}

#[tokio::test]
async fn a_write_that_fails_is_never_called_a_success() {
    let (application, store) = over_faulty();
    let mut visitor = Visitor::of(&application);
    visitor.post("/visit").await.ok();
    let before = visitor.jar.clone();

    store.fail_writes(true);
    for path in ["/visit", "/save", "/renew", "/auth/logout", "/bag/cart"] {
        let reply = visitor.post(path).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(reply.cookies().is_empty(), "{path}");
    }
    assert_eq!(
        visitor.sign_in("alice").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let mut stranger = Visitor::of(&application);
    assert_eq!(
        stranger.post("/visit").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(visitor.jar, before);

    store.fail_writes(false);
    assert_eq!(visitor.get("/look").await.ok(), "nobody 1");
    assert_eq!(application.stored().await, 1);
}

#[tokio::test]
async fn a_route_may_choose_to_go_on_anonymously_and_writes_nothing_then() {
    let (application, store) = over_faulty();
    let mut visitor = Visitor::of(&application);
    visitor.sign_in("alice").await.ok();
    assert_eq!(visitor.get("/look-anonymously").await.ok(), "alice 0");

    store.fail_reads(true);
    assert_eq!(visitor.get("/look-anonymously").await.ok(), "nobody 0");
    let reply = visitor.post("/save-anonymously").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);

    store.fail_reads(false);
    assert_eq!(visitor.get("/look").await.ok(), "alice 0");
}
