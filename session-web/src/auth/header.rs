//! What stands in `Authorization`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap};

/// A proof in `Authorization`.
pub(crate) enum Authorization {
    /// A token or a key.
    Bearer(String),
    /// Name and password.
    Basic(String, String),
}

impl Authorization {
    /// The one proof of a request. A scheme that nobody here knows is none, and two are none.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        let (scheme, rest) = value.trim().split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Bearer(rest.to_owned()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
            let (name, password) = text.split_once(':')?;
            return Some(Self::Basic(name.to_owned(), password.to_owned()));
        }
        None
    }
}

/// Whether a bearer token has the form of a JWT: three parts, the first a JSON object.
pub(crate) fn looks_like_jwt(token: &str) -> bool {
    token.starts_with("eyJ") && token.split('.').count() == 3
}
