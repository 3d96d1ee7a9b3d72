//! One server as calls see it: connected, being connected, or known to be out.
//!
//! A task per node holds the connection and opens the next one when it ends; calls look at the
//! state and never connect themselves, so that there is one attempt at a time, none is lost with
//! a dropped call, and in a known outage a call fails without waiting.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{ErrorKind, Outcome};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::error::Failure;
use crate::link::{Link, Request, Settings};
use crate::options::Address;
use crate::sentinel::{self, Sentinels};

/// What a call is to its server: until when it waits, and what may be done about a lost answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) deadline: Instant,
    pub(crate) repeat: Repeat,
}

/// Whether a request whose answer was lost with its connection is sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It only reads.
    Harmless,
    /// It may have changed the store.
    Never,
}

/// Where a server is.
pub(crate) enum Place {
    Fixed(Address),
    /// Wherever the Sentinels say that the primary is.
    Service(Sentinels),
}

/// A server, its one connection and the requests in flight to it.
pub(crate) struct Node {
    address: Option<Address>,
    state: watch::Receiver<State>,
    permits: Semaphore,
    connector: AbortHandle,
}

/// A request whose answer is to come.
pub(crate) struct Sent<'n, R: Request> {
    link: Arc<Link>,
    raw: oneshot::Receiver<R::Raw>,
    _permit: SemaphorePermit<'n>,
}

enum State {
    Connecting,
    Open(Arc<Link>),
    /// Three failures in a row, or a refusal that trying again at once does not change.
    Down(Failure),
}

impl Node {
    /// Starts to connect; calls wait for the outcome.
    pub(crate) fn new(place: Place, settings: Arc<Settings>, max_in_flight: usize) -> Self {
        let address = match &place {
            Place::Fixed(address) => Some(address.clone()),
            Place::Service(_) => None,
        };
        let (sender, state) = watch::channel(State::Connecting);
        let connector = tokio::spawn(keep_connected(place, settings, sender));
        Self {
            address,
            state,
            permits: Semaphore::new(max_in_flight),
            connector: connector.abort_handle(),
        }
    }

    /// Sends a request and gives the server's answer, an error of the server included. One that is
    /// harmless is sent once more if its connection ended.
    pub(crate) async fn send<R: Request>(
        &self,
        call: &Call,
        request: &R,
    ) -> Result<R::Answer, Failure> {
        let answer = self.send_once(call, request).await;
        let is_cut = |failure: &Failure| failure.kind == ErrorKind::Unavailable;
        if call.repeat == Repeat::Harmless && answer.as_ref().is_err_and(is_cut) {
            return Box::pin(self.send_once(call, request)).await;
        }
        answer
    }

    async fn send_once<R: Request>(&self, call: &Call, request: &R) -> Result<R::Answer, Failure> {
        self.put(call, request).await?.answer(call.deadline).await
    }

    /// Sends a request, which is not needed any more while its answer is waited for.
    ///
    /// What is seldom waited for waits in a box of its own, as in all that a call goes through: the
    /// futures lie in each other, and allocators are slow beyond 1 KiB.
    pub(crate) async fn put<R: Request>(
        &self,
        call: &Call,
        request: &R,
    ) -> Result<Sent<'_, R>, Failure> {
        // The state comes first: those in flight to a dead server hold their permits for long.
        let mut link = self.link(call.deadline).await?;
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let permit = Box::pin(self.permit(call.deadline)).await?;
                link = self.link(call.deadline).await?;
                permit
            }
        };
        let raw = request.put(&link, call.deadline).await?;
        Ok(Sent {
            link,
            raw,
            _permit: permit,
        })
    }

    /// The address, unless Sentinels know it.
    pub(crate) fn place(&self) -> Option<&Address> {
        self.address.as_ref()
    }

    /// Whether the server is known to be out.
    pub(crate) fn is_out(&self) -> bool {
        matches!(&*self.state.borrow(), State::Down(_))
    }

    async fn permit(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Failure> {
        match timeout_at(deadline, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Failure::not_applied(
                ErrorKind::Overloaded,
                "max_in_flight requests are waiting for answers",
            )),
        }
    }

    async fn link(&self, deadline: Instant) -> Result<Arc<Link>, Failure> {
        if let Some(link) = self.state.borrow().link() {
            return link;
        }
        Box::pin(self.opened(deadline)).await
    }

    async fn opened(&self, deadline: Instant) -> Result<Arc<Link>, Failure> {
        let mut state = self.state.clone();
        loop {
            match timeout_at(deadline, state.wait_for(|state| state.link().is_some())).await {
                Ok(Ok(state)) => {
                    // It may have ended since it was looked at; then the next one is waited for.
                    if let Some(link) = state.link() {
                        return link;
                    }
                }
                Ok(Err(_)) => {
                    let cause = "the client's runtime ended";
                    return Err(Failure::not_applied(ErrorKind::Closed, cause));
                }
                Err(_) => {
                    let cause = "no connection in time";
                    return Err(Failure::not_applied(ErrorKind::Timeout, cause));
                }
            }
        }
    }
}

