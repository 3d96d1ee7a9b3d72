//! Finding the session of a request, and finding it again after others were faster.

use std::time::Duration;

use async_trait::async_trait;

use super::current::{CurrentSession, State};
use super::error::{SessionError, SessionResult};
use super::events::EventContext;
use super::id::SessionId;
use super::options::{Lifetime, Undecodable};
use super::store::{Found, Known, Store};
use super::times::Slid;
use crate::error::Error;

/// How often a write that meets others is tried. Each try that fails means that another succeeded,
/// and the pauses grow, so this many failures are an attack or a fault.
pub(super) const TRIES: u32 = 64;

/// What the store calls need of the sessions they are for, whatever the type of the data.
#[async_trait]
pub(super) trait Owner: Send + Sync {
    fn store(&self) -> &Store;

    /// Makes a session as it is before anybody has changed it, with these bag keys.
    async fn create_empty(
        &self,
        lifetime: Lifetime,
        bag: &[(&str, Option<i64>)],
    ) -> SessionResult<(SessionId, Known)>;

    async fn tell_undecodable(&self, context: &EventContext);
}

/// The session of a request or job, read if nobody has read it; `None` if there is none.
///
/// Looking a session up from a request slides it, if the options say so. Called with the gate held.
pub(super) async fn look_up(
    owner: &dyn Owner,
    current: &CurrentSession,
) -> SessionResult<Option<(SessionId, Known)>> {
    let id = match current.state() {
        State::Live(id, known) if known.deadline.is_some() => return Ok(Some((id, known))),
        State::Live(id, _) | State::Unread(id) => id,
        State::Absent | State::Gone | State::RequestOnly(_) => return Ok(None),
    };
    let Some(mut known) = refresh(owner, current, &id).await? else {
        return Ok(None);
    };
    if current.counts_as_use() && owner.store().slides_on_use() {
        match owner.store().slide(&known, false).await {
            Ok(Slid::NotNeeded) => {}
            Ok(Slid::Until(deadline)) => {
                known.deadline = Some(deadline);
                current.seen(id.clone(), known.clone());
            }
            Ok(Slid::Gone) => {
                current.not_found(&id);
                return Ok(None);
            }
            // It was read and is good; a store that can be read only still serves it.
            Err(error) => tracing::warn!(%error, "a session could not be slid"),
        }
    }
    Ok(Some((id, known)))
}

/// The session of a request or job, read anew; `None` if there is none (any more).
pub(super) async fn refresh(
    owner: &dyn Owner,
    current: &CurrentSession,
    id: &SessionId,
) -> SessionResult<Option<Known>> {
    let found = match current.stored_at(id) {
        Some(at) => owner.store().follow(&at).await?,
        None => owner.store().find(id).await?,
    };
    note(owner, current, id, found).await
}

/// Tells the request what was found under its id.
pub(super) async fn note(
    owner: &dyn Owner,
    current: &CurrentSession,
    id: &SessionId,
    found: Found,
) -> SessionResult<Option<Known>> {
    match found {
        Found::Session(known) => {
            current.seen(id.clone(), known.clone());
            return Ok(Some(known));
        }
        Found::Nothing | Found::Moved(_) => current.not_found(id),
        Found::Undecodable(error) => pass_over(owner, current, id, error).await?,
    }
    Ok(None)
}

/// Goes on without a stored session that does not decode, or fails, as the options say.
pub(super) async fn pass_over(
    owner: &dyn Owner,
    current: &CurrentSession,
    id: &SessionId,
    error: Error,
) -> SessionResult<()> {
    if owner.store().options.undecodable == Undecodable::Fail {
        return Err(SessionError::Store(error));
    }
    tracing::warn!(%error, "a stored session does not decode");
    let stored = owner.store().options.stored(id);
    let context = EventContext::new(Some(stored), current.lifetime());
    owner.tell_undecodable(&context).await;
    current.passed_over(id);
    Ok(())
}

/// Waits a random while that grows with the number of tries, before the next one.
pub(super) async fn pause(tried: u32) {
    let mut random = [0; 8];
    // Without random bytes the pause is none: slower to end, and right.
    let _ = getrandom::fill(&mut random);
    let longest = 1_000_u64 << tried.min(6);
    let micros = u64::from_ne_bytes(random) % longest;
    tokio::time::sleep(Duration::from_micros(micros)).await;
}
