//! The reference behind a TCP port: what the groups about networks and servers are tested on.
//!
//! Client and server stand in one process, so what travels is small: a request is the number of a
//! ticket under which the client has left what is to be done, and a reply is that number and as
//! many bytes as the value has. All else is real: connections that are refused, cut, silent, slow
//! and garbled, a pool of them, time-outs, and an outage that is known.

use std::any::Any;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use session_core::{Error, ErrorKind, Outcome, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::ReferenceCache;

/// A server of one reference. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) tickets: Arc<Tickets>,
    task: JoinHandle<()>,
    stopped: watch::Sender<bool>,
    killed: watch::Sender<bool>,
}

/// What clients want done, and what came of it.
#[derive(Default)]
pub(crate) struct Tickets {
    pub(crate) cache: ReferenceCache,
    next: AtomicU64,
    wanted: Mutex<HashMap<u64, Wanted>>,
    done: Mutex<HashMap<u64, Done>>,
}

type Wanted = Box<dyn Fn(ReferenceCache) -> BoxFuture<'static, (Done, usize)> + Send + Sync>;
type Done = Box<dyn Any + Send>;

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

impl Server {
    pub(crate) async fn start(tickets: Arc<Tickets>) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), tickets).await
    }

    /// Starts at an address that a server before may still have for a moment.
    pub(crate) async fn start_at(address: SocketAddr, tickets: Arc<Tickets>) -> Self {
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        };
        let (stopped, killed) = (watch::Sender::new(false), watch::Sender::new(false));
        let address = listener.local_addr().expect("the address of a listener");
        let task = {
            let (tickets, stopped) = (Arc::clone(&tickets), stopped.clone());
            let killed = killed.clone();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (tickets, stopped) = (Arc::clone(&tickets), stopped.subscribe());
                    let serving = serve(stream, tickets, stopped, killed.subscribe());
                    let mut killed = killed.subscribe();
                    tokio::spawn(async move {
                        tokio::select! {
                            biased;
                            _ = killed.wait_for(|killed| *killed) => {}
                            _ = serving => {}
                        }
                    });
                }
            })
        };
        Self {
            address,
            tickets,
            task,
            stopped,
            killed,
        }
    }

    /// Answers nobody any more, or again.
    pub(crate) fn stop(&self, stop: bool) {
        self.stopped.send_replace(stop);
    }

    pub(crate) fn kill(&self) {
        self.task.abort();
        self.killed.send_replace(true);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn serve(
    mut stream: TcpStream,
    tickets: Arc<Tickets>,
    mut stopped: watch::Receiver<bool>,
    killed: watch::Receiver<bool>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let ticket = stream.read_u64().await?;
        // What was sent after the kill is answered by nobody, even if this task is still at work.
        if *killed.borrow() {
            return Ok(());
        }
        let _ = stopped.wait_for(|stopped| !stopped).await;
        let doing = tickets
            .wanted()
            .get(&ticket)
            .map(|wanted| wanted(tickets.cache.clone()));
        let Some(doing) = doing else {
            return Ok(());
        };
        let (done, length) = doing.await;
        held(&tickets.done).insert(ticket, done);
        let _ = stopped.wait_for(|stopped| !stopped).await;
        let mut reply = vec![REPLY];
        reply.extend(ticket.to_be_bytes());
        reply.extend((length as u64).to_be_bytes());
        reply.resize(reply.len() + length, 0);
        stream.write_all(&reply).await?;
    }
}

const REPLY: u8 = b'+';

