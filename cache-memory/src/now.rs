//! All operations for plain code.
//!
//! Nothing in the cache waits, so every operation of the contract is there a second time without
//! `async`, under its name with `_now` behind it. The contract's methods call these.

use bytes::Bytes;
use session_core::{Condition, Deadline, Error, ErrorKind, Expiry, Result, TimeToLive};

use crate::cache::MemoryCache;
use crate::entry::{Change, Entry, NEVER};

impl MemoryCache {
    /// Reads the value of a key; see [`read`](session_core::CacheClient::read).
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a key outside the rules.
    #[inline]
    pub fn read_now(&self, key: &str) -> Result<Option<Bytes>> {
        let mut now = self.store.clock().reading();
        let copy = |entry: &Entry| entry.value.clone();
        if !self.scope.namespace().is_root() {
            let key = self.scope.key("read", key)?;
            return Ok(self.store.read(&key, &mut now, copy));
        }
        let found = self.store.read(key, &mut now, copy);
        // A key that is found was checked when it was written.
        if found.is_none() {
            self.scope.key("read", key)?;
        }
        Ok(found)
    }

    /// Reads the values of many keys; see [`read_all`](session_core::CacheClient::read_all).
    ///
    /// # Errors
    ///
    /// As [`read_now`](Self::read_now).
    pub fn read_all_now(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let keys = self.scope.keys("read_all", keys)?;
        let mut now = self.store.clock().reading();
        let read = |key: &_| self.store.read(key, &mut now, |entry| entry.value.clone());
        Ok(keys.iter().map(|key| &**key).map(read).collect())
    }

    /// Writes value and deadline together, if the condition holds; see [`write`](session_core::CacheClient::write).
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a key or value outside the rules; `Full` for an entry that is larger
    /// than the cache may be.
    #[inline]
    pub fn write_now(
        &self,
        key: &str,
        mut value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        self.exchange(key, &mut value, &condition, expiry)
    }

    /// Writes as [`write_now`](Self::write_now) does; what was stored comes back in the place of
    /// the value, for the caller to drop.
    #[inline]
    pub(crate) fn exchange(
        &self,
        key: &str,
        value: &mut Bytes,
        condition: &Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let key = self.scope.key("write", key)?;
        self.scope.write("write", value, condition)?;
        self.put("write", &key, value, condition, expiry)
    }

    /// Writes many entries, one after the other; see [`write_all`](session_core::CacheClient::write_all).
    ///
    /// # Errors
    ///
    /// As [`write_now`](Self::write_now). `Full` comes before anything is written, too.
    pub fn write_all_now(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        self.check_all(entries)?;
        self.write_checked(entries, expiry)
    }

    /// Removes an entry; see [`remove`](session_core::CacheClient::remove).
    ///
    /// # Errors
    ///
    /// As [`read_now`](Self::read_now).
    pub fn remove_now(&self, key: &str) -> Result<bool> {
        self.take(&self.scope.key("remove", key)?)
    }

    /// Removes many entries, one after the other; see [`remove_all`](session_core::CacheClient::remove_all).
    ///
    /// # Errors
    ///
    /// As [`read_now`](Self::read_now).
    pub fn remove_all_now(&self, keys: &[&str]) -> Result<u64> {
        let keys = self.scope.keys("remove_all", keys)?;
        keys.iter()
            .try_fold(0, |removed, key| Ok(removed + u64::from(self.take(key)?)))
    }

    /// Adds to a counter; see [`increment`](session_core::CacheClient::increment).
    ///
    /// # Errors
    ///
    /// `NotANumber`, `Overflow` and `InvalidInput` as there; `Full` as
    /// [`write_now`](Self::write_now).
    pub fn increment_now(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        const OPERATION: &str = "increment";
        let key = self.scope.key(OPERATION, key)?;
        let mut now = self.store.clock().reading();
        let (key, value) = (&*key, &mut Bytes::new());
        let (store, keep) = (&self.store, Expiry::Keep);
        store.change(key, &mut now, keep, move |live, _, now| {
            let (sum, deadline) = match live {
                Some(entry) => {
                    let number = canonical(&entry.value)
                        .ok_or_else(|| self.scope.error(ErrorKind::NotANumber, OPERATION))?;
                    let sum = number
                        .checked_add(by)
                        .ok_or_else(|| self.scope.error(ErrorKind::Overflow, OPERATION))?;
                    (sum, entry.deadline)
                }
                None => match now.deadline(expiry_if_new) {
                    // Something expired may still be there, and stays what it is: absent.
                    Deadline::Past => return Ok((Change::Nothing, by)),
                    Deadline::At(deadline) => (by, deadline),
                    Deadline::Never | Deadline::Keep => (by, NEVER),
                },
            };
            *value = Bytes::from(sum.to_string());
            self.check_room(OPERATION, key, value)?;
            Ok((Change::Put(value, deadline), sum))
        })
    }

