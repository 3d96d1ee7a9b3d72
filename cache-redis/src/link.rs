//! One open connection, shared by all calls to its server.
//!
//! The driver pipelines what many tasks send and sorts the answers; dropping a call leaves it in
//! order. Added here: the login, whether the connection still answers, and its end as an event.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisError, RedisResult,
    ServerError, Value,
};
use session_core::ErrorKind;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::error::{self, Failure};
use crate::options::{Address, Login};
use crate::tls::Tls;

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
    connection: MultiplexedConnection,
    /// Calls in a row that ended without an answer.
    silences: AtomicU32,
    life: Arc<LinkLife>,
    driver: AbortHandle,
}

/// What can be sent over a connection, once or again over the next one.
pub(crate) trait Request {
    type Answer;

    /// Sends it and waits for the answer, which may be an error of the server.
    fn send(
        &self,
        link: &Link,
        deadline: Instant,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

impl Request for Cmd {
    type Answer = Value;

    async fn send(&self, link: &Link, deadline: Instant) -> Result<Value, Failure> {
        let mut connection = link.connection.clone();
        let answer = link.judge(timeout_at(deadline, connection.send_packed_command(self)).await);
        if let Ok(Value::ServerError(error)) = &answer {
            link.weigh(error);
        }
        answer
    }
}

/// Many commands at once; of a transaction, the answer is that of `EXEC` alone.
impl Request for Pipeline {
    type Answer = Vec<Value>;

    async fn send(&self, link: &Link, deadline: Instant) -> Result<Vec<Value>, Failure> {
        let (skip, count) = match self.is_transaction() {
            true => (self.len() + 1, 1),
            false => (0, self.len()),
        };
        let mut connection = link.connection.clone();
        let sent = connection.send_packed_commands(self, skip, count);
        let answers = link.judge(timeout_at(deadline, sent).await)?;
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
    /// The peer closed it or the network failed.
    cut: AtomicBool,
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
        // The driver would log in by itself, but hide the code of a refusal. Its time-outs stay
        // off: each call has a deadline of its own.
        let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let life = Arc::new(LinkLife::default());
        let stream = Watched {
            stream,
            life: life.clone(),
        };
        let (connection, driver) = MultiplexedConnection::new_with_config(&nobody, stream, config)
            .await
            .map_err(|error| life.failure(&error))?;
        let driver = tokio::spawn({
            let life = life.clone();
            async move {
                driver.await;
                life.end();
            }
        });
        let link = Self {
            id: NEXT_ID.fetch_add(1, Relaxed),
            opened: Instant::now(),
            connection,
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
        let mut words = Pipeline::new();
        if let Some(password) = &settings.login.password {
            let auth = words.cmd("AUTH");
            if let Some(user) = &settings.login.user {
                auth.arg(user);
            }
            auth.arg(password);
        }
        if settings.database != 0 {
            words.cmd("SELECT").arg(settings.database);
        }
        if let Some(name) = &settings.client_name {
            words.cmd("CLIENT").arg("SETNAME").arg(name);
        }
        words.cmd(if settings.primary_only {
            "ROLE"
        } else {
            "PING"
        });
        let answers = self
            .connection
            .clone()
            .send_packed_commands(&words, 0, words.len())
            .await
            .map_err(|error| self.life.failure(&error))?;
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

    /// Keeps count of silence, and gives up a connection that was silent twice in a row.
    fn judge<T, E>(&self, answer: Result<RedisResult<T>, E>) -> Result<T, Failure> {
        match answer {
            Ok(Ok(answer)) => {
                if self.silences.load(Relaxed) != 0 {
                    self.silences.store(0, Relaxed);
                }
                Ok(answer)
            }
            Ok(Err(error)) => {
                if let Some(errors) = error.clone().into_server_errors()
                    && let Some((_, first)) = errors.first()
                {
                    self.weigh(first);
                    return Err(error::server(first));
                }
                self.life.end();
                Err(self.life.failure(&error))
            }
            Err(_) => {
                if self.silences.fetch_add(1, Relaxed) + 1 >= SILENCES_TO_REPLACE {
                    self.life.end();
                }
                Err(Failure::silence())
            }
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

    /// What a failed exchange means. The driver takes half an answer for a garbled one, also when
    /// the other half cannot come any more.
    fn failure(&self, error: &RedisError) -> Failure {
        error::transport(error, self.cut.load(Relaxed))
    }
}

/// A stream that tells when it was cut.
struct Watched<S> {
    stream: S,
    life: Arc<LinkLife>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if read.is_err() || buffer.filled().len() == before {
            self.life.cut.store(true, Relaxed);
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
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
