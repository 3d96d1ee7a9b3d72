//! Tokens in place of stored sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, UNIX_EPOCH};

use axum::{Extension, Router, routing::get};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cache_memory::MemoryCache;
use futures_util::StreamExt;
use http::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use session_core::{
    AuthUserSession, CacheClientExtended, Rejection, SessionData, Sessions, async_trait,
};
use session_web::{
    AuthRoutes, Credentials, JwtAuth, JwtClaims, JwtHooks, JwtKey, JwtKeys, JwtRefusal,
    RequestAuthLayer, SecureConnection, Session, SessionLayer,
};

use crate::application::{PASSWORD, Shop};
use crate::keys::Keyed;
use crate::visitor::Visitor;

const SECRET: &[u8] = b"a secret of at least 32 bytes, no less";
const OTHER: &[u8] = b"another secret of at least 32 bytes, too";
const NOW: u64 = 1_700_000_000;

const RSA: &[u8] = include_bytes!("pem/rs256.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("pem/rs256.pub.pem");
const EC: &[u8] = include_bytes!("pem/es256.pem");
const EC_PUBLIC: &[u8] = include_bytes!("pem/es256.pub.pem");
const ED: &[u8] = include_bytes!("pem/eddsa.pem");
const ED_PUBLIC: &[u8] = include_bytes!("pem/eddsa.pub.pem");
const P384: &[u8] = include_bytes!("pem/p384.pem");
const P384_PUBLIC: &[u8] = include_bytes!("pem/p384.pub.pem");

fn hs256() -> JwtKey {
    JwtKey::hs256(SECRET).unwrap()
}

fn auth(key: JwtKey) -> JwtAuth<Shop> {
    auth_with(JwtKeys::new(key))
}

fn auth_with(keys: JwtKeys) -> JwtAuth<Shop> {
    JwtAuth::new(keys, "shop").clock(|| UNIX_EPOCH + Duration::from_secs(NOW))
}

fn alice() -> Shop {
    Shop {
        auth: AuthUserSession {
            user_id: Some("id of alice".to_owned()),
            user_name: Some("alice".to_owned()),
            roles: ["editor".to_owned()].into(),
            ..AuthUserSession::default()
        },
        visits: 7,
    }
}

/// A token with these claims beside the usual ones, signed as it should be.
fn token(claims: Value) -> String {
    let mut all = json!({ "iss": "shop", "sub": "id of alice", "exp": NOW + 600 });
    for (name, value) in claims.as_object().unwrap() {
        match value {
            Value::Null => all.as_object_mut().unwrap().remove(name),
            value => all
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    let key = EncodingKey::from_secret(SECRET);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &all, &key).unwrap()
}

fn refusal(claims: Value) -> Option<JwtRefusal> {
    auth(hs256()).check(&token(claims)).err()
}

#[tokio::test]
async fn each_algorithm_signs_and_checks() {
    for key in [
        hs256(),
        JwtKey::rs256(RSA, RSA_PUBLIC).unwrap(),
        JwtKey::es256(EC, EC_PUBLIC).unwrap(),
        JwtKey::eddsa(ED, ED_PUBLIC).unwrap(),
    ] {
        let auth = auth(key);
        let token = auth.issue(&alice()).await.unwrap();
        let session = auth.session_of(&token).await.unwrap();
        assert_eq!(session.auth.user_id.as_deref(), Some("id of alice"));
        assert_eq!(session.auth.user_name.as_deref(), Some("alice"));
        assert!(session.auth.is_authenticated && session.auth.has_role("editor"));
        // One other bit anywhere in what is signed, and it is nobody's.
        let (head, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = head.split_once('.').unwrap();
        let mut changed = URL_SAFE_NO_PAD.decode(claims).unwrap();
        let at = changed.len() / 2;
        changed[at] ^= 1;
        let forged = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(changed));
        assert_eq!(auth.check(&forged), Err(JwtRefusal::Signature));
    }
}

#[test]
fn public_keys_check_what_others_signed_and_sign_nothing() {
    for (public, private) in [
        (
            JwtKey::rs256_public(RSA_PUBLIC),
            JwtKey::rs256(RSA, RSA_PUBLIC),
        ),
        (
            JwtKey::es256_public(EC_PUBLIC),
            JwtKey::es256(EC, EC_PUBLIC),
        ),
        (
            JwtKey::eddsa_public(ED_PUBLIC),
            JwtKey::eddsa(ED, ED_PUBLIC),
        ),
    ] {
        let (public, private) = (auth(public.unwrap()), auth(private.unwrap()));
        let token = futures_util::FutureExt::now_or_never(private.issue(&alice()));
        assert!(public.check(&token.unwrap().unwrap()).is_ok());
        let token = futures_util::FutureExt::now_or_never(public.issue(&alice()));
        assert!(token.unwrap().is_err());
    }
}

#[test]
fn what_is_no_key_or_no_pair_is_refused_at_start() {
    assert!(JwtKey::hs256(&[7; 31]).is_err());
    assert!(JwtKey::rs256(EC, EC_PUBLIC).is_err());
    assert!(JwtKey::es256(RSA, RSA_PUBLIC).is_err());
    assert!(JwtKey::es256(P384, P384_PUBLIC).is_err());
    assert!(JwtKey::eddsa(EC, EC_PUBLIC).is_err());
    assert!(JwtKey::es256_public(b"nonsense").is_err());
    // The public key of another pair.
    assert!(JwtKey::eddsa(ED, EC_PUBLIC).is_err());
    let shown = format!("{:?}{:?}", hs256(), auth(hs256()));
    assert!(
        !shown.contains("secret") && !shown.contains("115, 101"),
        "{shown}"
    );
}

#[test]
fn a_token_without_signature_is_none() {
    let good = token(json!({}));
    let (head, _) = good.rsplit_once('.').unwrap();
    let (_, claims) = head.split_once('.').unwrap();
    for algorithm in ["none", "None", "NONE", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm, "typ": "JWT" }).to_string());
        for token in [format!("{header}.{claims}."), format!("{header}.{claims}")] {
            assert!(auth(hs256()).check(&token).is_err(), "{algorithm}");
        }
    }
    assert_eq!(
        auth(hs256()).check(&format!("{head}.")),
        Err(JwtRefusal::Signature)
    );
    assert!(auth(hs256()).check(&good).is_ok());
}