    /// Removes every entry that this client can see; see [`flush_all`](session_core::CacheClient::flush_all).
    ///
    /// # Errors
    ///
    /// None.
    pub fn flush_all_now(&self) -> Result<()> {
        if self.scope.namespace().is_root() {
            (0..self.store.shards()).for_each(|at| self.store.clear_shard(at));
            return Ok(());
        }
        self.remove_starting_with_now("").map(drop)
    }

    /// Gives what is left of an entry's life; see
    /// [`get_time_to_live`](session_core::CacheClientExtended::get_time_to_live).
    ///
    /// # Errors
    ///
    /// As [`read_now`](Self::read_now).
    pub fn get_time_to_live_now(&self, key: &str) -> Result<Option<TimeToLive>> {
        let key = self.scope.key("get_time_to_live", key)?;
        let mut now = self.store.clock().reading();
        let deadline = self.store.read(&key, &mut now, |entry| entry.deadline);
        Ok(deadline.map(|deadline| now.time_to_live(deadline)))
    }

    /// Gives a live entry another deadline; see
    /// [`set_time_to_live`](session_core::CacheClientExtended::set_time_to_live).
    ///
    /// # Errors
    ///
    /// As [`read_now`](Self::read_now).
    pub fn set_time_to_live_now(&self, key: &str, expiry: Expiry) -> Result<bool> {
        let key = self.scope.key("set_time_to_live", key)?;
        let store = &self.store;
        let mut now = store.clock().reading();
        store.change(&key, &mut now, expiry, |live, deadline, _| {
            let change = match (live, deadline) {
                (None, _) | (_, Deadline::Keep) => Change::Nothing,
                (Some(_), Deadline::Past) => Change::Remove,
                (Some(_), Deadline::At(deadline)) => Change::Deadline(deadline),
                (Some(_), Deadline::Never) => Change::Deadline(NEVER),
            };
            Ok((change, live.is_some()))
        })
    }

    /// Reads a value and what is left of its life; see
    /// [`read_with_time_to_live`](session_core::CacheClientExtended::read_with_time_to_live).
    ///
    /// # Errors
    ///
    /// As [`read_now`](Self::read_now).
    pub fn read_with_time_to_live_now(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        let key = self.scope.key("read_with_time_to_live", key)?;
        let mut now = self.store.clock().reading();
        let look = |entry: &Entry| (entry.value.clone(), entry.deadline);
        let found = self.store.read(&key, &mut now, look);
        Ok(found.map(|(value, deadline)| (value, now.time_to_live(deadline))))
    }

