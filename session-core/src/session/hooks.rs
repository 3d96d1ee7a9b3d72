//! Calls the hooks: the session type's own first, then those of the events, in order.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::current::CurrentSession;
use super::data::SessionData;
use super::error::{SessionError, SessionResult};
use super::events::{EventContext, Saving};
use super::id::SessionId;
use super::look_up::Owner;
use super::options::Lifetime;
use super::record::{Meta, Record};
use super::sessions::Inner;
use super::store::{Known, Store};
use crate::error::Result;

impl<T: SessionData> Inner<T> {
    /// A new session, not stored.
    pub(super) async fn make(&self, lifetime: Lifetime) -> T {
        let context = EventContext::new(None, lifetime);
        let mut data = T::default();
        data.on_created(&context).await;
        for events in &self.events {
            events.on_created(&mut data, &context).await;
        }
        data
    }

    /// The data of a stored session as the application sees it; the outer error is a hook's, the
    /// inner one says that the data does not decode.
    pub(super) async fn hydrate(&self, known: &Known) -> SessionResult<Result<T>> {
        match known.record.decode_data() {
            Ok(data) => Ok(Ok(self.loaded(data, &context_of(known)).await?)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Data that was read, as the application sees it.
    pub(super) async fn loaded(&self, mut data: T, context: &EventContext) -> SessionResult<T> {
        data.on_load(context).await?;
        for events in &self.events {
            events.on_load(&mut data, context).await?;
        }
        Ok(data)
    }

    /// How long a session lives that is about to be saved, unless a hook refuses.
    pub(super) async fn ask_to_save(
        &self,
        data: &T,
        context: EventContext,
    ) -> SessionResult<Duration> {
        let lifetime = self.store.options.lifetime(context.lifetime());
        let mut saving = Saving::new(context, lifetime);
        data.on_save(&mut saving).await?;
        for events in &self.events {
            events.on_save(data, &mut saving).await?;
        }
        Ok(saving.expires_in())
    }

    /// Asks whether the user that the session holds may be signed in, and tells that it will be.
    pub(super) async fn authenticate(
        &self,
        data: &mut T,
        context: &EventContext,
    ) -> SessionResult<()> {
        data.validate(context).await?;
        for events in &self.events {
            events.validate(data, context).await?;
        }
        data.on_authenticated(context).await;
        for events in &self.events {
            events.on_authenticated(data, context).await;
        }
        Ok(())
    }

    pub(super) async fn tell_registered(&self, data: &mut T, current: &CurrentSession) {
        let stored = current.known().map(|known| known.at);
        let context = EventContext::new(stored, current.lifetime());
        data.on_registered(&context).await;
        for events in &self.events {
            events.on_registered(data, &context).await;
        }
    }

    /// Tells that a session will be removed, if its data decodes.
    pub(super) async fn tell_logout(&self, known: &Known) {
        let Ok(data) = known.record.decode_data::<T>() else {
            return;
        };
        let context = context_of(known);
        data.on_logout(&context).await;
        for events in &self.events {
            events.on_logout(&data, &context).await;
        }
    }

    pub(super) fn encode(&self, data: &T) -> SessionResult<Bytes> {
        Ok(self.store.options.codec.encode(data)?)
    }

    /// Stores a session that was not stored, under a fresh id.
    pub(super) async fn create(
        &self,
        data: &T,
        lifetime: Lifetime,
        bag: &[(&str, Option<i64>)],
    ) -> SessionResult<(SessionId, Known)> {
        let context = EventContext::new(None, lifetime);
        let expires_in = self.ask_to_save(data, context).await?;
        let now = self.store.now();
        let limit = self.store.options.absolute_limit;
        let meta = Meta::new(now, limit, lifetime).saved(now, expires_in);
        let mut meta = meta.of_user(data.user_id());
        meta.bag
            .extend(bag.iter().map(|(key, own)| ((*key).to_owned(), *own)));
        let data = self.encode(data)?;
        self.store.insert(Record { meta, data }).await
    }
}

#[async_trait]
impl<T: SessionData> Owner for Inner<T> {
    fn store(&self) -> &Store {
        &self.store
    }

    async fn create_empty(
        &self,
        lifetime: Lifetime,
        bag: &[(&str, Option<i64>)],
    ) -> SessionResult<(SessionId, Known)> {
        let data = self.make(lifetime).await;
        self.create(&data, lifetime, bag).await
    }

    async fn tell_undecodable(&self, context: &EventContext) {
        for events in &self.events {
            events.on_undecodable(context).await;
        }
    }
}

pub(super) fn context_of(known: &Known) -> EventContext {
    EventContext::new(Some(known.at.clone()), known.record.meta.lifetime())
}

/// For calls that have no other way to go on without the data.
pub(super) fn decoded<T>(data: Result<T>) -> SessionResult<T> {
    data.map_err(SessionError::Store)
}
