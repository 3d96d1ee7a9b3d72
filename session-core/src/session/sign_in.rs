//! New ids: signing a user in, and renewing an id without that.
//!
//! The order of the writes makes a failure harmless wherever it strikes. The session is written
//! whole under its new id, which nobody knows yet; its bag is copied; and only then the old entry
//! is removed, if it is still what was copied. Until that moment the old session is whole and as
//! it was; from then on the new one is. What changed meanwhile makes the next try start from the
//! newest data.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;

use super::current::State;
use super::data::SessionData;
use super::error::{SessionError, SessionResult};
use super::events::EventContext;
use super::hooks::{context_of, decoded};
use super::id::{SessionId, StoredId};
use super::index::Replaced;
use super::look_up::{self, TRIES};
use super::options::Lifetime;
use super::record::{Meta, Record};
use super::session::Session;
use super::sessions::Inner;
use super::store::{Found, Inserted, Known, Store, millis};
use crate::entry::{Condition, Expiry};
use crate::error::Result;
use crate::key;

/// The values of a bag by their keys.
type Values = HashMap<String, Bytes>;

/// What a session is to become under its new id.
struct Next<T> {
    data: T,
    meta: Meta,
    keeps_bag: bool,
    /// Whether it gets a new id and no more.
    is_renewed: bool,
    /// How long the old id still reads it.
    grace: Duration,
}

/// What of the old session is kept: its bag, and for how long its id.
struct Kept {
    bag: bool,
    grace: Duration,
}

impl<T: SessionData> Session<T> {
    /// Signs a user in: stores the session with the user under a new id and removes the old entry.
    ///
    /// The closure puts the user into the session, as it would
    /// [`AuthUserSession`](crate::AuthUserSession) by `session.auth.user_id = …`; it gets the
    /// newest stored data, and is called again if somebody changed it meanwhile. Data and bag of
    /// an anonymous session are kept; if another user was signed in, the closure gets a new
    /// session and the bag is dropped. `is_authenticated` and the time are set for it. Then
    /// `validate` may refuse, and `on_authenticated` may fill the session. The absolute limit
    /// begins anew; `lifetime` says whether the session is remembered.
    ///
    /// A failure leaves the old session as it was, never one that is signed in by half. If a
    /// session was removed meanwhile, the user is signed in to a new one.
    ///
    /// Costs two writes, a read and a write of the user's index, and with a bag two batch reads, one
    /// to three batch writes and a batch removal more.
    ///
    /// # Errors
    ///
    /// `Rejected` by `validate`, `on_load` or `on_save`; `RequestOnly`; `Conflict` after dozens of
    /// tries; `Store`.
    pub async fn sign_in(
        &mut self,
        lifetime: Lifetime,
        mut change: impl FnMut(&mut T) + Send,
    ) -> SessionResult<()> {
        let inner = self.sessions.inner.clone();
        let current = self.current.clone();
        let _gate = current.gate().await;
        for tried in 0..TRIES {
            let old = match current.state() {
                State::RequestOnly(_) => return Err(SessionError::RequestOnly),
                State::Live(_, known) => Some(known),
                _ => None,
            };
            let data = match &old {
                Some(known) => decoded(inner.hydrate(known).await?)?,
                None if tried == 0 && current.is_absent() => self.data.clone(),
                None => inner.make(lifetime).await,
            };
            let next = inner.signed_in(data, old.as_ref(), lifetime, &mut change);
            let next = next.await?;
            let Some(old) = old else {
                let data = inner.encode(&next.data)?;
                let meta = next.meta;
                let (id, known) = inner.store.insert(Record { meta, data }).await?;
                self.adopt(next.data, known.record.data.clone());
                current.created(id, known);
                return Ok(());
            };
            if self.try_to_move(&old, next).await? {
                return Ok(());
            }
            self.look_again(tried).await?;
        }
        Err(SessionError::Conflict)
    }

