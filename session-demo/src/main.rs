//! A small site on sessions: sign in, fill a cart, see and end your sessions, make API keys. Meant
//! to be copied from.
//!
//! Start with `app`, which puts the routes together. `session` says what a session holds, `users`
//! who visitors can be, and `pages` has a file for each thing that they can do. `page` is the frame
//! of all pages, `problem` what they show when something goes wrong.

mod app;
mod device;
mod input;
mod key_auth;
mod page;
mod pages;
mod problem;
mod session;
mod users;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::net::TcpListener;

/// A small site on sessions.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where sessions are kept: memory:, sqlite://PATH, redis://HOST or postgres://USER@HOST/DB
    #[arg(long, value_name = "URL", default_value = "sqlite://session-demo.db")]
    cache: String,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

/// How long requests that are still running at the end may take.
const GRACE: Duration = Duration::from_secs(6);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(std::io::stderr)
        .init();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, sentence)) => {
            complain(&sentence);
            ExitCode::from(code)
        }
    }
}

/// An exit code and the sentence that explains it.
struct Failure(u8, String);

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    // The error names the URL's part that is wrong, and never a password in it.
    let cache = cache_connect::connect(&arguments.cache)
        .await
        .map_err(|error| Failure(2, error.to_string()))?;
    let app = app::app(cache).map_err(|error| Failure(1, error.to_string()))?;

    let at = arguments.listen;
    let listener = TcpListener::bind(at).await.map_err(|error| {
        Failure(
            1,
            match error.kind() {
                ErrorKind::AddrInUse => {
                    format!("{at} is taken by another program; choose another one with --listen")
                }
                _ => format!("cannot listen on {at}: {error}"),
            },
        )
    })?;
    announce(&listener);

    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, app).with_graceful_shutdown(told_to_stop());
    let served = tokio::select! {
        served = server => served,
        () = async { told_to_stop().await; tokio::time::sleep(GRACE).await } => Ok(()),
    };
    served.map_err(|error| Failure(1, format!("the server failed: {error}")))
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => signals.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        _ = terminate => {}
    }
}

#[allow(clippy::print_stdout, reason = "a program says where it can be found")]
fn announce(listener: &TcpListener) {
    if let Ok(address) = listener.local_addr() {
        println!("Listening on http://{address}");
    }
}

#[allow(clippy::print_stderr, reason = "a program says why it ends")]
fn complain(sentence: &str) {
    eprintln!("session-demo: {sentence}");
}
