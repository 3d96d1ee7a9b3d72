//! A store to prove, as its URL names it.

use std::net::SocketAddr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use session_core::{DEFAULT_MAX_VALUE_LEN, MAX_KEY_LEN, Namespace};

/// A URL that was given, what may be shown of it, and what the store cannot do.
#[derive(Clone)]
pub(super) struct Target {
    /// The URL without user, password and parameters.
    pub(super) name: String,
    /// Why no second client can see what a first one wrote; `None` for a store that is shared.
    pub(super) private: Option<&'static str>,
    address: String,
    parameters: Vec<(String, String)>,
}

/// Why a case cannot be shown on a store.
#[derive(Clone, Copy)]
pub(super) struct Lack {
    pub(super) reason: &'static str,
    /// The store has what the case is about.
    pub(super) applies: bool,
}

impl Target {
    /// Takes a URL apart as far as the runner must; what is wrong with it is the backend's to say.
    pub(super) fn new(url: &str) -> Self {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let parameters = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut target = Self {
            name: String::new(),
            private: private(address),
            address: address.to_owned(),
            parameters: parameters.collect(),
        };
        target.name = match target.namespace() {
            Some(namespace) => format!("{}?namespace={namespace}", shown(url)),
            None => shown(url),
        };
        // The suite loads a store as no application does; how soon a call gives up is not its
        // subject, so what the URL leaves open is set to be patient and to leave room for others.
        target.add_if_absent("timeout_ms", "30000");
        if target.is_postgres() {
            target.add_if_absent("max_connections", "4");
        }
        target
    }

    /// The URL as it was given.
    pub(super) fn url(&self) -> String {
        self.with(&self.parameters)
    }

    /// The URL of a namespace inside the one that was given.
    pub(super) fn url_within(&self, path: &str) -> String {
        self.with(&self.parameters_within(path))
    }

    /// The same where the server is found at `address`, with this time-out and without TLS.
    pub(super) fn url_through(&self, path: &str, address: SocketAddr, timeout: Duration) -> String {
        let mut parameters = self.parameters_within(path);
        let timeout = timeout.as_millis().to_string();
        let mut set = |name: &str, value: &str| {
            parameters.retain(|(other, _)| other != name);
            parameters.push((name.to_owned(), value.to_owned()));
        };
        set("timeout_ms", &timeout);
        if self.is_postgres() {
            set("sslmode", "disable");
        }
        let (user, _, rest) = parts(&self.address);
        let moved = Self {
            address: format!("{user}{address}{rest}"),
            ..self.clone()
        };
        moved.with(&parameters)
    }

