//! Commands as they are sent: how a write says its deadline, and how a prefix becomes a pattern.

use std::time::{SystemTime, UNIX_EPOCH};

use redis::Cmd;
use session_core::{Deadline, Expiry};

use crate::script::Script;

/// An [`Expiry`] in Redis' terms. A duration is sent as such, so that the server's clock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Never,
    Keep,
    /// Over already: what is there goes.
    Past,
    /// Milliseconds from the server's now.
    For(i64),
    /// The first millisecond since 1970 that it does not see. The server knows if it is past.
    Until(i64),
}

impl Life {
    pub(crate) fn of(expiry: Expiry) -> Self {
        // This machine's clock only tells which durations end after the year 9999.
        let now = match expiry {
            Expiry::In(_) => unix_millis(),
            _ => 0,
        };
        match expiry.deadline(now) {
            Deadline::Never => Self::Never,
            Deadline::Keep => Self::Keep,
            Deadline::Past => Self::Past,
            Deadline::At(deadline) => match expiry {
                Expiry::In(_) => Self::For(deadline - now),
                _ => Self::Until(deadline),
            },
        }
    }

    /// The word and the number by which scripts are told.
    pub(crate) fn words(self) -> (&'static str, i64) {
        match self {
            Self::Never => ("NEVER", 0),
            Self::Keep => ("KEEPTTL", 0),
            Self::Past => ("PAST", 0),
            Self::For(millis) => ("PX", millis),
            Self::Until(deadline) => ("PXAT", deadline),
        }
    }
}

/// Words that are no data.
pub(crate) fn of(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}

/// `NAME key`.
pub(crate) fn on_key(name: &'static str, key: &str) -> Cmd {
    let mut command = Cmd::with_capacity(2, name.len() + key.len());
    command.arg(name).arg(key);
    command
}

/// `NAME key key ...`.
pub(crate) fn on_keys(name: &'static str, keys: &[impl AsRef<str>]) -> Cmd {
    let bytes: usize = keys.iter().map(|key| key.as_ref().len()).sum();
    let mut command = Cmd::with_capacity(1 + keys.len(), name.len() + bytes);
    command.arg(name);
    for key in keys {
        command.arg(key.as_ref());
    }
    command
}

/// `SET` with `NX`, `XX` or nothing, and a lifetime that is not [`Life::Past`].
pub(crate) fn set(key: &str, value: &[u8], only: Option<&'static str>, life: Life) -> Cmd {
    let mut command = Cmd::with_capacity(6, key.len() + value.len() + 32);
    command.arg("SET").arg(key).arg(value);
    if let Some(only) = only {
        command.arg(only);
    }
    match life {
        Life::Never | Life::Past => {}
        // Redis refuses both together, and a new entry has nothing to keep.
        Life::Keep if only == Some("NX") => {}
        Life::Keep => {
            command.arg("KEEPTTL");
        }
        Life::For(millis) => {
            command.arg("PX").arg(millis);
        }
        Life::Until(deadline) => {
            command.arg("PXAT").arg(deadline);
        }
    }
    command
}

/// `NAME key number`.
pub(crate) fn on_key_with(name: &'static str, key: &str, number: i64) -> Cmd {
    let mut command = on_key(name, key);
    command.arg(number);
    command
}

/// A script by its hash, as long as the server remembers it.
pub(crate) fn evalsha(script: &Script, key: &str, arguments: &[&[u8]]) -> Cmd {
    run_script("EVALSHA", script.hash(), key, arguments)
}

/// A script by its text, which the server then remembers.
pub(crate) fn eval(script: &Script, key: &str, arguments: &[&[u8]]) -> Cmd {
    run_script("EVAL", script.source, key, arguments)
}

fn run_script(name: &str, script: &str, key: &str, arguments: &[&[u8]]) -> Cmd {
    let bytes: usize = arguments.iter().map(|argument| argument.len()).sum();
    let mut command =
        Cmd::with_capacity(4 + arguments.len(), 16 + script.len() + key.len() + bytes);
    command.arg(name).arg(script).arg(1).arg(key);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}

/// One page of `SCAN`, for keys that start with a prefix.
pub(crate) fn scan(cursor: u64, prefix: &str) -> Cmd {
    let mut command = Cmd::new();
    command.arg("SCAN").arg(cursor).arg("COUNT").arg(SCAN_COUNT);
    if !prefix.is_empty() {
        command.arg("MATCH").arg(starting_with(prefix));
    }
    command
}

/// How many keys a page of `SCAN` looks at: about a fifth of a millisecond of the server.
const SCAN_COUNT: usize = 1_000;

/// The pattern of all texts that start with `prefix`.
fn starting_with(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 8);
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('*');
    pattern
}

fn unix_millis() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use session_core::MAX_DEADLINE_MS;

    use super::*;

    #[test]
    fn a_past_deadline_is_never_sent_as_a_number() {
        let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Life::of(Expiry::In(Duration::ZERO)), Life::Past);
        assert_eq!(Life::of(Expiry::At(before_1970)), Life::Past);
        assert_eq!(Life::of(Expiry::At(UNIX_EPOCH)), Life::Past);
        let first = UNIX_EPOCH + Duration::from_nanos(1);
        assert_eq!(Life::of(Expiry::At(first)), Life::Until(1));
    }

    #[test]
    fn a_deadline_after_the_year_9999_is_none() {
        let last = Duration::from_millis(MAX_DEADLINE_MS.unsigned_abs());
        assert_eq!(
            Life::of(Expiry::At(UNIX_EPOCH + last)),
            Life::Until(MAX_DEADLINE_MS)
        );
        let beyond = UNIX_EPOCH + last + Duration::from_millis(1);
        assert_eq!(Life::of(Expiry::At(beyond)), Life::Never);
        assert_eq!(Life::of(Expiry::In(Duration::MAX)), Life::Never);
        assert_eq!(Life::of(Expiry::In(Duration::from_nanos(1))), Life::For(1));
    }

    #[test]
    fn a_prefix_is_literal_in_a_pattern() {
        assert_eq!(starting_with(r"a*b?[c]\"), r"a\*b\?\[c\]\\*");
    }
}
