//! The users of the demo. A real application asks its database.

use async_trait::async_trait;
use session_core::{AuthUserSession, BoxError};
use session_web::{StoredUser, UserStore};

/// Two users, `alice` with `alice-password` and `admin` with `admin-password`.
pub(crate) struct DemoUsers;

#[async_trait]
impl UserStore for DemoUsers {
    async fn find(&self, user_name: &str) -> Result<Option<StoredUser>, BoxError> {
        let (user_id, display_name, roles, hash) = match user_name {
            "alice" => ("1", "Alice", &[][..], ALICE),
            "admin" => ("2", "The administrator", &["admin"][..], ADMIN),
            _ => return Ok(None),
        };
        Ok(Some(StoredUser {
            user: AuthUserSession {
                user_id: Some(user_id.to_owned()),
                user_name: Some(user_name.to_owned()),
                display_name: Some(display_name.to_owned()),
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
                ..AuthUserSession::default()
            },
            password_hash: hash.to_owned(),
        }))
    }
}

// Made once with `session_web::hash_password`: what is stored of a password.
const ALICE: &str = "$argon2id$v=19$m=19456,t=2,p=1$DtHf94elOw6hV4aA5Ei+iQ$dwabOic2ZEjIohUTp0CA6oi6SpeJInJYIn4HG1spfuk";
const ADMIN: &str = "$argon2id$v=19$m=19456,t=2,p=1$x1AO9Kosr0ZwbOX7hpnbkA$4iA7WBCQ2XpLiyma91q7J/uaKUxQkS8Pe2ogaryfB0w";
