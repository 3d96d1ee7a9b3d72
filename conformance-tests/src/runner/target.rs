//! A store to prove, as its URL names it.

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
        if ["postgres:", "postgresql:"]
            .iter()
            .any(|scheme| address.starts_with(scheme))
        {
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
        self.with(&parameters)
    }

    /// Why the store cannot be opened as the cases of a group need it.
    pub(super) fn lacks(&self, store: &str) -> Option<&'static str> {
        match store {
            "plain" => None,
            "reopening" | "sharing" => self.private,
            // Networks to cut and servers to stop are not the suite's to touch.
            _ => Some("it takes a server of the suite's own"),
        }
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

/// Stores that end with the client that opened them.
fn private(address: &str) -> Option<&'static str> {
    match address {
        "memory:" | "sqlite::memory:" => Some("each connection is a store of its own"),
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
    fn what_the_url_says_is_not_changed() {
        let target = Target::new("postgres://host/db?timeout_ms=500");
        assert_eq!(
            target.url(),
            "postgres://host/db?timeout_ms=500&max_connections=4"
        );
        assert_eq!(Target::new("memory:?max_value_len=70").largest_value(), 70);
    }
}
