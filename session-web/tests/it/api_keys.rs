//! API keys over HTTP.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt;
use http::StatusCode;
use session_core::{AuthUserSession, CacheClientExtended, CachedKeySession, NewApiKey};

use crate::application::{PASSWORD, Shop};
use crate::keys::{Keyed, MINUTE, refused};

fn live() -> NewApiKey {
    NewApiKey::new("live")
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test]
async fn a_key_is_taken_from_three_places() {
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    for (header, value) in [
        ("x-api-key", key.clone()),
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer  {key}")),
        ("authorization", basic(&key, "")),
    ] {
        let reply = app.client().with_header(header, &value).get("/who").await;
        assert_eq!(reply.ok(), "alice by apikey");
        let reply = app.client().with_header(header, &value).get("/key").await;
        assert_eq!(reply.ok(), "live");
    }
}

#[tokio::test]
async fn missing_unknown_cancelled_expired_malformed_and_locked_are_one_answer() {
    let app = Keyed::new().await;
    let (cancelled, key) = app.make(live()).await;
    app.keys.cancel("id of alice", &key.id()).await.unwrap();
    let (expired, _) = app.make(live().expires_in(MINUTE)).await;
    assert_eq!(app.get("/key", &expired).await.ok(), "live");
    app.clock.fetch_add(60, SeqCst);
    let (secret, _) = app.keys.make("id of bob", live()).await.unwrap();
    app.users.set_locked("bob", true).await.unwrap();
    let unknown = cancelled.replace("ak_live", "ak_test");
    let missing = app.client().get("/key").await;
    let expected = refused(&missing).to_owned();
    for key in [&cancelled, &expired, &unknown, "short", secret.as_str()] {
        let reply = app.get("/key", key).await;
        assert_eq!(refused(&reply), expected);
    }
    // A bad key is refused where none is needed, too.
    refused(&app.get("/who", &unknown).await);
    assert_eq!(app.client().get("/who").await.ok(), "nobody by nothing");
}

#[tokio::test]
async fn no_cache_gives_one_clients_answer_to_another() {
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    for key in [key.as_str(), "ak_live_nobody_made_this_one"] {
        let reply = app.get("/who", key).await;
        let vary = reply.headers.get_all("vary").iter();
        let vary: Vec<_> = vary.map(|value| value.to_str().unwrap()).collect();
        assert!(vary.contains(&"Authorization, X-Api-Key"), "{vary:?}");
    }
}

