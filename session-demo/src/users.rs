//! The users of the demo: two that are there from the beginning, and those who register.

use std::sync::Arc;

use async_trait::async_trait;
use session_core::{AuthUserSession, BoxError, CacheClientExtended, Result, TypedCache};
use session_web::{CacheUserStore, StoredUser, UserStore, UsersById};

/// `alice` with `alice-password`, `admin` with `admin-password`, and whoever registers. A real
/// application asks its database.
#[derive(Clone)]
pub(crate) struct DemoUsers {
    cache: Arc<dyn CacheClientExtended>,
    registered: CacheUserStore,
}

impl DemoUsers {
    pub(crate) fn new(cache: Arc<dyn CacheClientExtended>) -> Self {
        Self {
            registered: CacheUserStore::new(cache.clone()),
            cache,
        }
    }

    /// Adds a user; `None` if the name is taken.
    pub(crate) async fn register(
        &self,
        user_name: &str,
        password: &str,
    ) -> Result<Option<AuthUserSession>> {
        if fixed().any(|fixed| fixed.user.user_name.as_deref() == Some(&*normalised(user_name))) {
            return Ok(None);
        }
        let number = self.cache.increment_by("demo:last-user", 1).await?;
        let user = AuthUserSession {
            user_id: Some(format!("registered-{number}")),
            user_name: Some(user_name.to_owned()),
            ..AuthUserSession::default()
        };
        let added = self.registered.register(user.clone(), password).await?;
        Ok(added.then_some(user))
    }
}

#[async_trait]
impl UserStore for DemoUsers {
    async fn find(&self, user_name: &str) -> Result<Option<StoredUser>, BoxError> {
        let name = normalised(user_name);
        match fixed().find(|fixed| fixed.user.user_name.as_deref() == Some(&*name)) {
            Some(found) => Ok(Some(found)),
            None => self.registered.find(user_name).await,
        }
    }
}

#[async_trait]
impl UsersById for DemoUsers {
    async fn find_by_id(&self, user_id: &str) -> Result<Option<AuthUserSession>, BoxError> {
        match fixed().find(|fixed| fixed.user.user_id.as_deref() == Some(user_id)) {
            Some(found) => Ok(Some(found.user)),
            None => self.registered.find_by_id(user_id).await,
        }
    }
}

fn fixed() -> impl Iterator<Item = StoredUser> {
    let fixed = [
        ("1", "alice", "Alice", &[][..], ALICE),
        ("2", "admin", "The administrator", &["admin"][..], ADMIN),
    ];
    fixed.into_iter().map(
        |(user_id, user_name, display_name, roles, hash)| StoredUser {
            user: AuthUserSession {
                user_id: Some(user_id.to_owned()),
                user_name: Some(user_name.to_owned()),
                display_name: Some(display_name.to_owned()),
                roles: roles.iter().map(|role: &&str| (*role).to_owned()).collect(),
                ..AuthUserSession::default()
            },
            password_hash: hash.to_owned(),
        },
    )
}

/// What counts of a name, as for those who registered.
fn normalised(name: &str) -> String {
    name.trim().to_lowercase()
}

// Made once with `session_web::hash_password`: what is stored of a password.
const ALICE: &str = "$argon2id$v=19$m=19456,t=2,p=1$DtHf94elOw6hV4aA5Ei+iQ$dwabOic2ZEjIohUTp0CA6oi6SpeJInJYIn4HG1spfuk";
const ADMIN: &str = "$argon2id$v=19$m=19456,t=2,p=1$x1AO9Kosr0ZwbOX7hpnbkA$4iA7WBCQ2XpLiyma91q7J/uaKUxQkS8Pe2ogaryfB0w";
