//! The rows of the web layer: a request that reads a session, and one that changes it, both kept in
//! memory, through axum and over HTTP on this machine. Each task keeps its connection and its
//! visitor.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use axum::routing::get;
use benches::rounds::Contestant;
use benches::table::{Goal, Row};
use cache_memory::MemoryCache;
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use sampler::sample::{Shape, Work};
use sampler::user::user;
use session_core::{AuthUserSession, Sessions};
use session_web::{Problem, Session, SessionLayer};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;
use tower_sessions::{MemoryStore, SessionManagerLayer};

use crate::ratios::Setting;
use crate::ratios::contest::{Contest, at_least};

const PEER: &str = "tower-sessions MemoryStore";

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let handle = setting.runtime.handle();
    let (ours, theirs) = (ours(), theirs());
    let mut rows = Vec::new();
    for (what, method, goal) in [
        ("read a session", Method::GET, at_least(1.15, 1.35)),
        ("modify a session", Method::POST, at_least(1.1, 1.25)),
    ] {
        for tasks in [1, 16] {
            let visitors = |router: &Router| {
                let visits = Visits::<Connection>::new(router.clone(), method.clone(), tasks);
                setting.runtime.block_on(visits)
            };
            let contest = Contest {
                setting,
                backend: "http",
                workload: what.to_owned(),
                shape: Shape::Tasks(tasks),
            };
            let peer = Contestant::new(PEER, handle, visitors(&theirs));
            let ours = Contestant::new("ours", handle, visitors(&ours));
            rows.extend(contest.rates(ours, vec![(peer, goal)]));
        }
        let visitor = |router: &Router| {
            let visits = Visits::<Direct>::new(router.clone(), method.clone(), 1);
            setting.runtime.block_on(visits)
        };
        let contest = Contest {
            setting,
            backend: "http",
            workload: format!("{what}, without the network"),
            shape: Shape::Threads(1),
        };
        let peer = Contestant::new(PEER, handle, visitor(&theirs));
        let ours = Contestant::new("ours", handle, visitor(&ours));
        rows.extend(contest.rates(ours, vec![(peer, Goal::None)]));
    }
    rows
}

fn ours() -> Router {
    async fn read(session: Session<AuthUserSession>) -> Result<String, Problem> {
        Ok(session.display_name.clone().unwrap_or_default())
    }
    async fn modify(mut session: Session<AuthUserSession>) -> Result<&'static str, Problem> {
        let change = |stored: &mut AuthUserSession| *stored = changed(stored);
        session.update(change).await?;
        Ok("done")
    }
    let sessions = Sessions::<AuthUserSession>::new(Arc::new(MemoryCache::new()));
    Router::new()
        .route("/", get(read).post(modify))
        .layer(SessionLayer::new(sessions))
}

fn theirs() -> Router {
    async fn load(session: &tower_sessions::Session) -> Result<AuthUserSession, StatusCode> {
        let stored = session.get("user").await;
        let stored: Option<_> = stored.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok(stored.unwrap_or_default())
    }
    async fn read(session: tower_sessions::Session) -> Result<String, StatusCode> {
        Ok(load(&session).await?.display_name.unwrap_or_default())
    }
    async fn modify(session: tower_sessions::Session) -> Result<&'static str, StatusCode> {
        let user = changed(&load(&session).await?);
        let stored = session.insert("user", user).await;
        stored.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok("done")
    }
    let layer = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    Router::new()
        .route("/", get(read).post(modify))
        .layer(layer)
}

/// The user of the sampler, with another number of visits.
fn changed(stored: &AuthUserSession) -> AuthUserSession {
    let visits = stored
        .meta
        .get("visits")
        .and_then(|visits| visits.parse().ok());
    let visits: u64 = visits.unwrap_or_default();
    let mut user = if stored.is_authenticated {
        stored.clone()
    } else {
        user()
    };
    user.meta
        .insert("visits".to_owned(), (visits + 1).to_string());
    user
}

/// A way from a visitor to the application.
trait Way: Sized + Send + 'static {
    async fn open(router: Router) -> Self;
    fn send(&mut self, request: Request<Body>) -> impl Future<Output = Response<Bytes>> + Send;
}

type Bytes = session_core::Bytes;

/// A connection over which requests follow each other.
struct Connection(SendRequest<Body>);

impl Way for Connection {
    async fn open(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port is known");
        tokio::spawn(async move { axum::serve(listener, router).await });
        let stream = TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("an option is set");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("it is HTTP");
        tokio::spawn(connection);
        Self(sender)
    }

    async fn send(&mut self, request: Request<Body>) -> Response<Bytes> {
        self.0.ready().await.expect("the connection stands");
        let answer = self.0.send_request(request).await.expect("it answers");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("the answer ends");
        Response::from_parts(head, body.to_bytes())
    }
}

/// No network: the application is called.
struct Direct(Router);

impl Way for Direct {
    async fn open(router: Router) -> Self {
        Self(router)
    }

    async fn send(&mut self, request: Request<Body>) -> Response<Bytes> {
        let answer: Result<_, Infallible> = self.0.clone().oneshot(request).await;
        let Ok(answer) = answer;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("the answer ends");
        Response::from_parts(head, body.to_bytes())
    }
}

/// Visitors who are known to the application and come again and again.
struct Visits<W> {
    method: Method,
    idle: Mutex<Vec<(W, HeaderValue)>>,
}

impl<W: Way> Visits<W> {
    async fn new(router: Router, method: Method, visitors: usize) -> Self {
        let mut idle = Vec::new();
        for _ in 0..visitors {
            let mut way = W::open(router.clone()).await;
            let answer = way.send(request(Method::POST)).await;
            assert!(answer.status().is_success(), "{}", answer.status());
            let set = answer.headers().get_all(SET_COOKIE).iter();
            let pairs = set.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
            let cookies = pairs.collect::<Vec<_>>().join("; ");
            idle.push((way, cookies.parse().expect("cookies are a header")));
        }
        let idle = Mutex::new(idle);
        Self { method, idle }
    }
}

impl<W: Way> Work for Visits<W> {
    async fn run(&self, _: u64) {
        let free = self.idle.lock().expect("nobody panicked").pop();
        let (mut way, cookies) = free.expect("there are as many visitors as tasks");
        let mut request = request(self.method.clone());
        request.headers_mut().insert(COOKIE, cookies.clone());
        let answer = way.send(request).await;
        assert!(answer.status().is_success() && !answer.body().is_empty());
        self.idle
            .lock()
            .expect("nobody panicked")
            .push((way, cookies));
    }
}

fn request(method: Method) -> Request<Body> {
    let request = Request::builder().method(method).uri("/");
    let request = request.header("host", "localhost");
    request.body(Body::empty()).expect("the request is sound")
}
