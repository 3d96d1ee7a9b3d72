//! Signing in without storing: for sessions that live in one request or in a token.

use super::data::SessionData;
use super::error::SessionResult;
use super::events::EventContext;
use super::options::Lifetime;
use super::sessions::Sessions;

impl<T: SessionData> Sessions<T> {
    /// A new session with a user in it, made as a sign-in makes it and never stored.
    ///
    /// The closure puts the user in; `is_authenticated` and the time are set for it. `on_created`
    /// is called before, `validate` may refuse and `on_authenticated` may fill the session.
    /// [`request_only`](Sessions::request_only) makes a request's session of it.
    ///
    /// # Errors
    ///
    /// `Rejected` by `validate`.
    pub async fn authenticate(&self, change: impl FnOnce(&mut T) + Send) -> SessionResult<T> {
        let mut data = self.inner.make(Lifetime::Temporary).await;
        change(&mut data);
        if let Some(auth) = data.auth_mut() {
            auth.is_authenticated = true;
            auth.authenticated_ms = Some(self.inner.store.now());
        }
        let context = EventContext::new(None, Lifetime::Temporary);
        self.inner.authenticate(&mut data, &context).await?;
        Ok(data)
    }
}
