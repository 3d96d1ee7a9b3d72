//! A faulty network between a client and a server.
//!
//! A [`Proxy`] hands bytes on between a port of its own and a server's, until a test tells it
//! otherwise: it cuts connections, at once or in the middle of a reply, goes silent, refuses, loses
//! requests or replies, garbles and delays replies, and counts round trips. It knows no protocol.
//!
//! **What a round trip is.** All that a client sends on one connection before it hears something is
//! one request, however many packets and commands that are, and all that it hears before it sends
//! again is one reply. So a pipeline counts once, if it is sent without waiting, and a call on two
//! connections counts twice. A server may answer the beginning of a long pipeline while its end is
//! still on the way; with a [delay](Proxy::delay) longer than that takes, no reply comes in between
//! and the count is exact: it is then what a client waits for, in units of the delay.

use std::io::{Error, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs, lookup_host};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

/// A port behind which a server seems to be. Dropping it cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// How the network behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Everything arrives.
    Fine,
    /// Connections open and stay open, and nothing arrives, in either direction: a black hole. What
    /// got lost stays lost: a connection that was used meanwhile is silent for good.
    Silent,
    /// Requests do not arrive; a connection that lost one is silent for good.
    LosesRequests,
    /// Requests arrive and replies do not; a connection that lost one is silent for good.
    LosesReplies,
    /// The first byte of what a server sends at a time is another: where protocols say what
    /// follows, no reply makes sense.
    GarblesReplies,
    /// New connections are refused, the open ones are cut.
    Refuses,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    network: watch::Sender<Network>,
    /// Grows with each order to cut what is open.
    cuts: watch::Sender<u64>,
    delay_ms: AtomicU64,
    /// How many bytes of replies still arrive before a connection is cut; negative: all.
    reply_bytes: AtomicI64,
    round_trips: AtomicU64,
    connections: AtomicU64,
    faults: AtomicU64,
}

impl Proxy {
    /// Opens a port of the loopback interface before a server, such as `("127.0.0.1", 6379)`.
    ///
    /// # Errors
    ///
    /// What the operating system gives if there is no free port or no such host.
    pub async fn before(server: impl ToSocketAddrs) -> Result<Self> {
        let server = lookup_host(server).await?.next();
        let server = server.ok_or_else(|| Error::other("no address of the server"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            network: watch::Sender::new(Network::Fine),
            cuts: watch::Sender::new(0),
            delay_ms: AtomicU64::new(0),
            reply_bytes: AtomicI64::new(-1),
            round_trips: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, address, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.address.port()
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

    /// Makes every reply that comes from now on arrive this much later.
    pub fn delay(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay_ms.store(millis, SeqCst);
    }

    /// How often a client has sent something after it had heard something, or for the first time:
    /// see the [module](self).
    pub fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(SeqCst)
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(SeqCst)
    }

    /// How many connections it has cut while they were open, or made silent, and how many replies
    /// it has garbled: a test that finds none has met no fault.
    pub fn faults(&self) -> u64 {
        self.shared.faults.load(SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

impl Shared {
    fn network(&self) -> Network {
        *self.network.borrow()
    }

    fn fault(&self) {
        self.faults.fetch_add(1, SeqCst);
    }

    /// How many of `read` bytes pass before the cut that was ordered.
    fn passes(&self, read: usize) -> usize {
        let left = self.reply_bytes.load(SeqCst);
        match usize::try_from(left) {
            Ok(left) if left < read => {
                self.reply_bytes.store(-1, SeqCst);
                left
            }
            Ok(left) => {
                let left = i64::try_from(left - read).unwrap_or(i64::MAX);
                self.reply_bytes.store(left, SeqCst);
                read
            }
            Err(_) => read,
        }
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
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
            None => match TcpListener::bind(address).await {
                Ok(open) => open,
                Err(_) => {
                    sleep(Duration::from_millis(5)).await;
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
    // It came between the word to refuse and the closing of the port.
    if shared.network() == Network::Refuses {
        return;
    }
    let Ok(server) = TcpStream::connect(shared.server).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Replies on the way; more than this many wait with the server.
    let (delayed, arriving) = mpsc::channel(64);
    let line = Line {
        shared,
        lost: AtomicBool::new(false),
        asking: AtomicBool::new(false),
    };
    tokio::select! {
        () = line.requests(from_client, to_server) => {}
        () = line.replies(from_server, delayed) => {}
        () = line.arrive(arriving, to_client) => {}
        _ = cuts.changed() => line.shared.fault(),
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
            if self.is_lost_in(&[Network::Silent, Network::LosesRequests]) {
                continue;
            }
            if to.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }

    /// Takes replies off the server and sends each on its way.
    async fn replies(&self, mut from: OwnedReadHalf, to: mpsc::Sender<(Instant, Vec<u8>)>) {
        let mut buffer = vec![0; 64 * 1_024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let delay = Duration::from_millis(self.shared.delay_ms.load(SeqCst));
            let reply = buffer[..read].to_vec();
            if to.send((Instant::now() + delay, reply)).await.is_err() {
                return;
            }
        }
        // What is still on the way arrives before the connection ends: see `arrive`.
        drop(to);
        std::future::pending::<()>().await;
    }

    async fn arrive(&self, mut from: mpsc::Receiver<(Instant, Vec<u8>)>, mut to: OwnedWriteHalf) {
        while let Some((at, mut reply)) = from.recv().await {
            sleep_until(at).await;
            if self.is_lost_in(&[Network::Silent, Network::LosesReplies]) {
                continue;
            }
            if self.shared.network() == Network::GarblesReplies {
                self.shared.fault();
                reply[0] = reply[0].wrapping_add(0x80);
            }
            self.asking.store(false, SeqCst);
            let passes = self.shared.passes(reply.len());
            if to.write_all(&reply[..passes]).await.is_err() {
                return;
            }
            if passes < reply.len() {
                self.shared.fault();
                return;
            }
        }
    }

    /// Whether what comes now gets lost: if the network loses it, or has lost what was before it.
    fn is_lost_in(&self, networks: &[Network]) -> bool {
        if networks.contains(&self.shared.network()) && !self.lost.swap(true, SeqCst) {
            self.shared.fault();
        }
        self.lost.load(SeqCst)
    }
}
