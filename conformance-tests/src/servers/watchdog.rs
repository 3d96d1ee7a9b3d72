//! A shell that cleans up after this process, however it ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Error, Result};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A shell that waits for the end of a pipe from this process, which a drop closes as a `kill -9`
/// does, and cleans up then.
#[derive(Debug)]
pub(super) struct Watchdog(Child);

impl Watchdog {
    /// Starts a shell that runs `clean_up` at the end, with `arguments` as `$1` and so on.
    pub(super) fn that(clean_up: &str, arguments: &[&OsStr]) -> Result<Self> {
        Ok(Self::after("echo", clean_up, arguments)?.0)
    }

    /// The same, after it has run `begin`, which must print one line: it is given back.
    pub(super) fn after(
        begin: &str,
        clean_up: &str,
        arguments: &[&OsStr],
    ) -> Result<(Self, String)> {
        let script = format!("{begin}\nexec >/dev/null\nread -r never\n{clean_up}");
        let mut shell = Command::new("sh")
            .args(["-c", &script, "watchdog"])
            .args(arguments)
            .current_dir("/")
            // Out of the reach of a Ctrl-C and of a kill of the tests' process group.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = shell.stdout.take();
        let output = output.ok_or_else(|| Error::other("a shell without output"))?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok((Self(shell), line.trim().to_owned()))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The closed pipe is the word to clean up; who drops this may rely on its being done.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
