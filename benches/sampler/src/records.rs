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
    /// Each as two requests leave it behind: something differs, and the time starts anew.
    records: Vec<[Record; 2]>,
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
                expiry_date: SystemTime::now().into(),
            };
            leave_behind(&mut record, 0);
            store.create(&mut record).await.expect("a session is made");
            let mut other = record.clone();
            leave_behind(&mut other, 1);
            records.push([record, other]);
        }
        Arc::new(Self { store, records })
    }

    /// Removes all of them again.
    pub async fn clear(&self) {
        for [record, _] in &self.records {
            let deleted = self.store.delete(&record.id).await;
            deleted.expect("a session is deleted");
        }
    }

    /// The same number again and again meets the session's two forms by turns.
    fn record(&self, number: u64) -> &Record {
        let count = self.records.len() as u64;
        let at = number.wrapping_mul(7_919) % count;
        let record = &self.records[usize::try_from(at).unwrap_or_default()];
        &record[usize::from((number / count).is_multiple_of(2))]
    }
}

/// What a request changes of its session, whichever it is.
fn leave_behind(record: &mut Record, number: u64) {
    record.data.insert("page".to_owned(), number.into());
    record.expiry_date = (SystemTime::now() + HOUR).into();
}

/// Loads a session, as a request does before its handler.
#[derive(Debug)]
pub struct Load<S>(pub Arc<Records<S>>);

/// Saves a session that has changed, as a request does after its handler.
#[derive(Debug)]
pub struct Save<S>(pub Arc<Records<S>>);

/// Both, one after the other: what a store does for a request that changes its session.
#[derive(Debug)]
pub struct LoadAndSave<S>(pub Arc<Records<S>>);

impl<S: SessionStore> Work for LoadAndSave<S> {
    async fn run(&self, number: u64) {
        let store = &self.0.store;
        let found = store.load(&self.0.record(number).id).await;
        let mut record = found.expect("a load succeeds").expect("it is there");
        leave_behind(&mut record, number);
        store.save(&record).await.expect("a save succeeds");
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

const HOUR: Duration = Duration::from_secs(3_600);
