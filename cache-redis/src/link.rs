//! One open connection, shared by all calls to its server.
//!
//! It pipelines what many tasks send and sorts the answers ([`crate::multiplex`]); dropping a call
//! leaves it in order. Here are the login, whether it still answers, and its end as an event.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use redis::{ServerError, Value};
use session_core::ErrorKind;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::error::{self, Failure};
use crate::life::Life;
use crate::multiplex::{Driver, Requests};
use crate::options::{Address, Login};
use crate::resp::{Batch, Command};
use crate::tls::Tls;
use crate::waiter::{Many, Refusal, Waiter, Waiting};

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
    life: Arc<Life>,
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
    type Raw = Result<Vec<Value>, Refusal>;
    type Answer = Vec<Value>;

    async fn put(
        &self,
        link: &Link,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Self::Raw>, Failure> {
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter::Many(Box::new(Many::new(self.answers(), sender)));
        link.put(deadline, self.bytes(), waiter).await?;
        Ok(receiver)
    }

    fn received(link: &Link, answers: Self::Raw) -> Result<Vec<Value>, Failure> {
        let answers = answers.map_err(|refusal| {
            link.weigh(&refusal.error);
            error::server(&refusal.error).in_part(refusal.is_applied)
        })?;
        for answer in &answers {
            if let Value::ServerError(error) = answer {
                link.weigh(error);
            }
        }
        Ok(answers)
    }
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
        let life = Arc::new(Life::default());
        let requests = Requests::new();
        let mut driver = Driver::new(&requests, stream, life.clone());
        let driver = tokio::spawn({
            let life = life.clone();
            async move {
                let failure = driver.run().await;
                // Before the driver goes, and those who wait for answers are told.
                life.fail(failure);
            }
        });
        let link = Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            opened: Instant::now(),
            requests,
            life,
            driver: driver.abort_handle(),
        };
        link.log_in(settings).await?;
        Ok(link)
    }

    /// Everything a fresh connection says, in one round trip; its last word is a question, so that
    /// a server which does not answer is found out here.
    async fn log_in(&self, settings: &Settings) -> Result<(), Failure> {
        let mut steps = Vec::new();
        let words = Batch::of(|words| {
            let mut say = |step: Step, command: &[&[u8]]| {
                steps.push(step);
                words.add(command);
            };
            let Login { user, password } = &settings.login;
            // A user without a password takes any.
            let text = password.as_deref().unwrap_or_default().as_bytes();
            match (user, password) {
                (Some(user), _) => say(Step::Auth, &[b"AUTH", user.as_bytes(), text]),
                (None, Some(_)) => say(Step::Auth, &[b"AUTH", text]),
                (None, None) => {}
            }
            if settings.database != 0 {
                let database = settings.database.to_string();
                say(Step::Select, &[b"SELECT", database.as_bytes()]);
            }
            if let Some(name) = &settings.client_name {
                say(Step::Name, &[b"CLIENT", b"SETNAME", name.as_bytes()]);
            }
            match settings.primary_only {
                true => say(Step::Role, &[b"ROLE"]),
                false => say(Step::Ping, &[b"PING"]),
            }
        });
        let deadline = Instant::now() + settings.timeout;
        let answers = self.send(&words, deadline).await?;
        for (step, answer) in steps.into_iter().zip(answers) {
            step.check(&answer)?;
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
            self.life.note_silences(1);
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
            return R::received(self, raw);
        }
        // The driver ended or has left this call alone.
        Err(match self.life.failure() {
            Some(failure) => failure.clone(),
            None if deadline <= Instant::now() => Failure::silence(),
            None => error::closed(),
        })
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
        self.life.has_ended()
    }

    /// Waits for the end and gives how many calls in a row had no answer by then.
    pub(crate) async fn ended(&self) -> u32 {
        self.life.ended().await
    }
}

/// What a fresh connection says.
#[derive(Clone, Copy)]
enum Step {
    Auth,
    Select,
    Name,
    Role,
    Ping,
}

impl Step {
    /// Whether the connection is of use after this answer.
    fn check(self, answer: &Value) -> Result<(), Failure> {
        match (self, answer) {
            // A connection without its name does the same.
            (Self::Name, _) => Ok(()),
            (_, Value::ServerError(error)) => self.refused(error),
            (Self::Role, Value::Array(role)) if !role.first().is_some_and(is_primary) => {
                let cause = "the server is a replica";
                Err(Failure::not_applied(ErrorKind::Unavailable, cause))
            }
            _ => Ok(()),
        }
    }

    fn refused(self, error: &ServerError) -> Result<(), Failure> {
        let mut failure = error::server(error);
        match (self, failure.kind) {
            // An answer all the same.
            (Self::Ping, ErrorKind::Other) => return Ok(()),
            (Self::Ping, _) if error::code(error) == "NOPERM" => return Ok(()),
            // Without it, the calls would go to database 0.
            (Self::Select, ErrorKind::Other) => failure.kind = ErrorKind::InvalidInput,
            _ => {}
        }
        Err(failure)
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
