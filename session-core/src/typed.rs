//! Typed access to any client: what callers of a cache use.
//!
//! [`TypedCache`] is there for every [`CacheClient`], behind a pointer and as `dyn` too. It encodes
//! with the client's [`Codec`] and calls the primitives; every promise about atomicity and time is
//! the client's. No key is changed and no expiry is decided here.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use async_stream::stream;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{BoxStream, CacheClient, CacheClientExtended};
use crate::codec::Codec;
use crate::entry::{Condition, Deadline, Expiry, unix_millis_rounded_up};
use crate::error::{Error, ErrorKind, Result};
use crate::glob::Glob;

/// A cache of values that serde can write and read.
///
/// ```
/// # use session_core::{CacheClientExtended, Error};
/// use std::sync::Arc;
/// use std::time::Duration;
/// use session_core::TypedCache;
///
/// # async fn example(cache: Arc<dyn CacheClientExtended>) -> Result<(), Error> {
/// cache.set("greeting", "hello", Duration::from_secs(60)).await?;
/// assert_eq!(cache.get::<String>("greeting").await?.as_deref(), Some("hello"));
///
/// // `None` is no deadline. A value that is there stays as it is.
/// assert!(!cache.add("greeting", "good morning", None).await?);
/// # Ok(())
/// # }
/// ```
///
/// A value must be read as the type that was written, since bincode does not describe itself; see
/// [`Codec`] for the types that want JSON. Of failures, what the client gives is handed on as it
/// is; what happens here is reported for the backend `"cache"` and the method's name.
pub trait TypedCache: CacheClient {
    /// Reads a value; `None` if there is no live entry.
    ///
    /// # Errors
    ///
    /// `Codec` if what is stored does not decode as `T`; it stays. And what
    /// [`read`](CacheClient::read) gives.
    fn get<T: DeserializeOwned>(&self, key: &str)
    -> impl Future<Output = Result<Option<T>>> + Send;

    /// Reads many values, in the order of `keys`.
    ///
    /// As [`read_all`](CacheClient::read_all): each is read whole, the batch is not one instant.
    ///
    /// # Errors
    ///
    /// As [`get`](TypedCache::get); one value that does not decode fails the call.
    fn get_all<T: DeserializeOwned>(
        &self,
        keys: &[&str],
    ) -> impl Future<Output = Result<Vec<Option<T>>>> + Send;

