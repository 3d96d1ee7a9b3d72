//! The operations of the contract on files: blocking, a lock each, the clock read once under it.

use std::path::PathBuf;

use session_core::{Bytes, Condition, Deadline, ErrorKind, Expiry, TimeToLive};

use crate::clock::Now;
use crate::failure::Failure;
use crate::folder::{Access, Folder};
use crate::key::{FOLDERS, Key};

/// A directory of entries.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
}

impl Store {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Makes what is not there of the directory.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        for folder in FOLDERS {
            Folder::create(&self.root, folder)?;
        }
        Ok(())
    }

    /// Fails if the directory is gone.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.lock(FOLDERS[0], Access::Read).map(drop)
    }

    pub(crate) fn value(&self, key: &Key) -> Result<Option<Bytes>, Failure> {
        let found = self.lock_of(key, Access::Read)?.live(key, Now::read())?;
        Ok(found.map(|entry| entry.value))
    }

    pub(crate) fn value_with_time_to_live(
        &self,
        key: &Key,
    ) -> Result<Option<(Bytes, TimeToLive)>, Failure> {
        let folder = self.lock_of(key, Access::Read)?;
        let now = Now::read();
        let found = folder.live(key, now)?;
        Ok(found.map(|entry| (entry.value, now.left(entry.deadline))))
    }

    pub(crate) fn time_to_live(&self, key: &Key) -> Result<Option<TimeToLive>, Failure> {
        let folder = self.lock_of(key, Access::Read)?;
        let now = Now::read();
        let found = folder.live_header(key, now)?;
        Ok(found.map(|entry| now.left(entry.deadline)))
    }

    pub(crate) fn values(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, Failure> {
        let mut values = vec![None; keys.len()];
        let listed: Vec<&Key> = keys.iter().collect();
        self.each(Access::Read, &listed, |folder, index| {
            let found = folder.live(&keys[index], Now::read())?;
            values[index] = found.map(|entry| entry.value);
            Ok(())
        })?;
        Ok(values)
    }

    pub(crate) fn write(
        &self,
        key: &Key,
        value: &[u8],
        condition: &Condition,
        expiry: Expiry,
    ) -> Result<bool, Failure> {
        write_in(
            &self.lock_of(key, Access::Change)?,
            key,
            value,
            condition,
            expiry,
        )
    }

    pub(crate) fn write_all(
        &self,
        entries: &[(Key, Bytes)],
        expiry: Expiry,
    ) -> Result<(), Failure> {
        let keys: Vec<&Key> = entries.iter().map(|(key, _)| key).collect();
        self.each(Access::Change, &keys, |folder, index| {
            let (key, value) = &entries[index];
            write_in(folder, key, value, &Condition::Always, expiry)?;
            Ok(())
        })
    }

    pub(crate) fn remove_all(&self, keys: &[Key]) -> Result<u64, Failure> {
        let mut removed = 0;
        let listed: Vec<&Key> = keys.iter().collect();
        self.each(Access::Change, &listed, |folder, index| {
            let key = &keys[index];
            removed += u64::from(folder.live_header(key, Now::read())?.is_some());
            folder.remove(key)
        })?;
        Ok(removed)
    }

    pub(crate) fn increment(
        &self,
        key: &Key,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64, Failure> {
        let folder = self.lock_of(key, Access::Change)?;
        let now = Now::read();
        let (count, deadline) = match folder.live(key, now)? {
            Some(entry) => (canonical(&entry.value), entry.deadline),
            None => (Some(0), now.deadline(expiry_if_new, Deadline::Never)),
        };
        let count = count.ok_or(Failure::Kind(ErrorKind::NotANumber))?;
        let sum = count.checked_add(by);
        let sum = sum.ok_or(Failure::Kind(ErrorKind::Overflow))?;
        folder.put(key, sum.to_string().as_bytes(), deadline)?;
        Ok(sum)
    }

    pub(crate) fn set_time_to_live(&self, key: &Key, expiry: Expiry) -> Result<bool, Failure> {
        let folder = self.lock_of(key, Access::Change)?;
        let now = Now::read();
        let Some(entry) = folder.live_header(key, now)? else {
            return Ok(false);
        };
        folder.put_deadline(key, now.deadline(expiry, entry.deadline))?;
        Ok(true)
    }

    /// The live keys of a folder that start with a prefix: a page of a listing.
    pub(crate) fn keys_starting_with(
        &self,
        folder: char,
        prefix: &str,
    ) -> Result<Vec<String>, Failure> {
        let folder = self.lock(folder, Access::Read)?;
        let now = Now::read();
        let mut keys = Vec::new();
        for entry in folder.headers()? {
            let entry = entry?;
            if entry.key.starts_with(prefix) && now.is_before(entry.deadline) {
                keys.push(entry.key);
            }
        }
        Ok(keys)
    }

    /// Empties a folder of what starts with a prefix, and gives how many live entries went.
    pub(crate) fn remove_starting_with(&self, folder: char, prefix: &str) -> Result<u64, Failure> {
        let folder = self.lock(folder, Access::Change)?;
        let now = Now::read();
        let mut removed = 0;
        for entry in folder.headers()? {
            let entry = entry?;
            if entry.key.starts_with(prefix) {
                folder.remove(&Key::new(entry.key))?;
                removed += u64::from(now.is_before(entry.deadline));
            }
        }
        Ok(removed)
    }

    /// Frees the expired files of a folder, of every namespace, and gives how many there were.
    pub(crate) fn remove_expired(&self, folder: char) -> Result<u64, Failure> {
        let folder = self.lock(folder, Access::Change)?;
        let now = Now::read();
        let mut removed = 0;
        for entry in folder.headers()? {
            let entry = entry?;
            if !now.is_before(entry.deadline) {
                folder.remove(&Key::new(entry.key))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Moves all deadlines back.
    #[cfg(test)]
    pub(crate) fn age(&self, by_ms: i64) -> Result<(), Failure> {
        for folder in FOLDERS {
            let folder = self.lock(folder, Access::Change)?;
            for entry in folder.headers()? {
                let entry = entry?;
                if let Deadline::At(at) = entry.deadline {
                    folder.put_deadline(
                        &Key::new(entry.key),
                        Deadline::At(at.saturating_sub(by_ms)),
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Does work on many keys, with one lock for those of a folder. The work on one key twice is
    /// done in the order given.
    fn each(
        &self,
        access: Access,
        keys: &[&Key],
        mut work: impl FnMut(&Folder, usize) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|&index| keys[index].folder());
        for group in order.chunk_by(|&a, &b| keys[a].folder() == keys[b].folder()) {
            let folder = self.lock_of(keys[group[0]], access)?;
            for &index in group {
                work(&folder, index)?;
            }
        }
        Ok(())
    }

    fn lock(&self, folder: char, access: Access) -> Result<Folder, Failure> {
        Ok(Folder::lock(&self.root, folder, access)?)
    }

    fn lock_of(&self, key: &Key, access: Access) -> Result<Folder, Failure> {
        self.lock(key.folder(), access)
    }
}

/// Writes under a lock that is held.
fn write_in(
    folder: &Folder,
    key: &Key,
    value: &[u8],
    condition: &Condition,
    expiry: Expiry,
) -> Result<bool, Failure> {
    let now = Now::read();
    // What is there is read only where it counts: a plain write replaces a damaged file too.
    let counts = *condition != Condition::Always || expiry == Expiry::Keep;
    let found = if counts { folder.live(key, now)? } else { None };
    let holds = match (condition, &found) {
        (Condition::Always, _) => true,
        (Condition::Absent, found) => found.is_none(),
        (Condition::Present, found) => found.is_some(),
        (Condition::Equals(expected), Some(entry)) => entry.value == expected,
        (Condition::Equals(_), None) => false,
    };
    if holds {
        let kept = found.map_or(Deadline::Never, |entry| entry.deadline);
        folder.put(key, value, now.deadline(expiry, kept))?;
    }
    Ok(holds)
}

/// The number that this text is, if it is written as a counter writes it.
fn canonical(value: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == value).then_some(number)
}
