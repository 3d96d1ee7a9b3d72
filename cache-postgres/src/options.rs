//! What the client can be told, and the URL in which it is told.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use session_core::{
    ClientOptions, Codec, Error, ErrorKind, Namespace, Parameter, Result, StoreUrl,
};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::error::BACKEND;
use crate::schema::Table;
use crate::statement::Protocol;

/// The options of a [`PostgresCache`](crate::PostgresCache).
///
/// Made by [`new`](Self::new) or from a URL, `postgres://user:password@host:5432/database` with
/// the parameters below; user, password, host and database are percent-encoded where they must be.
/// The parameters that all backends share are `namespace`, `timeout_ms`, `max_value_len` and
/// `codec`.
///
/// | URL parameter | setter | default |
/// | --- | --- | --- |
/// | (user in the URL) | [`user`](Self::user) | `postgres` |
/// | (password in the URL) | [`password`](Self::password) | none |
/// | (host in the URL), `host=/run/postgresql` for a socket's folder | [`host`](Self::host) | `localhost` |
/// | (port in the URL) | [`port`](Self::port) | 5432 |
/// | (path of the URL) | [`database`](Self::database) | the user's name |
/// | `sslmode=verify-full` | [`tls_mode`](Self::tls_mode) | `prefer` |
/// | `sslrootcert=/path/ca.pem` | [`tls_root_cert`](Self::tls_root_cert) | the roots of the web |
/// | `sslcert`, `sslkey` | [`tls_client_cert`](Self::tls_client_cert) | none |
/// | `application_name` | [`application_name`](Self::application_name) | `session-cache` |
/// | `schema` | [`schema`](Self::schema) | `public` |
/// | `table` | [`table`](Self::table) | `cache_entries` |
/// | `unlogged=true` | [`unlogged`](Self::unlogged) | `false` |
/// | `synchronous_commit=off` | [`synchronous_commit`](Self::synchronous_commit) | the server's |
/// | `max_connections` | [`max_connections`](Self::max_connections) | 8 |
/// | `pgbouncer=true` | [`pgbouncer`](Self::pgbouncer) | `false` |
/// | `sweep_seconds=60`, 0 for never | [`sweep_every`](Self::sweep_every) | 60 s |
/// | `environment=true` | [`environment`](Self::environment) | `false` |
///
/// ```
/// use cache_postgres::PostgresOptions;
///
/// let options: PostgresOptions =
///     "postgres://web:s3cret@db.example/app?sslmode=verify-full&table=sessions".parse()?;
/// assert!(!format!("{options:?}").contains("s3cret"));
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone)]
pub struct PostgresOptions {
    pub(crate) shared: ClientOptions,
    server: Server,
    tls_mode: Option<TlsMode>,
    tls_root_cert: Option<PathBuf>,
    tls_client_cert: Option<(PathBuf, PathBuf)>,
    application_name: String,
    schema: String,
    table: String,
    pub(crate) unlogged: bool,
    synchronous_commit: Option<SynchronousCommit>,
    pub(crate) max_connections: usize,
    pgbouncer: bool,
    pub(crate) sweep_every: Option<Duration>,
    environment: bool,
}

/// What the URL or the setters said of the server; the rest is the default or the environment's.
#[derive(Clone, Default)]
struct Server {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
}

/// How connections are encrypted and how the server proves who it is, by libpq's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsMode {
    /// Never.
    Disable,
    /// If the server offers it, whoever the server is.
    Prefer,
    /// Always, whoever the server is.
    Require,
    /// Always, with a certificate of a known authority.
    VerifyCa,
    /// Always, with a certificate of a known authority for the host's name.
    VerifyFull,
}

/// When the server answers that a write is done: its setting `synchronous_commit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SynchronousCommit {
    /// Before it is on disk: a crash of the server may cost the last moments (three times
    /// `wal_writer_delay`, 0.6 s by default), and never the table.
    Off,
    /// When it is on the server's own disk.
    Local,
    /// When synchronous standbys have received it.
    RemoteWrite,
    /// When it is on the disks of the synchronous standbys too.
    On,
    /// When the synchronous standbys show it to readers.
    RemoteApply,
}

const OWN_PARAMETERS: &[&str] = &[
    "host",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "application_name",
    "schema",
    "table",
    "unlogged",
    "synchronous_commit",
    "max_connections",
    "pgbouncer",
    "sweep_seconds",
    "environment",
];

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            shared: ClientOptions::default(),
            server: Server::default(),
            tls_mode: None,
            tls_root_cert: None,
            tls_client_cert: None,
            application_name: "session-cache".to_owned(),
            schema: "public".to_owned(),
            table: "cache_entries".to_owned(),
            unlogged: false,
            synchronous_commit: None,
            max_connections: 8,
            pgbouncer: false,
            sweep_every: Some(Duration::from_secs(60)),
            environment: false,
        }
    }
}