    /// Lists the live keys that start with a prefix; see
    /// [`keys_starting_with`](session_core::CacheClientExtended::keys_starting_with).
    ///
    /// The first listing of a cache looks at every entry and has the keys kept in order from then
    /// on; the README says what that costs.
    pub fn keys_starting_with_now(&self, prefix: &str) -> impl Iterator<Item = String> + Send + '_ {
        self.pages(prefix)
            .flatten()
            .map(|key| self.scope.strip(&key).to_owned())
    }

    /// Removes every entry whose key starts with a prefix; see
    /// [`remove_starting_with`](session_core::CacheClientExtended::remove_starting_with).
    ///
    /// # Errors
    ///
    /// None.
    pub fn remove_starting_with_now(&self, prefix: &str) -> Result<u64> {
        self.pages(prefix)
            .try_fold(0, |removed, page| Ok(removed + self.remove_page(&page)?))
    }

    /// Frees the room of expired entries; see
    /// [`remove_expired`](session_core::CacheClientExtended::remove_expired).
    ///
    /// # Errors
    ///
    /// None.
    pub fn remove_expired_now(&self) -> Result<u64> {
        Ok(self.sweeps().sum())
    }

    /// The live keys with a prefix as they are stored, in pages.
    pub(crate) fn pages(&self, prefix: &str) -> impl Iterator<Item = Vec<Box<str>>> + Send + '_ {
        let prefix = self.scope.prefix(prefix).map(|prefix| prefix.into_owned());
        let mut at = if prefix.is_some() {
            0
        } else {
            self.store.shards()
        };
        let mut after = None;
        std::iter::from_fn(move || {
            let prefix = prefix.as_deref()?;
            if at == self.store.shards() {
                return None;
            }
            let page = self.store.page(at, prefix, after.as_deref());
            at += usize::from(page.after.is_none());
            after = page.after;
            Some(page.keys)
        })
    }

    /// Removes a page of stored keys and gives how many of them were live.
    pub(crate) fn remove_page(&self, page: &[Box<str>]) -> Result<u64> {
        page.iter()
            .try_fold(0, |removed, key| Ok(removed + u64::from(self.take(key)?)))
    }

    /// Frees expired entries, some with each item, which says how many.
    pub(crate) fn sweeps(&self) -> impl Iterator<Item = u64> + Send + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            if at == self.store.shards() {
                return None;
            }
            let mut now = self.store.clock().reading();
            let (freed, more) = self.store.sweep_shard(at, &mut now);
            at += usize::from(!more);
            Some(u64::try_from(freed).unwrap_or(u64::MAX))
        })
    }

    /// Checks all of a batch before any of it is written.
    pub(crate) fn check_all(&self, entries: &[(&str, Bytes)]) -> Result<()> {
        const OPERATION: &str = "write_all";
        for (key, value) in entries {
            let key = self.scope.key(OPERATION, key)?;
            self.scope.value(OPERATION, value)?;
            self.check_room(OPERATION, &key, value)?;
        }
        Ok(())
    }

    pub(crate) fn write_checked(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        const OPERATION: &str = "write_all";
        for (key, value) in entries {
            let key = self.scope.key(OPERATION, key)?;
            self.put(
                OPERATION,
                &key,
                &mut value.clone(),
                &Condition::Always,
                expiry,
            )?;
        }
        Ok(())
    }

    /// The one way to write: a stored key and a checked value.
    #[inline]
    fn put(
        &self,
        operation: &'static str,
        key: &str,
        value: &mut Bytes,
        condition: &Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let store = &self.store;
        let mut now = store.clock().reading();
        store.change(key, &mut now, expiry, |live, deadline, _| {
            let holds = match condition {
                Condition::Always => true,
                Condition::Absent => live.is_none(),
                Condition::Present => live.is_some(),
                Condition::Equals(expected) => live.is_some_and(|entry| entry.value == *expected),
            };
            if !holds {
                return Ok((Change::Nothing, false));
            }
            let deadline = match deadline {
                Deadline::Past => return Ok((Change::Remove, true)),
                Deadline::At(deadline) => deadline,
                Deadline::Never => NEVER,
                Deadline::Keep => live.map_or(NEVER, |entry| entry.deadline),
            };
            self.check_room(operation, key, value)?;
            Ok((Change::Put(value, deadline), true))
        })
    }

    /// Removes a stored key; `true` if it was live.
    fn take(&self, key: &str) -> Result<bool> {
        let store = &self.store;
        let mut now = store.clock().reading();
        store.change(key, &mut now, Expiry::Keep, |live, _, _| {
            Ok((Change::Remove, live.is_some()))
        })
    }

    #[inline]
    fn check_room(&self, operation: &'static str, key: &str, value: &Bytes) -> Result<()> {
        if self.store.has_room_for(key, value) {
            return Ok(());
        }
        Err(self.too_large(operation))
    }

    #[cold]
    fn too_large(&self, operation: &'static str) -> Error {
        self.scope
            .error(ErrorKind::Full, operation)
            .with_message("the entry alone is larger than the cache may be (max_bytes)")
    }
}

/// The number that a counter's text stands for, if it is the one text for it.
fn canonical(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_canonical = match digits.as_bytes() {
        [b'0'] => text == "0",
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_canonical.then(|| text.parse().ok()).flatten()
}