impl Tickets {
    fn wanted(&self) -> MutexGuard<'_, HashMap<u64, Wanted>> {
        held(&self.wanted)
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a client does wrong: nothing, unless [`broken`](crate::broken) says so.
#[derive(Clone, Copy, Debug)]
pub struct Flaws {
    /// Sends again what was lost.
    pub(crate) repeats: bool,
    /// Waits as long as it takes.
    pub(crate) waits: bool,
    /// Says of what was lost that it was not applied.
    pub(crate) denies: bool,
    /// Does not learn of an outage, and connects for each call.
    pub(crate) insists: bool,
    /// Uses no connection again once one has failed, and makes none.
    pub(crate) gives_up: bool,
    /// Goes on with a connection that did not answer in time, and takes what comes.
    pub(crate) takes_late_replies: bool,
    /// Takes the bytes of a reply for what they should be.
    pub(crate) believes: bool,
    /// Counts calls at work, and never that one was dropped.
    pub(crate) leaks: bool,
    /// Reads what fails as a miss.
    pub(crate) misses: bool,
    /// Asks for each key of a batch by itself, and before a condition whether the store is there.
    pub(crate) one_by_one: bool,
    /// Ends a listing where it fails.
    pub(crate) ends_early: bool,
}

impl Flaws {
    /// No flaw.
    pub const NONE: Self = Self {
        repeats: false,
        waits: false,
        denies: false,
        insists: false,
        gives_up: false,
        takes_late_replies: false,
        believes: false,
        leaks: false,
        misses: false,
        one_by_one: false,
        ends_early: false,
    };
}

/// The connections of one client.
#[derive(Debug)]
pub(crate) struct Link {
    address: SocketAddr,
    tickets: Arc<Tickets>,
    timeout: Duration,
    flaws: Flaws,
    idle: Mutex<Vec<TcpStream>>,
    failures: AtomicU64,
    at_work: AtomicU64,
    /// A task looks for the end of an outage.
    probing: AtomicBool,
}

/// What the client does with a lost call.
struct Sent(AtomicBool);

impl Link {
    pub(crate) fn new(
        address: SocketAddr,
        tickets: Arc<Tickets>,
        timeout: Duration,
        flaws: Flaws,
    ) -> Arc<Self> {
        Arc::new(Self {
            address,
            tickets,
            timeout,
            flaws,
            idle: Mutex::default(),
            failures: AtomicU64::new(0),
            at_work: AtomicU64::new(0),
            probing: AtomicBool::new(false),
        })
    }

    /// Has something done by the server and gives what came of it, which has `length` bytes.
    pub(crate) async fn call<T, F>(
        self: &Arc<Self>,
        operation: &'static str,
        wanted: F,
        length: fn(&T) -> usize,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(ReferenceCache) -> BoxFuture<'static, Result<T>> + Send + Sync + 'static,
    {
        let fail = |kind| Error::new(kind, BACKEND, operation);
        if self.failures.load(SeqCst) >= KNOWN && !self.flaws.insists {
            return Err(fail(ErrorKind::Unavailable).with_outcome(Outcome::NotApplied));
        }
        if self.flaws.leaks && self.at_work.fetch_add(1, SeqCst) > 200 {
            return Err(fail(ErrorKind::Overloaded));
        }
        let ticket = self.tickets.next.fetch_add(1, SeqCst);
        let wanted: Wanted = Box::new(move |cache| {
            let doing = wanted(cache);
            Box::pin(async move {
                let done = doing.await;
                let length = done.as_ref().map_or(0, length);
                (Box::new(done) as Done, length)
            })
        });
        self.tickets.wanted().insert(ticket, wanted);
        let sent = Sent(AtomicBool::new(false));
        let mut answer = self.within(ticket, &sent).await;
        if self.flaws.repeats && answer.is_err() {
            answer = self.within(ticket, &sent).await;
        }
        if self.flaws.leaks {
            self.at_work.fetch_sub(1, SeqCst);
        }
        let outcome = match sent.0.load(SeqCst) && !self.flaws.denies {
            true => Outcome::Unknown,
            false => Outcome::NotApplied,
        };
        match answer {
            Ok(ticket) => {
                self.failures.store(0, SeqCst);
                let done = held(&self.tickets.done).remove(&ticket);
                let done = done.and_then(|done| done.downcast::<Result<T>>().ok());
                done.map_or_else(|| Err(fail(ErrorKind::Other)), |done| *done)
            }
            Err(kind) => {
                self.failed(kind);
                Err(fail(kind).with_outcome(outcome))
            }
        }
    }

    async fn within(&self, ticket: u64, sent: &Sent) -> Result<u64, ErrorKind> {
        if self.flaws.waits {
            return self.attempt(ticket, sent).await;
        }
        let attempt = timeout(self.timeout, self.attempt(ticket, sent)).await;
        attempt.unwrap_or(Err(ErrorKind::Timeout))
    }

    /// Sends a ticket and gives the one that comes back.
    async fn attempt(&self, ticket: u64, sent: &Sent) -> Result<u64, ErrorKind> {
        let idle = held(&self.idle).pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None if self.flaws.gives_up && self.failures.load(SeqCst) > 0 => {
                return Err(ErrorKind::Unavailable);
            }
            None => self.connect().await?,
        };
        sent.0.store(true, SeqCst);
        let lost = |_| ErrorKind::Unavailable;
        stream.write_u64(ticket).await.map_err(lost)?;
        if self.flaws.takes_late_replies {
            // The next call finds this connection, whatever becomes of this one.
            let mut keeper = Keeper(self, None);
            let stream = Arc::new(tokio::sync::Mutex::new(stream));
            keeper.1 = Some(Arc::clone(&stream));
            let answered = reply(&mut *stream.lock().await).await;
            drop(stream);
            drop(keeper);
            return answered.map_err(lost)?.map(|(ticket, _)| ticket);
        }
        let (answered, garbled) = match reply(&mut stream).await.map_err(lost)? {
            Ok((answered, _)) => (answered, answered != ticket),
            Err(_) if self.flaws.believes => (ticket, false),
            Err(kind) => return Err(kind),
        };
        if garbled {
            return Err(ErrorKind::Other);
        }
        held(&self.idle).push(stream);
        Ok(answered)
    }

