//! Authentication per request: who sends a proof with every request has a session for its length.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, VARY};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use session_core::{SessionData, Sessions};
use tower_layer::Layer;
use tower_service::Service;

use crate::context::SessionContext;
use crate::origin::{self, CrossSite, X_API_KEY};
use crate::problem::{Accepted, Problem};
use crate::request_session::RequestSession;

/// Authenticates requests by a proof that each carries: an API key, a token, name and password.
///
/// The session that it gives lives in the request only and is never stored. It passes `on_load` as
/// a stored one does: if that rejects it, the request is refused (403), or, if its proof came
/// neither in `Authorization` nor in `X-Api-Key`, whatever of it asks for the session.
#[async_trait]
pub trait RequestAuthProvider<T: SessionData>: Send + Sync + 'static {
    /// What sessions carry as their provider.
    fn name(&self) -> &'static str;

    /// The session of who sent the request; `None` if the request carries no proof of this kind.
    ///
    /// The provider may leave what it found among the request's extensions.
    ///
    /// # Errors
    ///
    /// The answer to the request. Whatever is wrong with a proof is one and the same 401.
    async fn authenticate(
        &self,
        request: &mut Parts,
        sessions: &Sessions<T>,
    ) -> Result<Option<T>, Problem>;
}

/// Gives requests that carry a proof the session of whom it belongs to, in place of a stored one.
///
/// A tower layer, to be put inside the [`SessionLayer`](crate::SessionLayer) or around routes that
/// have none. The first provider that finds its proof decides; a request without any goes on as it
/// is.
///
/// Browsers attach Basic by themselves, and so may a page of another site have them do. A request
/// that changes something is therefore refused (403) if it comes from another site, unless its
/// proof is a key or a bearer token in a header; see [`CrossSite`]. Inside a `SessionLayer` that
/// layer's options decide, elsewhere [`cross_site`](RequestAuthLayer::cross_site).
///
/// ```
/// # use std::sync::Arc;
/// # use session_core::{ApiKeys, AuthUserSession, CacheClientExtended, Sessions};
/// # use session_web::{ApiKey, ApiKeyAuth, ApiKeyProvider, RequestAuthLayer, SessionLayer, UsersById};
/// # fn routes(cache: Arc<dyn CacheClientExtended>, users: impl UsersById) -> axum::Router {
/// use axum::{Router, routing::get};
///
/// let sessions = Sessions::<AuthUserSession>::new(cache.clone());
/// let keys = ApiKeyProvider::new(ApiKeys::in_cache(cache), users);
/// let keys: Arc<dyn ApiKeyAuth<AuthUserSession>> = Arc::new(keys);
///
/// Router::new()
///     .route("/orders", get(async |key: ApiKey| format!("for {}", key.environment)))
///     .layer(RequestAuthLayer::new(sessions.clone()).provider(keys))
///     .layer(SessionLayer::new(sessions))
/// # }
/// ```
pub struct RequestAuthLayer<T: SessionData> {
    shared: Arc<Shared<T>>,
}

struct Shared<T: SessionData> {
    sessions: Sessions<T>,
    providers: Vec<Arc<dyn RequestAuthProvider<T>>>,
    cross_site: CrossSite,
}

impl<T: SessionData> RequestAuthLayer<T> {
    /// A layer without providers.
    pub fn new(sessions: Sessions<T>) -> Self {
        Self {
            shared: Arc::new(Shared {
                sessions,
                providers: Vec::new(),
                cross_site: CrossSite::default(),
            }),
        }
    }

