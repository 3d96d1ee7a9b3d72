//! Redis servers, or what speaks its protocol.

use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::Held;
#[cfg(feature = "containers")]
use super::containers;
use super::program::{Program, Signal, find_program, free_port};

/// The URL of a Redis server that all tests of this process share.
///
/// It has a thousand databases if it was started here. Panics if there is none, and says what to
/// install.
#[allow(clippy::unused_async)]
pub async fn redis() -> String {
    static SHARED: OnceLock<(String, Held<RedisServer>)> = OnceLock::new();
    let (url, _) = SHARED.get_or_init(|| {
        if let Ok(url) = std::env::var("CACHE_REDIS_URL") {
            announce("the server of CACHE_REDIS_URL");
            return (url, Held::Elsewhere);
        }
        #[cfg(feature = "containers")]
        if let Some(image) = containers::wanted("CACHE_REDIS_IMAGE", "redis:8", || find().is_none())
        {
            let server = containers::redis(&image).expect("a container of Redis starts");
            announce(&format!("{image} in a container on port {}", server.port()));
            let url = format!("redis://127.0.0.1:{}", server.port());
            return (url, Held::InContainer(server));
        }
        assert!(
            find().is_some(),
            "{NO_PROGRAM}, or name a running one in CACHE_REDIS_URL"
        );
        let server = RedisServer::start(&[]).expect("a Redis server starts");
        announce(&format!(
            "{} on port {}",
            redis_program().display(),
            server.port()
        ));
        (server.url(), Held::Here(server))
    });
    url.clone()
}

/// The server program of this machine. Panics if there is none, and says what to install.
pub fn redis_program() -> PathBuf {
    find().expect(NO_PROGRAM)
}

fn find() -> Option<PathBuf> {
    find_program(&["redis-server", "valkey-server"], &[])
}

/// A server of a test's own, on a port of its own and without files.
#[derive(Debug)]
pub struct RedisServer {
    program: Option<Program>,
    arguments: Vec<String>,
    port: u16,
}

impl RedisServer {
    /// Starts a server and waits until it answers. `more` are arguments as `redis-server` takes
    /// them, such as `["--maxmemory", "10mb"]`; they win over the defaults.
    ///
    /// # Errors
    ///
    /// If it cannot be started, with what it printed. Panics if the machine has no server program.
    pub fn start(more: &[&str]) -> Result<Self> {
        Self::start_on(free_port()?, more)
    }

    /// As [`start`](RedisServer::start), on this port.
    ///
    /// # Errors
    ///
    /// As [`start`](RedisServer::start).
    pub fn start_on(port: u16, more: &[&str]) -> Result<Self> {
        let port_text = port.to_string();
        let given = ["--port", &port_text];
        let arguments = given.iter().chain(DEFAULTS).chain(more);
        let arguments = arguments.map(|argument| (*argument).to_owned()).collect();
        let mut server = Self {
            program: None,
            arguments,
            port,
        };
        server.restart()?;
        Ok(server)
    }

    /// The address as a URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The program, to stop it or to read its log. Panics between a kill and a restart.
    pub fn program(&self) -> &Program {
        self.program.as_ref().expect("the server runs")
    }

    /// Stops the server as it is.
    ///
    /// # Errors
    ///
    /// If it runs no more.
    pub fn stop(&self) -> Result<()> {
        self.program().signal(Signal::Stop)
    }

    /// Lets a stopped server go on.
    ///
    /// # Errors
    ///
    /// If it runs no more.
    pub fn go_on(&self) -> Result<()> {
        self.program().signal(Signal::Continue)
    }

    /// Kills the server; its entries are gone.
    pub fn kill(&mut self) {
        self.program = None;
    }

    /// Kills the server if it runs, starts it again on the same port and waits for an answer.
    ///
    /// # Errors
    ///
    /// As [`start`](RedisServer::start).
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        let program = Program::start(&redis_program(), &self.arguments, |_| Ok(()))?;
        let until = Instant::now() + PATIENCE;
        while !answers(self.port, program.pid()) {
            if Instant::now() > until {
                return Err(Error::other(format!(
                    "no answer; it printed: {}",
                    program.log()
                )));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.program = Some(program);
        Ok(())
    }
}

/// Whether this process answers there, and not another that took the port first.
fn answers(port: u16, pid: u32) -> bool {
    match ask(port, &["INFO", "server"]) {
        Ok(told) if told.contains("process_id:") => {
            told.lines().any(|line| line == format!("process_id:{pid}"))
        }
        // An error is an answer too: the server may ask for a password.
        answer => answer.is_ok(),
    }
}

/// Sends a command and gives the answer's text: of a status, an error, a number or a value.
///
/// # Errors
///
/// If nobody answers within a second, or with a list.
pub fn ask(port: u16, words: &[&str]) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    match line.trim_end().split_at_checked(1) {
        Some(("+" | "-" | ":", text)) => Ok(text.to_owned()),
        Some(("$", length)) => {
            let length = length.parse().map_err(|_| Error::other("nothing"))?;
            let mut value = vec![0; length];
            reader.read_exact(&mut value)?;
            Ok(String::from_utf8_lossy(&value).into_owned())
        }
        _ => Err(Error::other("no answer of one text")),
    }
}

/// Printed once a process, so that a log shows what the backends were proved on.
fn announce(what: &str) {
    // Past the capture of the test's output; a log that is closed fails no test.
    let _ = writeln!(std::io::stderr(), "tests of Redis use {what}");
}

/// Nothing on disk, only this machine may connect, and many databases, one for each test.
const DEFAULTS: &[&str] = &[
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--databases",
    "1000",
];

const PATIENCE: Duration = Duration::from_secs(20);
const NO_PROGRAM: &str = "no Redis server: install the package redis-server or valkey-server";
