//! Where the store is and how it is kept: what a URL or a program can say, and every default.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use session_core::{ClientOptions, Codec, Namespace, Parameter, Result, StoreUrl};

use crate::error::BACKEND;

/// What a power cut may cost. A process that is killed loses nothing acknowledged with any of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Synchronous {
    /// Never waits for the disk. A power cut may lose much, and may damage the file.
    Off,
    /// Waits for the disk at checkpoints. A power cut may lose the last commits; the file stays
    /// whole.
    #[default]
    Normal,
    /// Waits for the disk at each commit. What was acknowledged stays.
    Full,
}

/// How to open a [`SqliteCache`](crate::SqliteCache).
///
/// Made from a URL by `parse`, or by [`file`](SqliteOptions::file) and
/// [`memory`](SqliteOptions::memory), and completed by its setters.
///
/// ```
/// use cache_sqlite::{SqliteOptions, Synchronous};
///
/// let written: SqliteOptions = "sqlite:///var/lib/app/sessions.db?synchronous=full".parse()?;
/// let built = SqliteOptions::file("/var/lib/app/sessions.db").synchronous(Synchronous::Full);
/// assert_eq!(written, built);
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    pub(crate) location: Location,
    pub(crate) client: ClientOptions,
    pub(crate) table: String,
    pub(crate) synchronous: Synchronous,
    pub(crate) readers: usize,
    pub(crate) page_cache: usize,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) sweep_interval: Duration,
    pub(crate) read_only: bool,
}

/// Where the entries are.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    File(PathBuf),
    Memory,
}

impl SqliteOptions {
    /// Every default in one place.
    fn new(location: Location) -> Self {
        Self {
            location,
            client: ClientOptions::default(),
            table: "cache".to_owned(),
            synchronous: Synchronous::Normal,
            readers: 4,
            page_cache: 8 * 1_024 * 1_024,
            max_bytes: None,
            sweep_interval: Duration::from_secs(1),
            read_only: false,
        }
    }

