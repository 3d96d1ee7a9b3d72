//! The whole suite once more through PgBouncer in transaction mode, where each statement may meet
//! another connection.
//!
//! PgBouncer stands before a server of its own, because one that the environment names need not let
//! it in. Without PgBouncer the cases fail and say what to install.

use std::fs;
use std::io::Result as IoResult;
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_postgres::{PostgresCache, PostgresOptions};
use conformance_tests::servers::{PostgresServer, Program, find_program, free_port};
use conformance_tests::{Client, Harness, Profile, Reopen, Share, async_trait};
use session_core::Result;

use crate::database::Database;

struct BouncerHarness {
    cache: PostgresCache,
    database: Database,
}

fn options(database: &Database) -> PostgresOptions {
    let options = database.patient_options().pgbouncer(true);
    options.port(Bouncer::shared().port)
}

impl BouncerHarness {
    async fn on(database: Database) -> Self {
        let cache = PostgresCache::connect_with(options(&database))
            .await
            .unwrap();
        database.refuse_late_looks().await;
        Self { cache, database }
    }
}

#[async_trait]
impl Harness for BouncerHarness {
    const PROFILE: Profile = Profile::new().moves_time();

    async fn fresh() -> Self {
        let server = &Bouncer::shared().server;
        Self::on(Database::on(server.url())).await
    }

    fn cache(&self) -> Client {
        Arc::new(self.cache.clone())
    }

    async fn pass(&self, by: Duration) {
        self.database.age(by).await;
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        let options = options(&self.database).namespace(path.parse()?);
        Ok(Arc::new(PostgresCache::connect_with(options).await?))
    }
}

#[async_trait]
impl Reopen for BouncerHarness {
    async fn reopen(self) -> Self {
        let Self { cache, database } = self;
        drop(cache);
        Self::on(database).await
    }
}

#[async_trait]
impl Share for BouncerHarness {
    async fn another(&self) -> Client {
        Arc::new(
            PostgresCache::connect_with(options(&self.database))
                .await
                .unwrap(),
        )
    }
}

conformance_tests::conformance_tests!(BouncerHarness, probation: deny, lacking: {
    networked: "faults are those of the suite without PgBouncer, which has time-outs of its own",
    outage: "PgBouncer is shared by the cases",
});

/// A PgBouncer and the server behind it.
struct Bouncer {
    port: u16,
    server: PostgresServer,
    /// Held, not asked.
    _program: Program,
}

impl Bouncer {
    /// The one that all cases share. Panics if there is no PgBouncer, and says what to install.
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Bouncer> = OnceLock::new();
        SHARED.get_or_init(|| {
            let program = find_program(&["pgbouncer"], &["/usr/sbin".into()])
                .expect("no PgBouncer: install the package pgbouncer");
            let server = PostgresServer::start(&[]).unwrap();
            let (port, running) = start(&program, server.port()).unwrap();
            Self {
                port,
                server,
                _program: running,
            }
        })
    }
}

fn start(program: &Path, server_port: u16) -> IoResult<(u16, Program)> {
    let port = free_port()?;
    let settings = format!(
        "[databases]
         * = host=127.0.0.1 port={server_port} user=postgres
         [pgbouncer]
         listen_addr = 127.0.0.1
         listen_port = {port}
         unix_socket_dir =
         auth_type = any
         pool_mode = transaction
         default_pool_size = 40
         max_client_conn = 1000"
    );
    let mut lines = String::new();
    settings
        .lines()
        .for_each(|line| lines.extend([line.trim(), "\n"]));
    let start = |program: &Path, arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        Program::start(program, &arguments, |folder| {
            fs::write(folder.join("settings.ini"), &lines)?;
            if fs::metadata(folder)?.uid() == 0 {
                chown(folder, Some(NOBODY), Some(NOBODY))?;
            }
            Ok(())
        })
    };
    // It refuses to be root, as PostgreSQL does.
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    let running = match is_root {
        true => {
            let setpriv =
                find_program(&["setpriv"], &[]).unwrap_or_else(|| PathBuf::from("setpriv"));
            let nobody = NOBODY.to_string();
            let program = program.to_string_lossy();
            start(
                &setpriv,
                &[
                    "--reuid",
                    &nobody,
                    "--regid",
                    &nobody,
                    "--clear-groups",
                    &program,
                    "settings.ini",
                ],
            )?
        }
        false => start(program, &["settings.ini"])?,
    };
    for _ in 0..1_000 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok((port, running));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("PgBouncer does not listen: {}", running.log());
}

const NOBODY: u32 = 65_534;
