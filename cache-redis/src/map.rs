//! The map of a cluster: which primary has which slots.
//!
//! A task keeps it: it asks the servers for their slots when a call was sent elsewhere or failed, and
//! now and then.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use redis::Value;
use session_core::ErrorKind;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::error::Failure;
use crate::link::Settings;
use crate::node::{Call, Node, Place, Repeat};
use crate::options::Address;
use crate::reply;
use crate::resp::{Batch, Command};
use crate::slot::{SLOTS, slot_of};

/// What the calls to a cluster share with the task that keeps the map.
pub(crate) struct Shared {
    seeds: Vec<Address>,
    settings: Arc<Settings>,
    max_in_flight: usize,
    map: RwLock<Arc<Map>>,
    /// Servers that answers named and the map does not have yet, as long as they are in use, so
    /// that many calls which are sent to one open one connection.
    strays: Mutex<Vec<Weak<Node>>>,
    /// Somebody met a sign that the map is out of date.
    stale: Notify,
}

/// Who has which slots.
#[derive(Default)]
struct Map {
    /// For each slot the index of its primary.
    slots: Vec<Option<u16>>,
    primaries: Vec<Arc<Node>>,
}

/// A primary and the commands of a batch that go to it, by their indices.
pub(crate) type Share = (Arc<Node>, Vec<usize>);

/// Slots and the address of their primary.
type Ranges = Vec<(RangeInclusive<usize>, Address)>;

impl Shared {
    /// Knows no server yet but the seeds.
    pub(crate) fn new(seeds: Vec<Address>, settings: Arc<Settings>, max_in_flight: usize) -> Self {
        Self {
            seeds,
            settings,
            max_in_flight,
            map: RwLock::default(),
            strays: Mutex::default(),
            stale: Notify::new(),
        }
    }

    /// The primaries of now.
    pub(crate) fn primaries(&self) -> Vec<Arc<Node>> {
        self.map().primaries.clone()
    }

    /// Has the servers asked for the map again.
    pub(crate) fn doubt(&self) {
        self.stale.notify_one();
    }

