//! Counts a visitor's visits with axum and tower-sessions, in the store of a URL.
//!
//! `cargo run -p session-adapters --example tower_sessions --features tower-sessions -- sqlite://visits.db`

use axum::http::StatusCode;
use axum::{Router, routing::get};
use session_adapters::CacheSessionStore;
use session_core::BoxError;
use tower_sessions::{Session, SessionManagerLayer};

async fn visit(session: Session) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::SERVICE_UNAVAILABLE;
    let visits = session.get::<u64>("visits").await.map_err(failed)?;
    let visits = visits.unwrap_or_default() + 1;
    session.insert("visits", visits).await.map_err(failed)?;
    Ok(format!("visit {visits}\n"))
}

async fn forget(session: Session) -> Result<&'static str, StatusCode> {
    let flushed = session.flush().await;
    flushed.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok("forgotten\n")
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).unwrap_or("memory:".to_owned());
    let store = CacheSessionStore::new(cache_connect::connect(&url).await?);

    // Without TLS a browser keeps no `Secure` cookie; leave this out in production.
    let sessions = SessionManagerLayer::new(store).with_secure(false);
    let app = Router::new()
        .route("/", get(visit).delete(forget))
        .layer(sessions);
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
    Ok(())
}
