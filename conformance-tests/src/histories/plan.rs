//! What the callers of each case do, as far as a seed decides it.

use bytes::Bytes;
use session_core::Condition;

use super::call::{Answer, Life, Operation};
use crate::dice::Dice;

/// The choices for the histories of one case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// The name of the case.
    pub(super) case: &'static str,
    /// How many histories the case records.
    pub(super) seeds: u64,
    /// Callers call side by side, and each for itself one call after the other.
    pub(super) callers: usize,
    /// After each round all wait for each other.
    pub(super) rounds: usize,
    pub(super) calls: usize,
    pub(super) keys: usize,
    /// A kind of call for each time that it stands here.
    pub(super) kinds: &'static [Kind],
    pub(super) lives: &'static [Lasting],
    /// Two units of time pass between two rounds.
    pub(super) passes: bool,
    /// One call in four is dropped before it ends.
    pub(super) drops: bool,
    pub(super) trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Read,
    ReadWithTimeToLive,
    Set,
    Add,
    Replace,
    Swap,
    Remove,
    Increment,
    SetTimeToLive,
    ReadAll,
    WriteAll,
    /// Leaves everything as it is, or has taken what it should not.
    Sweep,
}

/// A [`Life`] before it is known what a unit of time is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lasting {
    Never,
    Keep,
    Over,
    /// Ends while the callers are at it.
    Soon,
    /// An odd number, so that nothing ends just as a round begins.
    Units(u32),
}

/// What the network does meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// Connections are cut, at any time and in the middle of replies.
    Cuts,
    /// Replies are lost and connections fall silent.
    LostReplies,
    /// Requests are lost and connections fall silent.
    LostRequests,
    /// Replies come after the caller has given up.
    LateReplies,
}

/// What a caller does next.
pub(super) enum Step {
    One(usize, Operation),
    ReadAll,
    WriteAll(Vec<Bytes>, Life),
    Sweep,
}

/// One caller of one history.
pub(super) struct Caller {
    pub(super) number: usize,
    pub(super) dice: Dice,
    /// What it last learnt of each key, which it may expect to be there.
    known: Vec<Bytes>,
    written: usize,
}

impl Caller {
    pub(super) fn new(seed: u64, number: usize, plan: &Plan) -> Self {
        let own = u64::try_from(number).unwrap_or(0) + 1;
        Self {
            number,
            dice: Dice::of(seed.wrapping_mul(1_000).wrapping_add(own)),
            known: vec![Bytes::from_static(b"0"); plan.keys],
            written: 0,
        }
    }

    pub(super) fn step(&mut self, plan: &Plan, unit: u32) -> Step {
        let key = self.dice.below(plan.keys);
        let life = self.dice.pick(plan.lives).in_units_of(unit);
        let one = |operation| Step::One(key, operation);
        match *self.dice.pick(plan.kinds) {
            Kind::Read => one(Operation::Read),
            Kind::ReadWithTimeToLive => one(Operation::ReadWithTimeToLive),
            Kind::Set => one(Operation::Write(self.value(), Condition::Always, life)),
            Kind::Add => one(Operation::Write(self.value(), Condition::Absent, life)),
            Kind::Replace => one(Operation::Write(self.value(), Condition::Present, life)),
            Kind::Swap => {
                let expected = Condition::Equals(self.known[key].clone());
                one(Operation::Write(self.value(), expected, life))
            }
            Kind::Remove => one(Operation::Remove),
            Kind::Increment => one(Operation::Increment(1, life)),
            Kind::SetTimeToLive => one(Operation::SetTimeToLive(life)),
            Kind::ReadAll => Step::ReadAll,
            Kind::WriteAll => Step::WriteAll((0..plan.keys).map(|_| self.value()).collect(), life),
            Kind::Sweep => Step::Sweep,
        }
    }

    pub(super) fn learns(&mut self, key: usize, operation: &Operation, answer: &Answer) {
        let value = match (operation, answer) {
            (Operation::Write(value, ..), Answer::Happened(true)) => Some(value.clone()),
            (_, Answer::Value(value)) => value.clone(),
            (_, Answer::Entry(entry)) => entry.as_ref().map(|(value, _)| value.clone()),
            (_, Answer::Sum(sum)) => Some(sum.to_string().into()),
            _ => None,
        };
        self.known[key] = value.unwrap_or(self.known[key].clone());
    }

    /// A value that nobody else writes, far from the others so that counting meets none; now and
    /// then it is no number.
    fn value(&mut self) -> Bytes {
        self.written += 1;
        let (own, nth) = (self.number + 1, self.written);
        match self.dice.below(6) {
            0 => format!("text {own}.{nth}").into(),
            _ => format!("{own}{nth:04}000").into(),
        }
    }
}

