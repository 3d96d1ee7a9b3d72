//! A cluster: which primary has which slots, and what to do when that changes.
//!
//! Every server may answer that a key is elsewhere. Such an answer proves that nothing ran, so the
//! command follows the key, also one that may run once only. A task keeps the map: it asks the
//! servers for their slots when a call was sent elsewhere or failed, and now and then.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use futures_util::future::try_join_all;
use redis::{ServerError, Value};
use session_core::ErrorKind;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::command;
use crate::error::{self, Failure};
use crate::link::Settings;
use crate::node::{Call, Node, Place, Repeat};
use crate::options::Address;
use crate::reply;
use crate::resp::{Batch, Command};
use crate::slot::{SLOTS, slot_of};

/// The primaries of a cluster.
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    watcher: AbortHandle,
}

struct Shared {
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
type Share = (Arc<Node>, Vec<usize>);

/// Where an answer sends a command.
enum Redirect {
    /// There for good; the map is out of date.
    Moved(Address),
    /// There for this once, while the slot moves.
    Ask(Address),
    /// Nowhere yet.
    Wait,
}

impl Cluster {
    /// Asks the seeds for the rest of the cluster.
    pub(crate) async fn open(
        seeds: Vec<Address>,
        settings: Arc<Settings>,
        max_in_flight: usize,
    ) -> Result<Self, Failure> {
        let shared = Arc::new(Shared {
            seeds,
            settings,
            max_in_flight,
            map: RwLock::default(),
            strays: Mutex::default(),
            stale: Notify::new(),
        });
        timeout(shared.settings.timeout, shared.refresh())
            .await
            .unwrap_or_else(|_| Err(Failure::silence()))?;
        let watcher = tokio::spawn(watch(shared.clone())).abort_handle();
        Ok(Self { shared, watcher })
    }

    /// The primaries of now.
    pub(crate) fn primaries(&self) -> Vec<Arc<Node>> {
        self.shared.map().primaries.clone()
    }

    /// Sends a command about one key to whoever has the key.
    pub(crate) async fn send(
        &self,
        call: &Call,
        key: &str,
        command: &Command,
    ) -> Result<Value, Failure> {
        let node = self.shared.node_of(slot_of(key))?;
        let answer = self.ask(call, &node, command).await?;
        self.follow(call, key, command, node, answer).await
    }

    /// Sends commands, each about one key, to whoever has the keys, and gives the answers in their
    /// order, errors of the servers included. Each command is applied or not by itself.
    pub(crate) async fn send_all(
        &self,
        call: &Call,
        commands: &[(&str, Command)],
    ) -> Result<Vec<Value>, Failure> {
        let sent = self
            .shared
            .shares(commands)?
            .into_iter()
            .map(async |(node, indices)| {
                let batch = Batch::of(|batch| {
                    for index in &indices {
                        batch.push(&commands[*index].1);
                    }
                });
                let answers = node.send(call, &batch).await;
                let answers = answers.inspect_err(|_| self.shared.stale.notify_one())?;
                if answers.len() != indices.len() {
                    return Err(Failure::unexpected());
                }
                let mut placed = Vec::with_capacity(answers.len());
                for (index, answer) in indices.into_iter().zip(answers) {
                    let (key, command) = &commands[index];
                    placed.push((
                        index,
                        self.follow(call, key, command, node.clone(), answer)
                            .await?,
                    ));
                }
                Ok(placed)
            });
        let mut answers = vec![Value::Nil; commands.len()];
        for (index, answer) in try_join_all(sent).await?.into_iter().flatten() {
            answers[index] = answer;
        }
        Ok(answers)
    }

    /// Follows an answer that sends elsewhere, a bounded number of times.
    async fn follow(
        &self,
        call: &Call,
        key: &str,
        command: &Command,
        mut node: Arc<Node>,
        mut answer: Value,
    ) -> Result<Value, Failure> {
        for _ in 0..MOST_REDIRECTS {
            let Some(redirect) = redirect(&answer, node.place()) else {
                break;
            };
            match redirect {
                Redirect::Moved(address) => {
                    self.shared.stale.notify_one();
                    node = self.shared.node_at(&address);
                    answer = self.ask(call, &node, command).await?;
                }
                Redirect::Ask(address) => {
                    node = self.shared.node_at(&address);
                    let both = Batch::of(|both| {
                        both.add(&[b"ASKING"]);
                        both.push(command);
                    });
                    answer = node
                        .send(call, &both)
                        .await?
                        .pop()
                        .ok_or_else(Failure::unexpected)?;
                }
                Redirect::Wait => {
                    self.shared.stale.notify_one();
                    if Instant::now() + PAUSE >= call.deadline {
                        break;
                    }
                    sleep(PAUSE).await;
                    node = self.shared.node_of(slot_of(key))?;
                    answer = self.ask(call, &node, command).await?;
                }
            }
        }
        match redirect(&answer, node.place()) {
            Some(Redirect::Moved(_) | Redirect::Ask(_)) => {
                let cause = "the servers of the cluster do not agree who has the key";
                Err(Failure::not_applied(ErrorKind::Unavailable, cause))
            }
            _ => Ok(answer),
        }
    }

