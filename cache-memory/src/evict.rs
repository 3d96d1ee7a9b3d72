//! What to evict when a bounded cache is full: S3-FIFO, with queues that adapt as those of ARC.
//!
//! A new entry starts in a small queue. At the end of that queue it moves to the main one if it was
//! read, else it goes: a scan passes through the small queue and leaves the rest alone. At the end
//! of the main queue an entry that was read goes round again with less heat, else it goes. The
//! hashes of those that went are remembered for a while. Who went from the small queue and comes
//! back starts in the main queue, and shows that the small one is too small; who went from the main
//! queue and comes back shows the reverse.
//!
//! A read costs one store into the entry and takes no lock, which LRU cannot offer; over Zipf,
//! scans and drifting keys it held up best of what was measured, while TinyLFU fell far behind LRU
//! where the popular keys drift. With a small queue of a fixed tenth, favourites that drift fast
//! were five points behind LRU.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;

use foldhash::HashMap;

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
    /// The part of the weight that the small queue may have.
    small_share: f64,
    ghosts: Ghosts,
}

#[derive(Clone, Copy, Debug)]
enum Queue {
    Small,
    Main,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    queue: Queue,
    weight: u64,
}

impl Policy {
    pub(crate) fn new() -> Self {
        Self {
            queues: Links::new(2),
            members: Vec::new(),
            weight: [0; 2],
            len: 0,
            small_share: 0.1,
            ghosts: Ghosts::default(),
        }
    }

    /// What all entries weigh.
    pub(crate) fn weight(&self) -> u64 {
        self.weight.iter().sum()
    }

    /// Takes in the record of a new entry.
    pub(crate) fn insert(&mut self, record: u32, hash: KeyHash, weight: u64) {
        let queue = match self.ghosts.take(hash) {
            Some(Queue::Small) => {
                self.resize_small(self.ghosts.ratio(Queue::Main, Queue::Small));
                Queue::Main
            }
            Some(_) => {
                self.resize_small(-self.ghosts.ratio(Queue::Small, Queue::Main));
                Queue::Small
            }
            None => Queue::Small,
        };
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
        let queue = &mut self.weight[member.queue as usize];
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
        let queue = self.members[record as usize].queue;
        self.ghosts.add(hash, queue, self.len / 2);
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
            let small = self.first(Queue::Small, spared);
            let main = self.first(Queue::Main, spared);
            let small_is_due = self.weight[Queue::Small as usize] as f64
                >= self.small_share * self.weight() as f64;
            let (queue, record) = match (small, main) {
                (Some(small), None) => (Queue::Small, small),
                (Some(small), Some(_)) if small_is_due => (Queue::Small, small),
                (_, Some(main)) => (Queue::Main, main),
                (None, None) => return None,
            };
            let is_wanted = match queue {
                Queue::Small => heat(record, |_| 0) > 0,
                Queue::Main => heat(record, |heat| heat.saturating_sub(1)) > 0,
            };
            if !is_wanted || step == MAX_STEPS {
                return Some(record);
            }
            self.pull(record);
            self.push(record, Queue::Main);
        }
        None
    }

    /// Gives the small queue room for so many average entries more, or takes it.
    fn resize_small(&mut self, by: f64) {
        let share = self.small_share + by / self.len.max(1) as f64;
        self.small_share = share.clamp(LEAST_SHARE, MOST_SHARE);
    }

    /// The oldest of a queue; if that is spared, the one after it, so that the bounds hold when
    /// the oldest entry grows.
    fn first(&self, queue: Queue, spared: u32) -> Option<u32> {
        self.queues.first_but(head_of(queue), spared)
    }

    fn push(&mut self, record: u32, queue: Queue) {
        self.queues.push(head_of(queue), record);
        let member = &mut self.members[record as usize];
        member.queue = queue;
        self.weight[queue as usize] += member.weight;
    }

    fn pull(&mut self, record: u32) {
        self.queues.unlink(record);
        let member = self.members[record as usize];
        self.weight[member.queue as usize] -= member.weight;
    }
}

/// The hashes of those that went lately: half as many as there are entries.
#[derive(Debug, Default)]
struct Ghosts {
    order: VecDeque<KeyHash>,
    present: HashMap<KeyHash, Ghost>,
    /// How many are present from each queue.
    len: [usize; 2],
}

#[derive(Debug)]
struct Ghost {
    /// How often it is in the order.
    times: u32,
    /// The queue that it went from last; `None` since it came back.
    queue: Option<Queue>,
}

impl Ghosts {
    fn add(&mut self, hash: KeyHash, queue: Queue, most: usize) {
        self.order.push_back(hash);
        let ghost = self.present.entry(hash).or_insert(Ghost {
            times: 0,
            queue: None,
        });
        ghost.times += 1;
        if let Some(before) = ghost.queue.replace(queue) {
            self.len[before as usize] -= 1;
        }
        self.len[queue as usize] += 1;
        while self.order.len() > most.max(1) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.order.pop_front() else {
            return;
        };
        let Entry::Occupied(mut ghost) = self.present.entry(oldest) else {
            return;
        };
        ghost.get_mut().times -= 1;
        if ghost.get().times == 0
            && let Some(queue) = ghost.remove().queue
        {
            self.len[queue as usize] -= 1;
        }
    }

    /// The queue that a hash went from, if it is remembered; it no longer is then.
    fn take(&mut self, hash: KeyHash) -> Option<Queue> {
        let queue = self.present.get_mut(&hash)?.queue.take()?;
        self.len[queue as usize] -= 1;
        Some(queue)
    }

    /// How many of one queue are remembered for each of another, at least 1: who comes back from
    /// the rarer ones says more.
    fn ratio(&self, of: Queue, to: Queue) -> f64 {
        (self.len[of as usize] as f64 / self.len[to as usize].max(1) as f64).max(1.0)
    }
}

fn head_of(queue: Queue) -> u32 {
    queue as u32
}

/// Bounds of what the small queue may have: each queue keeps enough to learn from.
const LEAST_SHARE: f64 = 0.01;
const MOST_SHARE: f64 = 0.9;
/// How many entries one search for a victim spares at most.
const MAX_STEPS: u32 = 64;
