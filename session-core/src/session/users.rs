//! The sessions of one user: listing them, ending one, and signing a user out everywhere.
//!
//! All of it goes by the user's index (`index.rs`), at the cost of that user's sessions. What the
//! index names counts only if the session stored there says the same.

use futures_util::StreamExt;
use futures_util::stream;

use super::current::CurrentSession;
use super::data::SessionData;
use super::error::SessionResult;
use super::id::{SessionHandle, StoredId};
use super::index::UserKey;
use super::listing::{AT_A_TIME, ListedSession, listed};
use super::sessions::{Inner, Sessions};
use super::store::Found;

impl<T: SessionData> Sessions<T> {
    /// Lists the sessions that a user is signed in with, the one saved last first.
    ///
    /// The user's id is what [`SessionData::user_id`] gave when a session was stored. Costs one
    /// call for the user's index and one for each session in it, sixteen of them under way at a
    /// time; one more now and then, to drop from the index what has expired. Sessions that do not
    /// decode are left out. Listing is no use of a session. Of one that is renewed meanwhile
    /// neither or both of its entries may be given.
    ///
    /// # Errors
    ///
    /// `Store`. A user without sessions is no error.
    ///
    /// ```no_run
    /// # use session_core::{AuthUserSession, CurrentSession, SessionError, Sessions};
    /// # async fn example(sessions: Sessions<AuthUserSession>, current: CurrentSession)
    /// # -> Result<(), SessionError> {
    /// for session in sessions.list_user("17").await? {
    ///     let this_one = if session.is_current(&current) { " (this one)" } else { "" };
    ///     println!("{} {:?}{this_one}", session.handle, session.time_to_live);
    /// }
    /// // Everywhere but here, as after a change of the password.
    /// sessions.remove_user_except("17", &current).await?;
    /// # Ok(()) }
    /// ```
    pub async fn list_user(&self, user_id: &str) -> SessionResult<Vec<ListedSession<T>>> {
        let store = &self.inner.store;
        let user = UserKey::of(user_id);
        let seen = store.read_index(&user).await?;
        let reads = seen.sessions().map(|at| async move {
            let found = store.read(&at).await;
            (at, found)
        });
        let mut reads = stream::iter(reads).buffered(AT_A_TIME);
        let (mut sessions, mut missing) = (Vec::new(), Vec::new());
        while let Some((at, found)) = reads.next().await {
            match found {
                Ok(Found::Session(known)) if known.is_of(&user) => {
                    sessions.extend(listed(store, &known));
                }
                Ok(Found::Undecodable(_)) => {}
                Ok(_) => missing.push(at),
                Err(error) if error.is_codec() => {}
                Err(error) => return Err(error),
            }
        }
        store.heal(&seen, &missing).await;
        sessions.sort_by_key(|session| std::cmp::Reverse(session.modified));
        Ok(sessions)
    }

    /// Signs a user out everywhere and gives how many sessions and their bags went.
    ///
    /// All sessions of the user that were stored when the call began are gone when it succeeds,
    /// those among them that are renewed meanwhile too, and no late save restores one. Who signs
    /// in anew stays signed in; of a sign-in that was under way when the call began, and of one by
    /// [`Session::update`](crate::Session::update), that is not promised. `on_logout` is called for
    /// each session.
    ///
    /// It goes by the user's index. If the store lost that, as one that evicts can, a session that it
    /// named is not ended before it has got a new id; with Redis, set `maxmemory-policy` to
    /// `noeviction`, or to `volatile-ttl`, which drops such an index last.
    ///
    /// Costs four calls and one for each session, one more for each with a bag, and one more if
    /// there were sign-ins or renewals under way or sessions that have expired.
    ///
    /// # Errors
    ///
    /// `Store`; then some sessions may be gone and the others are there: call it again. Until that
    /// succeeds, those that are left cannot be [renewed](crate::Session::renew) if their marks
    /// could not be taken back.
    pub async fn remove_user(&self, user_id: &str) -> SessionResult<u64> {
        self.inner.end_user(user_id, &[]).await
    }

