//! What the client can be told. `url.rs` reads it from a URL, `login.rs` acts on it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use session_core::{ClientOptions, Codec, Error, ErrorKind, Namespace, Result};

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
    pub(crate) server: Server,
    pub(crate) tls_mode: Option<TlsMode>,
    pub(crate) tls_root_cert: Option<PathBuf>,
    pub(crate) tls_client_cert: Option<(PathBuf, PathBuf)>,
    pub(crate) application_name: String,
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) unlogged: bool,
    pub(crate) synchronous_commit: Option<SynchronousCommit>,
    pub(crate) max_connections: usize,
    pub(crate) pgbouncer: bool,
    pub(crate) sweep_every: Option<Duration>,
    pub(crate) environment: bool,
}

/// What the URL or the setters said of the server; the rest is the default or the environment's.
#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: Option<String>,
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

    /// How many connections the client uses at once at most; it opens them as it needs them.
    ///
    /// The server may have more for a moment. A call whose time is over gives its connection up
    /// (after 1.1 s by default, for a short value), and another may take its place, while the server
    /// goes on with the statement until `statement_timeout`: nine tenths of the time-out of the
    /// longest value, 2.34 s by default. So a server that stalls may have three times as many
    /// backends, and more where values may be longer. Through a pool of the caller or PgBouncer it
    /// goes on for as long as their `statement_timeout` says.
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

    /// The SQL that makes the table, or renews one of version 1, for an administrator whose application
    /// may not. It can be run again.
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

pub(crate) fn refuse(message: impl Into<Box<str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, BACKEND, "connect").with_message(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of the options, what `Debug` hides too.
    fn all(options: &PostgresOptions) -> String {
        let Server { user, password, .. } = &options.server;
        let certificates = (&options.tls_root_cert, &options.tls_client_cert);
        let name = &options.application_name;
        format!("{options:?} {user:?} {password:?} {certificates:?} {name}")
    }

    #[test]
    fn every_setter_can_be_said_in_a_url() {
        let url = "postgres://u:p@h:1/d?sslmode=verify-ca&sslrootcert=r&sslcert=c&sslkey=k\
            &application_name=n&schema=s&table=t&unlogged=true&synchronous_commit=local\
            &max_connections=3&pgbouncer=true&sweep_seconds=5&environment=true\
            &namespace=a:b&timeout_ms=7&max_value_len=9&codec=json";
        let built = PostgresOptions::new()
            .host("h")
            .port(1)
            .user("u")
            .password("p")
            .database("d")
            .tls_mode(TlsMode::VerifyCa)
            .tls_root_cert("r")
            .tls_client_cert("c", "k")
            .application_name("n")
            .schema("s")
            .table("t")
            .unlogged(true)
            .synchronous_commit(SynchronousCommit::Local)
            .max_connections(3)
            .pgbouncer(true)
            .sweep_every(Some(Duration::from_secs(5)))
            .environment(true)
            .namespace("a:b".parse().unwrap())
            .timeout(Duration::from_millis(7))
            .max_value_len(9)
            .codec(Codec::Json);
        assert_eq!(all(&url.parse().unwrap()), all(&built));
    }

    #[test]
    fn every_way_of_tls_and_of_commit_has_the_name_of_the_server_s_own_tools() {
        use {SynchronousCommit as Commit, TlsMode as Tls};

        let parsed = |parameter: String| -> PostgresOptions {
            format!("postgres://h?{parameter}").parse().unwrap()
        };
        for (name, mode) in [
            ("disable", Tls::Disable),
            ("prefer", Tls::Prefer),
            ("require", Tls::Require),
            ("verify-ca", Tls::VerifyCa),
            ("verify-full", Tls::VerifyFull),
        ] {
            assert_eq!(parsed(format!("sslmode={name}")).tls_mode, Some(mode));
        }
        for (name, when) in [
            ("off", Commit::Off),
            ("local", Commit::Local),
            ("remote_write", Commit::RemoteWrite),
            ("on", Commit::On),
            ("remote_apply", Commit::RemoteApply),
        ] {
            let options = parsed(format!("synchronous_commit={name}"));
            assert_eq!(options.synchronous_commit, Some(when));
        }
    }
}
