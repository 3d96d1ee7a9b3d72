//! What a request can do, and how a seed becomes a sequence of it.

use crate::dice::Dice;

/// Clients are numbers below [`CLIENTS`], keys of bags below [`KEYS`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A new request of this client with one of the ids so far, dead ones among them.
    Load(usize, usize),
    Update(usize),
    Save(usize),
    Renew(usize),
    /// As bob, who is remembered, or as alice.
    SignIn(usize, bool),
    Slide(usize),
    Remove(usize),
    /// All sessions of bob or of alice are ended, but for that of a client.
    RemoveUser(Option<usize>, bool),
    SetBag(usize, usize),
    GetBag(usize, usize),
    /// So many times [`UNIT_MINUTES`](super::run::UNIT_MINUTES) go by.
    Pass(u32),
}

pub(super) const CLIENTS: usize = 3;
pub(super) const KEYS: usize = 3;

type Draw = fn(&mut Dice) -> Step;

/// How often each kind of step is taken, of 22; time comes last, where it can be moved.
const WEIGHTS: [(usize, Draw); 11] = [
    (4, |dice| Step::Load(dice.below(CLIENTS), dice.below(1_000))),
    (3, |dice| Step::Update(dice.below(CLIENTS))),
    (3, |dice| Step::Save(dice.below(CLIENTS))),
    (1, |dice| Step::Renew(dice.below(CLIENTS))),
    (1, |dice| {
        Step::SignIn(dice.below(CLIENTS), dice.below(2) == 0)
    }),
    (2, |dice| Step::Slide(dice.below(CLIENTS))),
    (1, |dice| Step::Remove(dice.below(CLIENTS))),
    (1, |dice| {
        let keep = Some(dice.below(CLIENTS + 1)).filter(|client| *client < CLIENTS);
        Step::RemoveUser(keep, dice.below(2) == 0)
    }),
    (2, |dice| {
        Step::SetBag(dice.below(CLIENTS), dice.below(KEYS))
    }),
    (2, |dice| {
        Step::GetBag(dice.below(CLIENTS), dice.below(KEYS))
    }),
    (2, |dice| {
        let units = 1 + dice.below(MOST_UNITS);
        Step::Pass(u32::try_from(units).unwrap_or(1))
    }),
];

/// Nearly a fortnight, so that sessions end.
const MOST_UNITS: usize = 270;

impl Step {
    /// The sequence of a seed.
    pub(super) fn sequence(seed: u64, moves_time: bool) -> Vec<Self> {
        let mut dice = Dice::of(seed);
        let kinds = &WEIGHTS[..WEIGHTS.len() - usize::from(!moves_time)];
        let all: usize = kinds.iter().map(|(weight, _)| weight).sum();
        let steps = (0..LENGTH).map(|_| {
            let mut drawn = dice.below(all);
            for (weight, step) in kinds {
                match drawn.checked_sub(*weight) {
                    Some(left) => drawn = left,
                    None => return step(&mut dice),
                }
            }
            unreachable!("what is drawn is below the sum of the weights")
        });
        steps.collect()
    }
}

const LENGTH: usize = 40;
