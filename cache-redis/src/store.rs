//! The servers together: which of them a command goes to, and how a batch is divided.

use std::sync::Arc;

use bytes::Bytes;
use redis::{Cmd, Pipeline, Value};
use session_core::{Error, Result, TimeToLive};

use crate::cluster::Cluster;
use crate::command;
use crate::error::{self, Failure};
use crate::merge::Merge;
use crate::node::{Call, Node, Repeat};
use crate::reads::{self, Ask, Found, Reads, What};
use crate::reply;
use crate::script::{self, Script};
use crate::writes::Writes;

/// The servers of a client. Answers that are errors come out as errors.
pub(crate) enum Store {
    One(One),
    Cluster(Cluster),
}

/// The only server, and what is merged on the way to it.
pub(crate) struct One {
    node: Arc<Node>,
    reads: Merge<Reads>,
    writes: Merge<Writes>,
}

impl One {
    async fn read(&self, call: Call, key: &str, what: What) -> Result<Option<Found>, Failure> {
        let key = key.to_owned();
        self.reads.send(call, Ask { key, what }).await
    }
}

impl Store {
    /// A store on one server.
    pub(crate) fn one(node: Node) -> Self {
        let node = Arc::new(node);
        Self::One(One {
            reads: Merge::new(Reads::default(), node.clone()),
            writes: Merge::new(Writes, node.clone()),
            node,
        })
    }

    /// The value of a key.
    pub(crate) async fn read(&self, call: Call, key: &str) -> Result<Option<Bytes>> {
        let read = async {
            match self {
                Self::One(one) => {
                    let found = one.read(call, key, What::Value).await?;
                    Ok(found.map(|found| found.value))
                }
                Self::Cluster(cluster) => reply::read(
                    cluster
                        .send(call, key, &command::on_key("GET", key))
                        .await?,
                ),
            }
        };
        read.await.map_err(of(call))
    }

    /// The value of a key and what is left of its life, of one instant.
    pub(crate) async fn read_with_time_to_live(
        &self,
        call: Call,
        key: &str,
    ) -> Result<Option<(Bytes, TimeToLive)>> {
        match self {
            Self::One(one) => {
                let found = one.read(call, key, What::ValueAndTimeToLive).await;
                let found = found.map_err(of(call))?;
                Ok(found.and_then(|found| Some(found.value).zip(found.left)))
            }
            Self::Cluster(_) => {
                let script = &script::READ_WITH_TIME_TO_LIVE;
                let answer = self.run(call, script, key, &[]).await?;
                reply::value_and_time_to_live(answer).map_err(of(call))
            }
        }
    }

    /// Sends a command about one key.
    pub(crate) async fn send(&self, call: Call, key: &str, command: Cmd) -> Result<Value> {
        let answer = self.route(call, key, command).await;
        answer.and_then(reply::checked).map_err(of(call))
    }

    /// Runs a script on one key.
    pub(crate) async fn run(
        &self,
        call: Call,
        script: &Script,
        key: &str,
        arguments: &[&[u8]],
    ) -> Result<Value> {
        let by_hash = command::evalsha(script, key, arguments);
        match self.route(call, key, by_hash).await.map_err(of(call))? {
            // Nothing ran, so the text may follow even where nothing may run twice.
            Value::ServerError(error) if error::code(&error) == "NOSCRIPT" => {
                self.send(call, key, command::eval(script, key, arguments))
                    .await
            }
            answer => reply::checked(answer).map_err(of(call)),
        }
    }

    /// The values of keys, in their order.
    pub(crate) async fn read_all<K: AsRef<str>>(
        &self,
        call: Call,
        keys: &[K],
    ) -> Result<Vec<Option<Bytes>>> {
        let read = async {
            let answers = match self {
                Self::One(one) => {
                    let answer = one.node.send(call, &command::on_keys("MGET", keys)).await?;
                    reply::list(reply::checked(answer)?)?
                }
                Self::Cluster(cluster) => cluster.send_all(call, &each("GET", keys)).await?,
            };
            if answers.len() != keys.len() {
                return Err(Failure::unexpected());
            }
            answers
                .into_iter()
                .map(|answer| reply::value(reply::checked(answer)?))
                .collect()
        };
        read.await.map_err(of(call))
    }

    /// Sends writes, each about one key: on one server all or none of them are applied, on a
    /// cluster each by itself.
    pub(crate) async fn write_all(&self, call: Call, writes: Vec<(&str, Cmd)>) -> Result<()> {
        let write = async {
            let answers = match self {
                Self::One(one) => {
                    let mut commands = Pipeline::with_capacity(writes.len());
                    for (_, write) in writes {
                        commands.add_command(write);
                    }
                    reads::transaction(&one.node, call, commands).await?
                }
                Self::Cluster(cluster) => cluster.send_all(call, &writes).await?,
            };
            for answer in answers {
                reply::checked(answer)?;
            }
            Ok(())
        };
        write.await.map_err(of(call))
    }

    /// Removes keys and gives how many were there.
    pub(crate) async fn remove_all<K: AsRef<str>>(&self, call: Call, keys: &[K]) -> Result<u64> {
        let remove = async {
            match self {
                Self::One(one) => {
                    let answer = one
                        .node
                        .send(call, &command::on_keys("UNLINK", keys))
                        .await?;
                    reply::count(&reply::checked(answer)?)
                }
                Self::Cluster(cluster) => {
                    let mut removed = 0;
                    for answer in cluster.send_all(call, &each("UNLINK", keys)).await? {
                        removed += reply::count(&reply::checked(answer)?)?;
                    }
                    Ok(removed)
                }
            }
        };
        remove.await.map_err(of(call))
    }

    /// The servers that hold the entries between them.
    pub(crate) fn primaries(&self) -> Vec<Arc<Node>> {
        match self {
            Self::One(one) => vec![one.node.clone()],
            Self::Cluster(cluster) => cluster.primaries(),
        }
    }

    async fn route(&self, call: Call, key: &str, command: Cmd) -> Result<Value, Failure> {
        match self {
            // What is sent again if need be has to go out as it is.
            Self::One(one) if call.repeat == Repeat::Harmless => {
                one.node.send(call, &command).await
            }
            Self::One(one) => one.writes.send(call, command).await,
            Self::Cluster(cluster) => cluster.send(call, key, &command).await,
        }
    }
}

/// One command for each key.
fn each<'k, K: AsRef<str>>(name: &'static str, keys: &'k [K]) -> Vec<(&'k str, Cmd)> {
    keys.iter()
        .map(|key| (key.as_ref(), command::on_key(name, key.as_ref())))
        .collect()
}

fn of(call: Call) -> impl Fn(Failure) -> Error {
    move |failure| failure.of(call.operation)
}
