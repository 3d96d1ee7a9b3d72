//! What every backend can be told, and the URLs in which it is told.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::codec::Codec;
use crate::error::{Error, ErrorKind, Result};
use crate::namespace::Namespace;
use crate::scope::{DEFAULT_MAX_VALUE_LEN, Scope};

/// The options that all backends share. Each backend's own options hold one and add to it.
///
/// In a URL they are the parameters `namespace=a:b`, `timeout_ms=1000`, `max_value_len=16777216`
/// (bytes) and `codec=bincode` or `codec=json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// The part of the store that the client sees; the whole of it by default.
    pub namespace: Namespace,
    /// How long a call may take, all waiting included; 1 s by default. 100 ms are added for each
    /// MiB of value.
    pub timeout: Duration,
    /// The longest value in bytes; 16 MiB by default.
    pub max_value_len: usize,
    /// How `TypedCache` encodes what it writes; bincode by default.
    pub codec: Codec,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            namespace: Namespace::root(),
            timeout: Duration::from_secs(1),
            max_value_len: DEFAULT_MAX_VALUE_LEN,
            codec: Codec::Bincode,
        }
    }
}

impl ClientOptions {
    /// The names of the URL parameters that [`set`](ClientOptions::set) takes.
    pub const PARAMETERS: &'static [&'static str] =
        &["namespace", "timeout_ms", "max_value_len", "codec"];

    /// Takes one URL parameter; `false` if it is none of the shared ones.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the value is not one of the parameter's.
    pub fn set(&mut self, parameter: &Parameter<'_>) -> Result<bool> {
        match parameter.name() {
            "namespace" => {
                self.namespace = parameter.value().parse().map_err(|_| {
                    parameter.refuse("names of letters, digits, '_', '.', '-', joined by ':'")
                })?;
            }
            "timeout_ms" => self.timeout = Duration::from_millis(parameter.number(1)?),
            "max_value_len" => {
                self.max_value_len = usize::try_from(parameter.number(1)?)
                    .map_err(|_| parameter.refuse("a number of bytes"))?;
            }
            "codec" => {
                self.codec = match parameter.value() {
                    "bincode" => Codec::Bincode,
                    "json" => Codec::Json,
                    _ => return Err(parameter.refuse("bincode or json")),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The checks that follow from these options, for a backend of this name.
    pub fn scope(&self, backend: &'static str) -> Scope {
        Scope::new(backend, self.namespace.clone(), self.max_value_len)
    }

    /// The time-out of a call that carries this many bytes of values.
    pub fn timeout_for(&self, bytes: usize) -> Duration {
        let mebibytes = u32::try_from(bytes.div_ceil(1_024 * 1_024)).unwrap_or(u32::MAX);
        self.timeout
            .saturating_add(Duration::from_millis(100).saturating_mul(mebibytes))
    }
}

/// A store's URL in its parts: `scheme:address?name=value&name=value`.
///
/// The address keeps its slashes and its percent signs, because what they mean differs between
/// stores. Neither `Debug` nor an error shows the address or a parameter's value, since either may
/// hold a password.
#[derive(Clone)]
pub struct StoreUrl<'u> {
    backend: &'static str,
    scheme: &'u str,
    address: &'u str,
    parameters: Vec<Parameter<'u>>,
}

/// One parameter of a [`StoreUrl`], decoded.
#[derive(Clone)]
pub struct Parameter<'u> {
    backend: &'static str,
    name: Cow<'u, str>,
    value: Cow<'u, str>,
}

impl<'u> StoreUrl<'u> {
    /// Takes a URL apart, for a backend whose name the errors carry.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a text without a scheme, with a fragment (a `#` that belongs to a name
    /// is written `%23`), with a parameter that has no `=`, is not UTF-8 or is given twice.
    pub fn parse(backend: &'static str, url: &'u str) -> Result<Self> {
        let (scheme, rest) = url
            .split_once(':')
            .filter(|(scheme, _)| is_scheme(scheme))
            .ok_or_else(|| refuse(backend, "a URL starts with a scheme and a ':'"))?;
        if rest.contains('#') {
            return Err(refuse(backend, "a '#' in a URL is written %23"));
        }
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parameters: Vec<Parameter<'u>> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let parameter = Parameter::parse(backend, pair)?;
            if parameters.iter().any(|other| other.name == parameter.name) {
                let message = format!("the parameter '{}' is given twice", parameter.name);
                return Err(refuse(backend, message));
            }
            parameters.push(parameter);
        }
        Ok(Self {
            backend,
            scheme,
            address,
            parameters,
        })
    }

    /// The scheme: what stands before the first `:`.
    pub fn scheme(&self) -> &'u str {
        self.scheme
    }

    /// What stands between the scheme's `:` and the `?`, as it was written.
    pub fn address(&self) -> &'u str {
        self.address
    }

    /// Hands each parameter to the shared options or, if they do not know it, to `own`, which
    /// gives `false` if it does not know it either.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a parameter nobody knows, with the names in `known` and the shared ones
    /// as what would be right, and what the takers refuse.
    pub fn apply(
        &self,
        shared: &mut ClientOptions,
        known: &[&str],
        mut own: impl FnMut(&Parameter<'_>) -> Result<bool>,
    ) -> Result<()> {
        for parameter in &self.parameters {
            if !shared.set(parameter)? && !own(parameter)? {
                let known = [known, ClientOptions::PARAMETERS].concat().join(", ");
                return Err(refuse(
                    self.backend,
                    format!(
                        "the parameter '{}' is not known; known are {known}",
                        parameter.name
                    ),
                ));
            }
        }
        Ok(())
    }

    /// An `InvalidInput` error that says what would be right.
    pub fn refuse(&self, message: impl Into<Box<str>>) -> Error {
        refuse(self.backend, message)
    }
}

