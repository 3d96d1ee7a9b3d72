//! Which ids are taken, and which are handed out.

use futures_util::{StreamExt, stream};
use session_web::{IssueIds, WebOptions};

use crate::application::Application;
use crate::stores::Store;
use crate::visitor::{Visitor, invented};

pub(crate) async fn a_new_visitor_gets_both_ids_and_nothing_is_stored(store: &dyn Store) {
    let application = Application::on(store).await;
    let mut visitor = Visitor::of(&application);
    let reply = visitor.get("/plain").await;
    assert_eq!(reply.cookie_names(), ["ss-id", "ss-pid"]);
    assert_ne!(visitor.jar["ss-id"], visitor.jar["ss-pid"]);
    for path in ["/plain", "/look", "/ids", "/bag/cart"] {
        assert!(visitor.get(path).await.cookies().is_empty(), "{path}");
    }
    assert_eq!(application.stored().await, 0);
}

pub(crate) async fn ids_of_ones_own_invention_are_never_adopted(store: &dyn Store) {
    let application = Application::on(store).await;
    for (path, permanent) in [
        ("/visit", "temp"),
        ("/save", "temp"),
        ("/visit", "perm"),
        ("/bag/cart", "temp"),
        ("/bag/cart", "perm"),
        ("/renew", "temp"),
        ("/renew", "perm"),
        ("/auth/credentials", "temp"),
        ("/auth/credentials", "perm"),
    ] {
        let mut visitor = Visitor::of(&application)
            .with_cookie("ss-id", &invented(1))
            .with_cookie("ss-pid", &invented(2))
            .with_cookie("ss-opt", permanent);
        visitor.get("/look").await.ok();
        match path {
            "/auth/credentials" => visitor.sign_in("alice").await.ok(),
            path => visitor.post(path).await.ok(),
        };
        assert_ne!(visitor.jar["ss-id"], invented(1), "{path}");
        for id in [invented(1), invented(2)] {
            let stored = application.sessions.find(&id.parse().unwrap()).await;
            assert!(stored.unwrap().is_none(), "{path}");
        }
        let own = visitor.jar["ss-id"].parse().unwrap();
        assert!(application.sessions.find(&own).await.unwrap().is_some());
        let mut victim = Visitor::of(&application).with_cookie("ss-id", &invented(1));
        assert_eq!(victim.get("/look").await.ok(), "nobody 0", "{path}");
    }
}

pub(crate) async fn ten_thousand_unknown_ids_leave_the_store_empty(store: &dyn Store) {
    let application = Application::on(store).await;
    let guesses = (0..10_000).map(|number| {
        let mut visitor = Visitor::of(&application).with_cookie("ss-id", &invented(number));
        async move {
            let path = ["/look", "/bag/cart"][number as usize % 2];
            visitor.get(path).await.ok();
            assert_eq!(visitor.jar["ss-id"], invented(number));
        }
    });
    stream::iter(guesses)
        .buffer_unordered(200)
        .for_each(async |()| {})
        .await;
    assert_eq!(application.stored().await, 0);
}

#[tokio::test]
async fn malformed_ids_are_replaced_at_once() {
    for malformed in [
        "",
        "short",
        "../../../../etc/passwd-and-more-",
        "**[32]**************************",
    ] {
        let application = Application::new();
        let mut visitor = Visitor::of(&application)
            .with_cookie("ss-id", malformed)
            .with_cookie("ss-pid", &invented(1));
        let reply = visitor.get("/plain").await;
        assert_eq!(reply.cookie_names(), ["ss-id"], "{malformed}");
        assert_eq!(visitor.jar["ss-id"].len(), 32);
    }
}

#[tokio::test]
async fn two_different_cookies_of_one_name_open_nobodys_session() {
    let application = Application::new();
    let mut alice = Visitor::of(&application);
    alice.sign_in("alice").await.ok();
    let planted = format!("{}; ss-id={}", alice.jar["ss-id"], invented(1));
    let mut tossed = alice.clone().with_cookie("ss-id", &planted);
    assert_eq!(tossed.get("/look").await.ok(), "nobody 0");
    let twice = format!("{0}; ss-id={0}", alice.jar["ss-id"]);
    let mut doubled = alice.clone().with_cookie("ss-id", &twice);
    assert_eq!(doubled.get("/look").await.ok(), "alice 0");
}

#[tokio::test]
async fn when_used_sets_nothing_until_something_is_written() {
    let application = Application::with(WebOptions::new().issue_ids(IssueIds::WhenUsed));
    let mut visitor = Visitor::of(&application);
    for path in ["/plain", "/look", "/bag/cart", "/ids"] {
        assert!(visitor.get(path).await.cookies().is_empty(), "{path}");
    }
    assert_eq!(
        visitor.post("/visit").await.cookie_names(),
        ["ss-id", "ss-pid"]
    );
    assert_eq!(visitor.get("/look").await.ok(), "nobody 1");
}

#[tokio::test]
async fn the_ids_that_a_handler_sees_are_those_that_the_client_gets() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    let seen = visitor.get("/ids").await.ok();
    assert_eq!(
        seen,
        format!("{} {}", visitor.jar["ss-id"], visitor.jar["ss-pid"])
    );
    assert_eq!(visitor.get("/ids").await.ok(), seen);
}

pub(crate) async fn asking_for_permanence_lengthens_nothing(store: &dyn Store) {
    let application = Application::on(store).await;
    let mut visitor = Visitor::of(&application).with_cookie("ss-opt", "perm");
    let reply = visitor.post("/visit").await;
    assert_eq!(reply.cookie("ss-opt").value(), "temp");
    assert_eq!(reply.cookie("ss-id").max_age(), None);
    let id = visitor.jar["ss-id"].parse().unwrap();
    let session = application.sessions.find(&id).await.unwrap().unwrap();
    assert!(!session.is_permanent());
    // Nor does moving a temporary id to where the permanent one is sent.
    let temporary = visitor.jar["ss-id"].clone();
    let mut moved = Visitor::of(&application)
        .with_cookie("ss-pid", &temporary)
        .with_cookie("ss-opt", "perm");
    assert_eq!(moved.post("/visit").await.ok(), "2");
    let session = application.sessions.find(&id).await.unwrap().unwrap();
    assert!(!session.is_permanent());
}
