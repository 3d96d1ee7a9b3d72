//! The sessions of one request: what the client sent, what was made of it, what it is told.
//!
//! The layer puts a [`SessionContext`] into each request's extensions and reads it again when the
//! response is there. In between nothing is read, made or stored unless somebody asks.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Extensions, Response, StatusCode};
use session_core::{
    CurrentSession, Lifetime, Result, SessionBag, SessionChange, SessionData, SessionId,
    SessionResult, Sessions,
};

use crate::cookies::{self, Change, Changes, PERMANENT, SentIds, TEMPORARY};
use crate::options::{IssueIds, WebOptions, WhenReadingFails};
use crate::problem::{Accepted, Problem};
use crate::session::Session;

/// A request's way to its session, for those who do not use axum's extractors.
///
/// Found among the request's extensions behind a [`SessionLayer`](crate::SessionLayer). Cloning
/// shares; what one part of the request has read is not read again for another.
#[derive(Clone)]
pub struct SessionContext {
    inner: Arc<Inner>,
}

/// The ids of a visitor, each of which may or may not have a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionIds {
    /// The temporary id (`ss-id`); none only with [`IssueIds::WhenUsed`].
    pub temporary: Option<SessionId>,
    /// The permanent id (`ss-pid`), which links a visitor's requests until a sign-in.
    pub permanent: Option<SessionId>,
    /// Whether the client asks for the permanent one (`ss-opt`).
    pub prefers_permanent: bool,
}