impl PostgresOptions {
    /// The defaults: user `postgres` on `localhost`, table `public.cache_entries`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sees only the part of the table that this namespace names.
    #[must_use]
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.shared.namespace = namespace;
        self
    }

    /// How long a call may take, all waiting included; 100 ms more for each MiB that is sent.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.shared.timeout = timeout;
        self
    }

    /// The longest value in bytes.
    #[must_use]
    pub fn max_value_len(mut self, bytes: usize) -> Self {
        self.shared.max_value_len = bytes;
        self
    }

    /// How `TypedCache` encodes what it writes.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.shared.codec = codec;
        self
    }

    /// The server's name or address, or the folder of its socket if it begins with a slash.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.server.host = Some(host.into());
        self
    }

    /// The server's port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.server.port = Some(port);
        self
    }

    /// The role to log in as.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.server.user = Some(user.into());
        self
    }

    /// The role's password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.server.password = Some(password.into());
        self
    }

    /// The database; its name is the role's unless it is said.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.server.database = Some(database.into());
        self
    }

    /// How connections are encrypted.
    #[must_use]
    pub fn tls_mode(mut self, mode: TlsMode) -> Self {
        self.tls_mode = Some(mode);
        self
    }

    /// A file with the certificates (PEM) of the authorities that may vouch for the server.
    #[must_use]
    pub fn tls_root_cert(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls_root_cert = Some(path.into());
        self
    }

    /// The files with the certificate and the key (PEM) with which this client proves who it is.
    #[must_use]
    pub fn tls_client_cert(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls_client_cert = Some((cert.into(), key.into()));
        self
    }

    /// The name under which `pg_stat_activity` shows the connections.
    #[must_use]
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = name.into();
        self
    }

    /// The schema that holds the table. Any name; it is quoted.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// The table, at most 54 bytes. Any name; it is quoted.
    #[must_use]
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.table = table.into();
        self
    }

    /// Whether the table is made `UNLOGGED`: writes cost about half, and after a crash of the
    /// server the table is empty. It is not on standbys either. Counts when the table is made; one
    /// that is there stays as it is.
    #[must_use]
    pub fn unlogged(mut self, unlogged: bool) -> Self {
        self.unlogged = unlogged;
        self
    }

    /// When the server answers that a write is done. Set on each connection, and so not together
    /// with [`pgbouncer`](Self::pgbouncer) or a pool of the caller.
    #[must_use]
    pub fn synchronous_commit(mut self, when: SynchronousCommit) -> Self {
        self.synchronous_commit = Some(when);
        self
    }

    /// How many connections the client opens at most; it opens them as it needs them.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Works through PgBouncer in transaction mode, where each statement may meet another
    /// connection: nothing is prepared or set on a connection, and statements carry their
    /// parameters as text. Slower. The server's `statement_timeout` and `lock_timeout` are then
    /// the administrator's to set (`ALTER ROLE … SET`).
    #[must_use]
    pub fn pgbouncer(mut self, pgbouncer: bool) -> Self {
        self.pgbouncer = pgbouncer;
        self
    }

    /// How often expired rows are looked for; `None` leaves that to
    /// [`remove_expired`](session_core::CacheClientExtended::remove_expired).
    #[must_use]
    pub fn sweep_every(mut self, interval: Option<Duration>) -> Self {
        self.sweep_every = interval;
        self
    }

    /// Takes what is not said here from the variables `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`,
    /// `PGDATABASE`, `PGSSLMODE`, `PGSSLROOTCERT`, `PGSSLCERT`, `PGSSLKEY`, `PGOPTIONS`, and the
    /// password from `PGPASSFILE` or `~/.pgpass`.
    #[must_use]
    pub fn environment(mut self, environment: bool) -> Self {
        self.environment = environment;
        self
    }

    /// The SQL that makes the table, for an administrator whose application may not.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the name of the schema or the table cannot be one.
    pub fn schema_sql(&self) -> Result<String> {
        Ok(self.table_names()?.create_sql(self.unlogged))
    }

    pub(crate) fn table_names(&self) -> Result<Table> {
        Table::new(&self.schema, &self.table)
    }

    pub(crate) fn protocol(&self) -> Protocol {
        if self.pgbouncer {
            Protocol::Text
        } else {
            Protocol::Prepared
        }
    }

    /// What has no effect where connections are not this client's own.
    pub(crate) fn check_shared_connections(&self) -> Result<()> {
        match self.synchronous_commit {
            Some(_) => Err(refuse(
                "synchronous_commit is set on connections of this client's own; \
                 set it for the role or on the pool",
            )),
            None => Ok(()),
        }
    }

    /// The driver's options, with what each connection is to be set to.
    pub(crate) fn connect_options(&self) -> Result<PgConnectOptions> {
        if self.max_connections == 0 {
            return Err(refuse("max_connections is at least 1"));
        }
        let mut options = self.server_options()?.disable_statement_logging();
        options = options.application_name(&self.application_name);
        if self.pgbouncer {
            self.check_shared_connections()?;
            // A pooler refuses start-up parameters that it does not know.
            return Ok(options.extra_float_digits(None).statement_cache_capacity(0));
        }
        let most = self.shared.timeout_for(self.shared.max_value_len);
        options = options.options([
            // Below our own time-outs, so that the server does not go on with what nobody awaits.
            ("lock_timeout", millis(self.shared.timeout / 2)),
            ("statement_timeout", millis(most / 10 * 9)),
            // The conditions of the statements are written for it.
            ("default_transaction_isolation", "read committed".to_owned()),
            // All statements find their rows by an index, whatever stale statistics say of a table
            // that has just grown, so there is nothing to plan anew.
            ("plan_cache_mode", "force_generic_plan".to_owned()),
            ("enable_seqscan", "off".to_owned()),
            ("jit", "off".to_owned()),
        ]);
        if let Some(when) = self.synchronous_commit {
            options = options.options([("synchronous_commit", when.name())]);
        }
        Ok(options)
    }

    fn server_options(&self) -> Result<PgConnectOptions> {
        let server = &self.server;
        let mut options = if self.environment {
            PgConnectOptions::new()
        } else {
            self.refuse_environment()?;
            let user = server.user.as_deref().unwrap_or("postgres");
            PgConnectOptions::new_without_pgpass()
                .host("localhost")
                .port(5432)
                .username(user)
                .password("")
                .database(user)
                .ssl_mode(PgSslMode::Prefer)
        };
        if let Some(host) = &server.host {
            options = options.host(host);
        }
        if let Some(port) = server.port {
            options = options.port(port);
        }
        if let Some(user) = &server.user {
            options = options.username(user);
        }
        if let Some(password) = &server.password {
            options = options.password(password);
        }
        if let Some(database) = &server.database {
            options = options.database(database);
        }
        Ok(self.with_tls(options))
    }

    fn with_tls(&self, mut options: PgConnectOptions) -> PgConnectOptions {
        if let Some(mode) = self.tls_mode {
            options = options.ssl_mode(mode.into());
        }
        if let Some(path) = &self.tls_root_cert {
            options = options.ssl_root_cert(path);
        }
        if let Some((cert, key)) = &self.tls_client_cert {
            options = options.ssl_client_cert(cert).ssl_client_key(key);
        }
        options
    }

    /// The driver takes these without being asked, and they cannot be unset in its options.
    fn refuse_environment(&self) -> Result<()> {
        let tls = self.tls_mode != Some(TlsMode::Disable);
        let verifies = matches!(self.tls_mode, Some(TlsMode::VerifyCa | TlsMode::VerifyFull));
        let unasked = [
            ("PGOPTIONS", true),
            ("PGSSLROOTCERT", verifies && self.tls_root_cert.is_none()),
            ("PGSSLCERT", tls && self.tls_client_cert.is_none()),
            ("PGSSLKEY", tls && self.tls_client_cert.is_none()),
        ];
        for (variable, counts) in unasked {
            if counts && std::env::var_os(variable).is_some() {
                return Err(refuse(format!(
                    "the variable {variable} is set and would count; unset it, or ask for the \
                     environment with environment=true"
                )));
            }
        }
        Ok(())
    }
}

