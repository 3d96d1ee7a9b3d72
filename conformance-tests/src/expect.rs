//! What a case expects, said at the line of the case when it is not so.

use std::error::Error as _;
use std::fmt::Write as _;
use std::panic::Location;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryStreamExt};
use session_core::{
    CacheClient, CacheClientExtended, Condition, Error, ErrorKind, Expiry, Outcome, Result,
    TimeToLive,
};

use crate::harness::Client;
use crate::store::PATIENCE;

/// An hour: a life that no case outlives by waiting.
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// No deadline.
pub(crate) const NEVER: Expiry = Expiry::Never;

/// The answer of a call that must not fail.
#[track_caller]
pub(crate) fn ok<T>(result: Result<T>) -> T {
    match result {
        Ok(answer) => answer,
        Err(error) => panic!("expected an answer, saw the error {error:?}"),
    }
}

/// The error of a call that must fail, of the kind given.
#[track_caller]
pub(crate) fn fails<T>(result: Result<T>, kind: ErrorKind) -> Error {
    match result {
        Err(error) if error.kind() == kind => error,
        Err(error) => panic!("expected {kind:?}, saw the error {error:?}"),
        Ok(_) => panic!("expected {kind:?}, saw an answer"),
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

/// An answer that must be this one: a count, a sum, a list.
#[track_caller]
pub(crate) fn gives<T: PartialEq + std::fmt::Debug>(result: Result<T>, expected: T) {
    let seen = ok(result);
    assert!(seen == expected, "expected {expected:?}, saw {seen:?}");
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

/// A batch of reads that must give exactly these values.
#[track_caller]
pub(crate) fn holds_all(read: Result<Vec<Option<Bytes>>>, expected: &[Option<&str>]) {
    let seen = ok(read);
    let equal = seen.len() == expected.len()
        && seen
            .iter()
            .zip(expected)
            .all(|(seen, expected)| seen.as_deref() == expected.map(str::as_bytes));
    assert!(equal, "expected the values {expected:?}, saw {seen:?}");
}

/// A time to live without an end.
#[track_caller]
pub(crate) fn lives_for_ever(time_to_live: Result<Option<TimeToLive>>) {
    match ok(time_to_live) {
        Some(TimeToLive::Never) => {}
        seen => panic!("expected an entry without a deadline, saw {seen:?}"),
    }
}

/// A time to live that began as `given` not long ago: half of it may be over, and clocks that
/// are told apart may add a second.
#[track_caller]
pub(crate) fn lives_about(time_to_live: Result<Option<TimeToLive>>, given: Duration) {
    match ok(time_to_live) {
        Some(TimeToLive::Remaining(left)) if is_about(left, given) => {}
        seen => panic!("expected a time to live of about {given:?}, saw {seen:?}"),
    }
}

/// Whether a remaining life may have begun as `given` not long ago.
pub(crate) fn is_about(left: Duration, given: Duration) -> bool {
    left >= given / 2 && left <= given + Duration::from_secs(1)
}

/// No time to live: there is no live entry.
#[track_caller]
pub(crate) fn lives_not(time_to_live: Result<Option<TimeToLive>>) {
    if let Some(seen) = ok(time_to_live) {
        panic!("expected no entry, saw one with the time to live {seen:?}");
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
    if seen == expected {
        return;
    }
    // Of thousands of keys only those that are wrong are worth reading.
    let mut twice = seen.clone();
    twice.dedup();
    let missing: Vec<_> = expected
        .iter()
        .filter(|key| !seen.iter().any(|s| s == *key))
        .collect();
    let foreign: Vec<_> = seen
        .iter()
        .filter(|key| !expected.contains(&key.as_str()))
        .collect();
    panic!(
        "expected {} keys, saw {}; of them missing {missing:?}, not expected {foreign:?}, \
         listed again {}",
        expected.len(),
        seen.len(),
        seen.len() - twice.len()
    );
}

/// Polls a future for a while that grows with `patience`, then drops it: so many times at first,
/// so that every place where it waits is met, then for longer and longer. Gives the answer if it
/// came in time.
pub(crate) async fn give_up<T>(patience: u32, call: impl Future<Output = T>) -> Option<T> {
    const COUNTED: u32 = 12;
    let mut call = pin!(call);
    let (started, enough) = (Instant::now(), Duration::from_micros(20) * patience);
    let mut polls = 0;
    while polls < patience && (patience < COUNTED || started.elapsed() < enough) {
        if let Some(answer) = call.as_mut().now_or_never() {
            return Some(answer);
        }
        polls += u32::from(patience < COUNTED);
        // Lets the other side work, so that later polls find it further on.
        tokio::task::yield_now().await;
    }
    None
}

/// What makes a case short: writes that take what they are given.
///
/// They give boxed futures, as the trait below does, because the compiler cannot tell of generic
/// ones that they are `Send`.
pub(crate) trait Put: CacheClient {
    /// A write under a condition, whose answer is what the case is about.
    fn offer<'f>(
        &'f self,
        key: &'f str,
        value: impl Into<Bytes>,
        condition: Condition,
        expiry: impl Into<Expiry>,
    ) -> BoxFuture<'f, Result<bool>> {
        self.write(key, value.into(), condition, expiry.into())
    }

    /// Writes an entry that never expires, to set a case up.
    #[track_caller]
    fn put<'f>(&'f self, key: &'f str, value: impl Into<Bytes>) -> BoxFuture<'f, ()> {
        self.put_for(key, value, Expiry::Never)
    }

    /// Writes an entry with an expiry, to set a case up.
    #[track_caller]
    fn put_for<'f>(
        &'f self,
        key: &'f str,
        value: impl Into<Bytes>,
        expiry: impl Into<Expiry>,
    ) -> BoxFuture<'f, ()> {
        let line = Location::caller();
        let write = self.offer(key, value, Condition::Always, expiry);
        Box::pin(async move {
            match write.await {
                Ok(true) => {}
                seen => panic!("the write at {line} must succeed, saw {seen:?}"),
            }
        })
    }
}

