//! What a Redis client can be told, and the URLs in which it is told.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use session_core::{ClientOptions, Codec, Error, Namespace, Result, StoreUrl};

use crate::error::BACKEND;

/// Which servers to ask, how to log in, and the options that all backends share.
///
/// Parsed from a URL or made with [`server`](RedisOptions::server) or
/// [`unix`](RedisOptions::unix), then changed by setters. `Debug` shows no password.
///
/// ```
/// use cache_redis::RedisOptions;
///
/// let options: RedisOptions = "redis://app:s%40cret@localhost:6379/2?namespace=shop".parse()?;
/// assert!(!format!("{options:?}").contains("s@cret"));
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone)]
pub struct RedisOptions {
    pub(crate) shared: ClientOptions,
    pub(crate) servers: Servers,
    pub(crate) login: Login,
    pub(crate) database: u32,
    pub(crate) client_name: Option<String>,
    pub(crate) max_in_flight: usize,
    pub(crate) tls: Option<TlsOptions>,
}

/// The servers to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Servers {
    One(Address),
}

/// Where one server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// A user and a password; without a user it is Redis' `default`.
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// What TLS trusts and shows; files are read when the client connects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsOptions {
    pub(crate) ca: Option<PathBuf>,
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

impl RedisOptions {
    /// One server, by host name or IP address.
    ///
    /// The defaults: no login, database 0, no client name, no TLS, at most 1,024 requests in
    /// flight, and those of [`ClientOptions`].
    pub fn server(host: impl Into<String>, port: u16) -> Self {
        Self::new(Servers::One(Address::Tcp {
            host: host.into(),
            port,
        }))
    }

    /// One server on this machine, by the path of its socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::new(Servers::One(Address::Unix(path.into())))
    }

    fn new(servers: Servers) -> Self {
        Self {
            shared: ClientOptions::default(),
            servers,
            login: Login::default(),
            database: 0,
            client_name: None,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            tls: None,
        }
    }

    /// The user of the server's access control list; `default` unless given.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.login.user = Some(user.into());
        self
    }

    /// The password; never shown again.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.login.password = Some(password.into());
        self
    }

    /// The number of the database; 0 unless given.
    #[must_use]
    pub fn database(mut self, database: u32) -> Self {
        self.database = database;
        self
    }

    /// What `CLIENT LIST` shows for the connections of this client; nothing unless given.
    #[must_use]
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_name = Some(name.into());
        self
    }

    /// How many requests may be in flight to one server; 1,024 unless given, at least 1. Calls
    /// beyond it wait, within their time-out.
    #[must_use]
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests.clamp(1, MOST_IN_FLIGHT);
        self
    }

    /// Encrypts, and trusts what the machine trusts. Without the feature `tls` it is refused when
    /// the client connects.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls.get_or_insert_default();
        self
    }

    /// Encrypts, and trusts the certificates in this PEM file and no others.
    #[must_use]
    pub fn tls_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls.get_or_insert_default().ca = Some(file.into());
        self
    }

    /// Encrypts, and shows the server a certificate of the client's own: PEM files of the
    /// certificate chain and of the key.
    #[must_use]
    pub fn tls_identity(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.get_or_insert_default().identity = Some((chain.into(), key.into()));
        self
    }

    /// The part of the database that the client sees; all of it unless given.
    #[must_use]
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.shared.namespace = namespace;
        self
    }

    /// How long a call may take; 1 s unless given. A connection must stand within half of it.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.shared.timeout = timeout;
        self
    }

    /// The longest value in bytes; 16 MiB unless given. Redis itself takes up to 512 MiB.
    #[must_use]
    pub fn max_value_len(mut self, bytes: usize) -> Self {
        self.shared.max_value_len = bytes;
        self
    }

    /// How `TypedCache` encodes what it writes; bincode unless given.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.shared.codec = codec;
        self
    }
}

/// Parameters beside those of [`ClientOptions`].
const PARAMETERS: &[&str] = &["db", "client_name", "max_in_flight", "ca", "cert", "key"];

const DEFAULT_MAX_IN_FLIGHT: usize = 1_024;

/// What the semaphore below can count.
const MOST_IN_FLIGHT: usize = u32::MAX as usize >> 3;

const DEFAULT_PORT: u16 = 6_379;

impl FromStr for RedisOptions {
    type Err = Error;

