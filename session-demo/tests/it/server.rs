//! The program, on a free port, killed with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

pub(crate) struct Server {
    child: Child,
    /// Such as `127.0.0.1:40123`.
    pub(crate) address: String,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) fn start(cache: &str) -> Self {
        Self::start_at(cache, "127.0.0.1:0")
    }

    /// The same at an address that is known before.
    pub(crate) fn start_at(cache: &str, address: &str) -> Self {
        let mut child = command(&["--cache", cache, "--listen", address])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("Listening on http://") else {
            panic!("it says {line:?} and {:?}", child.wait_with_output());
        };
        Self {
            address: address.to_owned(),
            child,
        }
    }

    /// As a power cut does: at once and without a goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and gives whether it did so cleanly, and what it had printed.
    #[cfg(unix)]
    pub(crate) fn end(mut self, signal: &str) -> (bool, String) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let status = self.child.wait().unwrap();
        let mut printed = String::new();
        let mut errors = self.child.stderr.take().unwrap();
        errors.read_to_string(&mut printed).unwrap();
        (status.success(), printed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_session-demo"));
    command.args(arguments);
    command
}
