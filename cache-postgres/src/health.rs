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
        self.lock().answered();
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
        // Under one lock: an outage that begins in between would count on this probe.
        let mut state = self.lock();
        state.answered();
        state.is_probed = false;
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

impl State {
    fn answered(&mut self) {
        self.failures = 0;
        self.outage = None;
        self.answered = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use session_core::{ErrorKind, Outcome};

    use super::*;
    use crate::error::Stage;

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Silence { calls: usize },
        Refusal,
        Answer,
        ProbeEnds,
    }

    const EVENTS: [Event; 5] = [
        Event::Silence { calls: 1 },
        Event::Silence { calls: FAILURES },
        Event::Refusal,
        Event::Answer,
        Event::ProbeEnds,
    ];

    #[test]
    fn an_outage_is_three_failures_in_a_row_and_has_one_probe_whatever_the_order_of_events() {
        const LENGTH: u32 = 6;
        let sequence = |number: usize| {
            (0..LENGTH).map(move |n| EVENTS[number / EVENTS.len().pow(n) % EVENTS.len()])
        };
        for events in (0..EVENTS.len().pow(LENGTH)).map(sequence) {
            let told = || events.clone().collect::<Vec<_>>();
            let health = Health::new();
            let (mut in_a_row, mut is_probed) = (0, false);
            for event in events.clone() {
                match event {
                    Event::Silence { calls } => {
                        in_a_row += calls;
                        let starts = in_a_row >= FAILURES && !is_probed;
                        assert_eq!(health.failed(&silence(), calls), starts, "{:?}", told());
                        is_probed |= starts;
                    }
                    Event::Refusal => {
                        in_a_row = 0;
                        let denied = Failure::new(ErrorKind::Denied, Outcome::NotApplied);
                        assert!(!health.failed(&denied, 1), "{:?}", told());
                    }
                    Event::Answer => {
                        in_a_row = 0;
                        health.answered();
                    }
                    Event::ProbeEnds if is_probed => {
                        (in_a_row, is_probed) = (0, false);
                        health.probe_ended();
                    }
                    Event::ProbeEnds => {}
                }
                let is_out = health.outage().is_some();
                assert_eq!(is_out, in_a_row >= FAILURES, "{:?}", told());
                assert!(is_probed || !is_out, "{:?}", told());
            }
        }
    }

    #[test]
    fn an_outage_that_begins_as_a_probe_ends_has_a_probe_of_its_own() {
        for round in 0..2_000 {
            let health = Health::new();
            assert!(health.failed(&silence(), FAILURES));
            let start = Barrier::new(2);
            let is_probed = thread::scope(|scope| {
                let failing = scope.spawn(|| {
                    start.wait();
                    while health.outage().is_some() {
                        std::hint::spin_loop();
                    }
                    health.failed(&silence(), FAILURES)
                });
                start.wait();
                health.probe_ended();
                failing.join().unwrap()
            });
            assert!(is_probed, "{round}");
        }
    }

    fn silence() -> Failure {
        Failure::silence(Stage::Connecting)
    }
}
