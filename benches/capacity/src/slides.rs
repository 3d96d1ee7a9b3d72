//! Sliding expiry: how often a deadline is really moved, and how many sessions end.
//!
//! The rule is that of `session-core/src/session/times.rs`: a request moves the deadline only when
//! less than a threshold is left, nine tenths by default; and a save starts the life anew.
//! Requests of a session come as a Poisson process, and a session that ends is followed by another.

use fastrand::Rng;

/// How long sessions live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// After a save or a slide.
    pub lifetime: f64,
    /// Slides only if less than this part of the lifetime is left.
    pub below: f64,
    /// At all.
    pub limit: f64,
}

/// What the users of one session do.
#[derive(Clone, Copy, Debug)]
pub struct Habit {
    /// Requests a second.
    pub requests: f64,
    /// The share of them that change the session and save it.
    pub changing: f64,
}

/// Events for each session and second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Events {
    /// Requests that find the session.
    pub requests: f64,
    /// Deadlines moved.
    pub slides: f64,
    /// Sessions that nobody used for too long.
    pub expired: f64,
    /// Sessions that reached the absolute limit.
    pub limited: f64,
}

/// What the rule comes to in the long run.
///
/// From one new deadline to the next: within `gap` only saves, with rate `s`, give another one;
/// after it any request does, with rate `r`; and if none comes in the time that is left, `rest`,
/// the session ends. A cycle lasts (1 − e^(−s gap)) / s + e^(−s gap) (1 − e^(−r rest)) / r on
/// average, and ends by a slide with probability e^(−s gap) (1 − e^(−r rest)).
///
/// In the last lifetime before the absolute limit the deadline is the limit, and nothing moves it.
pub fn expected(life: Life, habit: Habit) -> Events {
    let rest = life.below * life.lifetime;
    let gap = (life.lifetime - rest).max(LEAST_GAIN);
    let saves = habit.requests * habit.changing;
    let no_save = (-saves * gap).exp();
    let request = 1.0 - (-habit.requests * rest).exp();
    let quiet = if saves > 0.0 {
        (1.0 - no_save) / saves
    } else {
        gap
    };
    let cycle = quiet + no_save * request / habit.requests;
    let expired = no_save * (1.0 - request) / cycle;
    // Those that get as old as the limit, of all that begin.
    let limited = match expired * life.limit {
        little if little < 1e-9 => 1.0 / life.limit,
        many => expired / many.exp_m1(),
    };
    let slides = no_save * request / cycle;
    let last = (life.lifetime / life.limit).min(1.0);
    // The share of sessions that are in their last lifetime.
    let last = match expired * life.limit {
        little if little < 1e-9 => last,
        many => (many * last).exp_m1() / many.exp_m1(),
    };
    Events {
        requests: habit.requests,
        slides: slides * (1.0 - last),
        expired,
        limited,
    }
}

/// The same, counted: every request of so many sessions over two or three lifetimes, of which the
/// last counts.
pub fn simulated(life: Life, habit: Habit, sessions: u32, seed: u64) -> Events {
    let mut rng = Rng::with_seed(seed);
    let mut counts = Events::default();
    let ends = expected(life, habit).expired;
    for _ in 0..sessions {
        run(life, habit, ends, &mut rng, &mut counts);
    }
    let time = f64::from(sessions) * life.lifetime;
    Events {
        requests: counts.requests / time,
        slides: counts.slides / time,
        expired: counts.expired / time,
        limited: counts.limited / time,
    }
}

/// A session and those that follow it, of which so many end a second before the limit.
fn run(life: Life, habit: Habit, ends: f64, rng: &mut Rng, counts: &mut Events) {
    // From a moment of its own, because what begins together goes on together.
    let from = life.lifetime * (1.0 + rng.f64());
    let end = from + life.lifetime;
    let mut created = -age(life.limit, ends, rng);
    let mut deadline = (rng.f64() * life.lifetime).min(created + life.limit);
    let mut now = 0.0;
    loop {
        now += -(1.0 - rng.f64()).ln() / habit.requests;
        while deadline <= now && deadline < end {
            let limited = deadline >= created + life.limit;
            let counted = f64::from(u8::from(deadline >= from));
            counts.limited += if limited { counted } else { 0.0 };
            counts.expired += if limited { 0.0 } else { counted };
            created = deadline;
            deadline += life.lifetime.min(life.limit);
        }
        if now >= end {
            return;
        }
        let counted = f64::from(u8::from(now >= from));
        counts.requests += counted;
        let window = life.lifetime.min(created + life.limit - now);
        let target = now + window;
        if deadline - now < life.below * window && target - deadline >= LEAST_GAIN {
            counts.slides += counted;
            deadline = target;
        }
        if habit.changing > 0.0 && rng.f64() < habit.changing {
            deadline = target;
        }
    }
}

/// How old a session is that somebody looks at, if so many end a second and all at the limit.
fn age(limit: f64, ends: f64, rng: &mut Rng) -> f64 {
    let part = rng.f64();
    if ends * limit < 1e-9 {
        return part * limit;
    }
    -(part * (-ends * limit).exp_m1()).ln_1p() / ends
}

/// Seconds; sliding that would gain less is no write.
const LEAST_GAIN: f64 = 1.0;