    /// Takes `redis://[user[:password]@]host[:port][/database]`, the same with `rediss` for TLS,
    /// and `redis+unix://[user[:password]@]/path/of/socket`.
    ///
    /// Parameters: `db`, `client_name`, `max_in_flight`; with TLS `ca` (a PEM file), `cert` and
    /// `key`; and those of [`ClientOptions`]. User, password and path are percent-decoded.
    fn from_str(url: &str) -> Result<Self> {
        let url = StoreUrl::parse(BACKEND, url)?;
        let rest = url
            .address()
            .strip_prefix("//")
            .ok_or_else(|| url.refuse(FORMS))?;
        let (login, place) = match rest
            .split_once('/')
            .unwrap_or((rest, ""))
            .0
            .rsplit_once('@')
        {
            Some((login, _)) => (login_of(&url, login)?, &rest[login.len() + 1..]),
            None => (Login::default(), rest),
        };
        let mut options = match url.scheme() {
            "redis" => one_server(&url, place)?,
            "rediss" => one_server(&url, place)?.tls(),
            "redis+unix" => Self::unix(decode(&url, place)?),
            _ => return Err(url.refuse(FORMS)),
        };
        options.login = login;
        options.take_parameters(&url)?;
        Ok(options)
    }
}

const FORMS: &str = "a Redis URL is redis://[user[:password]@]host[:port][/database], \
    rediss:// for TLS, or redis+unix://[user[:password]@]/path";

impl RedisOptions {
    fn take_parameters(&mut self, url: &StoreUrl<'_>) -> Result<()> {
        let (mut cert, mut key) = (None, None);
        let mut shared = std::mem::take(&mut self.shared);
        let encrypted = self.tls.is_some();
        url.apply(&mut shared, PARAMETERS, |parameter| {
            let value = parameter.value();
            match parameter.name() {
                "db" => {
                    self.database = u32::try_from(parameter.number(0)?)
                        .map_err(|_| parameter.refuse("the number of a database"))?;
                }
                "client_name" => self.client_name = Some(value.to_owned()),
                "max_in_flight" => {
                    let most = usize::try_from(parameter.number(1)?).unwrap_or(usize::MAX);
                    self.max_in_flight = most.min(MOST_IN_FLIGHT);
                }
                "ca" | "cert" | "key" if !encrypted => {
                    return Err(parameter.refuse("a file of TLS, which 'rediss' asks for"));
                }
                "ca" => self.tls.get_or_insert_default().ca = Some(value.into()),
                "cert" => cert = Some(value.into()),
                "key" => key = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        self.shared = shared;
        match (cert, key) {
            (Some(cert), Some(key)) => {
                self.tls.get_or_insert_default().identity = Some((cert, key));
                Ok(())
            }
            (None, None) => Ok(()),
            _ => Err(url.refuse("'cert' and 'key' go together")),
        }
    }
}

fn one_server(url: &StoreUrl<'_>, place: &str) -> Result<RedisOptions> {
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let mut options = RedisOptions::new(Servers::One(host_and_port(url, host, DEFAULT_PORT)?));
    if !path.is_empty() {
        options.database = path
            .parse()
            .map_err(|_| url.refuse("the path of a Redis URL is the number of a database"))?;
    }
    Ok(options)
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`.
fn host_and_port(url: &StoreUrl<'_>, text: &str, default_port: u16) -> Result<Address> {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0),
        None => Some(default_port),
    };
    match port {
        Some(port) if !host.is_empty() => Ok(Address::Tcp {
            host: decode(url, host)?,
            port,
        }),
        _ => Err(url.refuse("a server in a Redis URL is host, host:port or [IPv6]:port")),
    }
}

/// `user:password`, `:password` or `user`.
fn login_of(url: &StoreUrl<'_>, text: &str) -> Result<Login> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |text: &str| -> Result<Option<String>> {
        if text.is_empty() {
            Ok(None)
        } else {
            decode(url, text).map(Some)
        }
    };
    Ok(Login {
        user: decoded(user)?,
        password: decoded(password)?,
    })
}

fn decode(url: &StoreUrl<'_>, text: &str) -> Result<String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(url.refuse("a part of the URL is not UTF-8")),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.password.is_some() {
            "Login(..)"
        } else {
            "None"
        })
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("servers", &self.servers)
            .field("login", &self.login)
            .field("database", &self.database)
            .field("client_name", &self.client_name)
            .field("max_in_flight", &self.max_in_flight)
            .field("tls", &self.tls)
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