    /// Host and port of the server, or why no network of the suite's can lie before it.
    pub(super) fn server(&self) -> Result<(String, u16), &'static str> {
        let scheme = self.scheme();
        let default_port = match scheme {
            _ if self.is_embedded() => return Err(EMBEDDED_ONES),
            _ if scheme.ends_with("+unix") => {
                return Err("a socket of the file system has no network");
            }
            _ if scheme.ends_with("+cluster") || scheme.ends_with("+sentinel") => {
                return Err("its servers name each other, past the suite's network");
            }
            "rediss" => return Err("TLS would complain of what the suite's network does"),
            "redis" => Some(6_379),
            "postgres" | "postgresql" => Some(5_432),
            _ => None,
        };
        let needs_tls = |mode| !["disable", "allow", "prefer"].contains(&mode);
        if self.is_postgres() && self.parameter("sslmode").is_some_and(needs_tls) {
            return Err("TLS would complain of what the suite's network does");
        }
        let (_, host, _) = parts(&self.address);
        if host.contains(',') {
            return Err("a network of the suite's lies before one server, not several");
        }
        let unclear = "its URL names no host and port";
        let (host, port) = match host.rsplit_once(':') {
            // What stands behind the last colon of an IPv6 address is no port.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
            _ => (host, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.filter(|_| !host.is_empty()).ok_or(unclear)?;
        Ok((host.to_owned(), port))
    }

    /// Why the store cannot be opened as the cases of a group need it.
    pub(super) fn lacks(&self, store: &str) -> Option<Lack> {
        let reason = match store {
            "plain" => None,
            "reopening" | "sharing" => self.private,
            "networked" => self.server().err(),
            _ if self.is_embedded() => Some(EMBEDDED_ONES),
            _ => Some("it takes a server that the suite may stop and kill"),
        };
        reason.map(|reason| Lack {
            reason,
            applies: reason != EMBEDDED_ONES,
        })
    }

    /// The longest key in bytes that fits into a namespace inside the one that was given.
    pub(super) fn longest_key_within(&self, path: &str) -> usize {
        let outer = self.namespace().map_or(0, |outer| outer.len() + 1);
        MAX_KEY_LEN.saturating_sub(outer + path.len() + 1)
    }

    /// The longest value in bytes that the store takes.
    pub(super) fn largest_value(&self) -> usize {
        let given = self
            .parameter("max_value_len")
            .and_then(|value| value.parse().ok());
        given.unwrap_or(DEFAULT_MAX_VALUE_LEN)
    }

    fn scheme(&self) -> &str {
        self.address.split(':').next().unwrap_or_default()
    }

    fn is_embedded(&self) -> bool {
        EMBEDDED.contains(&self.scheme())
    }

    fn is_postgres(&self) -> bool {
        ["postgres", "postgresql"].contains(&self.scheme())
    }

    /// The parameters of a namespace inside the one that was given.
    fn parameters_within(&self, path: &str) -> Vec<(String, String)> {
        let path = match self.namespace() {
            Some(outer) => format!("{outer}:{path}"),
            None => path.to_owned(),
        };
        // The cases ask for ill-formed names too, and those must reach the backend as they are.
        let path = utf8_percent_encode(&path, NON_ALPHANUMERIC).to_string();
        let others = self
            .parameters
            .iter()
            .filter(|(name, _)| name != "namespace");
        let mut parameters: Vec<_> = others.cloned().collect();
        parameters.push(("namespace".to_owned(), path));
        parameters
    }

    fn namespace(&self) -> Option<String> {
        let value = percent_decode_str(self.parameter("namespace")?).decode_utf8_lossy();
        let namespace = value.parse::<Namespace>().ok()?;
        (!namespace.is_root()).then(|| value.into_owned())
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| &**value)
    }

    fn add_if_absent(&mut self, name: &str, value: &str) {
        if self.parameter(name).is_none() {
            self.parameters.push((name.to_owned(), value.to_owned()));
        }
    }

    fn with(&self, parameters: &[(String, String)]) -> String {
        let pairs: Vec<_> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{}?{}", self.address, pairs.join("&"))
    }
}

/// A URL without parameters: up to the host, the host and its port, and what comes after.
fn parts(address: &str) -> (&str, &str, &str) {
    let Some(slashes) = address.find("//") else {
        return (address, "", "");
    };
    let start = address.rfind('@').map_or(slashes + 2, |at| at + 1);
    let len = address[start..].find('/').unwrap_or(address.len() - start);
    let (before, rest) = address.split_at(start);
    let (host, after) = rest.split_at(len);
    (before, host, after)
}

/// Stores that end with the client that opened them.
fn private(address: &str) -> Option<&'static str> {
    match address {
        "memory:" | "sqlite::memory:" | "sqlite://:memory:" => {
            Some("each connection is a store of its own")
        }
        _ => None,
    }
}

/// What of a URL may stand in a report: a user or a password ends at an `@`, and the value of a
/// parameter may be one. Where that is not clear, as with an unescaped `?` in a password, nothing
/// but the scheme is shown.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else {
        return "a URL without a scheme".to_owned();
    };
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    if EMBEDDED.contains(&scheme) {
        return format!("{scheme}:{address}");
    }
    let Some(address) = address.strip_prefix("//") else {
        return "a URL without an address".to_owned();
    };
    if query.contains('@') {
        return format!("{scheme}://…");
    }
    let (_, address) = address.rsplit_once('@').unwrap_or(("", address));
    format!("{scheme}://{address}")
}

