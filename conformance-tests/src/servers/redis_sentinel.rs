//! A Redis primary with a replica, watched by three Sentinels.

use std::io::{Error, Result};
use std::time::{Duration, Instant};

use super::program::{Program, free_port};
use super::redis::{RedisServer, ask, redis_program};

/// Two servers, at the start 0 is the primary, and three Sentinels that call the service `cache`.
#[derive(Debug)]
pub struct RedisSentinels {
    servers: Vec<RedisServer>,
    sentinels: Vec<(u16, Program)>,
}

impl RedisSentinels {
    /// Starts everything and waits until the Sentinels know each other and the replica.
    ///
    /// A primary counts as failed after `down_after`.
    ///
    /// # Errors
    ///
    /// If a program cannot be started or they do not agree within half a minute.
    pub fn start(down_after: Duration) -> Result<Self> {
        let primary = RedisServer::start(&["--repl-diskless-sync-delay", "0"])?;
        let primary_port = primary.port().to_string();
        let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &primary_port])?;
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            let port = free_port()?;
            let config = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor cache 127.0.0.1 {primary_port} 2\n\
                 sentinel down-after-milliseconds cache {}\nsentinel failover-timeout cache 5000\n",
                down_after.as_millis(),
            );
            let arguments = ["sentinel.conf".to_owned(), "--sentinel".to_owned()];
            let program = Program::start(&redis_program(), &arguments, |folder| {
                std::fs::write(folder.join("sentinel.conf"), config)
            })?;
            sentinels.push((port, program));
        }
        let all = Self {
            servers: vec![primary, replica],
            sentinels,
        };
        let deadline = Instant::now() + PATIENCE;
        while !all.agree() {
            if Instant::now() > deadline {
                return Err(Error::other("the Sentinels do not agree"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(all)
    }

    /// The servers, in the order in which they began.
    pub fn servers(&mut self) -> &mut [RedisServer] {
        &mut self.servers
    }

    /// The address of the service as a URL, with all Sentinels.
    pub fn url(&self) -> String {
        let ports = self
            .sentinels
            .iter()
            .map(|(port, _)| format!("127.0.0.1:{port}"));
        format!(
            "redis+sentinel://{}/cache",
            ports.collect::<Vec<_>>().join(",")
        )
    }

    fn agree(&self) -> bool {
        let knows = |port: u16| {
            ask(port, &["INFO", "sentinel"]).is_ok_and(|told| {
                told.contains("status=ok") && told.contains("slaves=1,sentinels=3")
            })
        };
        let follows = ask(self.servers[1].port(), &["INFO", "replication"])
            .is_ok_and(|told| told.contains("master_link_status:up"));
        follows && self.sentinels.iter().all(|(port, _)| knows(*port))
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
