//! The cache contract: what a backend implements and every caller can rely on.
//!
//! Two audiences, two layers. Who writes a backend implements [`CacheClient`] and
//! [`CacheClientExtended`]: few methods, each the fullest form of its operation, bytes only,
//! usable as `dyn`. Who uses a cache calls [`TypedCache`](crate::TypedCache), which is there for
//! every client, an `Arc<dyn CacheClientExtended>` among them.
//!
//! The rules stand with [`CacheClient`], what is particular to an operation with its method.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
pub use futures_core::stream::BoxStream;

use crate::codec::Codec;
use crate::entry::{Condition, Expiry, TimeToLive};
use crate::error::Result;
use crate::scope::check_key;

/// A cache in bytes: what every backend does and every wrapper forwards.
///
/// Callers will prefer [`TypedCache`](crate::TypedCache). `Debug` shows no key and no value.
///
/// # Rules
///
/// These hold for every operation of every backend; the methods say what is particular to them. The
/// crate `conformance-tests` holds a case for each promise.
///
/// **Expired is absent**, for every operation, from the millisecond of the deadline on, whether or
/// not the entry still takes room.
///
/// **Deadlines** count in whole milliseconds on the store's clock, which an operation reads once;
/// durations are rounded up, so no entry ends early. A zero duration or an instant already past
/// leaves nothing behind. A deadline after the year 9999 is none (see [`Expiry`]).
///
/// **Whose clock** counts is the store's: the server's on Redis and PostgreSQL, the host's wall
/// clock on SQLite, a monotonic one in memory.
///
/// **Keys** are 1 to 1,024 bytes of UTF-8 without NUL, the namespace included, compared byte by
/// byte. No character of a key or a prefix has a meaning: `%`, `_`, `*`, `?`, `[`, `\`, `{}`,
/// blanks and line breaks are themselves. **Values** are any bytes, from none up to 16 MiB unless
/// the client's options say otherwise. Anything else is [`ErrorKind::InvalidInput`] before any
/// I/O.
///
/// **A namespace** is a part of a store that looks like a store of its own (see
/// [`Prefixed`](crate::Prefixed)): keys come back without it, what its client flushes, lists, counts
/// and removes lies inside, and no key or prefix reaches outside. A key is stored below the path of
/// its namespace and a `:`, so `a:b` lies inside `a`, and namespaces beside each other share no key.
///
/// **Cancellation:** dropping a future leaves the entry as it was or as it was to become, and the
/// client fully usable. A write whose future was dropped may still land, even after a later one.
/// A client belongs to the runtime that made it.
///
/// **Failure:** every call ends within the client's time-out (default 1 s, and 100 ms more for
/// each MiB of value; batches and listings: for each chunk or page), with an [`Error`] when the
/// store is down, slow or cut off. An outage is never a miss, and never `false`. Nothing that
/// could have been applied is sent again unless repeating is harmless.
///
/// **Errors** name backend and operation, and say whether the store may have changed and whether
/// trying again can help. None shows a key or a value, nor does any of its causes.
///
/// [`ErrorKind::InvalidInput`]: crate::ErrorKind::InvalidInput
/// [`Error`]: crate::Error
#[async_trait]
pub trait CacheClient: Debug + Send + Sync + 'static {
    /// Reads the value of a key.
    ///
    /// `None` if there is no live entry. An empty value is a value. Reading never moves a deadline.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a key outside the rules, and what the store's failures give. A missing
    /// key is no error.
    async fn read(&self, key: &str) -> Result<Option<Bytes>>;

    /// Reads the values of many keys, in the order of `keys`.
    ///
    /// A key given twice is answered twice. An empty list gives an empty list without asking the
    /// store. All keys are checked before the first is read. Each entry is read whole; the batch
    /// is not one instant.
    ///
    /// Provided as one [`read`](CacheClient::read) after the other; a backend that can ask for
    /// many at once does better.
    ///
    /// # Errors
    ///
    /// As [`read`](CacheClient::read); one failure fails the call.
    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        for key in keys {
            check_key("cache", "read_all", key)?;
        }
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.read(key).await?);
        }
        Ok(values)
    }

    /// Writes value and deadline together, if the condition holds; `true` if it did.
    ///
    /// Atomic, condition included: of many writers with [`Condition::Absent`] exactly one wins.
    /// `false` only when the condition did not hold; then nothing changed. An overwrite replaces
    /// the deadline too, unless [`Expiry::Keep`] leaves it as it is; a new entry with `Keep` never
    /// expires. If the condition holds and the deadline is already past, the entry is removed, so
    /// that `Equals` with a zero duration is remove-if-equal. `Equals` never holds where there is
    /// no live entry, not even with an empty value. Writing the bytes that are there is a write.
    /// Lengths are checked before condition and deadline.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a key outside the rules or a value that is too long, in `Equals` too.
    /// `Full` if the store has no room. A condition that does not hold is no error.
    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool>;

    /// Writes many entries with one expiry, whatever was there.
    ///
    /// All keys and values are checked before the first is written. Of a key given twice the last
    /// value stays. Each entry is written atomically; the batch goes in chunks of at least 1,000
    /// entries or 16 MiB, each whole or not at all where the store has transactions (the backend
    /// says which). An empty list changes nothing. [`Expiry::Keep`] keeps each live entry's own
    /// deadline; a past deadline removes every key of the batch.
    ///
    /// Provided as one [`write`](CacheClient::write) after the other, with the keys checked first:
    /// a client that limits values checks those itself.
    ///
    /// # Errors
    ///
    /// As [`write`](CacheClient::write). After an error, earlier chunks may have been written. The
    /// outcome is [`Unknown`](crate::Outcome::Unknown) if any was.
    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        for (key, _) in entries {
            check_key("cache", "write_all", key)?;
        }
        for (at, (key, value)) in entries.iter().enumerate() {
            let written = self.write(key, value.clone(), Condition::Always, expiry);
            written.await.map_err(|error| error.after_changes(at > 0))?;
        }
        Ok(())
    }

    /// Removes an entry; `true` if a live one went.
    ///
    /// # Errors
    ///
    /// As [`read`](CacheClient::read). Removing nothing is no error.
    async fn remove(&self, key: &str) -> Result<bool>;

    /// Removes many entries and gives how many live ones went.
    ///
    /// A key given twice counts once; an empty list removes nothing. All keys are checked before
    /// the first is removed; chunks as in [`write_all`](CacheClient::write_all).
    ///
    /// Provided as one [`remove`](CacheClient::remove) after the other.
    ///
    /// # Errors
    ///
    /// As [`remove`](CacheClient::remove). After an error, earlier chunks may have been removed. The
    /// outcome is [`Unknown`](crate::Outcome::Unknown) if any was.
    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        for key in keys {
            check_key("cache", "remove_all", key)?;
        }
        let mut removed = 0;
        for key in keys {
            let one = self.remove(key).await;
            removed += u64::from(one.map_err(|error| error.after_changes(removed > 0))?);
        }
        Ok(removed)
    }

    /// Adds to a 64-bit counter and gives the result.
    ///
    /// A missing or expired key starts at 0 and gets `expiry_if_new` (`Keep`: it never expires; a
    /// past one: the answer is `by` and nothing stays). A live counter keeps its deadline, whatever
    /// `expiry_if_new` says; what an expired entry held counts for nothing. Adding 0 creates.
    /// Counters share the key space with values: a counter is canonical decimal text, `0` or `-12`.
    /// Atomic, and never applied twice.
    ///
    /// # Errors
    ///
    /// `NotANumber` if the live value is anything but a canonical integer within `i64` (leading
    /// zeros, a plus sign and blanks included); `Overflow` if the result leaves `i64`. The entry
    /// is unchanged either way.
    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64>;

    /// Removes every entry that this client can see, and no other.
    ///
    /// In a namespace: that namespace. Without one: the backend's own table, file or selected
    /// database. Entries written while it runs may or may not stay.
    ///
    /// # Errors
    ///
    /// What the store's failures give; part of the entries may be gone then. The outcome is
    /// [`Unknown`](crate::Outcome::Unknown) if any is.
    async fn flush_all(&self) -> Result<()>;

    /// Asks the store for an answer.
    ///
    /// # Errors
    ///
    /// What the store's failures give.
    async fn ping(&self) -> Result<()>;

    /// The codec with which [`TypedCache`](crate::TypedCache) encodes values for this client.
    ///
    /// Provided as [`Codec::Bincode`]; the backends take it from their options, because it belongs
    /// to a deployment. Every reader understands every codec.
    fn codec(&self) -> Codec {
        Codec::Bincode
    }
}

