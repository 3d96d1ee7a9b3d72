//! API keys and their cached sessions, over a plain map.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::TryStreamExt;
use session_core::{
    ApiKey, ApiKeySecret, ApiKeys, AuthUserSession, Bytes, CacheClient, CacheClientExtended,
    CacheTicket, CachedKeySession, Codec, Condition, ErrorKind, Expiry, KeyRefusal, NewApiKey,
};

use crate::codec::harmlessly;
use crate::damage::{bits_turned, truncated};
use crate::map::MapCache;

const MINUTE: Duration = Duration::from_secs(60);

struct Bench {
    cache: Arc<MapCache>,
    keys: ApiKeys,
}

fn bench() -> Bench {
    let cache = Arc::new(MapCache::default());
    let keys = ApiKeys::in_cache(cache.clone());
    let keys = keys.with_clock(|| UNIX_EPOCH + Duration::from_secs(1_000));
    Bench { cache, keys }
}

impl Bench {
    async fn look(&self, key: &ApiKey, lives: Duration) -> CachedKeySession<AuthUserSession> {
        let sessions = self.keys.sessions();
        sessions.read(&key.hash, lives).await.unwrap()
    }

    async fn is_cached(&self, key: &ApiKey) -> bool {
        matches!(self.look(key, MINUTE).await, CachedKeySession::Found(_))
    }

    async fn ticket(&self, key: &ApiKey, lives: Duration) -> CacheTicket {
        match self.look(key, lives).await {
            CachedKeySession::Missing(Some(ticket)) => ticket,
            other => panic!("no ticket: {other:?}"),
        }
    }

    async fn cache(&self, ticket: CacheTicket, key: &ApiKey) -> bool {
        let session = AuthUserSession::default();
        let now_ms = self.keys.now_ms();
        let written = self.keys.sessions().write(ticket, key, &session, now_ms);
        written.await.unwrap()
    }
}

#[tokio::test]
async fn the_text_of_a_key_is_stored_nowhere() {
    let bench = bench();
    let new = NewApiKey::new("live").scope("read").notes("for the till");
    let (secret, key) = bench.keys.make("alice", new).await.unwrap();
    let ticket = bench.ticket(&key, MINUTE).await;
    assert!(bench.cache(ticket, &key).await);
    let names: Vec<String> = bench
        .cache
        .keys_starting_with("")
        .try_collect()
        .await
        .unwrap();
    assert_eq!(names.len(), 3);
    let cached = format!("key:sess:{}", secret.hash().as_str());
    assert!(names.contains(&cached));
    let random = secret.as_str().strip_prefix("ak_live_").unwrap();
    assert_eq!(random.len(), 32);
    for name in names {
        let value = bench.cache.read(&name).await.unwrap().unwrap();
        let value = String::from_utf8(value.to_vec()).unwrap();
        assert!(!name.contains(random) && !value.contains(random), "{name}");
    }
    let shown = format!("{secret:?}{key:?}{:?}", key.hash);
    assert!(!shown.contains(random) && !shown.contains(key.hash.as_str()));
    assert!(!shown.contains("alice"));
}

#[tokio::test]
async fn a_key_keeps_all_that_was_said_of_it() {
    let bench = bench();
    let new = NewApiKey::new("test")
        .key_type("publishable")
        .scope("read")
        .notes("for the till")
        .reference("shop", "17")
        .expires_in(MINUTE);
    let (secret, made) = bench.keys.make("alice", new).await.unwrap();
    let key = bench.keys.find(&secret.hash()).await.unwrap().unwrap();
    assert_eq!(key, made);
    assert_eq!(
        (key.environment.as_str(), key.key_type.as_str()),
        ("test", "publishable")
    );
    assert!(key.has_scope("read") && !key.has_scope("write"));
    assert_eq!(key.references["shop"], "17");
    assert_eq!(key.expires_ms, Some(1_060_000));
    assert_eq!(key.check(1_059_999), Ok(()));
    assert_eq!(key.check(1_060_000), Err(KeyRefusal::Expired));
    let other = "ak_test_00000000000000000000000000000000";
    let other: ApiKeySecret = other.parse().unwrap();
    assert_eq!(bench.keys.find(&other.hash()).await.unwrap(), None);
}

