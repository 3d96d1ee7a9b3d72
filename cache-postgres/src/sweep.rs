//! The background removal of expired rows.
//!
//! Each client looks from time to time; an advisory lock, held for the length of one statement,
//! has one of many processes do it at a time. Nothing depends on it: expired is absent.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::dispatch::Dispatcher;
use crate::statement::{Parameter, Statement};
use crate::steps::looked;

/// The pause between two steps, so that a sweep leaves room for calls.
const PAUSE: Duration = Duration::from_millis(20);

/// A task that sweeps until this is dropped.
#[derive(Debug)]
pub(crate) struct Sweeper {
    task: JoinHandle<()>,
}

impl Sweeper {
    pub(crate) fn start(
        dispatcher: &Arc<Dispatcher>,
        interval: Duration,
        lock_name: String,
    ) -> Self {
        let dispatcher = Arc::downgrade(dispatcher);
        Self {
            task: tokio::spawn(sweep(dispatcher, interval, lock_name)),
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn sweep(dispatcher: Weak<Dispatcher>, interval: Duration, lock_name: String) {
    loop {
        sleep(interval).await;
        loop {
            let Some(dispatcher) = dispatcher.upgrade() else {
                return;
            };
            let lock = Parameter::Text(lock_name.clone());
            let step = Statement::new(&dispatcher.statements.sweep, vec![lock]);
            let step = dispatcher.run(step).await;
            match step.and_then(|answer| looked(&answer)) {
                Ok(looked) if looked.more => {}
                Ok(_) => break,
                Err(failure) => {
                    tracing::debug!(kind = ?failure.kind, "expired entries were not removed");
                    break;
                }
            }
            drop(dispatcher);
            sleep(PAUSE).await;
        }
    }
}
