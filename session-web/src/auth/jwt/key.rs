//! Keys of tokens, each bound to its one algorithm.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use crate::options::OptionsError;

/// A key that signs and checks tokens, or only checks them, by the one algorithm it was made for.
///
/// A token that names another algorithm is never checked with it, so a public key is never taken
/// for a secret.
#[derive(Clone)]
pub struct JwtKey {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) signs: Option<EncodingKey>,
    pub(super) checks: DecodingKey,
}

impl JwtKey {
    /// HMAC with SHA-256: whoever can check tokens can make them. At least 32 random bytes.
    ///
    /// # Errors
    ///
    /// A secret that is shorter.
    pub fn hs256(secret: &[u8]) -> Result<Self, OptionsError> {
        if secret.len() < 32 {
            return Err(OptionsError::new("the secret has less than 32 bytes"));
        }
        let signs = EncodingKey::from_secret(secret);
        let checks = DecodingKey::from_secret(secret);
        Self::pair(Algorithm::HS256, signs, checks)
    }

    /// RSA with SHA-256, both keys in PEM form; 2,048 bits or more.
    ///
    /// For signing prefer [`es256`](JwtKey::es256) or [`eddsa`](JwtKey::eddsa): the arithmetic with
    /// private RSA keys behind this is blinded, but does not take constant time (RUSTSEC-2023-0071).
    /// Checking is not concerned.
    ///
    /// # Errors
    ///
    /// What is no such key, and two that do not belong together.
    pub fn rs256(private: &[u8], public: &[u8]) -> Result<Self, OptionsError> {
        let signs = EncodingKey::from_rsa_pem(private).map_err(no_key)?;
        let checks = DecodingKey::from_rsa_pem(public).map_err(no_key)?;
        Self::pair(Algorithm::RS256, signs, checks)
    }

    /// The public key alone, for tokens that others make.
    ///
    /// # Errors
    ///
    /// What is no such key.
    pub fn rs256_public(public: &[u8]) -> Result<Self, OptionsError> {
        let checks = DecodingKey::from_rsa_pem(public).map_err(no_key)?;
        Ok(Self::public(Algorithm::RS256, checks))
    }

    /// ECDSA on P-256 with SHA-256, both keys in PEM form, the private one in PKCS#8.
    ///
    /// # Errors
    ///
    /// What is no such key, and two that do not belong together.
    pub fn es256(private: &[u8], public: &[u8]) -> Result<Self, OptionsError> {
        let signs = EncodingKey::from_ec_pem(private).map_err(no_key)?;
        let checks = DecodingKey::from_ec_pem(public).map_err(no_key)?;
        Self::pair(Algorithm::ES256, signs, checks)
    }

    /// The public key alone, for tokens that others make.
    ///
    /// # Errors
    ///
    /// What is no such key.
    pub fn es256_public(public: &[u8]) -> Result<Self, OptionsError> {
        let checks = DecodingKey::from_ec_pem(public).map_err(no_key)?;
        Ok(Self::public(Algorithm::ES256, checks))
    }

    /// Ed25519, both keys in PEM form.
    ///
    /// # Errors
    ///
    /// What is no such key, and two that do not belong together.
    pub fn eddsa(private: &[u8], public: &[u8]) -> Result<Self, OptionsError> {
        let signs = EncodingKey::from_ed_pem(private).map_err(no_key)?;
        let checks = DecodingKey::from_ed_pem(public).map_err(no_key)?;
        Self::pair(Algorithm::EdDSA, signs, checks)
    }

    /// The public key alone, for tokens that others make.
    ///
    /// # Errors
    ///
    /// What is no such key.
    pub fn eddsa_public(public: &[u8]) -> Result<Self, OptionsError> {
        let checks = DecodingKey::from_ed_pem(public).map_err(no_key)?;
        Ok(Self::public(Algorithm::EdDSA, checks))
    }

    /// Names the key (`kid`): its tokens say so, and a token that names a key is checked with that
    /// one only.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Two keys that have shown that they belong together.
    fn pair(
        algorithm: Algorithm,
        signs: EncodingKey,
        checks: DecodingKey,
    ) -> Result<Self, OptionsError> {
        let message = b"a trial";
        let signed = jsonwebtoken::crypto::sign(message, &signs, algorithm);
        let signed = signed.map_err(no_key)?;
        let fits = jsonwebtoken::crypto::verify(&signed, message, &checks, algorithm);
        if !fits.map_err(no_key)? {
            return Err(OptionsError::new(
                "the public key does not belong to the private key",
            ));
        }
        Ok(Self {
            id: None,
            algorithm,
            signs: Some(signs),
            checks,
        })
    }

    fn public(algorithm: Algorithm, checks: DecodingKey) -> Self {
        Self {
            id: None,
            algorithm,
            signs: None,
            checks,
        }
    }
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The keys of an application: one that signs, and those whose tokens are still taken.
///
/// To replace a key, make the new one the first and keep the old one as a fallback until its last
/// token has expired.
///
/// ```
/// # fn keys(new: &[u8], old: &[u8]) -> Result<(), session_web::OptionsError> {
/// use session_web::{JwtKey, JwtKeys};
///
/// let keys = JwtKeys::new(JwtKey::hs256(new)?.with_id("2026-11"))
///     .fallback(JwtKey::hs256(old)?.with_id("2026-05"));
/// # let _ = keys;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct JwtKeys {
    pub(super) keys: Vec<JwtKey>,
}

impl JwtKeys {
    /// The key that signs and whose tokens are taken. A public key signs none.
    pub fn new(first: JwtKey) -> Self {
        Self { keys: vec![first] }
    }

    /// Adds a key whose tokens are taken too.
    #[must_use]
    pub fn fallback(mut self, key: JwtKey) -> Self {
        self.keys.push(key);
        self
    }

    /// The keys with which a token may be checked, by what its header says.
    pub(super) fn candidates<'k>(
        &'k self,
        algorithm: Algorithm,
        id: Option<&'k str>,
    ) -> impl Iterator<Item = &'k JwtKey> {
        let named = move |key: &JwtKey| id.is_some() && key.id.as_deref() == id;
        let one_is_named = self.keys.iter().any(named);
        self.keys.iter().filter(move |key| {
            let fits = match (id, one_is_named) {
                (None, _) => true,
                (Some(_), true) => named(key),
                (Some(_), false) => key.id.is_none(),
            };
            fits && key.algorithm == algorithm
        })
    }
}

/// Says nothing of what the text of the key was.
fn no_key(error: jsonwebtoken::errors::Error) -> OptionsError {
    let _ = error;
    OptionsError::new("this is no key of that kind in PEM form")
}
