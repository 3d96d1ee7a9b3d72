//! [`TypedCache`] for every client: encode, call the primitive, decode.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use async_stream::stream;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::TypedCache;
use crate::client::{BoxStream, CacheClient, CacheClientExtended};
use crate::codec::{Codec, Fault};
use crate::entry::{Condition, Deadline, Expiry, unix_millis_rounded_up};
use crate::error::{Error, ErrorKind, Result};
use crate::glob::Glob;

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
    let refuse = |fault: Fault| fault.into_error(BACKEND, operation);
    entry
        .map(|bytes| Codec::decode_or(bytes, refuse))
        .transpose()
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
