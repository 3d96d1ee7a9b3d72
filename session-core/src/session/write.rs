//! Storing a session: `save`, which refuses to overwrite others, and `update`, which works with
//! them.

use bytes::Bytes;

use super::current::{CurrentSession, State};
use super::data::SessionData;
use super::error::{SessionError, SessionResult};
use super::hooks::{context_of, decoded};
use super::id::SessionId;
use super::look_up::{self, TRIES};
use super::record::Record;
use super::session::Session;
use super::sessions::{Inner, Sessions};
use super::store::Known;

impl<T: SessionData> Session<T> {
    /// Stores the data, unless somebody else changed it since it was loaded.
    ///
    /// A session that is not stored is stored under a fresh id, whatever id the client sent. One
    /// that is stored is written only over what was loaded; a change of the bag by another request
    /// does not count and is kept. Its lifetime starts anew. Does nothing for a
    /// [request-only](Session::is_request_only) session.
    ///
    /// # Errors
    ///
    /// `Removed` if the session is not there any more: it stays removed. `Conflict` if somebody
    /// else changed its data: nothing was stored. `Rejected` by `on_save`. `Store`; if its
    /// [`outcome`](crate::Error::outcome) is unknown, saving again is harmless.
    pub async fn save(&mut self) -> SessionResult<()> {
        let inner = self.sessions.inner.clone();
        let data = inner.encode(&self.data)?;
        if self.current.is_request_only() {
            self.current.keep_in_request(data);
            return Ok(());
        }
        if let Some(created) = inner.create_once(&self.current, &self.data).await? {
            self.base = Some(created);
            return Ok(());
        }
        for tried in 0..TRIES {
            let (id, known) = live(&self.current)?;
            let stored = &known.record.data;
            let is_base = match &self.base {
                Some(base) => base == stored,
                None => self.current.initial().as_ref() == Some(stored),
            };
            // What is stored may be our own earlier write, whose answer was lost.
            if !is_base && *stored != data {
                return Err(SessionError::Conflict);
            }
            let context = context_of(&known);
            let expires_in = inner.ask_to_save(&self.data, context).await?;
            let meta = &known.record.meta;
            let record = Record {
                meta: meta.saved_anew(inner.store.now(), expires_in, self.data.user_id()),
                data: data.clone(),
            };
            if let Some(known) = inner.store.replace(&known, record).await? {
                self.base = Some(data);
                self.current.seen(id, known);
                return Ok(());
            }
            inner.refresh_after(tried, &self.current, &id).await?;
        }
        Err(SessionError::Conflict)
    }

    /// Changes what is stored now and gives what the closure gives; no update is lost, however
    /// many run side by side.
    ///
    /// The closure gets the newest stored data, not this copy, whose own unsaved changes are
    /// dropped; it is called again whenever somebody else was faster, after a short random pause.
    /// The first try works on what this request has read already, so an update costs one write, and
    /// decodes nothing where nobody touched this copy since it was read; `on_load` is not called
    /// again then. A
    /// session that is not stored is stored under a fresh id, with this copy as what is changed.
    /// The lifetime starts anew. For a [request-only](Session::is_request_only) session the copy
    /// is changed and nothing stored.
    ///
    /// # Errors
    ///
    /// `Removed` if the session is not there any more: it stays removed. `Rejected` by `on_load`
    /// or `on_save`. `Conflict` after dozens of tries. `Store`; if its
    /// [`outcome`](crate::Error::outcome) is unknown, the change may have been stored. After an
    /// error this copy is as it was.
    pub async fn update<R: Send>(
        &mut self,
        mut change: impl FnMut(&mut T) -> R + Send,
    ) -> SessionResult<R> {
        let inner = self.sessions.inner.clone();
        if self.current.is_request_only() {
            let result = change(&mut self.data);
            self.current.keep_in_request(inner.encode(&self.data)?);
            return Ok(result);
        }
        if self.current.is_absent() {
            let mut data = self.data.clone();
            let result = change(&mut data);
            if let Some(created) = inner.create_once(&self.current, &data).await? {
                self.adopt(data, created);
                return Ok(result);
            }
        }
        let as_read = |known: &Known| self.as_read(known);
        let (data, base, result) = inner.update(&self.current, as_read, change).await?;
        self.adopt(data, base);
        Ok(result)
    }
}

impl<T: SessionData> Sessions<T> {
    /// Outside a request: changes the newest stored data of a session, again on conflict, as
    /// [`Session::update`] does.
    ///
    /// # Errors
    ///
    /// As [`Session::update`]; `Removed` if no session is stored under the id.
    pub async fn update<R: Send>(
        &self,
        id: &SessionId,
        change: impl FnMut(&mut T) -> R + Send,
    ) -> SessionResult<R> {
        let current = CurrentSession::outside(Some(id.clone()));
        if look_up::look_up(&*self.inner, &current).await?.is_none() {
            return Err(SessionError::Removed);
        }
        let (_, _, result) = self.inner.update(&current, |_| None, change).await?;
        Ok(result)
    }
}

impl<T: SessionData> Inner<T> {
    /// Stores the session if none is stored, and gives its data as stored; `None` if one is.
    async fn create_once(
        &self,
        current: &CurrentSession,
        data: &T,
    ) -> SessionResult<Option<Bytes>> {
        let _gate = current.gate().await;
        if !current.is_absent() {
            return Ok(None);
        }
        let (id, known) = self.create(data, current.lifetime(), &[]).await?;
        let stored = known.record.data.clone();
        current.created(id, known);
        Ok(Some(stored))
    }

    /// Changes a session that is stored; gives its data, the same as stored, and the result.
    ///
    /// `as_read` gives what need not be decoded again.
    async fn update<R: Send>(
        &self,
        current: &CurrentSession,
        as_read: impl Fn(&Known) -> Option<T> + Send,
        mut change: impl FnMut(&mut T) -> R + Send,
    ) -> SessionResult<(T, Bytes, R)> {
        for tried in 0..TRIES {
            let (id, known) = live(current)?;
            let mut data = match as_read(&known) {
                Some(data) => data,
                None => decoded(self.hydrate(&known).await?)?,
            };
            let result = change(&mut data);
            let expires_in = self.ask_to_save(&data, context_of(&known)).await?;
            let encoded = self.encode(&data)?;
            let meta = &known.record.meta;
            let record = Record {
                meta: meta.saved_anew(self.store.now(), expires_in, data.user_id()),
                data: encoded.clone(),
            };
            if let Some(known) = self.store.replace(&known, record).await? {
                current.seen(id, known);
                return Ok((data, encoded, result));
            }
            self.refresh_after(tried, current, &id).await?;
        }
        Err(SessionError::Conflict)
    }

    /// Reads what others have stored meanwhile, after a pause if it has happened before.
    async fn refresh_after(
        &self,
        tried: u32,
        current: &CurrentSession,
        id: &SessionId,
    ) -> SessionResult<Known> {
        if tried > 0 {
            look_up::pause(tried).await;
        }
        let newest = look_up::refresh(self, current, id).await?;
        newest.ok_or(SessionError::Removed)
    }
}

/// The stored session that a write starts from.
fn live(current: &CurrentSession) -> SessionResult<(SessionId, Known)> {
    match current.state() {
        State::Live(id, known) => Ok((id, known)),
        _ => Err(SessionError::Removed),
    }
}
