//! What a run leaves behind and what it touches: nothing, and this proves it.
//!
//! Before the run entries are written beside its namespace, under names that a careless store
//! takes for names inside it, and a sample of the entries that stand there anyway is looked at.
//! Afterwards both are compared. No key and no value of anybody is shown, only counts.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use session_core::{CacheClient, CacheClientExtended, Condition, Expiry, Result, TimeToLive};

use super::open::{Opener, told};
use crate::harness::Client;

/// What was found when the run was over.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Footprint {
    /// Entries written beside the namespace.
    pub(super) sentinels: usize,
    /// What happened to those that are not as they were written; it should be nothing.
    pub(super) touched: Vec<String>,
    /// Entries of others that were looked at.
    pub(super) sample: Sample,
    /// Keys that are left in the namespace; it should be none.
    pub(super) left: usize,
    /// Why the store could not be cleaned or looked at.
    pub(super) error: Option<String>,
}

/// Entries of others, before and after.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Sample {
    /// How many were looked at.
    pub(super) entries: usize,
    /// Changed or removed, by the run or by those whose entries they are.
    pub(super) changed: usize,
    /// Gone because their time was over.
    pub(super) expired: usize,
}

impl Footprint {
    /// Nothing beside the namespace was touched, and nothing is left.
    pub(super) fn is_clean(&self) -> bool {
        self.touched.is_empty() && self.left == 0 && self.error.is_none()
    }
}

/// The look at a store before a run.
pub(super) struct Before {
    /// A client of all that the URL names.
    whole: Client,
    top: String,
    sentinels: Vec<Entry>,
    sample: Vec<Entry>,
}

/// An entry as it was seen, its value as a hash.
struct Entry {
    key: String,
    /// What a report calls it.
    name: &'static str,
    value: u64,
    time_to_live: TimeToLive,
    seen: Instant,
}

impl Before {
    /// Looks at a sample and writes the sentinels.
    ///
    /// What was written is removed again if it fails.
    pub(super) async fn new(whole: Client, top: &str) -> Result<Self> {
        let mut before = Self {
            sample: sample(&whole).await?,
            whole,
            top: top.to_owned(),
            sentinels: Vec::new(),
        };
        if let Err(error) = before.write_sentinels().await {
            let _ = before.remove_sentinels().await;
            return Err(error);
        }
        Ok(before)
    }

    async fn write_sentinels(&mut self) -> Result<()> {
        for (n, (name, key)) in hostile_names(&self.top).into_iter().enumerate() {
            let (expiry, time_to_live) = match n % 2 {
                0 => (Expiry::Never, TimeToLive::Never),
                _ => (Expiry::In(LIFE), TimeToLive::Remaining(LIFE)),
            };
            let value = Bytes::from(n.to_string());
            let entry = Entry {
                value: hash(&value),
                key,
                name,
                time_to_live,
                seen: Instant::now(),
            };
            // The names are random: what is there under one of them is not ours to overwrite.
            if self
                .whole
                .write(&entry.key, value, Condition::Absent, expiry)
                .await?
            {
                self.sentinels.push(entry);
            }
        }
        Ok(())
    }

    async fn remove_sentinels(&self) -> Result<u64> {
        let keys: Vec<&str> = self.sentinels.iter().map(|entry| &*entry.key).collect();
        self.whole.remove_all(&keys).await
    }

    /// Removes the namespace, and looks at the store again.
    pub(super) async fn compare(self, opener: &Opener) -> Footprint {
        let mut footprint = Footprint {
            sentinels: self.sentinels.len(),
            touched: Vec::new(),
            sample: Sample::default(),
            left: 0,
            error: None,
        };
        if let Err(error) = self.clean_and_look(opener, &mut footprint).await {
            footprint.error = Some(format!(
                "what is left of the namespace {} could not be removed: {}",
                self.top,
                told(&error)
            ));
        }
        footprint
    }

    async fn clean_and_look(&self, opener: &Opener, footprint: &mut Footprint) -> Result<()> {
        let namespace = opener.within(&self.top).await?;
        footprint.left = empty(&*namespace).await?;
        // The look comes after `flush_all`, which has most reach of all operations.
        for entry in &self.sentinels {
            if let Some(change) = entry.change(&*self.whole).await? {
                footprint
                    .touched
                    .push(format!("{}: {}", entry.name, change.as_str()));
            }
        }
        self.remove_sentinels().await?;
        footprint.sample.entries = self.sample.len();
        for entry in &self.sample {
            match entry.change(&*self.whole).await? {
                None => {}
                Some(Change::Expired) => footprint.sample.expired += 1,
                Some(_) => footprint.sample.changed += 1,
            }
        }
        Ok(())
    }
}

/// How an entry differs from what it was.
enum Change {
    Gone,
    Expired,
    Value,
    Deadline,
}

