//! A session that somebody puts into a request: authentication per request, or a test.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use session_core::{CurrentSession, SessionBag, SessionData, SessionResult, Sessions};

use crate::problem::Problem;
use crate::session::Session;

/// A session for one request, in place of the one that its ids name. It is never stored.
///
/// Put it into the request's extensions before a handler asks for its session; no layer is needed.
/// All parts of the request share it.
///
/// ```
/// # use std::sync::Arc;
/// # use session_core::{AuthUserSession, CacheClientExtended, SessionResult, Sessions};
/// # fn example(cache: Arc<dyn CacheClientExtended>) -> SessionResult<()> {
/// let sessions = Sessions::<AuthUserSession>::new(cache);
/// let alice = AuthUserSession { is_authenticated: true, ..AuthUserSession::default() };
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(session_web::RequestSession::new(&sessions, alice)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RequestSession {
    /// A `Sessions<T>`.
    sessions: Arc<dyn Any + Send + Sync>,
    current: CurrentSession,
    bag: SessionBag,
}

impl RequestSession {
    /// A session with this data.
    ///
    /// # Errors
    ///
    /// `Store` if the data cannot be encoded.
    pub fn new<T: SessionData>(sessions: &Sessions<T>, data: T) -> SessionResult<Self> {
        let session = sessions.request_only(data)?;
        Ok(Self {
            sessions: Arc::new(sessions.clone()),
            current: session.current().clone(),
            bag: session.bag(),
        })
    }

    /// The session; `None` if its data is of another type.
    ///
    /// # Errors
    ///
    /// 403 if a hook rejects it.
    pub async fn session<T: SessionData>(&self) -> Result<Option<Session<T>>, Problem> {
        match self.sessions.downcast_ref::<Sessions<T>>() {
            Some(sessions) => {
                let session = sessions.open(&self.current).await?;
                Ok(Some(Session::request_only(session)))
            }
            None => Ok(None),
        }
    }

    /// Its bag, which refuses to keep anything.
    pub fn bag(&self) -> SessionBag {
        self.bag.clone()
    }
}

impl fmt::Debug for RequestSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestSession(..)")
    }
}
