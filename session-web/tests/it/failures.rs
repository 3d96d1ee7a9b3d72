//! What is asked of the store, and what happens when it fails.

use std::sync::Arc;

use http::StatusCode;
use session_core::CacheClientExtended;
use session_web::WebOptions;

use crate::application::Application;
use crate::faulty::Faulty;
use crate::stores::Failing;
use crate::visitor::{Reply, Visitor};

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

pub(crate) async fn a_store_that_fails_is_503_and_loses_nothing(store: &dyn Failing) {
    let beside = Application::over(store.open_beside().await, WebOptions::new());
    let application = Application::over(store.open().await, WebOptions::new());
    let mut visitor = Visitor::of(&beside);
    visitor.sign_in("alice").await.ok();
    visitor.post("/visit").await.ok();
    visitor
        .send(http::Request::post("/bag/cart"), "a book")
        .await
        .ok();
    let before = visitor.jar.clone();

    store.fail().await;
    let mut visitor = visitor.at(&application);
    let mut replies = vec![visitor.get("/look").await, visitor.get("/bag/cart").await];
    for path in ["/visit", "/save", "/renew", "/bag/cart"] {
        replies.push(visitor.post(path).await);
    }
    replies.push(visitor.sign_in("alice").await);
    replies.push(visitor.sign_in("bob").await);
    if !store.works_on() {
        // Nobody would hear that it took place.
        replies.push(visitor.post("/auth/logout").await);
    }
    for reply in replies {
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(reply.cookies().is_empty());
    }
    visitor.get("/plain").await.ok();
    assert_eq!(visitor.jar, before);

    store.recover().await;
    // Each has connections of its own that the outage may have cost.
    store.is_back_for(&application.cache).await;
    store.is_back_for(&beside.cache).await;
    let mut visitor = visitor.at(&beside);
    assert_eq!(visitor.get("/look").await.ok(), "alice 1");
    assert_eq!(visitor.get("/bag/cart").await.ok(), "a book");
    assert_eq!(visitor.post("/visit").await.ok(), "2");
}

/// Whichever call of the sign-in it is that fails, with all that come after it.
pub(crate) async fn a_sign_in_that_fails_half_way_leaves_no_half_session(store: &dyn Failing) {
    let beside = Application::over(store.open_beside().await, WebOptions::new());
    let mut statuses = Vec::new();
    for calls in 0.. {
        let mut visitor = Visitor::of(&beside);
        visitor.post("/visit").await.ok();
        visitor
            .send(http::Request::post("/bag/cart"), "a book")
            .await
            .ok();
        let before = visitor.jar.clone();

        let watched = Arc::new(Faulty::over(store.open().await));
        let application = Application::over(watched.clone(), WebOptions::new());
        let mut visitor = visitor.at(&application);
        let Some(reply) = sign_in_that_fails_after(calls, &mut visitor, &watched, store).await
        else {
            break;
        };
        store.recover().await;

        let mut visitor = visitor.at(&beside);
        let (seen, cart) = (
            visitor.get("/look").await.ok(),
            visitor.get("/bag/cart").await.ok(),
        );
        match reply.status {
            StatusCode::OK => assert_eq!((&*seen, &*cart), ("alice 1", "a book"), "{calls}"),
            status => {
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{calls}");
                assert!(reply.cookies().is_empty(), "{calls}");
                assert_eq!(visitor.jar, before, "{calls}");
                let untouched = (&*seen, &*cart) == ("nobody 1", "a book");
                // The removal of the old session, of which nobody heard.
                let gone = store.works_on() && (&*seen, &*cart) == ("nobody 0", "");
                assert!(untouched || gone, "{calls}: {seen} {cart}");
                visitor.sign_in("alice").await.ok();
                assert!(visitor.get("/look").await.ok().starts_with("alice"));
            }
        }
        visitor.post("/auth/logout").await.ok();
        assert_eq!(visitor.get("/look").await.ok(), "nobody 0");
        statuses.push(reply.status);
    }
    assert_eq!(statuses[0], StatusCode::SERVICE_UNAVAILABLE);
    // Reading; the index of users, the session and its bag; the removal.
    assert!(statuses.len() > 5, "{statuses:?}");
}

/// `None` if the sign-in makes no more calls than these.
async fn sign_in_that_fails_after(
    calls: usize,
    visitor: &mut Visitor,
    watched: &Faulty,
    store: &dyn Failing,
) -> Option<Reply> {
    let gate = watched.hold_after(calls);
    let mut sign_in = std::pin::pin!(visitor.sign_in("alice"));
    tokio::select! {
        reply = &mut sign_in => {
            // Who waits for a moment only may have failed by itself, which is as good.
            if store.works_on() && reply.status != StatusCode::OK {
                return Some(reply);
            }
            reply.ok();
            return None;
        }
        () = gate.is_reached() => {}
    }
    store.fail().await;
    gate.let_through();
    Some(sign_in.await)
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
