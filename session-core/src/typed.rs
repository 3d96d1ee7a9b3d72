//! Typed access to any client: what callers of a cache use.
//!
//! [`TypedCache`] is there for every [`CacheClient`], behind a pointer and as `dyn` too. It encodes
//! with the client's [`Codec`] and calls the primitives; every promise about atomicity and time is
//! the client's. No key is changed and no expiry is decided here.

mod blanket;

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(doc)]
use crate::Codec;
use crate::client::{BoxStream, CacheClient, CacheClientExtended};
use crate::entry::Expiry;
use crate::error::{Error, Result};

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
