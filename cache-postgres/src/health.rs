//! Whether the store is known to be down.
//!
//! Three failures in a row by refusal or silence are an outage. While it lasts, calls fail at once
//! and one probe at a time looks for its end; see `dispatch.rs`, which runs it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Failure;

/// How many failures in a row make an outage.
const FAILURES: usize = 3;

/// The pause between two probes. With the time that a probe takes it stays below the second in
/// which a client has to be back.
pub(crate) const PROBE_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Health {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    failures: usize,
    outage: Option<Failure>,
    is_probed: bool,
    answered: Instant,
    /// Connections opened before this are asked whether they are alive before they are used.
    suspect_before: Instant,
}

impl Health {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                failures: 0,
                outage: None,
                is_probed: false,
                answered: now,
                suspect_before: now,
            }),
        }
    }

    /// What every call fails with while the outage lasts.
    pub(crate) fn outage(&self) -> Option<Failure> {
        self.lock().outage.clone()
    }

    pub(crate) fn answered(&self) {
        let mut state = self.lock();
        state.failures = 0;
        state.outage = None;
        state.answered = Instant::now();
    }

    /// Counts a failure for each of `calls`; `true` if the outage wants a probe, which is then
    /// the caller's to run.
    pub(crate) fn failed(&self, failure: &Failure, calls: usize) -> bool {
        if !failure.is_outage() {
            self.answered();
            return false;
        }
        let mut state = self.lock();
        state.suspect_before = Instant::now();
        state.failures = state.failures.saturating_add(calls);
        if state.failures < FAILURES {
            return false;
        }
        let failure = failure.clone().before_sending();
        state.outage.get_or_insert(failure);
        // An answer that was late may have ended the outage while its probe still runs.
        !std::mem::replace(&mut state.is_probed, true)
    }

    /// The probe has seen the end of the outage.
    pub(crate) fn probe_ended(&self) {
        self.answered();
        self.lock().is_probed = false;
    }

    /// One connection failed: the others are asked before they are used again.
    pub(crate) fn suspect(&self) {
        self.lock().suspect_before = Instant::now();
    }

    /// Whether the server has answered anybody since this instant.
    pub(crate) fn answered_since(&self, instant: Instant) -> bool {
        self.lock().answered >= instant
    }

    pub(crate) fn suspect_before(&self) -> Instant {
        self.lock().suspect_before
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing in here panics; a poisoned lock would only hold plain values.
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
