//! Typed access over bytes: one test or more for each method.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use session_core::{
    Bytes, CacheClient, CacheClientExtended, Codec, Condition, Error, ErrorKind, Expiry, Outcome,
    Prefixed, Result, TimeToLive, TypedCache, async_trait,
};

use crate::map::MapCache;

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
    total: u64,
}

fn cart(total: u64) -> Cart {
    Cart {
        items: vec!["tea".to_owned()],
        total,
    }
}

#[tokio::test]
async fn what_is_set_is_got_with_either_codec() {
    for codec in [Codec::Bincode, Codec::Json] {
        let cache = MapCache::with_codec(codec);
        assert_eq!(cache.get::<Cart>("%").await.unwrap(), None);
        cache.set("%", &cart(1), MINUTE).await.unwrap();
        assert_eq!(cache.get("%").await.unwrap(), Some(cart(1)));
        let stored = cache.read("%").await.unwrap().unwrap();
        assert_eq!(stored, codec.encode(&cart(1)).unwrap());
        // Unsized values go in as they are.
        cache.set("text", "tea", None).await.unwrap();
        assert_eq!(cache.get("text").await.unwrap(), Some("tea".to_owned()));
    }
}

#[tokio::test]
async fn an_expiry_is_a_duration_an_instant_or_none() {
    let cache = MapCache::default();
    cache.set("k", &1, MINUTE).await.unwrap();
    let left = cache.get_time_to_live("k").await.unwrap();
    assert_eq!(left, Some(TimeToLive::Remaining(MINUTE)));
    cache.set("k", &1, None).await.unwrap();
    let left = cache.get_time_to_live("k").await.unwrap();
    assert_eq!(left, Some(TimeToLive::Never));
    cache.set("k", &1, SystemTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);

    cache.set("k", &1, MINUTE).await.unwrap();
    cache.pass(60_000);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
}

#[tokio::test]
async fn what_does_not_decode_is_codec_and_stays() {
    let cache = MapCache::default();
    let garbage = Bytes::from_static(b"\x01secret");
    let never = Expiry::Never;
    cache
        .write("k", garbage.clone(), Condition::Always, never)
        .await
        .unwrap();
    cache.set("fine", &cart(1), None).await.unwrap();

    let got = cache.get::<Cart>("k").await.unwrap_err();
    let got_all = cache.get_all::<Cart>(&["fine", "k"]).await.unwrap_err();
    let updated = cache
        .update("k", None, |_: Option<Cart>| unreachable!("not decoded"))
        .await
        .unwrap_err();
    let created = cache
        .get_or_create::<Cart, Error, _>("k", None, || async { unreachable!("not a miss") })
        .await
        .unwrap_err();
    for (error, operation) in [
        (got, "get"),
        (got_all, "get_all"),
        (updated, "update"),
        (created, "get_or_create"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Codec);
        assert_eq!((error.backend(), error.operation()), ("cache", operation));
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    assert_eq!(cache.read("k").await.unwrap(), Some(garbage));
}

#[tokio::test]
async fn what_does_not_encode_stores_nothing() {
    let cache = MapCache::with_codec(Codec::Json);
    cache.set("k", &1.0, None).await.unwrap();
    let nan = f64::NAN;
    let errors = [
        cache.set("k", &nan, None).await.unwrap_err(),
        cache
            .set_all(&[("k", 2.0), ("l", nan)], None)
            .await
            .unwrap_err(),
        cache.add("l", &nan, None).await.unwrap_err(),
        cache.replace("k", &nan, None).await.unwrap_err(),
        cache
            .compare_and_set("k", &1.0, &nan, None)
            .await
            .unwrap_err(),
        cache.update("k", None, |_| Some(nan)).await.unwrap_err(),
        cache
            .get_or_create::<f64, Error, _>("l", None, || async { Ok(f64::NAN) })
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Codec);
    }
    let all = cache.get_all::<f64>(&["k", "l"]).await.unwrap();
    assert_eq!(all, [Some(1.0), None]);
}

