//! PostgreSQL servers.

use std::fs;
use std::io::{Error, Result, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::Held;
#[cfg(feature = "containers")]
use super::containers;
use super::program::{Signal, find_program, free_port, new_folder};
use super::watchdog::Watchdog;

/// The URL of a database that all tests of this process share; each test takes a schema of its own.
///
/// Panics if there is no server, and says what to install.
#[allow(clippy::unused_async)]
pub async fn postgres() -> String {
    static SHARED: OnceLock<(String, Held<PostgresServer>)> = OnceLock::new();
    let (url, _) = SHARED.get_or_init(|| {
        if let Ok(url) = std::env::var("CACHE_POSTGRES_URL") {
            announce("the server of CACHE_POSTGRES_URL");
            return (url, Held::Elsewhere);
        }
        #[cfg(feature = "containers")]
        if let Some(image) =
            containers::wanted("CACHE_POSTGRES_IMAGE", "postgres:17", || find().is_none())
        {
            let server = containers::postgres(&image).expect("a container of PostgreSQL starts");
            announce(&format!("{image} in a container on port {}", server.port()));
            let url = format!(
                "postgres://postgres:postgres@127.0.0.1:{}/postgres",
                server.port()
            );
            return (url, Held::InContainer(server));
        }
        assert!(
            find().is_some(),
            "{NO_PROGRAM}, or name a running one in CACHE_POSTGRES_URL"
        );
        let server = PostgresServer::start(&[]).expect("a PostgreSQL server starts");
        announce(&format!("{} on port {}", server.version(), server.port()));
        (server.url(), Held::Here(server))
    });
    url.clone()
}

/// A server of a test's own, in a temporary folder that goes with it.
///
/// It outlives neither this value nor the process.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<User>,
    port: u16,
    settings: Vec<String>,
    server: Option<Child>,
    /// Kills what [`Drop`] could not, and removes the folder.
    _watchdog: Watchdog,
}

/// Whom the server runs as: PostgreSQL refuses to be root.
#[derive(Clone, Copy, Debug)]
struct User {
    id: u32,
    group: u32,
}

impl PostgresServer {
    /// Makes a database cluster, starts a server on it and waits until it takes connections.
    ///
    /// `settings` are lines of `postgresql.conf`, such as `max_connections = 20`; they win over
    /// the defaults. The superuser `postgres` logs in without a password.
    ///
    /// # Errors
    ///
    /// If it cannot be started, with what it printed. Panics if the machine has no PostgreSQL.
    pub fn start(settings: &[&str]) -> Result<Self> {
        let programs = programs();
        let folder = new_folder()?;
        let user = server_user(&folder)?;
        if let Some(user) = user {
            chown(&folder, Some(user.id), Some(user.group))?;
        }
        let watchdog = Watchdog::that(CLEAN_UP, &[folder.as_os_str()])?;
        let mut server = Self {
            programs,
            folder,
            user,
            port: free_port()?,
            settings: DEFAULTS
                .iter()
                .chain(settings)
                .map(|line| (*line).to_owned())
                .collect(),
            server: None,
            _watchdog: watchdog,
        };
        server.run("initdb", INITDB)?;
        server.restart()?;
        Ok(server)
    }

    /// The URL of its database, without parameters.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the cluster lies, `data` below it; files that the server is to read go here.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives a file to the user that the server runs as, readable by nobody else.
    ///
    /// # Errors
    ///
    /// What the operating system gives.
    pub fn give(&self, file: &Path) -> Result<()> {
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
        match self.user {
            Some(user) => chown(file, Some(user.id), Some(user.group)),
            None => Ok(()),
        }
    }

