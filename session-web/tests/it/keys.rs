//! An application with API keys, Basic and users of its own, to send requests to.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use cache_memory::MemoryCache;
use http::StatusCode;
use http::request::Parts;
use session_core::{
    ApiKey as StoredKey, ApiKeyHash, ApiKeySecret, ApiKeys, AuthUserSession, CacheTicket,
    CachedKeySession, KeyRefusal, NewApiKey, Sessions, async_trait,
};
use session_web::{
    ApiKey, ApiKeyAuth, ApiKeyProvider, ApiKeyRoutes, BasicAuth, CacheUserStore, Credentials,
    KeyError, RequestAuthLayer, SecureConnection, Session, SessionLayer,
};

use crate::application::{PASSWORD, Shop};
use crate::faulty::Faulty;
use crate::stores::Cache;
use crate::visitor::{Reply, Visitor};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// The wrapping provider: it counts uses, has its own rule for `/vip`, and never caches at
/// `/metered`. All else is the ready-made provider's.
pub(crate) struct Wrapper {
    inner: Arc<dyn ApiKeyAuth<Shop>>,
    keys: ApiKeys,
    /// Cancels the key of the next session that is made, while it is made.
    pub(crate) cancels: AtomicBool,
    pub(crate) used: Mutex<Vec<String>>,
    pub(crate) made: AtomicUsize,
    pub(crate) regenerated: AtomicUsize,
}

#[async_trait]
impl ApiKeyAuth<Shop> for Wrapper {
    fn wrapped(&self) -> &dyn ApiKeyAuth<Shop> {
        &*self.inner
    }

    async fn has_cached_session(
        &self,
        request: &Parts,
        key: &ApiKeyHash,
        lives: Option<Duration>,
    ) -> Result<CachedKeySession<Shop>, KeyError> {
        match request.uri.path() {
            "/metered" => Ok(CachedKeySession::Missing(None)),
            _ => self.inner.has_cached_session(request, key, lives).await,
        }
    }

    async fn cache_session(
        &self,
        request: &Parts,
        ticket: CacheTicket,
        key: &StoredKey,
        session: &Shop,
    ) {
        if request.uri.path() != "/read-only" {
            self.inner
                .cache_session(request, ticket, key, session)
                .await;
        }
    }

    async fn validate(&self, request: &Parts, key: &StoredKey) -> Result<(), KeyError> {
        if request.uri.path() == "/vip" && !key.has_scope("vip") {
            return Err(KeyRefusal::Rule.into());
        }
        self.inner.validate(request, key).await
    }

    async fn session_of(
        &self,
        request: &Parts,
        sessions: &Sessions<Shop>,
        key: &StoredKey,
    ) -> Result<Shop, KeyError> {
        self.made.fetch_add(1, SeqCst);
        let session = self.inner.session_of(request, sessions, key).await;
        if self.cancels.swap(false, SeqCst) {
            self.keys.cancel(&key.user_id, &key.id()).await.unwrap();
        }
        session
    }

    async fn on_api_key_used(&self, request: &Parts, key: &StoredKey) {
        let used = format!("{} {}", request.uri.path(), key.environment);
        self.used.lock().unwrap().push(used);
        self.inner.on_api_key_used(request, key).await;
    }

    async fn regenerate(
        &self,
        request: &Parts,
        user_id: &str,
        environment: Option<&str>,
    ) -> Result<Vec<(ApiKeySecret, StoredKey)>, KeyError> {
        self.regenerated.fetch_add(1, SeqCst);
        self.inner.regenerate(request, user_id, environment).await
    }
}

pub(crate) struct Keyed {
    pub(crate) router: Router,
    pub(crate) store: Cache,
    pub(crate) cache: Arc<Faulty>,
    pub(crate) keys: ApiKeys,
    pub(crate) users: CacheUserStore,
    pub(crate) wrapper: Arc<Wrapper>,
    /// Seconds since 1970 on the clock of the keys.
    pub(crate) clock: Arc<AtomicU64>,
}