#[test]
fn a_public_key_is_not_taken_for_a_secret() {
    let claims = json!({ "iss": "shop", "sub": "mallory", "exp": NOW + 600 });
    for (key, public) in [
        (JwtKey::rs256(RSA, RSA_PUBLIC).unwrap(), RSA_PUBLIC),
        (JwtKey::es256(EC, EC_PUBLIC).unwrap(), EC_PUBLIC),
        (JwtKey::eddsa(ED, ED_PUBLIC).unwrap(), ED_PUBLIC),
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let secret = EncodingKey::from_secret(public);
            let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &secret).unwrap();
            assert_eq!(auth(key.clone()).check(&token), Err(JwtRefusal::Key));
        }
    }
    // Nor the right secret with another algorithm.
    let secret = EncodingKey::from_secret(SECRET);
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims, &secret).unwrap();
    assert_eq!(auth(hs256()).check(&token), Err(JwtRefusal::Key));
}

#[test]
fn times_are_checked_with_leeway() {
    assert_eq!(refusal(json!({ "exp": NOW - 59 })), None);
    assert_eq!(
        refusal(json!({ "exp": NOW - 60 })),
        Some(JwtRefusal::Expired)
    );
    assert_eq!(refusal(json!({ "exp": null })), Some(JwtRefusal::Expired));
    assert_eq!(refusal(json!({ "exp": NOW + 1, "nbf": NOW + 60 })), None);
    assert_eq!(
        refusal(json!({ "nbf": NOW + 61 })),
        Some(JwtRefusal::TooEarly)
    );
    assert_eq!(
        refusal(json!({ "iat": NOW + 61 })),
        Some(JwtRefusal::TooEarly)
    );
    assert_eq!(refusal(json!({ "exp": (NOW as f64) + 0.5 })), None);
    assert_eq!(
        refusal(json!({ "exp": "tomorrow" })),
        Some(JwtRefusal::Malformed)
    );
    let strict = auth(hs256()).leeway(Duration::ZERO);
    let token = token(json!({ "exp": NOW }));
    assert_eq!(strict.check(&token), Err(JwtRefusal::Expired));
}

