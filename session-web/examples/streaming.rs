//! A handler that streams, holds its session meanwhile and saves when it likes.
//!
//! A WebSocket works alike: take the session in the handler that upgrades, and keep it.
//!
//! ```sh
//! cargo run -p session-web --example streaming
//! curl -c jar -X POST localhost:3002/begin
//! curl -N -b jar localhost:3002/count              # counts until it is stopped
//! curl -b jar -X POST localhost:3002/auth/logout   # meanwhile: ends it
//! ```

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use cache_memory::MemoryCache;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use session_core::{BoxError, SessionData, SessionError, Sessions};
use session_web::{AuthRoutes, Problem, Session, SessionLayer};
use tokio::net::TcpListener;

/// What this application keeps of a visitor.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Listener {
    heard: u64,
}

impl SessionData for Listener {}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sessions = Sessions::<Listener>::new(Arc::new(MemoryCache::new()));
    let app = Router::new()
        .route("/begin", post(begin))
        .route("/count", get(count))
        .merge(AuthRoutes::<Listener>::new().router()?)
        .layer(SessionLayer::new(sessions));
    axum::serve(TcpListener::bind("127.0.0.1:3002").await?, app).await?;
    Ok(())
}

async fn begin(mut session: Session<Listener>) -> Result<(), Problem> {
    Ok(session.update(|listener| listener.heard = 0).await?)
}

/// Counts for as long as somebody listens, and stores each number.
async fn count(
    mut session: Session<Listener>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    if !session.is_stored() {
        // The headers go out before the first event; an id made later does not reach the client.
        session.save().await?;
    }
    Ok(Sse::new(unfold(Some(session), |session| async {
        let mut session = session?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let heard = session.update(|listener| {
            listener.heard += 1;
            listener.heard
        });
        Some(match heard.await {
            Ok(heard) => (Ok(Event::default().data(heard.to_string())), Some(session)),
            // Signed out elsewhere: nothing was stored, and nothing more is to be told.
            Err(SessionError::Removed) => (Ok(Event::default().event("signed-out")), None),
            Err(_) => (Ok(Event::default().event("failed")), None),
        })
    })))
}
