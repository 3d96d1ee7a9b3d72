//! Entries with deadlines of every kind, and what the clocks leave of their lives.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use session_core::{CacheClientExtended, Condition, Expiry, TimeToLive};

use super::Whose;
use crate::expect::{gives, happens, holds, listed, lists, lives_for_ever, misses, ok, refused};

/// A way to give an entry a deadline.
#[derive(Clone, Copy, Debug)]
enum Way {
    Write,
    Batch,
    Touch,
    Keep,
    Counter,
    /// An instant by the true clock.
    At,
    /// An instant by the clock of who writes.
    OwnAt,
}

/// Every way with each of two lives in minutes, of which an hour more or less ends one.
fn entries() -> impl Iterator<Item = (Way, i64)> {
    let ways = [
        Way::Write,
        Way::Batch,
        Way::Touch,
        Way::Keep,
        Way::Counter,
        Way::At,
        Way::OwnAt,
    ];
    ways.into_iter().flat_map(|way| [(way, 30), (way, 150)])
}

/// What a reader sees of a life, in minutes: `None` if nothing.
///
/// `writer` and `reader` say how many minutes their clocks are ahead. A deadline counts on the clock
/// that counts, at the writing as at the reading; an instant is the same on every clock that is true.
fn left(whose: Whose, (way, life): (Way, i64), writer: i64, reader: i64) -> Option<i64> {
    // The deadline in true minutes from the writing, as the clock that counts takes it.
    let deadline = match (whose, way) {
        (Whose::Store, Way::OwnAt) => life + writer,
        (Whose::Store, _) => life,
        // The wall clock is wrong in the same way when an instant is made and when it is due.
        (Whose::Host, Way::At) => life,
        (Whose::Host, _) => life + writer,
        // The time that is left until an instant counts down from the writing.
        (Whose::Process, Way::At) => life - writer,
        (Whose::Process, _) => life,
    };
    let seen_by = |clock: i64| match whose {
        Whose::Host => deadline - clock,
        Whose::Store | Whose::Process => deadline,
    };
    // What is past when it is written leaves nothing behind.
    (seen_by(writer) > 0 && seen_by(reader) > 0).then(|| seen_by(reader))
}

/// Writes every entry, by a clock that is `off` minutes ahead, below the name of who writes.
pub(super) async fn write(cache: &dyn CacheClientExtended, name: &str, whose: Whose, off: i64) {
    happens(
        cache
            .write(&key(name, "never"), VALUE, Condition::Always, Expiry::Never)
            .await,
    );
    for (way, life) in entries() {
        let key = &*key(name, &format!("{way:?} {life}"));
        let live = Expiry::In(minutes(life));
        let always = |expiry| cache.write(key, VALUE, Condition::Always, expiry);
        match way {
            Way::Write => happens(always(live).await),
            Way::Batch => ok(cache.write_all(&[(key, VALUE)], live).await),
            Way::Touch => {
                happens(always(Expiry::Never).await);
                happens(cache.set_time_to_live(key, live).await);
            }
            Way::Keep => {
                happens(always(live).await);
                happens(always(Expiry::Keep).await);
            }
            Way::Counter => gives(cache.increment(key, 1, live).await, 1),
            Way::At => happens(always(Expiry::At(truly_now(off) + minutes(life))).await),
            Way::OwnAt => happens(always(Expiry::At(SystemTime::now() + minutes(life))).await),
        }
    }
    if whose != Whose::Host {
        // By its own clock the host may be right to free them.
        ok(cache.remove_expired().await);
    }
}

/// Looks at every entry of `name`, which was written by a clock `writer` minutes ahead, with one
/// that is `reader` minutes ahead. Changes no deadline and leaves alone what seems to be gone.
pub(super) async fn check(
    cache: &dyn CacheClientExtended,
    name: &str,
    whose: Whose,
    writer: i64,
    reader: i64,
) {
    let never = key(name, "never");
    lives_for_ever(cache.get_time_to_live(&never).await);
    let mut live = vec![never];
    for (way, life) in entries() {
        let key = key(name, &format!("{way:?} {life}"));
        match left(whose, (way, life), writer, reader) {
            None => is_gone(cache, &key).await,
            Some(left) => {
                is_left(cache, &key, left).await;
                is_live(cache, &key, way).await;
                is_left(cache, &key, left).await;
                live.push(key);
            }
        }
    }
    let live: Vec<&str> = live.iter().map(String::as_str).collect();
    lists(listed(cache, &key(name, "")).await, &live);
}

async fn is_left(cache: &dyn CacheClientExtended, key: &str, left: i64) {
    let seen = ok(cache.get_time_to_live(key).await);
    let is_so = matches!(seen, Some(TimeToLive::Remaining(seen)) if is_about(seen, left));
    assert!(
        is_so,
        "expected {left} minutes left of {key:?}, saw {seen:?}"
    );
    let together = ok(cache.read_with_time_to_live(key).await);
    let seen = together.map(|(_, left)| left);
    let is_so = matches!(seen, Some(TimeToLive::Remaining(seen)) if is_about(seen, left));
    assert!(
        is_so,
        "expected {left} minutes left of {key:?} when it is read, saw {seen:?}"
    );
}

/// No call takes it for expired, and none that keeps the deadline moves it.
async fn is_live(cache: &dyn CacheClientExtended, key: &str, way: Way) {
    holds(cache.read(key).await, VALUE);
    gives(cache.read_all(&[key]).await, vec![Some(VALUE)]);
    refused(
        cache
            .write(key, VALUE, Condition::Absent, Expiry::Never)
            .await,
    );
    happens(cache.set_time_to_live(key, Expiry::Keep).await);
    happens(
        cache
            .write(key, VALUE, Condition::Equals(VALUE), Expiry::Keep)
            .await,
    );
    if let Way::Counter = way {
        gives(cache.increment(key, 0, Expiry::Never).await, 1);
    }
}

async fn is_gone(cache: &dyn CacheClientExtended, key: &str) {
    let seen = ok(cache.get_time_to_live(key).await);
    assert!(
        seen.is_none(),
        "expected {key:?} to be gone, saw {seen:?} left of it"
    );
    misses(cache.read(key).await);
    gives(cache.read_all(&[key]).await, vec![None]);
    gives(cache.read_with_time_to_live(key).await, None);
    refused(
        cache
            .write(key, VALUE, Condition::Present, Expiry::Never)
            .await,
    );
    refused(cache.set_time_to_live(key, Expiry::Keep).await);
}

/// Within minutes, since machines are busy, and an hour is what would be wrong.
fn is_about(seen: Duration, left: i64) -> bool {
    seen.abs_diff(minutes(left)) < minutes(5)
}

/// The time of a clock that is right, asked for by one that is `off` minutes ahead.
pub(super) fn truly_now(off: i64) -> SystemTime {
    let own = SystemTime::now();
    match u64::try_from(off) {
        Ok(ahead) => own - Duration::from_secs(ahead * 60),
        Err(_) => own + minutes(-off),
    }
}

fn minutes(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs() * 60)
}

fn key(name: &str, rest: &str) -> String {
    format!("{name}: {rest}")
}

/// Good as a counter too.
const VALUE: Bytes = Bytes::from_static(b"1");
