//! An API key: its text, which only its holder has, and what is stored of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::key::hex_sha256;

/// The text of an API key, which is shown once and never stored: `ak_live_` and 32 random
/// characters, or any other text of 16 to 512 visible ASCII characters that an application's own
/// keys have.
///
/// Whoever holds it acts as its user: `Debug` does not show it and there is no `Display`.
///
/// ```
/// use session_core::ApiKeySecret;
///
/// let secret = ApiKeySecret::random("ak", "live")?;
/// assert!(secret.as_str().starts_with("ak_live_"));
/// assert_eq!(format!("{secret:?}"), "ApiKeySecret(..)");
/// assert!("short".parse::<ApiKeySecret>().is_err());
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret(Box<str>);

impl ApiKeySecret {
    /// How many random bytes a key has.
    pub const BYTES: usize = 24;

    /// A new key from the operating system's generator, beginning with `{prefix}_{environment}_`,
    /// so that people and secret scanners recognise it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if one of the two is empty, longer than 32 characters, or has others than
    /// ASCII letters, digits and `-`; `Other` if the operating system gives no random bytes.
    pub fn random(prefix: &str, environment: &str) -> Result<Self> {
        check_name("prefix", prefix)?;
        check_name("environment", environment)?;
        let mut bytes = [0; Self::BYTES];
        getrandom::fill(&mut bytes).map_err(|source| {
            Error::new(ErrorKind::Other, "api keys", "make")
                .with_message("the operating system gives no random bytes")
                .with_source(source)
        })?;
        let random = URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self(format!("{prefix}_{environment}_{random}").into()))
    }

    /// The text, for its holder and nobody else.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored in place of the key.
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash(hex_sha256(&self.0).into())
    }
}

impl FromStr for ApiKeySecret {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if (16..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.into()));
        }
        Err(Error::new(ErrorKind::InvalidInput, "api keys", "parse")
            .with_message("an API key has 16 to 512 visible ASCII characters"))
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(..)")
    }
}

/// The SHA-256 of a key as 64 characters of lower-case hex: what is stored and looked up.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeyHash(Box<str>);

impl ApiKeyHash {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What pages and logs may call the key: 24 characters, made one way.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"api key id\0");
        hash.update(self.0.as_bytes());
        URL_SAFE_NO_PAD.encode(&hash.finalize()[..18])
    }
}

impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyHash(..)")
    }
}

/// An API key as it is stored: whose it is and what it may do, without its text.
///
/// All times are milliseconds since 1970. Unknown fields are ignored and new ones have defaults, so
/// that stored keys outlive deployments.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiKey {
    /// What stands for the key's text.
    pub hash: ApiKeyHash,
    /// Who acts with it; as [`AuthUserSession::user_id`](crate::AuthUserSession::user_id).
    pub user_id: String,
    /// Where it is for, such as `live` or `test`.
    pub environment: String,
    /// What kind of key it is, such as `secret` or `publishable`.
    #[serde(default)]
    pub key_type: String,
    /// What it may do; none says nothing, so that the application's other rules decide.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// When it was made.
    #[serde(default)]
    pub created_ms: i64,
    /// From when on it is refused.
    #[serde(default)]
    pub expires_ms: Option<i64>,
    /// When it was cancelled, if it was.
    #[serde(default)]
    pub cancelled_ms: Option<i64>,
    /// What people wrote about it.
    #[serde(default)]
    pub notes: Option<String>,
    /// What it refers to in the application or outside, by names of one's own.
    #[serde(default)]
    pub references: BTreeMap<String, String>,
}

impl ApiKey {
    /// What pages and logs may call the key.
    pub fn id(&self) -> String {
        self.hash.id()
    }

    /// Whether the key has this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// Whether the key is good at an instant.
    ///
    /// # Errors
    ///
    /// Why it is not: for the log, never for who sent it.
    pub fn check(&self, now_ms: i64) -> std::result::Result<(), KeyRefusal> {
        if self.cancelled_ms.is_some() {
            return Err(KeyRefusal::Cancelled);
        }
        match self.expires_ms {
            Some(expires_ms) if expires_ms <= now_ms => Err(KeyRefusal::Expired),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for ApiKey {
    /// Shows neither hash nor user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id())
            .field("environment", &self.environment)
            .field("key_type", &self.key_type)
            .field("expires_ms", &self.expires_ms)
            .field("cancelled_ms", &self.cancelled_ms)
            .finish_non_exhaustive()
    }
}

/// Why a key is refused. For the log: outside, all are one and the same 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRefusal {
    /// The request has none.
    Missing,
    /// It cannot be the text of a key.
    Malformed,
    /// Nobody made it.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was cancelled or replaced.
    Cancelled,
    /// Its user is gone, locked or refused by a hook.
    User,
    /// A rule of the application refuses it for this request.
    Rule,
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the request has no API key",
            Self::Malformed => "the API key is malformed",
            Self::Unknown => "the API key is unknown",
            Self::Expired => "the API key has expired",
            Self::Cancelled => "the API key was cancelled",
            Self::User => "the API key's user may not sign in",
            Self::Rule => "the API key is not for this request",
        })
    }
}

/// Names that stand in a key's text.
pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=32).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::InvalidInput, "api keys", "make").with_message(format!(
            "the {what} has 1 to 32 ASCII letters, digits and '-'"
        )),
    )
}
