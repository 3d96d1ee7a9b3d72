//! What requests that run side by side do to one session.

use http::StatusCode;

use crate::application::Application;
use crate::visitor::Visitor;

#[tokio::test]
async fn two_parallel_updates_both_count() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    visitor.post("/visit").await.ok();
    let (mut one, mut other) = (visitor.clone(), visitor.clone());
    let updates = async { tokio::join!(one.post("/slow-visit"), other.post("/slow-visit")) };
    let release = async {
        // Both have read before either writes.
        application
            .gate
            .reached
            .acquire_many(2)
            .await
            .unwrap()
            .forget();
        application.gate.open.add_permits(2);
    };
    let ((one, other), ()) = tokio::join!(updates, release);
    let mut counted = [one.ok(), other.ok()];
    counted.sort();
    assert_eq!(counted, ["2", "3"]);
    assert_eq!(visitor.get("/look").await.ok(), "nobody 3");
}

#[tokio::test]
async fn a_slow_request_cannot_undo_a_sign_out() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    visitor.sign_in("alice").await.ok();
    let mut slow = visitor.clone();
    let sign_out = async {
        application.gate.reached.acquire().await.unwrap().forget();
        visitor.post("/auth/logout").await.ok();
        application.gate.open.add_permits(1);
    };
    let (reply, ()) = tokio::join!(slow.post("/slow-visit"), sign_out);
    assert_eq!(reply.status, StatusCode::CONFLICT);
    assert!(reply.cookies().is_empty());
    assert_eq!(application.stored().await, 0);
    assert_eq!(slow.get("/look").await.ok(), "nobody 0");
}

#[tokio::test]
async fn the_bag_keeps_values_of_one_visitor_apart_from_anothers() {
    let application = Application::new();
    let (mut one, mut other) = (Visitor::of(&application), Visitor::of(&application));
    one.send(http::Request::post("/bag/cart%2F%C3%A4"), "a book")
        .await
        .ok();
    other
        .send(http::Request::post("/bag/cart%2F%C3%A4"), "a pen")
        .await
        .ok();
    assert_eq!(one.get("/bag/cart%2F%C3%A4").await.ok(), "a book");
    assert_eq!(other.get("/bag/cart%2F%C3%A4").await.ok(), "a pen");
    let too_long = format!("/bag/{}", "k".repeat(1_025));
    assert_eq!(one.post(&too_long).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn renewing_gives_two_new_ids_and_keeps_the_data() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    visitor.post("/visit").await.ok();
    let mut old = visitor.clone();
    let reply = visitor.post("/renew").await;
    assert_eq!(reply.cookie_names(), ["ss-id", "ss-pid"]);
    assert_eq!(visitor.get("/look").await.ok(), "nobody 1");
    assert_eq!(old.get("/look").await.ok(), "nobody 0");
}