    async fn ask(&self, call: &Call, node: &Node, command: &Command) -> Result<Value, Failure> {
        node.send(call, command)
            .await
            .inspect_err(|_| self.shared.stale.notify_one())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl Shared {
    fn map(&self) -> Arc<Map> {
        self.map
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn node_of(&self, slot: u16) -> Result<Arc<Node>, Failure> {
        let map = self.map();
        let primary = map.slots.get(usize::from(slot)).copied().flatten();
        match primary.and_then(|index| map.primaries.get(usize::from(index))) {
            Some(node) => Ok(node.clone()),
            None => {
                self.stale.notify_one();
                let cause = "no server of the cluster has the slot of the key";
                Err(Failure::not_applied(ErrorKind::Unavailable, cause))
            }
        }
    }

    /// Divides a batch among the primaries.
    fn shares(&self, commands: &[(&str, Command)]) -> Result<Vec<Share>, Failure> {
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
    fn node_at(&self, address: &Address) -> Arc<Node> {
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

    /// Asks the servers that are known, then the seeds, until one tells the slots.
    async fn refresh(&self) -> Result<(), Failure> {
        let known = self.map();
        let mut failure = Failure::not_applied(ErrorKind::Unavailable, "the cluster has no server");
        for node in &known.primaries {
            match self.learn_from(node).await {
                Ok(()) => return Ok(()),
                Err(other) => failure = other,
            }
        }
        for seed in &self.seeds {
            match self.learn_from(&self.node_at(seed)).await {
                Ok(()) => return Ok(()),
                Err(other) => failure = other,
            }
        }
        Err(failure)
    }

    async fn learn_from(&self, node: &Arc<Node>) -> Result<(), Failure> {
        let deadline = Instant::now() + self.settings.timeout / 3;
        let call = Call {
            operation: "connect",
            deadline,
            repeat: Repeat::Harmless,
        };
        let answer = node
            .send(&call, &command::of(&["CLUSTER", "SLOTS"]))
            .await?;
        if let Value::ServerError(error) = &answer
            && error
                .details()
                .is_some_and(|text| text.contains("cluster support disabled"))
        {
            let cause = "the server is no part of a cluster; its URL begins with redis://";
            return Err(Failure::not_applied(ErrorKind::InvalidInput, cause));
        }
        let ranges = reply::slots(answer, node.place())?;
        if ranges.is_empty() {
            let cause = "the server does not know who has which slots";
            return Err(Failure::not_applied(ErrorKind::Unavailable, cause));
        }
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
            map.slots
                .get_mut(slots)
                .ok_or_else(Failure::unexpected)?
                .fill(index);
        }
        *self.map.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
        Ok(())
    }
}

/// Keeps the map, as long as the cluster is in use.
async fn watch(shared: Arc<Shared>) {
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

fn redirect(answer: &Value, from: Option<&Address>) -> Option<Redirect> {
    let Value::ServerError(error) = answer else {
        return None;
    };
    match error::code(error) {
        "MOVED" => target(error, from).map(Redirect::Moved),
        "ASK" => target(error, from).map(Redirect::Ask),
        "TRYAGAIN" | "CLUSTERDOWN" => Some(Redirect::Wait),
        _ => None,
    }
}

/// The address in `MOVED 3999 host:port`. Without a host it is that of the server that answered.
fn target(error: &ServerError, from: Option<&Address>) -> Option<Address> {
    let (host, port) = error.details()?.split(' ').next_back()?.rsplit_once(':')?;
    reply::address(host, port.parse().ok()?, from)
}

const MOST_REDIRECTS: usize = 8;
/// While a slot is between two servers, or a primary is being replaced.
const PAUSE: Duration = Duration::from_millis(20);
const LEAST_PAUSE: Duration = Duration::from_millis(50);
const PAUSE_WHILE_OUT: Duration = Duration::from_millis(200);
const PAUSE_BETWEEN_LOOKS: Duration = Duration::from_secs(10);