impl<'u> Parameter<'u> {
    fn parse(backend: &'static str, pair: &'u str) -> Result<Self> {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| refuse(backend, "a URL parameter is written name=value"))?;
        let decode = |text: &'u str| {
            percent_decode_str(text)
                .decode_utf8()
                .map_err(|_| refuse(backend, "a URL parameter is not UTF-8"))
        };
        Ok(Self {
            backend,
            name: decode(name)?,
            value: decode(value)?,
        })
    }

    /// The name, decoded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, decoded.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The value as a whole number of at least `least`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is none.
    pub fn number(&self, least: u64) -> Result<u64> {
        let number = self.value.parse().ok().filter(|number| *number >= least);
        number.ok_or_else(|| self.refuse(&format!("a whole number of at least {least}")))
    }

    /// An `InvalidInput` error that says what the parameter's value should be.
    pub fn refuse(&self, expected: &str) -> Error {
        refuse(
            self.backend,
            format!("the parameter '{}' takes {expected}", self.name),
        )
    }
}

impl fmt::Debug for StoreUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreUrl")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameter")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn refuse(backend: &'static str, message: impl Into<Box<str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, backend, "connect").with_message(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_apart_and_parameters_are_decoded() {
        let url = StoreUrl::parse("test", "sqlite://a%20b.db?x=%41%26&namespace=a:b").unwrap();
        assert_eq!((url.scheme(), url.address()), ("sqlite", "//a%20b.db"));
        let (mut shared, mut own) = (ClientOptions::default(), String::new());
        url.apply(&mut shared, &["x"], |parameter| {
            own = parameter.value().to_owned();
            Ok(parameter.name() == "x")
        })
        .unwrap();
        assert_eq!((own.as_str(), shared.namespace.stored()), ("A&", "a:b:"));
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_the_known_ones() {
        let url = StoreUrl::parse("test", "memory:?entries=5").unwrap();
        let error = url
            .apply(&mut ClientOptions::default(), &["max_entries"], |_| {
                Ok(false)
            })
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "test connect: the parameter 'entries' is not known; \
             known are max_entries, namespace, timeout_ms, max_value_len, codec"
        );
    }

    #[test]
    fn ill_formed_urls_are_refused_and_never_shown() {
        for url in [
            "",
            "memory",
            ":x",
            "a b:c",
            "m:?x",
            "m:?a=1&a=2",
            "m:#secret",
            "m:?a=%FF",
        ] {
            let error = StoreUrl::parse("test", url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!error.to_string().contains("secret"));
        }
        let url = StoreUrl::parse("test", "redis://user:secret@host/?password=secret").unwrap();
        assert!(!format!("{url:?}").contains("secret"));
    }

    #[test]
    fn larger_values_have_more_time() {
        let options = ClientOptions::default();
        assert_eq!(options.timeout_for(0), Duration::from_millis(1_000));
        assert_eq!(options.timeout_for(1), Duration::from_millis(1_100));
        assert_eq!(options.timeout_for(16 << 20), Duration::from_millis(2_600));
    }
}