impl FromStr for PostgresOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        let url = StoreUrl::parse(BACKEND, url)?;
        let mut options = Self::default();
        let address = match (url.scheme(), url.address().strip_prefix("//")) {
            ("postgres" | "postgresql", Some(address)) => address,
            _ => return Err(url.refuse("the URL starts with postgres://")),
        };
        let (server, database) = address.split_once('/').unwrap_or((address, ""));
        let (login, host) = server.rsplit_once('@').unwrap_or(("", server));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let (host, port) = split_host(host).ok_or_else(|| url.refuse("the port is a number"))?;
        let decode = |text: &str| -> Result<Option<String>> {
            let text = percent_decode_str(text).decode_utf8();
            let text = text.map_err(|_| url.refuse("the URL is not UTF-8"))?;
            Ok((!text.is_empty()).then(|| text.into_owned()))
        };
        options.server = Server {
            host: decode(host)?,
            port,
            user: decode(user)?,
            password: password.map(decode).transpose()?.flatten(),
            database: decode(database)?,
        };
        let mut shared = ClientOptions::default();
        let (mut cert, mut key) = (None, None);
        url.apply(&mut shared, OWN_PARAMETERS, |parameter| {
            match parameter.name() {
                "sslcert" => cert = Some(PathBuf::from(parameter.value())),
                "sslkey" => key = Some(PathBuf::from(parameter.value())),
                _ => return options.set(parameter),
            }
            Ok(true)
        })?;
        options.shared = shared;
        options.tls_client_cert = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(url.refuse("sslcert and sslkey go together")),
        };
        options.table_names()?;
        Ok(options)
    }
}

