//! A faulty network between a client and a server.
//!
//! A [`Proxy`] hands bytes on between a port of its own and a server's, until a test tells it
//! otherwise: it cuts connections, at once or in the middle of a reply, goes silent, refuses,
//! delays and loses replies, and counts round trips. It knows no protocol.

use std::io::Result;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A port behind which a server seems to be. Dropping it cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// How the network behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Everything arrives.
    Fine,
    /// Connections open and stay open, and nothing arrives, in either direction. What got lost
    /// stays lost: a connection that was used meanwhile is silent for good.
    Silent,
    /// Requests arrive and replies do not; a connection that lost one is silent for good.
    LosesReplies,
    /// New connections are refused, the open ones are cut.
    Refuses,
}

#[derive(Debug)]
struct Shared {
    target: u16,
    network: watch::Sender<Network>,
    /// Grows with each order to cut what is open.
    cuts: watch::Sender<u64>,
    delay_ms: AtomicU64,
    /// How many bytes of replies still arrive before a connection is cut; negative: all.
    reply_bytes: AtomicI64,
    round_trips: AtomicU64,
    connections: AtomicU64,
}

impl Proxy {
    /// Opens a port before the server that listens on `target` of the loopback interface.
    ///
    /// # Errors
    ///
    /// What the operating system gives if there is no free port.
    pub async fn before(target: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            target,
            network: watch::Sender::new(Network::Fine),
            cuts: watch::Sender::new(0),
            delay_ms: AtomicU64::new(0),
            reply_bytes: AtomicI64::new(-1),
            round_trips: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, port, Arc::clone(&shared)));
        Ok(Self { port, shared, task })
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the network. Returns at once; a port takes a moment to open or close.
    pub fn set(&self, network: Network) {
        self.shared.network.send_replace(network);
        if network == Network::Refuses {
            self.cut();
        }
    }

    /// Cuts all open connections.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets this many bytes of replies through, all connections together, then cuts the one that
    /// would have had the next, and is fine again.
    pub fn cut_after_reply_bytes(&self, bytes: u32) {
        self.shared.reply_bytes.store(i64::from(bytes), SeqCst);
    }

    /// Makes every reply arrive this much later.
    pub fn delay(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay_ms.store(millis, SeqCst);
    }

    /// How often a client has sent something after it had heard something, or for the first time.
    pub fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(SeqCst)
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, port: u16, shared: Arc<Shared>) {
    let mut network = shared.network.subscribe();
    let mut listener = Some(listener);
    loop {
        if *network.borrow_and_update() == Network::Refuses {
            listener = None;
            if network.changed().await.is_err() {
                return;
            }
            continue;
        }
        let open = match listener.take() {
            Some(open) => open,
            None => match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(open) => open,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
            },
        };
        tokio::select! {
            accepted = open.accept() => {
                if let Ok((client, _)) = accepted {
                    shared.connections.fetch_add(1, SeqCst);
                    tokio::spawn(connect(client, Arc::clone(&shared)));
                }
            }
            _ = network.changed() => {}
        }
        listener = Some(open);
    }
}

/// Serves one connection until either side closes it or it is cut.
async fn connect(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.target)).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let line = Line {
        shared,
        lost: AtomicBool::new(false),
        asking: AtomicBool::new(false),
    };
    tokio::select! {
        () = line.requests(from_client, to_server) => {}
        () = line.replies(from_server, to_client) => {}
        _ = cuts.changed() => {}
    }
}

/// One connection.
struct Line {
    shared: Arc<Shared>,
    /// Something got lost, so that nothing after it may arrive either.
    lost: AtomicBool,
    /// The client spoke last.
    asking: AtomicBool,
}

impl Line {
    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1_024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            if !self.asking.swap(true, SeqCst) {
                self.shared.round_trips.fetch_add(1, SeqCst);
            }
            if *self.shared.network.borrow() == Network::Silent {
                self.lost.store(true, SeqCst);
            }
            if !self.lost.load(SeqCst) && to.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }

    async fn replies(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1_024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let delay = self.shared.delay_ms.load(SeqCst);
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            if matches!(
                *self.shared.network.borrow(),
                Network::Silent | Network::LosesReplies
            ) {
                self.lost.store(true, SeqCst);
            }
            if self.lost.load(SeqCst) {
                continue;
            }
            self.asking.store(false, SeqCst);
            let passes = self.passes(read);
            if to.write_all(&buffer[..passes]).await.is_err() || passes < read {
                return;
            }
        }
    }

    /// How many of `read` bytes pass before the cut that was ordered.
    fn passes(&self, read: usize) -> usize {
        let bytes = &self.shared.reply_bytes;
        let left = bytes.load(SeqCst);
        match usize::try_from(left) {
            Ok(left) if left < read => {
                bytes.store(-1, SeqCst);
                left
            }
            Ok(left) => {
                bytes.store(i64::try_from(left - read).unwrap_or(i64::MAX), SeqCst);
                read
            }
            Err(_) => read,
        }
    }
}
