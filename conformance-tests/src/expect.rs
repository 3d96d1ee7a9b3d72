//! What a case expects, said at the line of the case when it is not so.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use session_core::{CacheClient, CacheClientExtended, Condition, Expiry, Result, TimeToLive};

/// An hour: a life that no case outlives by waiting.
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// The answer of a call that must not fail.
#[track_caller]
pub(crate) fn ok<T>(result: Result<T>) -> T {
    match result {
        Ok(answer) => answer,
        Err(error) => panic!("expected an answer, saw the error {error:?}"),
    }
}

/// A write, removal or touch that must say that it happened.
#[track_caller]
pub(crate) fn happens(result: Result<bool>) {
    assert!(ok(result), "expected `true`, saw `false`");
}

/// A write, removal or touch that must say that nothing happened.
#[track_caller]
pub(crate) fn refused(result: Result<bool>) {
    assert!(!ok(result), "expected `false`, saw `true`");
}

/// A read that must give exactly this value.
#[track_caller]
pub(crate) fn holds(read: Result<Option<Bytes>>, expected: impl AsRef<[u8]>) {
    let expected = expected.as_ref();
    match ok(read) {
        Some(seen) if seen == expected => {}
        Some(seen) => panic!("expected {}, saw {}", shown(expected), shown(&seen)),
        None => panic!("expected {}, saw no entry", shown(expected)),
    }
}

/// A read that must find no live entry.
#[track_caller]
pub(crate) fn misses(read: Result<Option<Bytes>>) {
    if let Some(seen) = ok(read) {
        panic!("expected no entry, saw {}", shown(&seen));
    }
}

/// A time to live that must have started at `given` not long ago: at most that, at least half.
#[track_caller]
pub(crate) fn lives_about(time_to_live: Result<Option<TimeToLive>>, given: Duration) {
    match ok(time_to_live) {
        Some(TimeToLive::Remaining(left)) if left <= given && left * 2 >= given => {}
        seen => panic!("expected a time to live of about {given:?}, saw {seen:?}"),
    }
}

/// The keys that start with a prefix, sorted; a key listed twice stands twice.
pub(crate) async fn listed(cache: &dyn CacheClientExtended, prefix: &str) -> Result<Vec<String>> {
    let mut keys: Vec<String> = cache.keys_starting_with(prefix).try_collect().await?;
    keys.sort_unstable();
    Ok(keys)
}

/// A listing that must give exactly these keys, in any order and each once.
#[track_caller]
pub(crate) fn lists(listing: Result<Vec<String>>, expected: &[&str]) {
    let seen = ok(listing);
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert!(
        seen == expected,
        "expected the keys {expected:?}, saw {seen:?}"
    );
}

/// A value for a message: its length and its beginning.
pub(crate) fn shown(value: &[u8]) -> String {
    let mut text = format!("{} bytes", value.len());
    if !value.is_empty() {
        let start = &value[..value.len().min(32)];
        let dots = if start.len() < value.len() { "…" } else { "" };
        let _ = write!(text, " \"{}{dots}\"", start.escape_ascii());
    }
    text
}

/// What sets a case up: unconditional writes that must work.
pub(crate) trait Put {
    /// Writes an entry that never expires.
    async fn put(&self, key: &str, value: impl Into<Bytes>);

    /// Writes an entry with an expiry.
    async fn put_for(&self, key: &str, value: impl Into<Bytes>, expiry: impl Into<Expiry>);
}

impl<C: CacheClient + ?Sized> Put for C {
    async fn put(&self, key: &str, value: impl Into<Bytes>) {
        self.put_for(key, value, Expiry::Never).await;
    }

    async fn put_for(&self, key: &str, value: impl Into<Bytes>, expiry: impl Into<Expiry>) {
        let (value, expiry) = (value.into(), expiry.into());
        happens(self.write(key, value, Condition::Always, expiry).await);
    }
}
