//! What is printed while an application runs.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use session_core::{NewApiKey, Sessions};
use session_web::{JwtAuth, JwtKey, JwtKeys, RequestAuthLayer, SecureConnection};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::application::{Application, PASSWORD, Shop};
use crate::keys::Keyed;
use crate::stores::Failing;
use crate::visitor::{Visitor, invented};

pub(crate) async fn no_output_holds_an_id_or_a_password(store: &dyn Failing) {
    let printed = Printed::default();
    let _guard = printed.listen();

    let application = Application::on(store).await;
    let mut secrets = vec![PASSWORD.to_owned(), invented(1), invented(2)];
    let mut visitor = Visitor::of(&application);
    for _ in 0..2 {
        visitor.post("/visit").await.ok();
        secrets.extend(visitor.jar.values().cloned());
        visitor.sign_in("alice").await.ok();
        let wrong = visitor.sign_in_with("userName=alice&password=wrong+horse");
        printed.print(&wrong.await.body);
        printed.print(&visitor.sign_in("unreachable").await.body);
        let cart = http::Request::post("/bag/cart");
        visitor.send(cart, "a book").await.ok();
        secrets.extend(visitor.jar.values().cloned());

        store.fail().await;
        for reply in [
            visitor.post("/visit").await,
            visitor.post("/bag/cart").await,
            visitor.sign_in("bob").await,
        ] {
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
            printed.print(&reply.body);
        }
        visitor.get("/look-anonymously").await.ok();
        let id = visitor.jar["ss-id"].parse().unwrap();
        let error = application.sessions.find(&id).await.unwrap_err();
        printed.print(&format!("{error} {error:?} {:?}", application.cache));
        store.recover().await;
        store.is_back_for(&application.cache).await;

        let session = application.sessions.find(&id).await.unwrap().unwrap();
        printed.print(&format!("{:?} {:?}", session.bag(), session.current()));
        printed.print(&format!("{:?}", application.sessions));
        visitor.post("/auth/logout").await.ok();
    }
    let two = format!("{}; ss-id={}", invented(1), invented(2));
    Visitor::of(&application)
        .with_cookie("ss-id", &two)
        .get("/look")
        .await
        .ok();

    let printed = printed.text();
    // The test sees what is printed.
    assert!(printed.contains("the session store fails"), "{printed}");
    assert!(printed.contains("two different cookies"), "{printed}");
    secrets.retain(|secret| !["temp", "perm"].contains(&&**secret));
    secrets.push("wrong horse".to_owned());
    secrets.push("a book".to_owned());
    for secret in secrets {
        assert!(!printed.contains(&secret), "{printed}");
    }
}

pub(crate) async fn no_output_holds_a_key_a_token_or_a_password(store: &dyn Failing) {
    let printed = Printed::default();
    let _guard = printed.listen();

    let app = Keyed::over(store.open().await).await;
    let (key, stored) = app.make(NewApiKey::new("live")).await;
    let basic = |password: &str| STANDARD.encode(format!("alice:{password}"));
    app.cache.fail_writes(true);
    app.get("/cached", &key).await.ok();
    app.cache.fail_writes(false);
    printed.print(&app.get("/vip", &key).await.body);
    store.fail().await;
    printed.print(&app.get("/cached", &key).await.body);
    store.recover().await;
    store.is_back_for(&app.store).await;
    for unknown in ["too short", "a_well_formed_key_of_nobody"] {
        printed.print(&app.get("/who", unknown).await.body);
    }
    app.keys.cancel("id of alice", &stored.id()).await.unwrap();
    printed.print(&app.get("/who", &key).await.body);
    for password in [PASSWORD, "wrong horse"] {
        let sent = format!("Basic {}", basic(password));
        let mut client = app.client().with_header("authorization", &sent);
        printed.print(&client.get("/who").await.body);
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
        printed.print(&client.get("/who").await.body);
    }

    let printed = printed.text();
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

impl Printed {
    /// Takes the traces of this thread, which is all of the test's but threads of SQLite's own.
    fn listen(&self) -> DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn print(&self, text: &str) {
        self.0.lock().unwrap().extend(text.as_bytes());
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

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