#[tokio::test]
async fn keys_are_listed_by_user_and_environment() {
    let bench = bench();
    for (user, environment) in [("a", "live"), ("a", "test"), ("b", "live"), ("a%*", "live")] {
        let new = NewApiKey::new(environment);
        bench.keys.make(user, new).await.unwrap();
    }
    let count = async |user, environment| {
        let keys = bench.keys.of_user(user, environment).await.unwrap();
        keys.len()
    };
    assert_eq!(count("a", None).await, 2);
    assert_eq!(count("a", Some("test")).await, 1);
    assert_eq!(count("a%*", None).await, 1);
    assert_eq!(count("nobody", None).await, 0);
}

#[tokio::test]
async fn cancelling_drops_the_session_and_is_for_the_own_keys_only() {
    let bench = bench();
    let (_, key) = bench
        .keys
        .make("alice", NewApiKey::new("live"))
        .await
        .unwrap();
    let ticket = bench.ticket(&key, MINUTE).await;
    assert!(bench.cache(ticket, &key).await && bench.is_cached(&key).await);
    assert!(!bench.keys.cancel("bob", &key.id()).await.unwrap());
    assert!(bench.is_cached(&key).await);
    assert!(bench.keys.cancel("alice", &key.id()).await.unwrap());
    assert!(!bench.is_cached(&key).await);
    let key = bench.keys.find(&key.hash).await.unwrap().unwrap();
    assert_eq!(key.check(0), Err(KeyRefusal::Cancelled));
    assert!(bench.keys.of_user("alice", None).await.unwrap().is_empty());
    // Again is no error, and keeps the first time.
    assert!(bench.keys.cancel("alice", &key.id()).await.unwrap());
}

#[tokio::test]
async fn a_request_that_read_a_key_before_it_was_cancelled_cannot_cache_its_session() {
    for cached_before in [false, true] {
        let bench = bench();
        let (_, key) = bench
            .keys
            .make("alice", NewApiKey::new("live"))
            .await
            .unwrap();
        if cached_before {
            let ticket = bench.ticket(&key, MINUTE).await;
            assert!(bench.cache(ticket, &key).await);
            // Too old for the slow request, which is about to replace it.
            bench.cache.pass(30_000);
        }
        let slow = bench.ticket(&key, Duration::from_secs(30)).await;
        bench.keys.cancel("alice", &key.id()).await.unwrap();
        assert!(!bench.cache(slow, &key).await);
        assert!(!bench.is_cached(&key).await);
        // Nor can one that looks now, until nobody can hold a ticket from before.
        assert!(matches!(
            bench.look(&key, MINUTE).await,
            CachedKeySession::Missing(None)
        ));
        bench.cache.pass(299_000);
        assert!(matches!(
            bench.look(&key, MINUTE).await,
            CachedKeySession::Missing(None)
        ));
        bench.cache.pass(1_000);
        bench.ticket(&key, MINUTE).await;
    }
}

#[tokio::test]
async fn locking_a_user_drops_the_sessions_of_all_keys() {
    let bench = bench();
    let mut keys = Vec::new();
    for user in ["alice", "alice", "bob"] {
        let (_, key) = bench.keys.make(user, NewApiKey::new("live")).await.unwrap();
        let ticket = bench.ticket(&key, MINUTE).await;
        assert!(bench.cache(ticket, &key).await);
        keys.push(key);
    }
    bench.keys.drop_sessions_of("alice").await.unwrap();
    assert!(!bench.is_cached(&keys[0]).await && !bench.is_cached(&keys[1]).await);
    assert!(bench.is_cached(&keys[2]).await);
}

#[tokio::test]
async fn each_reader_says_how_old_a_cached_session_may_be() {
    let bench = bench();
    let (_, key) = bench
        .keys
        .make("alice", NewApiKey::new("live"))
        .await
        .unwrap();
    let ticket = bench.ticket(&key, 10 * MINUTE).await;
    assert!(bench.cache(ticket, &key).await);
    bench.cache.pass(59_999);
    assert!(bench.is_cached(&key).await);
    bench.cache.pass(1);
    assert!(!bench.is_cached(&key).await);
    assert!(matches!(
        bench.look(&key, 10 * MINUTE).await,
        CachedKeySession::Found(_)
    ));
    // The more demanding reader may replace it.
    let ticket = bench.ticket(&key, MINUTE).await;
    assert!(bench.cache(ticket, &key).await && bench.is_cached(&key).await);
}