    /// Gives the session a new id and removes the old entry; data, bag and limits stay.
    ///
    /// To be used when a user's rights change. With a
    /// [grace time](crate::SessionOptions::renewal_grace) the old id still reads the session under
    /// its new one for a while; without it the old id is dead, to a sign-out too. A session that is not
    /// stored is stored. Its lifetime starts anew as with a save. Unsaved changes of this copy are dropped. Costs as
    /// much as [`sign_in`](Session::sign_in), and fails as harmlessly.
    ///
    /// # Errors
    ///
    /// `Removed`; `Rejected` by `on_load` or `on_save`; `Conflict` after dozens of tries; `Store`.
    pub async fn renew(&mut self) -> SessionResult<()> {
        let grace = self.sessions.options().renewal_grace;
        self.renew_with(grace).await
    }

    /// The same without any grace time: the old id is dead at once.
    ///
    /// To be used where a user signs in by other means than [`sign_in`](Session::sign_in) and the
    /// session goes on.
    ///
    /// # Errors
    ///
    /// As [`renew`](Session::renew).
    pub async fn renew_at_once(&mut self) -> SessionResult<()> {
        self.renew_with(Duration::ZERO).await
    }

    async fn renew_with(&mut self, grace: Duration) -> SessionResult<()> {
        if self.is_request_only() || self.current.is_absent() {
            return self.save().await;
        }
        let inner = self.sessions.inner.clone();
        let current = self.current.clone();
        let _gate = current.gate().await;
        for tried in 0..TRIES {
            let Some(old) = current.known() else {
                return Err(SessionError::Removed);
            };
            let data = decoded(inner.hydrate(&old).await?)?;
            let expires_in = inner.ask_to_save(&data, context_of(&old)).await?;
            let meta = old.record.meta.clone();
            let meta = meta.saved(inner.store.now(), expires_in);
            let next = Next {
                meta: meta.of_user(data.user_id()),
                data,
                keeps_bag: true,
                is_renewed: true,
                grace,
            };
            if self.try_to_move(&old, next).await? {
                return Ok(());
            }
            self.look_again(tried).await?;
        }
        Err(SessionError::Conflict)
    }

    /// Moves the session to a new id; `false` if the old one was changed or removed meanwhile.
    async fn try_to_move(&mut self, old: &Known, next: Next<T>) -> SessionResult<bool> {
        let inner = &self.sessions.inner;
        let data = inner.encode(&next.data)?;
        let record = Record {
            meta: next.meta,
            data,
        };
        let replaced = Replaced {
            at: &old.at,
            is_renewed: next.is_renewed,
        };
        let kept = Kept {
            bag: next.keeps_bag,
            grace: next.grace,
        };
        let moved = inner.store.move_to_new_id(old, replaced, record, kept);
        let Some((id, known)) = moved.await? else {
            return Ok(false);
        };
        self.adopt(next.data, known.record.data.clone());
        self.current.renewed(id, known);
        Ok(true)
    }

    /// Reads what others have stored meanwhile, after a pause if it has happened before.
    async fn look_again(&self, tried: u32) -> SessionResult<()> {
        if tried > 0 {
            look_up::pause(tried).await;
        }
        if let Some(id) = self.current.id() {
            look_up::refresh(&*self.sessions.inner, &self.current, &id).await?;
        }
        Ok(())
    }
}

impl<T: SessionData> Inner<T> {
    /// What the session becomes with the user in it.
    async fn signed_in(
        &self,
        mut data: T,
        old: Option<&Known>,
        lifetime: Lifetime,
        change: &mut (impl FnMut(&mut T) + Send),
    ) -> SessionResult<Next<T>> {
        let now = self.store.now();
        let before = owner_of(&data).map(str::to_owned);
        change(&mut data);
        let is_anothers = before.is_some() && before.as_deref() != owner_of(&data);
        if is_anothers {
            data = self.make(lifetime).await;
            change(&mut data);
        }
        if let Some(auth) = data.auth_mut() {
            auth.is_authenticated = true;
            auth.authenticated_ms = Some(now);
        }
        let context = EventContext::new(old.map(|known| known.at.clone()), lifetime);
        self.authenticate(&mut data, &context).await?;
        let expires_in = self.ask_to_save(&data, context).await?;
        let limit = self.store.options.absolute_limit;
        let meta = Meta::new(now, limit, lifetime).saved(now, expires_in);
        Ok(Next {
            meta: meta.of_user(data.user_id()),
            data,
            keeps_bag: !is_anothers,
            is_renewed: false,
            grace: Duration::ZERO,
        })
    }
}

