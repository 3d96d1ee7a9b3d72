//! What a case complains of: panics of its threads, kept instead of printed.

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, Once, PoisonError};

use serde::Serialize;

/// One panic of a case.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Complaint {
    /// What was expected and what was seen.
    pub(super) message: String,
    /// File and line of the case.
    pub(super) at: Option<String>,
}

/// The panics of all threads that a case runs on, in their order.
#[derive(Clone, Default)]
pub(super) struct Panics(Arc<Mutex<Vec<Complaint>>>);

thread_local! {
    static OF_THIS_THREAD: RefCell<Option<Panics>> = const { RefCell::new(None) };
}

impl Panics {
    /// Keeps the panics of this thread from now on.
    pub(super) fn keep(&self) {
        install();
        OF_THIS_THREAD.set(Some(self.clone()));
    }

    /// What was complained of so far.
    pub(super) fn take(&self) -> Vec<Complaint> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, complaint: Complaint) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(complaint);
    }
}

/// Puts a hook before the one that is there, which goes on to hear of all other threads.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let kept = OF_THIS_THREAD.try_with(|panics| panics.borrow().clone());
            match kept {
                Ok(Some(panics)) => panics.push(complaint(panic)),
                _ => others(panic),
            }
        }));
    });
}

fn complaint(panic: &PanicHookInfo<'_>) -> Complaint {
    let payload = panic.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    Complaint {
        message: text.unwrap_or("a panic without a message").to_owned(),
        at: panic
            .location()
            .map(|at| format!("{}:{}", at.file(), at.line())),
    }
}
