//! A cluster: commands go to the primary that has their key, by the map ([`crate::map`]), and follow
//! the key when that has changed.
//!
//! Every server may answer that a key is elsewhere. Such an answer proves that nothing ran, so the
//! command follows the key, also one that may run once only.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{ServerError, Value};
use session_core::{ErrorKind, Outcome};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::error::{self, Failure};
use crate::link::Settings;
use crate::map::{self, Shared};
use crate::node::{Call, Node, Repeat};
use crate::options::Address;
use crate::reply;
use crate::resp::{Batch, Command};
use crate::slot::slot_of;

/// The primaries of a cluster.
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    watcher: AbortHandle,
}

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
        let patience = settings.timeout;
        let shared = Arc::new(Shared::new(seeds, settings, max_in_flight));
        timeout(patience, shared.refresh())
            .await
            .unwrap_or_else(|_| Err(Failure::silence()))?;
        let watcher = tokio::spawn(map::watch(shared.clone())).abort_handle();
        Ok(Self { shared, watcher })
    }

    /// The primaries of now.
    pub(crate) fn primaries(&self) -> Vec<Arc<Node>> {
        self.shared.primaries()
    }

    /// Has the servers asked for the map again.
    pub(crate) fn doubt(&self) {
        self.shared.doubt();
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
        let shares = self.shared.shares(commands)?;
        let sent = shares
            .into_iter()
            .map(|(node, indices)| self.send_share(call, commands, node, indices));
        let mut answers = vec![Value::Nil; commands.len()];
        let (mut is_applied, mut failure) = (false, None);
        // To the end of each share: one that is given up half-way may be applied all the same.
        for share in join_all(sent).await {
            match share {
                Ok(placed) => {
                    for (index, answer) in placed {
                        answers[index] = answer;
                    }
                }
                Err(other) => {
                    is_applied |= other.outcome == Outcome::Unknown;
                    failure.get_or_insert(other);
                }
            }
        }
        match failure {
            None => Ok(answers),
            Some(failure) => {
                is_applied |= answers.iter().any(|answer| has_changed(call, answer));
                Err(failure.in_part(is_applied))
            }
        }
    }

    /// Sends the commands at these indices to their server and gives the answers with the indices.
    async fn send_share(
        &self,
        call: &Call,
        commands: &[(&str, Command)],
        node: Arc<Node>,
        indices: Vec<usize>,
    ) -> Result<Vec<(usize, Value)>, Failure> {
        let batch = Batch::of(|batch| {
            for index in &indices {
                batch.push(&commands[*index].1);
            }
        });
        let answers = node.send(call, &batch).await;
        let answers = answers.inspect_err(|_| self.shared.doubt())?;
        if answers.len() != indices.len() {
            return Err(Failure::unexpected());
        }
        let mut is_applied = answers.iter().any(|answer| has_changed(call, answer));
        let mut placed = Vec::with_capacity(answers.len());
        for (index, answer) in indices.into_iter().zip(answers) {
            let (key, command) = &commands[index];
            let answer = self.follow(call, key, command, node.clone(), answer).await;
            let answer = answer.map_err(|failure| failure.in_part(is_applied))?;
            is_applied |= has_changed(call, &answer);
            placed.push((index, answer));
        }
        Ok(placed)
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
                    self.shared.doubt();
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
                    self.shared.doubt();
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
            .inspect_err(|_| self.shared.doubt())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

/// Whether a command of a batch did something to the store, by its answer.
fn has_changed(call: &Call, answer: &Value) -> bool {
    let is_nothing = matches!(answer, Value::Nil | Value::Int(0) | Value::ServerError(_));
    call.repeat == Repeat::Never && !is_nothing
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