impl Store {
    /// Stores the session under a new id and removes the old entry, bag and all; `None`, with
    /// nothing changed, if the old one was changed or removed meanwhile.
    async fn move_to_new_id(
        &self,
        old: &Known,
        replaced: Replaced<'_>,
        mut record: Record,
        kept: Kept,
    ) -> SessionResult<Option<(SessionId, Known)>> {
        let mut values = Values::new();
        record.meta.bag.clear();
        if kept.bag {
            let now = self.now();
            let names = old.record.meta.bag_keys(now).map(str::to_owned);
            let own = |name: String| (name.clone(), old.record.meta.bag[&name]);
            record.meta.bag = names.map(own).collect();
            (values, _) = self.bag_values(old, None).await?;
        }
        let inserted = self.insert_after(Some(replaced), record).await?;
        let Inserted {
            id,
            known: new,
            index,
        } = inserted;
        if let Err(error) = self.write_bag(&new, &values).await {
            self.discard(&new).await;
            return Err(error);
        }
        let grace = kept.grace;
        let left = match grace.is_zero() {
            true => self.remove_if_unchanged(old).await,
            false => self.replace_by_lead(old, &new.at, grace).await,
        };
        match left {
            Ok(true) => {}
            Ok(false) => {
                self.discard(&new).await;
                return Ok(None);
            }
            Err(error) => match self.read(&old.at).await {
                // It took place and its answer was lost.
                Ok(Found::Nothing) if grace.is_zero() => {}
                Ok(Found::Moved(to)) if to == new.at => {}
                // Whether it took place is not known, so both stay: each is whole, and nobody has
                // the new id.
                Err(_) => return Err(error),
                Ok(_) => {
                    self.discard(&new).await;
                    return Err(error);
                }
            },
        }
        // From here on the new session is the session: nothing may fail it any more.
        let handed_over = match grace.is_zero() {
            true => self.catch_up(old, &new, &values).await,
            false => self.hand_over(old, &new, values).await,
        };
        if let Err(error) = &handed_over {
            tracing::warn!(%error, "the last changes of a bag may be lost to a new session id");
        }
        if grace.is_zero() || handed_over.is_err() {
            self.clear_bag(old).await;
        }
        self.forget(old, index).await;
        Ok(Some((id, new)))
    }

    /// Copies what the bag got between being copied and the removal of its session.
    ///
    /// A write of the bag that was acknowledged took place before that removal, since it checks
    /// afterwards that the session is there; so it is seen here. If the new session has been ended
    /// already, as a sign-out everywhere can do, what was copied for it goes too.
    async fn catch_up(&self, old: &Known, new: &Known, copied: &Values) -> SessionResult<()> {
        if new.record.meta.bag.is_empty() {
            return Ok(());
        }
        let (mut values, mut is_there) = self.bag_values(old, Some(new)).await?;
        values.retain(|key, value| copied.get(key) != Some(value));
        values.retain(|key, _| new.record.meta.bag.contains_key(key));
        if is_there && !values.is_empty() {
            self.write_bag(new, &values).await?;
            is_there = matches!(self.read(&new.at).await?, Found::Session(_));
        }
        if !is_there {
            self.clear_bag(new).await;
        }
        Ok(())
    }

    /// The same where the old id leads to the new session, so that others write there already; clears
    /// the old bag as it goes, unless it fails.
    async fn hand_over(&self, old: &Known, new: &Known, mut copied: Values) -> SessionResult<()> {
        if new.record.meta.bag.is_empty() {
            self.clear_bag(old).await;
            return Ok(());
        }
        for _ in 0..TRIES {
            let (values, is_there) = self.bag_values(old, Some(new)).await?;
            if !is_there {
                self.clear_bag(new).await;
                break;
            }
            let mut is_done = true;
            for (name, value) in values {
                is_done &= self
                    .hand_over_value(old, new, name, value, &mut copied)
                    .await?;
            }
            if is_done {
                return Ok(());
            }
        }
        self.clear_bag(old).await;
        Ok(())
    }

