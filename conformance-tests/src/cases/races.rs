//! Many callers at once.

use futures_util::future::join_all;

use super::prelude::*;

pub(crate) async fn of_many_adds_exactly_one_wins(store: Store) {
    let adds = (0..32).map(|adder: u32| {
        let cache = store.cache();
        tokio::spawn(async move {
            let value = Bytes::from(adder.to_string());
            let write = cache.write("key", value, Condition::Absent, Expiry::Never);
            ok(write.await).then_some(adder)
        })
    });
    let winners: Vec<u32> = join_all(adds)
        .await
        .into_iter()
        .filter_map(|task| task.expect("no add panics"))
        .collect();
    assert_eq!(winners.len(), 1, "the winners of one `Absent`: {winners:?}");
    holds(store.read("key").await, winners[0].to_string());
}
