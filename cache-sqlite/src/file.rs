//! The file itself: made for its owner alone, and the same one for as long as it is used.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use session_core::ErrorKind;

use crate::error::{Failure, GONE};

/// The file that a store was opened on.
///
/// SQLite goes on with a file that was unlinked, and what is written is lost without a word; so
/// whoever is about to believe an answer asks [`check`](File::check).
#[derive(Debug)]
pub(crate) struct File {
    path: PathBuf,
    identity: Identity,
    opened: Instant,
    /// Until when the last look is believed, in nanoseconds after `opened`.
    believed: AtomicU64,
}

impl File {
    /// Finds the file, or makes an empty one that only its owner can read.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self, Failure> {
        let path = std::path::absolute(path).map_err(|error| refused(&error))?;
        if create {
            make(&path)?;
        }
        let found = fs::metadata(&path).map_err(|error| refused(&error))?;
        if found.is_dir() {
            return Err(denied("the path is a folder; name a file in it"));
        }
        Ok(Self {
            identity: identity(&found),
            path,
            opened: Instant::now(),
            believed: AtomicU64::new(0),
        })
    }

    /// The path, from the root on, so that it stays right when the process changes its folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses once another file, or none, stands at the path.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match fs::metadata(&self.path) {
            Ok(found) if identity(&found) == self.identity => Ok(()),
            _ => {
                self.believed.store(0, Ordering::Relaxed);
                Err(GONE)
            }
        }
    }

    /// The same, looking once a millisecond: a look is a sixth of what a read costs.
    ///
    /// For reads, which lose nothing meanwhile: they see the file as it was a millisecond ago.
    pub(crate) fn check_lately(&self, now: Instant) -> Result<(), Failure> {
        let now = self.nanos(now);
        if now >= self.believed.load(Ordering::Relaxed) {
            self.check()?;
            let until = now.saturating_add(BELIEVED_NANOS);
            self.believed.store(until, Ordering::Relaxed);
        }
        Ok(())
    }

    fn nanos(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.opened);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Makes the file unless it is there; the files that SQLite puts beside it take over its mode.
///
/// It is made beside its place and closed before it gets there: closing it in its place would drop
/// the locks that another client of this process may have on it by then.
fn make(path: &Path) -> Result<(), Failure> {
    if fs::symlink_metadata(path).is_ok() {
        return Ok(());
    }
    let beside = path.with_file_name(name_of_its_own());
    create(&beside).map_err(|error| refused(&error))?;
    let linked = fs::hard_link(&beside, path);
    // Who cannot remove it leaves an empty file, which harms nobody.
    let _ = fs::remove_file(&beside);
    // Where files have one name only, it is made in its place.
    match linked.or_else(|_| create(path)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(refused(&error)),
        _ => Ok(()),
    }
}

/// Makes an empty file that only its owner can read. One that is there is not opened.
fn create(path: &Path) -> io::Result<()> {
    let mut new = fs::OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    new.open(path).map(drop)
}

/// A name that no other client takes, of this process or another.
fn name_of_its_own() -> String {
    let random = RandomState::new().hash_one(());
    format!(".cache-sqlite-{random:016x}")
}

fn refused(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => denied("the file or its folder is not there; make the folder"),
        io::ErrorKind::NotADirectory => denied("a part of the path is no folder"),
        io::ErrorKind::IsADirectory => denied("the path is a folder; name a file in it"),
        io::ErrorKind::ReadOnlyFilesystem => denied("the file system is read-only"),
        io::ErrorKind::StorageFull => Failure::Rule(ErrorKind::Full, None),
        _ => denied("this user may not open the file or make it in its folder"),
    }
}

fn denied(message: &'static str) -> Failure {
    Failure::Rule(ErrorKind::Denied, Some(message))
}

/// How long a look at the file is believed by reads: a millisecond.
const BELIEVED_NANOS: u64 = 1_000_000;

#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(found: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// Elsewhere an open file cannot be removed, so that it is there is all that is asked.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Identity {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_look_is_believed_for_a_millisecond_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let file = File::open(&path, true).unwrap();
        let now = Instant::now();
        let after = |micros| now + Duration::from_micros(micros);
        assert!(file.check_lately(now).is_ok());
        fs::remove_file(&path).unwrap();
        assert!(file.check_lately(after(999)).is_ok());
        assert!(file.check_lately(after(1_000)).is_err());
        assert!(file.check_lately(after(1_001)).is_err(), "only good news");
    }

    #[test]
    fn of_many_who_make_the_file_at_once_one_does_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let opened: Vec<File> = std::thread::scope(|scope| {
            let open = || File::open(&path, true).unwrap();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(opened.iter().all(|file| file.check().is_ok()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn who_finds_the_file_gone_tells_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let file = File::open(&path, true).unwrap();
        let now = Instant::now();
        assert!(file.check_lately(now).is_ok());
        fs::remove_file(&path).unwrap();
        assert!(file.check().is_err());
        assert!(file.check_lately(now).is_err());
    }
}