/// What more a store must offer: time to live, listings and clean-up.
///
/// A separate trait, so that code which needs these says so in its signature.
#[async_trait]
pub trait CacheClientExtended: CacheClient {
    /// Gives what is left of an entry's life: `None` if there is no live entry.
    ///
    /// Rounded to whole milliseconds and never zero. What it gives can be written back.
    ///
    /// # Errors
    ///
    /// As [`read`](CacheClient::read).
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>>;

    /// Gives a live entry another deadline without rewriting its value; `true` if it was live.
    ///
    /// A past deadline removes the entry, [`Expiry::Keep`] changes nothing and tells whether it is
    /// live. Atomic.
    ///
    /// # Errors
    ///
    /// As [`write`](CacheClient::write). A missing entry is no error.
    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool>;

    /// Reads a value and what is left of its life, of one instant and in one round trip.
    ///
    /// # Errors
    ///
    /// As [`read`](CacheClient::read).
    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>>;

    /// Lists the live keys that start with a prefix, in no promised order.
    ///
    /// Streams in pages, never loads the whole set and gives no key twice. A key that is there
    /// throughout is given, also while what was listed is removed; one added or removed meanwhile
    /// may or may not be. The store stays usable while the stream is open, and the stream may be
    /// dropped at any point. The prefix is literal; an empty one lists everything that
    /// the client can see; one that no key can have lists nothing and is no error.
    ///
    /// # Errors
    ///
    /// The stream gives an error as an item and then ends.
    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>>;