    /// The same, but for the session of this request, whichever id it has by now.
    ///
    /// With a [grace time](crate::SessionOptions::renewal_grace) it costs a call more.
    ///
    /// # Errors
    ///
    /// As [`remove_user`](Sessions::remove_user).
    pub async fn remove_user_except(
        &self,
        user_id: &str,
        current: &CurrentSession,
    ) -> SessionResult<u64> {
        let mut keep = match (current.known(), current.presented()) {
            (Some(known), _) => vec![known.at],
            (None, Some(id)) => self.options().all_stored(id).collect(),
            (None, None) => Vec::new(),
        };
        if !self.options().renewal_grace.is_zero() {
            // Another tab may have given it a new id.
            for at in keep.clone() {
                if let Found::Session(known) = self.inner.store.follow(&at).await? {
                    keep.push(known.at);
                }
            }
        }
        self.inner.end_user(user_id, &keep).await
    }

    /// Removes one session of a user and its bag; `true` if there was one.
    ///
    /// A handle of another user's session removes nothing, so what a page sends can be passed on.
    /// Costs one call for the user's index and what a removal costs, whatever the store holds
    /// besides.
    ///
    /// # Errors
    ///
    /// As [`Session::remove`](crate::Session::remove).
    pub async fn remove_user_session(
        &self,
        user_id: &str,
        handle: &SessionHandle,
    ) -> SessionResult<bool> {
        let store = &self.inner.store;
        let user = UserKey::of(user_id);
        let seen = store.read_index(&user).await?;
        let mut named = seen.sessions();
        let Some(at) = named.find(|at| SessionHandle::of_stored(at) == *handle) else {
            return Ok(false);
        };
        match store.read(&at).await? {
            Found::Session(known) if known.is_of(&user) => self.inner.end(&at, Some(known)).await,
            _ => Ok(false),
        }
    }
}

impl<T: SessionData> Inner<T> {
    async fn end_user(&self, user_id: &str, keep: &[StoredId]) -> SessionResult<u64> {
        let user = UserKey::of(user_id);
        let (seen, marked) = self.store.mark(&user, keep).await?;
        if marked.is_empty() {
            return Ok(0);
        }
        let mut gone = Vec::new();
        let mut unseen = marked.clone();
        let ended = self.end_marked(&user, &mut unseen, &mut gone).await;
        // After a failure what was not seen may be there.
        let missing = if ended.is_ok() { &*unseen } else { &[] };
        let settled = self.store.settle(seen, &marked, &gone, missing).await;
        if let (Ok(_), Err(error)) = (&ended, settled) {
            tracing::warn!(%error, "ended sessions stay in their user's index for now");
        }
        ended.map(|()| u64::try_from(gone.len()).unwrap_or(u64::MAX))
    }

    /// Ends all that are marked, which are `unseen` at first; goes on after a failure, and then gives it.
    ///
    /// A session that is being renewed is marked under both ids, since its new one was named
    /// before the marking or not at all. Its new entry is there before its old one goes: so if the
    /// first look sees neither, a second look at the new one sees it.
    async fn end_marked(
        &self,
        user: &UserKey,
        unseen: &mut Vec<StoredId>,
        gone: &mut Vec<StoredId>,
    ) -> SessionResult<()> {
        let mut failed = None;
        for _ in 0..2 {
            if unseen.is_empty() {
                break;
            }
            let found = self.store.read_many(unseen).await?;
            for (at, found) in std::mem::take(unseen).into_iter().zip(found) {
                let mut seen = match found {
                    Some(Found::Session(known)) if known.is_of(user) => Some(known),
                    // Another's by now, and no sign-out of this user ends it.
                    Some(Found::Session(_)) => continue,
                    // What cannot be read can be removed.
                    Some(Found::Undecodable(_)) | None => None,
                    Some(_) => {
                        unseen.push(at);
                        continue;
                    }
                };
                match self.take_away(&at, &mut seen).await {
                    Ok(true) => gone.push(seen.map_or(at, |known| known.at)),
                    Ok(false) => unseen.push(at),
                    Err(error) => failed = Some(error),
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
