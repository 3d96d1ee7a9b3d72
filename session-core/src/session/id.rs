//! Session ids: what a client sends, what stands in keys, and what a page may show.
//!
//! Three texts for one session, from secret to public. [`SessionId`] opens the session; only its
//! client has it. [`StoredId`] stands in the store's keys. [`SessionHandle`] is made one way from
//! the stored form, so a page, a log or an admin's list can hold it.

use std::fmt;
use std::str::{FromStr, from_utf8};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};

/// The id that opens a session: 24 random bytes as 32 characters of base64url.
///
/// Parsing checks length and alphabet, so whatever a client sends is checked before it goes near a
/// key. Whoever holds an id holds the session: `Debug` does not show it, there is no `Display`,
/// and [`as_str`](SessionId::as_str) is for cookies and headers only.
///
/// ```
/// use session_core::SessionId;
///
/// let id = SessionId::random()?;
/// assert_eq!(id.as_str().len(), SessionId::LEN);
/// assert_eq!(format!("{id:?}"), "SessionId(..)");
/// assert!("../../etc/passwd".parse::<SessionId>().is_err());
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId([u8; SessionId::LEN]);

impl SessionId {
    /// The length of an id in characters.
    pub const LEN: usize = 32;

    /// The length of an id in bytes before it is written as text.
    pub const BYTES: usize = 24;

    /// A new id from the operating system's generator.
    ///
    /// # Errors
    ///
    /// `Other` if the operating system gives no random bytes.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; Self::BYTES];
        getrandom::fill(&mut bytes).map_err(|source| {
            Error::new(ErrorKind::Other, "session", "new_id")
                .with_message("the operating system gives no random bytes")
                .with_source(source)
        })?;
        Ok(Self::from_bytes(bytes))
    }

    /// The id of these bytes, for a generator of one's own.
    ///
    /// They must be as hard to guess as those of the operating system's generator.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let mut text = [0; Self::LEN];
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        // Three bytes make four characters, so 24 make exactly these 32.
        debug_assert!(written.is_ok_and(|len| len == Self::LEN));
        Self(text)
    }

    /// The text for the cookie or header of the session's own client, and for nothing else.
    pub fn as_str(&self) -> &str {
        // All characters were checked or made here, so there is nothing to fall back to.
        from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for SessionId {
    type Err = Error;

    /// Takes 32 characters of the base64url alphabet and nothing else.
    fn from_str(text: &str) -> Result<Self> {
        let id = <[u8; Self::LEN]>::try_from(text.as_bytes());
        id.ok().filter(all_in_alphabet).map(Self).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "session", "parse_id")
                .with_message("a session id has 32 characters of base64url")
        })
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

/// Looks at all bytes, found wanting or not: without a way out the compiler takes many at once.
fn all_in_alphabet<const LEN: usize>(text: &[u8; LEN]) -> bool {
    let is_in = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'-') | (byte == b'_');
    text.iter().fold(true, |all, byte| all & is_in(*byte))
}

/// An id as it stands in the store's keys: the same text that the client sends, or hashed.
///
/// [`SessionOptions::stored`](super::options::SessionOptions::stored) makes it of an id. Nothing
/// makes an id of it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct StoredId(Arc<str>);

impl StoredId {
    /// The id as the client sends it.
    pub(super) fn plain(id: &SessionId) -> Self {
        Self::from_key(id.as_str())
    }

    /// The id found in a key of the store.
    pub(crate) fn from_key(id: &str) -> Self {
        Self(id.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoredId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredId(..)")
    }
}

/// What pages, logs and lists show in place of an id: it names a session and cannot open it.
///
/// 24 characters, made one way (SHA-256) from the stored form of the id: always the same for one
/// id, different after the id changed.
///
/// ```
/// use session_core::{SessionHandle, SessionId};
///
/// let handle = SessionHandle::of(&SessionId::random()?);
/// assert_eq!(handle.to_string().parse::<SessionHandle>()?, handle);
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionHandle(Box<str>);

impl SessionHandle {
    /// The length of a handle in characters.
    pub const LEN: usize = 24;

    /// The handle of the session with this id, where ids are stored as they are.
    ///
    /// [`Sessions::handle_of`](crate::Sessions::handle_of) gives it where they are stored hashed,
    /// too.
    pub fn of(id: &SessionId) -> Self {
        Self::of_stored(&StoredId::plain(id))
    }

    pub(crate) fn of_stored(id: &StoredId) -> Self {
        let mut hash = Sha256::new();
        // The label keeps handles apart from any other hash of an id.
        hash.update(b"session handle\0");
        hash.update(id.as_str());
        Self(URL_SAFE_NO_PAD.encode(&hash.finalize()[..18]).into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionHandle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() == Self::LEN && text.bytes().all(in_alphabet) {
            return Ok(Self(text.into()));
        }
        Err(
            Error::new(ErrorKind::InvalidInput, "session", "parse_handle")
                .with_message("a session handle has 24 characters of base64url"),
        )
    }
}

impl TryFrom<String> for SessionHandle {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SessionHandle> for String {
    fn from(handle: SessionHandle) -> Self {
        handle.0.into()
    }
}

impl fmt::Display for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHandle({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_32_characters_of_base64url_and_new_each_time() {
        let (one, other) = (SessionId::random().unwrap(), SessionId::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse::<SessionId>().unwrap(), one);
        let known = SessionId::from_bytes([0xFF; 24]);
        assert_eq!(known.as_str(), "_".repeat(32));
    }

    #[test]
    fn whatever_is_not_an_id_is_refused_without_being_shown() {
        let good = "A".repeat(32);
        assert!(good.parse::<SessionId>().is_ok());
        for text in ["", "A", &"A".repeat(31), &"A".repeat(33), &"ä".repeat(16)] {
            assert!(text.parse::<SessionId>().is_err());
        }
        for stranger in ["+", "/", "=", ":", "*", "\0", " ", "%"] {
            let text = good[1..].to_owned() + stranger;
            let error = text.parse::<SessionId>().unwrap_err();
            assert!(!format!("{error:?}{error}").contains("AAAA"));
        }
    }

    #[test]
    fn a_handle_stays_the_same_for_one_id_and_tells_nothing_of_it() {
        let id = SessionId::from_bytes([7; 24]);
        let handle = SessionHandle::of(&id);
        assert_eq!(handle, SessionHandle::of(&id));
        assert_eq!(handle.as_str().len(), SessionHandle::LEN);
        assert!(!id.as_str().contains(&handle.as_str()[..8]));
        let json = serde_json::to_string(&handle).unwrap();
        assert_eq!(
            serde_json::from_str::<SessionHandle>(&json).unwrap(),
            handle
        );
        assert!(serde_json::from_str::<SessionHandle>("\"x\"").is_err());
    }

    #[test]
    fn neither_form_of_an_id_shows_in_debug() {
        let id = SessionId::from_bytes([7; 24]);
        let shown = format!("{id:?}{:?}", StoredId::plain(&id));
        assert_eq!(shown, "SessionId(..)StoredId(..)");
    }
}