#[test]
fn issuer_and_audience_are_checked() {
    assert_eq!(
        refusal(json!({ "iss": "another" })),
        Some(JwtRefusal::Issuer)
    );
    assert_eq!(refusal(json!({ "iss": null })), Some(JwtRefusal::Issuer));
    assert_eq!(
        refusal(json!({ "aud": "till" })),
        Some(JwtRefusal::Audience)
    );
    let auth = auth(hs256()).audience("till");
    let check = |claims| auth.check(&token(claims)).err();
    assert_eq!(check(json!({ "aud": "till" })), None);
    assert_eq!(check(json!({ "aud": ["office", "till"] })), None);
    assert_eq!(
        check(json!({ "aud": "office" })),
        Some(JwtRefusal::Audience)
    );
    assert_eq!(check(json!({ "aud": [] })), Some(JwtRefusal::Audience));
    assert_eq!(check(json!({})), Some(JwtRefusal::Audience));
}

#[tokio::test]
async fn keys_are_replaced_without_signing_anybody_out() {
    let old = JwtKey::hs256(OTHER).unwrap();
    for (old_id, new_id) in [
        (None, None),
        (Some("old"), Some("new")),
        (None, Some("new")),
    ] {
        let named = |key: JwtKey, id: Option<&str>| match id {
            Some(id) => key.with_id(id),
            None => key,
        };
        let (old, new) = (named(old.clone(), old_id), named(hs256(), new_id));
        let issued = auth(old.clone()).issue(&alice()).await.unwrap();
        let rotated = auth_with(JwtKeys::new(new.clone()).fallback(old));
        assert!(rotated.check(&issued).is_ok());
        let issued_now = rotated.issue(&alice()).await.unwrap();
        assert!(auth(new.clone()).check(&issued_now).is_ok());
        // The old key is gone.
        assert!(auth(new).check(&issued).is_err());
    }
    // A token that names a key is checked with that one only.
    let named = auth(JwtKey::hs256(OTHER).unwrap().with_id("new"));
    let liar = named.issue(&alice()).await.unwrap();
    let keys = JwtKeys::new(hs256().with_id("new")).fallback(old.with_id("old"));
    assert_eq!(auth_with(keys).check(&liar), Err(JwtRefusal::Signature));
}

#[test]
fn nonsense_is_refused() {
    let huge = format!("eyJ{}.a.b", "A".repeat(20_000));
    for text in ["", ".", "..", "...", "a.b.c", "eyJ.eyJ.", &huge] {
        assert!(auth(hs256()).check(text).is_err());
    }
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["exp".to_owned()]);
    let claims = json!({ "iss": "shop", "exp": NOW + 600 });
    let key = EncodingKey::from_secret(SECRET);
    let critical = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    assert_eq!(auth(hs256()).check(&critical), Err(JwtRefusal::Malformed));
}

/// Carries the visits, and refuses an odd number.
struct Visits;

#[async_trait]
impl JwtHooks<Shop> for Visits {
    async fn fill_claims(&self, session: &Shop, claims: &mut JwtClaims) {
        claims
            .other
            .insert("visits".to_owned(), session.visits.into());
    }

    async fn fill_session(&self, claims: &JwtClaims, session: &mut Shop) -> Result<(), Rejection> {
        session.visits = claims.other["visits"].as_u64().unwrap();
        match session.visits % 2 {
            0 => Ok(()),
            _ => Err(Rejection::new("an odd number")),
        }
    }
}

#[tokio::test]
async fn hooks_fill_claims_and_sessions_and_may_refuse() {
    let auth = auth(hs256()).hooks(Visits);
    let even = Shop {
        visits: 8,
        ..alice()
    };
    let token = auth.issue(&even).await.unwrap();
    assert_eq!(auth.session_of(&token).await.unwrap().visits, 8);
    let token = auth.issue(&alice()).await.unwrap();
    assert!(matches!(
        auth.session_of(&token).await,
        Err(JwtRefusal::Hook)
    ));
}

/// An application whose sign-in answers with a token.
struct Stateless {
    router: Router,
    cache: Arc<dyn CacheClientExtended>,
    clock: Arc<AtomicU64>,
    auth: JwtAuth<Shop>,
}

