//! The servers together: which of them a command goes to, and how a batch is divided.

use std::sync::Arc;

use bytes::Bytes;
use redis::Value;
use session_core::{Error, Result, TimeToLive};

use crate::cluster::Cluster;
use crate::command::{self, Life};
use crate::error::{self, Failure};
use crate::node::{Call, Node, Repeat};
use crate::reply;
use crate::resp::{BESIDE_WORD, Batch, Command};
use crate::script::{self, Script};

/// The servers of a client. Answers that are errors come out as errors.
pub(crate) enum Store {
    One(Arc<Node>),
    Cluster(Cluster),
}

impl Store {
    /// The value of a key and what is left of its life, of one instant.
    pub(crate) async fn read_with_time_to_live(
        &self,
        call: &Call,
        key: &str,
    ) -> Result<Option<(Bytes, TimeToLive)>> {
        let node = match self {
            Self::One(node) => node,
            Self::Cluster(_) => {
                let script = &script::READ_WITH_TIME_TO_LIVE;
                let answer = Box::pin(self.run(call, script, key, &[])).await?;
                return reply::value_and_time_to_live(answer).map_err(of(call));
            }
        };
        let read = async {
            let both = Batch::transaction(2 * (key.len() + 3 * BESIDE_WORD), |both| {
                both.add(&[b"GET", key.as_bytes()]);
                both.add(&[b"PTTL", key.as_bytes()]);
            });
            let answers = transaction(node, call, both).await?;
            let [value, left] =
                <[Value; 2]>::try_from(answers).map_err(|_| Failure::unexpected())?;
            let left = reply::time_to_live(left)?;
            Ok(reply::read(value)?.zip(left))
        };
        read.await.map_err(of(call))
    }

    /// Sends a command about one key and takes its answer apart.
    pub(crate) async fn send<T>(
        &self,
        call: &Call,
        key: &str,
        command: Command,
        take: impl FnOnce(Value) -> Result<T, Failure>,
    ) -> Result<T> {
        let answer = self.route(call, key, command).await;
        answer.and_then(take).map_err(of(call))
    }

    /// Runs a script on one key.
    pub(crate) async fn run(
        &self,
        call: &Call,
        script: &Script,
        key: &str,
        arguments: &[&[u8]],
    ) -> Result<Value> {
        let by_hash = command::evalsha(script, key, arguments);
        match self.route(call, key, by_hash).await.map_err(of(call))? {
            // Nothing ran, so the text may follow even where nothing may run twice.
            Value::ServerError(error) if error::code(&error) == "NOSCRIPT" => {
                let text = command::eval(script, key, arguments);
                Box::pin(self.send(call, key, text, reply::checked)).await
            }
            answer => reply::checked(answer).map_err(of(call)),
        }
    }

    /// The values of keys, in their order.
    pub(crate) async fn read_all<K: AsRef<str>>(
        &self,
        call: &Call,
        keys: &[K],
    ) -> Result<Vec<Option<Bytes>>> {
        let read = async {
            let answers = match self {
                Self::One(node) => {
                    let answer = node.send(call, &command::on_keys("MGET", keys)).await?;
                    reply::list(answer)?
                }
                Self::Cluster(cluster) => cluster.send_all(call, &each("GET", keys)).await?,
            };
            if answers.len() != keys.len() {
                return Err(Failure::unexpected());
            }
            answers.into_iter().map(reply::read).collect()
        };
        read.await.map_err(of(call))
    }

    /// Writes values under their keys: on one server all or none of them, on a cluster each by
    /// itself.
    pub(crate) async fn write_all(
        &self,
        call: &Call,
        entries: &[(&str, &[u8])],
        life: Life,
    ) -> Result<()> {
        let write = async {
            let answers = match self {
                Self::One(node) => {
                    let of = |(key, value): &(&str, &[u8])| key.len() + value.len() + BESIDE_SET;
                    let bytes = entries.iter().map(of).sum();
                    let writes = Batch::transaction(bytes, |writes| {
                        for (key, value) in entries {
                            command::set(key, value, None, life, |words| writes.add(words));
                        }
                    });
                    transaction(node, call, writes).await?
                }
                Self::Cluster(cluster) => {
                    let mut writes = Vec::with_capacity(entries.len());
                    for (key, value) in entries {
                        let set = command::set(key, value, None, life, Command::of);
                        writes.push((*key, set));
                    }
                    cluster.send_all(call, &writes).await?
                }
            };
            reply::sum(answers, |answer| reply::checked(answer).map(|_| 1)).map(drop)
        };
        write.await.map_err(of(call))
    }

    /// Removes keys and gives how many were there.
    pub(crate) async fn remove_all<K: AsRef<str>>(&self, call: &Call, keys: &[K]) -> Result<u64> {
        let remove = async {
            match self {
                Self::One(node) => {
                    let unlink = command::on_keys("UNLINK", keys);
                    let answer = node.send(call, &unlink).await?;
                    reply::count(answer)
                }
                Self::Cluster(cluster) => {
                    let answers = cluster.send_all(call, &each("UNLINK", keys)).await?;
                    reply::sum(answers, reply::count)
                }
            }
        };
        remove.await.map_err(of(call))
    }

    /// Takes note that one of the [`primaries`](Store::primaries) failed: it may be none any more.
    pub(crate) fn doubt(&self, failure: Failure) -> Failure {
        if let Self::Cluster(cluster) = self {
            cluster.doubt();
        }
        failure
    }

    /// The servers that hold the entries between them.
    pub(crate) fn primaries(&self) -> Vec<Arc<Node>> {
        match self {
            Self::One(node) => vec![node.clone()],
            Self::Cluster(cluster) => cluster.primaries(),
        }
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an async fn has room for each argument twice"
    )]
    fn route<'a>(
        &'a self,
        call: &'a Call,
        key: &'a str,
        command: Command,
    ) -> impl Future<Output = Result<Value, Failure>> + Send {
        async move {
            let node = match self {
                Self::One(node) => node,
                Self::Cluster(cluster) => {
                    return Box::pin(cluster.send(call, key, &command)).await;
                }
            };
            match call.repeat {
                Repeat::Harmless => node.send(call, &command).await,
                Repeat::Never => {
                    let sent = node.put(call, &command).await?;
                    // By the thread that made it, which costs less than by the one that has the
                    // answer.
                    drop(command);
                    sent.answer(call.deadline).await
                }
            }
        }
    }
}

/// Sends commands that see one instant and gives their answers.
async fn transaction(node: &Node, call: &Call, commands: Batch) -> Result<Vec<Value>, Failure> {
    let answers = match call.repeat {
        Repeat::Harmless => node.send(call, &commands).await?,
        Repeat::Never => {
            let sent = node.put(call, &commands).await?;
            drop(commands);
            sent.answer(call.deadline).await?
        }
    };
    let [answer] = <[Value; 1]>::try_from(answers).map_err(|_| Failure::unexpected())?;
    reply::list(answer)
}

/// One command for each key.
fn each<'k, K: AsRef<str>>(name: &'static str, keys: &'k [K]) -> Vec<(&'k str, Command)> {
    keys.iter()
        .map(|key| (key.as_ref(), command::on_key(name, key.as_ref())))
        .collect()
}

fn of(call: &Call) -> impl Fn(Failure) -> Error + use<> {
    let operation = call.operation;
    move |failure| failure.of(operation)
}

/// What a `SET` takes besides its key and value, at most for one below 100 MB.
const BESIDE_SET: usize = 6 * BESIDE_WORD + 32;
