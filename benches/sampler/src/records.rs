//! Stores of tower-sessions, which hand out a record and take one back.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::SessionStore;

use crate::sample::Work;
use crate::user::user;

/// A store and the sessions that lie in it.
#[derive(Debug)]
pub struct Records<S> {
    store: S,
    records: Vec<Record>,
}

impl<S: SessionStore> Records<S> {
    /// Stores so many sessions of one user, for an hour.
    pub async fn filled(store: S, count: usize) -> Arc<Self> {
        let user = serde_json::to_value(user()).expect("a user is JSON");
        let mut records = Vec::new();
        for _ in 0..count {
            let mut record = Record {
                id: Id::default(),
                data: [("user".to_owned(), user.clone())].into(),
                expiry_date: (SystemTime::now() + Duration::from_secs(3_600)).into(),
            };
            store.create(&mut record).await.expect("a session is made");
            records.push(record);
        }
        Arc::new(Self { store, records })
    }

    /// Removes all of them again.
    pub async fn clear(&self) {
        for record in &self.records {
            let deleted = self.store.delete(&record.id).await;
            deleted.expect("a session is deleted");
        }
    }

    fn record(&self, number: u64) -> &Record {
        let at = number.wrapping_mul(7_919) % self.records.len() as u64;
        &self.records[usize::try_from(at).unwrap_or_default()]
    }
}

/// Loads a session, as a request does before its handler.
#[derive(Debug)]
pub struct Load<S>(pub Arc<Records<S>>);

/// Saves a session over itself, as a request does after its handler.
#[derive(Debug)]
pub struct Save<S>(pub Arc<Records<S>>);

/// Both, one after the other: what a store does for a request that changes its session.
#[derive(Debug)]
pub struct LoadAndSave<S>(pub Arc<Records<S>>);

impl<S: SessionStore> Work for LoadAndSave<S> {
    async fn run(&self, number: u64) {
        Load(self.0.clone()).run(number).await;
        Save(self.0.clone()).run(number).await;
    }
}

impl<S: SessionStore> Work for Load<S> {
    async fn run(&self, number: u64) {
        let found = self.0.store.load(&self.0.record(number).id).await;
        assert!(found.expect("a load succeeds").is_some());
    }
}

impl<S: SessionStore> Work for Save<S> {
    async fn run(&self, number: u64) {
        let saved = self.0.store.save(self.0.record(number)).await;
        saved.expect("a save succeeds");
    }
}
