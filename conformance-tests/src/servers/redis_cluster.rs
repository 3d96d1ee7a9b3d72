//! A Redis Cluster of three primaries with a replica each.

use std::io::{Error, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::redis::{RedisServer, ask};

/// Six servers: at the start 0 to 2 are the primaries, and 3 to 5 their replicas in that order.
#[derive(Debug)]
pub struct RedisCluster {
    servers: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts the servers, divides the slots and waits until all agree and the replicas follow.
    ///
    /// A primary counts as failed after `node_timeout`.
    ///
    /// # Errors
    ///
    /// If a server cannot be started or they do not agree within half a minute.
    pub fn start(node_timeout: Duration) -> Result<Self> {
        let millis = node_timeout.as_millis().to_string();
        let mut servers = Vec::new();
        for _ in 0..2 * PRIMARIES {
            let arguments = [
                ["--cluster-enabled", "yes"],
                ["--cluster-config-file", "nodes.conf"],
                ["--cluster-node-timeout", &millis],
                ["--cluster-require-full-coverage", "no"],
                ["--repl-diskless-sync-delay", "0"],
            ];
            servers.push(RedisServer::start_on(
                port_with_bus()?,
                arguments.as_flattened(),
            )?);
        }
        let cluster = Self { servers };
        cluster.join()?;
        Ok(cluster)
    }

    /// The servers, in the order in which they began.
    pub fn servers(&mut self) -> &mut [RedisServer] {
        &mut self.servers
    }

    /// The ports of the servers, in the same order.
    pub fn ports(&self) -> Vec<u16> {
        self.servers.iter().map(RedisServer::port).collect()
    }

    /// The address as a URL, with all servers.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self
            .ports()
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    fn join(&self) -> Result<()> {
        let ports = self.ports();
        for (index, port) in ports.iter().enumerate().take(PRIMARIES) {
            let slots = (SLOTS * index / PRIMARIES..SLOTS * (index + 1) / PRIMARIES)
                .map(|slot| slot.to_string())
                .collect::<Vec<_>>();
            let words: Vec<_> = ["CLUSTER", "ADDSLOTS"]
                .into_iter()
                .chain(slots.iter().map(String::as_str))
                .collect();
            ask(*port, &words)?;
        }
        for (index, port) in ports.iter().enumerate() {
            ask(
                *port,
                &["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()],
            )?;
            ask(
                *port,
                &["CLUSTER", "MEET", "127.0.0.1", &ports[0].to_string()],
            )?;
        }
        let everybody = format!("cluster_known_nodes:{}", ports.len());
        for port in &ports {
            until(*port, &["CLUSTER", "INFO"], &everybody)?;
        }
        for index in 0..PRIMARIES {
            let primary = ask(ports[index], &["CLUSTER", "MYID"])?;
            let replica = ports[PRIMARIES + index];
            // It may not have heard yet that the other is a primary.
            let deadline = Instant::now() + PATIENCE;
            while ask(replica, &["CLUSTER", "REPLICATE", &primary])? != "OK" {
                give_up_after(deadline)?;
            }
            until(replica, &["INFO", "replication"], "master_link_status:up")?;
        }
        for port in &ports {
            until(*port, &["CLUSTER", "INFO"], "cluster_state:ok")?;
            let all = format!("cluster_slots_assigned:{SLOTS}");
            until(*port, &["CLUSTER", "INFO"], &all)?;
        }
        Ok(())
    }
}

/// Asks until the answer holds a text.
fn until(port: u16, words: &[&str], text: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !ask(port, words).is_ok_and(|answer| answer.contains(text)) {
        give_up_after(deadline)?;
    }
    Ok(())
}

fn give_up_after(deadline: Instant) -> Result<()> {
    if Instant::now() > deadline {
        return Err(Error::other("the servers do not agree"));
    }
    std::thread::sleep(Duration::from_millis(20));
    Ok(())
}

/// A free port whose neighbour ten thousand above, on which the servers talk, is free too. No port
/// is given twice in a process, so that clusters can start side by side.
fn port_with_bus() -> Result<u16> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let start = std::process::id() % 10_000 * 37;
    std::iter::repeat_with(|| 20_000 + (start + GIVEN.fetch_add(1, Relaxed)) % 10_000)
        .take(10_000)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| is_free(*port) && is_free(port + 10_000))
        .ok_or_else(|| Error::other("no free port below 30000"))
}

const PRIMARIES: usize = 3;
const SLOTS: usize = 16_384;
const PATIENCE: Duration = Duration::from_secs(30);
