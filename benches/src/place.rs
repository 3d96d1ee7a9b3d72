//! Where a store lies while it is measured: a server or file that somebody named, or one of our own
//! that goes with the run.

use std::any::Any;
use std::path::PathBuf;

use conformance_tests::servers::{PostgresServer, RedisServer};
use session_core::SessionId;

/// A place for one store.
pub struct Place {
    /// What our backend is opened with.
    pub url: String,
    /// What all keys of this run start with, so that they meet no others and can be removed.
    pub prefix: String,
    folder: PathBuf,
    /// The server or folder, if it is our own.
    _own: Box<dyn Any>,
}

impl Place {
    /// The named Redis server, or one of this machine's own, which keeps nothing on disk.
    ///
    /// # Panics
    ///
    /// If the machine has none; so do the others.
    pub fn redis(url: Option<&str>) -> Self {
        url.map(Self::named).unwrap_or_else(|| {
            let server = RedisServer::start(&[]).expect("a Redis server starts");
            Self::own(server.url(), server)
        })
    }

    /// The named PostgreSQL server, or one of this machine's own, as durable as it is by default.
    pub fn postgres(url: Option<&str>) -> Self {
        url.map(Self::named).unwrap_or_else(|| {
            // For tests it is not.
            let durable = [
                "fsync = on",
                "full_page_writes = on",
                "max_connections = 200",
            ];
            let server = PostgresServer::start(&durable).expect("a PostgreSQL server starts");
            Self::own(server.url(), server)
        })
    }

    /// A file in a folder of its own, below `TMPDIR`.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().to_owned();
        let url = format!("sqlite://{}/bench.db", path.display());
        Self {
            folder: path,
            ..Self::own(url, folder)
        }
    }

    /// The path of another file beside the one of [`sqlite`](Self::sqlite).
    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// A store that somebody named.
    pub fn named(url: &str) -> Self {
        Self::own(url.to_owned(), ())
    }

    /// The URL without its parameters, as other programs take it.
    pub fn bare_url(&self) -> &str {
        self.url.split('?').next().unwrap_or(&self.url)
    }

    fn own(url: String, own: impl Any) -> Self {
        let name = SessionId::random().expect("the system gives random bytes");
        Self {
            url,
            prefix: format!("bench-{}:", &name.as_str()[..8]),
            folder: PathBuf::new(),
            _own: Box::new(own),
        }
    }
}
