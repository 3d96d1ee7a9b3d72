//! Counts a visitor's visits with actix-web and actix-session, in the store of a URL.
//!
//! `cargo run -p session-adapters --example actix --features actix-session -- sqlite://visits.db`

use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::Key;
use actix_web::{App, Error, HttpServer, web};
use session_adapters::CacheSessionStore;
use session_core::BoxError;

async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.get::<u64>("visits")?.unwrap_or_default() + 1;
    session.insert("visits", visits)?;
    Ok(format!("visit {visits}\n"))
}

async fn forget(session: Session) -> &'static str {
    session.purge();
    "forgotten\n"
}

#[actix_web::main]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).unwrap_or("memory:".to_owned());
    // Before the server, for all of its workers: each clone is the same cache.
    let store = CacheSessionStore::new(cache_connect::connect(&url).await?);
    // Keep one where the server finds it again, or all cookies are void after a restart.
    let key = Key::generate();

    let server = HttpServer::new(move || {
        // Without TLS a browser keeps no `Secure` cookie; leave this out in production.
        let sessions = SessionMiddleware::builder(store.clone(), key.clone())
            .cookie_secure(false)
            .build();
        App::new()
            .route("/", web::get().to(visit))
            .route("/", web::delete().to(forget))
            .wrap(sessions)
    });
    server.bind("127.0.0.1:3000")?.run().await?;
    Ok(())
}
