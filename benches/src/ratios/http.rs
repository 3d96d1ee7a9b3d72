//! The rows of the web layer: a request that reads a session of 1 KB, and one that changes it, both
//! kept in memory, through axum.
//!
//! What is judged is the whole application called in the process: a request with the cookies that
//! its visitor got goes through router, layer, handler and back. Over a connection, even to this
//! machine, the kernel and HTTP take most of the time, are the same for all and hide what a session
//! costs; those rows show what is left of it there and are not judged. Who asks is another one of a
//! thousand visitors each time, so that nobody's session is still at hand. One thread, since the
//! peer's store has one lock.

use std::collections::VecDeque;
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
use sampler::user::user_of_1_kb;
use session_core::{AuthUserSession, Sessions};
use session_web::{Problem, Session, SessionLayer};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;
use tower_sessions::{MemoryStore, SessionManagerLayer};

use crate::ratios::Setting;
use crate::ratios::contest::{Contest, at_least};

const PEER: &str = "tower-sessions MemoryStore";

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let mut rows = Vec::new();
    for (what, method, goal) in [
        ("read a session", Method::GET, at_least(1.15, 1.35)),
        ("modify a session", Method::POST, at_least(1.1, 1.25)),
    ] {
        let called = Shape::Threads(1);
        rows.extend(contest::<Direct>(
            setting, what, &method, called, VISITORS, goal,
        ));
        for tasks in [1, 16] {
            let what = format!("{what} over a connection");
            let (tasks, visitors) = (Shape::Tasks(tasks), tasks);
            rows.extend(contest::<Connection>(
                setting,
                &what,
                &method,
                tasks,
                visitors,
                Goal::None,
            ));
        }
    }
    rows
}

fn contest<W: Way>(
    setting: &Setting,
    what: &str,
    method: &Method,
    shape: Shape,
    visitors: usize,
    goal: Goal,
) -> Vec<Row> {
    let contestant = |name, router| {
        let visits = Visits::<W>::new(router, method.clone(), visitors);
        let visits = setting.runtime.block_on(visits);
        Contestant::new(name, setting.runtime.handle(), visits)
    };
    let contest = Contest {
        setting,
        backend: "http",
        workload: what.to_owned(),
        shape,
    };
    let peer = contestant(PEER, theirs());
    contest.rates(contestant("ours", ours()), vec![(peer, goal)])
}

fn ours() -> Router {
    async fn read(session: Session<AuthUserSession>) -> Result<String, Problem> {
        Ok(session.display_name.clone().unwrap_or_default())
    }
    async fn modify(mut session: Session<AuthUserSession>) -> Result<&'static str, Problem> {
        session.update(visit).await?;
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
        let mut user = load(&session).await?;
        visit(&mut user);
        let stored = session.insert("user", user).await;
        stored.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok("done")
    }
    let layer = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    Router::new()
        .route("/", get(read).post(modify))
        .layer(layer)
}

/// Counts a visit; the first one signs in.
fn visit(user: &mut AuthUserSession) {
    if !user.is_authenticated {
        *user = user_of_1_kb();
    }
    let visits = user.meta.entry("visits".to_owned()).or_default();
    let count: u64 = visits.parse().unwrap_or_default();
    *visits = (count + 1).to_string();
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

/// Visitors who are known to the application and come again and again, in turn.
struct Visits<W> {
    method: Method,
    idle: Mutex<VecDeque<(W, HeaderValue)>>,
}

impl<W: Way> Visits<W> {
    async fn new(router: Router, method: Method, visitors: usize) -> Self {
        let mut idle = VecDeque::new();
        for _ in 0..visitors {
            let mut way = W::open(router.clone()).await;
            let answer = way.send(request(Method::POST)).await;
            assert!(answer.status().is_success(), "{}", answer.status());
            let set = answer.headers().get_all(SET_COOKIE).iter();
            let pairs = set.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
            let cookies = pairs.collect::<Vec<_>>().join("; ");
            idle.push_back((way, cookies.parse().expect("cookies are a header")));
        }
        let idle = Mutex::new(idle);
        Self { method, idle }
    }
}

impl<W: Way> Work for Visits<W> {
    async fn run(&self, _: u64) {
        let free = self.idle.lock().expect("nobody panicked").pop_front();
        let (mut way, cookies) = free.expect("there are as many visitors as tasks");
        let mut request = request(self.method.clone());
        request.headers_mut().insert(COOKIE, cookies.clone());
        let answer = way.send(request).await;
        assert!(answer.status().is_success() && !answer.body().is_empty());
        self.idle
            .lock()
            .expect("nobody panicked")
            .push_back((way, cookies));
    }
}

fn request(method: Method) -> Request<Body> {
    let request = Request::builder().method(method).uri("/");
    let request = request.header("host", "localhost");
    request.body(Body::empty()).expect("the request is sound")
}

const VISITORS: usize = 1_000;
