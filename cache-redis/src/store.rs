//! The servers together: which of them a command goes to.

use std::sync::Arc;

use redis::{Cmd, Pipeline, Value};
use session_core::Result;

use crate::command;
use crate::error;
use crate::node::{Call, Node};
use crate::reply;
use crate::script::Script;

/// The servers of a client. Answers that are errors come out as errors.
pub(crate) struct Store {
    node: Arc<Node>,
}

impl Store {
    pub(crate) fn one(node: Node) -> Self {
        Self {
            node: Arc::new(node),
        }
    }

    /// Sends a command about one key, or about several where the store is one server.
    pub(crate) async fn send(&self, call: Call, command: &Cmd) -> Result<Value> {
        let answer = self.node.send(call, command).await;
        answer
            .and_then(reply::checked)
            .map_err(|failure| failure.of(call.operation))
    }

    /// Runs a script on one key.
    pub(crate) async fn run(
        &self,
        call: Call,
        script: &Script,
        key: &str,
        arguments: &[&[u8]],
    ) -> Result<Value> {
        let of = |failure: error::Failure| failure.of(call.operation);
        let by_hash = command::evalsha(script, key, arguments);
        match self.node.send(call, &by_hash).await.map_err(of)? {
            // Nothing ran, so the text may follow even where nothing may run twice.
            Value::ServerError(error) if error::code(&error) == "NOSCRIPT" => {
                self.send(call, &command::eval(script, key, arguments))
                    .await
            }
            answer => reply::checked(answer).map_err(of),
        }
    }

    /// Sends commands, all or none of which are applied, each about one key.
    pub(crate) async fn send_all(&self, call: Call, commands: Vec<Cmd>) -> Result<()> {
        let mut transaction = Pipeline::with_capacity(commands.len());
        transaction.atomic();
        for command in commands {
            transaction.add_command(command);
        }
        let answers = self.node.send(call, &transaction).await;
        let applied = answers.and_then(|answers| {
            for answer in answers {
                for answer in reply::list(reply::checked(answer)?)? {
                    reply::checked(answer)?;
                }
            }
            Ok(())
        });
        applied.map_err(|failure| failure.of(call.operation))
    }

    /// The servers that hold the entries between them.
    pub(crate) fn primaries(&self) -> Vec<Arc<Node>> {
        vec![self.node.clone()]
    }
}
