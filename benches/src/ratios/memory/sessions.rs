//! A session store below a framework: what a request does before and after its handler.
//!
//! The peer hands out a copy of what it keeps, under one lock. Ours is asked at three heights: for
//! the bytes of the session, for the same record through the adapter, and for a typed session.

use std::sync::Arc;

use benches::rounds::Contestant;
use benches::table::{Goal, Row};
use cache_memory::MemoryCache;
use sampler::records::{Load, Records, Save};
use sampler::sample::{Shape, Work};
use sampler::user::{signed_in, user};
use session_adapters::CacheSessionStore;
use session_core::{AuthUserSession, CacheClientExtended, Codec, Condition, SessionId, Sessions};
use tokio::runtime::Handle;
use tower_sessions_memory_store::MemoryStore;

use crate::ratios::Setting;
use crate::ratios::contest::{Contest, at_least};
use crate::ratios::stores::HOUR;

const SESSIONS: usize = 10_000;
const THREADS: usize = 2;

const PEER: &str = "tower-sessions MemoryStore";

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let handle = setting.runtime.handle();
    let (bytes, typed, adapter, peer) = setting.runtime.block_on(async {
        let cache: Arc<dyn CacheClientExtended> = Arc::new(MemoryCache::new());
        let adapter = CacheSessionStore::new(cache.clone());
        (
            Bytes::filled(cache.clone()).await,
            Typed::filled(cache).await,
            Records::filled(adapter, SESSIONS).await,
            Records::filled(MemoryStore::default(), SESSIONS).await,
        )
    });
    let load = || Contestant::new(PEER, handle, Load(peer.clone()));
    let save = || Contestant::new(PEER, handle, Save(peer.clone()));
    let goal = at_least(15.0, 30.0);
    let bouts = [
        (
            "load, bytes",
            ours(handle, LoadBytes(bytes.clone())),
            load(),
            goal,
        ),
        ("save, bytes", ours(handle, SaveBytes(bytes)), save(), goal),
        (
            "load, record",
            ours(handle, Load(adapter.clone())),
            load(),
            Goal::None,
        ),
        (
            "save, record",
            ours(handle, Save(adapter)),
            save(),
            Goal::None,
        ),
        (
            "load, typed",
            ours(handle, LoadTyped(typed.clone())),
            load(),
            Goal::None,
        ),
        (
            "save, typed",
            ours(handle, SaveTyped(typed)),
            save(),
            Goal::None,
        ),
    ];
    let rows = bouts.into_iter().flat_map(|(what, ours, peer, goal)| {
        let contest = Contest {
            setting,
            backend: "memory",
            workload: format!("session store, {what}"),
            shape: Shape::Threads(THREADS),
        };
        contest.rates(ours, vec![(peer, goal)])
    });
    rows.collect()
}

fn ours(runtime: &Handle, work: impl Work) -> Contestant {
    Contestant::new("ours", runtime, work)
}

fn at(number: u64) -> usize {
    usize::try_from(number.wrapping_mul(7_919) % SESSIONS as u64).unwrap_or_default()
}

/// Sessions as bytes, which is what the store below a framework keeps.
struct Bytes {
    cache: Arc<dyn CacheClientExtended>,
    keys: Vec<String>,
    value: session_core::Bytes,
}

impl Bytes {
    async fn filled(cache: Arc<dyn CacheClientExtended>) -> Arc<Self> {
        let store = Self {
            cache,
            keys: (0..SESSIONS)
                .map(|at| format!("session:{at:032}"))
                .collect(),
            value: Codec::Json.encode(&user()).expect("a user encodes"),
        };
        for key in &store.keys {
            let value = session_core::Bytes::copy_from_slice(&store.value);
            let write = store
                .cache
                .write(key, value, Condition::Always, HOUR.into());
            write.await.expect("a write succeeds");
        }
        Arc::new(store)
    }
}

struct LoadBytes(Arc<Bytes>);
struct SaveBytes(Arc<Bytes>);

impl Work for LoadBytes {
    async fn run(&self, number: u64) {
        let found = self.0.cache.read(&self.0.keys[at(number)]).await;
        assert!(found.expect("a read succeeds").is_some());
    }
}

impl Work for SaveBytes {
    async fn run(&self, number: u64) {
        let store = &*self.0;
        // A save has just encoded the session.
        let value = session_core::Bytes::copy_from_slice(&store.value);
        let key = &store.keys[at(number)];
        let write = store
            .cache
            .write(key, value, Condition::Present, HOUR.into());
        assert!(write.await.expect("a write succeeds"));
    }
}

/// Sessions of a type of the application's own.
struct Typed {
    sessions: Sessions<AuthUserSession>,
    ids: Vec<SessionId>,
}

impl Typed {
    async fn filled(cache: Arc<dyn CacheClientExtended>) -> Arc<Self> {
        let sessions = Sessions::new(cache);
        let ids = signed_in(&sessions, SESSIONS).await;
        Arc::new(Self { sessions, ids })
    }
}

struct LoadTyped(Arc<Typed>);
struct SaveTyped(Arc<Typed>);

impl Work for LoadTyped {
    async fn run(&self, number: u64) {
        let found = self.0.sessions.find(&self.0.ids[at(number)]).await;
        assert!(found.expect("a load succeeds").is_some());
    }
}

impl Work for SaveTyped {
    /// Loads, changes and writes over what it read: no update is lost, which the peer cannot say.
    async fn run(&self, number: u64) {
        let change = |user: &mut AuthUserSession| user.display_name = Some("Alice".to_owned());
        let updated = self.0.sessions.update(&self.0.ids[at(number)], change);
        updated.await.expect("an update succeeds");
    }
}
