//! What a token says, and how a session becomes claims and claims a session.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use session_core::{AuthUserSession, Rejection, SessionData};

/// The claims of a token. Times are seconds since 1970.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JwtClaims {
    /// Who made the token.
    #[serde(rename = "iss", default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Whose it is: the user's id.
    #[serde(rename = "sub", default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it was made.
    #[serde(rename = "iat", default, deserialize_with = "seconds")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued: Option<i64>,
    /// Before when it is not taken.
    #[serde(rename = "nbf", default, deserialize_with = "seconds")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// From when on it is not taken.
    #[serde(rename = "exp", default, deserialize_with = "seconds")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    /// All other claims, `aud` among them.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What an application adds to tokens, and what it takes from them.
///
/// The claims of a user are there already: `sub` (user id), `preferred_username`, `name`,
/// `given_name`, `family_name`, `email`, `picture`, `roles` and `perms`. Anybody who has a token
/// can read it: put nothing secret into it, and no more than each request needs.
///
/// ```
/// use session_core::{AuthUserSession, Rejection, SessionData, async_trait};
/// use session_web::{JwtClaims, JwtHooks};
/// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
/// # struct Shop { auth: AuthUserSession, customer: String }
/// # impl SessionData for Shop {}
///
/// struct Customers;
///
/// #[async_trait]
/// impl JwtHooks<Shop> for Customers {
///     async fn fill_claims(&self, session: &Shop, claims: &mut JwtClaims) {
///         claims.other.insert("customer".to_owned(), session.customer.as_str().into());
///     }
///
///     async fn fill_session(&self, claims: &JwtClaims, session: &mut Shop) -> Result<(), Rejection> {
///         let customer = claims.other.get("customer").and_then(|customer| customer.as_str());
///         let customer = customer.ok_or_else(|| Rejection::new("a token without a customer"))?;
///         session.customer = customer.to_owned();
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait JwtHooks<T: SessionData>: Send + Sync + 'static {
    /// Fills the claims of a new token from the session; those of the user are there already.
    async fn fill_claims(&self, session: &T, claims: &mut JwtClaims) {
        let _ = (session, claims);
    }

    /// Fills the session of a request from the claims of its token, which was checked; the user is
    /// there already.
    ///
    /// # Errors
    ///
    /// A rejection refuses the token, such as one on a list of those that are not to be taken any
    /// more; the reason goes to the log.
    async fn fill_session(&self, claims: &JwtClaims, session: &mut T) -> Result<(), Rejection> {
        let _ = (claims, session);
        Ok(())
    }
}

impl JwtClaims {
    pub(super) fn of_user(user: &AuthUserSession) -> Self {
        let mut other = Map::new();
        for (name, value) in [
            ("preferred_username", &user.user_name),
            ("name", &user.display_name),
            ("given_name", &user.first_name),
            ("family_name", &user.last_name),
            ("email", &user.email),
            ("picture", &user.profile_url),
        ] {
            if let Some(value) = value {
                other.insert(name.to_owned(), value.as_str().into());
            }
        }
        for (name, values) in [("roles", &user.roles), ("perms", &user.permissions)] {
            if !values.is_empty() {
                other.insert(name.to_owned(), values.iter().cloned().collect());
            }
        }
        Self {
            subject: user.user_id.clone(),
            other,
            ..Self::default()
        }
    }

    pub(super) fn user(&self) -> AuthUserSession {
        let text = |name: &str| self.other.get(name)?.as_str().map(str::to_owned);
        let texts = |name: &str| -> BTreeSet<String> {
            let values = self.other.get(name).and_then(Value::as_array);
            let texts = values.into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        };
        AuthUserSession {
            is_authenticated: true,
            authenticated_ms: self.issued.map(|seconds| seconds.saturating_mul(1_000)),
            provider: Some(super::NAME.to_owned()),
            user_id: self.subject.clone(),
            user_name: text("preferred_username"),
            display_name: text("name"),
            first_name: text("given_name"),
            last_name: text("family_name"),
            email: text("email"),
            profile_url: text("picture"),
            roles: texts("roles"),
            permissions: texts("perms"),
            ..AuthUserSession::default()
        }
    }
}

impl fmt::Debug for JwtClaims {
    /// Shows times, and nothing about who.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtClaims")
            .field("issued", &self.issued)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// A time, which some write with a fraction.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = Option::<f64>::deserialize(deserializer)?;
    // Saturates; what is cut off is a fraction of a second.
    #[allow(clippy::cast_possible_truncation)]
    Ok(number.map(|number| number.floor() as i64))
}
