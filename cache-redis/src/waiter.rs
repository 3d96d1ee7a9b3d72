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
    pub(crate) skip: usize,
    pub(crate) count: usize,
    pub(crate) refused: Option<ServerError>,
    pub(crate) answers: Vec<Value>,
    pub(crate) sender: oneshot::Sender<Result<Vec<Value>, ServerError>>,
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
        match (many.skip.checked_sub(1), answer) {
            (Some(skip), answer) => {
                many.skip = skip;
                if let Value::ServerError(error) = answer {
                    many.refused.get_or_insert(error);
                }
            }
            (None, answer) => many.answers.push(answer),
        }
        if many.answers.len() < many.count {
            return Some(Self::Many(many));
        }
        let Many {
            refused,
            answers,
            sender,
            ..
        } = *many;
        let _ = sender.send(refused.map_or(Ok(answers), Err));
        None
    }
}