impl PostgresOptions {
    /// Takes one URL parameter of this backend; `false` if it is none.
    fn set(&mut self, parameter: &Parameter<'_>) -> Result<bool> {
        let value = parameter.value();
        match parameter.name() {
            "host" => self.server.host = Some(value.to_owned()),
            "sslmode" => self.tls_mode = Some(TlsMode::parse(parameter)?),
            "sslrootcert" => self.tls_root_cert = Some(value.into()),
            "application_name" => self.application_name = value.to_owned(),
            "schema" => self.schema = value.to_owned(),
            "table" => self.table = value.to_owned(),
            "unlogged" => self.unlogged = yes_or_no(parameter)?,
            "synchronous_commit" => {
                self.synchronous_commit = Some(SynchronousCommit::parse(parameter)?);
            }
            "max_connections" => {
                self.max_connections = usize::try_from(parameter.number(1)?)
                    .map_err(|_| parameter.refuse("a number of connections"))?;
            }
            "pgbouncer" => self.pgbouncer = yes_or_no(parameter)?,
            "sweep_seconds" => {
                let seconds = parameter.number(0)?;
                self.sweep_every = (seconds > 0).then(|| Duration::from_secs(seconds));
            }
            "environment" => self.environment = yes_or_no(parameter)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl TlsMode {
    fn parse(parameter: &Parameter<'_>) -> Result<Self> {
        Ok(match parameter.value() {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return Err(parameter.refuse("disable, prefer, require, verify-ca or verify-full")),
        })
    }
}

impl From<TlsMode> for PgSslMode {
    fn from(mode: TlsMode) -> Self {
        match mode {
            TlsMode::Disable => Self::Disable,
            TlsMode::Prefer => Self::Prefer,
            TlsMode::Require => Self::Require,
            TlsMode::VerifyCa => Self::VerifyCa,
            TlsMode::VerifyFull => Self::VerifyFull,
        }
    }
}

impl SynchronousCommit {
    const ALL: [Self; 5] = [
        Self::Off,
        Self::Local,
        Self::RemoteWrite,
        Self::On,
        Self::RemoteApply,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Local => "local",
            Self::RemoteWrite => "remote_write",
            Self::On => "on",
            Self::RemoteApply => "remote_apply",
        }
    }

    fn parse(parameter: &Parameter<'_>) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|when| when.name() == parameter.value())
            .ok_or_else(|| parameter.refuse("off, local, remote_write, on or remote_apply"))
    }
}

/// Neither the password nor the user is shown.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("shared", &self.shared)
            .field("host", &self.server.host)
            .field("port", &self.server.port)
            .field("database", &self.server.database)
            .field("tls_mode", &self.tls_mode)
            .field("schema", &self.schema)
            .field("table", &self.table)
            .field("unlogged", &self.unlogged)
            .field("synchronous_commit", &self.synchronous_commit)
            .field("max_connections", &self.max_connections)
            .field("pgbouncer", &self.pgbouncer)
            .field("sweep_every", &self.sweep_every)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

/// Takes `host:port` apart; an IPv6 address stands in brackets. `None` for a port that is none.
fn split_host(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    match port {
        Some(port) => port.parse().ok().map(|port| (host, Some(port))),
        None => Some((host, None)),
    }
}

fn yes_or_no(parameter: &Parameter<'_>) -> Result<bool> {
    match parameter.value() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(parameter.refuse("true or false")),
    }
}

fn millis(duration: Duration) -> String {
    // 0 would mean none.
    duration.as_millis().clamp(1, i32::MAX as u128).to_string()
}

fn refuse(message: impl Into<Box<str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, BACKEND, "connect").with_message(message)
}
