//! Who a visitor is: providers that sign users in, and those that authenticate every request.

mod api_key;
pub(crate) mod attempts;
mod basic;
pub(crate) mod connection;
mod credentials;
mod header;
#[cfg(feature = "jwt")]
mod jwt;
mod request;
mod users;

use std::fmt;
use std::fmt::Write as _;

use async_trait::async_trait;
use session_core::AuthUserSession;
use sha2::{Digest, Sha256};

pub use api_key::{ApiKey, ApiKeyAuth, ApiKeyProvider, ApiKeyRoutes, CachePolicy, KeyError};
pub use attempts::{Attempt, AttemptEnd, AttemptLimit, SignInAttempts};
pub use basic::BasicAuth;
pub use connection::ConnectionRule;
pub use credentials::{Credentials, StoredUser, UserStore, hash_password};
#[cfg(feature = "jwt")]
pub use jwt::{JwtAuth, JwtClaims, JwtHooks, JwtKey, JwtKeys, JwtRefusal};
pub use request::{RequestAuthLayer, RequestAuthProvider, RequestAuthService};
pub use users::{CacheUserStore, UsersById};

use crate::problem::Problem;

/// Signs users in by one kind of proof, such as name and password.
///
/// [`AuthRoutes`](crate::AuthRoutes) calls it for `POST /auth/{name}` and then makes the session;
/// a provider only says who it is.
#[async_trait]
pub trait AuthProvider: Send + Sync + 'static {
    /// The last part of the route, and what sessions carry as their provider.
    fn name(&self) -> &'static str;

    /// Who this is.
    ///
    /// # Errors
    ///
    /// A problem for the visitor. Whatever is wrong with the proof, it is one and the same 401:
    /// [`refused`].
    async fn authenticate(&self, attempt: &SignIn) -> Result<AuthUserSession, Problem>;
}

/// The answer to every proof that does not hold, whatever is wrong with it.
pub fn refused() -> Problem {
    Problem::new(http::StatusCode::UNAUTHORIZED)
        .with_detail("The user name or the password is not right.")
}

/// What a visitor sent to be signed in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SignIn {
    /// `userName`.
    pub user_name: String,
    /// `password`.
    pub password: String,
    /// `rememberMe`: whether the session is to be permanent.
    pub remember_me: bool,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("remember_me", &self.remember_me)
            .finish_non_exhaustive()
    }
}

/// Stands for a name in the keys of a store, where names may be of any length and hold anything.
fn hex_sha256(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
