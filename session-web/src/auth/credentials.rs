//! Signing in with name and password.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use async_trait::async_trait;
use http::StatusCode;
use session_core::{AuthUserSession, BoxError, Error, ErrorKind};
use tokio::sync::Semaphore;

use crate::auth::{AuthProvider, SignIn, refused};
use crate::problem::Problem;

/// The users of an application, as far as signing in needs them.
#[async_trait]
pub trait UserStore: Send + Sync + 'static {
    /// The user with this name; `None` if there is none.
    ///
    /// Whether names that differ in case are the same is for the application to say.
    ///
    /// # Errors
    ///
    /// What keeps the application from knowing; visitors are told 503.
    async fn find(&self, user_name: &str) -> Result<Option<StoredUser>, BoxError>;
}

/// A user as an application keeps them.
#[derive(Clone)]
pub struct StoredUser {
    /// What goes into the session.
    pub user: AuthUserSession,
    /// The password, hashed with argon2 in PHC form (`$argon2id$v=19$…`), as
    /// [`hash_password`] makes it.
    pub password_hash: String,
}

/// Checks passwords with argon2, beside the runtime and a few at a time.
///
/// An unknown user costs the same work as a wrong password, so the answer's time tells nothing
/// either, as long as the stored hashes have the parameters of [`hash_password`].
#[derive(Clone)]
pub struct Credentials<U> {
    users: Arc<U>,
    /// Stands in for the hash of a user that does not exist.
    nobody: Arc<str>,
    /// Each check takes 19 MiB and a processor: as many at once as there are processors.
    permits: Arc<Semaphore>,
}

impl<U: UserStore> Credentials<U> {
    /// The credentials of these users.
    ///
    /// Hashes one password, which takes some tens of milliseconds: make it once, at start.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes.
    pub fn new(users: U) -> session_core::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self {
            users: Arc::new(users),
            nobody: hash_password("nobody's password")?.into(),
            permits: Arc::new(Semaphore::new(processors)),
        })
    }

    async fn matches(&self, password: &str, hash: Arc<str>) -> Result<bool, Problem> {
        let permit = tokio::time::timeout(LONGEST_WAIT, self.permits.clone().acquire_owned());
        let Ok(Ok(permit)) = permit.await else {
            tracing::warn!("too many sign-ins at once; one was sent away");
            return Err(out_of_order());
        };
        let password = password.to_owned();
        let check = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if the visitor has gone.
            let _permit = permit;
            verify(&password, &hash)
        });
        check.await.map_err(|error| {
            tracing::error!(%error, "a password check did not end");
            out_of_order()
        })
    }
}

/// Hashes a password for [`StoredUser::password_hash`], with a new salt.
///
/// Takes some tens of milliseconds and 19 MiB, so call it beside the runtime
/// (`tokio::task::spawn_blocking`).
///
/// # Errors
///
/// `InvalidInput` for more than 1,024 bytes, which [`Credentials`] would refuse at each sign-in;
/// `Other` if the operating system gives no random bytes.
pub fn hash_password(password: &str) -> session_core::Result<String> {
    if password.len() > LONGEST_PASSWORD {
        return Err(
            Error::new(ErrorKind::InvalidInput, "argon2", "hash_password")
                .with_message(format!("a password has at most {LONGEST_PASSWORD} bytes")),
        );
    }
    match Argon2::default().hash_password(password.as_bytes()) {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => Err(Error::new(ErrorKind::Other, "argon2", "hash_password")
            .with_message(format!("the password cannot be hashed: {error}"))),
    }
}

#[async_trait]
impl<U: UserStore> AuthProvider for Credentials<U> {
    fn name(&self) -> &'static str {
        "credentials"
    }

    async fn authenticate(&self, attempt: &SignIn) -> Result<AuthUserSession, Problem> {
        if attempt.password.len() > LONGEST_PASSWORD {
            return Err(refused());
        }
        let found = self.users.find(&attempt.user_name).await.map_err(|error| {
            tracing::error!(%error, "the users cannot be read");
            out_of_order()
        })?;
        let (user, hash) = match found {
            Some(StoredUser {
                user,
                password_hash,
            }) => (Some(user), password_hash.into()),
            None => (None, self.nobody.clone()),
        };
        let matches = self.matches(&attempt.password, hash).await?;
        user.filter(|_| matches).ok_or_else(refused)
    }
}

impl<U> fmt::Debug for Credentials<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl fmt::Debug for StoredUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredUser(..)")
    }
}

/// How long a sign-in waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// More than anybody types; what is longer is not hashed.
const LONGEST_PASSWORD: usize = 1_024;

fn verify(password: &str, hash: &str) -> bool {
    match PasswordHash::new(hash) {
        Ok(hash) => Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok(),
        Err(error) => {
            tracing::error!(%error, "a stored password hash is not in PHC form");
            false
        }
    }
}

fn out_of_order() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE)
        .with_detail("Nobody can be signed in at the moment; try again later.")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct OneUser;

    #[async_trait]
    impl UserStore for OneUser {
        async fn find(&self, user_name: &str) -> Result<Option<StoredUser>, BoxError> {
            Ok((user_name == "alice").then(|| StoredUser {
                user: AuthUserSession::default(),
                password_hash: hash_password("correct horse").unwrap(),
            }))
        }
    }

    fn sent(user_name: &str, password: &str) -> SignIn {
        SignIn {
            user_name: user_name.to_owned(),
            password: password.to_owned(),
            remember_me: false,
        }
    }

    #[tokio::test]
    async fn an_unknown_user_costs_a_password_check_as_a_known_one_does() {
        let credentials = Credentials::new(OneUser).unwrap();
        // Now every check fails that takes place at all.
        credentials.permits.close();
        for name in ["alice", "nobody"] {
            let answer = credentials.authenticate(&sent(name, "wrong")).await;
            let status = answer.err().map(|problem| problem.status());
            assert_eq!(status, Some(StatusCode::SERVICE_UNAVAILABLE), "{name}");
        }
    }

    #[tokio::test]
    async fn the_password_that_stands_in_for_nobodys_signs_nobody_in() {
        let credentials = Credentials::new(OneUser).unwrap();
        let stranger = sent("nobody", "nobody's password");
        let answer = credentials.authenticate(&stranger).await;
        assert_eq!(answer.unwrap_err(), refused());
        let alice = sent("alice", "correct horse");
        assert!(credentials.authenticate(&alice).await.is_ok());
    }
}
