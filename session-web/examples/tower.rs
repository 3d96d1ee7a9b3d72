//! Sessions for a tower service on hyper, without axum.
//!
//! ```sh
//! cargo run -p session-web --example tower
//! curl -c jar -b jar -X POST localhost:3001/visit   # 1, then 2
//! curl -c jar -b jar -X POST localhost:3001/leave
//! ```

use std::convert::Infallible;
use std::sync::Arc;

use cache_memory::MemoryCache;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use session_core::{BoxError, Bytes, SessionData, Sessions};
use session_web::{Accepted, PeerAddress, Problem, SessionContext, SessionLayer};
use tokio::net::TcpListener;
use tower::{Layer, service_fn};

/// What this application keeps of a visitor.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Visitor {
    visits: u64,
}

impl SessionData for Visitor {}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sessions = Sessions::<Visitor>::new(Arc::new(MemoryCache::new()));
    let service = SessionLayer::new(sessions).layer(service_fn(answer));
    let listener = TcpListener::bind("127.0.0.1:3001").await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        let service = service.clone();
        // Trusted proxies and limits on attempts go by this address.
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer.ip()));
            tower::Service::call(&mut service.clone(), request)
        });
        let service = TowerToHyperService::new(service);
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let accepted = Accepted::of(request.headers());
    let answered = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => look(&request).await,
        (&Method::POST, "/visit") => visit(&request).await,
        (&Method::POST, "/leave") => leave(&request).await,
        _ => Err(Problem::new(StatusCode::NOT_FOUND)),
    };
    Ok(match answered {
        Ok(text) => Response::new((text + "\n").into()),
        Err(problem) => problem.to_response(accepted),
    })
}

async fn look(request: &Request<Incoming>) -> Result<String, Problem> {
    let context = SessionContext::of(request.extensions())?;
    let session = context.session::<Visitor>().await?;
    Ok(session.visits.to_string())
}

async fn visit(request: &Request<Incoming>) -> Result<String, Problem> {
    let context = SessionContext::of(request.extensions())?;
    let mut session = context.session::<Visitor>().await?;
    let visits = session.update(|visitor| {
        visitor.visits += 1;
        visitor.visits
    });
    Ok(visits.await?.to_string())
}

async fn leave(request: &Request<Incoming>) -> Result<String, Problem> {
    let context = SessionContext::of(request.extensions())?;
    Ok(match context.sign_out::<Visitor>().await? {
        true => "goodbye".to_owned(),
        false => "nobody was here".to_owned(),
    })
}
