//! How long a session lives: what a save gives it, what sliding adds, and what is left.

use std::time::Duration;

use super::error::SessionResult;
use super::options::Sliding;
use super::record::Meta;
use super::store::{Known, NEVER, Store, deadline, millis};
use crate::entry::{Expiry, TimeToLive, millis_rounded_up};
use crate::key;

/// What sliding came to.
#[derive(PartialEq, Eq)]
pub(super) enum Slid {
    NotNeeded,
    /// The session lives until then.
    Until(i64),
    Gone,
}

impl Store {
    /// Moves the deadline of a session that is used, if little enough is left.
    pub(super) async fn slide(&self, known: &Known, by_hand: bool) -> SessionResult<Slid> {
        let now = self.now();
        let meta = &known.record.meta;
        let mut window = self.limit(meta).saturating_sub(now);
        // Without sliding, use moves the idle limit only, and the lifetime ends when it ends.
        let lifetime_ends = match by_hand || self.options.sliding == Sliding::EveryRequest {
            true => now.saturating_add(meta.lifetime),
            false => meta.saved.saturating_add(meta.lifetime),
        };
        window = window.min(lifetime_ends.saturating_sub(now));
        if let Some(idle) = self.options.idle_limit {
            window = window.min(millis_rounded_up(idle));
        }
        let below = match self.options.slide_below {
            Some(below) => millis_rounded_up(below),
            None => window - window / 10,
        };
        let target = now.saturating_add(window);
        let deadline = known.deadline.unwrap_or(now);
        let gain = target.saturating_sub(deadline);
        let is_short = deadline.saturating_sub(now) < below && gain >= LEAST_GAIN;
        // Somebody slid it by what it was before a save that gave it less.
        let is_long = gain <= -LEAST_GAIN;
        if !is_short && !is_long {
            return Ok(Slid::NotNeeded);
        }
        let key = key::session_key(&known.at);
        let expiry = Expiry::In(millis(window));
        Ok(match self.cache.set_time_to_live(&key, expiry).await? {
            true => Slid::Until(target),
            false => Slid::Gone,
        })
    }

    /// What is left of a session that was seen; `None` once its time is over.
    pub(super) fn time_to_live(&self, known: &Known) -> Option<TimeToLive> {
        let meta = &known.record.meta;
        // Nobody asked the store: what the last save gave, which sliding may have lengthened.
        let deadline = known.deadline.unwrap_or_else(|| {
            let left = self.left_after_save(meta, meta.saved);
            deadline(meta.saved, left)
        });
        if deadline == NEVER {
            return Some(TimeToLive::Never);
        }
        let left = deadline.saturating_sub(self.now());
        (left > 0).then(|| TimeToLive::Remaining(millis(left)))
    }

    /// Whether a request that looks a session up may have to slide it.
    pub(super) fn slides_on_use(&self) -> bool {
        self.options.sliding == Sliding::EveryRequest || self.options.idle_limit.is_some()
    }

    /// When the session ends whatever happens.
    pub(super) fn limit(&self, meta: &Meta) -> i64 {
        let limit = millis_rounded_up(self.options.absolute_limit);
        meta.until.min(meta.created.saturating_add(limit))
    }

    /// How long a session lives that is saved now.
    pub(super) fn left_after_save(&self, meta: &Meta, now: i64) -> Duration {
        let idle = self.options.idle_limit.map_or(NEVER, millis_rounded_up);
        let left = meta.lifetime.min(idle);
        millis(left.min(self.limit(meta).saturating_sub(now)))
    }
}

/// Sliding that would gain less than this many milliseconds is not worth a write; without it the
/// rounding of what is left would cause one at every request near the absolute limit.
const LEAST_GAIN: i64 = 1_000;
