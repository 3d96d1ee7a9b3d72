//! The contract as plainly as it can be written: an ordered map behind a lock, and a clock that
//! can be moved.
//!
//! It is the client that the suite itself is tested on, and what a doubt about the contract can be
//! tried against. It is no backend: every call takes the one lock, and expired entries stay until
//! [`remove_expired`](CacheClientExtended::remove_expired).

mod client;
mod remote;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, ClientOptions, Condition, Deadline, Error,
    ErrorKind, Expiry, Namespace, Result, Scope, TimeToLive, async_trait, millis_rounded_up,
    unix_millis_rounded_up,
};

use crate::harness::{Client, Harness, Reopen, Share};
use crate::profile::Profile;

pub use client::RemoteHarness;
#[doc(hidden)]
pub use client::{Flawed, Sound};
#[doc(hidden)]
pub use remote::Flaws;

/// A cache in an ordered map. Clones and [`within`](ReferenceCache::within) share its entries.
#[derive(Clone)]
pub struct ReferenceCache {
    scope: Scope,
    stored: Arc<Stored>,
}

#[derive(Default)]
struct Stored {
    entries: Mutex<BTreeMap<String, Entry>>,
    /// By how many milliseconds the clock was moved ahead of the host's.
    ahead: AtomicI64,
}

struct Entry {
    value: Bytes,
    /// `Never` or `At`.
    deadline: Deadline,
}

impl ReferenceCache {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            scope: ClientOptions::default().scope(BACKEND),
            stored: Arc::default(),
        }
    }

    /// A client of the same store in a namespace.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the path is empty or ill-formed.
    pub fn within(&self, path: &str) -> Result<Self> {
        let namespace: Namespace = path.parse()?;
        Ok(Self {
            scope: Scope::new(BACKEND, namespace, self.scope.max_value_len()),
            stored: Arc::clone(&self.stored),
        })
    }

    /// Moves the clock of the store ahead.
    pub fn pass(&self, by: Duration) {
        let by = millis_rounded_up(by);
        self.stored.ahead.fetch_add(by, Ordering::SeqCst);
    }

    /// The key as it is stored, of whatever namespace: for broken clients with a memory.
    pub(crate) fn stored_key(&self, key: &str) -> String {
        format!("{}{key}", self.scope.namespace().stored())
    }

    /// Whether an entry takes room under this key, live or not: for the broken clients.
    pub(crate) fn holds_room_for(&self, key: &str) -> bool {
        let key = self.scope.key("read", key);
        key.is_ok_and(|key| self.entries().contains_key(&*key))
    }

    /// The keys of all entries of this namespace that take room: for the broken clients.
    pub(crate) fn keys_taking_room(&self) -> Vec<String> {
        let namespace = self.scope.namespace().stored();
        let entries = self.entries();
        let keys = entries.keys().filter_map(|key| key.strip_prefix(namespace));
        keys.map(str::to_owned).collect()
    }

    /// Removes everything, in every namespace: for the broken clients.
    pub(crate) fn empty_the_whole_store(&self) {
        self.entries().clear();
    }

    /// Whether an entry expires within this time, or did within it: for sequences in real time.
    pub(crate) fn is_near_a_deadline(&self, within: Duration) -> bool {
        let (now, within) = (self.now(), millis_rounded_up(within));
        let near = |at: i64| now.abs_diff(at) <= within.unsigned_abs();
        let entries = self.entries();
        entries
            .values()
            .any(|entry| matches!(entry.deadline, Deadline::At(at) if near(at)))
    }

    pub(crate) fn now(&self) -> i64 {
        unix_millis_rounded_up(SystemTime::now()) + self.stored.ahead.load(Ordering::SeqCst)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        let entries = self.stored.entries.lock();
        entries.unwrap_or_else(PoisonError::into_inner)
    }

    /// The first stored live key from `from` on that lies below `prefix`.
    fn next_key(&self, from: &str, prefix: &str) -> Option<String> {
        let now = self.now();
        self.entries()
            .range(from.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .find(|(_, entry)| entry.deadline.time_to_live(now).is_some())
            .map(|(key, _)| key.clone())
    }
}

