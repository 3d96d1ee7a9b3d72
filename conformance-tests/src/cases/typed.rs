//! `TypedCache` on top of the store: values, counters and loops that lose nothing.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use session_core::{Codec, Error, Prefixed, TypedCache};

use super::prelude::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cart {
    owner: String,
    items: Vec<(u32, f64)>,
    note: Option<String>,
}

pub(crate) async fn what_was_set_is_got(store: Store) {
    ok(store.set("cart", &cart("alice"), HOUR).await);
    gives(store.get("cart").await, Some(cart("alice")));
    lives_about(store.get_time_to_live("cart").await, HOUR);
    ok(store.set("text", "hello", None).await);
    gives(store.get("text").await, Some("hello".to_owned()));
    gives(store.get::<Cart>("missing").await, None);
}

pub(crate) async fn every_kind_of_value_comes_back(store: Store) {
    ok(store.set("bool", &true, None).await);
    gives(store.get("bool").await, Some(true));
    ok(store.set("unit", &(), None).await);
    gives(store.get("unit").await, Some(()));
    ok(store.set("none", &None::<u32>, None).await);
    gives(store.get("none").await, Some(None::<u32>));
    ok(store.set("float", &-0.1_f64, None).await);
    gives(store.get("float").await, Some(-0.1_f64));
    ok(store.set("char", &'\u{10ffff}', None).await);
    gives(store.get("char").await, Some('\u{10ffff}'));
    ok(store.set("bytes", &vec![0_u8, 1, 255], None).await);
    gives(store.get("bytes").await, Some(vec![0_u8, 1, 255]));
    let map = BTreeMap::from([("a".to_owned(), 1_i64), (String::new(), i64::MIN)]);
    ok(store.set("map", &map, None).await);
    gives(store.get("map").await, Some(map));
    ok(store.set("empty", "", None).await);
    gives(store.get("empty").await, Some(String::new()));
}

pub(crate) async fn an_integer_is_stored_as_decimal_text(store: Store) {
    ok(store.set("small", &-12_i8, None).await);
    holds(store.read("small").await, "-12");
    ok(store.set("large", &u64::MAX, None).await);
    holds(store.read("large").await, "18446744073709551615");
    gives(store.get("large").await, Some(u64::MAX));
    ok(store.set("huge", &i128::MIN, None).await);
    gives(store.get("huge").await, Some(i128::MIN));
}

pub(crate) async fn an_integer_that_was_set_is_a_counter(store: Store) {
    ok(store.set("counter", &41_u32, HOUR).await);
    gives(store.increment_by("counter", 1).await, 42);
    gives(store.get("counter").await, Some(42_u32));
    lives_about(store.get_time_to_live("counter").await, HOUR);
}

pub(crate) async fn a_counter_can_be_got(store: Store) {
    gives(store.increment_by("counter", 5).await, 5);
    gives(store.get::<i64>("counter").await, Some(5));
    gives(store.decrement_by("counter", 7).await, -2);
    gives(store.get::<i64>("counter").await, Some(-2));
    lives_for_ever(store.get_time_to_live("counter").await);
}

pub(crate) async fn decrementing_by_the_least_integer_overflows(store: Store) {
    store.put("counter", "-1").await;
    fails(
        store.decrement_by("counter", i64::MIN).await,
        ErrorKind::Overflow,
    );
    fails(
        store.decrement_by("missing", i64::MIN).await,
        ErrorKind::Overflow,
    );
    holds(store.read("counter").await, "-1");
    misses(store.read("missing").await);
    gives(store.decrement_by("counter", i64::MAX).await, i64::MIN);
}

pub(crate) async fn a_value_that_is_no_integer_is_no_counter(store: Store) {
    ok(store.set("text", "5", None).await);
    ok(store.set("float", &5.0, None).await);
    ok(store.set("some", &Some(5), None).await);
    for key in ["text", "float", "some"] {
        fails(store.increment_by(key, 1).await, ErrorKind::NotANumber);
    }
    gives(store.get("text").await, Some("5".to_owned()));
    ok(store.set("large", &u64::MAX, None).await);
    fails(store.increment_by("large", 1).await, ErrorKind::NotANumber);
}

pub(crate) async fn typed_add_and_replace_mind_what_is_there(store: Store) {
    refused(store.replace("cart", &cart("alice"), HOUR).await);
    happens(store.add("cart", &cart("alice"), HOUR).await);
    refused(store.add("cart", &cart("bob"), None).await);
    gives(store.get("cart").await, Some(cart("alice")));
    happens(store.replace("cart", &cart("bob"), Keep).await);
    gives(store.get("cart").await, Some(cart("bob")));
    lives_about(store.get_time_to_live("cart").await, HOUR);
}

