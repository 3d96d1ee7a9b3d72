//! What this application keeps in a session, and what it does at each step of a session's life.

use serde::{Deserialize, Serialize};
use session_core::{AuthUserSession, EventContext, SessionData};

use crate::device;

/// What this application keeps in a session.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DemoSession {
    pub(crate) auth: AuthUserSession,
    pub(crate) visits: u64,
    /// What it was opened with, such as `Firefox on Linux`.
    pub(crate) device: String,
    /// How many forms for new API keys were taken: each is good for one key.
    pub(crate) key_forms: u64,
    /// Whether the user was registered in this session.
    pub(crate) newcomer: bool,
}

impl SessionData for DemoSession {
    fn auth(&self) -> Option<&AuthUserSession> {
        Some(&self.auth)
    }

    fn auth_mut(&mut self) -> Option<&mut AuthUserSession> {
        Some(&mut self.auth)
    }

    async fn on_created(&mut self, _: &EventContext) {
        self.device = device::of_request();
    }

    async fn on_authenticated(&mut self, _: &EventContext) {
        self.device = device::of_request();
    }

    async fn on_registered(&mut self, _: &EventContext) {
        self.newcomer = true;
    }
}

impl DemoSession {
    /// Who is signed in.
    pub(crate) fn user(&self) -> Option<&AuthUserSession> {
        Some(&self.auth).filter(|auth| auth.is_authenticated)
    }

    pub(crate) fn user_name(&self) -> Option<&str> {
        self.user()?.user_name.as_deref()
    }

    /// The name to show.
    pub(crate) fn display_name(&self) -> Option<&str> {
        let user = self.user()?;
        user.display_name.as_deref().or(user.user_name.as_deref())
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.user().is_some_and(|user| user.has_role("admin"))
    }
}