impl<C: CacheClient + ?Sized> Put for C {}

/// The condition that these bytes are there.
pub(crate) fn equals(value: impl Into<Bytes>) -> Condition {
    Condition::Equals(value.into())
}

/// Gives what a call gives, which must end within ten time-outs. Nothing measures time with it.
#[track_caller]
pub(crate) fn ends<T>(call: impl Future<Output = T>) -> impl Future<Output = T> {
    let line = Location::caller();
    async move {
        match tokio::time::timeout(10 * PATIENCE, call).await {
            Ok(answer) => answer,
            Err(_) => panic!("the call at {line} hangs"),
        }
    }
}

/// Calls until the client is well again, which it must be by itself.
#[track_caller]
pub(crate) fn recovered(cache: &Client) -> impl Future<Output = ()> {
    let line = Location::caller();
    async move {
        let until = Instant::now() + 10 * PATIENCE;
        while let Err(error) = ends(cache.ping()).await {
            let late = Instant::now() > until;
            assert!(!late, "the client at {line} does not recover: {error:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Calls until the outage is known: until a call fails of which nothing was sent.
#[track_caller]
pub(crate) fn known_outage(cache: &Client) -> impl Future<Output = ()> {
    let line = Location::caller();
    async move {
        let until = Instant::now() + 10 * PATIENCE;
        loop {
            let error = match ends(cache.read("key")).await {
                Err(error) => error,
                Ok(seen) => panic!("at {line}: expected an error of an outage, saw {seen:?}"),
            };
            assert!(error.is_transient(), "trying again helps: {error:?}");
            if (error.kind(), error.outcome()) == (ErrorKind::Unavailable, Outcome::NotApplied) {
                return;
            }
            let late = Instant::now() > until;
            assert!(!late, "the outage at {line} is not known: {error:?}");
        }
    }
}

/// The `Display` and `Debug` forms of an error and of all its causes.
pub(crate) fn everything_said_by(error: &Error) -> Vec<String> {
    let mut said = vec![error.to_string(), format!("{error:?} {error:#?}")];
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push(format!("{error} {error:?}"));
        cause = error.source();
    }
    said
}

/// A value for a message: its length and its beginning.
fn shown(value: &[u8]) -> String {
    let mut text = format!("{} bytes", value.len());
    if !value.is_empty() {
        let start = &value[..value.len().min(32)];
        let dots = if start.len() < value.len() { "…" } else { "" };
        let _ = write!(text, " \"{}{dots}\"", start.escape_ascii());
    }
    text
}
