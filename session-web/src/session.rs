//! A request's session.

use std::fmt;
use std::ops::{Deref, DerefMut};

use session_core::{
    Error, ErrorKind, Lifetime, Session as CoreSession, SessionData, SessionError, SessionResult,
};

use crate::context::SessionContext;

/// A request's session with the application's data: an axum extractor, and what
/// [`SessionContext::session`] gives.
///
/// It dereferences to [`session_core::Session`], and that to the data, so fields and the methods
/// of both are at hand. Nothing is stored unless asked: [`update`](Session::update) for changes
/// that build on what is stored, [`save`](Session::save) for the rest.
///
/// ```no_run
/// # use session_web::{Problem, Session};
/// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
/// # struct Shop { visits: u64 }
/// # impl session_core::SessionData for Shop {}
/// async fn visit(mut session: Session<Shop>) -> Result<String, Problem> {
///     let visits = session.update(|shop| { shop.visits += 1; shop.visits }).await?;
///     Ok(format!("visit {visits}"))
/// }
/// ```
pub struct Session<T: SessionData> {
    session: CoreSession<T>,
    origin: Origin,
}

/// Where a session comes from, which decides what can be done with it.
enum Origin {
    /// The store, or nowhere yet.
    Request(SessionContext),
    /// The request itself: a token, a key, a test.
    RequestOnly,
    /// It stands for one that could not be read.
    Unreadable,
}

impl<T: SessionData> Session<T> {
    pub(crate) fn of_request(session: CoreSession<T>, context: &SessionContext) -> Self {
        let origin = Origin::Request(context.clone());
        Self { session, origin }
    }

    pub(crate) fn request_only(session: CoreSession<T>) -> Self {
        let origin = Origin::RequestOnly;
        Self { session, origin }
    }

    pub(crate) fn unreadable(session: CoreSession<T>) -> Self {
        let origin = Origin::Unreadable;
        Self { session, origin }
    }

    /// Stores the data, unless somebody else changed it since it was loaded.
    ///
    /// The first write makes the session under a new id, which the client gets with the response.
    ///
    /// # Errors
    ///
    /// As [`session_core::Session::save`]; `Store` if the session could not be read.
    pub async fn save(&mut self) -> SessionResult<()> {
        self.check_readable("save")?;
        self.session.save().await
    }

    /// Reads, changes and writes the newest stored data, again on conflict: no update is lost.
    ///
    /// # Errors
    ///
    /// As [`session_core::Session::update`]; `Store` if the session could not be read.
    pub async fn update<R: Send>(
        &mut self,
        change: impl FnMut(&mut T) -> R + Send,
    ) -> SessionResult<R> {
        self.check_readable("update")?;
        self.session.update(change).await
    }

    /// Gives the session new ids; the old one is dead, or leads to the new one for the
    /// [grace time](session_core::SessionOptions::renewal_grace).
    ///
    /// # Errors
    ///
    /// As [`session_core::Session::renew`]; `Store` if the session could not be read.
    pub async fn renew(&mut self) -> SessionResult<()> {
        self.check_readable("renew")?;
        self.session.renew().await
    }

    /// The same without any grace time for the old id.
    ///
    /// # Errors
    ///
    /// As [`renew`](Session::renew).
    pub async fn renew_at_once(&mut self) -> SessionResult<()> {
        self.check_readable("renew")?;
        self.session.renew_at_once().await
    }

    /// Lets a token take its place, by which somebody signs in: both ids are new, the old ones are
    /// dead. An anonymous session is kept, one of a user is removed.
    #[cfg(feature = "jwt")]
    pub(crate) async fn give_way_to_token(&mut self) -> SessionResult<()> {
        if self.session.data().user_id().is_some() {
            self.sign_out().await?;
            return Ok(());
        }
        if self.session.is_stored() {
            self.renew_at_once().await?;
        }
        self.leave_both_ids().await;
        Ok(())
    }

    /// Signs a user in: both ids are new, the old ones are dead.
    ///
    /// The closure writes the user into the data, usually into its
    /// [`auth_mut`](SessionData::auth_mut). The data of an anonymous session is kept, another
    /// user's is dropped.
    ///
    /// # Errors
    ///
    /// As [`session_core::Session::sign_in`]; `Store` if the session could not be read. Then the
    /// session is as it was.
    pub async fn sign_in(
        &mut self,
        lifetime: Lifetime,
        change: impl FnMut(&mut T) + Send,
    ) -> SessionResult<()> {
        self.check_readable("sign_in")?;
        self.session.sign_in(lifetime, change).await?;
        self.leave_both_ids().await;
        Ok(())
    }

    async fn leave_both_ids(&self) {
        if let Origin::Request(context) = &self.origin {
            context.renew_both_ids();
            if let Err(error) = context.remove_other::<T>().await {
                // The user is signed in; what stays behind is an old session of this browser,
                // which ends by itself.
                tracing::warn!(%error, "the session of the other id stays until it expires");
            }
        }
    }

    /// Signs out: removes session and bag of both ids, and the client forgets the ids.
    ///
    /// `true` if there was a session. It stays removed, whatever slower requests try.
    ///
    /// # Errors
    ///
    /// As [`session_core::Session::remove`]; then the client keeps its ids and can try again.
    pub async fn sign_out(&mut self) -> SessionResult<bool> {
        self.check_readable("sign_out")?;
        let mut removed = false;
        if let Origin::Request(context) = &self.origin {
            removed = context.remove_other::<T>().await?;
        }
        removed |= self.session.remove().await?;
        Ok(removed)
    }

    /// An empty session that stands for an unreadable one is never written.
    fn check_readable(&self, operation: &'static str) -> SessionResult<()> {
        match self.origin {
            Origin::Unreadable => {
                let error = Error::new(ErrorKind::Unavailable, "session", operation)
                    .with_outcome(session_core::Outcome::NotApplied)
                    .with_message("the stored session could not be read");
                Err(SessionError::Store(error))
            }
            Origin::Request(_) | Origin::RequestOnly => Ok(()),
        }
    }
}

impl<T: SessionData> Deref for Session<T> {
    type Target = CoreSession<T>;

    fn deref(&self) -> &CoreSession<T> {
        &self.session
    }
}

impl<T: SessionData> DerefMut for Session<T> {
    fn deref_mut(&mut self) -> &mut CoreSession<T> {
        &mut self.session
    }
}

impl<T: SessionData> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}
