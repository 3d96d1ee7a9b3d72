//! The key forms of the session layer. Other programs share the data, so they are fixed.
//!
//! | entry | key |
//! | --- | --- |
//! | typed session | `urn:iauthsession:{stored id}` |
//! | session bag value | `sess:{stored id}:{key}` |
//! | index of a user's sessions | `user:sess:{SHA-256 of the user's id, hex}` |
//!
//! The stored id is what the session layer makes of the id that a client sends; see
//! [`SessionId`](crate::SessionId). Nothing here reads or writes.

use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::scope::{MAX_KEY_LEN, check_key};
use crate::session::{StoredId, UserKey};

/// What stands before the id in the key of every typed session.
pub const SESSION_KEY_PREFIX: &str = "urn:iauthsession:";

/// What stands before the id in the key of every session bag value.
pub const BAG_KEY_PREFIX: &str = "sess:";

/// What stands before the hash of a user's id in the key of the index of that user's sessions.
pub const USER_KEY_PREFIX: &str = "user:sess:";

/// The key of the index of a user's sessions.
pub(crate) fn user_key(user: &UserKey) -> String {
    [USER_KEY_PREFIX, user.as_str()].concat()
}

/// The hash that stands in keys for a text that must not, as 64 hexadecimal digits.
pub(crate) fn hex_sha256(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four_bits: u8| char::from(DIGITS[usize::from(four_bits)]);
    // Digit by digit, because formatting costs five times the hash.
    let hash = Sha256::digest(text);
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

/// The key of a typed session.
pub(crate) fn session_key(id: &StoredId) -> String {
    [SESSION_KEY_PREFIX, id.as_str()].concat()
}

/// The id in the key of a typed session.
pub(crate) fn stored_id(session_key: &str) -> Option<StoredId> {
    let id = session_key.strip_prefix(SESSION_KEY_PREFIX)?;
    Some(StoredId::from_key(id))
}

/// The key of a bag value, checked: the bag's own key is not empty and all of it fits the store.
pub(crate) fn bag_key(id: &StoredId, key: &str) -> Result<String> {
    let refuse = |message: String| {
        Err(Error::new(ErrorKind::InvalidInput, "session", "bag").with_message(message))
    };
    if key.is_empty() {
        return refuse("the bag key is empty".to_owned());
    }
    let full = [BAG_KEY_PREFIX, id.as_str(), ":", key].concat();
    if full.len() > MAX_KEY_LEN {
        let longest = MAX_KEY_LEN - (full.len() - key.len());
        return refuse(format!("the bag key is longer than {longest} bytes"));
    }
    check_key("session", "bag", &full)?;
    Ok(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> StoredId {
        StoredId::from_key("abc")
    }

    #[test]
    fn the_forms_are_those_that_other_programs_know() {
        assert_eq!(session_key(&id()), "urn:iauthsession:abc");
        assert_eq!(bag_key(&id(), "cart:1").unwrap(), "sess:abc:cart:1");
        assert_eq!(stored_id("urn:iauthsession:abc").unwrap().as_str(), "abc");
        assert!(stored_id("sess:abc:cart").is_none());
        assert_eq!(
            user_key(&UserKey::of("alice")),
            "user:sess:2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90"
        );
    }

    #[test]
    fn a_bag_key_is_not_empty_has_no_nul_and_fits() {
        let longest = "k".repeat(MAX_KEY_LEN - "sess:abc:".len());
        assert!(bag_key(&id(), &longest).is_ok());
        for key in ["", "a\0b", &(longest.clone() + "k")] {
            let error = bag_key(&id(), key).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        let error = bag_key(&id(), &(longest + "k")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "session bag: the bag key is longer than 1015 bytes"
        );
    }
}
