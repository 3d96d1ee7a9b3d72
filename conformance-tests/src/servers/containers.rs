//! Servers in containers, where Docker answers and has the image or can pull it.
//!
//! `CACHE_REDIS_IMAGE` (`redis:8`, `valkey/valkey:8`) and `CACHE_POSTGRES_IMAGE` (`postgres:17`)
//! ask for a version; without them a container is the last resort of a machine that has no server
//! program. One container serves all tests of a process and is removed when the process ends, by a
//! shell that watches a pipe from it: a container in a `static` would never be dropped.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::thread;

use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::redis::Redis;
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{ContainerRequest, Image, ImageExt};
use testcontainers_modules::valkey::Valkey;
use tokio::runtime::Builder;

use super::watchdog::Watchdog;

/// A container that goes with the process.
#[derive(Debug)]
pub(super) struct Container {
    port: u16,
    /// Removes the container at the end.
    _watchdog: Watchdog,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The image that the environment asks for, or `last_resort` where the machine has no server and
/// Docker answers.
pub(super) fn wanted(
    variable: &str,
    last_resort: &str,
    machine_has_none: impl FnOnce() -> bool,
) -> Option<String> {
    let asked_for = std::env::var(variable)
        .ok()
        .filter(|image| !image.is_empty());
    asked_for.or_else(|| (machine_has_none() && docker_answers()).then(|| last_resort.to_owned()))
}

fn docker_answers() -> bool {
    let mut docker = Command::new("docker");
    let asked = docker
        .args(["version", "--format", "ok"])
        .stderr(Stdio::null())
        .output();
    asked.is_ok_and(|answer| answer.status.success())
}

/// Starts a Redis or Valkey server.
pub(super) fn redis(image: &str) -> Result<Container> {
    // Each test takes a database of its own.
    let many = ["--databases", "1000"];
    match image.rsplit_once(':').unwrap_or((image, "latest")) {
        ("redis", tag) => start(6_379, Redis::default().with_tag(tag).with_cmd(many)),
        ("valkey/valkey", tag) => start(6_379, Valkey::default().with_tag(tag).with_cmd(many)),
        _ => Err("an image of Redis is redis:TAG or valkey/valkey:TAG".into()),
    }
}

/// Starts a PostgreSQL server whose superuser `postgres` has the password `postgres`.
pub(super) fn postgres(image: &str) -> Result<Container> {
    let quick = ["-c", "fsync=off", "-c", "max_connections=300"];
    match image.rsplit_once(':').unwrap_or((image, "latest")) {
        ("postgres", tag) => start(5_432, Postgres::default().with_tag(tag).with_cmd(quick)),
        _ => Err("an image of PostgreSQL is postgres:TAG".into()),
    }
}

impl Container {
    /// The port on this machine.
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

fn start<I: Image + 'static>(port: u16, request: ContainerRequest<I>) -> Result<Container> {
    // On a runtime of its own, because the one of the calling test ends before the container.
    let started = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let container = request.start().await?;
            let port = container.get_host_port_ipv4(port).await?;
            let id = OsStr::new(container.id());
            let watchdog = Watchdog::that("docker rm -f -v \"$1\"", &[id])?;
            // Dropping it would remove it now.
            std::mem::forget(container);
            Ok(Container {
                port,
                _watchdog: watchdog,
            })
        })
    });
    started
        .join()
        .map_err(|_| "starting a container panicked")?
}