#[tokio::test]
async fn a_key_is_not_even_looked_at_on_an_insecure_connection() {
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    app.cache.calls();
    let mut answers = Vec::new();
    for key in [key.as_str(), "ak_live_nobody_made_this_one"] {
        let client = crate::visitor::Visitor::of_router(app.router.clone());
        let reply = client.with_header("x-api-key", key).get("/who").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        answers.push(reply.body);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(app.cache.calls(), 0);
    assert!(app.used().is_empty());
}

#[tokio::test]
async fn the_word_of_a_trusted_proxy_makes_a_connection_secure() {
    use axum::{Router, routing::get};
    use session_core::Sessions;
    use session_web::{
        ApiKey, ApiKeyAuth, ApiKeyProvider, PeerAddress, RequestAuthLayer, SessionLayer,
        TrustedProxies, WebOptions,
    };
    use std::sync::Arc;
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    let auth: Arc<dyn ApiKeyAuth<Shop>> =
        Arc::new(ApiKeyProvider::new(app.keys.clone(), app.users.clone()));
    let sessions = Sessions::<Shop>::new(app.cache.clone());
    let options = WebOptions::new().trusted_proxies(TrustedProxies::new(["10.0.0.0/8"]).unwrap());
    let router = Router::new()
        .route("/key", get(async |key: ApiKey| key.environment.clone()))
        .layer(RequestAuthLayer::new(sessions.clone()).provider(auth))
        .layer(SessionLayer::with_options(sessions, options).unwrap());
    for (peer, status) in [
        ("10.0.0.1", StatusCode::OK),
        ("192.0.2.1", StatusCode::FORBIDDEN),
    ] {
        let peer = axum::Extension(PeerAddress(peer.parse().unwrap()));
        let reply = crate::visitor::Visitor::of_router(router.clone().layer(peer))
            .with_header("x-api-key", &key)
            .with_header("x-forwarded-proto", "https")
            .get("/key")
            .await;
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn a_session_that_on_load_rejects_refuses_the_request_cached_or_not() {
    let app = Keyed::new().await;
    let suspended = AuthUserSession {
        user_id: Some("id of suspended".to_owned()),
        user_name: Some("suspended".to_owned()),
        ..AuthUserSession::default()
    };
    app.users.register(suspended, PASSWORD).await.unwrap();
    let made = app.keys.make("id of suspended", live());
    let (key, _) = made.await.unwrap();
    // `/key` asks for no session, and `/cached` finds it in the cache the second time.
    for path in ["/key", "/cached", "/cached"] {
        let reply = app.get(path, key.as_str()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
        assert!(reply.body.contains("suspended"), "{}", reply.body);
    }
}

#[tokio::test]
async fn nothing_of_a_keys_session_is_stored() {
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    assert_eq!(app.get("/save", &key).await.ok(), "1");
    assert_eq!(app.get("/who", &key).await.ok(), "alice by apikey");
    let keys: Vec<String> = app
        .cache
        .keys_starting_with("")
        .try_collect()
        .await
        .unwrap();
    let of_sessions = |key: &String| key.starts_with("urn:") || key.starts_with("key:sess:");
    assert!(!keys.iter().any(of_sessions), "{keys:?}");
}

#[tokio::test]
async fn each_request_decides_about_caching_and_every_use_is_counted() {
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    for _ in 0..3 {
        assert_eq!(app.get("/who", &key).await.ok(), "alice by apikey");
    }
    // Off by default.
    assert_eq!(app.made(), 3);
    for _ in 0..3 {
        assert_eq!(app.get("/cached", &key).await.ok(), "alice by apikey");
    }
    assert_eq!(app.made(), 1);
    // Another route does not use what is cached.
    app.get("/who", &key).await.ok();
    // Nor does the wrapper's own rule, though its policy would.
    app.get("/metered", &key).await.ok();
    assert_eq!(app.made(), 2);
    // All the others are cached.
    app.get("/read-only", &key).await.ok();
    assert_eq!(app.made(), 0);
    let expected = [
        "/who",
        "/who",
        "/who",
        "/cached",
        "/cached",
        "/cached",
        "/who",
        "/metered",
        "/read-only",
    ];
    assert_eq!(app.used(), expected.map(|path| format!("{path} live")));
}

#[tokio::test]
async fn a_wrapper_can_read_the_cache_and_leave_writing_out() {
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    app.get("/read-only", &key).await.ok();
    app.get("/read-only", &key).await.ok();
    assert_eq!(app.made(), 2);
    app.get("/cached", &key).await.ok();
    app.get("/read-only", &key).await.ok();
    assert_eq!(app.made(), 1);
}

#[tokio::test]
async fn a_wrappers_rule_holds_for_cached_sessions_too() {
    let app = Keyed::new().await;
    let (plain, _) = app.make(live()).await;
    let (vip, _) = app.make(live().scope("vip")).await;
    app.get("/cached", &plain).await.ok();
    app.used();
    refused(&app.get("/vip", &plain).await);
    assert!(app.used().is_empty());
    assert_eq!(app.get("/vip", &vip).await.ok(), "alice by apikey");
}

#[tokio::test]
async fn cancelling_regenerating_and_locking_take_effect_at_once_whatever_is_cached() {
    let app = Keyed::new().await;
    let (cancelled, key) = app.make(live()).await;
    app.get("/cached", &cancelled).await.ok();
    app.get("/cached", &cancelled).await.ok();
    assert_eq!(app.made(), 1);
    app.keys.cancel("id of alice", &key.id()).await.unwrap();
    refused(&app.get("/cached", &cancelled).await);

    let (replaced, _) = app.make(live()).await;
    app.get("/cached", &replaced).await.ok();
    app.keys.regenerate("id of alice", None).await.unwrap();
    refused(&app.get("/cached", &replaced).await);

    let (locked, _) = app.make(live()).await;
    app.get("/cached", &locked).await.ok();
    app.keys.drop_sessions_of("id of alice").await.unwrap();
    app.users.set_locked("alice", true).await.unwrap();
    refused(&app.get("/cached", &locked).await);
    refused(&app.get("/cached", &locked).await);
    app.users.set_locked("alice", false).await.unwrap();
    app.get("/cached", &locked).await.ok();
}

#[tokio::test]
async fn a_key_that_is_cancelled_while_it_is_checked_leaves_no_session_behind() {
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    app.wrapper.cancels.store(true, SeqCst);
    // This request was checked before; the next one is not.
    assert_eq!(app.get("/cached", &key).await.ok(), "alice by apikey");
    refused(&app.get("/cached", &key).await);
}

#[tokio::test]
async fn pages_of_other_sites_use_a_key_only_if_the_application_lets_them_send_it() {
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    let other_site = || app.client().with_header("sec-fetch-site", "cross-site");
    // Without leave (CORS) no browser sends these headers.
    for (header, value) in [
        ("x-api-key", key.clone()),
        ("authorization", format!("Bearer {key}")),
    ] {
        let mut page = other_site().with_header(header, &value);
        assert_eq!(page.get("/who").await.ok(), "alice by apikey");
        let reply = page.post("/apikeys/regenerate/none").await;
        assert_eq!(reply.ok(), r#"{"results":[]}"#);
    }
    // Browsers do send Basic by themselves.
    let mut page = other_site().with_header("authorization", &basic("alice", PASSWORD));
    assert_eq!(
        page.post("/apikeys/regenerate").await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn an_expired_key_is_refused_even_if_its_session_is_cached() {
    let app = Keyed::new().await;
    let (key, _) = app
        .make(live().expires_in(Duration::from_secs(3_600)))
        .await;
    app.get("/cached", &key).await.ok();
    app.clock.fetch_add(3_600, SeqCst);
    refused(&app.get("/cached", &key).await);
}

#[tokio::test]
async fn the_cached_session_lies_where_others_look_for_it() {
    let app = Keyed::new().await;
    let (key, stored) = app.make(live()).await;
    app.get("/cached", &key).await.ok();
    let keys: Vec<String> = app
        .cache
        .keys_starting_with("key:sess:")
        .try_collect()
        .await
        .unwrap();
    assert_eq!(keys, [format!("key:sess:{}", stored.hash.as_str())]);
    let sessions = app.keys.sessions();
    let cached = sessions.read::<Shop>(&stored.hash, MINUTE).await.unwrap();
    assert!(matches!(cached, CachedKeySession::Found(_)));
}

#[tokio::test]
async fn a_failing_store_is_503_and_never_an_anonymous_request() {
    let app = Keyed::new().await;
    let (key, _) = app.make(live()).await;
    app.cache.fail_reads(true);
    for path in ["/who", "/cached"] {
        let reply = app.get(path, &key).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    app.cache.fail_reads(false);
    // What cannot be cached is no failure.
    app.cache.fail_writes(true);
    assert_eq!(app.get("/cached", &key).await.ok(), "alice by apikey");
    // A key that cannot be cancelled for sure is said to be so, and stays as it was.
    let id = &app.keys.of_user("id of alice", None).await.unwrap()[0].id();
    assert!(app.keys.cancel("id of alice", id).await.is_err());
    app.cache.fail_writes(false);
    assert_eq!(app.get("/cached", &key).await.ok(), "alice by apikey");
}

#[tokio::test]
async fn keys_are_listed_without_their_texts_and_shown_once_when_regenerated() {
    let app = Keyed::new().await;
    let (key, stored) = app
        .make(live().notes("for the till").reference("shop", "17"))
        .await;
    app.make(NewApiKey::new("test")).await;
    app.keys.make("id of bob", live()).await.unwrap();

    let parse = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    for path in ["/apikeys", "/my/keys"] {
        let listed = app.get(path, &key).await;
        assert_eq!(listed.header("cache-control"), Some("no-store"));
        let text = listed.ok();
        assert!(!text.contains(&key) && !text.contains(stored.hash.as_str()));
        assert_eq!(parse(text)["results"].as_array().unwrap().len(), 2);
        let listed = parse(app.get(&format!("{path}/live"), &key).await.ok());
        assert_eq!(listed["results"][0]["id"], stored.id());
        assert_eq!(listed["results"][0]["notes"], "for the till");
        assert_eq!(listed["results"].as_array().unwrap().len(), 1);
    }
    let made = parse(app.post("/apikeys/regenerate/live", &key).await.ok());
    assert_eq!(made["results"].as_array().unwrap().len(), 1);
    assert_eq!(made["results"][0]["references"]["shop"], "17");
    let new = made["results"][0]["key"].as_str().unwrap().to_owned();
    refused(&app.get("/who", &key).await);
    assert_eq!(app.get("/who", &new).await.ok(), "alice by apikey");
    let made = parse(app.post("/my/new-keys", &new).await.ok());
    assert_eq!(made["results"].as_array().unwrap().len(), 2);
    // Both went through the wrapper.
    assert_eq!(app.wrapper.regenerated.load(SeqCst), 2);
}

#[tokio::test]
async fn the_routes_are_for_who_is_signed_in_and_for_keys_without_scopes() {
    let app = Keyed::new().await;
    let nobody = app.client().get("/apikeys").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let nobody = app.client().post("/apikeys/regenerate").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let (scoped, _) = app.make(live().scope("read")).await;
    app.get("/apikeys", &scoped).await.ok();
    let refused = app.post("/apikeys/regenerate", &scoped).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(
        app.keys.of_user("id of alice", None).await.unwrap().len(),
        1
    );
    let authorization = basic("alice", PASSWORD);
    let mut alice = app.client().with_header("authorization", &authorization);
    alice.post("/apikeys/regenerate").await.ok();
    app.get("/apikeys", &scoped)
        .await
        .status
        .is_client_error()
        .then_some(())
        .unwrap();
}

#[tokio::test]
async fn the_routes_need_a_secure_connection_too() {
    let app = Keyed::new().await;
    let mut client = crate::visitor::Visitor::of_router(app.router.clone());
    for reply in [
        client.get("/apikeys").await,
        client.post("/apikeys/regenerate").await,
    ] {
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
}
