//! What can be set about sessions: lifetimes, limits, sliding, encoding, ids and the clock.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::id::{SessionId, StoredId};
use super::keys::IdKey;
use crate::codec::Codec;
use crate::entry::unix_millis_rounded_up;
use crate::error::Result;

/// Whether a session lasts as long as the browser's own session or is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lifetime {
    /// For this browser session.
    #[default]
    Temporary,
    /// Remembered: "remember me".
    Permanent,
}

/// When the life of a session is lengthened without a save.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sliding {
    /// By [`Session::slide`](crate::Session::slide) only.
    #[default]
    ByHand,
    /// Whenever a request loads it.
    EveryRequest,
}

/// What happens to a stored session that does not decode: its type changed, or it was damaged.
///
/// A session that a newer version of this crate wrote is an error either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Undecodable {
    /// It counts as not there, with a call of
    /// [`on_undecodable`](crate::SessionEvents::on_undecodable); what is stored stays until it
    /// expires, and a new session gets an id of its own.
    #[default]
    StartNew,
    /// The call fails with [`ErrorKind::Codec`](crate::ErrorKind::Codec).
    Fail,
}

/// How an id stands in the store's keys.
#[derive(Clone, Debug)]
enum IdForm {
    Plain,
    Hashed(IdKey),
}

impl IdForm {
    fn of(&self, id: &SessionId) -> StoredId {
        match self {
            Self::Plain => StoredId::plain(id),
            Self::Hashed(key) => StoredId::from_key(&key.hash(id)),
        }
    }
}

/// The options of [`Sessions`](crate::Sessions). All times count in whole milliseconds.
///
/// ```
/// use std::time::Duration;
/// use session_core::{SessionOptions, Sliding};
///
/// let options = SessionOptions::default()
///     .temporary_lifetime(Duration::from_secs(3_600))
///     .idle_limit(Duration::from_secs(900))
///     .sliding(Sliding::EveryRequest);
/// # let _ = options;
/// ```
#[derive(Clone)]
pub struct SessionOptions {
    pub(super) temporary_lifetime: Duration,
    pub(super) permanent_lifetime: Duration,
    pub(super) absolute_limit: Duration,
    pub(super) idle_limit: Option<Duration>,
    pub(super) sliding: Sliding,
    pub(super) slide_below: Option<Duration>,
    pub(super) undecodable: Undecodable,
    pub(super) codec: Codec,
    pub(super) max_bag_keys: usize,
    pub(super) max_user_sessions: usize,
    pub(super) renewal_grace: Duration,
    id_form: IdForm,
    old_id_forms: Vec<IdForm>,
    ids: Arc<dyn Fn() -> Result<SessionId> + Send + Sync>,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            temporary_lifetime: 14 * DAY,
            permanent_lifetime: 28 * DAY,
            absolute_limit: 90 * DAY,
            idle_limit: None,
            sliding: Sliding::ByHand,
            slide_below: None,
            undecodable: Undecodable::StartNew,
            codec: Codec::Json,
            max_bag_keys: 1_000,
            max_user_sessions: 1_000,
            renewal_grace: Duration::ZERO,
            id_form: IdForm::Plain,
            old_id_forms: Vec::new(),
            ids: Arc::new(SessionId::random),
            clock: Arc::new(SystemTime::now),
        }
    }
}

impl SessionOptions {
    /// How long a temporary session lives after it was last saved; 14 days by default.
    #[must_use]
    pub fn temporary_lifetime(mut self, lifetime: Duration) -> Self {
        self.temporary_lifetime = lifetime;
        self
    }

    /// How long a permanent session lives after it was last saved; 28 days by default.
    #[must_use]
    pub fn permanent_lifetime(mut self, lifetime: Duration) -> Self {
        self.permanent_lifetime = lifetime;
        self
    }

    /// How long a session can live at all, whatever is saved or slid; 90 days by default.
    ///
    /// Counts from the session's creation and again from a sign-in. A change of this option
    /// shortens the life of stored sessions and never lengthens it. Bag values are stored to live
    /// this long.
    #[must_use]
    pub fn absolute_limit(mut self, limit: Duration) -> Self {
        self.absolute_limit = limit;
        self
    }

    /// How long a session lives without being loaded by a request; none by default.
    ///
    /// The limit moves the entry's deadline with
    /// [`set_time_to_live`](crate::CacheClientExtended::set_time_to_live) as sliding does, and
    /// only when less than [`slide_below`](SessionOptions::slide_below) is left, so a session ends
    /// at this time after its last use or, by up to a tenth, before.
    #[must_use]
    pub fn idle_limit(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_limit = limit.into();
        self
    }

    /// When the life of a session is lengthened without a save; by hand only by default.
    #[must_use]
    pub fn sliding(mut self, sliding: Sliding) -> Self {
        self.sliding = sliding;
        self
    }

    /// Sliding moves the deadline only if less than this is left; by default nine tenths of what
    /// it would be moved to, so that a session that is loaded all the time costs one write in a
    /// tenth of its life.
    #[must_use]
    pub fn slide_below(mut self, left: impl Into<Option<Duration>>) -> Self {
        self.slide_below = left.into();
        self
    }

    /// What happens to a stored session that does not decode; it counts as not there by default.
    #[must_use]
    pub fn undecodable(mut self, undecodable: Undecodable) -> Self {
        self.undecodable = undecodable;
        self
    }

