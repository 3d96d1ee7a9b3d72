//! What is printed while an application runs.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use session_core::{CacheClientExtended, NewApiKey, Sessions};
use session_web::{JwtAuth, JwtKey, JwtKeys, RequestAuthLayer, SecureConnection, WebOptions};
use tracing_subscriber::fmt::MakeWriter;

use crate::application::{Application, PASSWORD, Shop};
use crate::faulty::Faulty;
use crate::keys::Keyed;
use crate::visitor::{Visitor, invented};

#[tokio::test]
async fn no_trace_holds_an_id_or_a_password() {
    let printed = Printed::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(printed.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let store = Arc::new(Faulty::new());
    let cache: Arc<dyn CacheClientExtended> = store.clone();
    let application = Application::over(cache, WebOptions::new());
    let mut secrets = vec![PASSWORD.to_owned(), invented(1), invented(2)];
    let mut visitor = Visitor::of(&application);
    for _ in 0..2 {
        visitor.post("/visit").await.ok();
        secrets.extend(visitor.jar.values().cloned());
        visitor.sign_in("alice").await.ok();
        visitor
            .sign_in_with("userName=alice&password=wrong+horse")
            .await;
        visitor.sign_in("unreachable").await;
        visitor
            .send(http::Request::post("/bag/cart"), "a book")
            .await
            .ok();
        secrets.extend(visitor.jar.values().cloned());
        store.fail_writes(true);
        assert_eq!(
            visitor.post("/visit").await.status,
            StatusCode::SERVICE_UNAVAILABLE
        );
        store.fail_writes(false);
        store.fail_reads(true);
        visitor.get("/look-anonymously").await.ok();
        store.fail_reads(false);
        visitor.post("/auth/logout").await.ok();
    }
    let two = format!("{}; ss-id={}", invented(1), invented(2));
    Visitor::of(&application)
        .with_cookie("ss-id", &two)
        .get("/look")
        .await
        .ok();

    let printed = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    // The test sees what is printed.
    assert!(printed.contains("the session store fails"), "{printed}");
    assert!(printed.contains("two different cookies"), "{printed}");
    secrets.push("wrong horse".to_owned());
    secrets.push("a book".to_owned());
    for secret in secrets {
        assert!(!printed.contains(&secret), "{printed}");
    }
}

#[tokio::test]
async fn no_trace_holds_a_key_a_token_or_a_password() {
    let printed = Printed::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(printed.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let app = Keyed::new().await;
    let (key, stored) = app.make(NewApiKey::new("live")).await;
    let basic = |password: &str| STANDARD.encode(format!("alice:{password}"));
    app.cache.fail_writes(true);
    app.get("/cached", &key).await.ok();
    app.cache.fail_writes(false);
    app.get("/vip", &key).await;
    app.cache.fail_reads(true);
    app.get("/cached", &key).await;
    app.cache.fail_reads(false);
    app.get("/who", "too short").await;
    app.get("/who", "a_well_formed_key_of_nobody").await;
    app.keys.cancel("id of alice", &stored.id()).await.unwrap();
    app.get("/who", &key).await;
    for password in [PASSWORD, "wrong horse"] {
        let sent = format!("Basic {}", basic(password));
        app.client()
            .with_header("authorization", &sent)
            .get("/who")
            .await;
    }
    let jwt = JwtAuth::<Shop>::new(JwtKeys::new(JwtKey::hs256(&[7; 32]).unwrap()), "shop");
    let token = jwt.issue(&Shop::default()).await.unwrap();
    let tampered = format!("{token}x");
    let sessions = Sessions::<Shop>::new(app.cache.clone());
    let layer = RequestAuthLayer::new(sessions).provider(jwt);
    let router = app.router.clone().layer(layer);
    let router = router.layer(axum::Extension(SecureConnection(true)));
    for token in [&token, &tampered] {
        let sent = format!("Bearer {token}");
        let mut client = Visitor::of_router(router.clone()).with_header("authorization", &sent);
        client.get("/who").await;
    }

    let printed = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    for seen in [
        "cancelled",
        "unknown",
        "malformed",
        "cannot be cached",
        "a token was refused",
    ] {
        assert!(printed.contains(seen), "{seen}: {printed}");
    }
    let secrets = [
        key.as_str(),
        stored.hash.as_str(),
        "too short",
        "a_well_formed_key_of_nobody",
        PASSWORD,
        "wrong horse",
        &basic(PASSWORD),
        &basic("wrong horse"),
        &token,
        token.rsplit('.').next().unwrap(),
        "id of alice",
    ];
    for secret in secrets {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test]
async fn headers_can_be_printed_without_their_ids() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    let reply = visitor.get("/plain").await;
    let mut printed = format!("{:?}", reply.headers);
    printed += &visitor.get("/headers").await.ok();
    let mut program = Visitor::of(&application)
        .with_header("x-ss-id", &invented(1))
        .with_header("x-ss-pid", "malformed");
    let reply = program.get("/headers").await;
    printed += &format!("{:?}", reply.headers);
    printed += &reply.body;
    for name in ["set-cookie", "\"cookie\"", "x-ss-id", "x-ss-pid"] {
        assert!(printed.contains(name), "{printed}");
    }
    let handed_out = reply.header("x-ss-pid").unwrap().to_owned();
    for id in visitor.jar.values().chain([&invented(1), &handed_out]) {
        assert!(!printed.contains(id), "{printed}");
    }
}

/// Collects what is printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Printed {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}
