//! The stores that sessions are proved on, and ways in which they fail.
//!
//! Sentences that are to hold on every store take a `&dyn Store`, and those about failures a
//! `&dyn Failing`; `everywhere` makes a test of each for each store.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cache_memory::MemoryCache;
use conformance_tests::proxy::{Network, Proxy};
use conformance_tests::servers::{self, PostgresServer, RedisServer};
use session_core::{CacheClientExtended, async_trait};
use tempfile::TempDir;

use crate::faulty::Faulty;

/// What a program holds that took its store from a URL.
pub(crate) type Cache = Arc<dyn CacheClientExtended>;

/// A store of one test's own.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// Opens another client of it, as another process would.
    async fn open(&self) -> Cache;
}

/// A store that fails for real when it is told to, and comes back with all that it held.
#[async_trait]
pub(crate) trait Failing: Store {
    async fn fail(&self);

    async fn recover(&self);

    /// Opens a client that takes its time, and that a failing network does not touch.
    async fn open_beside(&self) -> Cache {
        self.open().await
    }

    /// Whether it goes on doing what it is asked while nobody hears of it.
    fn works_on(&self) -> bool {
        false
    }

    /// Waits until a client has noticed that the store is back.
    async fn is_back_for(&self, cache: &Cache) {
        let until = Instant::now() + Duration::from_secs(20);
        while let Err(error) = cache.ping().await {
            let gives_up = Instant::now() > until;
            assert!(!gives_up, "the client does not come back: {error:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub(crate) struct Memory(MemoryCache);

impl Memory {
    pub(crate) async fn fresh() -> Self {
        Self(MemoryCache::new())
    }
}

#[async_trait]
impl Store for Memory {
    async fn open(&self) -> Cache {
        Arc::new(self.0.clone())
    }
}

/// A file, which fails by being moved away.
pub(crate) struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    pub(crate) async fn fresh() -> Self {
        let folder = TempDir::new().unwrap();
        Self { folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}?{PATIENT}", self.path("sessions.db").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn open(&self) -> Cache {
        connect(&self.url()).await
    }
}

#[async_trait]
impl Failing for Sqlite {
    async fn fail(&self) {
        std::fs::rename(self.path("sessions.db"), self.path("away.db")).unwrap();
    }

    async fn recover(&self) {
        std::fs::rename(self.path("away.db"), self.path("sessions.db")).unwrap();
    }
}

/// A namespace of the server that all tests share.
pub(crate) struct Redis(Namespace);

impl Redis {
    pub(crate) async fn fresh() -> Self {
        Self(Namespace::on(servers::redis().await))
    }
}

#[async_trait]
impl Store for Redis {
    async fn open(&self) -> Cache {
        connect(&self.0.url(PATIENT)).await
    }
}

/// A namespace of the server that all tests share.
pub(crate) struct Postgres(Namespace);

impl Postgres {
    pub(crate) async fn fresh() -> Self {
        Self(Namespace::on(servers::postgres().await))
    }
}

#[async_trait]
impl Store for Postgres {
    async fn open(&self) -> Cache {
        connect(&self.0.url(PATIENT)).await
    }
}

/// A server of its own that writes everything to disk and fails by being killed.
pub(crate) struct KilledRedis {
    server: Mutex<RedisServer>,
    _folder: TempDir,
}

impl KilledRedis {
    pub(crate) async fn fresh() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().to_str().unwrap();
        let durable = [
            "--dir",
            path,
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ];
        let server = Mutex::new(RedisServer::start(&durable).unwrap());
        Self {
            server,
            _folder: folder,
        }
    }
}

#[async_trait]
impl Store for KilledRedis {
    async fn open(&self) -> Cache {
        let url = self.server.lock().unwrap().url();
        connect(&format!("{url}?{PATIENT}")).await
    }
}

#[async_trait]
impl Failing for KilledRedis {
    async fn fail(&self) {
        self.server.lock().unwrap().kill();
    }

    async fn recover(&self) {
        self.server.lock().unwrap().restart().unwrap();
    }
}

/// A server of its own that fails by being killed.
pub(crate) struct KilledPostgres(Mutex<PostgresServer>);

impl KilledPostgres {
    pub(crate) async fn fresh() -> Self {
        Self(Mutex::new(PostgresServer::start(&[]).unwrap()))
    }
}

#[async_trait]
impl Store for KilledPostgres {
    async fn open(&self) -> Cache {
        let url = self.0.lock().unwrap().url();
        connect(&format!("{url}?{PATIENT}")).await
    }
}

#[async_trait]
impl Failing for KilledPostgres {
    async fn fail(&self) {
        self.0.lock().unwrap().kill();
    }

    async fn recover(&self) {
        self.0.lock().unwrap().restart().unwrap();
    }
}

/// A namespace of a shared server, behind a network that fails.
pub(crate) struct Behind {
    namespace: Namespace,
    beside: Namespace,
    network: Proxy,
    failure: Network,
}

impl Behind {
    /// Connections are cut and refused.
    pub(crate) async fn redis_cut_off() -> Self {
        Self::before(servers::redis().await, Network::Refuses).await
    }

    /// Requests arrive and replies do not.
    pub(crate) async fn redis_unheard() -> Self {
        Self::before(servers::redis().await, Network::LosesReplies).await
    }

    /// Connections are cut and refused.
    pub(crate) async fn postgres_cut_off() -> Self {
        Self::before(servers::postgres().await, Network::Refuses).await
    }

    /// Requests arrive and replies do not.
    pub(crate) async fn postgres_unheard() -> Self {
        Self::before(servers::postgres().await, Network::LosesReplies).await
    }

    async fn before(server: String, failure: Network) -> Self {
        let port = server.parse::<http::Uri>().unwrap().port_u16();
        let port = port.expect("a server of this machine, with its port");
        let network = Proxy::before(("127.0.0.1", port)).await.unwrap();
        let there = server.replace(&format!(":{port}"), &format!(":{}", network.port()));
        let beside = Namespace::on(server);
        let namespace = Namespace {
            server: there,
            name: beside.name.clone(),
        };
        Self {
            namespace,
            beside,
            network,
            failure,
        }
    }

    async fn network_is_open(&self) -> bool {
        let place = (std::net::Ipv4Addr::LOCALHOST, self.network.port());
        tokio::net::TcpStream::connect(place).await.is_ok()
    }
}

#[async_trait]
impl Store for Behind {
    async fn open(&self) -> Cache {
        connect(&self.namespace.url(match self.works_on() {
            // It waits in vain, and not for long.
            true => "timeout_ms=100",
            false => PATIENT,
        }))
        .await
    }
}

#[async_trait]
impl Failing for Behind {
    async fn fail(&self) {
        self.network.set(self.failure);
        // It takes a moment to close a port; from then on nothing arrives any more.
        while self.failure == Network::Refuses && self.network_is_open().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn recover(&self) {
        self.network.set(Network::Fine);
    }

    async fn open_beside(&self) -> Cache {
        connect(&self.beside.url(PATIENT)).await
    }

    fn works_on(&self) -> bool {
        self.failure == Network::LosesReplies
    }
}

/// Memory does not fail; this one does as if.
pub(crate) struct FaultyMemory(Arc<Faulty>);

impl FaultyMemory {
    pub(crate) async fn fresh() -> Self {
        Self(Arc::new(Faulty::new()))
    }
}

#[async_trait]
impl Store for FaultyMemory {
    async fn open(&self) -> Cache {
        self.0.clone()
    }
}

#[async_trait]
impl Failing for FaultyMemory {
    async fn fail(&self) {
        self.0.fail_reads(true);
        self.0.fail_writes(true);
    }

    async fn recover(&self) {
        self.0.fail_reads(false);
        self.0.fail_writes(false);
    }
}

/// A part of a shared server that nobody else uses.
struct Namespace {
    server: String,
    name: String,
}

impl Namespace {
    fn on(server: String) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = format!("session-web-{}-{number}", std::process::id());
        Self { server, name }
    }

    fn url(&self, more: &str) -> String {
        format!("{}?namespace={}&{more}", self.server, self.name)
    }
}

async fn connect(url: &str) -> Cache {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match cache_connect::connect(url).await {
            Ok(cache) => return cache,
            // One that waits for a moment only may wait in vain on a busy machine.
            Err(error) => assert!(error.is_transient() && Instant::now() < until, "{error:?}"),
        }
    }
}

/// Time to spare where nothing is to fail: the machine of the tests is busy with the tests.
const PATIENT: &str = "timeout_ms=20000";
