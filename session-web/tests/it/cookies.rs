//! Which attributes cookies carry.

use http::Request;
use session_web::{
    CookieNames, CookiePrefix, PeerAddress, SameSite, SecureCookies, TrustedProxies, WebOptions,
};

use crate::application::Application;
use crate::visitor::Visitor;

#[tokio::test]
async fn cookies_are_for_this_host_and_out_of_reach_of_scripts() {
    let reply = Visitor::of(&Application::new()).get("/plain").await;
    let (id, permanent) = (reply.cookie("ss-id"), reply.cookie("ss-pid"));
    for cookie in [&id, &permanent] {
        assert_eq!(cookie.http_only(), Some(true));
        assert_eq!((cookie.path(), cookie.domain()), (Some("/"), None));
        assert_eq!(cookie.same_site(), Some(SameSite::Lax));
        assert_eq!(cookie.secure(), None);
    }
    assert_eq!(id.max_age(), None);
    assert_eq!(permanent.max_age().unwrap().whole_days(), 400);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn secure_follows_a_trusted_proxy_and_nobody_else() {
    let trusted = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let behind_proxy = Application::with(WebOptions::new().trusted_proxies(trusted));
    let alone = Application::new();
    for (application, peer, proto, secure) in [
        (&behind_proxy, "10.1.2.3", "https", Some(true)),
        (&behind_proxy, "10.1.2.3", "http", None),
        (&behind_proxy, "192.0.2.1", "https", None),
        (&alone, "10.1.2.3", "https", None),
    ] {
        for (header, value) in [
            ("x-forwarded-proto", proto.to_owned()),
            ("forwarded", format!("for=192.0.2.9;proto={proto}")),
        ] {
            let request = Request::get("/plain")
                .header(header, value)
                .extension(PeerAddress(peer.parse().unwrap()));
            let reply = Visitor::of(application).send(request, "").await;
            assert_eq!(
                reply.cookie("ss-id").secure(),
                secure,
                "{peer} {header} {proto}"
            );
        }
    }
    let connect_info =
        axum::extract::ConnectInfo::<std::net::SocketAddr>("10.1.2.3:80".parse().unwrap());
    let request = Request::get("/plain").header("x-forwarded-proto", "https");
    let reply = Visitor::of(&behind_proxy)
        .send(request.extension(connect_info), "")
        .await;
    assert_eq!(reply.cookie("ss-id").secure(), Some(true));
    let told = Request::get("/plain").extension(session_web::SecureConnection(true));
    let reply = Visitor::of(&alone).send(told, "").await;
    assert_eq!(reply.cookie("ss-id").secure(), Some(true));
}

#[tokio::test]
async fn names_domain_and_prefix_are_options() {
    let names = CookieNames {
        temporary: "id".to_owned(),
        permanent: "pid".to_owned(),
        preference: "opt".to_owned(),
    };
    let options = WebOptions::new()
        .names(names)
        .domain("shop.test")
        .same_site(SameSite::Strict);
    let reply = Visitor::of(&Application::with(options)).get("/plain").await;
    assert_eq!(reply.cookie_names(), ["id", "pid"]);
    assert_eq!(reply.cookie("id").domain(), Some("shop.test"));
    assert_eq!(reply.cookie("id").same_site(), Some(SameSite::Strict));

    let application = Application::with(WebOptions::new().prefix(CookiePrefix::Host));
    let mut visitor = Visitor::of(&application);
    let reply = visitor.post("/visit").await;
    assert_eq!(reply.cookie_names(), ["__Host-ss-id", "__Host-ss-pid"]);
    assert_eq!(reply.cookie("__Host-ss-id").secure(), Some(true));
    assert_eq!(visitor.get("/look").await.ok(), "nobody 1");
}

#[tokio::test]
async fn a_closure_edits_or_leaves_out_each_cookie() {
    let options = WebOptions::new().edit_cookie(|mut cookie| {
        cookie.set_path("/shop");
        (cookie.name() != "ss-pid").then_some(cookie)
    });
    let reply = Visitor::of(&Application::with(options)).get("/plain").await;
    assert_eq!(reply.cookie_names(), ["ss-id"]);
    assert_eq!(reply.cookie("ss-id").path(), Some("/shop"));
}

#[tokio::test]
async fn removal_repeats_every_attribute() {
    let options = WebOptions::new()
        .domain("shop.test")
        .same_site(SameSite::None)
        .secure(SecureCookies::Always)
        .edit_cookie(|mut cookie| {
            cookie.set_partitioned(true);
            Some(cookie)
        });
    let application = Application::with(options);
    let mut visitor = Visitor::of(&application);
    visitor.sign_in("alice").await.ok();
    let reply = visitor.post("/auth/logout").await;
    assert_eq!(reply.cookie_names(), ["ss-id", "ss-opt", "ss-pid"]);
    for cookie in reply.cookies() {
        assert_eq!(cookie.value(), "");
        assert!(cookie.max_age().unwrap().is_zero() && cookie.expires().is_some());
        assert_eq!(
            (cookie.path(), cookie.domain()),
            (Some("/"), Some("shop.test"))
        );
        assert_eq!(cookie.same_site(), Some(SameSite::None));
        assert_eq!(cookie.secure(), Some(true));
        assert_eq!(cookie.http_only(), Some(true));
        assert_eq!(cookie.partitioned(), Some(true));
    }
    assert!(visitor.jar.is_empty());
}

#[tokio::test]
async fn one_cookie_a_name_and_the_applications_own_are_kept() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    let reply = visitor.get("/own-cookies").await;
    assert_eq!(
        reply.cookie_names(),
        ["ss-id", "ss-pid", "theme", "tour", "tour"]
    );
    assert_ne!(reply.cookie("ss-id").value(), "mine");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let reply = visitor.get("/own-cookies").await;
    assert_eq!(reply.cookie_names(), ["ss-id", "theme", "tour", "tour"]);
    assert_eq!(reply.header("cache-control"), Some("public, max-age=60"));
}

#[tokio::test]
async fn caches_learn_what_a_response_depends_on() {
    let application = Application::new();
    let mut visitor = Visitor::of(&application);
    assert_eq!(visitor.get("/plain").await.header("vary"), None);
    for path in ["/look", "/ids", "/bag/cart"] {
        let reply = visitor.get(path).await;
        assert_eq!(reply.header("vary"), Some("Cookie"), "{path}");
        assert_eq!(reply.headers.get_all("vary").iter().count(), 2);
    }
}