impl Keyed {
    /// `alice` and `bob` are registered; `/cached`, `/vip`, `/metered` and `/read-only` ask for a
    /// minute of caching.
    pub(crate) async fn new() -> Self {
        Self::over(Arc::new(MemoryCache::new())).await
    }

    pub(crate) async fn over(store: Cache) -> Self {
        let cache = Arc::new(Faulty::over(store.clone()));
        let watched: Cache = cache.clone();
        let clock = Arc::new(AtomicU64::new(1_000));
        let now = clock.clone();
        let keys = ApiKeys::in_cache(watched.clone())
            .with_clock(move || UNIX_EPOCH + Duration::from_secs(now.load(SeqCst)));
        let users = CacheUserStore::new(Arc::new(MemoryCache::new()));
        for name in ["alice", "bob"] {
            let user = AuthUserSession {
                user_id: Some(format!("id of {name}")),
                user_name: Some(name.to_owned()),
                ..AuthUserSession::default()
            };
            assert!(users.register(user, PASSWORD).await.unwrap());
        }
        let provider = ApiKeyProvider::new(keys.clone(), users.clone());
        let provider = provider.cache_policy(|request: &Parts| {
            let cached = ["/cached", "/vip", "/metered", "/read-only"];
            cached.contains(&request.uri.path()).then_some(MINUTE)
        });
        let wrapper = Arc::new(Wrapper {
            inner: Arc::new(provider),
            keys: keys.clone(),
            cancels: AtomicBool::new(false),
            used: Mutex::default(),
            made: AtomicUsize::new(0),
            regenerated: AtomicUsize::new(0),
        });
        let auth: Arc<dyn ApiKeyAuth<Shop>> = wrapper.clone();
        let sessions = Sessions::<Shop>::new(watched);
        let basic = BasicAuth::new(Credentials::new(users.clone()).unwrap());
        let layer = RequestAuthLayer::new(sessions.clone());
        let router = Router::new()
            .route("/who", get(who))
            .route("/key", get(async |key: ApiKey| key.environment.clone()))
            .route("/cached", get(who))
            .route("/vip", get(who))
            .route("/metered", get(who))
            .route("/read-only", get(who))
            .route("/save", get(save))
            .merge(ApiKeyRoutes::new(auth.clone()).router())
            .merge(
                ApiKeyRoutes::new(auth.clone())
                    .list_at("/my/keys")
                    .regenerate_at("/my/new-keys")
                    .router(),
            )
            .layer(layer.provider(auth).provider(basic))
            .layer(SessionLayer::new(sessions));
        Self {
            router,
            store,
            cache,
            keys,
            users,
            wrapper,
            clock,
        }
    }

    pub(crate) async fn make(&self, new: NewApiKey) -> (String, StoredKey) {
        let (secret, key) = self.keys.make("id of alice", new).await.unwrap();
        (secret.as_str().to_owned(), key)
    }

    /// A client on a secure connection.
    pub(crate) fn client(&self) -> Visitor {
        let secure = from_fn(async |mut request: Request, next: Next| {
            request.extensions_mut().insert(SecureConnection(true));
            next.run(request).await
        });
        Visitor::of_router(self.router.clone().layer(secure))
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Reply {
        self.client().with_header("x-api-key", key).get(path).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str) -> Reply {
        self.client().with_header("x-api-key", key).post(path).await
    }

    pub(crate) fn used(&self) -> Vec<String> {
        std::mem::take(&mut *self.wrapper.used.lock().unwrap())
    }

    pub(crate) fn made(&self) -> usize {
        self.wrapper.made.swap(0, SeqCst)
    }
}

/// The one answer to whoever has no good key.
#[track_caller]
pub(crate) fn refused(reply: &Reply) -> &str {
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.body);
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    &reply.body
}

async fn who(session: Session<Shop>) -> String {
    let name = session.auth.user_name.as_deref().unwrap_or("nobody");
    let by = session.auth.provider.as_deref().unwrap_or("nothing");
    format!("{name} by {by}")
}

async fn save(mut session: Session<Shop>) -> Result<String, session_web::Problem> {
    session.visits += 1;
    session.save().await?;
    Ok(session.visits.to_string())
}
