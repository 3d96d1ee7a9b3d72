//! Commands about one key each that may change it: many are written to the connection at once, and
//! their answers read at once. The server runs each for itself, as if it had come alone.

use redis::{Arg, Cmd, Pipeline, Value};
use tokio::time::Instant;

use crate::error::Failure;
use crate::merge::Kind;
use crate::node::{Call, Node, Repeat};

/// Commands, each told the server's answer, which may be an error.
pub(crate) struct Writes;

impl Kind for Writes {
    type Ask = Cmd;
    type Answer = Value;

    fn direct(&self, command: &Cmd) -> usize {
        let len = |argument| match argument {
            Arg::Simple(bytes) => <[u8]>::len(bytes),
            _ => 0,
        };
        // Together with others, what carries many bytes spares little and makes them wait.
        match command.args_iter().map(len).sum() {
            0..=LONG => DIRECT,
            _ => usize::MAX,
        }
    }

    fn most(&self) -> usize {
        FULL
    }

    fn call(&self, deadline: Instant) -> Call {
        Call {
            operation: "write",
            deadline,
            repeat: Repeat::Never,
        }
    }

    async fn alone(&self, node: &Node, call: Call, command: &Cmd) -> Result<Value, Failure> {
        node.send(call, command).await
    }

    async fn together(
        &self,
        node: &Node,
        call: Call,
        commands: Vec<Cmd>,
    ) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let count = commands.len();
        let mut all = Pipeline::with_capacity(count);
        for command in commands {
            all.add_command(command);
        }
        let answers = node.send(call, &all).await?;
        if answers.len() != count {
            return Err(Failure::unexpected());
        }
        Ok(answers.into_iter().map(Ok).collect())
    }
}

/// How many commands at a time go out as they are.
const DIRECT: usize = 16;
/// The most commands of one request.
const FULL: usize = 128;
/// What is longer in bytes goes out as it is.
const LONG: usize = 8 * 1_024;
