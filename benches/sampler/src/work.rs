//! The pieces of work, once for all stores.

use std::sync::Arc;

use session_core::Bytes;

use crate::entries::Entries;
use crate::sample::Work;

/// What is compared, as an application holds it. What fails is a panic.
pub trait Store: Send + Sync + 'static {
    /// A live value.
    fn get(&self, key: &str) -> impl Future<Output = Option<Bytes>> + Send;
    /// A value over whatever is there, for an hour where the store knows deadlines.
    fn set(&self, key: &str, value: Bytes) -> impl Future<Output = ()> + Send;
}

/// Stores that read many entries at once.
pub trait GetMany: Send + Sync + 'static {
    /// As many live values as there are keys.
    fn get_all(&self, keys: &[&str]) -> impl Future<Output = usize> + Send;
}

/// Stores that write many entries at once.
pub trait SetMany: Send + Sync + 'static {
    /// All values over whatever is there, for an hour.
    fn set_all(&self, entries: &[(&str, Bytes)]) -> impl Future<Output = ()> + Send;
}

/// Reads entries that are there.
#[derive(Debug)]
pub struct Get<S>(pub Arc<S>, pub Arc<Entries>);

/// Writes entries over themselves.
#[derive(Debug)]
pub struct Set<S>(pub Arc<S>, pub Arc<Entries>);

/// Nine reads, then a write.
#[derive(Debug)]
pub struct Mixed<S>(pub Arc<S>, pub Arc<Entries>);

/// Reads so many entries at once.
#[derive(Debug)]
pub struct GetAll<S>(pub Arc<S>, pub Arc<Entries>, pub u64);

/// Writes so many entries at once over themselves.
#[derive(Debug)]
pub struct SetAll<S>(pub Arc<S>, pub Arc<Entries>, pub u64);

impl<S: Store> Work for Get<S> {
    async fn run(&self, number: u64) {
        let found = self.0.get(self.1.key(number)).await;
        assert!(found.is_some());
    }
}

impl<S: Store> Work for Set<S> {
    async fn run(&self, number: u64) {
        let Self(store, entries) = self;
        store.set(entries.key(number), entries.value(number)).await;
    }
}

impl<S: Store> Work for Mixed<S> {
    async fn run(&self, number: u64) {
        let Self(store, entries) = self;
        if number % 10 == 9 {
            store.set(entries.key(number), entries.value(number)).await;
        } else {
            assert!(store.get(entries.key(number)).await.is_some());
        }
    }
}

impl<S: GetMany> Work for GetAll<S> {
    async fn run(&self, number: u64) {
        let Self(store, entries, size) = self;
        let numbers = number * size..(number + 1) * size;
        let keys: Vec<_> = numbers.map(|number| entries.key(number)).collect();
        assert_eq!(store.get_all(&keys).await, keys.len());
    }
}

impl<S: SetMany> Work for SetAll<S> {
    async fn run(&self, number: u64) {
        let Self(store, entries, size) = self;
        let numbers = number * size..(number + 1) * size;
        let batch: Vec<_> = numbers
            .map(|number| (entries.key(number), entries.value(number)))
            .collect();
        store.set_all(&batch).await;
    }
}

/// Fills a store with all entries, one after the other.
pub async fn fill(store: &impl Store, entries: &Entries) {
    for (key, value) in entries.iter() {
        store.set(key, value).await;
    }
}
