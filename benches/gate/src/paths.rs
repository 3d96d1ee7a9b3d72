//! The hot paths: what an application does in every request.
//!
//! Everything is called as applications hold it, the cache as an `Arc<dyn CacheClientExtended>`.
//! Nothing here waits, so every future is ready when it is polled first.

// What cannot go on has nothing better to do than to stop and say where.
#![allow(clippy::expect_used)]

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use cache_memory::{MemoryCache, MemoryOptions};
use futures_util::FutureExt;
use http::{Request, Response};
use session_core::{
    AuthUserSession, Bytes, CacheClientExtended, Codec, Condition, CurrentSession, Expiry,
    SessionId, Sessions,
};
use session_web::{SessionContext, SessionLayer};
use tower::{Layer, Service, service_fn};

/// One operation, to be run many times.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    make: fn(u64) -> Run,
}

/// Runs the operation once; the number tells one run from another.
pub(crate) type Run = Box<dyn FnMut(u64)>;

type Cache = Arc<dyn CacheClientExtended>;

/// How many runs are counted: over so many keys the chances of hashing even out. As many come
/// before, so that what grows has grown. Allocations need fewer.
pub(crate) const RUNS: u64 = if cfg!(debug_assertions) { 100 } else { 1_000 };

pub(crate) const PATHS: &[Path] = &[
    path("memory/read", |_| read(&memory(), Expiry::Never)),
    path("memory/read_deadline", |_| read(&memory(), HOUR)),
    path("memory/read_bounded", |_| read(&bounded(), HOUR)),
    path("memory/overwrite", |_| overwrite(&memory())),
    path("memory/add_and_remove", |_| add_and_remove(&memory())),
    path("session/load", |_| session_load()),
    path("session/update", |_| session_update()),
    path("codec/encode_bincode", |_| encode(Codec::Bincode)),
    path("codec/decode_bincode", |_| decode(Codec::Bincode)),
    path("codec/encode_json", |_| encode(Codec::Json)),
    path("codec/decode_json", |_| decode(Codec::Json)),
    path("http/cookies", http_cookies),
    path("http/load", http_load),
    path("http/update", http_update),
];

const fn path(name: &'static str, make: fn(u64) -> Run) -> Path {
    Path { name, make }
}

impl Path {
    /// The operation with all that it needs, to be run with the numbers below `2 * RUNS`, once
    /// each: half of them first, then what is counted.
    pub(crate) fn warmed_up(&self) -> Run {
        let mut run = (self.make)(2 * RUNS);
        (0..RUNS).for_each(&mut run);
        run
    }
}

/// What is counted: the caller of the operation, a function that a profiler can name.
#[inline(never)]
pub(crate) fn counted(run: &mut Run) {
    (RUNS..2 * RUNS).for_each(run);
}

fn read(cache: &Cache, expiry: Expiry) -> Run {
    let (cache, keys) = (cache.clone(), fill(cache, expiry));
    Box::new(move |n| {
        let found = ready(cache.read(&keys[at(n)])).expect("memory does not fail");
        assert!(black_box(found).is_some());
    })
}

fn overwrite(cache: &Cache) -> Run {
    let (cache, keys, value) = (cache.clone(), fill(cache, HOUR), value());
    Box::new(move |n| {
        let written = cache.write(&keys[at(n)], value.clone(), Condition::Always, HOUR);
        assert!(ready(written).expect("memory does not fail"));
    })
}

fn add_and_remove(cache: &Cache) -> Run {
    let (cache, keys, value) = (cache.clone(), fill(cache, HOUR), value());
    keys.iter().for_each(|key| {
        ready(cache.remove(key)).expect("memory does not fail");
    });
    Box::new(move |n| {
        let key = &keys[at(n)];
        let added = cache.write(key, value.clone(), Condition::Absent, HOUR);
        assert!(ready(added).expect("memory does not fail"));
        assert!(ready(cache.remove(key)).expect("memory does not fail"));
    })
}

fn session_load() -> Run {
    let (sessions, ids) = sessions();
    Box::new(move |n| {
        let current = CurrentSession::new(Some(ids[at(n)].clone()));
        let session = ready(sessions.open(&current)).expect("memory does not fail");
        assert!(black_box(session).is_authenticated);
    })
}

fn session_update() -> Run {
    let (sessions, ids) = sessions();
    Box::new(move |n| {
        let current = CurrentSession::new(Some(ids[at(n)].clone()));
        let mut session = ready(sessions.open(&current)).expect("memory does not fail");
        ready(session.update(change)).expect("memory does not fail");
    })
}

fn encode(codec: Codec) -> Run {
    let user = user(0);
    Box::new(move |_| {
        black_box(codec.encode(&user).expect("a user encodes"));
    })
}

