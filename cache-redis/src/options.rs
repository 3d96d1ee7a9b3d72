//! What a Redis client can be told.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use session_core::{ClientOptions, Codec, Namespace};

/// Which servers to ask, how to log in, and the options that all backends share.
///
/// Parsed from a URL or made with [`server`](RedisOptions::server), [`unix`](RedisOptions::unix),
/// [`cluster`](RedisOptions::cluster) or [`sentinel`](RedisOptions::sentinel), then changed by
/// setters. `Debug` shows no password.
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
    pub(crate) sentinel_login: Login,
    pub(crate) database: u32,
    pub(crate) client_name: Option<String>,
    pub(crate) max_in_flight: usize,
    pub(crate) tls: Option<TlsOptions>,
}

/// The servers to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Servers {
    One(Address),
    Cluster(Vec<Address>),
    Service {
        sentinels: Vec<Address>,
        name: String,
    },
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

    /// A Redis Cluster, by some of its servers; they tell the others.
    pub fn cluster<H: Into<String>>(seeds: impl IntoIterator<Item = (H, u16)>) -> Self {
        Self::new(Servers::Cluster(addresses(seeds)))
    }

    /// The primary of a service, by the Sentinels that watch it and the name that they give it.
    pub fn sentinel<H: Into<String>>(
        sentinels: impl IntoIterator<Item = (H, u16)>,
        service: impl Into<String>,
    ) -> Self {
        let (sentinels, name) = (addresses(sentinels), service.into());
        Self::new(Servers::Service { sentinels, name })
    }

    pub(crate) fn new(servers: Servers) -> Self {
        Self {
            shared: ClientOptions::default(),
            servers,
            login: Login::default(),
            sentinel_login: Login::default(),
            database: 0,
            client_name: None,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            tls: None,
        }
    }

    /// The user of the server's access control list; `default` unless given. Without a password it
    /// logs in with an empty one, which is right for a user who has none.
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

    /// User and password of the Sentinels, if they ask for any; `user` may be empty.
    #[must_use]
    pub fn sentinel_login(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        let user = Some(user.into()).filter(|user| !user.is_empty());
        self.sentinel_login = Login {
            user,
            password: Some(password.into()),
        };
        self
    }

    /// The number of the database; 0 unless given, and nothing else on a cluster.
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

    /// What does not fit together, as a clause for people.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match &self.servers {
            Servers::Cluster(_) if self.database != 0 => Err("a cluster has database 0 only"),
            Servers::Cluster(seeds) if seeds.is_empty() => Err("a cluster needs a server to ask"),
            Servers::Service { sentinels, .. } if sentinels.is_empty() => {
                Err("a service needs a Sentinel to ask")
            }
            Servers::Service { name, .. } if name.is_empty() => {
                Err("a Sentinel URL ends in the name of the service")
            }
            _ => Ok(()),
        }
    }
}

fn addresses<H: Into<String>>(servers: impl IntoIterator<Item = (H, u16)>) -> Vec<Address> {
    let address = |(host, port): (H, u16)| Address::Tcp {
        host: host.into(),
        port,
    };
    servers.into_iter().map(address).collect()
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

const DEFAULT_MAX_IN_FLIGHT: usize = 1_024;

/// What the semaphore below can count.
pub(crate) const MOST_IN_FLIGHT: usize = u32::MAX as usize >> 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// All of the options, what `Debug` hides too.
    fn all(options: &RedisOptions) -> String {
        let secrets = [&options.login, &options.sentinel_login]
            .map(|Login { user, password }| (user, password));
        format!("{options:?} {secrets:?}")
    }

    #[test]
    fn every_setter_can_be_said_in_a_url() {
        let shared = |options: RedisOptions| {
            let options = options
                .user("u")
                .password("p")
                .namespace("a:b".parse().unwrap());
            let options = options.timeout(Duration::from_millis(7)).max_value_len(9);
            options.codec(Codec::Json).client_name("n").max_in_flight(3)
        };
        let said =
            "namespace=a:b&timeout_ms=7&max_value_len=9&codec=json&client_name=n&max_in_flight=3";
        for (address, built) in [
            (
                "rediss://u:p@h:1/2?ca=c&cert=d&key=e",
                RedisOptions::server("h", 1)
                    .database(2)
                    .tls()
                    .tls_ca("c")
                    .tls_identity("d", "e"),
            ),
            (
                "redis+unix://u:p@/s?db=2",
                RedisOptions::unix("/s").database(2),
            ),
            (
                "rediss+cluster://u:p@h:1,i:2?",
                RedisOptions::cluster([("h", 1), ("i", 2)]).tls(),
            ),
            (
                "redis+sentinel://u:p@h:1,i:2/s?sentinel_user=v&sentinel_password=q",
                RedisOptions::sentinel([("h", 1), ("i", 2)], "s").sentinel_login("v", "q"),
            ),
        ] {
            let url = format!("{address}&{said}");
            assert_eq!(all(&url.parse().unwrap()), all(&shared(built)));
        }
    }

    #[test]
    fn a_sentinel_may_ask_for_a_password_alone() {
        let options = RedisOptions::sentinel([("h", 1)], "s").sentinel_login("", "q");
        assert_eq!(options.sentinel_login.user, None);
    }

    #[test]
    fn what_is_in_flight_stays_within_what_can_be_counted() {
        let most = |requests| {
            RedisOptions::unix("/s")
                .max_in_flight(requests)
                .max_in_flight
        };
        assert_eq!((most(0), most(usize::MAX)), (1, MOST_IN_FLIGHT));
    }
}
