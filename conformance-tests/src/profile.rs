//! What a backend declares to differ in, within the contract.

use std::time::Duration;

use session_core::{DEFAULT_MAX_VALUE_LEN, MAX_KEY_LEN};

/// The differences between stores that the contract allows, as a backend declares them.
///
/// The default fits a store in real time that counts in milliseconds and takes values of 16 MiB.
///
/// ```
/// use std::time::Duration;
/// use conformance_tests::Profile;
///
/// const PROFILE: Profile = Profile::new().margin(Duration::from_millis(500));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    step: Duration,
    margin: Duration,
    largest_value: usize,
    longest_key: usize,
    moves_time: bool,
    sweeps: bool,
    neighbours: bool,
    page: u64,
    in_order: bool,
}

impl Profile {
    /// Milliseconds, a margin of 300 ms, 16 MiB, 1,024 bytes of key, real time, no sweeper, no neighbours,
    /// listings in pages of 500 keys in no order.
    pub const fn new() -> Self {
        Self {
            step: Duration::from_millis(1),
            margin: Duration::from_millis(300),
            largest_value: DEFAULT_MAX_VALUE_LEN,
            longest_key: MAX_KEY_LEN,
            moves_time: false,
            sweeps: false,
            neighbours: false,
            page: 500,
            in_order: false,
        }
    }

    /// The step in which the store tells a time to live, such as 1 s for one that keeps seconds.
    #[must_use]
    pub const fn step(mut self, step: Duration) -> Self {
        self.step = step;
        self
    }

    /// By how much real time may run away from a case: entries that are to expire live this long,
    /// a case waits twice as long, and a time to live may be off by as much.
    #[must_use]
    pub const fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// The longest value in bytes that the store under test takes, and the longest that is tested.
    #[must_use]
    pub const fn largest_value(mut self, bytes: usize) -> Self {
        self.largest_value = bytes;
        self
    }

    /// The longest key in bytes: 1,024 less the namespace (and its `:`) that a harness gives to
    /// each case where they share a server.
    #[must_use]
    pub const fn longest_key(mut self, bytes: usize) -> Self {
        self.longest_key = bytes;
        self
    }

    /// The harness lets time pass at once, by moving a clock or the stored deadlines.
    #[must_use]
    pub const fn moves_time(mut self) -> Self {
        self.moves_time = true;
        self
    }

    /// A task of the client or the store itself frees expired entries at any moment.
    #[must_use]
    pub const fn sweeps(mut self) -> Self {
        self.sweeps = true;
        self
    }

    /// Others have entries in the same store, beside the namespace that a harness gives to each case;
    /// `remove_expired` may free and count theirs as well.
    #[must_use]
    pub const fn neighbours(mut self) -> Self {
        self.neighbours = true;
        self
    }

    /// How many keys of the store a listing looks at in one round trip, at least.
    #[must_use]
    pub const fn page(mut self, keys: u64) -> Self {
        self.page = keys;
        self
    }

    /// The store keeps its keys in order, so that a listing looks only at those that match.
    #[must_use]
    pub const fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// See [`step`](Profile::step).
    pub const fn time_to_live_step(&self) -> Duration {
        self.step
    }

    /// See [`margin`](Profile::margin).
    pub const fn time_margin(&self) -> Duration {
        self.margin
    }

    /// See [`largest_value`](Profile::largest_value).
    pub const fn max_value_len(&self) -> usize {
        self.largest_value
    }

    /// See [`longest_key`](Profile::longest_key).
    pub const fn max_key_len(&self) -> usize {
        self.longest_key
    }

    /// See [`moves_time`](Profile::moves_time).
    pub const fn can_move_time(&self) -> bool {
        self.moves_time
    }

    /// See [`page`](Profile::page).
    pub const fn keys_in_a_page(&self) -> u64 {
        self.page
    }

    /// See [`in_order`](Profile::in_order).
    pub const fn keys_are_in_order(&self) -> bool {
        self.in_order
    }

    /// See [`sweeps`](Profile::sweeps).
    pub const fn has_sweeper(&self) -> bool {
        self.sweeps
    }

    /// See [`neighbours`](Profile::neighbours).
    pub const fn has_neighbours(&self) -> bool {
        self.neighbours
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::new()
    }
}
