//! One open connection, shared by all calls to its server.
//!
//! It pipelines what many tasks send and sorts the answers ([`crate::multiplex`]); dropping a call
//! leaves it in order. Here are the login, whether it still answers, and its end as an event.

use std::io;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use redis::{ServerError, Value};
use session_core::ErrorKind;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::error::{self, Failure};
use crate::multiplex::{Driver, Requests};
use crate::options::{Address, Login};
use crate::resp::{Batch, Command};
use crate::tls::Tls;
use crate::waiter::{Many, Waiter, Waiting};

/// What every connection of a client is opened with.
pub(crate) struct Settings {
    pub(crate) login: Login,
    pub(crate) database: u32,
    pub(crate) client_name: Option<String>,
    pub(crate) tls: Option<Tls>,
    /// Whether a replica is the wrong server.
    pub(crate) primary_only: bool,
    /// The time-out of a call without values.
    pub(crate) timeout: Duration,
}

/// An open connection. Dropping it, once the calls on it have ended, closes it.
pub(crate) struct Link {
    /// Tells this connection from the ones before it.
    pub(crate) id: u64,
    opened: Instant,
    requests: Requests,
    /// Calls in a row that ended without an answer.
    silences: AtomicU32,
    life: Arc<LinkLife>,
    driver: AbortHandle,
}

/// What can be sent over a connection, once or again over the next one.
pub(crate) trait Request: Sync {
    /// What the connection gives.
    type Raw: Send;
    /// What is made of it.
    type Answer;

    /// Queues it, once there is room.
    fn put(
        &self,
        link: &Link,
        deadline: Instant,
    ) -> impl Future<Output = Result<oneshot::Receiver<Self::Raw>, Failure>> + Send;

    /// The answer, which may be an error of the server.
    fn received(link: &Link, raw: Self::Raw) -> Result<Self::Answer, Failure>;
}

impl Request for Command {
    type Raw = Value;
    type Answer = Value;

    async fn put(
        &self,
        link: &Link,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Value>, Failure> {
        let (sender, receiver) = oneshot::channel();
        link.put(deadline, self.bytes(), Waiter::One(sender))
            .await?;
        Ok(receiver)
    }

    fn received(link: &Link, answer: Value) -> Result<Value, Failure> {
        if let Value::ServerError(error) = &answer {
            link.weigh(error);
        }
        Ok(answer)
    }
}

/// At least one command; of a transaction, the answer is that of `EXEC` alone.
impl Request for Batch {
    type Raw = Result<Vec<Value>, ServerError>;
    type Answer = Vec<Value>;

