//! Which records may be due: a timing wheel.
//!
//! Eight wheels of 64 slots, each slot of a wheel as long as a whole turn of the wheel below it,
//! a slot of the lowest one millisecond. A record waits in the slot of the highest wheel on which
//! its deadline differs from now, and moves down as that slot comes up: at most seven moves in a
//! life, so that the cost of expiry follows what expires. Setting and cancelling touch the record
//! and its neighbours.
//!
//! A deadline that moves later leaves its record where it is: who pops it too early looks at the
//! entry and schedules it again. So renewing an entry costs nothing here, and leaves nothing
//! behind.

use crate::links::Links;

/// The records of one shard by their deadlines.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// Everything before this millisecond has been popped.
    now_ms: i64,
    /// For each wheel, which slots may hold records. A cancelled record leaves its bit behind.
    occupied: [u64; WHEELS],
    /// Made with the first deadline: many caches have none.
    slots: Option<Links>,
}

impl Wheel {
    /// An empty wheel that starts at `now_ms`.
    pub(crate) fn new(now_ms: i64) -> Self {
        Self {
            now_ms,
            occupied: [0; WHEELS],
            slots: None,
        }
    }

    /// Has the record popped once `deadline` is reached, whatever was scheduled for it before.
    pub(crate) fn schedule(&mut self, record: u32, deadline: i64) {
        let deadline = deadline.max(self.now_ms);
        let differing = (deadline ^ self.now_ms).unsigned_abs();
        let wheel = (63 - (differing | 1).leading_zeros()) / SLOT_BITS;
        let slot = slot_of(deadline, wheel);
        let slots = self.slots.get_or_insert_with(|| Links::new(HEADS));
        slots.unlink(record);
        slots.push(head_of(wheel, slot), record);
        self.occupied[wheel as usize] |= 1 << slot;
    }

    /// Forgets the record.
    pub(crate) fn cancel(&mut self, record: u32) {
        if let Some(slots) = &mut self.slots {
            slots.unlink(record);
        }
    }

    /// Takes out a record that may be due at `now_ms`, the deadline given last or an earlier one.
    ///
    /// Who takes it either removes the entry or schedules it again.
    pub(crate) fn pop(&mut self, now_ms: i64) -> Option<u32> {
        loop {
            let Some((wheel, slot, comes_up)) = self.next().filter(|next| next.2 <= now_ms) else {
                // No slot lies between, so nothing needs to move.
                self.now_ms = self.now_ms.max(now_ms);
                return None;
            };
            self.now_ms = comes_up;
            let slots = self.slots.as_mut()?;
            match slots.first(head_of(wheel, slot)) {
                Some(record) => {
                    slots.unlink(record);
                    return Some(record);
                }
                None => self.occupied[wheel as usize] &= !(1 << slot),
            }
        }
    }

    /// The earliest time at which [`pop`](Wheel::pop) may find something; `i64::MAX` if never.
    pub(crate) fn next_ms(&self) -> i64 {
        self.next().map_or(i64::MAX, |(_, _, comes_up)| comes_up)
    }

    /// Whether no record waits. Forgets the slots that only cancelled ones were in, so that each is
    /// looked at once.
    pub(crate) fn is_empty(&mut self) -> bool {
        let Some(slots) = &self.slots else {
            return true;
        };
        for (wheel, occupied) in (0..).zip(&mut self.occupied) {
            while *occupied != 0 {
                let slot = occupied.trailing_zeros();
                if slots.first(head_of(wheel, slot)).is_some() {
                    return false;
                }
                *occupied &= !(1 << slot);
            }
        }
        true
    }

    /// The slot that comes up first. The current slot of a wheel may be half popped.
    fn next(&self) -> Option<(u32, u32, i64)> {
        let candidate = |(wheel, occupied): (u32, &u64)| {
            let current = slot_of(self.now_ms, wheel);
            let ahead = occupied >> current;
            if ahead == 0 {
                return None;
            }
            let slot = current + ahead.trailing_zeros();
            let turn = (self.now_ms >> (SLOT_BITS * wheel)) & !i64::from(SLOTS - 1);
            let begins = (turn | i64::from(slot)) << (SLOT_BITS * wheel);
            Some((wheel, slot, begins.max(self.now_ms)))
        };
        (0..)
            .zip(&self.occupied)
            .filter_map(candidate)
            .min_by_key(|(_, _, comes_up)| *comes_up)
    }
}

fn slot_of(deadline: i64, wheel: u32) -> u32 {
    // Six bits always fit.
    u32::try_from((deadline >> (SLOT_BITS * wheel)) & i64::from(SLOTS - 1)).unwrap_or_default()
}

fn head_of(wheel: u32, slot: u32) -> u32 {
    wheel * SLOTS + slot
}

const SLOT_BITS: u32 = 6;
const SLOTS: u32 = 1 << SLOT_BITS;
/// 48 bits of milliseconds: the year 9999 and beyond.
const WHEELS: usize = 8;
const HEADS: u32 = 8 * SLOTS;