    /// Removes a value from the old bag, after it is in the new one; `false` if it has changed.
    async fn hand_over_value(
        &self,
        old: &Known,
        new: &Known,
        name: String,
        value: Bytes,
        copied: &mut Values,
    ) -> SessionResult<bool> {
        let nothing = Expiry::In(Duration::ZERO);
        let from = key::bag_key(&old.at, &name)?;
        let is_late = copied.get(&name) != Some(&value);
        let unchanged = Condition::Equals(value.clone());
        if !is_late || !new.record.meta.bag.contains_key(&name) {
            let removed = self.cache.write(&from, Bytes::new(), unchanged, nothing);
            return Ok(removed.await?);
        }
        // Nothing is no value: whoever wrote this one cannot take it back from here on, and who
        // follows from the old id waits.
        let held = self
            .cache
            .write(&from, Bytes::new(), unchanged, Expiry::Keep);
        if !held.await? {
            return Ok(false);
        }
        let (to, expiry) = (
            key::bag_key(&new.at, &name)?,
            Expiry::In(millis(self.bag_deadline(new, &name) - self.now())),
        );
        // In place of what was copied only: what was set under the new id is newer.
        let before = copied.insert(name, value.clone());
        let unchanged = before.map_or(Condition::Absent, Condition::Equals);
        self.cache.write(&to, value, unchanged, expiry).await?;
        let held = Condition::Equals(Bytes::new());
        Ok(self.cache.write(&from, Bytes::new(), held, nothing).await?)
    }

    /// The values of a bag, and whether another session is there, in one call.
    async fn bag_values(&self, of: &Known, other: Option<&Known>) -> SessionResult<(Values, bool)> {
        let names: Vec<&str> = of.record.meta.bag_keys(self.now()).collect();
        let mut keys = bag_keys(&of.at, &names)?;
        keys.extend(other.map(|other| key::session_key(&other.at)));
        if keys.is_empty() {
            return Ok((Values::new(), true));
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut read = self.cache.read_all(&keys).await?;
        let is_there = match other.and_then(|other| Some((other, read.pop()??))) {
            Some((other, bytes)) => {
                matches!(self.found(&other.at, bytes, None)?, Found::Session(_))
            }
            None => false,
        };
        let values = names.into_iter().zip(read);
        let values = values.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok((values.collect(), is_there))
    }

    /// Writes values into a bag whose session names them already, each with the time it has.
    async fn write_bag(&self, to: &Known, values: &Values) -> SessionResult<()> {
        let now = self.now();
        let mut by_deadline: BTreeMap<i64, Vec<(String, Bytes)>> = BTreeMap::new();
        for (name, value) in values {
            let entries = by_deadline.entry(self.bag_deadline(to, name));
            let key = key::bag_key(&to.at, name)?;
            entries.or_default().push((key, value.clone()));
        }
        for (deadline, entries) in by_deadline {
            let entries: Vec<(&str, Bytes)> = entries
                .iter()
                .map(|(key, value)| (key.as_str(), value.clone()))
                .collect();
            let expiry = Expiry::In(millis(deadline - now));
            self.cache.write_all(&entries, expiry).await?;
        }
        Ok(())
    }

    /// When a value of a bag ends: with its session at the latest.
    fn bag_deadline(&self, of: &Known, name: &str) -> i64 {
        let limit = self.limit(&of.record.meta);
        let own = of.record.meta.bag.get(name).copied().flatten();
        own.unwrap_or(limit).min(limit)
    }

    /// Takes a session back whose id nobody has got.
    async fn discard(&self, new: &Known) {
        match self.remove(&new.at).await {
            Ok(_) => self.forget(new, None).await,
            Err(error) => {
                tracing::warn!(%error, "a session that nobody has the id of stays until it expires");
            }
        }
        self.clear_bag(new).await;
    }
}

/// Whose data this is, signed in or not.
fn owner_of<T: SessionData>(data: &T) -> Option<&str> {
    let named = || data.auth()?.user_id.as_deref();
    data.user_id().or_else(named)
}

fn bag_keys(at: &StoredId, names: &[&str]) -> Result<Vec<String>> {
    names.iter().map(|name| key::bag_key(at, name)).collect()
}
