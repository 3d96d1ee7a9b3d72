//! Random operations against a plain map.

use std::collections::BTreeMap;
use std::time::Duration;

use cache_sqlite::SqliteCache;
use futures_util::StreamExt;
use proptest::prelude::*;
use session_core::{Bytes, CacheClient, CacheClientExtended, Condition, Expiry};

use crate::store::TempStore;

#[derive(Clone, Debug)]
enum Step {
    Read(String),
    Write(String, Bytes, Condition, Option<bool>),
    Remove(String),
    Increment(String, i64),
    List(String),
    RemoveStartingWith(String),
    Expire,
}

/// Keys from an alphabet of what has a meaning elsewhere.
fn key() -> impl Strategy<Value = String> {
    "[aAé%_*\\[]{1,3}"
}

fn value() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        "[0-9-]{0,2}".prop_map(|text| Bytes::from(text.into_bytes())),
        proptest::collection::vec(any::<u8>(), 0..3).prop_map(Bytes::from),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        Just(Condition::Always),
        Just(Condition::Absent),
        Just(Condition::Present),
        value().prop_map(Condition::Equals),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        key().prop_map(Step::Read),
        (key(), value(), condition(), any::<Option<bool>>()).prop_map(
            |(key, value, condition, expires)| Step::Write(key, value, condition, expires)
        ),
        key().prop_map(Step::Remove),
        (
            key(),
            prop_oneof![-2_i64..3, Just(i64::MAX), Just(i64::MIN)]
        )
            .prop_map(|(key, by)| Step::Increment(key, by)),
        "[aAé%_*\\[]{0,2}".prop_map(Step::List),
        key().prop_map(Step::RemoveStartingWith),
        Just(Step::Expire),
    ]
}

/// What a plain map says: the value, and whether it expires when time passes.
type Model = BTreeMap<String, (Bytes, bool)>;

async fn agree(store: &TempStore, cache: &SqliteCache, model: &mut Model, step: Step) {
    match step {
        Step::Read(key) => {
            let expected = model.get(&key).map(|(value, _)| value.clone());
            assert_eq!(cache.read(&key).await.unwrap(), expected);
        }
        Step::Write(key, value, condition, expires) => {
            let live = model.get(&key);
            let holds = match &condition {
                Condition::Always => true,
                Condition::Absent => live.is_none(),
                Condition::Present => live.is_some(),
                Condition::Equals(expected) => live.is_some_and(|(value, _)| value == expected),
            };
            let kept = live.is_some_and(|(_, expires)| *expires);
            let expiry = match expires {
                Some(true) => Expiry::In(HOUR),
                Some(false) => Expiry::Never,
                None => Expiry::Keep,
            };
            let written = cache
                .write(&key, value.clone(), condition, expiry)
                .await
                .unwrap();
            assert_eq!(written, holds);
            if holds {
                model.insert(key, (value, expires.unwrap_or(kept)));
            }
        }
        Step::Remove(key) => {
            assert_eq!(
                cache.remove(&key).await.unwrap(),
                model.remove(&key).is_some()
            );
        }
        Step::Increment(key, by) => {
            let (value, expires) = model.get(&key).cloned().unwrap_or(("0".into(), false));
            let text = std::str::from_utf8(&value).unwrap_or("");
            let start: Option<i64> = text.parse().ok().filter(|n: &i64| n.to_string() == text);
            let sum = start.and_then(|start| start.checked_add(by));
            assert_eq!(cache.increment(&key, by, Expiry::Never).await.ok(), sum);
            if let Some(sum) = sum {
                model.insert(key, (sum.to_string().into(), expires));
            }
        }
        Step::List(prefix) => {
            let listed: Vec<_> = cache
                .keys_starting_with(&prefix)
                .map(Result::unwrap)
                .collect()
                .await;
            let expected: Vec<_> = model
                .keys()
                .filter(|key| key.starts_with(&prefix))
                .cloned()
                .collect();
            assert_eq!(listed, expected);
        }
        Step::RemoveStartingWith(prefix) => {
            let before = model.len();
            model.retain(|key, _| !key.starts_with(&prefix));
            let removed = cache.remove_starting_with(&prefix).await.unwrap();
            assert_eq!(removed, u64::try_from(before - model.len()).unwrap());
        }
        Step::Expire => {
            // A deadline is rounded up to a millisecond, and a write takes a hundredth of one.
            store.pass(HOUR + Duration::from_secs(1));
            model.retain(|_, (_, expires)| !*expires);
        }
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_sequence_of_operations_agrees_with_a_plain_map(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = TempStore::new();
            let cache = store.connect().await;
            let mut model = Model::new();
            for step in steps {
                agree(&store, &cache, &mut model, step).await;
            }
            // Nothing is looked at too late, so that all that expired is found.
            let late = "SELECT count(*) FROM cache WHERE NOT coalesce(due <= deadline, deadline IS NULL)";
            let late: i64 = store.raw().query_row(late, [], |row| row.get(0)).unwrap();
            assert_eq!(late, 0);
        });
    }
}
