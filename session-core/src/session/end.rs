//! Ending a session: by its user, by an administrator, or by a job.

use super::current::CurrentSession;
use super::data::SessionData;
use super::error::SessionResult;
use super::id::StoredId;
use super::sessions::Inner;
use super::store::{Found, Known};

/// How often a removal waits for a session to be still before it goes regardless.
const TRIES: u32 = 8;

impl<T: SessionData> Inner<T> {
    /// Removes a session and then its bag; `true` if there was one.
    ///
    /// The entry is removed only as it was last seen, so that the keys of the bag are all known. A
    /// session that is changed without a pause is removed regardless, because whoever holds its id
    /// must not be able to prevent that; what its bag got in the last moment is then left to the
    /// check that follows each write of the bag.
    pub(super) async fn end(&self, at: &StoredId, seen: Option<Known>) -> SessionResult<bool> {
        let mut last = seen;
        let gone = self.take_away(at, &mut last).await?;
        if let Some(known) = last.filter(|_| gone) {
            self.store.forget(&known, None).await;
        }
        Ok(gone)
    }

    /// The same for the session of a request. Called with the gate held.
    pub(super) async fn end_current(&self, current: &CurrentSession) -> SessionResult<bool> {
        let gone = match current.known() {
            Some(known) => {
                let at = known.at.clone();
                self.end(&at, Some(known)).await?
            }
            None => false,
        };
        current.removed();
        Ok(gone)
    }

    /// Removes a session but not its name in the index; `seen` is then what was seen of it last.
    pub(super) async fn take_away(
        &self,
        at: &StoredId,
        seen: &mut Option<Known>,
    ) -> SessionResult<bool> {
        let mut next = seen.take();
        let mut at = at.clone();
        let mut is_told = false;
        for _ in 0..TRIES {
            let known = match next.take() {
                Some(known) => known,
                None => match self.store.read(&at).await {
                    Ok(Found::Session(known)) => known,
                    Ok(Found::Nothing) => return Ok(false),
                    // It ends under whichever id it has.
                    Ok(Found::Moved(to)) => {
                        at = to;
                        continue;
                    }
                    // What cannot be read can be removed, a newer version's session among it.
                    Ok(Found::Undecodable(_)) => return self.store.remove(&at).await,
                    Err(error) if error.is_codec() => return self.store.remove(&at).await,
                    Err(error) => return Err(error),
                },
            };
            if !std::mem::replace(&mut is_told, true) {
                self.tell_logout(&known).await;
            }
            if self.store.remove_if_unchanged(&known).await? {
                self.store.clear_bag(&known).await;
                *seen = Some(known);
                return Ok(true);
            }
            *seen = Some(known);
        }
        let gone = self.store.remove(&at).await?;
        if let Some(known) = seen {
            self.store.clear_bag(known).await;
        }
        Ok(gone)
    }
}