impl Default for ReferenceCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ReferenceCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceCache")
            .field("namespace", &self.scope.namespace().to_string())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl CacheClient for ReferenceCache {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        let key = self.scope.key("read", key)?;
        Ok(live(&self.entries(), &key, self.now()).map(|(value, _)| value))
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        self.scope.write("write", &value, &condition)?;
        let key = self.scope.key("write", key)?;
        let mut entries = self.entries();
        let now = self.now();
        let found = live(&entries, &key, now);
        let holds = match (&condition, &found) {
            (Condition::Always, _) => true,
            (Condition::Absent, found) => found.is_none(),
            (Condition::Present, found) => found.is_some(),
            (Condition::Equals(expected), Some((value, _))) => value == expected,
            (Condition::Equals(_), None) => false,
        };
        if holds {
            let deadline = match expiry.deadline(now) {
                Deadline::Keep => found.map_or(Deadline::Never, |(_, deadline)| deadline),
                deadline => deadline,
            };
            put(&mut entries, &key, value, deadline);
        }
        Ok(holds)
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        for (key, value) in entries {
            self.scope.key("write_all", key)?;
            self.scope.value("write_all", value)?;
        }
        for (key, value) in entries {
            self.write(key, value.clone(), Condition::Always, expiry)
                .await?;
        }
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        let key = self.scope.key("remove", key)?;
        let mut entries = self.entries();
        let found = live(&entries, &key, self.now()).is_some();
        entries.remove(&*key);
        Ok(found)
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        self.scope.keys("remove_all", keys)?;
        let mut removed = 0;
        for key in keys {
            removed += u64::from(self.remove(key).await?);
        }
        Ok(removed)
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let keys = self.scope.keys("read_all", keys)?;
        let (entries, now) = (self.entries(), self.now());
        let value = |key: &str| live(&entries, key, now).map(|(value, _)| value);
        Ok(keys.iter().map(|key| value(key)).collect())
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        let key = self.scope.key("increment", key)?;
        let mut entries = self.entries();
        let now = self.now();
        let (count, deadline) = match live(&entries, &key, now) {
            Some((value, deadline)) => (canonical(&value), deadline),
            None => (
                Some(0),
                match expiry_if_new.deadline(now) {
                    Deadline::Keep => Deadline::Never,
                    deadline => deadline,
                },
            ),
        };
        let refuse = |kind| Error::new(kind, BACKEND, "increment");
        let count = count.ok_or_else(|| refuse(ErrorKind::NotANumber))?;
        let sum = count
            .checked_add(by)
            .ok_or_else(|| refuse(ErrorKind::Overflow))?;
        put(&mut entries, &key, sum.to_string().into(), deadline);
        Ok(sum)
    }

    async fn flush_all(&self) -> Result<()> {
        let namespace = self.scope.namespace().stored();
        self.entries().retain(|key, _| !key.starts_with(namespace));
        Ok(())
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl CacheClientExtended for ReferenceCache {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        let key = self.scope.key("get_time_to_live", key)?;
        let (entries, now) = (self.entries(), self.now());
        Ok(live(&entries, &key, now).and_then(|(_, deadline)| deadline.time_to_live(now)))
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        let key = self.scope.key("set_time_to_live", key)?;
        let mut entries = self.entries();
        let now = self.now();
        let Some((value, old)) = live(&entries, &key, now) else {
            return Ok(false);
        };
        let deadline = match expiry.deadline(now) {
            Deadline::Keep => old,
            deadline => deadline,
        };
        put(&mut entries, &key, value, deadline);
        Ok(true)
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        let key = self.scope.key("read_with_time_to_live", key)?;
        let (entries, now) = (self.entries(), self.now());
        Ok(live(&entries, &key, now)
            .and_then(|(value, deadline)| Some((value, deadline.time_to_live(now)?))))
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        let Some(prefix) = self.scope.prefix(prefix) else {
            return Box::pin(stream::empty());
        };
        // One key at a time, each time from behind the last, so that others can write meanwhile.
        let from = prefix.clone().into_owned();
        Box::pin(stream::unfold(from, move |from| {
            let next = self.next_key(&from, &prefix);
            std::future::ready(next.map(|key| {
                let given = self.scope.strip(&key).to_owned();
                (Ok(given), key + "\0")
            }))
        }))
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        let Some(prefix) = self.scope.prefix(prefix) else {
            return Ok(0);
        };
        let now = self.now();
        let mut removed = 0;
        self.entries().retain(|key, entry| {
            let matches = key.starts_with(&*prefix);
            removed += u64::from(matches && entry.deadline.time_to_live(now).is_some());
            !matches
        });
        Ok(removed)
    }

    async fn remove_expired(&self) -> Result<u64> {
        let now = self.now();
        let mut entries = self.entries();
        let before = entries.len();
        entries.retain(|_, entry| entry.deadline.time_to_live(now).is_some());
        Ok(u64::try_from(before - entries.len()).unwrap_or(u64::MAX))
    }
}

/// The value and deadline of an entry that has not expired.
fn live(entries: &BTreeMap<String, Entry>, key: &str, now: i64) -> Option<(Bytes, Deadline)> {
    let entry = entries.get(key)?;
    entry.deadline.time_to_live(now)?;
    Some((entry.value.clone(), entry.deadline))
}

/// Stores an entry, or removes it if its deadline is past.
fn put(entries: &mut BTreeMap<String, Entry>, key: &str, value: Bytes, deadline: Deadline) {
    if deadline == Deadline::Past {
        entries.remove(key);
    } else {
        entries.insert(key.to_owned(), Entry { value, deadline });
    }
}

/// The number that this text is, if it is written as a counter writes it.
fn canonical(value: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == value).then_some(number)
}

/// Proves the reference client with the suite, and the suite with the reference client.
pub struct ReferenceHarness(ReferenceCache);

#[async_trait]
impl Harness for ReferenceHarness {
    const PROFILE: Profile = Profile::new().moves_time();

    async fn fresh() -> Self {
        Self(ReferenceCache::new())
    }

    fn cache(&self) -> Client {
        Arc::new(self.0.clone())
    }

    async fn pass(&self, by: Duration) {
        self.0.pass(by);
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        Ok(Arc::new(self.0.within(path)?))
    }
}

#[async_trait]
impl Reopen for ReferenceHarness {
    async fn reopen(self) -> Self {
        self
    }
}

#[async_trait]
impl Share for ReferenceHarness {
    async fn another(&self) -> Client {
        self.cache()
    }
}

/// The name that errors carry.
const BACKEND: &str = "reference";
