//! Who waits for answers, and what becomes of these: one for each request, in the order of the requests.

use redis::{ServerError, Value};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Who waits for the answers to a request, and until when.
pub(crate) struct Waiting {
    pub(crate) waiter: Waiter,
    pub(crate) deadline: Instant,
}

/// Who waits for the answers to a request. The sender goes without a word at the deadline, and when the
/// connection ends.
pub(crate) enum Waiter {
    One(oneshot::Sender<Value>),
    Many(Box<Many>),
    /// Nobody any more; so many answers are still to come.
    Nobody(usize),
}

/// Of as many answers, those behind the first few, or the first of these that is an error.
pub(crate) struct Many {
    skip: usize,
    count: usize,
    /// Whether the first of the skipped answers, that to `MULTI`, was no error.
    has_begun: bool,
    refusal: Option<Refusal>,
    answers: Vec<Value>,
    sender: oneshot::Sender<Result<Vec<Value>, Refusal>>,
}

/// Why a transaction was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: ServerError,
    /// Whether something was applied all the same: without `MULTI` each command stands for itself.
    pub(crate) is_applied: bool,
}

impl Many {
    pub(crate) fn new(
        (skip, count): (usize, usize),
        sender: oneshot::Sender<Result<Vec<Value>, Refusal>>,
    ) -> Self {
        Self {
            skip,
            count,
            has_begun: false,
            refusal: None,
            answers: Vec::with_capacity(count),
            sender,
        }
    }

    /// Looks at an answer that is of no use unless it is an error.
    fn skip(&mut self, answer: Value) {
        match (answer, &mut self.refusal) {
            (Value::ServerError(error), None) => {
                let is_applied = false;
                self.refusal = Some(Refusal { error, is_applied });
            }
            (Value::ServerError(_), Some(_)) => {}
            (_, None) => self.has_begun = true,
            (_, Some(refusal)) => refusal.is_applied |= !self.has_begun,
        }
    }

    fn send(self) {
        let answers = match self.refusal {
            None => Ok(self.answers),
            Some(mut refusal) => {
                let is_error = |answer: &Value| matches!(answer, Value::ServerError(_));
                refusal.is_applied |= !self.answers.iter().all(is_error);
                Err(refusal)
            }
        };
        // Whoever gave up needs it no more.
        let _ = self.sender.send(answers);
    }
}

impl Waiter {
    /// Puts nobody in the place of who waits, for the answers that may still come.
    pub(crate) fn give_up(&mut self) -> Self {
        let left = match self {
            Self::One(_) => 1,
            Self::Many(many) => many.skip + many.count - many.answers.len(),
            Self::Nobody(left) => *left,
        };
        std::mem::replace(self, Self::Nobody(left))
    }

    /// Gives an answer; what is left waits for more of them.
    pub(crate) fn take(self, answer: Value) -> Option<Self> {
        let mut many = match self {
            Self::One(sender) => {
                // Whoever gave up needs it no more.
                let _ = sender.send(answer);
                return None;
            }
            Self::Many(many) => many,
            Self::Nobody(left) => return (left > 1).then(|| Self::Nobody(left - 1)),
        };
        match many.skip.checked_sub(1) {
            Some(skip) => {
                many.skip = skip;
                many.skip(answer);
            }
            None => many.answers.push(answer),
        }
        if many.answers.len() < many.count {
            return Some(Self::Many(many));
        }
        many.send();
        None
    }
}
