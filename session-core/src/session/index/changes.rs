//! What is done with an index: sessions are named and forgotten, marked before they are ended, and
//! what was named in vain is dropped.

use super::{Index, Named, SeenIndex, UserKey};
use crate::session::error::{SessionError, SessionResult};
use crate::session::id::StoredId;
use crate::session::look_up::{self, TRIES};
use crate::session::store::{Found, Known, Store};

/// The session whose place a new one takes.
#[derive(Clone, Copy)]
pub(in crate::session) struct Replaced<'s> {
    pub(in crate::session) at: &'s StoredId,
    /// Whether it gets a new id and no more; otherwise somebody signed in.
    pub(in crate::session) is_renewed: bool,
}

impl Store {
    /// Names a session that is about to be stored.
    ///
    /// `old` is the session that it takes the place of. If that is renewed and about to be ended,
    /// the answer is `Removed`, so that no renewal carries it past a sign-out everywhere.
    pub(in crate::session) async fn name_session(
        &self,
        user: &UserKey,
        at: &StoredId,
        until: i64,
        old: Option<Replaced<'_>>,
    ) -> SessionResult<SeenIndex> {
        for tried in 0..TRIES {
            let seen = self.read_index(user).await?;
            let mut index = seen.index.clone();
            if old.is_some_and(|old| old.is_renewed && index.is_ending(old.at)) {
                return Err(SessionError::Removed);
            }
            let now = self.now();
            index.sessions.retain(|_, named| named.until > now);
            index.sessions.remove(at.as_str());
            let old = old.map(|old| old.at);
            if index.sessions.len() >= self.options.max_user_sessions
                && !self.make_room(user, &mut index, old).await?
            {
                continue;
            }
            let (added, ending) = (now, 0);
            let named = Named {
                until,
                added,
                ending,
            };
            index.sessions.insert(at.as_str().into(), named);
            if let Some(written) = self.write_index(&seen, index).await? {
                return Ok(written);
            }
            if tried > 0 {
                look_up::pause(tried).await;
            }
        }
        Err(SessionError::Conflict)
    }

    /// Names a session again that took so long to be stored that its name may have been dropped.
    pub(in crate::session) async fn name_again_if_late(
        &self,
        seen: &SeenIndex,
        at: &StoredId,
    ) -> SessionResult<()> {
        let Some(named) = seen.index.sessions.get(at.as_str()) else {
            return Ok(());
        };
        if self.now().saturating_sub(named.added) < PENDING / 2 {
            return Ok(());
        }
        let again = self.name_session(&seen.user, at, named.until, None);
        again.await.map(drop)
    }

    /// Drops the names of sessions that are gone, and ends the oldest if there are too many still;
    /// `false` if one of them changed meanwhile.
    async fn make_room(
        &self,
        user: &UserKey,
        index: &mut Index,
        old: Option<&StoredId>,
    ) -> SessionResult<bool> {
        let now = self.now();
        let ids = index.ids();
        let mut live = Vec::new();
        for (at, found) in ids.iter().zip(self.read_many(&ids).await?) {
            match found {
                Some(Found::Session(known)) if known.is_of(user) => live.push((at, Some(known))),
                // What cannot be read may be a session.
                Some(Found::Undecodable(_)) | None => live.push((at, None)),
                Some(_) => index.drop_unless_pending(at, now),
            }
        }
        live.retain(|(at, _)| old != Some(at));
        let too_many = (live.len() + 1).saturating_sub(self.options.max_user_sessions);
        live.sort_by_key(|(at, _)| index.sessions.get(at.as_str()).map(|named| named.until));
        for (at, known) in live.into_iter().take(too_many) {
            match known {
                Some(known) if !self.remove_if_unchanged(&known).await? => return Ok(false),
                Some(known) => self.clear_bag(&known).await,
                None => {
                    self.remove(at).await?;
                }
            }
            index.sessions.remove(at.as_str());
        }
        // Sign-ins that came to nothing are not without bound either.
        while index.sessions.len() >= self.options.max_user_sessions + MOST_PENDING {
            let names = index.sessions.iter();
            let Some((oldest, _)) = names.min_by_key(|(_, named)| named.added) else {
                break;
            };
            let oldest = oldest.clone();
            index.sessions.remove(&oldest);
        }
        Ok(true)
    }

    /// Forgets a session that is gone and never comes back.
    ///
    /// A failure is logged and no more: whoever meets the name drops it.
    pub(in crate::session) async fn forget(&self, known: &Known, seen: Option<SeenIndex>) {
        let Some(user) = &known.record.meta.user else {
            return;
        };
        let seen = seen.filter(|seen| seen.user == *user);
        let change = |index: &mut Index, _| {
            index.sessions.remove(known.at.as_str());
        };
        if let Err(error) = self.change_index(user, seen, change).await {
            tracing::warn!(%error, "a removed session stays in its user's index for now");
        }
    }

    /// Drops the names of sessions that were not found, if the index is still as seen.
    pub(in crate::session) async fn heal(&self, seen: &SeenIndex, missing: &[StoredId]) {
        let mut index = seen.index.clone();
        for at in missing {
            index.drop_unless_pending(at, self.now());
        }
        if let Err(error) = self.write_index(seen, index).await {
            tracing::warn!(%error, "an index of a user's sessions could not be healed");
        }
    }

    /// Marks all sessions of a user but these as about to be ended, and gives them.
    pub(in crate::session) async fn mark(
        &self,
        user: &UserKey,
        keep: &[StoredId],
    ) -> SessionResult<(SeenIndex, Vec<StoredId>)> {
        let is_kept = |id: &str| keep.iter().any(|keep| keep.as_str() == id);
        let change = |index: &mut Index, _| {
            let named = index.sessions.iter_mut().filter(|(id, _)| !is_kept(id));
            named.for_each(|(_, named)| named.ending = named.ending.saturating_add(1));
        };
        let seen = self.change_index(user, None, change).await?;
        let marked = seen.sessions().filter(|at| !is_kept(at.as_str())).collect();
        Ok((seen, marked))
    }

    /// Takes marks back, and forgets those of the marked sessions that are gone or were missing.
    pub(in crate::session) async fn settle(
        &self,
        seen: SeenIndex,
        marked: &[StoredId],
        gone: &[StoredId],
        missing: &[StoredId],
    ) -> SessionResult<()> {
        let change = |index: &mut Index, now| {
            for at in gone {
                index.sessions.remove(at.as_str());
            }
            for at in marked {
                if let Some(named) = index.sessions.get_mut(at.as_str()) {
                    named.ending = named.ending.saturating_sub(1);
                }
            }
            for at in missing {
                index.drop_unless_pending(at, now);
            }
            index.sessions.retain(|_, named| named.until > now);
        };
        let user = seen.user.clone();
        self.change_index(&user, Some(seen), change).await.map(drop)
    }
}

impl Index {
    fn is_ending(&self, at: &StoredId) -> bool {
        let named = self.sessions.get(at.as_str());
        named.is_some_and(|named| named.ending > 0)
    }

    fn drop_unless_pending(&mut self, at: &StoredId, now: i64) {
        let is_pending = |named: &Named| now.saturating_sub(named.added) < PENDING;
        if !self.sessions.get(at.as_str()).is_some_and(is_pending) {
            self.sessions.remove(at.as_str());
        }
    }
}

/// How long, in milliseconds, a name without a session may be that of a sign-in under way. It
/// allows for the clocks of servers that differ by half of it.
const PENDING: i64 = 60 * 60 * 1_000;

/// How many names without a session an index can hold, whatever their age.
const MOST_PENDING: usize = 1_000;
