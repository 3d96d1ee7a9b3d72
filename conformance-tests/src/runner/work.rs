//! Runs cases, several at once, each on a runtime of its own.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::open::Opener;
use super::panics::{Complaint, Panics};
use crate::store::Store;
use crate::table::Case;

/// One case on one target.
#[derive(Clone, Copy)]
pub(super) struct Job {
    /// The index of the target.
    pub(super) target: usize,
    pub(super) case: &'static Case,
}

/// What came of a job.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed,
    Failed(Vec<Complaint>),
    /// The run was stopped before the case was through.
    Stopped,
}

/// What the workers tell.
pub(super) enum Event {
    /// A case begins.
    Begun(Job),
    /// A case is through; its namespace may be removed.
    Ended {
        job: Job,
        outcome: Outcome,
        took: Duration,
    },
}

/// All jobs, and what they need.
pub(super) struct Work {
    pub(super) jobs: Vec<Job>,
    pub(super) openers: Vec<Opener>,
    /// The namespace that all cases work below.
    pub(super) top: String,
    /// How long a case may take.
    pub(super) limit: Duration,
}

impl Work {
    /// Starts `workers` threads and gives what they tell; the end of it is the end of all jobs.
    /// Once `stop` is true, running cases are dropped and no others begin.
    pub(super) fn start(
        self,
        workers: usize,
        stop: &watch::Receiver<bool>,
    ) -> mpsc::UnboundedReceiver<Event> {
        let (tell, told) = mpsc::unbounded_channel();
        let (work, next) = (Arc::new(self), Arc::new(AtomicUsize::new(0)));
        for _ in 0..workers {
            let (work, next, tell) = (Arc::clone(&work), Arc::clone(&next), tell.clone());
            let stop = stop.clone();
            std::thread::spawn(move || work.take_jobs(&next, &tell, &stop));
        }
        told
    }

    fn take_jobs(
        &self,
        next: &AtomicUsize,
        tell: &mpsc::UnboundedSender<Event>,
        stop: &watch::Receiver<bool>,
    ) {
        while !*stop.borrow() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(&job) = self.jobs.get(number) else {
                return;
            };
            // Nobody listens after the end of the run.
            let _ = tell.send(Event::Begun(job));
            let began = Instant::now();
            let opener = self.openers[job.target].clone();
            let store = opener.store(format!("{}:{number}", self.top), job.case.needs());
            let outcome = attempt(job.case, store, self.limit, stop.clone());
            let took = began.elapsed();
            let _ = tell.send(Event::Ended { job, outcome, took });
        }
    }
}

/// Runs a case on a runtime of its own, so that one that hangs or blocks holds up no other.
pub(super) fn attempt(
    case: &'static Case,
    store: impl Future<Output = Store> + Send + 'static,
    limit: Duration,
    mut stop: watch::Receiver<bool>,
) -> Outcome {
    let panics = Panics::default();
    let of_threads = panics.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(move || of_threads.keep())
        .enable_all()
        .build()
        .expect("a runtime for the case");
    let task = runtime.spawn(async move { case.run(store.await).await });
    let outcome = runtime.block_on(async {
        tokio::select! {
            end = task => match end {
                Ok(()) => Outcome::Passed,
                Err(_) => Outcome::Failed(panics.take()),
            },
            () = tokio::time::sleep(limit) => {
                let mut complaints = panics.take();
                complaints.push(Complaint {
                    message: format!("it still ran after {} s", limit.as_secs()),
                    at: None,
                });
                Outcome::Failed(complaints)
            }
            _ = stop.wait_for(|stop| *stop) => Outcome::Stopped,
        }
    });
    // A thread that is blocked is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(200));
    outcome
}
