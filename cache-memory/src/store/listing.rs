//! Keys in order, from the first listing on.

use std::sync::atomic::Ordering;

use super::{STEP, Store};

/// Keys of one shard, as a listing takes them.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The live ones.
    pub(crate) keys: Vec<Box<str>>,
    /// Where the next page of the shard begins; `None` after the last.
    pub(crate) after: Option<Box<str>>,
}

impl Store {
    /// Up to `STEP` keys of a shard that start with a prefix and come after a key.
    pub(crate) fn page(&self, at: usize, prefix: &str, after: Option<&str>) -> Page {
        self.index.is_built.get_or_init(|| self.build_index());
        let mut now = self.clock.reading();
        let table = self.map.shards()[at].read();
        let mut keys = self.records(at).keys(prefix, after, STEP);
        let after = (keys.len() == STEP).then(|| keys.last().cloned()).flatten();
        keys.retain(|key| {
            let found = table.get(self.hash(key).spread(), |(entry, _)| entry.is_of(key));
            found.is_some_and(|(entry, _)| !now.is_past(entry.deadline))
        });
        Page { keys, after }
    }

    /// Has the keys kept in order from now on. The first listing looks at every entry.
    fn build_index(&self) {
        // Writers that lock their shard after this loop keep the index; what was written before is
        // found below. A key is added while its shard is locked, so nobody removes it meanwhile.
        self.index.is_wanted.store(true, Ordering::Release);
        for at in 0..self.shards() {
            let table = self.map.shards()[at].write();
            self.records(at).index = Some(Default::default());
            drop(table);
        }
        for entry in &self.map {
            let key = entry.key().key();
            if let Some(index) = &mut self.records(self.place(key).1).index {
                index.insert(key.into());
            }
        }
    }
}
