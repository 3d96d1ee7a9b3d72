//! The table of store calls a request in the README, row by row.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    CacheClientExtended, Expiry, SESSION_KEY_PREFIX, SessionOptions, Sessions, Sliding,
};
use session_web::WebOptions;

use crate::application::{Application, Shop};
use crate::faulty::Faulty;
use crate::visitor::Visitor;

/// An application, its counting store, and a visitor who has ids and no session.
async fn counted() -> (Arc<Faulty>, Visitor) {
    let store = Arc::new(Faulty::new());
    let application = Application::over(store.clone(), WebOptions::new());
    let mut visitor = Visitor::of(&application);
    visitor.get("/plain").await.ok();
    (store, visitor)
}

#[tokio::test]
async fn a_visitor_without_a_session_costs_nothing_or_one_look() {
    let (store, mut visitor) = counted().await;
    visitor.get("/plain").await.ok();
    assert_eq!(store.calls(), 0);
    // Only the store knows that nothing is stored under the id.
    visitor.get("/look").await.ok();
    assert_eq!(store.calls(), 1);
    for path in ["/look", "/bag/cart"] {
        visitor.jar.clear();
        visitor.get(path).await.ok();
        assert_eq!(store.calls(), 0, "{path}");
    }
    visitor.jar.clear();
    visitor.post("/visit").await.ok();
    assert_eq!(store.calls(), 1);
}

#[tokio::test]
async fn reading_costs_one_and_updating_two() {
    let (store, mut visitor) = counted().await;
    visitor.post("/visit").await.ok();
    store.calls();
    visitor.get("/look").await.ok();
    assert_eq!(store.calls(), 1);
    visitor.post("/visit").await.ok();
    assert_eq!(store.calls(), 2);
    visitor.post("/save").await.ok();
    assert_eq!(store.calls(), 2);
}

#[tokio::test]
async fn reading_and_sliding_cost_two_and_then_one() {
    let store = Arc::new(Faulty::new());
    let options = SessionOptions::default().sliding(Sliding::EveryRequest);
    let sessions = Sessions::<Shop>::new(store.clone()).with_options(options);
    let application = Application::of(sessions, WebOptions::new());
    let mut visitor = Visitor::of(&application);
    visitor.post("/visit").await.ok();
    let key = format!("{SESSION_KEY_PREFIX}{}", visitor.jar["ss-id"]);
    let day = Expiry::In(Duration::from_secs(24 * 3_600));
    assert!(store.set_time_to_live(&key, day).await.unwrap());
    for calls in [2, 1, 1] {
        store.calls();
        visitor.get("/look").await.ok();
        assert_eq!(store.calls(), calls);
    }
}

/// What signing in and signing out cost with so many values in the bag.
async fn in_and_out(values: usize) -> (usize, usize) {
    let (store, mut visitor) = counted().await;
    for number in 0..values {
        let request = http::Request::post(format!("/bag/{number}"));
        visitor.send(request, "a book").await.ok();
    }
    store.calls();
    visitor.sign_in("alice").await.ok();
    let signing_in = store.calls();
    visitor.post("/auth/logout").await.ok();
    (signing_in, store.calls())
}

#[tokio::test]
async fn signing_in_and_out_costs_a_few_calls_and_no_more_for_a_longer_bag() {
    assert_eq!(in_and_out(0).await, (5, 5));
    assert_eq!(in_and_out(1).await, (10, 6));
    assert_eq!(in_and_out(50).await, (10, 6));
}
