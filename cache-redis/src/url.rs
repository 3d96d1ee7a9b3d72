//! The URLs of Redis: which servers, who logs in, and every option as a parameter.

use std::str::FromStr;

use percent_encoding::percent_decode_str;
use session_core::{Error, Result, StoreUrl};

use crate::error::BACKEND;
use crate::options::{Address, Login, MOST_IN_FLIGHT, RedisOptions, Servers};

impl FromStr for RedisOptions {
    type Err = Error;

    /// Takes one of these, with `rediss` in place of `redis` for TLS:
    ///
    /// - `redis://[user[:password]@]host[:port][/database]`
    /// - `redis+cluster://[user[:password]@]host[:port],host[:port]`
    /// - `redis+sentinel://[user[:password]@]host[:port],host[:port]/service`
    /// - `redis+unix://[user[:password]@]/path/of/socket`
    ///
    /// Parameters: `db`, `client_name`, `max_in_flight`; with TLS `ca` (a PEM file), `cert` and
    /// `key`; with Sentinels `sentinel_user` and `sentinel_password`; and those of
    /// [`ClientOptions`](session_core::ClientOptions). User, password, service and path are percent-decoded.
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
            "redis+cluster" => some_seeds(&url, place)?,
            "rediss+cluster" => some_seeds(&url, place)?.tls(),
            "redis+sentinel" => a_service(&url, place)?,
            "rediss+sentinel" => a_service(&url, place)?.tls(),
            "redis+unix" => Self::unix(decode(&url, place)?),
            _ => return Err(url.refuse(FORMS)),
        };
        options.login = login;
        options.take_parameters(&url)?;
        options.check().map_err(|message| url.refuse(message))?;
        Ok(options)
    }
}

const FORMS: &str = "a Redis URL is redis://[user[:password]@]host[:port][/database], \
    redis+cluster://host,host, redis+sentinel://host,host/service or redis+unix:///path, \
    with rediss in place of redis for TLS";

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
                "sentinel_user" | "sentinel_password"
                    if !matches!(self.servers, Servers::Service { .. }) =>
                {
                    return Err(parameter.refuse("the login of Sentinels"));
                }
                "sentinel_user" => {
                    self.sentinel_login.user =
                        Some(value.to_owned()).filter(|user| !user.is_empty());
                }
                "sentinel_password" => self.sentinel_login.password = Some(value.to_owned()),
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

fn some_seeds(url: &StoreUrl<'_>, place: &str) -> Result<RedisOptions> {
    let hosts = place.trim_end_matches('/');
    Ok(RedisOptions::new(Servers::Cluster(hosts_and_ports(
        url,
        hosts,
        DEFAULT_PORT,
    )?)))
}

fn a_service(url: &StoreUrl<'_>, place: &str) -> Result<RedisOptions> {
    let (hosts, name) = place.split_once('/').unwrap_or((place, ""));
    let sentinels = hosts_and_ports(url, hosts, DEFAULT_SENTINEL_PORT)?;
    Ok(RedisOptions::new(Servers::Service {
        sentinels,
        name: decode(url, name)?,
    }))
}

fn hosts_and_ports(url: &StoreUrl<'_>, text: &str, default_port: u16) -> Result<Vec<Address>> {
    text.split(',')
        .map(|text| host_and_port(url, text, default_port))
        .collect()
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

/// Parameters beside those of [`ClientOptions`].
const PARAMETERS: &[&str] = &[
    "db",
    "client_name",
    "max_in_flight",
    "ca",
    "cert",
    "key",
    "sentinel_user",
    "sentinel_password",
];

const DEFAULT_PORT: u16 = 6_379;

const DEFAULT_SENTINEL_PORT: u16 = 26_379;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> RedisOptions {
        url.parse().unwrap()
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn every_form_names_its_servers() {
        for (url, servers) in [
            ("redis://host", Servers::One(tcp("host", 6_379))),
            ("redis://host:1/", Servers::One(tcp("host", 1))),
            ("redis://[::1]:7/3", Servers::One(tcp("::1", 7))),
            ("redis://[::1]", Servers::One(tcp("::1", 6_379))),
            (
                "redis+unix:///run/a%20b.sock",
                Servers::One(Address::Unix("/run/a b.sock".into())),
            ),
            (
                "redis+cluster://a,b:7/",
                Servers::Cluster(vec![tcp("a", 6_379), tcp("b", 7)]),
            ),
            (
                "redis+sentinel://a,b:7/main%2F1",
                Servers::Service {
                    sentinels: vec![tcp("a", 26_379), tcp("b", 7)],
                    name: "main/1".to_owned(),
                },
            ),
        ] {
            let options = parsed(url);
            assert_eq!(options.servers, servers);
            assert_eq!(options.tls, None);
        }
        for url in [
            "rediss://host",
            "rediss+cluster://a",
            "rediss+sentinel://a/b",
        ] {
            assert!(parsed(url).tls.is_some());
        }
    }

    #[test]
    fn login_database_and_parameters_are_taken() {
        let options =
            parsed("redis://us%40er:p%3A%2F%40ss@host/4?client_name=a%20b&max_in_flight=7");
        assert_eq!(options.login.user.as_deref(), Some("us@er"));
        assert_eq!(options.login.password.as_deref(), Some("p:/@ss"));
        assert_eq!((options.database, options.max_in_flight), (4, 7));
        assert_eq!(options.client_name.as_deref(), Some("a b"));
        let options = parsed("redis+unix://:secret@/run/redis.sock?db=2&namespace=a:b");
        assert_eq!((options.login.user, options.database), (None, 2));
        assert_eq!(
            options.servers,
            Servers::One(Address::Unix("/run/redis.sock".into()))
        );
        assert_eq!(options.shared.namespace.to_string(), "a:b");
        let options = parsed("rediss://host?ca=ca.pem&cert=me.pem&key=me.key")
            .tls
            .unwrap();
        assert_eq!(options.ca, Some("ca.pem".into()));
        assert_eq!(options.identity, Some(("me.pem".into(), "me.key".into())));
        let options = parsed("redis+sentinel://:a@h/s?sentinel_user=b&sentinel_password=c");
        assert_eq!(options.sentinel_login.password.as_deref(), Some("c"));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_no_password_is_shown() {
        for url in [
            "redis:host",
            "redis://",
            "redis://:secret@",
            "redis://:secret@host:0",
            "redis://:secret@host:x",
            "redis://:secret@host/x",
            "redis://:secret@host/-1",
            "redis://:secret@host?nonsense=1",
            "redis://:secret@host?max_in_flight=0",
            "redis://:secret@host?ca=file",
            "redis://:secret@host?sentinel_password=secret",
            "rediss://:secret@host?cert=file",
            "redis://:%FF@host",
            "redis+cluster://:secret@a,,b",
            "redis+cluster://:secret@a?db=1",
            "redis+sentinel://:secret@a",
            "redis+sentinel://:secret@a/",
            "redis+other://:secret@a",
        ] {
            let error = url.parse::<RedisOptions>().expect_err(url);
            assert_eq!(error.kind(), session_core::ErrorKind::InvalidInput, "{url}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{url}");
        }
        let shown = format!("{:?}", parsed("redis://user:secret@host"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