    /// Stops the server and all that serve its connections, as they are: connections stay open
    /// and nothing answers.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn stop(&self) -> Result<()> {
        // The parent first, so that it has no more children afterwards.
        self.signal(Signal::Stop)
    }

    /// Lets a stopped server go on.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn go_on(&self) -> Result<()> {
        self.signal(Signal::Continue)
    }

    /// Kills the server and all that serve its connections at once, as a crash does.
    pub fn kill(&mut self) {
        // Those that are gone already need no signal.
        let _ = self.signal(Signal::Kill);
        if let Some(mut server) = self.server.take() {
            let _ = server.wait();
        }
    }

    /// Kills the server if it runs, starts it again on the same port and data, and waits until it
    /// takes connections.
    ///
    /// # Errors
    ///
    /// As [`start`](PostgresServer::start).
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let settings = self.settings.join("\n");
        fs::write(
            self.folder.join("data/postgresql.auto.conf"),
            format!(
                "port = {}\nunix_socket_directories = ''\n{settings}\n",
                self.port
            ),
        )?;
        let until = Instant::now() + PATIENCE;
        loop {
            let mut server = self.command("postgres", &["-D", "data"])?.spawn()?;
            while server.try_wait()?.is_none() {
                if self.takes_connections(server.id()) {
                    self.server = Some(server);
                    return Ok(());
                }
                if Instant::now() > until {
                    server.kill()?;
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            // The children of a killed server hold its shared memory for a moment longer.
            if Instant::now() > until {
                return Err(Error::other(format!("it does not start: {}", self.log())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Changes settings; they count after the next [`restart`](PostgresServer::restart).
    pub fn set(&mut self, settings: &[&str]) {
        self.settings
            .extend(settings.iter().map(|line| (*line).to_owned()));
    }

    /// Makes a standby of this server from a copy of its data, on a port of its own. It follows
    /// this server until [`promote`](PostgresServer::promote).
    ///
    /// # Errors
    ///
    /// As [`start`](PostgresServer::start).
    pub fn standby(&self) -> Result<Self> {
        let mut standby = Self::start(&[])?;
        standby.kill();
        fs::remove_dir_all(standby.folder.join("data"))?;
        let from = self.port.to_string();
        standby.run(
            "pg_basebackup",
            &[
                "-h",
                "127.0.0.1",
                "-p",
                &from,
                "-U",
                "postgres",
                "-D",
                "data",
                "-R",
                "-c",
                "fast",
            ],
        )?;
        let followed = format!("primary_conninfo = 'host=127.0.0.1 port={from} user=postgres'");
        standby.set(&[&followed]);
        standby.restart()?;
        Ok(standby)
    }

    /// Makes a standby a server that takes writes.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn promote(&self) -> Result<()> {
        self.run("pg_ctl", &["-D", "data", "-w", "promote"])
    }

    fn version(&self) -> String {
        let output = Command::new(self.programs.join("postgres"))
            .arg("--version")
            .output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        text.unwrap_or_default()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        match self.command(program, arguments)?.status()?.success() {
            true => Ok(()),
            false => Err(Error::other(format!("{program} failed: {}", self.log()))),
        }
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Result<Command> {
        let log = self.folder.join("log");
        let log = fs::File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(self.programs.join(program));
        command
            .args(arguments)
            .current_dir(&self.folder)
            // Settings of who runs the tests are not the server's.
            .env_clear()
            .env("PATH", &self.programs)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        if let Some(user) = self.user {
            command.uid(user.id).gid(user.group);
        }
        Ok(command)
    }

    /// Its own word that it does; a connection would be one more for a test that counts them. The
    /// file of a server that was killed stays behind.
    fn takes_connections(&self, pid: u32) -> bool {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        let lines: Vec<&str> = file.lines().map(str::trim).collect();
        lines.first() == Some(&pid.to_string().as_str())
            && matches!(lines.get(7), Some(&("ready" | "standby")))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let parent = self
            .server
            .as_ref()
            .ok_or_else(|| Error::other("it does not run"))?
            .id();
        let name = match signal {
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
            Signal::Terminate => "-TERM",
            Signal::Kill => "-KILL",
        };
        let send = |pid: u32| {
            let pid = pid.to_string();
            Command::new("kill")
                .args([name, &pid])
                .stderr(Stdio::null())
                .status()
        };
        // A killed parent has no children any more, and those that are stopped would stay.
        let before = children(parent);
        send(parent)?;
        for child in before.into_iter().chain(children(parent)) {
            // It may have ended meanwhile.
            let _ = send(child);
        }
        Ok(())
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills the server with its children, and removes the folder.
const CLEAN_UP: &str = r#"
folder=$1
pid=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
    kill -KILL "$pid" $(cat "/proc/$pid/task/$pid/children" 2>/dev/null) 2>/dev/null
fi
rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
"#;

const INITDB: &[&str] = &[
    "-D",
    "data",
    "-U",
    "postgres",
    "-A",
    "trust",
    "-E",
    "UTF8",
    "--locale=C",
    "--no-sync",
];

/// Quick rather than safe, since no test pulls the plug of the machine; enough connections for all
/// tests at once.
const DEFAULTS: &[&str] = &[
    "listen_addresses = '127.0.0.1'",
    "max_connections = 300",
    "shared_buffers = 64MB",
    "fsync = off",
    "full_page_writes = off",
    "autovacuum_naptime = 10s",
];

const PATIENCE: Duration = Duration::from_secs(30);
const NO_PROGRAM: &str = "no PostgreSQL server: install the package postgresql";

/// The folder of the newest PostgreSQL's programs. Panics if there is none, and says what to
/// install.
fn programs() -> PathBuf {
    let server = find().expect(NO_PROGRAM);
    // What stands in `PATH` may be a link to where all of them are.
    let server = server.canonicalize().unwrap_or(server);
    server.parent().map(Path::to_owned).unwrap_or_default()
}

fn find() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    versions.sort_by_key(|path| {
        let name = path.parent().and_then(Path::file_name);
        std::cmp::Reverse(name.and_then(|name| name.to_str()?.parse::<u32>().ok()))
    });
    find_program(&["postgres"], &versions)
}

/// Who is to run the server if the tests are run by root.
fn server_user(own_folder: &Path) -> Result<Option<User>> {
    if fs::metadata(own_folder)?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line
            .split(':')
            .skip(2)
            .map_while(|field| field.parse().ok());
        Some(User {
            id: numbers.next()?,
            group: numbers.next()?,
        })
    };
    let user = find("postgres").or_else(|| find("nobody"));
    user.map(Some)
        .ok_or_else(|| Error::other("root needs a user postgres or nobody"))
}

fn children(parent: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    list.unwrap_or_default()
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// Printed once a process, so that a log shows what the backend was proved on.
fn announce(what: &str) {
    // Past the capture of the test's output; a log that is closed fails no test.
    let _ = writeln!(std::io::stderr(), "tests of PostgreSQL use {what}");
}
