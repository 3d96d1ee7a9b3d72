//! The thread that frees expired entries.
//!
//! A thread of its own rather than a task: it works without a runtime, outlives none and delays
//! none. It starts with the first deadline, looks twice a second at what came due, sleeps without
//! end while no entry has a deadline, and ends when the last clone of the cache is dropped: all it
//! holds is a weak reference.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::store::Store;

/// The store's side of the thread; dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Sweeper {
    store: Weak<Store>,
    every: Duration,
    thread: OnceLock<Option<Thread>>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// Nothing has a deadline: who sets one wakes the thread.
    is_idle: AtomicBool,
    is_over: AtomicBool,
}

impl Sweeper {
    pub(crate) fn new(store: Weak<Store>, every: Duration) -> Self {
        Self {
            store,
            every: every.min(LONGEST),
            thread: OnceLock::new(),
            state: Arc::new(State {
                is_idle: AtomicBool::new(true),
                is_over: AtomicBool::new(false),
            }),
        }
    }

    /// Says that an entry has a deadline. Called after the records were changed and unlocked.
    pub(crate) fn wake(&self) {
        let is_idle = &self.state.is_idle;
        if !is_idle.load(Ordering::Acquire) || !is_idle.swap(false, Ordering::AcqRel) {
            return;
        }
        if let Some(thread) = self.thread.get_or_init(|| self.start()) {
            thread.unpark();
        }
    }

    /// Starts the thread, if the system has one to give.
    fn start(&self) -> Option<Thread> {
        let (store, state, every) = (self.store.clone(), Arc::clone(&self.state), self.every);
        let thread = thread::Builder::new().name("cache-memory-sweep".to_owned());
        match thread.spawn(move || run(&store, &state, every)) {
            Ok(handle) => Some(handle.thread().clone()),
            Err(error) => {
                // Expired entries are absent all the same; `remove_expired` frees them.
                tracing::warn!(%error, "no thread to free expired entries");
                None
            }
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Release);
        if let Some(Some(thread)) = self.thread.get() {
            thread.unpark();
        }
    }
}

fn run(store: &Weak<Store>, state: &State, every: Duration) {
    loop {
        let next = Instant::now() + every;
        // A thread may be woken for no reason, but sweeps when it is time.
        while let Some(left) = next.checked_duration_since(Instant::now()) {
            if state.is_over.load(Ordering::Acquire) {
                return;
            }
            thread::park_timeout(left);
        }
        match store.upgrade().map(|store| store.sweep()) {
            None => return,
            Some(Waiting::ForDeadlines) => continue,
            Some(Waiting::ForNothing) => state.is_idle.store(true, Ordering::Release),
        }
        // A deadline set before that line woke nobody, but it is seen here.
        match store.upgrade().map(|store| store.waiting()) {
            None => return,
            Some(Waiting::ForDeadlines) => state.is_idle.store(false, Ordering::Release),
            Some(Waiting::ForNothing) => {
                while state.is_idle.load(Ordering::Acquire) {
                    if state.is_over.load(Ordering::Acquire) {
                        return;
                    }
                    thread::park();
                }
            }
        }
    }
}

/// What the store waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// No entry has a deadline.
    ForNothing,
    /// Some have.
    ForDeadlines,
}

/// A longer interval would be none, and could be more than an instant can hold.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
