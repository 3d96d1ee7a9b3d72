//! What every backend checks before it touches the store, in one place, so that all refuse alike.
//!
//! A [`Scope`] is the part of a store that a client can see: its namespace and its limits. A
//! backend makes one from its options, passes every key, value and prefix through it, and sends
//! what comes out.

use std::borrow::Cow;

use bytes::Bytes;

use crate::entry::Condition;
use crate::error::{Error, ErrorKind, Result};
use crate::namespace::Namespace;

/// The longest key, namespace included, in bytes.
pub const MAX_KEY_LEN: usize = 1_024;

/// The longest value unless the options say otherwise, in bytes: 16 MiB.
pub const DEFAULT_MAX_VALUE_LEN: usize = 16 * 1_024 * 1_024;

/// The namespace and limits of a client, and the checks that follow from them.
#[derive(Clone, Debug)]
pub struct Scope {
    backend: &'static str,
    namespace: Namespace,
    max_value_len: usize,
}

impl Scope {
    /// The scope of a client of `backend`, the name that its errors carry.
    pub fn new(backend: &'static str, namespace: Namespace, max_value_len: usize) -> Self {
        Self {
            backend,
            namespace,
            max_value_len,
        }
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The longest value that is taken, in bytes.
    pub fn max_value_len(&self) -> usize {
        self.max_value_len
    }

    /// Checks a key and gives the form in which it is stored; borrowed without a namespace.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an empty key, one with NUL, or one longer than [`MAX_KEY_LEN`].
    #[inline]
    pub fn key<'k>(&self, operation: &'static str, key: &'k str) -> Result<Cow<'k, str>> {
        // The empty key is refused even where the namespace would make it a longer one.
        check_key(self.backend, operation, key)?;
        if self.namespace.is_root() {
            return Ok(Cow::Borrowed(key));
        }
        self.key_in_namespace(operation, key)
    }

    fn key_in_namespace<'k>(&self, operation: &'static str, key: &'k str) -> Result<Cow<'k, str>> {
        if self.namespace.stored().len() + key.len() > MAX_KEY_LEN {
            return Err(too_long(self.backend, operation));
        }
        Ok(self.namespace.join(key))
    }

    /// Checks all keys and gives their stored forms, in their order.
    ///
    /// # Errors
    ///
    /// As [`key`](Scope::key).
    pub fn keys<'k>(&self, operation: &'static str, keys: &[&'k str]) -> Result<Vec<Cow<'k, str>>> {
        keys.iter().map(|key| self.key(operation, key)).collect()
    }

    /// Checks a value.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is longer than the limit.
    #[inline]
    pub fn value(&self, operation: &'static str, value: &Bytes) -> Result<()> {
        if value.len() <= self.max_value_len {
            return Ok(());
        }
        Err(self.refused_value(operation, value))
    }

    #[cold]
    fn refused_value(&self, operation: &'static str, value: &Bytes) -> Error {
        let message = format!(
            "the value has {} bytes, more than the limit of {} (max_value_len)",
            value.len(),
            self.max_value_len
        );
        self.error(ErrorKind::InvalidInput, operation)
            .with_message(message)
    }

    /// Checks what one write would send: the value, and the one that it is compared with.
    ///
    /// # Errors
    ///
    /// As [`value`](Scope::value).
    #[inline]
    pub fn write(
        &self,
        operation: &'static str,
        value: &Bytes,
        condition: &Condition,
    ) -> Result<()> {
        self.value(operation, value)?;
        match condition {
            Condition::Equals(expected) => self.value(operation, expected),
            Condition::Always | Condition::Absent | Condition::Present => Ok(()),
        }
    }

    /// The stored form of a prefix, or `None` if no key of this client can start with it.
    pub fn prefix<'p>(&self, prefix: &'p str) -> Option<Cow<'p, str>> {
        let fits = self.namespace.stored().len() + prefix.len() <= MAX_KEY_LEN;
        (fits && !prefix.contains('\0')).then(|| self.namespace.join(prefix))
    }

    /// The caller's form of a stored key, which must lie inside the namespace.
    pub fn strip<'k>(&self, stored: &'k str) -> &'k str {
        stored
            .strip_prefix(self.namespace.stored())
            .unwrap_or(stored)
    }

    /// An error of this backend.
    pub fn error(&self, kind: ErrorKind, operation: &'static str) -> Error {
        Error::new(kind, self.backend, operation)
    }
}