#[tokio::test]
async fn many_come_in_the_order_of_their_keys() {
    let cache = MapCache::default();
    let entries = [("a", cart(1)), ("b", cart(2)), ("a", cart(3))];
    cache.set_all(&entries, MINUTE).await.unwrap();
    let all = cache.get_all(&["b", "none", "a", "b"]).await.unwrap();
    assert_eq!(all, [Some(cart(2)), None, Some(cart(3)), Some(cart(2))]);
    let left = cache.get_time_to_live("b").await.unwrap();
    assert_eq!(left, Some(TimeToLive::Remaining(MINUTE)));
    cache.set_all::<Cart>(&[], None).await.unwrap();
    assert_eq!(cache.get_all::<Cart>(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn add_wants_none_and_replace_wants_one() {
    let cache = MapCache::default();
    assert!(!cache.replace("k", &cart(1), None).await.unwrap());
    assert_eq!(cache.get::<Cart>("k").await.unwrap(), None);
    assert!(cache.add("k", &cart(2), None).await.unwrap());
    assert!(!cache.add("k", &cart(3), None).await.unwrap());
    assert_eq!(cache.get("k").await.unwrap(), Some(cart(2)));
    assert!(cache.replace("k", &cart(4), None).await.unwrap());
    assert_eq!(cache.get("k").await.unwrap(), Some(cart(4)));
}

#[tokio::test]
async fn compare_and_set_wants_the_very_value() {
    let cache = MapCache::default();
    let (old, new) = (cart(1), cart(2));
    assert!(!cache.compare_and_set("k", &old, &new, None).await.unwrap());
    cache.set("k", &old, None).await.unwrap();
    assert!(!cache.compare_and_set("k", &new, &new, None).await.unwrap());
    assert_eq!(cache.get("k").await.unwrap(), Some(cart(1)));
    assert!(cache.compare_and_set("k", &old, &new, None).await.unwrap());
    assert_eq!(cache.get("k").await.unwrap(), Some(cart(2)));
    // An integer is compared as the text of a counter.
    cache.increment_by("n", 5).await.unwrap();
    assert!(cache.compare_and_set("n", &5, &6, None).await.unwrap());
}

#[tokio::test]
async fn update_creates_changes_and_removes_and_gives_what_is_stored() {
    let cache = MapCache::default();
    let add_one = |cart: Option<Cart>| {
        let mut cart = cart.unwrap_or_default();
        cart.total += 1;
        Some(cart)
    };
    let none = cache.update("k", None, |_: Option<Cart>| None).await;
    assert_eq!(none.unwrap(), None);
    let created = cache.update("k", MINUTE, add_one).await.unwrap().unwrap();
    assert_eq!(created.total, 1);
    let changed = cache.update("k", Expiry::Keep, add_one).await.unwrap();
    assert_eq!(changed.unwrap().total, 2);
    let left = cache.get_time_to_live("k").await.unwrap();
    assert_eq!(left, Some(TimeToLive::Remaining(MINUTE)));

    // An expiry that is past removes too, and says so.
    let past = cache.update("k", Duration::ZERO, add_one).await.unwrap();
    assert_eq!((past, cache.read("k").await.unwrap()), (None, None));
    cache.set("k", &cart(1), None).await.unwrap();
    let removed = cache.update("k", None, |_: Option<Cart>| None).await;
    assert_eq!(
        (removed.unwrap(), cache.read("k").await.unwrap()),
        (None, None)
    );
}

#[tokio::test]
async fn update_compares_with_the_very_bytes_that_were_read() {
    let cache = MapCache::default();
    // Written by another program: valid JSON in a form that no codec of ours writes.
    let foreign = Bytes::from_static(br#" { "b": 2, "a": 1 } "#);
    cache
        .write("k", foreign, Condition::Always, Expiry::Never)
        .await
        .unwrap();
    let mut calls = 0;
    let change = |map: Option<HashMap<String, u8>>| {
        calls += 1;
        let mut map = map.unwrap();
        map.insert("c".to_owned(), 3);
        Some(map)
    };
    let map = cache.update("k", None, change).await.unwrap().unwrap();
    assert_eq!((map.len(), calls), (3, 1));
}

#[tokio::test]
async fn update_begins_again_when_others_came_first() {
    let cache = Arc::new(MapCache::default());
    cache.set("k", &cart(1), None).await.unwrap();
    let (other, mut calls) = (Arc::clone(&cache), 0);
    let change = |cart: Option<Cart>| {
        calls += 1;
        match calls {
            1 => futures_now(other.set("k", &Cart::default(), None)),
            2 => assert!(futures_now(other.remove("k"))),
            _ => {}
        }
        let mut cart = cart.unwrap_or_default();
        cart.total += 10;
        Some(cart)
    };
    let stored = cache.update("k", None, change).await.unwrap().unwrap();
    assert_eq!((stored.total, calls), (10, 3));
}

#[tokio::test]
async fn update_removes_only_what_it_has_seen() {
    let cache = Arc::new(MapCache::default());
    cache.set("k", &cart(1), None).await.unwrap();
    let (other, mut seen) = (Arc::clone(&cache), Vec::new());
    let change = |cart: Option<Cart>| {
        seen.extend(cart.map(|cart| cart.total));
        if seen.len() == 1 {
            futures_now(other.set("k", &Cart::default(), None));
        }
        None
    };
    assert_eq!(cache.update("k", None, change).await.unwrap(), None);
    assert_eq!(seen, [1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn update_loses_nothing_among_64_tasks() {
    let cache: Arc<dyn CacheClientExtended> = Arc::new(MapCache::default());
    let tasks = (0..64).map(|_| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move {
            for _ in 0..10 {
                let add_one = |cart: Option<Cart>| {
                    let mut cart = cart.unwrap_or_default();
                    cart.total += 1;
                    Some(cart)
                };
                cache.update("k", None, add_one).await.unwrap();
            }
        })
    });
    for ended in join_all(tasks).await {
        ended.unwrap();
    }
    let stored: Cart = cache.get("k").await.unwrap().unwrap();
    assert_eq!(stored.total, 640);
}

#[tokio::test(start_paused = true)]
async fn what_always_changes_is_a_conflict_in_the_end() {
    let cache = Restless(MapCache::default());
    let mut calls = 0;
    let count = |_: Option<u8>| {
        calls += 1;
        Some(1)
    };
    let updated = cache.update("k", None, count).await.unwrap_err();
    assert_eq!(updated.kind(), ErrorKind::Conflict);
    assert_eq!(calls, 256);
    let created = cache
        .get_or_create::<u8, Error, _>("k", None, || async { Ok(1) })
        .await
        .unwrap_err();
    assert_eq!(created.kind(), ErrorKind::Conflict);
    assert!(created.is_transient());
}

#[tokio::test]
async fn get_or_create_loads_once_and_then_reads() {
    let cache = MapCache::default();
    let load = || async { Ok::<_, Error>(cart(1)) };
    let created = cache.get_or_create("k", MINUTE, load).await.unwrap();
    let read = cache
        .get_or_create::<Cart, Error, _>("k", None, || async { unreachable!("there already") })
        .await
        .unwrap();
    assert_eq!((created, read), (cart(1), cart(1)));
    let left = cache.get_time_to_live("k").await.unwrap();
    assert_eq!(left, Some(TimeToLive::Remaining(MINUTE)));
}

#[tokio::test]
async fn get_or_create_gives_the_value_of_who_stored_first() {
    let cache = MapCache::default();
    let load = || async {
        cache.set("k", &cart(1), None).await?;
        Ok::<_, Error>(cart(2))
    };
    let got = cache.get_or_create("k", None, load).await.unwrap();
    assert_eq!(
        (got, cache.get("k").await.unwrap()),
        (cart(1), Some(cart(1)))
    );

    let cache = Arc::new(cache);
    let next = Arc::new(AtomicU32::new(0));
    let got = join_all((0..64).map(|_| {
        let next = Arc::clone(&next);
        let load = || async move {
            tokio::task::yield_now().await;
            Ok::<_, Error>(next.fetch_add(1, Ordering::SeqCst))
        };
        cache.get_or_create("shared", None, load)
    }))
    .await;
    assert!(next.load(Ordering::SeqCst) > 1, "several must have missed");
    let stored: Option<u32> = cache.get("shared").await.unwrap();
    for value in got {
        assert_eq!(Some(value.unwrap()), stored);
    }
}

#[tokio::test]
async fn get_or_create_with_a_past_expiry_stores_nothing() {
    let cache = MapCache::default();
    let load = || async { Ok::<_, Error>(cart(1)) };
    let got = cache.get_or_create("k", Duration::ZERO, load).await;
    assert_eq!(
        (got.unwrap(), cache.read("k").await.unwrap()),
        (cart(1), None)
    );
}

#[tokio::test]
async fn get_or_create_hands_on_the_loaders_error_and_stores_nothing() {
    #[derive(Debug, PartialEq)]
    enum Problem {
        Mine,
        Cache(ErrorKind),
    }
    impl From<Error> for Problem {
        fn from(error: Error) -> Self {
            Self::Cache(error.kind())
        }
    }

    let cache = MapCache::default();
    let got = cache
        .get_or_create::<Cart, _, _>("k", None, || async { Err(Problem::Mine) })
        .await;
    assert_eq!(
        (got, cache.read("k").await.unwrap()),
        (Err(Problem::Mine), None)
    );
    cache.set("k", "text", None).await.unwrap();
    let got = cache
        .get_or_create::<Cart, _, _>("k", None, || async { Err(Problem::Mine) })
        .await;
    assert_eq!(got, Err(Problem::Cache(ErrorKind::Codec)));
}

#[tokio::test]
async fn counters_and_integers_are_one() {
    let cache = MapCache::default();
    assert_eq!(cache.increment_by("n", 5).await.unwrap(), 5);
    assert_eq!(cache.decrement_by("n", 7).await.unwrap(), -2);
    assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(-2));
    let left = cache.get_time_to_live("n").await.unwrap();
    assert_eq!(left, Some(TimeToLive::Never));

    cache.set("n", &40_u8, MINUTE).await.unwrap();
    assert_eq!(cache.increment_by("n", 2).await.unwrap(), 42);
    let left = cache.get_time_to_live("n").await.unwrap();
    assert_eq!(left, Some(TimeToLive::Remaining(MINUTE)));
    cache.set("text", "40", None).await.unwrap();
    let error = cache.increment_by("text", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotANumber);
}

#[tokio::test]
async fn decrement_by_the_smallest_number_is_overflow() {
    let cache = MapCache::default();
    cache.set("n", &-1, None).await.unwrap();
    let error = cache.decrement_by("n", i64::MIN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overflow);
    assert_eq!(error.operation(), "decrement_by");
    assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(-1));
}

#[tokio::test]
async fn keys_match_patterns_as_a_whole() {
    let cache = MapCache::default();
    for key in [
        "user:1:cart",
        "user:22:cart",
        "user::cart",
        "USER:1:cart",
        "user:1:carts",
        "u[1]*",
    ] {
        cache.set(key, &1, None).await.unwrap();
    }
    for (glob, matching) in [
        ("user:?*:cart", vec!["user:1:cart", "user:22:cart"]),
        (
            "user:*:cart",
            vec!["user:1:cart", "user:22:cart", "user::cart"],
        ),
        ("user:?:cart?", vec!["user:1:carts"]),
        (r"u[1]\*", vec!["u[1]*"]),
        ("user:1:cart", vec!["user:1:cart"]),
        ("", vec![]),
        ("none*", vec![]),
    ] {
        let keys: Vec<String> = cache.keys_matching(glob).try_collect().await.unwrap();
        assert_eq!(keys, matching, "{glob}");
    }
    assert_eq!(cache.keys_matching("*").count().await, 6);
}

#[tokio::test]
async fn every_method_is_there_through_every_pointer_and_its_future_can_be_sent() {
    let store = Arc::new(MapCache::default());
    let shared: Arc<dyn CacheClientExtended> = store.clone();
    let lent: &dyn CacheClientExtended = &*shared;
    let scoped = Prefixed::new(Arc::clone(&shared), "a:b").unwrap();
    use_all(lent).await;
    use_all(&shared).await;
    use_all(&scoped).await;
    tokio::spawn(async move { use_all(&shared).await })
        .await
        .unwrap();

    scoped.set("x1", &1, None).await.unwrap();
    let keys: Vec<String> = scoped.keys_matching("x?").try_collect().await.unwrap();
    assert_eq!(keys, ["x1"]);
}

async fn use_all<C: CacheClientExtended + ?Sized>(cache: &C) {
    let load = || async { Ok::<_, Error>(4) };
    sent(cache.set("k", &1, None)).await.unwrap();
    sent(cache.set_all(&[("k", 1)], None)).await.unwrap();
    sent(cache.get::<u8>("k")).await.unwrap();
    sent(cache.get_all::<u8>(&["k"])).await.unwrap();
    sent(cache.replace("k", &2, None)).await.unwrap();
    sent(cache.compare_and_set("k", &2, &3, None))
        .await
        .unwrap();
    sent(cache.update("k", None, |_: Option<u8>| None))
        .await
        .unwrap();
    sent(cache.add("k", &3, None)).await.unwrap();
    sent(cache.get_or_create("k", None, load)).await.unwrap();
    sent(cache.increment_by("k", 1)).await.unwrap();
    sent(cache.decrement_by("k", 1)).await.unwrap();
    assert_eq!(cache.get::<u8>("k").await.unwrap(), Some(3));
}

fn sent<F: Future + Send>(future: F) -> F {
    future
}

/// Runs what has nothing to wait for but its turn, from inside a closure.
fn futures_now<T>(work: impl Future<Output = Result<T>> + Send) -> T
where
    T: Send,
{
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(work).unwrap()
        });
        worker.join().unwrap()
    })
}

