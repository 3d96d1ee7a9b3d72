//! The tower layer: reads ids on the way in, tells of new ones on the way out.
//!
//! It works for any HTTP service whose response body can be made from bytes. Nothing is boxed, and
//! a request that asks for no session costs no look at the store.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use session_core::{CurrentSession, Result, SessionBag, SessionData, SessionId, Sessions};
use tower_layer::Layer;
use tower_service::Service;

use crate::context::{LayerOf, RequestFacts, SessionContext};
use crate::cookies::{self, SentIds};
use crate::options::{OptionsError, SecureCookies, WebOptions};
use crate::origin;
use crate::problem::{Accepted, Problem};

/// Gives the requests of a service their sessions.
///
/// Cloning shares. One layer around the whole application is enough; the same one again further
/// inside does nothing.
#[derive(Clone)]
pub struct SessionLayer {
    shared: Arc<dyn LayerOf>,
}

impl SessionLayer {
    /// A layer with the default options.
    pub fn new<T: SessionData>(sessions: Sessions<T>) -> Self {
        Self::made(sessions, WebOptions::default())
    }

    /// A layer with these options.
    ///
    /// # Errors
    ///
    /// Options that do not fit together, in a sentence that says which.
    pub fn with_options<T: SessionData>(
        sessions: Sessions<T>,
        options: WebOptions,
    ) -> Result<Self, OptionsError> {
        Ok(Self::made(sessions, options.resolve()?))
    }

    fn made<T: SessionData>(sessions: Sessions<T>, options: WebOptions) -> Self {
        let shared = Arc::new(Shared { sessions, options });
        Self { shared }
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService {
            inner,
            shared: self.shared.clone(),
        }
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.shared.options();
        f.debug_struct("SessionLayer")
            .field("options", options)
            .finish_non_exhaustive()
    }
}

/// A service whose requests have sessions; what [`SessionLayer`] makes.
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    shared: Arc<dyn LayerOf>,
}

impl<S, In, Out> Service<Request<In>> for SessionService<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
    Out: From<Bytes>,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = SessionFuture<S::Future, Out>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<In>) -> Self::Future {
        let outer: Option<&SessionContext> = request.extensions().get();
        if outer.is_some_and(|outer| outer.is_of(&self.shared)) {
            return SessionFuture::passing(self.inner.call(request), None);
        }
        match self.open(&request) {
            Ok(context) => {
                cookies::mark_sensitive(request.headers_mut());
                request.extensions_mut().insert(context.clone());
                SessionFuture::passing(self.inner.call(request), Some(context))
            }
            Err(problem) => {
                let accepted = Accepted::of(request.headers());
                SessionFuture::refused(problem.to_response(accepted))
            }
        }
    }
}

impl<S> SessionService<S> {
    /// Reads what the request says about its session, or refuses the request.
    fn open<B>(&self, request: &Request<B>) -> Result<SessionContext, Problem> {
        let options = self.shared.options();
        let headers = request.headers();
        let sent = SentIds::read(headers, options).map_err(|cookies::ConflictingIds| {
            Problem::new(StatusCode::BAD_REQUEST)
                .with_detail("The request names two different session ids for one purpose.")
        })?;
        // A page of another site cannot send our headers unasked, nor a key or a token.
        let unasked = !sent.by_header && !origin::has_own_proof(headers);
        if unasked && !options.cross_site.allows(request) {
            return Err(origin::refused());
        }
        let nothing_sent = sent.temporary.is_none() && sent.permanent.is_none();
        let facts = RequestFacts {
            secure: match options.secure {
                SecureCookies::Always => true,
                SecureCookies::Never => false,
                SecureCookies::WhenHttps => {
                    let proxies = &options.trusted_proxies;
                    proxies.is_https(headers, request.extensions())
                }
            },
            accepted: Accepted::of(headers),
            withheld: nothing_sent && origin::cookies_may_be_withheld(request, options.same_site),
        };
        Ok(SessionContext::new(self.shared.clone(), sent, facts))
    }
}

impl<S: fmt::Debug> fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The response of a [`SessionService`].
    pub struct SessionFuture<F, Out> {
        #[pin]
        inner: Option<F>,
        context: Option<SessionContext>,
        refused: Option<Response<Out>>,
    }
}

impl<F, Out> SessionFuture<F, Out> {
    fn passing(inner: F, context: Option<SessionContext>) -> Self {
        Self {
            inner: Some(inner),
            context,
            refused: None,
        }
    }

    fn refused(response: Response<Out>) -> Self {
        Self {
            inner: None,
            context: None,
            refused: Some(response),
        }
    }
}

impl<F, E, Out> Future for SessionFuture<F, Out>
where
    F: Future<Output = Result<Response<Out>, E>>,
    Out: From<Bytes>,
{
    type Output = Result<Response<Out>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else {
            // Once it was ready nobody may poll it again; whoever does waits for ever.
            return this
                .refused
                .take()
                .map_or(Poll::Pending, |refused| Poll::Ready(Ok(refused)));
        };
        let mut response = ready!(inner.poll(task))?;
        if let Some(context) = this.context {
            context.finish(&mut response);
        }
        Poll::Ready(Ok(response))
    }
}

impl<F, Out> fmt::Debug for SessionFuture<F, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionFuture(..)")
    }
}

/// What all clones of a layer share.
struct Shared<T: SessionData> {
    sessions: Sessions<T>,
    options: WebOptions,
}

impl<T: SessionData> LayerOf for Shared<T> {
    fn options(&self) -> &WebOptions {
        &self.options
    }

    fn new_id(&self) -> Result<SessionId> {
        self.sessions.new_id()
    }

    fn bag(&self, current: &CurrentSession) -> SessionBag {
        self.sessions.bag(current)
    }

    fn as_any(&self) -> &dyn Any {
        &self.sessions
    }
}
