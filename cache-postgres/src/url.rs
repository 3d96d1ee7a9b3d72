//! The URL in which a client is told its options.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use session_core::{ClientOptions, Error, Parameter, Result, StoreUrl};

use crate::error::BACKEND;
use crate::options::{PostgresOptions, Server, SynchronousCommit, TlsMode};

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

impl SynchronousCommit {
    const ALL: [Self; 5] = [
        Self::Off,
        Self::Local,
        Self::RemoteWrite,
        Self::On,
        Self::RemoteApply,
    ];

    /// The server's word for it.
    pub(crate) fn name(self) -> &'static str {
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