    /// Adds a provider, asked after those that are there already.
    #[must_use]
    pub fn provider(self, provider: impl RequestAuthProvider<T>) -> Self {
        let mut shared = self.shared.copy();
        shared.providers.push(Arc::new(provider));
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Which sites may change something where no `SessionLayer` is around; by default only the
    /// application's own pages.
    #[must_use]
    pub fn cross_site(self, cross_site: CrossSite) -> Self {
        let mut shared = self.shared.copy();
        shared.cross_site = cross_site;
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl<T: SessionData> Shared<T> {
    fn copy(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            providers: self.providers.clone(),
            cross_site: self.cross_site.clone(),
        }
    }

    /// Whether another site may have made a browser send this request, proof and all, and no layer
    /// around has looked at that.
    fn may_be_forged<B>(&self, request: &Request<B>) -> bool {
        let context: Option<&SessionContext> = request.extensions().get();
        let looked_at = context.is_some() || origin::has_own_proof(request.headers());
        !looked_at && !self.cross_site.allows(request)
    }

    async fn authenticate(&self, request: &mut Parts, forged: bool) -> Result<(), Problem> {
        // Before a password is checked, whose failure would count.
        if forged && carries_proof(&request.headers) {
            return Err(origin::refused());
        }
        for provider in &self.providers {
            if let Some(data) = provider.authenticate(request, &self.sessions).await? {
                if forged {
                    return Err(origin::refused());
                }
                let session = RequestSession::new(&self.sessions, data)?;
                // What is not a cookie is refused whatever the handler asks for. A browser sends its
                // cookie everywhere, and must get through to where it signs out.
                if carries_proof(&request.headers) {
                    session.session::<T>().await?;
                }
                request.extensions.insert(session);
                return Ok(());
            }
        }
        Ok(())
    }
}

impl<S, T: SessionData> Layer<S> for RequestAuthLayer<T> {
    type Service = RequestAuthService<S, T>;

    fn layer(&self, inner: S) -> RequestAuthService<S, T> {
        RequestAuthService {
            inner,
            shared: self.shared.clone(),
        }
    }
}

/// A service whose requests are authenticated; what [`RequestAuthLayer`] makes.
pub struct RequestAuthService<S, T: SessionData> {
    inner: S,
    shared: Arc<Shared<T>>,
}

impl<S, T, In, Out> Service<Request<In>> for RequestAuthService<S, T>
where
    S: Service<Request<In>, Response = Response<Out>> + Clone + Send + 'static,
    S::Future: Send,
    T: SessionData,
    In: Send + 'static,
    Out: From<Bytes>,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Out>, S::Error>> + Send>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        // The one that is ready answers; the clone waits its turn.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let shared = self.shared.clone();
        Box::pin(async move {
            let forged = shared.may_be_forged(&request);
            let (mut parts, body) = request.into_parts();
            mark_sensitive(&mut parts.headers);
            let mut response = match shared.authenticate(&mut parts, forged).await {
                Ok(()) => inner.call(Request::from_parts(parts, body)).await?,
                Err(problem) => problem.to_response(Accepted::of(&parts.headers)),
            };
            // No cache may give one client's answer to another.
            let proofs = HeaderValue::from_static("Authorization, X-Api-Key");
            response.headers_mut().append(VARY, proofs);
            Ok(response)
        })
    }
}

impl<T: SessionData> Clone for RequestAuthLayer<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<S: Clone, T: SessionData> Clone for RequestAuthService<S, T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
        }
    }
}

impl<T: SessionData> fmt::Debug for RequestAuthLayer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.shared.providers.iter().map(|provider| provider.name());
        f.debug_struct("RequestAuthLayer")
            .field("providers", &names.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, T: SessionData> fmt::Debug for RequestAuthService<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestAuthService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

/// Whether a request carries a proof in a header of its own.
fn carries_proof(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || headers.contains_key(X_API_KEY)
}

/// Keeps proofs out of what others print of a request's headers.
fn mark_sensitive(headers: &mut HeaderMap) {
    for name in [AUTHORIZATION, X_API_KEY] {
        if let http::header::Entry::Occupied(mut values) = headers.entry(name) {
            values
                .iter_mut()
                .for_each(|value| value.set_sensitive(true));
        }
    }
}