    /// Removes every entry whose key starts with a prefix and gives how many live ones went.
    ///
    /// The prefix is taken as in [`keys_starting_with`](Self::keys_starting_with). Not one
    /// instant: an entry added meanwhile may stay. A prefix that no key can have removes nothing.
    ///
    /// # Errors
    ///
    /// What the store's failures give; part of the entries may be gone then. The outcome is
    /// [`Unknown`](crate::Outcome::Unknown) if any is.
    async fn remove_starting_with(&self, prefix: &str) -> Result<u64>;

    /// Frees the room of expired entries and gives how many it freed.
    ///
    /// 0 where the store does it itself. Never needed for correctness, since expired is absent; it
    /// may sweep beyond a namespace, since nobody can see it.
    ///
    /// # Errors
    ///
    /// What the store's failures give.
    async fn remove_expired(&self) -> Result<u64>;
}

/// Keeps the signatures of the forwarders below in one line each.
type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'f>>;

/// Forwards both traits through a pointer.
///
/// Written in the form that `async_trait` makes of the traits, so that the inner future is handed
/// on as it is and a call through a pointer costs no second box.
macro_rules! forward_through {
    ($pointer:ident) => {
        #[deny(clippy::missing_trait_methods)]
        impl<C: CacheClient + ?Sized> CacheClient for $pointer<C> {
            fn read<'s, 'k, 'f>(&'s self, key: &'k str) -> BoxFuture<'f, Option<Bytes>>
            where
                's: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).read(key)
            }

            fn read_all<'s, 'l, 'k, 'f>(
                &'s self,
                keys: &'l [&'k str],
            ) -> BoxFuture<'f, Vec<Option<Bytes>>>
            where
                's: 'f,
                'l: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).read_all(keys)
            }

            fn write<'s, 'k, 'f>(
                &'s self,
                key: &'k str,
                value: Bytes,
                condition: Condition,
                expiry: Expiry,
            ) -> BoxFuture<'f, bool>
            where
                's: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).write(key, value, condition, expiry)
            }

            fn write_all<'s, 'l, 'k, 'f>(
                &'s self,
                entries: &'l [(&'k str, Bytes)],
                expiry: Expiry,
            ) -> BoxFuture<'f, ()>
            where
                's: 'f,
                'l: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).write_all(entries, expiry)
            }

            fn remove<'s, 'k, 'f>(&'s self, key: &'k str) -> BoxFuture<'f, bool>
            where
                's: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).remove(key)
            }

            fn remove_all<'s, 'l, 'k, 'f>(&'s self, keys: &'l [&'k str]) -> BoxFuture<'f, u64>
            where
                's: 'f,
                'l: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).remove_all(keys)
            }

            fn increment<'s, 'k, 'f>(
                &'s self,
                key: &'k str,
                by: i64,
                expiry_if_new: Expiry,
            ) -> BoxFuture<'f, i64>
            where
                's: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).increment(key, by, expiry_if_new)
            }

            fn flush_all<'s, 'f>(&'s self) -> BoxFuture<'f, ()>
            where
                's: 'f,
                Self: 'f,
            {
                (**self).flush_all()
            }

            fn ping<'s, 'f>(&'s self) -> BoxFuture<'f, ()>
            where
                's: 'f,
                Self: 'f,
            {
                (**self).ping()
            }

            fn codec(&self) -> Codec {
                (**self).codec()
            }
        }

        #[deny(clippy::missing_trait_methods)]
        impl<C: CacheClientExtended + ?Sized> CacheClientExtended for $pointer<C> {
            fn get_time_to_live<'s, 'k, 'f>(
                &'s self,
                key: &'k str,
            ) -> BoxFuture<'f, Option<TimeToLive>>
            where
                's: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).get_time_to_live(key)
            }

            fn set_time_to_live<'s, 'k, 'f>(
                &'s self,
                key: &'k str,
                expiry: Expiry,
            ) -> BoxFuture<'f, bool>
            where
                's: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).set_time_to_live(key, expiry)
            }

            fn read_with_time_to_live<'s, 'k, 'f>(
                &'s self,
                key: &'k str,
            ) -> BoxFuture<'f, Option<(Bytes, TimeToLive)>>
            where
                's: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).read_with_time_to_live(key)
            }

            fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
                (**self).keys_starting_with(prefix)
            }

            fn remove_starting_with<'s, 'k, 'f>(&'s self, prefix: &'k str) -> BoxFuture<'f, u64>
            where
                's: 'f,
                'k: 'f,
                Self: 'f,
            {
                (**self).remove_starting_with(prefix)
            }

            fn remove_expired<'s, 'f>(&'s self) -> BoxFuture<'f, u64>
            where
                's: 'f,
                Self: 'f,
            {
                (**self).remove_expired()
            }
        }
    };
}

forward_through!(Arc);
forward_through!(Box);