pub(crate) async fn typed_compare_and_set_compares(store: Store) {
    let (alice, bob, carol) = (cart("alice"), cart("bob"), cart("carol"));
    ok(store.set("cart", &alice, None).await);
    refused(store.compare_and_set("cart", &bob, &carol, HOUR).await);
    happens(store.compare_and_set("cart", &alice, &carol, HOUR).await);
    gives(store.get("cart").await, Some(carol));
    lives_about(store.get_time_to_live("cart").await, HOUR);
    refused(store.compare_and_set("missing", &1, &2, None).await);
}

pub(crate) async fn typed_batches_keep_order_and_the_last_value(store: Store) {
    let entries = [("a", 1.5), ("b", 2.5), ("a", 3.5)];
    ok(store.set_all(&entries, HOUR).await);
    let read = store.get_all::<f64>(&["b", "missing", "a"]).await;
    gives(read, vec![Some(2.5), None, Some(3.5)]);
    lives_about(store.get_time_to_live("a").await, HOUR);
    ok(store.set_all::<f64>(&[], None).await);
    gives(store.get_all::<f64>(&[]).await, Vec::new());
}

pub(crate) async fn json_and_bincode_are_both_read(store: Store) {
    for (key, codec) in [("json", Codec::Json), ("bincode", Codec::Bincode)] {
        store.put(key, ok(codec.encode(&cart("alice")))).await;
        gives(store.get(key).await, Some(cart("alice")));
    }
    store
        .put(
            "foreign",
            r#" {"note": null, "items": [[7, 0.5]], "owner": "alice"} "#,
        )
        .await;
    gives(store.get("foreign").await, Some(cart("alice")));
}

pub(crate) async fn values_are_written_with_the_codec_of_the_client(store: Store) {
    let client = store.cache();
    let encoded = ok(client.codec().encode(&cart("alice")));
    ok(client.set("cart", &cart("alice"), None).await);
    holds(client.read("cart").await, &encoded);
    let inside = ok(Prefixed::new(store.cache(), "inside"));
    let option = ok(store.namespace("inside").await);
    assert_eq!(inside.codec(), client.codec(), "the codec of a namespace");
    assert_eq!(option.codec(), client.codec(), "the codec of the option");
    ok(inside.set("cart", &cart("alice"), None).await);
    holds(option.read("cart").await, &encoded);
}

pub(crate) async fn what_does_not_decode_is_an_error_and_stays(store: Store) {
    let update = |cart: Option<Cart>| cart;
    for bytes in [
        &b""[..],
        b"\x01",
        b"\x01\xff\xff",
        b"\x05",
        b"{\"owner\":",
        b"nonsense",
        b"\xff",
    ] {
        store.put("cart", Bytes::copy_from_slice(bytes)).await;
        fails(store.get::<Cart>("cart").await, ErrorKind::Codec);
        fails(
            store.get_all::<Cart>(&["missing", "cart"]).await,
            ErrorKind::Codec,
        );
        fails(store.update("cart", NEVER, update).await, ErrorKind::Codec);
        let create = store.get_or_create("cart", NEVER, || async { Ok::<_, Error>(cart("bob")) });
        fails(create.await, ErrorKind::Codec);
        holds(store.read("cart").await, bytes);
    }
}

pub(crate) async fn an_update_makes_changes_and_removes(store: Store) {
    let add = |count: Option<u32>| Some(count.unwrap_or(0) + 1);
    gives(store.update("key", HOUR, add).await, Some(1));
    gives(store.update("key", Keep, add).await, Some(2));
    lives_about(store.get_time_to_live("key").await, HOUR);
    gives(store.update("key", NEVER, add).await, Some(3));
    lives_for_ever(store.get_time_to_live("key").await);
    gives(
        store.update("key", NEVER, |_: Option<u32>| None).await,
        None,
    );
    misses(store.read("key").await);
    gives(
        store.update("key", NEVER, |_: Option<u32>| None).await,
        None,
    );
    misses(store.read("key").await);
}

pub(crate) async fn an_update_takes_an_expired_entry_for_none(store: Store) {
    ok(store.set("key", &41, store.brief()).await);
    store.outlive().await;
    let update = store.update("key", NEVER, |old: Option<i32>| Some(old.unwrap_or(0) + 1));
    gives(update.await, Some(1));
    lives_for_ever(store.get_time_to_live("key").await);
}

