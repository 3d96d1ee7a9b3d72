//! What axum handlers ask for: the session, its bag, the ids.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use session_core::SessionData;

use crate::context::{SessionContext, SessionIds};
use crate::options::WhenReadingFails;
use crate::problem::{Accepted, Problem};
use crate::request_session::RequestSession;
use crate::session::Session;

impl<T, S> FromRequestParts<S> for Session<T>
where
    T: SessionData,
    S: Send + Sync,
{
    type Rejection = Problem;

    /// A [`RequestSession`] goes before the stored one.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if let Some(own) = parts.extensions.get::<RequestSession>()
            && let Some(session) = own.session().await?
        {
            return Ok(session);
        }
        let context = SessionContext::of(&parts.extensions)?;
        match parts.extensions.get::<WhenReadingFails>() {
            Some(choice) => context.session_or(*choice).await,
            None => context.session().await,
        }
    }
}

/// The bag of a request's session: an axum extractor. It dereferences to
/// [`session_core::SessionBag`], which has its methods.
///
/// ```no_run
/// # use session_web::{Problem, SessionBag};
/// async fn cart(bag: SessionBag) -> Result<String, Problem> {
///     let cart: Vec<String> = bag.get("cart").await?.unwrap_or_default();
///     Ok(cart.join(", "))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SessionBag(session_core::SessionBag);

impl std::ops::Deref for SessionBag {
    type Target = session_core::SessionBag;

    fn deref(&self) -> &session_core::SessionBag {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionBag {
    type Rejection = Problem;

    /// Reads nothing before a value is asked for.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if let Some(own) = parts.extensions.get::<RequestSession>() {
            return Ok(Self(own.bag()));
        }
        Ok(Self(SessionContext::of(&parts.extensions)?.bag()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionIds {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(SessionContext::of(&parts.extensions)?.ids())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        SessionContext::of(&parts.extensions).cloned()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Accepted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}