    /// How sessions and bag values are written; JSON by default. Reading understands every codec.
    ///
    /// With bincode a changed session type does not decode.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// How many keys a bag can hold; 1,000 by default. Their names are stored with the session.
    #[must_use]
    pub fn max_bag_keys(mut self, keys: usize) -> Self {
        self.max_bag_keys = keys;
        self
    }

    /// How many sessions a user can have at the same time; 1,000 by default.
    ///
    /// One sign-in more ends the oldest of them without calling
    /// [`on_logout`](crate::SessionEvents::on_logout). Each takes about a hundred bytes of the
    /// user's index, which a sign-in reads and writes whole.
    #[must_use]
    pub fn max_user_sessions(mut self, sessions: usize) -> Self {
        self.max_user_sessions = sessions.max(1);
        self
    }

    /// Makes new ids; the operating system's generator by default, see [`SessionId::random`].
    #[must_use]
    pub fn ids(mut self, ids: impl Fn() -> Result<SessionId> + Send + Sync + 'static) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// How long the old id still reads the session after [`Session::renew`](crate::Session::renew)
    /// gave it a new one; not at all by default.
    ///
    /// With some seconds a tab or a request that is under way with the old id is not signed out.
    /// What it writes goes to the one session there is, and costs a read more. After a sign-in and
    /// a sign-out the old id is dead all the same, also one that was in its grace time. Whoever
    /// has stolen the old id has it for that time; and a program of an older version that shares
    /// the store gives an error for it.
    ///
    /// Without it, a sign-out that comes with the old id just after the renewal finds no session and
    /// ends none: a client that gets the new id after that is still signed in. With it, such a
    /// sign-out ends the session under its new id.
    #[must_use]
    pub fn renewal_grace(mut self, grace: Duration) -> Self {
        self.renewal_grace = grace;
        self
    }

    /// Stores ids hashed with this key (HMAC-SHA-256), so that who reads the store, a copy or a
    /// listing of it can open no session; as they are by default.
    ///
    /// Sessions that were stored otherwise are not found any more, unless the old form is a
    /// fallback. Other programs that share the sessions need the key. Bag keys are at most 975
    /// bytes long then.
    #[must_use]
    pub fn id_key(mut self, key: IdKey) -> Self {
        self.id_form = IdForm::Hashed(key);
        self
    }

    /// Finds sessions that were stored with this key too, to change the key of
    /// [`id_key`](SessionOptions::id_key).
    ///
    /// They stay where they are until they get a new id, so the old key can go once the absolute
    /// limit has passed. Each fallback costs a call more for a session that is stored with it, and
    /// for an id under which nothing is stored.
    #[must_use]
    pub fn fallback_id_key(mut self, key: IdKey) -> Self {
        self.old_id_forms.push(IdForm::Hashed(key));
        self
    }

    /// Finds sessions whose ids were stored as they are too, to begin with
    /// [`id_key`](SessionOptions::id_key).
    ///
    /// As with [`fallback_id_key`](SessionOptions::fallback_id_key); until it goes, a copy of the
    /// store opens those sessions. One with a bag key of more than 975 bytes cannot get a new id.
    #[must_use]
    pub fn fallback_plain_ids(mut self) -> Self {
        self.old_id_forms.push(IdForm::Plain);
        self
    }

    /// The clock for the absolute limit and for what is left; the host's wall clock by default.
    /// For tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    pub(super) fn new_id(&self) -> Result<SessionId> {
        (self.ids)()
    }

    /// The form in which an id is stored now.
    pub(super) fn stored(&self, id: &SessionId) -> StoredId {
        self.id_form.of(id)
    }

    /// All forms under which a session may be found by its id, the newest first.
    pub(super) fn all_stored(&self, id: &SessionId) -> impl Iterator<Item = StoredId> {
        let forms = std::iter::once(&self.id_form).chain(&self.old_id_forms);
        forms.map(|form| form.of(id))
    }

    /// Whether only a look-up tells where a session is stored.
    pub(super) fn has_old_id_forms(&self) -> bool {
        !self.old_id_forms.is_empty()
    }

    /// The clock in milliseconds since 1970.
    pub(super) fn now_ms(&self) -> i64 {
        unix_millis_rounded_up((self.clock)())
    }

    pub(super) fn lifetime(&self, lifetime: Lifetime) -> Duration {
        match lifetime {
            Lifetime::Temporary => self.temporary_lifetime,
            Lifetime::Permanent => self.permanent_lifetime,
        }
    }
}

impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("temporary_lifetime", &self.temporary_lifetime)
            .field("permanent_lifetime", &self.permanent_lifetime)
            .field("absolute_limit", &self.absolute_limit)
            .field("idle_limit", &self.idle_limit)
            .field("sliding", &self.sliding)
            .field("slide_below", &self.slide_below)
            .field("undecodable", &self.undecodable)
            .field("codec", &self.codec)
            .field("max_bag_keys", &self.max_bag_keys)
            .field("max_user_sessions", &self.max_user_sessions)
            .field("renewal_grace", &self.renewal_grace)
            .field("id_form", &self.id_form)
            .field("old_id_forms", &self.old_id_forms)
            .finish_non_exhaustive()
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
