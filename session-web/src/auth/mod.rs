//! Who a visitor is: providers that sign users in.

mod credentials;

use std::fmt;

use async_trait::async_trait;
use session_core::AuthUserSession;

pub use credentials::{Credentials, StoredUser, UserStore, hash_password};

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