fn decode(codec: Codec) -> Run {
    let bytes = codec.encode(&user(0)).expect("a user encodes");
    Box::new(move |_| {
        black_box(Codec::decode::<AuthUserSession>(&bytes).expect("a user decodes"));
    })
}

fn http_cookies(total: u64) -> Run {
    http(total, async |_| {})
}

fn http_load(total: u64) -> Run {
    http(total, async |context: SessionContext| {
        let session = context.session::<AuthUserSession>().await;
        assert!(session.expect("memory does not fail").is_authenticated);
    })
}

fn http_update(total: u64) -> Run {
    http(total, async |context: SessionContext| {
        let session = context.session::<AuthUserSession>().await;
        let mut session = session.expect("memory does not fail");
        session.update(change).await.expect("memory does not fail");
    })
}

/// A request with the cookies of a browser through the layer; the requests are made before.
fn http(total: u64, handle: impl AsyncFn(SessionContext) + Copy + 'static) -> Run {
    let (sessions, ids) = sessions();
    let respond = move |request: Request<()>| async move {
        let context = SessionContext::of(request.extensions()).expect("the layer is there");
        handle(context.clone()).await;
        Ok::<_, Infallible>(Response::new(Bytes::new()))
    };
    let mut service = SessionLayer::new(sessions).layer(service_fn(respond));
    let request = |n| {
        let (id, other) = (ids[at(n)].as_str(), ids[at(n + 1)].as_str());
        let cookies = format!("theme=dark; ss-id={id}; ss-pid={other}; ss-opt=temp; _ga=GA1.2.3");
        Request::get("/account")
            .header("host", "shop.example")
            .header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .header("cookie", cookies)
            .body(())
            .expect("the request is well-formed")
    };
    let mut requests: Vec<_> = (0..total).map(|n| Some(request(n))).collect();
    Box::new(move |n| {
        let request = requests[index(n)].take().expect("each number comes once");
        let Ok(response) = ready(service.call(request));
        assert!(response.status().is_success());
    })
}

fn memory() -> Cache {
    Arc::new(MemoryCache::new())
}

/// With bounds, far from them.
fn bounded() -> Cache {
    let options = MemoryOptions::new().max_entries(1_000_000);
    Arc::new(MemoryCache::with_options(options))
}

/// Fills a cache and gives its keys.
fn fill(cache: &Cache, expiry: Expiry) -> Vec<String> {
    let keys: Vec<String> = (0..RUNS).map(|n| format!("entry:{n:08}")).collect();
    for key in &keys {
        let written = cache.write(key, value(), Condition::Always, expiry);
        ready(written).expect("memory does not fail");
    }
    keys
}

fn sessions() -> (Sessions<AuthUserSession>, Vec<SessionId>) {
    let sessions = Sessions::<AuthUserSession>::new(memory());
    let ids = (0..RUNS).map(|n| {
        let mut session = ready(sessions.get_or_create(None)).expect("memory does not fail");
        *session.data_mut() = user(n);
        ready(session.save()).expect("memory does not fail");
        session.id().expect("it was stored just now")
    });
    let ids = ids.collect();
    (sessions, ids)
}

/// The session of a user who is signed in, about 1 KB as JSON.
fn user(number: u64) -> AuthUserSession {
    let text = |text: &str| Some(text.to_owned());
    let note = |n: u32| {
        (
            format!("preference-{n}"),
            format!("the value of number {n}"),
        )
    };
    AuthUserSession {
        is_authenticated: true,
        authenticated_ms: Some(1_700_000_000_000),
        provider: text("credentials"),
        user_id: Some(format!("user-{number:08}")),
        user_name: text("alice"),
        display_name: text("Alice Liddell"),
        first_name: text("Alice"),
        last_name: text("Liddell"),
        email: text("alice.liddell@example.com"),
        email_confirmed: true,
        phone_number: text("+43 1 5550100"),
        profile_url: text("https://static.example.com/users/1048577/portrait.webp"),
        language: text("de-AT"),
        time_zone: text("Europe/Vienna"),
        roles: ["author", "editor", "reviewer"].map(str::to_owned).into(),
        permissions: ["orders:read", "orders:write", "users:read"]
            .map(str::to_owned)
            .into(),
        meta: (0..8).map(note).collect(),
    }
}

fn change(user: &mut AuthUserSession) {
    user.email_confirmed = !user.email_confirmed;
}

fn value() -> Bytes {
    Bytes::from(vec![b'v'; 200])
}

/// Nothing here waits.
#[inline]
fn ready<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the future is ready at once")
}

/// One of as many as there are counted runs.
fn at(n: u64) -> usize {
    index(n % RUNS)
}

fn index(n: u64) -> usize {
    usize::try_from(n).expect("an index fits")
}

const HOUR: Expiry = Expiry::In(Duration::from_secs(3_600));
