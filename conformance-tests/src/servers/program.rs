//! A program that ends with the tests.

use std::ffi::OsStr;
use std::io::{Error, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::watchdog::Watchdog;

/// A server program in a temporary folder of its own. Dropping it kills it and removes the folder.
#[derive(Debug)]
pub struct Program {
    /// Kills the server when it is dropped, and waits for that, so that the port is free.
    _watchdog: Watchdog,
    pid: u32,
    folder: PathBuf,
}

/// What a test does to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Stops it as it is: connections stay open and nothing answers.
    Stop,
    /// Lets it go on.
    Continue,
    /// Asks it to end.
    Terminate,
    /// Ends it at once.
    Kill,
}

impl Program {
    /// Starts a program in a new folder, which is its working directory. What it prints goes to
    /// the file `log` there.
    ///
    /// `prepare` may put files into the folder first.
    ///
    /// # Errors
    ///
    /// What the operating system gives if it cannot be started.
    pub fn start(
        program: &Path,
        arguments: &[String],
        prepare: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Self> {
        let folder = new_folder()?;
        prepare(&folder)?;
        let mut words: Vec<&OsStr> = vec![folder.as_os_str(), program.as_os_str()];
        words.extend(arguments.iter().map(OsStr::new));
        let (watchdog, pid) = Watchdog::after(START, KILL, &words)?;
        let pid = pid.parse();
        Ok(Self {
            _watchdog: watchdog,
            pid: pid.map_err(|_| Error::other("the watchdog gave no pid"))?,
            folder,
        })
    }

    /// The folder in which it runs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// If the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let name = match signal {
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
            Signal::Terminate => "-TERM",
            Signal::Kill => "-KILL",
        };
        let status = Command::new("kill")
            .args([name, &self.pid.to_string()])
            .stderr(Stdio::null())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::other("no such process"))
        }
    }
}

/// Starts the program in the folder and tells its process id.
const START: &str = r#"
folder=$1; shift
cd "$folder" || exit
"$@" </dev/null >log 2>&1 &
echo $!
"#;

const KILL: &str = r#"
kill -KILL $! 2>/dev/null
wait
cd / && rm -rf "$folder"
"#;

/// A folder below the system's temporary one that only this user can enter.
pub(super) fn new_folder() -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        "cache-test-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Relaxed)
    );
    let folder = std::env::temp_dir().join(name);
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// The first of these programs that stands in `PATH` or in one of `folders`.
pub fn find_program(names: &[&str], folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(folders.iter().cloned())
        .collect();
    names
        .iter()
        .flat_map(|name| places.iter().map(move |place| place.join(name)))
        .find(|file| file.is_file())
}

/// A port of the loopback interface that nobody listens on at the moment.
///
/// # Errors
///
/// If there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