    async fn connect(&self) -> Result<TcpStream, ErrorKind> {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.map_err(|_| ErrorKind::Unavailable)?;
        stream
            .set_nodelay(true)
            .map_err(|_| ErrorKind::Unavailable)?;
        Ok(stream)
    }

    /// After a failure no connection is trusted; after the third somebody looks for the end.
    fn failed(self: &Arc<Self>, kind: ErrorKind) {
        if !self.flaws.takes_late_replies {
            held(&self.idle).clear();
        }
        if kind == ErrorKind::Other || self.failures.fetch_add(1, SeqCst) + 1 < KNOWN {
            return;
        }
        if !self.probing.swap(true, SeqCst) {
            let link = Arc::downgrade(self);
            tokio::spawn(async move {
                while let Some(link) = link.upgrade() {
                    let ticket = link.tickets.next.fetch_add(1, SeqCst);
                    let nothing: Wanted =
                        Box::new(|_| Box::pin(async { (Box::new(()) as Done, 0) }));
                    link.tickets.wanted().insert(ticket, nothing);
                    let sent = Sent(false.into());
                    let probe = timeout(link.timeout, link.attempt(ticket, &sent));
                    if matches!(probe.await, Ok(Ok(_))) {
                        link.failures.store(0, SeqCst);
                        link.probing.store(false, SeqCst);
                        return;
                    }
                    drop(link);
                    sleep(Duration::from_millis(20)).await;
                }
            });
        }
    }
}

/// Puts a connection back, whatever happens: a flaw.
struct Keeper<'l>(&'l Link, Option<Arc<tokio::sync::Mutex<TcpStream>>>);

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        let stream = self.1.take().and_then(Arc::into_inner);
        if let Some(stream) = stream {
            held(&self.0.idle).push(stream.into_inner());
        }
    }
}

/// Reads a reply: its ticket and length, or that it makes no sense.
async fn reply(stream: &mut TcpStream) -> std::io::Result<Result<(u64, usize), ErrorKind>> {
    let first = stream.read_u8().await?;
    let ticket = stream.read_u64().await?;
    let length = usize::try_from(stream.read_u64().await?).unwrap_or(0);
    let mut rest = vec![0; length.min(64 << 20)];
    stream.read_exact(&mut rest).await?;
    Ok(match first {
        REPLY => Ok((ticket, length)),
        _ => Err(ErrorKind::Other),
    })
}

/// So many failures in a row are an outage.
const KNOWN: u64 = 3;

/// The name that errors carry.
pub(crate) const BACKEND: &str = "remote reference";