    /// Writes a value and its deadline, whatever was there. Atomic.
    ///
    /// A zero duration or an instant already past leaves nothing behind.
    ///
    /// # Errors
    ///
    /// `Codec` if the value cannot be encoded; nothing is stored then. And what
    /// [`write`](CacheClient::write) gives.
    fn set<T: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        value: &T,
        expiry: impl Into<Expiry> + Send,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Writes many values with one expiry, whatever was there.
    ///
    /// All are encoded before the first is written; of a key given twice the last value stays.
    /// As [`write_all`](CacheClient::write_all), the batch goes in chunks.
    ///
    /// # Errors
    ///
    /// As [`set`](TypedCache::set). After an error of the store, a part may have been written.
    fn set_all<T: Serialize + Sync>(
        &self,
        entries: &[(&str, T)],
        expiry: impl Into<Expiry> + Send,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Writes a value only if there is no live entry; `true` if it did.
    ///
    /// Atomic: of many callers exactly one wins.
    ///
    /// # Errors
    ///
    /// As [`set`](TypedCache::set). A live entry is no error.
    fn add<T: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        value: &T,
        expiry: impl Into<Expiry> + Send,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Writes a value only if there is a live entry; `true` if it did. Atomic.
    ///
    /// # Errors
    ///
    /// As [`set`](TypedCache::set). A missing entry is no error.
    fn replace<T: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        value: &T,
        expiry: impl Into<Expiry> + Send,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Writes a value only if the live entry is `expected`; `true` if it did. Atomic.
    ///
    /// Compares encodings, not values: what another codec or program wrote differs, and so may a
    /// `HashMap` of equal content. For those take [`update`](TypedCache::update), which compares
    /// with the very bytes that it read.
    ///
    /// # Errors
    ///
    /// As [`set`](TypedCache::set). Another value or none is no error.
    fn compare_and_set<T: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        expected: &T,
        value: &T,
        expiry: impl Into<Expiry> + Send,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Changes a value and gives what is stored now; no change of others is lost.
    ///
    /// Reads, calls `change` with what was read (`None`: no live entry) and writes what it gives,
    /// if the entry still has the bytes that were read (or is still absent). If others came first
    /// it begins again, after a short random pause from the third time on; so `change` may be
    /// called more than once. `None` from `change` removes the entry. Each try is atomic.
    ///
    /// The pause needs a tokio runtime with its timer.
    ///
    /// # Errors
    ///
    /// `Conflict` if others came first 256 times in a row; nothing is changed then. `Codec` if
    /// what is stored does not decode (it stays, and `change` is not called) or the new value
    /// cannot be encoded. And what [`read`](CacheClient::read) and [`write`](CacheClient::write)
    /// give; a write with an unknown outcome is not repeated.
    ///
    /// ```
    /// # use session_core::{CacheClient, Error};
    /// use session_core::{Expiry, TypedCache};
    ///
    /// # async fn example(cache: &dyn CacheClient) -> Result<(), Error> {
    /// let tags = cache
    ///     .update("tags", Expiry::Keep, |tags: Option<Vec<String>>| {
    ///         let mut tags = tags.unwrap_or_default();
    ///         tags.push("new".to_owned());
    ///         Some(tags)
    ///     })
    ///     .await?;
    /// assert!(tags.is_some_and(|tags| tags.contains(&"new".to_owned())));
    /// # Ok(())
    /// # }
    /// ```
    fn update<T: Serialize + DeserializeOwned + Send>(
        &self,
        key: &str,
        expiry: impl Into<Expiry> + Send,
        change: impl FnMut(Option<T>) -> Option<T> + Send,
    ) -> impl Future<Output = Result<Option<T>>> + Send;

    /// Reads a value, or loads and stores it if there is no live entry.
    ///
    /// Of many callers that miss at once each loads, the first to store wins, and all get its
    /// value. An expiry that is zero or past stores nothing; the loaded value is given all the
    /// same.
    ///
    /// # Errors
    ///
    /// The loader's error as it is; nothing is stored then. `Codec` if what is stored does not
    /// decode; it stays, and the loader is not called. `Conflict` if others stored and removed
    /// the entry 256 times in a row. And what [`read`](CacheClient::read) and
    /// [`write`](CacheClient::write) give, a store that fails among it: an outage is no miss.
    ///
    /// ```
    /// # use session_core::{CacheClient, Error};
    /// use std::time::Duration;
    /// use session_core::TypedCache;
    ///
    /// # async fn example(cache: &dyn CacheClient) -> Result<(), Error> {
    /// let minute = Duration::from_secs(60);
    /// let answer: u32 = cache
    ///     .get_or_create("answer", minute, || async { Ok::<_, Error>(6 * 7) })
    ///     .await?;
    /// assert_eq!(answer, 42);
    /// # Ok(())
    /// # }
    /// ```
    fn get_or_create<T, E, Loading>(
        &self,
        key: &str,
        expiry: impl Into<Expiry> + Send,
        load: impl FnOnce() -> Loading + Send,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Serialize + DeserializeOwned + Send,
        E: From<Error>,
        Loading: Future<Output = Result<T, E>> + Send;

    /// Adds to a 64-bit counter and gives the result; a new one starts at 0 and has no deadline.
    ///
    /// Atomic, and keeps the deadline of a live counter. An integer that was
    /// [`set`](TypedCache::set) is a counter, and a counter can be read by `get::<i64>`. For a new
    /// counter with a deadline take [`increment`](CacheClient::increment).
    ///
    /// # Errors
    ///
    /// As [`increment`](CacheClient::increment).
    fn increment_by(&self, key: &str, by: i64) -> impl Future<Output = Result<i64>> + Send;

    /// Subtracts from a 64-bit counter and gives the result, as
    /// [`increment_by`](TypedCache::increment_by) adds.
    ///
    /// # Errors
    ///
    /// As [`increment`](CacheClient::increment); `Overflow` for `i64::MIN`, whatever is stored.
    fn decrement_by(&self, key: &str, by: i64) -> impl Future<Output = Result<i64>> + Send;

    /// Lists the live keys that match a pattern, in no promised order.
    ///
    /// `*` is any run of characters, an empty one too; `?` is one character; `\` takes the next
    /// character literally, and a lone one at the end is itself; everything else is itself. The
    /// pattern must match the whole key and case matters. What stands before the first `*` or `?`
    /// narrows the listing, which is otherwise that of
    /// [`keys_starting_with`](CacheClientExtended::keys_starting_with).
    ///
    /// # Errors
    ///
    /// The stream gives an error as an item and then ends.
    ///
    /// ```
    /// # use session_core::{CacheClientExtended, Error};
    /// use futures_util::TryStreamExt;
    /// use session_core::TypedCache;
    ///
    /// # async fn example(cache: &dyn CacheClientExtended) -> Result<(), Error> {
    /// let carts: Vec<String> = cache.keys_matching("user:?*:cart").try_collect().await?;
    /// assert!(carts.iter().all(|key| key.ends_with(":cart")));
    /// # Ok(())
    /// # }
    /// ```
    fn keys_matching<'a>(&'a self, glob: &'a str) -> BoxStream<'a, Result<String>>
    where
        Self: CacheClientExtended;
}

impl<C: CacheClient + ?Sized> TypedCache for C {
    async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        decode_entry("get", self.read(key).await?.as_ref())
    }

    async fn get_all<T: DeserializeOwned>(&self, keys: &[&str]) -> Result<Vec<Option<T>>> {
        let values = self.read_all(keys).await?;
        values
            .iter()
            .map(|value| decode_entry("get_all", value.as_ref()))
            .collect()
    }

    async fn set<T: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        value: &T,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<()> {
        let value = encode("set", self.codec(), value)?;
        self.write(key, value, Condition::Always, expiry.into())
            .await
            .map(drop)
    }

    async fn set_all<T: Serialize + Sync>(
        &self,
        entries: &[(&str, T)],
        expiry: impl Into<Expiry> + Send,
    ) -> Result<()> {
        let codec = self.codec();
        let entries = entries
            .iter()
            .map(|(key, value)| Ok((*key, encode("set_all", codec, value)?)))
            .collect::<Result<Vec<_>>>()?;
        self.write_all(&entries, expiry.into()).await
    }

    async fn add<T: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        value: &T,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<bool> {
        let value = encode("add", self.codec(), value)?;
        self.write(key, value, Condition::Absent, expiry.into())
            .await
    }

    async fn replace<T: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        value: &T,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<bool> {
        let value = encode("replace", self.codec(), value)?;
        self.write(key, value, Condition::Present, expiry.into())
            .await
    }

    async fn compare_and_set<T: Serialize + Sync + ?Sized>(
        &self,
        key: &str,
        expected: &T,
        value: &T,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<bool> {
        let expected = encode("compare_and_set", self.codec(), expected)?;
        let value = encode("compare_and_set", self.codec(), value)?;
        self.write(key, value, Condition::Equals(expected), expiry.into())
            .await
    }

    async fn update<T: Serialize + DeserializeOwned + Send>(
        &self,
        key: &str,
        expiry: impl Into<Expiry> + Send,
        mut change: impl FnMut(Option<T>) -> Option<T> + Send,
    ) -> Result<Option<T>> {
        let expiry = expiry.into();
        for attempt in 0..MAX_ATTEMPTS {
            pause_before(attempt).await;
            let read = self.read(key).await?;
            let Some(value) = change(decode_entry("update", read.as_ref())?) else {
                let Some(read) = read else { return Ok(None) };
                if remove_if_equal(self, key, read).await? {
                    return Ok(None);
                }
                continue;
            };
            let encoded = encode("update", self.codec(), &value)?;
            let unchanged = read.map_or(Condition::Absent, Condition::Equals);
            if self.write(key, encoded, unchanged, expiry).await? {
                return Ok(leaves_something(expiry).then_some(value));
            }
        }
        Err(conflict("update"))
    }

    async fn get_or_create<T, E, Loading>(
        &self,
        key: &str,
        expiry: impl Into<Expiry> + Send,
        load: impl FnOnce() -> Loading + Send,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send,
        E: From<Error>,
        Loading: Future<Output = Result<T, E>> + Send,
    {
        if let Some(value) = decode_entry("get_or_create", self.read(key).await?.as_ref())? {
            return Ok(value);
        }
        let expiry = expiry.into();
        let loaded = load().await?;
        let encoded = encode("get_or_create", self.codec(), &loaded)?;
        for attempt in 0..MAX_ATTEMPTS {
            pause_before(attempt).await;
            let absent = Condition::Absent;
            if self.write(key, encoded.clone(), absent, expiry).await? {
                return Ok(loaded);
            }
            if let Some(value) = decode_entry("get_or_create", self.read(key).await?.as_ref())? {
                return Ok(value);
            }
        }
        Err(conflict("get_or_create").into())
    }

    async fn increment_by(&self, key: &str, by: i64) -> Result<i64> {
        self.increment(key, by, Expiry::Never).await
    }

    async fn decrement_by(&self, key: &str, by: i64) -> Result<i64> {
        let by = by
            .checked_neg()
            .ok_or_else(|| Error::new(ErrorKind::Overflow, BACKEND, "decrement_by"))?;
        self.increment(key, by, Expiry::Never).await
    }

    fn keys_matching<'a>(&'a self, glob: &'a str) -> BoxStream<'a, Result<String>>
    where
        Self: CacheClientExtended,
    {
        Box::pin(stream! {
            let glob = Glob::new(glob);
            let mut keys = self.keys_starting_with(glob.literal_prefix());
            while let Some(key) = keys.next().await {
                match key {
                    Ok(key) if !glob.matches(&key) => {}
                    key => yield key,
                }
            }
        })
    }
}

fn encode<T: Serialize + ?Sized>(
    operation: &'static str,
    codec: Codec,
    value: &T,
) -> Result<Bytes> {
    codec
        .try_encode(value)
        .map_err(|fault| fault.into_error(BACKEND, operation))
}

fn decode_entry<T: DeserializeOwned>(
    operation: &'static str,
    entry: Option<&Bytes>,
) -> Result<Option<T>> {
    entry
        .map(|bytes| Codec::try_decode(bytes))
        .transpose()
        .map_err(|fault| fault.into_error(BACKEND, operation))
}

/// A write that holds and is past at once removes, atomically.
async fn remove_if_equal<C: CacheClient + ?Sized>(
    cache: &C,
    key: &str,
    expected: Bytes,
) -> Result<bool> {
    let at_once = Expiry::In(Duration::ZERO);
    cache
        .write(key, Bytes::new(), Condition::Equals(expected), at_once)
        .await
}

/// Whether a write with this expiry leaves an entry, as far as the caller's clock can tell.
fn leaves_something(expiry: Expiry) -> bool {
    expiry.deadline(unix_millis_rounded_up(SystemTime::now())) != Deadline::Past
}

/// Lets those who met go apart: no pause at first, then a random one from a growing range.
async fn pause_before(attempt: u32) {
    let Some(doublings) = attempt.checked_sub(FIRST_WITH_PAUSE) else {
        return;
    };
    let longest = MAX_PAUSE_MICROS.min(MIN_PAUSE_MICROS << doublings.min(16));
    // Each `RandomState` has keys of its own, which is random enough to part two callers.
    let random = RandomState::new().hash_one(attempt);
    tokio::time::sleep(Duration::from_micros(random % longest)).await;
}

fn conflict(operation: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, BACKEND, operation)
}

/// What errors name where the client itself did not fail; the traits do not tell its name.
const BACKEND: &str = "cache";

/// How often `update` and `get_or_create` try before they give `Conflict`.
const MAX_ATTEMPTS: u32 = 256;

/// The attempt, counted from 0, that is the first to wait.
const FIRST_WITH_PAUSE: u32 = 2;

const MIN_PAUSE_MICROS: u64 = 500;

const MAX_PAUSE_MICROS: u64 = 64_000;
