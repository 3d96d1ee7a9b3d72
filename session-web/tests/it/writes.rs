//! What requests that run side by side do to one session.

use http::StatusCode;

use crate::application::Application;
use crate::stores::Store;
use crate::visitor::Visitor;

pub(crate) async fn two_parallel_updates_both_count(store: &dyn Store) {
    let here = Application::on(store).await;
    let elsewhere = Application::on(store).await;
    for there in [&here, &elsewhere] {
        let mut visitor = Visitor::of(&here);
        visitor.post("/visit").await.ok();
        let (mut one, mut other) = (visitor.clone(), visitor.clone().at(there));
        let updates = async { tokio::join!(one.post("/slow-visit"), other.post("/slow-visit")) };
        let release = async {
            // Both have read before either writes.
            here.gate.is_reached().await;
            there.gate.is_reached().await;
            here.gate.let_through();
            there.gate.let_through();
        };
        let ((one, other), ()) = tokio::join!(updates, release);
        let mut counted = [one.ok(), other.ok()];
        counted.sort();
        assert_eq!(counted, ["2", "3"]);
        assert_eq!(visitor.get("/look").await.ok(), "nobody 3");
    }
}

pub(crate) async fn a_slow_request_cannot_undo_a_sign_out(store: &dyn Store) {
    let here = Application::on(store).await;
    let elsewhere = Application::on(store).await;
    for (there, path) in [
        (&here, "/slow-visit"),
        (&here, "/slow-bag"),
        (&elsewhere, "/slow-visit"),
        (&elsewhere, "/slow-bag"),
    ] {
        let mut visitor = Visitor::of(&here);
        visitor.sign_in("alice").await.ok();
        let mut slow = visitor.clone().at(there);
        let sign_out = async {
            there.gate.is_reached().await;
            visitor.post("/auth/logout").await.ok();
            there.gate.let_through();
        };
        let (reply, ()) = tokio::join!(slow.post(path), sign_out);
        assert_eq!(reply.status, StatusCode::CONFLICT, "{path}");
        assert!(reply.cookies().is_empty());
        assert_eq!(here.stored().await, 0, "{path}");
        assert_eq!(slow.get("/look").await.ok(), "nobody 0");
    }
}

pub(crate) async fn the_bag_keeps_values_of_one_visitor_apart_from_anothers(store: &dyn Store) {
    let application = Application::on(store).await;
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

pub(crate) async fn renewing_gives_two_new_ids_and_keeps_the_data(store: &dyn Store) {
    let application = Application::on(store).await;
    let mut visitor = Visitor::of(&application);
    visitor.post("/visit").await.ok();
    let mut old = visitor.clone();
    let reply = visitor.post("/renew").await;
    assert_eq!(reply.cookie_names(), ["ss-id", "ss-pid"]);
    assert_eq!(visitor.get("/look").await.ok(), "nobody 1");
    assert_eq!(old.get("/look").await.ok(), "nobody 0");
}
