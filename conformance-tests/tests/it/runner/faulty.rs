//! Stores that the runner must not let pass.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use conformance_tests::reference::ReferenceCache;
use conformance_tests::{Client, async_trait, runner};
use futures_util::TryStreamExt;
use serde_json::Value;
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, ClientOptions, Codec, Condition, Expiry, Result,
    StoreUrl, TimeToLive,
};
use tempfile::TempDir;

/// What a store does wrongly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    /// A read finds nothing.
    ReadsNothing,
    /// A read of what is not there never ends.
    HangsOnMissing,
    /// An increment adds twice.
    CountsTwice,
    /// `flush_all` empties the store, whatever the namespace.
    FlushesAll,
    /// `flush_all` forgets the `:` behind the namespace.
    FlushesWithoutColon,
    /// `flush_all` takes the namespace for a pattern in which `_` is any character.
    FlushesAsPattern,
    /// `flush_all` does nothing.
    FlushesNothing,
    /// `flush_all` takes the deadlines of all others away.
    TouchesOthers,
    /// Nothing is wrong, but others change one of their two entries meanwhile.
    OthersWrite,
}

/// Runs the runner on a store with a fault, and gives its status and its report. All forms of the
/// report are written into the folder.
pub(super) fn run(fault: Fault, folder: &TempDir, more: &[&str]) -> (u8, Value) {
    let root = ReferenceCache::new();
    let form = |option: &str, name: &str| {
        let file = Path::join(folder.path(), name);
        format!("--{option}={}", file.display())
    };
    let forms = [
        form("json", "r.json"),
        form("markdown", "r.md"),
        form("html", "r.html"),
        form("badge", "r.svg"),
    ];
    let given = ["conformance-tests", "test://store", "--margin-ms=100"];
    let arguments = given
        .iter()
        .chain(more)
        .map(|argument| (*argument).to_owned());
    let arguments = arguments.chain(forms).map(Into::into);
    let status = runner::run(arguments, move |url| open(root.clone(), fault, url));
    let report = std::fs::read(Path::join(folder.path(), "r.json")).unwrap();
    (status, serde_json::from_slice(&report).unwrap())
}

async fn open(root: ReferenceCache, fault: Fault, url: String) -> Result<Client> {
    let mut shared = ClientOptions::default();
    StoreUrl::parse("test", &url)?.apply(&mut shared, &[], |_| Ok(false))?;
    let namespace = shared.namespace.to_string();
    let inner = match shared.namespace.is_root() {
        true => root.clone(),
        false => root.within(&namespace)?,
    };
    if fault == Fault::OthersWrite && shared.namespace.is_root() {
        root.write("one", "1".into(), Condition::Always, Expiry::Never)
            .await?;
        root.write("two", "2".into(), Condition::Always, Expiry::Never)
            .await?;
    }
    Ok(Arc::new(Faulty {
        fault,
        root,
        inner,
        namespace,
    }))
}

#[derive(Debug)]
struct Faulty {
    fault: Fault,
    root: ReferenceCache,
    inner: ReferenceCache,
    namespace: String,
}

#[async_trait]
impl CacheClient for Faulty {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        let read = self.inner.read(key).await?;
        match self.fault {
            Fault::ReadsNothing => Ok(None),
            Fault::HangsOnMissing if read.is_none() => std::future::pending().await,
            _ => Ok(read),
        }
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.inner.read_all(keys).await
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        if self.fault == Fault::OthersWrite && key == "key" {
            self.root.remove("one").await?;
        }
        self.inner.write(key, value, condition, expiry).await
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        self.inner.write_all(entries, expiry).await
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        self.inner.remove(key).await
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        self.inner.remove_all(keys).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        if self.fault == Fault::CountsTwice {
            self.inner.increment(key, by, expiry_if_new).await?;
        }
        self.inner.increment(key, by, expiry_if_new).await
    }

    async fn flush_all(&self) -> Result<()> {
        match self.fault {
            Fault::FlushesNothing => Ok(()),
            Fault::FlushesAll => self.root.flush_all().await,
            Fault::FlushesWithoutColon => self
                .root
                .remove_starting_with(&self.namespace)
                .await
                .map(drop),
            Fault::FlushesAsPattern => {
                for key in self.keys_of_all().await? {
                    let inside = key.replacen("conformancex", "conformance_", 1);
                    if inside.starts_with(&format!("{}:", self.namespace)) {
                        self.root.remove(&key).await?;
                    }
                }
                Ok(())
            }
            Fault::TouchesOthers => {
                for key in self.keys_of_all().await? {
                    self.root.set_time_to_live(&key, Expiry::Never).await?;
                }
                self.inner.flush_all().await
            }
            _ => self.inner.flush_all().await,
        }
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }

    fn codec(&self) -> Codec {
        self.inner.codec()
    }
}

impl Faulty {
    async fn keys_of_all(&self) -> Result<Vec<String>> {
        self.root.keys_starting_with("").try_collect().await
    }
}

#[async_trait]
impl CacheClientExtended for Faulty {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        self.inner.get_time_to_live(key).await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        self.inner.set_time_to_live(key, expiry).await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        self.inner.read_with_time_to_live(key).await
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        self.inner.keys_starting_with(prefix)
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        self.inner.remove_starting_with(prefix).await
    }

    async fn remove_expired(&self) -> Result<u64> {
        self.inner.remove_expired().await
    }
}