    async fn put(
        &self,
        link: &Link,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Self::Raw>, Failure> {
        let (skip, count) = self.answers();
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter::Many(Box::new(Many {
            skip,
            count,
            refused: None,
            answers: Vec::with_capacity(count),
            sender,
        }));
        link.put(deadline, self.bytes(), waiter).await?;
        Ok(receiver)
    }

    fn received(link: &Link, answers: Self::Raw) -> Result<Vec<Value>, Failure> {
        let answers = answers.map_err(|error| {
            link.weigh(&error);
            error::server(&error)
        })?;
        for answer in &answers {
            if let Value::ServerError(error) = answer {
                link.weigh(error);
            }
        }
        Ok(answers)
    }
}

/// Whether a connection is of use, seen by its driver and by who replaces it.
#[derive(Default)]
struct LinkLife {
    ended: AtomicBool,
    /// Why it ended, once it did by itself.
    failure: OnceLock<Failure>,
    event: Notify,
}

impl Link {
    /// Connects and logs in.
    pub(crate) async fn open(address: &Address, settings: &Settings) -> Result<Self, Failure> {
        match address {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)
                    .await
                    .map_err(|e| error::opening(&e))?;
                Self::over(stream, settings).await
            }
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port))
                    .await
                    .map_err(|e| error::opening(&e))?;
                tune(&stream, settings.timeout).map_err(|e| error::opening(&e))?;
                match &settings.tls {
                    Some(tls) => Self::over(tls.wrap(host, stream).await?, settings).await,
                    None => Self::over(stream, settings).await,
                }
            }
        }
    }

    async fn over<S>(stream: S, settings: &Settings) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let life = Arc::new(LinkLife::default());
        let requests = Requests::new();
        let mut driver = Driver::new(&requests, stream);
        let driver = tokio::spawn({
            let life = life.clone();
            async move {
                let failure = driver.run().await;
                // Before the driver goes, and those who wait for answers are told.
                let _ = life.failure.set(failure);
                life.end();
            }
        });
        let link = Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            opened: Instant::now(),
            requests,
            silences: AtomicU32::new(0),
            life,
            driver: driver.abort_handle(),
        };
        link.log_in(settings).await?;
        Ok(link)
    }

    /// Everything a fresh connection says, in one round trip; its last word is a question, so that
    /// a server which does not answer is found out here.
    async fn log_in(&self, settings: &Settings) -> Result<(), Failure> {
        let words = Batch::of(|words| {
            if let Some(password) = &settings.login.password {
                let (user, password) = (&settings.login.user, password.as_bytes());
                match user {
                    Some(user) => words.add(&[b"AUTH", user.as_bytes(), password]),
                    None => words.add(&[b"AUTH", password]),
                }
            }
            if settings.database != 0 {
                words.add(&[b"SELECT", settings.database.to_string().as_bytes()]);
            }
            if let Some(name) = &settings.client_name {
                words.add(&[b"CLIENT", b"SETNAME", name.as_bytes()]);
            }
            words.add(match settings.primary_only {
                true => &[b"ROLE"],
                false => &[b"PING"],
            });
        });
        let deadline = Instant::now() + settings.timeout;
        let answers = self.send(&words, deadline).await?;
        for answer in answers {
            match answer {
                Value::ServerError(error) => {
                    let failure = error::server(&error);
                    // What a user may not do, such as naming the connection, need not keep it away.
                    if failure.kind != ErrorKind::Other && error::code(&error) != "NOPERM" {
                        return Err(failure);
                    }
                }
                Value::Array(role) if !role.first().is_some_and(is_primary) => {
                    let cause = "the server is a replica";
                    return Err(Failure::not_applied(ErrorKind::Unavailable, cause));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends a request and waits for its answers.
    pub(crate) async fn send<R: Request>(
        &self,
        request: &R,
        deadline: Instant,
    ) -> Result<R::Answer, Failure> {
        let raw = request.put(self, deadline).await?;
        self.answer::<R>(raw, deadline).await
    }

    /// Queues a request, once there is room.
    async fn put(&self, deadline: Instant, request: &[u8], waiter: Waiter) -> Result<(), Failure> {
        let waiting = Waiting { waiter, deadline };
        let Some(waiting) = self.requests.try_put(request, waiting) else {
            return Ok(());
        };
        let put = timeout_at(deadline, self.requests.put(request, waiting));
        Box::pin(put).await.map_err(|_| {
            self.note_silence();
            let cause = "the connection took no more requests in time";
            Failure::not_applied(ErrorKind::Timeout, cause)
        })
    }

    /// Waits for the answer to a request that was queued.
    pub(crate) async fn answer<R: Request>(
        &self,
        raw: oneshot::Receiver<R::Raw>,
        deadline: Instant,
    ) -> Result<R::Answer, Failure> {
        if let Ok(raw) = raw.await {
            if self.silences.load(Relaxed) != 0 {
                self.silences.store(0, Relaxed);
            }
            return R::received(self, raw);
        }
        // The driver ended or has left this call alone.
        Err(match self.life.failure.get() {
            Some(failure) => failure.clone(),
            None if deadline <= Instant::now() => {
                self.note_silence();
                Failure::silence()
            }
            None => error::closed(),
        })
    }

    /// Gives up a connection that was silent twice in a row.
    fn note_silence(&self) {
        if self.silences.fetch_add(1, Relaxed) + 1 >= SILENCES_TO_REPLACE {
            self.life.end();
        }
    }

    /// Takes note if the server became a replica: the name or the service may lead to another one
    /// by now. A server that stays a replica costs one connection a second, not one a write.
    fn weigh(&self, error: &ServerError) {
        if error::code(error) == "READONLY" && self.opened.elapsed() > LEAST_AGE_TO_DOUBT {
            self.life.end();
        }
    }

    /// Whether the connection ended, or is to be replaced.
    pub(crate) fn has_ended(&self) -> bool {
        self.life.ended.load(Relaxed)
    }

    /// Waits for the end and gives how many calls in a row had no answer by then.
    pub(crate) async fn ended(&self) -> u32 {
        while !self.has_ended() {
            self.life.event.notified().await;
        }
        self.silences.load(Relaxed)
    }
}

impl LinkLife {
    fn end(&self) {
        self.ended.store(true, Relaxed);
        self.event.notify_one();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Left alone, the driver would wait for answers to calls that nobody waits for.
        self.driver.abort();
    }
}

/// Whether this is what a primary's answer to `ROLE` begins with.
fn is_primary(role: &Value) -> bool {
    matches!(role, Value::BulkString(role) if role == b"master")
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

const SILENCES_TO_REPLACE: u32 = 2;
const LEAST_AGE_TO_DOUBT: Duration = Duration::from_secs(1);

/// Small requests leave at once, and the kernel notices a peer that went without a word.
fn tune(stream: &TcpStream, timeout: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(3));
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(timeout.saturating_mul(2).max(Duration::from_secs(2))))?;
    Ok(())
}