impl Change {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Gone => "it is gone",
            Self::Expired => "its time is over",
            Self::Value => "its value is another",
            Self::Deadline => "its deadline is another",
        }
    }
}

impl Entry {
    async fn change(&self, store: &dyn CacheClientExtended) -> Result<Option<Change>> {
        let passed = self.seen.elapsed();
        let Some((value, time_to_live)) = store.read_with_time_to_live(&self.key).await? else {
            return Ok(Some(match self.time_to_live {
                TimeToLive::Remaining(left) if left <= passed + SLACK => Change::Expired,
                _ => Change::Gone,
            }));
        };
        let deadline_stays = match (self.time_to_live, time_to_live) {
            (TimeToLive::Never, TimeToLive::Never) => true,
            (TimeToLive::Remaining(before), TimeToLive::Remaining(after)) => {
                before.abs_diff(after + passed) <= SLACK
            }
            _ => false,
        };
        Ok(match (hash(&value) == self.value, deadline_stays) {
            (false, _) => Some(Change::Value),
            (true, false) => Some(Change::Deadline),
            (true, true) => None,
        })
    }
}

/// Entries that stand in the store: the first that a listing gives, up to a bound in number and
/// bytes. What cannot be read, as a Redis list, is left out.
async fn sample(store: &Client) -> Result<Vec<Entry>> {
    let keys: Vec<String> = store
        .keys_starting_with("")
        .take(SAMPLE)
        .try_collect()
        .await?;
    let mut looks = stream::iter(keys)
        .map(|key| async move {
            let found = store.read_with_time_to_live(&key).await;
            (key, found, Instant::now())
        })
        .buffer_unordered(16);
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while let Some((key, found, seen)) = looks.next().await {
        let Ok(Some((value, time_to_live))) = found else {
            continue;
        };
        entries.push(Entry {
            key,
            name: "",
            value: hash(&value),
            time_to_live,
            seen,
        });
        bytes += value.len();
        if bytes > SAMPLE_BYTES {
            break;
        }
    }
    Ok(entries)
}

/// Flushes a namespace until it stays empty, and gives how many keys it then lists: a write that a
/// case dropped may still land.
async fn empty(namespace: &dyn CacheClientExtended) -> Result<usize> {
    let mut left = 0;
    for _ in 0..5 {
        namespace.flush_all().await?;
        left = namespace
            .keys_starting_with("")
            .try_fold(0, async |n, _| Ok(n + 1))
            .await?;
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(left)
}

/// Keys beside a namespace, each of which some mistake takes for a key inside.
fn hostile_names(top: &str) -> Vec<(&'static str, String)> {
    let shorter = &top[..top.len() - 1];
    vec![
        ("the name of the namespace as a key", top.to_owned()),
        ("a name cut short", shorter.to_owned()),
        (
            "a namespace whose name is cut short",
            format!("{shorter}:key"),
        ),
        ("a namespace whose name goes on", format!("{top}0:key")),
        (
            "a namespace whose name goes on with a dot",
            format!("{top}.0:key"),
        ),
        (
            "the key that sorts next behind the namespace",
            format!("{top};"),
        ),
        (
            "the name in capitals",
            format!("{}:KEY", top.to_uppercase()),
        ),
        (
            "a name in which `_` is any character",
            format!("{}:key", top.replace('_', "x")),
        ),
        (
            "a name in which `.` is any character",
            format!("{}:key", top.replace('.', "x")),
        ),
        (
            "a name in which `*` stands for the end",
            format!("{shorter}*:key"),
        ),
        (
            "a name in which `%` stands for the end",
            format!("{shorter}%:key"),
        ),
        (
            "a name in which `?` stands for the end",
            format!("{shorter}?:key"),
        ),
        (
            "a name with a class of characters",
            format!("{shorter}[^ ]:key"),
        ),
        ("a name with an escaped `:`", format!("{top}\\:key")),
        ("the name with a blank before it", format!(" {top}:key")),
        ("the name with a line before it", format!("x\n{top}:key")),
        (
            "the name inside another namespace",
            format!("x{top}:{top}:key"),
        ),
    ]
}

fn hash(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The life of every second sentinel.
const LIFE: Duration = Duration::from_secs(3_600);
/// By how much a deadline may seem to move when it is told as a time to live.
const SLACK: Duration = Duration::from_secs(3);
/// How many entries of others are looked at.
const SAMPLE: usize = 1_000;
/// After how many bytes of their values no more are looked at.
const SAMPLE_BYTES: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn hostile_names_are_beside_the_namespace_and_different() {
        let names = hostile_names("conformance_1a.2b");
        let keys: HashSet<_> = names.iter().map(|(_, key)| key).collect();
        assert_eq!(keys.len(), names.len());
        assert!(
            names
                .iter()
                .all(|(_, key)| !key.starts_with("conformance_1a.2b:"))
        );
    }
}