    fn map(&self) -> Arc<Map> {
        self.map
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn node_of(&self, slot: u16) -> Result<Arc<Node>, Failure> {
        let map = self.map();
        let primary = map.slots.get(usize::from(slot)).copied().flatten();
        match primary.and_then(|index| map.primaries.get(usize::from(index))) {
            Some(node) => Ok(node.clone()),
            None => {
                self.doubt();
                let cause = "no server of the cluster has the slot of the key";
                Err(Failure::not_applied(ErrorKind::Unavailable, cause))
            }
        }
    }

    /// Divides a batch among the primaries.
    pub(crate) fn shares(&self, commands: &[(&str, Command)]) -> Result<Vec<Share>, Failure> {
        let mut shares: Vec<Share> = Vec::new();
        for (index, (key, _)) in commands.iter().enumerate() {
            let node = self.node_of(slot_of(key))?;
            match shares
                .iter_mut()
                .find(|(other, _)| Arc::ptr_eq(other, &node))
            {
                Some((_, indices)) => indices.push(index),
                None => shares.push((node, vec![index])),
            }
        }
        Ok(shares)
    }

    /// The server at an address, which the map may not have yet.
    pub(crate) fn node_at(&self, address: &Address) -> Arc<Node> {
        let is_there = |node: &Arc<Node>| node.place() == Some(address);
        if let Some(node) = self.map().primaries.iter().find(|node| is_there(node)) {
            return node.clone();
        }
        let mut strays = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = strays.iter().filter_map(Weak::upgrade).find(is_there) {
            return node;
        }
        let place = Place::Fixed(address.clone());
        let node = Arc::new(Node::new(place, self.settings.clone(), self.max_in_flight));
        strays.retain(|stray| stray.strong_count() > 0);
        strays.push(Arc::downgrade(&node));
        node
    }

    /// Asks the servers that are known, then the seeds, until one tells the slots that is not cut off
    /// from the others. If all are that answer, the first of them counts.
    pub(crate) async fn refresh(&self) -> Result<(), Failure> {
        let known = self.map();
        let seeds = self.seeds.iter().map(|seed| self.node_at(seed));
        // While nobody is better, there is still time to take what is doubtful.
        let until = Instant::now() + self.settings.timeout / 2;
        let mut failure = Failure::not_applied(ErrorKind::Unavailable, "the cluster has no server");
        let mut doubtful = None;
        for node in known.primaries.iter().cloned().chain(seeds) {
            match self.slots_of(&node).await {
                Ok((ranges, false)) => {
                    self.take(ranges);
                    return Ok(());
                }
                Ok((ranges, true)) => {
                    doubtful.get_or_insert(ranges);
                }
                Err(other) => failure = other,
            }
            if doubtful.is_some() && Instant::now() > until {
                break;
            }
        }
        match doubtful {
            Some(ranges) => {
                self.take(ranges);
                Ok(())
            }
            None => Err(failure),
        }
    }

    /// Who has which slots as a server tells it, and whether it says that it is cut off.
    async fn slots_of(&self, node: &Arc<Node>) -> Result<(Ranges, bool), Failure> {
        let deadline = Instant::now() + self.settings.timeout / 3;
        let call = Call {
            operation: "connect",
            deadline,
            repeat: Repeat::Harmless,
        };
        let both = Batch::of(|both| {
            both.add(&[b"CLUSTER", b"SLOTS"]);
            both.add(&[b"CLUSTER", b"INFO"]);
        });
        let answers = node.send(&call, &both).await?;
        let [slots, info] = <[Value; 2]>::try_from(answers).map_err(|_| Failure::unexpected())?;
        if let Value::ServerError(error) = &slots
            && error
                .details()
                .is_some_and(|text| text.contains("cluster support disabled"))
        {
            let cause = "the server is no part of a cluster; its URL begins with redis://";
            return Err(Failure::not_applied(ErrorKind::InvalidInput, cause));
        }
        let ranges = reply::slots(slots, node.place())?;
        if ranges.is_empty() {
            let cause = "the server does not know who has which slots";
            return Err(Failure::not_applied(ErrorKind::Unavailable, cause));
        }
        Ok((ranges, reply::is_cut_off(info)))
    }

    /// Makes them the map.
    fn take(&self, ranges: Ranges) {
        let mut map = Map {
            slots: vec![None; usize::from(SLOTS)],
            primaries: Vec::new(),
        };
        for (slots, address) in ranges {
            let at = |node: &Arc<Node>| node.place() == Some(&address);
            let index = map.primaries.iter().position(at).unwrap_or_else(|| {
                map.primaries.push(self.node_at(&address));
                map.primaries.len() - 1
            });
            let index = u16::try_from(index).ok();
            if let Some(slots) = map.slots.get_mut(slots) {
                slots.fill(index);
            }
        }
        *self.map.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
    }
}

/// Keeps the map, as long as the cluster is in use.
pub(crate) async fn watch(shared: Arc<Shared>) {
    loop {
        let is_partly_out = shared.map().primaries.iter().any(|node| node.is_out());
        let pause = if is_partly_out {
            PAUSE_WHILE_OUT
        } else {
            PAUSE_BETWEEN_LOOKS
        };
        let _ = timeout(pause, shared.stale.notified()).await;
        if let Err(failure) = shared.refresh().await {
            tracing::debug!(kind = ?failure.kind, "no server tells the slots of the cluster");
        }
        // A burst of calls that were sent elsewhere costs one question.
        sleep(LEAST_PAUSE).await;
    }
}

const LEAST_PAUSE: Duration = Duration::from_millis(50);
const PAUSE_WHILE_OUT: Duration = Duration::from_millis(200);
const PAUSE_BETWEEN_LOOKS: Duration = Duration::from_secs(10);