/// Schemes of stores that know no users.
const EMBEDDED: [&str; 2] = ["memory", "sqlite"];
const EMBEDDED_ONES: &str = "an embedded store has no network and no server";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_user_no_password_and_no_parameter_is_shown() {
        for (url, expected) in [
            ("redis://user:secret@host:6379/0", "redis://host:6379/0"),
            ("redis://:sec/ret@host/0", "redis://host/0"),
            ("redis://:secret?t@host/0", "redis://…"),
            ("redis://:se@cret@host", "redis://host"),
            (
                "postgres://host/db?password=secret&user=secret",
                "postgres://host/db",
            ),
            ("postgres://host/db?password=b@secret", "postgres://…"),
            (
                "sqlite:///srv/a@b.db?synchronous=full",
                "sqlite:///srv/a@b.db",
            ),
            (
                "redis+unix:///run/redis.sock",
                "redis+unix:///run/redis.sock",
            ),
            (
                "redis://host/0?namespace=shop%3Acarts",
                "redis://host/0?namespace=shop:carts",
            ),
            ("memory:", "memory:"),
            ("secret@host", "a URL without a scheme"),
            ("user:secret@host", "a URL without an address"),
        ] {
            let name = Target::new(url).name;
            assert_eq!(name, expected);
        }
    }

    #[test]
    fn the_namespace_that_was_given_is_not_left() {
        let target = Target::new("redis://host/0?namespace=shop%3Acarts&codec=json");
        assert_eq!(
            target.url_within("a b"),
            "redis://host/0?codec=json&timeout_ms=30000&namespace=shop%3Acarts%3Aa%20b"
        );
        assert_eq!(
            target.longest_key_within("12345"),
            1_024 - "shop:carts:12345:".len()
        );
    }

    #[test]
    fn a_store_in_memory_is_its_clients_alone() {
        let is_private = |url: &str| Target::new(url).private.is_some();
        for url in [
            "memory:",
            "memory:?max_bytes=70",
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite://:memory:?table=t",
        ] {
            assert!(is_private(url), "{url}");
        }
        for url in ["sqlite://a.db", "sqlite:///:memory:", "redis://:memory:"] {
            assert!(!is_private(url), "{url}");
        }
    }

    #[test]
    fn a_network_can_lie_before_one_server_that_is_named() {
        let server = |url: &str| Target::new(url).server().ok();
        for (url, host, port) in [
            ("redis://host", "host", 6_379),
            ("redis://user:p@ss@host:7/0?namespace=a", "host", 7),
            ("redis://[::1]/0", "::1", 6_379),
            ("postgresql://u@[::1]:7/db?sslmode=prefer", "::1", 7),
            ("strange://host:9", "host", 9),
        ] {
            assert_eq!(server(url), Some((host.to_owned(), port)), "{url}");
        }
        for url in [
            "memory:",
            "sqlite:///srv/a.db",
            "redis+unix:///run/redis.sock",
            "redis+cluster://host:7",
            "redis+sentinel://host:7/service",
            "rediss://host",
            "postgres://host/db?sslmode=require",
            "postgres://a:1,b:2/db",
            "strange://host",
            "strange:",
        ] {
            assert_eq!(server(url), None, "{url}");
        }
    }

    #[test]
    fn through_a_network_only_the_address_and_what_the_case_needs_change() {
        let url = "postgres://u:s@host/db?namespace=a&sslmode=prefer&timeout_ms=9";
        let through =
            Target::new(url).url_through("b", ([127, 0, 0, 1], 7).into(), Duration::from_secs(1));
        assert_eq!(
            through,
            "postgres://u:s@127.0.0.1:7/db?max_connections=4&namespace=a%3Ab&timeout_ms=1000&sslmode=disable"
        );
    }

    #[test]
    fn what_the_url_says_is_not_changed() {
        let target = Target::new("postgres://host/db?timeout_ms=500");
        assert_eq!(
            target.url(),
            "postgres://host/db?timeout_ms=500&max_connections=4"
        );
        assert_eq!(Target::new("memory:?max_value_len=70").largest_value(), 70);
    }
}
