//! What is printed while an application runs.

use std::io::Write;
use std::sync::{Arc, Mutex};

use http::StatusCode;
use session_core::CacheClientExtended;
use session_web::WebOptions;
use tracing_subscriber::fmt::MakeWriter;

use crate::application::{Application, PASSWORD};
use crate::faulty::Faulty;
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
