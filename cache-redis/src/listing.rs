//! Listings: pages of `SCAN`, each key once.
//!
//! `SCAN` may give a key again while the server resizes its table, and its cursor means nothing to
//! another server or to the same one after a restart. So the hashes of the keys that were given
//! are remembered, and a listing whose connection was replaced begins again with what it knows.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use redis::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::command;
use crate::error::Failure;
use crate::link::{Link, Request};
use crate::node::{Call, Node};
use crate::reply;
use crate::resp::Command;

/// A walk over the keys of one server.
pub(crate) struct Scan {
    node: Arc<Node>,
    /// The connection to which the cursor belongs.
    link: u64,
    /// `None` after the last page.
    cursor: Option<u64>,
}

impl Scan {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self {
            node,
            link: 0,
            cursor: Some(0),
        }
    }

    /// The stored keys of the next page that start with `prefix`, maybe none; `None` at the end.
    pub(crate) async fn page(
        &mut self,
        call: &Call,
        prefix: &str,
    ) -> Result<Option<Vec<String>>, Failure> {
        let Some(cursor) = self.cursor else {
            return Ok(None);
        };
        let request = Page {
            link: self.link,
            cursor,
            prefix,
        };
        let (link, answer) = self.node.send(call, &request).await?;
        let (next, mut keys) = reply::page(answer)?;
        keys.retain(|key| key.starts_with(prefix));
        self.link = link;
        self.cursor = (next != 0).then_some(next);
        Ok(Some(keys))
    }
}

/// The page at a cursor or, over another connection than the cursor's, the first one.
struct Page<'p> {
    link: u64,
    cursor: u64,
    prefix: &'p str,
}

impl Request for Page<'_> {
    type Raw = Value;
    /// The connection that answered, and the answer.
    type Answer = (u64, Value);

    async fn put(
        &self,
        link: &Link,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Value>, Failure> {
        let cursor = if link.id == self.link { self.cursor } else { 0 };
        command::scan(cursor, self.prefix).put(link, deadline).await
    }

    fn received(link: &Link, answer: Value) -> Result<(u64, Value), Failure> {
        Ok((link.id, Command::received(link, answer)?))
    }
}

/// The keys that a listing has given: 8 bytes of hash each, at most 14 with the free places.
///
/// Two keys of one hash would be taken for one; among ten million keys the odds of such a pair are
/// one in 370,000. The hash is seeded anew for each listing, so that nobody can choose such keys.
pub(crate) struct Seen {
    hasher: RandomState,
    /// Tables that grow one at a time, so that growing never needs the room twice.
    shards: Vec<Shard>,
}

/// An open table of hashes, 0 being a free place.
#[derive(Default)]
struct Shard {
    places: Vec<u64>,
    taken: usize,
}

impl Seen {
    pub(crate) fn new() -> Self {
        let mut shards = Vec::new();
        shards.resize_with(SHARDS, Shard::default);
        Self {
            hasher: RandomState::new(),
            shards,
        }
    }

    /// Remembers a key; `false` if it was there.
    pub(crate) fn insert(&mut self, key: &str) -> bool {
        let hash = self.hasher.hash_one(key).max(1);
        // The low bits choose the shard, the high ones the place in it.
        let shard = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        self.shards[shard].insert(hash)
    }
}

impl Shard {
    fn insert(&mut self, hash: u64) -> bool {
        if self.taken * 5 >= self.places.len() * 4 {
            self.grow();
        }
        let place = self.place_of(hash);
        let is_new = self.places[place] == 0;
        if is_new {
            self.places[place] = hash;
            self.taken += 1;
        }
        is_new
    }

    /// Where a hash is or is to go; there is always a free place.
    fn place_of(&self, hash: u64) -> usize {
        let length = self.places.len();
        // Scales the hash to the length: the upper half of a product of 64 by 64 bits.
        let scaled = (u128::from(hash) * length as u128) >> 64;
        let mut place = usize::try_from(scaled).unwrap_or(0);
        while self.places[place] != 0 && self.places[place] != hash {
            place = if place + 1 == length { 0 } else { place + 1 };
        }
        place
    }

    fn grow(&mut self) {
        let length = (self.places.len() * 7 / 5).max(8);
        let old = std::mem::replace(&mut self.places, vec![0; length]);
        for hash in old.into_iter().filter(|hash| *hash != 0) {
            let place = self.place_of(hash);
            self.places[place] = hash;
        }
    }
}

const SHARDS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_new_once_and_costs_at_most_sixteen_bytes() {
        let mut seen = Seen::new();
        let keys: Vec<String> = (0..100_000).map(|number| format!("key {number}")).collect();
        for (listed, key) in keys.iter().enumerate() {
            assert!(seen.insert(key));
            let places: usize = seen
                .shards
                .iter()
                .map(|shard| shard.places.capacity())
                .sum();
            assert!(places * 8 <= (listed + 1) * 16 + SHARDS * 8 * 8);
        }
        assert!(keys.iter().all(|key| !seen.insert(key)));
    }
}
