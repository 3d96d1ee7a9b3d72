//! Commands as they are sent: how a write says its deadline, and how a prefix becomes a pattern.

use std::time::{SystemTime, UNIX_EPOCH};

use session_core::{Deadline, Expiry};

use crate::resp::Command;
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
pub(crate) fn of(words: &[&str]) -> Command {
    let words: Vec<_> = words.iter().map(|word| word.as_bytes()).collect();
    Command::of(&words)
}

/// `NAME key`.
pub(crate) fn on_key(name: &'static str, key: &str) -> Command {
    Command::of(&[name.as_bytes(), key.as_bytes()])
}

/// `NAME key key ...`.
pub(crate) fn on_keys(name: &'static str, keys: &[impl AsRef<str>]) -> Command {
    let keys = keys.iter().map(|key| key.as_ref().as_bytes());
    let words: Vec<_> = std::iter::once(name.as_bytes()).chain(keys).collect();
    Command::of(&words)
}

/// `SET` with `NX`, `XX` or nothing, and a lifetime that is not [`Life::Past`], for a command of its
/// own or one of a batch.
pub(crate) fn set<T>(
    key: &str,
    value: &[u8],
    only: Option<&'static str>,
    life: Life,
    pack: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    let (word, number) = life.words();
    let mut digits = itoa::Buffer::new();
    let (word, number) = (word.as_bytes(), digits.format(number).as_bytes());
    let life: &[&[u8]] = match life {
        Life::Never | Life::Past => &[],
        // Redis refuses both together, and a new entry has nothing to keep.
        Life::Keep if only == Some("NX") => &[],
        Life::Keep => &[word],
        Life::For(_) | Life::Until(_) => &[word, number],
    };
    let mut words: [&[u8]; 6] = [b"SET", key.as_bytes(), value, b"", b"", b""];
    let mut len = 3;
    for word in only.map(str::as_bytes).iter().chain(life) {
        words[len] = word;
        len += 1;
    }
    pack(&words[..len])
}

/// `NAME key number`.
pub(crate) fn on_key_with(name: &'static str, key: &str, number: i64) -> Command {
    let mut digits = itoa::Buffer::new();
    let number = digits.format(number);
    Command::of(&[name.as_bytes(), key.as_bytes(), number.as_bytes()])
}

/// A script by its hash, as long as the server remembers it.
pub(crate) fn evalsha(script: &Script, key: &str, arguments: &[&[u8]]) -> Command {
    run_script("EVALSHA", script.hash(), key, arguments)
}

/// A script by its text, which the server then remembers.
pub(crate) fn eval(script: &Script, key: &str, arguments: &[&[u8]]) -> Command {
    run_script("EVAL", script.source, key, arguments)
}

fn run_script(name: &str, script: &str, key: &str, arguments: &[&[u8]]) -> Command {
    let before = [name.as_bytes(), script.as_bytes(), b"1", key.as_bytes()];
    Command::of(&[&before, arguments].concat())
}

/// One page of `SCAN`, for keys that start with a prefix.
pub(crate) fn scan(cursor: u64, prefix: &str) -> Command {
    let (mut cursor_digits, mut count_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
    let cursor = cursor_digits.format(cursor).as_bytes();
    let count = count_digits.format(SCAN_COUNT).as_bytes();
    let page: [&[u8]; 4] = [b"SCAN", cursor, b"COUNT", count];
    match prefix {
        "" => Command::of(&page),
        prefix => {
            let pattern = starting_with(prefix);
            Command::of(&[&page[..], &[b"MATCH", pattern.as_bytes()]].concat())
        }
    }
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
