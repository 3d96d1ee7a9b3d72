//! A folder of entries under its lock: what the file system does.
//!
//! Who reads shares the lock, who changes holds it alone, and dropping a [`Folder`] lets go of it.
//! A new entry is written beside the others and renamed, so that one cut short is never read.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use fs4::FileExt;
use session_core::Deadline;

use crate::clock::Now;
use crate::entry::{self, Entry, NEVER};
use crate::failure::Failure;
use crate::key::Key;

/// A locked folder.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

/// What a lock is taken for.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    Read,
    Change,
}

impl Folder {
    /// Makes the folder and its lock if they are not there.
    pub(crate) fn create(root: &Path, name: char) -> io::Result<()> {
        let path = root.join(name.to_string());
        fs::create_dir_all(&path)?;
        let mut options = OpenOptions::new();
        options.append(true).create(true).open(path.join(LOCK))?;
        Ok(())
    }

    /// Waits for the lock of a folder.
    pub(crate) fn lock(root: &Path, name: char, access: Access) -> io::Result<Self> {
        let path = root.join(name.to_string());
        let lock = File::open(path.join(LOCK))?;
        // Spelt out, because newer standard libraries have methods of the same names.
        match access {
            Access::Read => FileExt::lock_shared(&lock)?,
            Access::Change => FileExt::lock(&lock)?,
        }
        Ok(Self { path, _lock: lock })
    }

    /// Reads an entry that has not expired.
    pub(crate) fn live(&self, key: &Key, now: Now) -> Result<Option<Entry>, Failure> {
        self.live_by(key, now, Entry::read)
    }

    /// The same without its value.
    pub(crate) fn live_header(&self, key: &Key, now: Now) -> Result<Option<Entry>, Failure> {
        self.live_by(key, now, Entry::read_header)
    }

    fn live_by(
        &self,
        key: &Key,
        now: Now,
        read: impl FnOnce(&mut File) -> Result<Entry, Failure>,
    ) -> Result<Option<Entry>, Failure> {
        let mut file = match File::open(self.file(key)) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(cause.into()),
        };
        let entry = read(&mut file)?;
        let is_live = now.is_before(entry.deadline);
        Ok(is_live.then_some(entry))
    }

    /// Reads all entries, expired ones too, without their values. They may be removed meanwhile.
    pub(crate) fn headers(
        &self,
    ) -> Result<impl Iterator<Item = Result<Entry, Failure>> + use<>, Failure> {
        let mut files = Vec::new();
        for found in fs::read_dir(&self.path)? {
            let found = found?;
            if found.file_name() != LOCK && found.file_name() != UNFINISHED {
                files.push(found.path());
            }
        }
        let read = |file| Entry::read_header(&mut File::open(file)?);
        Ok(files.into_iter().map(read))
    }

    /// Replaces an entry, or removes it if its deadline is past.
    pub(crate) fn put(&self, key: &Key, value: &[u8], deadline: Deadline) -> Result<(), Failure> {
        let Some(deadline) = stored(deadline) else {
            return self.remove(key);
        };
        let unfinished = self.path.join(UNFINISHED);
        entry::write(&mut File::create(&unfinished)?, &key.text, deadline, value)?;
        fs::rename(unfinished, self.file(key))?;
        Ok(())
    }

    /// Replaces the deadline of an entry that is there, or removes the entry if it is past.
    pub(crate) fn put_deadline(&self, key: &Key, deadline: Deadline) -> Result<(), Failure> {
        let Some(deadline) = stored(deadline) else {
            return self.remove(key);
        };
        let mut file = OpenOptions::new().write(true).open(self.file(key))?;
        Ok(entry::write_deadline(&mut file, deadline)?)
    }

    /// Removes an entry if it is there.
    pub(crate) fn remove(&self, key: &Key) -> Result<(), Failure> {
        match fs::remove_file(self.file(key)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause.into()),
            _ => Ok(()),
        }
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.path.join(&key.file)
    }
}

/// How a deadline stands in a file; `None` if nothing is to stay.
fn stored(deadline: Deadline) -> Option<i64> {
    match deadline {
        Deadline::Never | Deadline::Keep => Some(NEVER),
        Deadline::At(at) => Some(at),
        Deadline::Past => None,
    }
}

/// The file whose lock is the lock of the folder.
const LOCK: &str = "lock";

/// The file that the next entry is written into.
const UNFINISHED: &str = "new";