impl Stateless {
    async fn new() -> Self {
        let users = Keyed::new().await.users;
        let cache: Arc<dyn CacheClientExtended> = Arc::new(MemoryCache::new());
        let clock = Arc::new(AtomicU64::new(NOW));
        let now = clock.clone();
        let auth = auth(hs256()).clock(move || UNIX_EPOCH + Duration::from_secs(now.load(SeqCst)));
        let sessions = Sessions::<Shop>::new(cache.clone());
        let routes = AuthRoutes::<Shop>::new()
            .provider(Credentials::new(users).unwrap())
            .token_cookie(auth.clone());
        let router = Router::new()
            .route("/who", get(who).post(who))
            .merge(routes.router().unwrap())
            .layer(RequestAuthLayer::new(sessions.clone()).provider(auth.clone()))
            .layer(SessionLayer::new(sessions));
        Self {
            router,
            cache,
            clock,
            auth,
        }
    }

    fn visitor(&self) -> Visitor {
        Visitor::of_router(self.router.clone())
    }

    async fn stored(&self) -> usize {
        self.cache.keys_starting_with("").count().await
    }
}

async fn who(session: Session<Shop>) -> String {
    session
        .auth
        .user_name
        .clone()
        .unwrap_or_else(|| "nobody".to_owned())
}