#[tokio::test]
async fn a_batch_that_ends_half_way_says_that_the_store_may_have_changed() {
    let store = Restless(MapCache::default());
    let entries = |keys: [&'static str; 2]| keys.map(|key| (key, Bytes::new()));
    let (first, second) = (["full", "a"], ["a", "full"]);
    let outcome = |error: Error| (error.kind(), error.outcome());
    let (refused, half) = (
        (ErrorKind::Full, Outcome::NotApplied),
        (ErrorKind::Full, Outcome::Unknown),
    );
    let written = store.write_all(&entries(first), Expiry::Never).await;
    assert_eq!(outcome(written.unwrap_err()), refused);
    // Nothing is removed before the one that is refused.
    let removed = store.remove_all(&second).await;
    assert_eq!(outcome(removed.unwrap_err()), refused);
    let written = store.write_all(&entries(second), Expiry::Never).await;
    assert_eq!(outcome(written.unwrap_err()), half);
    let removed = store.remove_all(&second).await;
    assert_eq!(outcome(removed.unwrap_err()), half);
}

/// A store in which nothing stays as it was read: no condition ever holds.
#[derive(Debug)]
struct Restless(MapCache);

#[async_trait]
impl CacheClient for Restless {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        self.0.read(key).await
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        has_room(key)?;
        match condition {
            Condition::Always => self.0.write(key, value, condition, expiry).await,
            _ => Ok(false),
        }
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        has_room(key)?;
        self.0.remove(key).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        self.0.increment(key, by, expiry_if_new).await
    }

    async fn flush_all(&self) -> Result<()> {
        self.0.flush_all().await
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }
}

/// Of one key the store takes nothing.
fn has_room(key: &str) -> Result<()> {
    match key {
        "full" => Err(Error::new(ErrorKind::Full, "restless", "write")),
        _ => Ok(()),
    }
}