pub(crate) async fn an_update_writes_over_what_others_encoded(store: Store) {
    store
        .put(
            "cart",
            r#"{"owner":"alice",  "items":[[7,0.5]],"note":null}"#,
        )
        .await;
    let rename = |cart: Option<Cart>| {
        cart.map(|cart| Cart {
            note: Some("seen".into()),
            ..cart
        })
    };
    let expected = Cart {
        note: Some("seen".into()),
        ..cart("alice")
    };
    gives(
        store.update("cart", NEVER, rename).await,
        Some(expected.clone()),
    );
    gives(store.get("cart").await, Some(expected));
}

pub(crate) async fn get_or_create_creates_on_a_miss_only(store: Store) {
    let create = |owner| move || async move { Ok::<_, Error>(cart(owner)) };
    gives(
        store.get_or_create("cart", HOUR, create("alice")).await,
        cart("alice"),
    );
    gives(
        store.get_or_create("cart", NEVER, create("bob")).await,
        cart("alice"),
    );
    lives_about(store.get_time_to_live("cart").await, HOUR);
    happens(store.remove("cart").await);
    gives(
        store.get_or_create("cart", NEVER, create("bob")).await,
        cart("bob"),
    );
}

pub(crate) async fn get_or_create_creates_anew_after_the_deadline(store: Store) {
    let create = |number: u32| move || async move { Ok::<_, Error>(number) };
    gives(
        store.get_or_create("key", store.brief(), create(1)).await,
        1,
    );
    store.outlive().await;
    gives(store.get_or_create("key", HOUR, create(2)).await, 2);
    gives(store.get("key").await, Some(2));
}

pub(crate) async fn a_creation_that_fails_stores_nothing(store: Store) {
    let fail = || async { Err::<u32, _>(Error::new(ErrorKind::Denied, "test", "create")) };
    fails(
        store.get_or_create("key", NEVER, fail).await,
        ErrorKind::Denied,
    );
    misses(store.read("key").await);
}

pub(crate) async fn get_or_create_with_a_past_deadline_gives_and_stores_nothing(store: Store) {
    let create = || async { Ok::<_, Error>(5) };
    gives(store.get_or_create("key", Duration::ZERO, create).await, 5);
    misses(store.read("key").await);
}

pub(crate) async fn a_pattern_matches_whole_keys(store: Store) {
    for key in [
        "user:1:cart",
        "user:22:cart",
        "user::cart",
        "user:1:carts",
        "USER:1:cart",
        "x",
    ] {
        store.put(key, "").await;
    }
    for (glob, expected) in [
        (
            "user:*:cart",
            &["user:1:cart", "user:22:cart", "user::cart"][..],
        ),
        ("user:?:cart", &["user:1:cart"]),
        ("user:?*:cart", &["user:1:cart", "user:22:cart"]),
        ("*cart?", &["user:1:carts"]),
        ("USER*", &["USER:1:cart"]),
        ("user", &[]),
        ("?", &["x"]),
        ("x", &["x"]),
        ("", &[]),
    ] {
        lists(matched(&store, glob).await, expected);
    }
    assert_eq!(
        ok(matched(&store, "*").await).len(),
        6,
        "keys that match `*`"
    );
}

pub(crate) async fn a_pattern_takes_other_characters_literally(store: Store) {
    for key in [
        "a*b", "a?b", "a\\b", "a[b]", "a%b", "a_b", "axb", "é1", "a.b", "a\nb",
    ] {
        store.put(key, "").await;
    }
    for (glob, expected) in [
        ("a\\*b", &["a*b"][..]),
        ("a\\?b", &["a?b"]),
        ("a\\\\b", &["a\\b"]),
        ("a[b]", &["a[b]"]),
        ("a%b", &["a%b"]),
        ("a_*", &["a_b"]),
        ("a.b", &["a.b"]),
        ("?1", &["é1"]),
        ("[a]*", &[]),
    ] {
        lists(matched(&store, glob).await, expected);
    }
    assert_eq!(
        ok(matched(&store, "a?b").await).len(),
        8,
        "keys that match `a?b`"
    );
}

pub(crate) async fn a_pattern_does_not_match_expired_entries(store: Store) {
    store.put_for("a:1", "", store.brief()).await;
    store.put("a:2", "").await;
    store.outlive().await;
    lists(matched(&store, "a:*").await, &["a:2"]);
}

async fn matched(store: &Store, glob: &str) -> session_core::Result<Vec<String>> {
    let mut keys: Vec<String> = (**store).keys_matching(glob).try_collect().await?;
    keys.sort_unstable();
    Ok(keys)
}

fn cart(owner: &str) -> Cart {
    Cart {
        owner: owner.to_owned(),
        items: vec![(7, 0.5)],
        note: None,
    }
}
