//! The name of a part of a store.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::scope::MAX_KEY_LEN;

/// A path of names, such as `shop:carts`, inside which keys are stored as `shop:carts:{key}`.
///
/// Names are ASCII letters, digits, `_`, `.` and `-`, joined by `:`. `shop:carts` lies inside
/// `shop`; namespaces beside each other never share a key. The default is the whole store.
///
/// ```
/// use session_core::Namespace;
///
/// let carts: Namespace = "shop:carts".parse()?;
/// assert_eq!(carts.to_string(), "shop:carts");
/// assert!("shop:".parse::<Namespace>().is_err());
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Namespace {
    /// The path and a `:`; empty for the whole store.
    stored: String,
}

impl Namespace {
    /// The whole store.
    pub const fn root() -> Self {
        Self {
            stored: String::new(),
        }
    }

    /// Whether this is the whole store.
    #[inline]
    pub fn is_root(&self) -> bool {
        self.stored.is_empty()
    }

    /// What stands before every key: the path and a `:`, or nothing.
    #[inline]
    pub fn stored(&self) -> &str {
        &self.stored
    }

    #[inline]
    pub(crate) fn join<'k>(&self, key: &'k str) -> Cow<'k, str> {
        if self.is_root() {
            return Cow::Borrowed(key);
        }
        let mut joined = String::with_capacity(self.stored.len() + key.len());
        joined.push_str(&self.stored);
        joined.push_str(key);
        Cow::Owned(joined)
    }
}

impl FromStr for Namespace {
    type Err = Error;

    /// Takes a path of names; there is no text for the whole store.
    fn from_str(path: &str) -> Result<Self, Error> {
        let is_name = |name: &str| {
            let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            !name.is_empty() && name.bytes().all(of_name)
        };
        // One byte for the `:` and one for a key.
        if path.len() + 2 > MAX_KEY_LEN || !path.split(':').all(is_name) {
            return Err(Error::new(ErrorKind::InvalidInput, "cache", "namespace").with_message(
                "a namespace is names of ASCII letters, digits, '_', '.' and '-', joined by ':'",
            ));
        }
        Ok(Self {
            stored: format!("{path}:"),
        })
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stored.strip_suffix(':').unwrap_or_default())
    }
}
