//! The second process: started with a wrong clock, and what it knows of its part.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::entries::truly_now;

/// The clock of a second process.
#[derive(Debug)]
pub(super) struct Clock {
    name: &'static str,
    minutes: i64,
    zone: &'static str,
    jumps: bool,
}

impl Clock {
    /// Minutes ahead of the true one, in a time zone.
    pub(super) const fn off(name: &'static str, minutes: i64, zone: &'static str) -> Self {
        Self {
            name,
            minutes,
            zone,
            jumps: false,
        }
    }

    /// A true one that starts to jump.
    pub(super) const fn jumping(name: &'static str) -> Self {
        Self {
            name,
            minutes: 0,
            zone: "UTC0",
            jumps: true,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn minutes(&self) -> i64 {
        self.minutes
    }
}

/// The part of this process, as the first one put it into the environment.
#[derive(Debug)]
pub(super) struct Role {
    name: String,
    minutes: i64,
    /// Milliseconds since 1970 when it was started, by the true clock.
    started_ms: u64,
}

impl Role {
    /// `None` in a first process.
    pub(super) fn of_this_process() -> Option<Self> {
        let name = std::env::var(NAME).ok()?;
        let number = |variable| std::env::var(variable).expect("the first process says it");
        let role = Self {
            name,
            minutes: number(MINUTES).parse().expect("minutes"),
            started_ms: number(STARTED).parse().expect("milliseconds"),
        };
        role.must_be_off_by(role.minutes);
        Some(role)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn minutes(&self) -> i64 {
        self.minutes
    }

    pub(super) fn address(&self) -> String {
        std::env::var(ADDRESS).unwrap_or_default()
    }

    /// What sets the clock of this process, if it is to jump.
    pub(super) fn timestamp(&self) -> Option<Timestamp> {
        std::env::var_os(TIMESTAMP).map(|file| Timestamp { file: file.into() })
    }

    /// A clock that stayed true would prove nothing.
    pub(super) fn must_be_off_by(&self, minutes: i64) {
        let started = UNIX_EPOCH + Duration::from_millis(self.started_ms);
        let since = truly_now(minutes).duration_since(started);
        // It started a moment ago, and no hour.
        assert!(
            since.as_ref().is_ok_and(|since| since.as_secs() < 600),
            "expected a clock {minutes} minutes ahead; by it the process started {since:?} ago"
        );
    }
}

/// A file that libfaketime reads whenever this process asks for the time.
#[derive(Debug)]
pub(super) struct Timestamp {
    file: PathBuf,
}

impl Timestamp {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Relaxed));
        let name = format!("conformance-clock-{process}-{number}");
        let timestamp = Self {
            file: std::env::temp_dir().join(name),
        };
        timestamp.set(0);
        timestamp
    }

    /// Sets the clock minutes ahead of the true one.
    pub(super) fn set(&self, minutes: i64) {
        // In one step, so that no thread reads half of it.
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{:+}\n", minutes * 60)).expect("the clock can be set");
        std::fs::rename(&next, &self.file).expect("the clock can be set");
    }
}

/// Runs the test in a second process with this clock; panics if it fails or does not take its turn.
pub(super) async fn run(test: &'static str, address: &str, clock: &Clock) {
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let started = started.expect("a time after 1970").as_millis();
    let timestamp = clock.jumps.then(Timestamp::new);
    let mut command = Command::new(std::env::current_exe().expect("the binary of the tests"));
    command
        .args(["--exact", test, "--nocapture"])
        .env(NAME, clock.name)
        .env(MINUTES, clock.minutes.to_string())
        .env(STARTED, started.to_string())
        .env(ADDRESS, address)
        .env("TZ", clock.zone)
        .env("LD_PRELOAD", library())
        // Time-outs and pauses go on as on a host whose time is set.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("DONT_FAKE_MONOTONIC", "1")
        .env("FAKETIME_NO_CACHE", "1")
        .env("NO_FAKE_STAT", "1")
        .stdin(Stdio::null());
    match &timestamp {
        Some(timestamp) => command
            .env_remove("FAKETIME")
            .env(TIMESTAMP, &timestamp.file),
        None => command
            .env_remove(TIMESTAMP)
            .env("FAKETIME", format!("{:+}", clock.minutes * 60)),
    };
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    if let Some(timestamp) = timestamp {
        let _ = std::fs::remove_file(timestamp.file);
    }
    let output = output.expect("a thread that waits").expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    let name = clock.name;
    assert!(
        output.status.success(),
        "the process with the clock {name} failed:\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains(DONE),
        "the second process did not take its turn; is {test:?} the full name of the test?\n{said}"
    );
}

/// Tells the first process that all was done.
pub(super) fn tell_done() {
    // Past the capture of the test's output.
    let _ = writeln!(std::io::stdout(), "\n{DONE}");
}

/// Where the packages of Debian, Fedora, Arch and others have it.
fn library() -> PathBuf {
    let debian = std::fs::read_dir("/usr/lib").into_iter().flatten();
    let debian = debian.filter_map(|entry| Some(entry.ok()?.path()));
    let folders = ["/usr/lib", "/usr/lib64"];
    folders
        .into_iter()
        .map(PathBuf::from)
        .chain(debian)
        // The build for programs with threads.
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|file| file.is_file())
        .expect("no libfaketime: install the package libfaketime")
}

const NAME: &str = "CONFORMANCE_CLOCK";
const MINUTES: &str = "CONFORMANCE_CLOCK_MINUTES";
const STARTED: &str = "CONFORMANCE_CLOCK_STARTED";
const ADDRESS: &str = "CONFORMANCE_CLOCK_ADDRESS";
const TIMESTAMP: &str = "FAKETIME_TIMESTAMP_FILE";
const DONE: &str = "the second process is done";