#[tokio::test]
async fn the_sign_in_sets_a_cookie_and_stores_nothing() {
    let app = Stateless::new().await;
    let mut visitor = app.visitor();
    let reply = visitor.sign_in("alice").await;
    let cookie = reply.cookie("ss-tok");
    assert_eq!(cookie.http_only(), Some(true));
    assert_eq!(cookie.path(), Some("/"));
    assert_eq!(cookie.same_site(), Some(session_web::SameSite::Lax));
    assert_eq!(cookie.max_age(), None);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let token = cookie.value().to_owned();
    assert!(!reply.ok().contains(&token));
    let reply = visitor.get("/who").await;
    let mut vary = reply.headers.get_all("vary").iter();
    assert!(vary.any(|names| names.to_str().unwrap().contains("Cookie")));
    assert_eq!(reply.ok(), "alice");
    assert_eq!(app.stored().await, 0);

    let reply = visitor.post("/auth/logout").await;
    let removal = reply.cookie("ss-tok");
    assert_eq!((removal.value(), removal.path()), ("", Some("/")));
    assert_eq!(reply.ok(), r#"{"signedOut":true}"#);
    assert!(!visitor.jar.contains_key("ss-tok"));
    assert_eq!(visitor.get("/who").await.ok(), "nobody");
    let form = format!("userName=alice&password={PASSWORD}&rememberMe=on");
    let reply = visitor.sign_in_with(&form).await;
    let age = reply.cookie("ss-tok").max_age().unwrap();
    assert_eq!(age.whole_days(), 14);
}

#[tokio::test]
async fn a_token_cookie_is_secure_on_https() {
    let app = Stateless::new().await;
    let secure = app.router.clone().layer(Extension(SecureConnection(true)));
    let reply = Visitor::of_router(secure).sign_in("alice").await;
    assert_eq!(reply.cookie("ss-tok").secure(), Some(true));
}

#[tokio::test]
async fn a_cookie_that_is_no_good_leaves_its_visitor_able_to_sign_in() {
    let app = Stateless::new().await;
    let mut visitor = app.visitor();
    visitor.sign_in("alice").await.ok();
    app.clock.fetch_add(14 * 24 * 3_600 + 61, SeqCst);
    assert_eq!(visitor.get("/who").await.ok(), "nobody");
    visitor.sign_in("bob").await.ok();
    assert_eq!(visitor.get("/who").await.ok(), "bob");
    // Two different ones are none, as with ids.
    let two = format!("{}; ss-tok=x", visitor.jar["ss-tok"]);
    let mut planted = app.visitor().with_cookie("ss-tok", &two);
    assert_eq!(planted.get("/who").await.ok(), "nobody");
}

#[tokio::test]
async fn a_stored_session_that_a_hook_refuses_gives_way_to_a_token() {
    let app = Stateless::new().await;
    let sessions = Sessions::<Shop>::new(app.cache.clone());
    let mut stored = sessions.get_or_create(None).await.unwrap();
    let suspend = |shop: &mut Shop| shop.auth.user_name = Some("suspended".to_owned());
    stored.update(suspend).await.unwrap();
    let id = stored.id().unwrap();
    let mut visitor = app.visitor().with_cookie("ss-id", id.as_str());
    visitor.sign_in("alice").await.ok();
    assert_eq!(visitor.get("/who").await.ok(), "alice");
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn a_token_gives_new_ids_and_an_anonymous_session_moves_to_one() {
    let app = Stateless::new().await;
    let sessions = Sessions::<Shop>::new(app.cache.clone());
    let mut stored = sessions.get_or_create(None).await.unwrap();
    stored.bag().set("cart", "a book").await.unwrap();
    stored.update(|shop| shop.visits = 3).await.unwrap();
    let (id, other) = (stored.id().unwrap(), sessions.new_id().unwrap());
    let mut visitor = app
        .visitor()
        .with_cookie("ss-id", id.as_str())
        .with_cookie("ss-pid", other.as_str());
    visitor.sign_in("alice").await.ok();
    assert_eq!(visitor.get("/who").await.ok(), "alice");
    assert_ne!(visitor.jar["ss-pid"], other.as_str());
    assert!(sessions.find(&id).await.unwrap().is_none());

    let moved = visitor.jar["ss-id"].parse().unwrap();
    let moved = sessions.find(&moved).await.unwrap().unwrap();
    assert_eq!((moved.visits, moved.data().user_id()), (3, None));
    let cart: Option<String> = moved.bag().get("cart").await.unwrap();
    assert_eq!(cart.as_deref(), Some("a book"));
    visitor.post("/auth/logout").await.ok();
    assert_eq!(app.stored().await, 0);

    // Without a stored session the ids are new as well, and nothing is stored.
    let mut visitor = app.visitor();
    visitor.get("/who").await.ok();
    let before = visitor.jar.clone();
    visitor.sign_in("alice").await.ok();
    for name in ["ss-id", "ss-pid"] {
        assert_ne!(visitor.jar[name], before[name], "{name}");
    }
    assert_eq!(app.stored().await, 0);
}

#[tokio::test]
async fn a_token_that_on_load_rejects_leaves_its_visitor_able_to_sign_out() {
    let app = Stateless::new().await;
    let mut suspended = alice();
    suspended.auth.user_name = Some("suspended".to_owned());
    let token = app.auth.issue(&suspended).await.unwrap();

    let mut visitor = app.visitor().with_cookie("ss-tok", &token);
    let reply = visitor.get("/who").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.body.contains("suspended"));
    visitor.clone().sign_in("bob").await.ok();
    visitor.post("/auth/logout").await.ok();
    assert_eq!(visitor.get("/who").await.ok(), "nobody");

    // Nobody sends a bearer token by mistake.
    let secure = app.router.clone().layer(Extension(SecureConnection(true)));
    let bearer = format!("Bearer {token}");
    let mut program = Visitor::of_router(secure).with_header("authorization", &bearer);
    assert_eq!(program.get("/who").await.status, StatusCode::FORBIDDEN);
    let logout = program.post("/auth/logout").await;
    assert_eq!(logout.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn another_site_cannot_use_a_token_cookie() {
    let app = Stateless::new().await;
    let mut visitor = app.visitor();
    visitor.sign_in("alice").await.ok();
    let mut posted = visitor.with_header("sec-fetch-site", "cross-site");
    assert_eq!(posted.post("/who").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_bearer_token_is_checked_strictly_and_over_https() {
    let app = Stateless::new().await;
    let good = format!("Bearer {}", app.auth.issue(&alice()).await.unwrap());
    let mut insecure = app.visitor().with_header("authorization", &good);
    assert_eq!(insecure.get("/who").await.status, StatusCode::FORBIDDEN);

    let secure = app.router.clone().layer(Extension(SecureConnection(true)));
    let client = |sent: &str| Visitor::of_router(secure.clone()).with_header("authorization", sent);
    assert_eq!(client(&good).get("/who").await.ok(), "alice");
    let expired = format!("Bearer {}", token(json!({ "exp": 1 })));
    let another = format!("Bearer {}", token(json!({ "iss": "another" })));
    let mut answers = Vec::new();
    for sent in [
        expired,
        another,
        format!("{good}x"),
        "Bearer eyJ.a.b".to_owned(),
    ] {
        let reply = client(&sent).get("/who").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert!(
            reply
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
        answers.push(reply.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(app.stored().await, 0);
}
