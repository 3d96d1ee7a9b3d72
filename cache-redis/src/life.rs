//! Whether a connection is of use, seen by its driver and by who replaces it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use tokio::sync::Notify;

use crate::error::Failure;

/// What is known of a connection.
#[derive(Default)]
pub(crate) struct Life {
    ended: AtomicBool,
    /// Why it ended, once it did by itself.
    failure: OnceLock<Failure>,
    event: Notify,
    /// Calls in a row that had no answer in time.
    silences: AtomicU32,
}

impl Life {
    /// Ends by itself.
    pub(crate) fn fail(&self, failure: Failure) {
        let _ = self.failure.set(failure);
        self.end();
    }

    /// Is to be replaced.
    pub(crate) fn end(&self) {
        self.ended.store(true, Relaxed);
        self.event.notify_one();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Waits for the end and gives how many calls in a row had no answer by then.
    pub(crate) async fn ended(&self) -> u32 {
        while !self.has_ended() {
            self.event.notified().await;
        }
        self.silences.load(Relaxed)
    }

    /// Somebody, who may have gone before, had no answer in time.
    pub(crate) fn note_silences(&self, count: usize) {
        let count = u32::try_from(count).unwrap_or(SILENCES_TO_REPLACE);
        if self.silences.fetch_add(count, Relaxed) + count >= SILENCES_TO_REPLACE {
            self.end();
        }
    }

    /// An answer came in time.
    pub(crate) fn note_answer(&self) {
        // Nearly always there is nothing to forget, and the line stays with all who look at it.
        if self.silences.load(Relaxed) != 0 {
            self.silences.store(0, Relaxed);
        }
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.get()
    }
}

const SILENCES_TO_REPLACE: u32 = 2;