impl Lasting {
    fn in_units_of(self, unit: u32) -> Life {
        match self {
            Self::Never => Life::Never,
            Self::Keep => Life::Keep,
            Self::Over => Life::In(0),
            Self::Soon => Life::In(15),
            Self::Units(units) => Life::In(units * unit),
        }
    }
}

impl Plan {
    /// The plan of a case; `None` if no case of this name records histories.
    pub(super) fn of(case: &str) -> Option<&'static Self> {
        PLANS.iter().find(|plan| plan.case == case)
    }
}

const PLAIN: Plan = Plan {
    case: "",
    seeds: 8,
    callers: 8,
    rounds: 3,
    calls: 10,
    keys: 3,
    kinds: MIXED,
    lives: UNTIMED,
    passes: false,
    drops: false,
    trouble: None,
};

/// Fewer calls, because each of unknown outcome doubles the orders that there may be.
const TROUBLED: Plan = Plan {
    seeds: 6,
    callers: 6,
    rounds: 2,
    ..PLAIN
};

const PLANS: &[Plan] = &[
    Plan {
        case: "reads_and_writes_have_one_order",
        kinds: &[Kind::Read, Kind::Read, Kind::Set, Kind::Set, Kind::Remove],
        ..PLAIN
    },
    Plan {
        case: "conditional_writes_have_one_order",
        kinds: &[
            Kind::Read,
            Kind::Set,
            Kind::Add,
            Kind::Add,
            Kind::Replace,
            Kind::Swap,
            Kind::Swap,
            Kind::Swap,
            Kind::Remove,
        ],
        ..PLAIN
    },
    Plan {
        case: "counters_and_values_have_one_order",
        kinds: &[
            Kind::Increment,
            Kind::Increment,
            Kind::Increment,
            Kind::Set,
            Kind::Add,
            Kind::Read,
            Kind::Remove,
        ],
        ..PLAIN
    },
    Plan {
        case: "batches_have_one_order_for_each_key",
        kinds: &[
            Kind::ReadAll,
            Kind::WriteAll,
            Kind::Read,
            Kind::Set,
            Kind::Swap,
            Kind::Remove,
        ],
        ..PLAIN
    },
    Plan {
        case: "entries_that_expire_have_one_order",
        // Each costs some real time where time cannot be moved.
        seeds: 4,
        kinds: &[
            Kind::Read,
            Kind::ReadWithTimeToLive,
            Kind::Set,
            Kind::Add,
            Kind::Swap,
            Kind::Increment,
            Kind::SetTimeToLive,
            Kind::Remove,
            Kind::Sweep,
        ],
        lives: &[
            Lasting::Never,
            Lasting::Keep,
            Lasting::Over,
            Lasting::Soon,
            Lasting::Soon,
            Lasting::Units(1),
            Lasting::Units(1),
            Lasting::Units(3),
        ],
        passes: true,
        ..PLAIN
    },
    Plan {
        case: "dropped_calls_happen_once_or_never",
        seeds: 10,
        kinds: &[
            Kind::Increment,
            Kind::Increment,
            Kind::Increment,
            Kind::Read,
            Kind::Read,
            Kind::Set,
            Kind::Swap,
            Kind::Remove,
            Kind::WriteAll,
        ],
        drops: true,
        ..TROUBLED
    },
    Plan {
        case: "calls_of_several_clients_have_one_order",
        ..PLAIN
    },
    Plan {
        case: "cuts_double_no_effect_and_lose_none",
        trouble: Some(Trouble::Cuts),
        ..TROUBLED
    },
    Plan {
        case: "lost_replies_double_no_effect_and_lose_none",
        trouble: Some(Trouble::LostReplies),
        ..TROUBLED
    },
    Plan {
        case: "lost_requests_double_no_effect_and_lose_none",
        trouble: Some(Trouble::LostRequests),
        ..TROUBLED
    },
    Plan {
        case: "late_replies_are_taken_for_no_other",
        trouble: Some(Trouble::LateReplies),
        ..TROUBLED
    },
];

const MIXED: &[Kind] = &[
    Kind::Read,
    Kind::Read,
    Kind::ReadWithTimeToLive,
    Kind::Set,
    Kind::Add,
    Kind::Replace,
    Kind::Swap,
    Kind::Swap,
    Kind::Remove,
    Kind::Increment,
    Kind::Increment,
    Kind::SetTimeToLive,
    Kind::ReadAll,
    Kind::WriteAll,
];

/// Lives of which none ends while a history is recorded.
const UNTIMED: &[Lasting] = &[
    Lasting::Never,
    Lasting::Never,
    Lasting::Keep,
    Lasting::Over,
    Lasting::Units(1_001),
];