/// Checks a key without a namespace: not empty, no NUL, at most [`MAX_KEY_LEN`] bytes.
///
/// # Errors
///
/// `InvalidInput` that says which of them; never the key itself.
#[inline]
pub fn check_key(backend: &'static str, operation: &'static str, key: &str) -> Result<()> {
    if key.is_empty() || key.len() > MAX_KEY_LEN || has_nul(key.as_bytes()) {
        return Err(refused_key(backend, operation, key));
    }
    Ok(())
}

#[cold]
fn refused_key(backend: &'static str, operation: &'static str, key: &str) -> Error {
    if key.len() > MAX_KEY_LEN {
        return too_long(backend, operation);
    }
    let what = match key.is_empty() {
        true => "the key is empty",
        false => "the key contains NUL",
    };
    Error::new(ErrorKind::InvalidInput, backend, operation).with_message(what)
}

/// Every call checks a key, and most are short: eight bytes at a time cost a third of a search.
#[inline]
fn has_nul(bytes: &[u8]) -> bool {
    const LOWEST: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    let among = |eight: &[u8; 8]| {
        let word = u64::from_ne_bytes(*eight);
        // Only a zero borrows from its highest bit without having had it, or from the byte above.
        word.wrapping_sub(LOWEST) & !word & HIGHEST != 0
    };
    match bytes.last_chunk() {
        // The last eight overlap the ones before.
        Some(last) => among(last) || bytes.as_chunks().0.iter().any(among),
        None => bytes.contains(&0),
    }
}

/// The smallest text that sorts after every text starting with `prefix`, or `None` if there is none.
///
/// Texts sort by their bytes, which for UTF-8 is the order of their characters. What an ordered
/// store needs to turn a prefix into a range.
///
/// ```
/// use session_core::prefix_end;
///
/// assert_eq!(prefix_end("sess:"), Some("sess;".to_owned()));
/// assert_eq!(prefix_end("a\u{10FFFF}"), Some("b".to_owned()));
/// assert_eq!(prefix_end(""), None);
/// ```
pub fn prefix_end(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The range of `char` steps over the surrogates, as UTF-8 does.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cold]
fn too_long(backend: &'static str, operation: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, backend, operation).with_message(format!(
        "the key is longer than {MAX_KEY_LEN} bytes, namespace included"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(namespace: &str) -> Scope {
        Scope::new("test", namespace.parse().unwrap(), 4)
    }

    #[test]
    fn the_namespace_counts_towards_the_length_of_a_key() {
        let longest = "k".repeat(MAX_KEY_LEN - "a:b:".len());
        assert!(scope("a:b").key("read", &longest).is_ok());
        let error = scope("a:b").key("read", &(longest + "k")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn the_empty_key_and_nul_are_refused_in_a_namespace_too() {
        for key in ["", "a\0b"] {
            assert_eq!(
                scope("a").key("read", key).unwrap_err().kind(),
                ErrorKind::InvalidInput
            );
        }
    }

    #[test]
    fn nul_is_found_wherever_it_stands() {
        for len in 1..40 {
            // Neighbours of zero, and bytes whose highest bit is set.
            let bytes: Vec<u8> = [0x01, 0x80, 0x7F, 0xFF]
                .into_iter()
                .cycle()
                .take(len)
                .collect();
            assert!(!has_nul(&bytes));
            for at in 0..len {
                let mut bytes = bytes.clone();
                bytes[at] = 0;
                assert!(has_nul(&bytes), "at {at} of {len}");
            }
        }
    }

    #[test]
    fn equals_counts_as_a_value() {
        let long = Bytes::from_static(b"12345");
        let condition = Condition::Equals(long.clone());
        assert!(
            scope("a")
                .write("write", &Bytes::new(), &condition)
                .is_err()
        );
        assert!(
            scope("a")
                .write("write", &long, &Condition::Always)
                .is_err()
        );
    }

    #[test]
    fn a_prefix_that_no_key_can_have_is_none() {
        assert_eq!(scope("a").prefix("x").as_deref(), Some("a:x"));
        assert_eq!(scope("a").prefix("\0"), None);
        assert_eq!(scope("a").prefix(&"x".repeat(MAX_KEY_LEN)), None);
    }

    #[test]
    fn the_end_of_a_prefix_steps_over_surrogates() {
        assert_eq!(prefix_end("\u{D7FF}"), Some("\u{E000}".to_owned()));
        assert_eq!(prefix_end("\u{10FFFF}"), None);
    }
}
