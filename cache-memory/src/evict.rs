//! What to evict when a bounded cache is full: S3-FIFO.
//!
//! A new entry starts in a small queue that holds a tenth of its shard. At the end of that queue
//! it moves to the main one if it was read more than once, else it goes: a scan passes through the
//! small queue and leaves the rest alone. At the end of the main queue an entry that was read
//! goes round again with less heat, else it goes. Who went from the small queue and comes back
//! while its hash is remembered starts in the main queue.
//!
//! A read costs one store into the entry and takes no lock, which LRU cannot offer; over Zipf,
//! scans and drifting keys it held up best of what was measured, while TinyLFU fell far behind LRU
//! where the popular keys drift.

use std::collections::VecDeque;

use foldhash::{HashMap, HashMapExt};

use crate::entry::KeyHash;
use crate::links::Links;

/// The queues of one shard.
#[derive(Debug)]
pub(crate) struct Policy {
    queues: Links,
    /// The queue of each record and what it weighs.
    members: Vec<Member>,
    /// What the queues weigh and how many they hold.
    weight: [u64; 2],
    len: usize,
    ghosts: Ghosts,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    queue: usize,
    weight: u64,
}

impl Policy {
    pub(crate) fn new() -> Self {
        Self {
            queues: Links::new(2),
            members: Vec::new(),
            weight: [0; 2],
            len: 0,
            ghosts: Ghosts::new(),
        }
    }

    /// What all entries weigh.
    pub(crate) fn weight(&self) -> u64 {
        self.weight[SMALL] + self.weight[MAIN]
    }

    /// Takes in the record of a new entry.
    pub(crate) fn insert(&mut self, record: u32, hash: KeyHash, weight: u64) {
        let queue = if self.ghosts.take(hash) { MAIN } else { SMALL };
        let at = record as usize;
        if self.members.len() <= at {
            self.members.resize(at + 1, Member { queue, weight: 0 });
        }
        self.members[at] = Member { queue, weight };
        self.len += 1;
        self.push(record, queue);
    }

    /// Takes note of another weight of an entry.
    pub(crate) fn reweigh(&mut self, record: u32, weight: u64) {
        let member = &mut self.members[record as usize];
        let queue = &mut self.weight[member.queue];
        *queue = *queue - member.weight + weight;
        member.weight = weight;
    }

    /// Lets go of a record whose entry is gone.
    pub(crate) fn remove(&mut self, record: u32) {
        self.pull(record);
        self.len -= 1;
    }

    /// Remembers the hash of an entry that is evicted.
    pub(crate) fn remember(&mut self, record: u32, hash: KeyHash) {
        if self.members[record as usize].queue == SMALL {
            self.ghosts.add(hash, self.len);
        }
    }

    /// The entry that is least worth keeping, other than `spared`; it stays in its queue.
    ///
    /// `heat` gives the heat of a record's entry and sets it to what the function makes of it.
    /// Looks at a bounded number of entries, so that no writer waits for long.
    pub(crate) fn victim(
        &mut self,
        spared: u32,
        mut heat: impl FnMut(u32, fn(u8) -> u8) -> u8,
    ) -> Option<u32> {
        for step in 0.. {
            let small = self.first(SMALL, spared);
            let main = self.first(MAIN, spared);
            let small_is_due = self.weight[SMALL].saturating_mul(10) >= self.weight();
            let (queue, record) = match (small, main) {
                (Some(small), None) => (SMALL, small),
                (Some(small), Some(_)) if small_is_due => (SMALL, small),
                (_, Some(main)) => (MAIN, main),
                (None, None) => return None,
            };
            let is_wanted = match queue {
                SMALL => heat(record, |_| 0) > 1,
                _ => heat(record, |heat| heat.saturating_sub(1)) > 0,
            };
            if !is_wanted || step == MAX_STEPS {
                return Some(record);
            }
            self.pull(record);
            self.push(record, MAIN);
        }
        None
    }

    /// The oldest of a queue; the one after it is looked at when its turn comes.
    fn first(&self, queue: usize, spared: u32) -> Option<u32> {
        self.queues
            .first(head_of(queue))
            .filter(|record| *record != spared)
    }

    fn push(&mut self, record: u32, queue: usize) {
        self.queues.push(head_of(queue), record);
        let member = &mut self.members[record as usize];
        member.queue = queue;
        self.weight[queue] += member.weight;
    }

    fn pull(&mut self, record: u32) {
        self.queues.unlink(record);
        let member = self.members[record as usize];
        self.weight[member.queue] -= member.weight;
    }
}

/// The hashes of those that went from the small queue lately: as many as there are entries.
#[derive(Debug)]
struct Ghosts {
    order: VecDeque<u32>,
    /// How often each is in `order`.
    present: HashMap<u32, u32>,
}

impl Ghosts {
    fn new() -> Self {
        Self {
            order: VecDeque::new(),
            present: HashMap::new(),
        }
    }

    fn add(&mut self, hash: KeyHash, most: usize) {
        let ghost = hash.0;
        self.order.push_back(ghost);
        *self.present.entry(ghost).or_default() += 1;
        while self.order.len() > most.max(1) {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if let Some(times) = self.present.get_mut(&oldest) {
                *times -= 1;
                if *times == 0 {
                    self.present.remove(&oldest);
                }
            }
        }
    }

    /// Whether the hash is remembered.
    fn take(&mut self, hash: KeyHash) -> bool {
        self.present.contains_key(&hash.0)
    }
}

fn head_of(queue: usize) -> u32 {
    u32::from(queue == MAIN)
}

const SMALL: usize = 0;
const MAIN: usize = 1;
/// How many entries one search for a victim spares at most.
const MAX_STEPS: u32 = 64;