    /// The names of the URL parameters beside the shared ones.
    const PARAMETERS: &'static [&'static str] = &[
        "synchronous",
        "table",
        "readers",
        "page_cache",
        "max_bytes",
        "sweep_interval_ms",
        "read_only",
    ];

    /// A store in this file, which is made if it is not there; its folder is not.
    ///
    /// A relative path counts from the folder that the process is in when it connects.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::new(Location::File(path.as_ref().to_owned()))
    }

    /// A store in memory, its own for each `connect`, gone with its last clone.
    pub fn memory() -> Self {
        Self::new(Location::Memory)
    }

    /// The table that holds the entries; `cache` by default. Beside it stand the table
    /// `{table}_schema` and the index `{table}_due`. Any name without NUL that does not start
    /// with `sqlite_`; it is always quoted.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// What a power cut may cost; [`Synchronous::Normal`] by default.
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// How many connections read beside each other; 4 by default, at least 1. In memory there is
    /// one connection for all.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers;
        self
    }

    /// How many bytes of pages each connection keeps in memory; 8 MiB by default.
    #[must_use]
    pub fn page_cache(mut self, bytes: usize) -> Self {
        self.page_cache = bytes;
        self
    }

    /// How large the file may become through this client, or the store in memory, in bytes; no
    /// bound by default. A write for which there is no room fails with `Full`. Writes ahead of the
    /// file come on top.
    #[must_use]
    pub fn max_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.max_bytes = bytes.into();
        self
    }

    /// How often expired entries are looked for; each second by default, each millisecond at most.
    #[must_use]
    pub fn sweep_interval(mut self, interval: Duration) -> Self {
        self.sweep_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Whether the file is only read, and neither made nor changed; off by default. Writes fail
    /// with `ReadOnly` then.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// The part of the store that the client sees; the whole of it by default.
    #[must_use]
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.client.namespace = namespace;
        self
    }

    /// How long a call may take, all waiting included; 1 s by default, a day at most, and 100 ms
    /// more for each MiB of value.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.client.timeout = timeout.min(LONGEST_TIMEOUT);
        self
    }

    /// The longest value in bytes; 16 MiB by default.
    #[must_use]
    pub fn max_value_len(mut self, bytes: usize) -> Self {
        self.client.max_value_len = bytes;
        self
    }

    /// How `TypedCache` encodes what it writes; bincode by default.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.client.codec = codec;
        self
    }

    /// Refuses what no store can be opened with.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |message: &str| Err(crate::error::refuse(message));
        if let Location::File(path) = &self.location {
            let bytes = path.as_os_str().as_encoded_bytes();
            if bytes.is_empty() || bytes.contains(&0) {
                return refuse("the path of the file is empty or holds NUL");
            }
        }
        let reserved = self
            .table
            .get(..7)
            .is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"));
        if self.table.is_empty() || self.table.contains('\0') || reserved {
            return refuse(
                "a table's name is not empty, has no NUL and does not start with sqlite_",
            );
        }
        if self.readers == 0 {
            return refuse("at least one connection is needed for reading (readers)");
        }
        Ok(())
    }

    fn set(&mut self, parameter: &Parameter<'_>) -> Result<bool> {
        let size = |least| {
            usize::try_from(parameter.number(least)?)
                .map_err(|_| parameter.refuse("a smaller number"))
        };
        match parameter.name() {
            "synchronous" => self.synchronous = synchronous(parameter)?,
            "table" => self.table = parameter.value().to_owned(),
            "readers" => self.readers = size(1)?,
            "page_cache" => self.page_cache = size(0)?,
            "max_bytes" => self.max_bytes = Some(parameter.number(1)?),
            "sweep_interval_ms" => {
                self.sweep_interval = Duration::from_millis(parameter.number(1)?);
            }
            "read_only" => {
                self.read_only = match parameter.value() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(parameter.refuse("true or false")),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl FromStr for SqliteOptions {
    type Err = session_core::Error;

    /// Takes `sqlite://sessions.db`, `sqlite:///var/lib/sessions.db` or `sqlite::memory:`, with
    /// parameters. A `?`, `#` or `%` in the path is written `%3F`, `%23`, `%25`.
    fn from_str(url: &str) -> Result<Self> {
        let url = StoreUrl::parse(BACKEND, url)?;
        if !url.scheme().eq_ignore_ascii_case("sqlite") {
            return Err(url.refuse("the URL of a SQLite store starts with sqlite:"));
        }
        let mut options = Self::new(location(&url)?);
        let mut client = ClientOptions::default();
        url.apply(&mut client, Self::PARAMETERS, |parameter| {
            options.set(parameter)
        })?;
        options.client = client;
        options.client.timeout = options.client.timeout.min(LONGEST_TIMEOUT);
        options.check()?;
        Ok(options)
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("location", &self.location)
            .field("client", &self.client)
            .field("table", &self.table)
            .field("synchronous", &self.synchronous)
            .field("readers", &self.readers)
            .field("page_cache", &self.page_cache)
            .field("max_bytes", &self.max_bytes)
            .field("sweep_interval", &self.sweep_interval)
            .field("read_only", &self.read_only)
            .finish()
    }
}

impl fmt::Debug for Location {
    /// Leaves the folders out: a log tells nobody how the machine is laid out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{:?}", path.file_name().unwrap_or_default()),
            Self::Memory => f.write_str(MEMORY),
        }
    }
}

fn location(url: &StoreUrl<'_>) -> Result<Location> {
    let address = url.address();
    let address = address.strip_prefix("//").unwrap_or(address);
    if address == MEMORY {
        return Ok(Location::Memory);
    }
    let path = percent_decode_str(address)
        .decode_utf8()
        .map_err(|_| url.refuse("the path in the URL is not UTF-8"))?;
    if path.is_empty() {
        return Err(url.refuse(
            "the URL names no file; it is written sqlite://sessions.db, \
             sqlite:///var/lib/sessions.db or sqlite::memory:",
        ));
    }
    Ok(Location::File(PathBuf::from(path.into_owned())))
}

fn synchronous(parameter: &Parameter<'_>) -> Result<Synchronous> {
    match parameter.value() {
        "off" => Ok(Synchronous::Off),
        "normal" => Ok(Synchronous::Normal),
        "full" => Ok(Synchronous::Full),
        _ => Err(parameter.refuse("off, normal or full")),
    }
}

/// What is longer is as good as for ever, and would overflow clocks.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// How a URL says that there is no file.
const MEMORY: &str = ":memory:";
