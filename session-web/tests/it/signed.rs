//! Ids that are signed in cookies and headers.

use session_core::{IdKey, IdSigner, SessionId};
use session_web::WebOptions;

use crate::application::Application;
use crate::visitor::{Visitor, invented};

fn signer(key: u8) -> IdSigner {
    IdSigner::new(IdKey::new([key; 32]).unwrap())
}

fn signing(signer: IdSigner) -> WebOptions {
    WebOptions::new().sign_ids(signer)
}

#[tokio::test]
async fn ids_are_signed_in_cookies_and_plain_in_the_store() {
    let application = Application::with(signing(signer(1)));
    let mut visitor = Visitor::of(&application);
    visitor.get("/plain").await.ok();
    for name in ["ss-id", "ss-pid"] {
        assert!(signer(1).verify(&visitor.jar[name]).is_some(), "{name}");
    }
    visitor.sign_in("alice").await.ok();
    assert_eq!(visitor.post("/visit").await.ok(), "1");
    let id = signer(1).verify(&visitor.jar["ss-id"]).unwrap();
    let stored = application.sessions.find(&id).await.unwrap();
    assert_eq!(stored.unwrap().visits, 1);
    // What a handler sees is the id, not its signed form.
    assert!(visitor.get("/ids").await.ok().starts_with(id.as_str()));
    visitor.post("/auth/logout").await.ok();
    assert!(visitor.jar.is_empty() && application.stored().await == 0);
}

#[tokio::test]
async fn an_id_without_a_good_signature_is_malformed_and_never_reaches_the_store() {
    let application = Application::with(signing(signer(1)));
    let mut alice = Visitor::of(&application);
    alice.sign_in("alice").await.ok();
    let signed = alice.jar["ss-id"].clone();
    let id = signer(1).verify(&signed).unwrap();
    let (_, signature) = signed.split_once('.').unwrap();
    for sent in [
        id.as_str().to_owned(),
        signer(2).sign(&id),
        format!("{}.{signature}", invented(1)),
        format!("{}.", id.as_str()),
        signed[..signed.len() - 1].to_owned(),
    ] {
        let mut thief = Visitor::of(&application).with_cookie("ss-id", &sent);
        assert_eq!(thief.get("/look").await.ok(), "nobody 0", "{sent}");
        assert!(signer(1).verify(&thief.jar["ss-id"]).is_some());
        let mut thief = Visitor::of(&application).with_header("x-ss-id", &sent);
        assert_eq!(thief.get("/look").await.ok(), "nobody 0", "{sent}");
    }
    assert_eq!(alice.get("/look").await.ok(), "alice 0");
}

#[tokio::test]
async fn an_id_that_came_by_header_is_answered_signed() {
    let application = Application::with(signing(signer(1)));
    let mut program = Visitor::of(&application).with_header("x-ss-id", "");
    let reply = program.post("/visit").await;
    assert!(reply.cookies().is_empty());
    let id = reply.header("x-ss-id").unwrap();
    let mut program = Visitor::of(&application).with_header("x-ss-id", id);
    assert_eq!(program.post("/visit").await.ok(), "2");
}

#[tokio::test]
async fn the_key_of_signatures_is_changed_without_signing_anybody_out() {
    let old = Application::with(signing(signer(1)));
    let mut alice = Visitor::of(&old);
    alice.sign_in("alice").await.ok();

    let both = signer(2).with_fallback(IdKey::new([1; 32]).unwrap());
    let rotated = Application::over(old.cache.clone(), signing(both));
    let mut moved = alice.clone().at(&rotated);
    let reply = moved.get("/look").await;
    // Not set again: this answer may come after that of another tab's sign-in.
    assert!(reply.cookies().is_empty());
    assert_eq!(reply.ok(), "alice 0");
    // New ids are signed with the new key.
    moved.post("/renew").await.ok();
    let signed_by = |key: u8, text: &str| -> Option<SessionId> { signer(key).verify(text) };
    assert!(signed_by(2, &moved.jar["ss-id"]).is_some());
    assert!(signed_by(2, &moved.jar["ss-pid"]).is_some());

    let only_new = Application::over(old.cache.clone(), signing(signer(2)));
    assert_eq!(moved.at(&only_new).get("/look").await.ok(), "alice 0");
    let mut late = alice.at(&only_new);
    assert_eq!(late.get("/look").await.ok(), "nobody 0");
}
