//! redis-rs as its documentation shows it: one multiplexed connection, cloned for each call.

use redis::aio::MultiplexedConnection;
use sampler::work::{GetMany, SetMany, Store};
use session_core::Bytes;

use crate::ratios::stores::{HOUR_MS, Peer};

impl Store for Peer<MultiplexedConnection> {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let mut command = redis::cmd("GET");
        command.arg(key);
        let found = command.query_async(&mut self.0.clone()).await;
        found.expect("a read succeeds")
    }

    async fn set(&self, key: &str, value: Bytes) {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(&value[..]).arg("PX").arg(HOUR_MS);
        let written = command.exec_async(&mut self.0.clone()).await;
        written.expect("a write succeeds");
    }
}

impl GetMany for Peer<MultiplexedConnection> {
    async fn get_all(&self, keys: &[&str]) -> usize {
        let mut command = redis::cmd("MGET");
        command.arg(keys);
        let found = command.query_async(&mut self.0.clone()).await;
        let found: Vec<Option<Bytes>> = found.expect("a read succeeds");
        found.iter().flatten().count()
    }
}

impl SetMany for Peer<MultiplexedConnection> {
    /// `MSET` knows no deadline.
    async fn set_all(&self, entries: &[(&str, Bytes)]) {
        let mut pipeline = redis::pipe();
        for (key, value) in entries {
            pipeline
                .cmd("SET")
                .arg(key)
                .arg(&value[..])
                .arg("PX")
                .arg(HOUR_MS)
                .ignore();
        }
        let written = pipeline.exec_async(&mut self.0.clone()).await;
        written.expect("a write succeeds");
    }
}
