//! Requests that another site makes a browser send.

use std::sync::Arc;

use axum::{Extension, Router, routing::get};
use cache_memory::MemoryCache;
use http::StatusCode;
use http::request::Parts;
use session_core::{Sessions, async_trait};
use session_web::{
    CrossSite, Problem, RequestAuthLayer, RequestAuthProvider, SecureConnection, SessionLayer,
    WebOptions,
};

use crate::application::{Application, Shop};
use crate::visitor::{Visitor, invented};

#[tokio::test]
async fn a_post_of_another_site_is_refused() {
    let application = Application::new();
    let mut alice = Visitor::of(&application);
    alice.sign_in("alice").await.ok();
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.test"),
        ("origin", "null"),
    ] {
        let mut driven = alice.clone().with_header(header, value);
        for path in ["/visit", "/auth/logout", "/plain"] {
            let reply = driven.post(path).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{header} {path}");
            assert!(reply.cookies().is_empty());
        }
        let mut stranger = Visitor::of(&application).with_header(header, value);
        assert_eq!(
            stranger.sign_in("alice").await.status,
            StatusCode::FORBIDDEN
        );
        assert_eq!(driven.get("/look").await.ok(), "alice 0");
    }
}

#[tokio::test]
async fn own_pages_and_programs_pass() {
    let application = Application::new();
    let same_host = Visitor::of(&application)
        .with_header("host", "shop.test")
        .with_header("origin", "https://shop.test");
    for mut visitor in [
        Visitor::of(&application),
        Visitor::of(&application).with_header("sec-fetch-site", "same-origin"),
        Visitor::of(&application).with_header("sec-fetch-site", "none"),
        same_host,
        Visitor::of(&application)
            .with_header("sec-fetch-site", "cross-site")
            .with_header("x-ss-id", &invented(1)),
    ] {
        visitor.post("/visit").await.ok();
    }
}

#[tokio::test]
async fn origins_can_be_let_through_and_the_check_left_out() {
    let partner = CrossSite::refuse().except("https://partner.test").unwrap();
    for (policy, origin, status) in [
        (partner.clone(), "https://partner.test", StatusCode::OK),
        (partner, "https://evil.test", StatusCode::FORBIDDEN),
        (CrossSite::allow(), "https://evil.test", StatusCode::OK),
    ] {
        let application = Application::with(WebOptions::new().cross_site(policy));
        let mut visitor = Visitor::of(&application)
            .with_header("sec-fetch-site", "cross-site")
            .with_header("origin", origin);
        assert_eq!(visitor.post("/visit").await.status, status);
    }
}

#[tokio::test]
async fn cookies_that_were_held_back_are_not_overwritten() {
    let application = Application::with(WebOptions::new().cross_site(CrossSite::allow()));
    // A payment page posts back; `Lax` cookies stay in the browser.
    let mut returning = Visitor::of(&application)
        .with_header("sec-fetch-site", "cross-site")
        .with_header("sec-fetch-mode", "navigate");
    assert!(returning.post("/plain").await.cookies().is_empty());
    // Following a link sends them: who has none is new.
    assert_eq!(returning.get("/plain").await.cookies().len(), 2);
}

/// Takes a secure connection for a proof, as if the client had shown a certificate.
struct Certificate;

#[async_trait]
impl RequestAuthProvider<Shop> for Certificate {
    fn name(&self) -> &'static str {
        "certificate"
    }

    async fn authenticate(
        &self,
        request: &mut Parts,
        _: &Sessions<Shop>,
    ) -> Result<Option<Shop>, Problem> {
        let shown: Option<&SecureConnection> = request.extensions.get();
        Ok(shown.map(|_| Shop::default()))
    }
}

#[tokio::test]
async fn a_proof_that_browsers_show_by_themselves_is_not_another_sites_to_use() {
    let sessions = Sessions::<Shop>::new(Arc::new(MemoryCache::new()));
    let layer = RequestAuthLayer::new(sessions.clone()).provider(Certificate);
    let route = Router::new()
        .route("/", get(async || "seen").post(async || "done"))
        .layer(layer);
    let shown = |router: Router| {
        let router = router.layer(Extension(SecureConnection(true)));
        Visitor::of_router(router).with_header("sec-fetch-site", "cross-site")
    };
    let mut driven = shown(route.clone());
    assert_eq!(driven.post("/").await.status, StatusCode::FORBIDDEN);
    assert_eq!(driven.get("/").await.ok(), "seen");
    // Without a proof there is nothing to misuse.
    let stranger = Visitor::of_router(route.clone());
    let mut stranger = stranger.with_header("sec-fetch-site", "cross-site");
    assert_eq!(stranger.post("/").await.ok(), "done");
    // A session layer around decides for all of its routes.
    let open = WebOptions::new().cross_site(CrossSite::allow());
    let open = SessionLayer::with_options(sessions, open).unwrap();
    assert_eq!(shown(route.layer(open)).post("/").await.ok(), "done");
}
