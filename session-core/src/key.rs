//! The key forms of the session layer. Other programs share the data, so they are fixed.
//!
//! | entry | key |
//! | --- | --- |
//! | typed session | `urn:iauthsession:{stored id}` |
//! | session bag value | `sess:{stored id}:{key}` |
//!
//! The stored id is what the session layer makes of the id that a client sends; see
//! [`SessionId`](crate::SessionId). Nothing here reads or writes.

use crate::error::{Error, ErrorKind, Result};
use crate::scope::{MAX_KEY_LEN, check_key};
use crate::session::StoredId;

/// What stands before the id in the key of every typed session.
pub const SESSION_KEY_PREFIX: &str = "urn:iauthsession:";

/// What stands before the id in the key of every session bag value.
pub const BAG_KEY_PREFIX: &str = "sess:";

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