impl<R: Request> Sent<'_, R> {
    /// The server's answer, an error of the server included.
    pub(crate) async fn answer(self, deadline: Instant) -> Result<R::Answer, Failure> {
        self.link.answer::<R>(self.raw, deadline).await
    }
}

impl State {
    /// The connection or why there is none; `None` while the answer is still to come.
    fn link(&self) -> Option<Result<Arc<Link>, Failure>> {
        match self {
            Self::Open(link) if !link.has_ended() => Some(Ok(link.clone())),
            Self::Open(_) | Self::Connecting => None,
            Self::Down(failure) => Some(Err(failure.clone())),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.connector.abort();
    }
}

/// Opens one connection after the other, as long as the node lives.
async fn keep_connected(mut place: Place, settings: Arc<Settings>, state: watch::Sender<State>) {
    // A call that has to wait for a connection should still have time for its answer.
    let patience = (settings.timeout / 2).max(LEAST_PATIENCE);
    let mut failures = 0;
    loop {
        let failure = match timeout(patience, place.open(&settings)).await {
            Ok(Ok((address, link))) => {
                let link = Arc::new(link);
                tracing::debug!(server = %address, "connected to Redis");
                state.send_replace(State::Open(link.clone()));
                failures = place.watch(&address, &link).await;
                state.send_replace(State::Connecting);
                continue;
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure::silence(),
        };
        failures += 1;
        let lasting = !matches!(failure.kind, ErrorKind::Unavailable | ErrorKind::Timeout);
        if failures >= FAILURES_TO_OUTAGE || lasting {
            // Told once an outage, not once a probe.
            let is_known = matches!(&*state.borrow(), State::Down(_));
            if !is_known {
                tracing::warn!(server = %place, kind = ?failure.kind, "Redis is out");
            }
            state.send_replace(State::Down(outage(failure)));
        }
        sleep(if lasting {
            PAUSE_AFTER_REFUSAL
        } else {
            pause_after(failures)
        })
        .await;
    }
}

impl Place {
    async fn open(&mut self, settings: &Settings) -> Result<(Address, Link), Failure> {
        match self {
            Self::Fixed(address) => Ok((address.clone(), Link::open(address, settings).await?)),
            Self::Service(sentinels) => {
                let address = sentinels.primary().await?;
                match Link::open(&address, settings).await {
                    Ok(link) => Ok((address, link)),
                    Err(failure) => {
                        sentinels.turn();
                        Err(failure)
                    }
                }
            }
        }
    }

    /// Waits until the connection ends or leads to the wrong server, and gives how many calls in a
    /// row had no answer by then.
    async fn watch(&mut self, address: &Address, link: &Link) -> u32 {
        let Self::Service(sentinels) = self else {
            return link.ended().await;
        };
        loop {
            let asked = async {
                sleep(sentinel::WATCH).await;
                sentinels.primary().await
            };
            tokio::select! {
                silences = link.ended() => return silences,
                primary = asked => {
                    if primary.is_ok_and(|primary| primary != *address) {
                        return 0;
                    }
                }
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(address) => address.fmt(f),
            Self::Service(_) => f.write_str("the primary of the service"),
        }
    }
}

/// What calls are told while a server is out: whatever the last attempt met, nothing was sent.
fn outage(mut failure: Failure) -> Failure {
    failure.outcome = Outcome::NotApplied;
    if failure.kind == ErrorKind::Timeout {
        failure.kind = ErrorKind::Unavailable;
    }
    failure
}

fn pause_after(failures: u32) -> Duration {
    if failures < FAILURES_TO_OUTAGE {
        FIRST_PAUSE
    } else {
        PAUSE_BETWEEN_PROBES
    }
}

const FAILURES_TO_OUTAGE: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const PAUSE_BETWEEN_PROBES: Duration = Duration::from_millis(100);
/// A wrong password does not become right by itself, but a database may be made or a user let in.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(500);
const LEAST_PATIENCE: Duration = Duration::from_millis(100);
