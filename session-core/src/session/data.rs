//! What an application keeps in a session: its own type, and the ready-made one for users.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::Rejection;
use super::events::{EventContext, Saving};
use super::sorted;

/// What can be kept in a session: any type that serde can write and read, that can be cloned
/// and has a default.
///
/// All methods are provided. A type that contains an [`AuthUserSession`] gives it by
/// [`auth`](SessionData::auth) and [`auth_mut`](SessionData::auth_mut), which is what sign-in
/// looks at. The hooks are those of [`SessionEvents`](crate::SessionEvents), which says when each
/// is called; the type's own are called before those of the events.
///
/// Fields may come and go between deployments where sessions are stored as JSON, the default:
/// give new ones `#[serde(default)]`.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use session_core::{AuthUserSession, Rejection, SessionData};
///
/// #[derive(Clone, Default, Serialize, Deserialize)]
/// #[serde(default)]
/// struct CustomUserSession {
///     auth: AuthUserSession,
///     custom_id: String,
/// }
///
/// impl SessionData for CustomUserSession {
///     fn auth(&self) -> Option<&AuthUserSession> {
///         Some(&self.auth)
///     }
///
///     fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
///         Some(&mut self.auth)
///     }
///
///     async fn validate(&self, _: &session_core::EventContext) -> Result<(), Rejection> {
///         match &self.auth.email {
///             Some(_) => Ok(()),
///             None => Err(Rejection::new("an e-mail address is needed")),
///         }
///     }
/// }
/// ```
pub trait SessionData:
    Serialize + DeserializeOwned + Clone + Default + Send + Sync + 'static
{
    /// The user's part of the session; none by default.
    fn auth(&self) -> Option<&AuthUserSession> {
        None
    }

    /// The user's part of the session, to be changed; the same as [`auth`](SessionData::auth).
    fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
        None
    }

    /// Who is signed in; by default the [`user_id`](AuthUserSession::user_id) of an authenticated
    /// [`auth`](SessionData::auth).
    ///
    /// Sign-in compares it: the data of an anonymous session is kept, another user's is dropped.
    fn user_id(&self) -> Option<&str> {
        let auth = self.auth().filter(|auth| auth.is_authenticated)?;
        auth.user_id.as_deref()
    }

    /// As [`SessionEvents::on_created`](crate::SessionEvents::on_created).
    fn on_created(&mut self, _context: &EventContext) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// As [`SessionEvents::on_load`](crate::SessionEvents::on_load).
    fn on_load(
        &mut self,
        _context: &EventContext,
    ) -> impl Future<Output = Result<(), Rejection>> + Send {
        async { Ok(()) }
    }

    /// As [`SessionEvents::on_save`](crate::SessionEvents::on_save).
    fn on_save(&self, _saving: &mut Saving) -> impl Future<Output = Result<(), Rejection>> + Send {
        async { Ok(()) }
    }

    /// As [`SessionEvents::on_registered`](crate::SessionEvents::on_registered).
    fn on_registered(&mut self, _context: &EventContext) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// As [`SessionEvents::validate`](crate::SessionEvents::validate).
    fn validate(
        &self,
        _context: &EventContext,
    ) -> impl Future<Output = Result<(), Rejection>> + Send {
        async { Ok(()) }
    }

    /// As [`SessionEvents::on_authenticated`](crate::SessionEvents::on_authenticated).
    fn on_authenticated(&mut self, _context: &EventContext) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// As [`SessionEvents::on_logout`](crate::SessionEvents::on_logout).
    fn on_logout(&self, _context: &EventContext) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// The ready-made session of a user, to be used as it is or inside a type of one's own.
///
/// Every field has a default and unknown ones are ignored, so that fields can come and go. The
/// times of the session are not in it: see [`Session::created`](crate::Session::created) and
/// [`Session::modified`](crate::Session::modified).
///
/// ```
/// use session_core::AuthUserSession;
///
/// let user = AuthUserSession {
///     user_id: Some("17".to_owned()),
///     user_name: Some("alice".to_owned()),
///     roles: ["admin".to_owned()].into(),
///     ..AuthUserSession::default()
/// };
/// assert!(user.has_role("admin") && !user.is_authenticated);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthUserSession {
    /// Whether a user is signed in with this session; sign-in sets it.
    pub is_authenticated: bool,
    /// When the user signed in, in milliseconds since 1970; sign-in sets it.
    pub authenticated_ms: Option<i64>,
    /// What the user was authenticated by, such as `credentials`.
    pub provider: Option<String>,
    /// The user's id in the application; what tells one user from another.
    pub user_id: Option<String>,
    /// The name with which the user signs in.
    pub user_name: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the user has shown that the address is theirs.
    pub email_confirmed: bool,
    /// The phone number.
    pub phone_number: Option<String>,
    /// The address of a picture of the user.
    pub profile_url: Option<String>,
    /// The language that the user reads, such as `de-AT`.
    pub language: Option<String>,
    /// The user's time zone, such as `Europe/Vienna`.
    pub time_zone: Option<String>,
    /// What the user is.
    pub roles: BTreeSet<String>,
    /// What the user may do.
    pub permissions: BTreeSet<String>,
    /// Anything else that is text.
    #[serde(deserialize_with = "sorted::map")]
    pub meta: BTreeMap<String, String>,
}

impl AuthUserSession {
    /// Whether the user has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// Whether the user has this permission.
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }
}

impl SessionData for AuthUserSession {
    fn auth(&self) -> Option<&AuthUserSession> {
        Some(self)
    }

    fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
        Some(self)
    }
}

impl fmt::Debug for AuthUserSession {
    /// Shows whether a user is signed in and by what, and nothing about who.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthUserSession")
            .field("is_authenticated", &self.is_authenticated)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