#[tokio::test]
async fn no_cached_session_outlives_its_key() {
    let bench = bench();
    let new = NewApiKey::new("live").expires_in(Duration::from_secs(10));
    let (_, key) = bench.keys.make("alice", new).await.unwrap();
    let ticket = bench.ticket(&key, MINUTE).await;
    assert!(bench.cache(ticket, &key).await);
    bench.cache.pass(9_999);
    assert!(bench.is_cached(&key).await);
    bench.cache.pass(1);
    assert!(!bench.is_cached(&key).await);
}

#[tokio::test]
async fn one_key_is_regenerated_and_the_others_stay() {
    let bench = bench();
    let new = || NewApiKey::new("live").scope("read").notes("nightly");
    let (_, old) = bench.keys.make("alice", new()).await.unwrap();
    let (_, other) = bench.keys.make("alice", new()).await.unwrap();
    for (user, id) in [("bob", &*old.id()), ("alice", "nonsense")] {
        let made = bench.keys.regenerate_one(user, id).await.unwrap();
        assert!(made.is_none());
    }
    let made = bench.keys.regenerate_one("alice", &old.id()).await.unwrap();
    let (secret, key) = made.unwrap();
    assert_eq!((&key.hash, &key.scopes), (&secret.hash(), &old.scopes));
    assert_eq!(key.notes.as_deref(), Some("nightly"));
    let good = bench.keys.of_user("alice", None).await.unwrap();
    assert_eq!(good, [other, key]);
    // A key that is no good any more is not replaced again.
    let made = bench.keys.regenerate_one("alice", &old.id()).await.unwrap();
    assert!(made.is_none());
}

#[tokio::test]
async fn regenerating_replaces_each_key_by_one_of_its_kind() {
    let bench = bench();
    let live = NewApiKey::new("live").scope("read").expires_in(MINUTE);
    let (_, live) = bench.keys.make("alice", live).await.unwrap();
    let (_, test) = bench
        .keys
        .make("alice", NewApiKey::new("test"))
        .await
        .unwrap();
    let made = bench.keys.regenerate("alice", Some("live")).await.unwrap();
    assert_eq!(made.len(), 1);
    let (secret, new) = &made[0];
    assert_eq!(
        (&new.scopes, new.expires_ms),
        (&live.scopes, live.expires_ms)
    );
    assert_ne!(new.hash, live.hash);
    assert_eq!(
        bench.keys.find(&secret.hash()).await.unwrap().as_ref(),
        Some(new)
    );
    let good = bench.keys.of_user("alice", None).await.unwrap();
    let good: BTreeSet<_> = good.into_iter().map(|key| key.hash).collect();
    assert_eq!(good, [test.hash, new.hash.clone()].into());
    // Nobody comes to an environment by asking.
    let made = bench.keys.regenerate("alice", Some("admin")).await.unwrap();
    assert!(made.is_empty());
    let made = bench.keys.regenerate("bob", None).await.unwrap();
    assert!(made.is_empty());
}

#[tokio::test]
async fn many_keys_made_at_once_are_all_listed() {
    let bench = bench();
    let makes = (0..20).map(|_| bench.keys.make("alice", NewApiKey::new("live")));
    futures_util::future::try_join_all(makes).await.unwrap();
    assert_eq!(bench.keys.of_user("alice", None).await.unwrap().len(), 20);
}

#[tokio::test]
async fn names_that_cannot_stand_in_a_key_are_refused() {
    let bench = bench();
    for name in ["", "a_b", "ä", "a b", &"x".repeat(33)] {
        let refused = bench.keys.make("alice", NewApiKey::new(name)).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(bench.keys.clone().with_prefix(name).is_err());
    }
    let long = "k".repeat(513);
    for text in [
        "",
        "short",
        "a key with blanks in it",
        "schlüssel-mit-umlaut",
        &long,
    ] {
        assert!(text.parse::<ApiKeySecret>().is_err());
    }
}

