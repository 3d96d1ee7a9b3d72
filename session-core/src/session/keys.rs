//! Application keys, and what is made with them: the hashed form of an id at rest, and signatures
//! of ids in cookies.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::id::SessionId;
use crate::error::{Error, ErrorKind, Result};

/// A secret key of the application, for hashing or signing session ids.
///
/// At least 32 bytes that nobody can guess, such as from `openssl rand`, kept where the program's
/// other secrets are and never in the store. One key may serve both purposes. `Debug` does not show
/// it.
///
/// ```
/// use session_core::IdKey;
///
/// let key = IdKey::new([7; 32])?;
/// assert_eq!(format!("{key:?}"), "IdKey(..)");
/// assert!(IdKey::new("too short").is_err());
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone)]
pub struct IdKey(Hmac<Sha256>);

impl IdKey {
    /// The least number of bytes of a key.
    pub const MIN_LEN: usize = 32;

    /// The key of these bytes.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there are fewer than [`MIN_LEN`](IdKey::MIN_LEN).
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = bytes.as_ref();
        let mac = Hmac::new_from_slice(bytes).ok();
        let mac = mac.filter(|_| bytes.len() >= Self::MIN_LEN);
        mac.map(Self).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "session", "id_key")
                .with_message("a key for session ids has at least 32 bytes")
        })
    }

    /// The id as it is stored: 43 characters of base64url, so never an id itself.
    pub(super) fn hash(&self, id: &SessionId) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(AT_REST, id).finalize().into_bytes())
    }

    fn mac(&self, label: &[u8], id: &SessionId) -> Hmac<Sha256> {
        let mac = self.0.clone();
        mac.chain_update(label).chain_update(id.as_str())
    }
}

impl fmt::Debug for IdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdKey(..)")
    }
}

/// Signs session ids for cookies and headers, so that an id that this application did not give
/// never reaches the store.
///
/// The first key signs, all of them verify. To change the key, put the new one in front and keep
/// the old one as a fallback until the cookies that it signed are gone. A signature is no
/// encryption: the id can be read in it.
///
/// ```
/// use session_core::{IdKey, IdSigner, SessionId};
///
/// let id = SessionId::random()?;
/// let old = IdSigner::new(IdKey::new([1; 32])?);
/// let new = IdSigner::new(IdKey::new([2; 32])?).with_fallback(IdKey::new([1; 32])?);
/// assert_eq!(new.verify(&old.sign(&id)), Some(id.clone()));
/// assert_eq!(old.verify(&new.sign(&id)), None);
/// assert_eq!(new.verify(id.as_str()), None);
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct IdSigner {
    key: IdKey,
    fallbacks: Vec<IdKey>,
}

impl IdSigner {
    /// The length of a signed id in characters: the id, a dot and the signature.
    pub const LEN: usize = SessionId::LEN + 1 + 43;

    /// Signs and verifies with this key.
    pub fn new(key: IdKey) -> Self {
        let fallbacks = Vec::new();
        Self { key, fallbacks }
    }

    /// Verifies with this key too.
    #[must_use]
    pub fn with_fallback(mut self, key: IdKey) -> Self {
        self.fallbacks.push(key);
        self
    }

    /// The text for the cookie or header of the session's own client, and for nothing else.
    pub fn sign(&self, id: &SessionId) -> String {
        let signature = self.key.mac(IN_COOKIE, id).finalize().into_bytes();
        let signature = URL_SAFE_NO_PAD.encode(signature);
        [id.as_str(), ".", &signature].concat()
    }

    /// The id in a text that one of the keys signed; none if it is anything else.
    ///
    /// Signatures are compared in a time that does not depend on them.
    pub fn verify(&self, text: &str) -> Option<SessionId> {
        let (id, signature) = text.split_once('.')?;
        let id: SessionId = id.parse().ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let mut keys = std::iter::once(&self.key).chain(&self.fallbacks);
        let is_signed_with = |key: &IdKey| key.mac(IN_COOKIE, &id).verify_slice(&signature).is_ok();
        keys.any(is_signed_with).then_some(id)
    }
}

// The labels keep what is stored from being a signature, should both use one key.
const AT_REST: &[u8] = b"session id at rest\0";
const IN_COOKIE: &[u8] = b"session id in a cookie\0";

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> IdKey {
        IdKey::new([byte; 32]).unwrap()
    }

    fn id() -> SessionId {
        SessionId::from_bytes([7; 24])
    }

    #[test]
    fn only_what_a_key_signed_is_an_id() {
        let signer = IdSigner::new(key(1)).with_fallback(key(2));
        let signed = signer.sign(&id());
        assert_eq!(signed.len(), IdSigner::LEN);
        assert_eq!(signer.verify(&signed), Some(id()));
        for at in 0..signed.len() {
            let mut bytes = signed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(signer.verify(&changed), None, "{at}");
            assert_eq!(signer.verify(&signed[..at]), None, "{at}");
        }
        let unsigned = [id().as_str(), "."].concat();
        for text in ["", ".", &unsigned, &(signed.clone() + "="), id().as_str()] {
            assert_eq!(signer.verify(text), None, "{text}");
        }
        // What stands in the store is no signature.
        let stored = [id().as_str(), ".", &key(1).hash(&id())].concat();
        assert_eq!(signer.verify(&stored), None);
    }

    #[test]
    fn every_key_verifies_and_the_first_signs() {
        let old = IdSigner::new(key(1));
        let new = IdSigner::new(key(2))
            .with_fallback(key(3))
            .with_fallback(key(1));
        assert_eq!(new.verify(&old.sign(&id())), Some(id()));
        assert_eq!(old.verify(&new.sign(&id())), None);
        assert_eq!(new.sign(&id()), IdSigner::new(key(2)).sign(&id()));
    }

    #[test]
    fn hashes_and_signatures_stay_what_they_are() {
        // Made with another implementation of HMAC-SHA-256.
        assert_eq!(key(1).hash(&id()), HASHED);
        assert_eq!(IdSigner::new(key(1)).sign(&id()), SIGNED);
        assert!(HASHED.parse::<SessionId>().is_err());
    }

    #[test]
    fn a_key_is_long_enough_and_never_shown() {
        assert!(IdKey::new([0; 31]).is_err() && IdKey::new([0; 200]).is_ok());
        let shown = format!("{:?}", IdSigner::new(IdKey::new([b'k'; 32]).unwrap()));
        assert!(!shown.contains("kk") && !shown.contains("107"), "{shown}");
    }

    const HASHED: &str = "f-nbIaNTVlvt-9RtQzXFR9JB3Hz__gryfSQAAHnkv6g";
    const SIGNED: &str =
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH.vfTqpI09L18K60Lwf67iXV5YTToBneRhBYkDyfsK1x0";
}