impl SessionContext {
    /// The context that the layer put among a request's extensions.
    ///
    /// # Errors
    ///
    /// 500 if the request did not come through a layer.
    pub fn of(extensions: &Extensions) -> Result<&Self, Problem> {
        extensions.get().ok_or_else(|| {
            tracing::error!("no SessionLayer around this route");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    /// The session: the stored one, or a new one that nobody has stored yet.
    ///
    /// Reads the store once a request, however often it is called.
    ///
    /// # Errors
    ///
    /// 503 if the store cannot be read, unless the layer's options choose an anonymous session;
    /// 403 if a hook rejects the session; 500 if the layer's sessions are of another type.
    pub async fn session<T: SessionData>(&self) -> Result<Session<T>, Problem> {
        self.session_or(self.options().when_reading_fails).await
    }

    /// The same, with the choice of what happens if the store cannot be read.
    ///
    /// # Errors
    ///
    /// As [`session`](SessionContext::session).
    pub async fn session_or<T: SessionData>(
        &self,
        when_reading_fails: WhenReadingFails,
    ) -> Result<Session<T>, Problem> {
        let sessions = self.sessions::<T>()?;
        match sessions.open(self.current()).await {
            Ok(session) => Ok(Session::of_request(session, self)),
            Err(session_core::SessionError::Store(error))
                if when_reading_fails == WhenReadingFails::Anonymous =>
            {
                tracing::warn!(%error, "a session cannot be read; the request is anonymous");
                Ok(Session::unreadable(sessions.request_only(T::default())?))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The session into which somebody signs in.
    ///
    /// One that a hook refuses is removed first: it must not keep its browser from signing in as
    /// somebody else. Nobody signs in to a session that stands for one that cannot be read.
    #[cfg(feature = "axum")]
    pub(crate) async fn session_to_sign_in<T: SessionData>(&self) -> Result<Session<T>, Problem> {
        let sessions = self.sessions::<T>()?;
        let mut opened = sessions.open(self.current()).await;
        if let Err(session_core::SessionError::Rejected { .. }) = opened {
            sessions.remove_current(self.current()).await?;
            opened = sessions.open(self.current()).await;
        }
        Ok(Session::of_request(opened?, self))
    }

    /// Signs out: removes session and bag of both ids, and the client forgets the ids.
    ///
    /// The same as [`Session::sign_out`], also for a session that a hook refuses. `true` if there
    /// was one.
    ///
    /// # Errors
    ///
    /// 503 if the store fails; then the client keeps its ids and can try again. 500 if the layer's
    /// sessions are of another type.
    pub async fn sign_out<T: SessionData>(&self) -> Result<bool, Problem> {
        let sessions = self.sessions::<T>()?;
        let other_removed = self.remove_other::<T>().await?;
        Ok(sessions.remove_current(self.current()).await? || other_removed)
    }

    /// Removes what is stored under the id that does not carry the session.
    pub(crate) async fn remove_other<T: SessionData>(&self) -> SessionResult<bool> {
        match (self.other_id(), self.sessions::<T>()) {
            (Some(id), Ok(sessions)) => sessions.remove(id).await,
            _ => Ok(false),
        }
    }

    /// The bag of the session. Nothing is read before a value is asked for.
    pub fn bag(&self) -> SessionBag {
        self.inner.layer.bag(self.current())
    }

    /// The ids that the client sent or, with [`IssueIds::Always`], will get with the response.
    pub fn ids(&self) -> SessionIds {
        self.inner.looked_at.store(true, Ordering::Relaxed);
        let sent = &self.inner.sent;
        let issued = (self.options().issue_ids == IssueIds::Always && !self.inner.request.withheld)
            .then(|| self.issued());
        let or_issued = |id: &Option<SessionId>, purpose: usize| {
            id.clone().or_else(|| issued?[purpose].clone())
        };
        SessionIds {
            temporary: or_issued(&sent.temporary, 0),
            permanent: or_issued(&sent.permanent, 1),
            prefers_permanent: sent.prefers_permanent,
        }
    }

    /// All sessions of the application, as the layer got them.
    ///
    /// # Errors
    ///
    /// 500 if the layer's sessions are of another type.
    pub fn sessions<T: SessionData>(&self) -> Result<&Sessions<T>, Problem> {
        self.inner.layer.as_any().downcast_ref().ok_or_else(|| {
            tracing::error!("the SessionLayer around this route has sessions of another type");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
        })
    }

    /// Whose word the layer takes for how a visitor connected and from where.
    #[cfg(feature = "axum")]
    pub(crate) fn trusted_proxies(&self) -> &crate::proxy::TrustedProxies {
        &self.options().trusted_proxies
    }

    /// The token that the client sent by cookie.
    #[cfg(feature = "jwt")]
    pub(crate) fn sent_token(&self, headers: &http::HeaderMap) -> Option<String> {
        // The response depends on the cookie.
        self.inner.looked_at.store(true, Ordering::Relaxed);
        cookies::read_token(headers, self.options())
    }

    /// Has the client keep a token, for a time or for the browser's session, or forget it.
    #[cfg(feature = "jwt")]
    pub(crate) fn write_token(
        &self,
        headers: &mut http::HeaderMap,
        token: Option<(String, Option<std::time::Duration>)>,
    ) {
        let secure = self.inner.request.secure;
        cookies::write_token(headers, self.options(), secure, token);
    }

    /// What the request knows of its session.
    pub(crate) fn current(&self) -> &CurrentSession {
        self.inner.current.get_or_init(|| {
            let sent = &self.inner.sent;
            let carrier = match sent.prefers_permanent {
                true => &sent.permanent,
                false => &sent.temporary,
            };
            CurrentSession::new(carrier.clone())
        })
    }

    /// The id that the client sent beside the one that carries its session.
    fn other_id(&self) -> Option<&SessionId> {
        let sent = &self.inner.sent;
        let other = match sent.prefers_permanent {
            true => &sent.temporary,
            false => &sent.permanent,
        };
        other
            .as_ref()
            .filter(|id| Some(*id) != self.current().presented())
    }

    /// Has the response give the client two new ids.
    pub(crate) fn renew_both_ids(&self) {
        self.inner.renew_both.store(true, Ordering::Relaxed);
    }

    fn options(&self) -> &WebOptions {
        self.inner.layer.options()
    }

    /// New ids for what the client did not send; made once, so that all see the same.
    fn issued(&self) -> &[Option<SessionId>; 2] {
        self.inner.issued.get_or_init(|| {
            let sent = &self.inner.sent;
            [&sent.temporary, &sent.permanent].map(|sent| match sent {
                Some(_) => None,
                None => self.new_id(),
            })
        })
    }

    fn new_id(&self) -> Option<SessionId> {
        let new = self.inner.layer.new_id();
        new.inspect_err(|error| tracing::error!(%error, "no new id for a visitor"))
            .ok()
    }
}

/// What the layer adds to a response.
impl SessionContext {
    pub(crate) fn new(layer: Arc<dyn LayerOf>, sent: SentIds, request: RequestFacts) -> Self {
        Self {
            inner: Arc::new(Inner {
                layer,
                sent,
                request,
                current: OnceLock::new(),
                issued: OnceLock::new(),
                looked_at: AtomicBool::new(false),
                renew_both: AtomicBool::new(false),
            }),
        }
    }

    /// Whether this context comes from that layer, so that it need not be made again.
    pub(crate) fn is_of(&self, layer: &Arc<dyn LayerOf>) -> bool {
        Arc::ptr_eq(&self.inner.layer, layer)
    }

    /// Tells the client of changed ids and gives a problem the form that it reads.
    pub(crate) fn finish<B: From<Bytes>>(&self, response: &mut Response<B>) {
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            problem.render(self.inner.request.accepted, response);
        }
        let used = self
            .inner
            .current
            .get()
            .is_some_and(CurrentSession::is_used);
        if used || self.inner.looked_at.load(Ordering::Relaxed) {
            cookies::vary(response.headers_mut(), self.options().header_ids);
        }
        let sent = &self.inner.sent;
        self.changes().write(
            response.headers_mut(),
            self.options(),
            sent.by_header,
            self.inner.request.secure,
        );
    }

    fn changes(&self) -> Changes {
        let current = self.inner.current.get();
        let change = current.map_or(SessionChange::Unchanged, CurrentSession::change);
        if change == SessionChange::Removed {
            return Changes {
                temporary: Change::Remove,
                permanent: Change::Remove,
                preference: Change::Remove,
            };
        }
        let mut changes = Changes::default();
        let renew_both = self.inner.renew_both.load(Ordering::Relaxed);
        let stored = current.filter(|_| change != SessionChange::Unchanged);
        if let Some((current, id)) = stored.and_then(|current| Some((current, current.id()?))) {
            let both = change == SessionChange::Renewed || renew_both;
            self.hand_out(&mut changes, id, current.lifetime(), both);
        } else if renew_both {
            self.replace_sent(&mut changes);
        }
        let issue = match self.options().issue_ids {
            IssueIds::Always => !self.inner.request.withheld,
            IssueIds::WhenUsed => stored.is_some(),
        };
        if issue {
            self.issue_missing(&mut changes);
        }
        changes
    }

    /// Hands out the id of a session that was stored under a new one.
    fn hand_out(&self, changes: &mut Changes, id: SessionId, lifetime: Lifetime, both: bool) {
        let permanent = lifetime == Lifetime::Permanent;
        let (carrier, other) = match permanent {
            true => (&mut changes.permanent, &mut changes.temporary),
            false => (&mut changes.temporary, &mut changes.permanent),
        };
        *carrier = self.to(&id);
        if let Some(new) = both.then(|| self.new_id()).flatten() {
            *other = self.to(&new);
        }
        if permanent != self.inner.sent.prefers_permanent {
            let preference = if permanent { PERMANENT } else { TEMPORARY };
            changes.preference = Change::Set(preference.into());
        }
    }

    /// Replaces the ids of a client that has no stored session.
    fn replace_sent(&self, changes: &mut Changes) {
        let sent = &self.inner.sent;
        for (sent, change) in [
            (&sent.temporary, &mut changes.temporary),
            (&sent.permanent, &mut changes.permanent),
        ] {
            if sent.is_some()
                && let Some(new) = self.new_id()
            {
                *change = self.to(&new);
            }
        }
    }

    /// The client gets this id.
    fn to(&self, id: &SessionId) -> Change {
        Change::Set(self.options().write_id(id))
    }

    fn issue_missing(&self, changes: &mut Changes) {
        let sent = &self.inner.sent;
        let slots = [
            (&sent.temporary, &mut changes.temporary),
            (&sent.permanent, &mut changes.permanent),
        ];
        for (purpose, (sent, change)) in slots.into_iter().enumerate() {
            if sent.is_none()
                && *change == Change::Keep
                && let Some(new) = &self.issued()[purpose]
            {
                *change = self.to(new);
            }
        }
    }
}

impl fmt::Debug for SessionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionContext")
            .field("sent", &self.inner.sent)
            .field("current", &self.inner.current.get())
            .finish_non_exhaustive()
    }
}

/// What of a request matters for its response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestFacts {
    /// Whether cookies carry `Secure`.
    pub(crate) secure: bool,
    pub(crate) accepted: Accepted,
    /// Whether missing ids may be cookies that the browser kept back.
    pub(crate) withheld: bool,
}

struct Inner {
    layer: Arc<dyn LayerOf>,
    sent: SentIds,
    request: RequestFacts,
    /// Made when somebody asks.
    current: OnceLock<CurrentSession>,
    issued: OnceLock<[Option<SessionId>; 2]>,
    looked_at: AtomicBool,
    renew_both: AtomicBool,
}

/// What a request needs of its layer, whatever the type of the sessions.
pub(crate) trait LayerOf: Send + Sync + 'static {
    fn options(&self) -> &WebOptions;
    fn new_id(&self) -> Result<SessionId>;
    fn bag(&self, current: &CurrentSession) -> SessionBag;
    /// The `Sessions<T>`.
    fn as_any(&self) -> &dyn Any;
}