/// Bytes that version 1 wrote: a key, and the list of its user. Never change them, add others.
const V1: &str = r#"{"hash":"114130e3b8452731d834dce0ecd9bb9eeb8005fbbd425b16fecef7f63f7ab2bc","user_id":"alice","environment":"live","key_type":"secret","scopes":["read"],"created_ms":1000000,"expires_ms":2000000,"cancelled_ms":null,"notes":"for the till","references":{"shop":"17"}}"#;
const V1_LIST: &str = r#"[{"hash":"114130e3b8452731d834dce0ecd9bb9eeb8005fbbd425b16fecef7f63f7ab2bc","added_ms":1000000}]"#;

/// The text of that key, and where key and list are stored.
const V1_TEXT: &str = "ak_live_00000000000000000000000000000000";
const V1_KEY: &str = "apikey:114130e3b8452731d834dce0ecd9bb9eeb8005fbbd425b16fecef7f63f7ab2bc";
const V1_LIST_KEY: &str =
    "apikeys:user:2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90";

async fn plant(bench: &Bench, key: &str, value: &[u8]) {
    let value = Bytes::copy_from_slice(value);
    let write = bench
        .cache
        .write(key, value, Condition::Always, Expiry::Never);
    assert!(write.await.unwrap());
}

#[tokio::test]
async fn what_version_1_wrote_is_read_and_is_what_is_written() {
    let bench = bench();
    plant(&bench, V1_KEY, V1.as_bytes()).await;
    plant(&bench, V1_LIST_KEY, V1_LIST.as_bytes()).await;
    let secret: ApiKeySecret = V1_TEXT.parse().unwrap();
    let key = bench.keys.find(&secret.hash()).await.unwrap().unwrap();
    assert_eq!(
        (key.user_id.as_str(), key.expires_ms),
        ("alice", Some(2_000_000))
    );
    assert!(key.has_scope("read") && key.references["shop"] == "17");
    assert_eq!(
        bench.keys.of_user("alice", None).await.unwrap(),
        std::slice::from_ref(&key)
    );
    assert_eq!(Codec::Json.encode(&key).unwrap(), V1);
    assert!(bench.keys.cancel("alice", &key.id()).await.unwrap());
    assert_eq!(
        bench.cache.read(V1_LIST_KEY).await.unwrap().unwrap(),
        V1_LIST
    );
}

/// Nothing of it is checked by a sum, so a turned bit within a text may be read as another text.
#[tokio::test]
async fn a_damaged_key_or_list_is_an_error_or_a_key_and_never_a_panic() {
    let bench = bench();
    let secret: ApiKeySecret = V1_TEXT.parse().unwrap();
    let hash = secret.hash();
    for damaged in truncated(V1.as_bytes()) {
        plant(&bench, V1_KEY, &damaged).await;
        assert!(harmlessly(&damaged, bench.keys.find(&hash)).await.is_err());
    }
    for damaged in bits_turned(V1.as_bytes()) {
        plant(&bench, V1_KEY, &damaged).await;
        let _ = harmlessly(&damaged, bench.keys.find(&hash)).await;
    }
    plant(&bench, V1_KEY, V1.as_bytes()).await;
    for damaged in truncated(V1_LIST.as_bytes()) {
        plant(&bench, V1_LIST_KEY, &damaged).await;
        assert!(
            harmlessly(&damaged, bench.keys.of_user("alice", None))
                .await
                .is_err()
        );
    }
    for damaged in bits_turned(V1_LIST.as_bytes()) {
        plant(&bench, V1_LIST_KEY, &damaged).await;
        let _ = harmlessly(&damaged, bench.keys.of_user("alice", None)).await;
    }
}

#[tokio::test]
async fn a_damaged_session_of_a_key_is_a_miss_or_a_session_and_never_an_error() {
    let bench = bench();
    plant(&bench, V1_KEY, V1.as_bytes()).await;
    let secret: ApiKeySecret = V1_TEXT.parse().unwrap();
    let key = bench.keys.find(&secret.hash()).await.unwrap().unwrap();
    let ticket = bench.ticket(&key, MINUTE).await;
    assert!(bench.cache(ticket, &key).await);
    let name = format!("key:sess:{}", key.hash.as_str());
    let cached = bench.cache.read(&name).await.unwrap().unwrap();
    for damaged in truncated(&cached).chain(bits_turned(&cached)) {
        plant(&bench, &name, &damaged).await;
        let sessions = bench.keys.sessions();
        let read = sessions.read::<AuthUserSession>(&key.hash, MINUTE);
        assert!(harmlessly(&damaged, read).await.is_ok());
    }
}
