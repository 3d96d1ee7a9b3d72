//! A part of a store that looks like a store of its own.

use session_core::Prefixed;

use super::keys::ODD;
use super::prelude::*;
use crate::harness::Client;

pub(crate) async fn namespaces_beside_each_other_share_nothing(store: Store) {
    let (left, right) = (open(&store, "left").await, open(&store, "right").await);
    left.put("key", "of the left").await;
    misses(right.read("key").await);
    lives_not(right.get_time_to_live("key").await);
    refused(right.remove("key").await);
    happens(right.offer("key", "of the right", Absent, NEVER).await);
    holds(left.read("key").await, "of the left");
    lists(listed(&left, "").await, &["key"]);
    gives(left.increment("counter", 5, NEVER).await, 5);
    gives(right.increment("counter", 1, NEVER).await, 1);
}

pub(crate) async fn an_entry_is_stored_below_the_path_of_its_namespace(store: Store) {
    let shop = open(&store, "shop:carts").await;
    shop.put("key", "value").await;
    holds(store.read("shop:carts:key").await, "value");
    lists(listed(&*store, "").await, &["shop:carts:key"]);
    store.put("shop:carts:other", "from outside").await;
    holds(shop.read("other").await, "from outside");
}

pub(crate) async fn keys_come_back_without_the_namespace(store: Store) {
    let shop = open(&store, "shop").await;
    for key in ["a", "shop", "shop:", "shop:a", "shop:shop:a"] {
        shop.put(key, key).await;
    }
    lists(
        listed(&shop, "").await,
        &["a", "shop", "shop:", "shop:a", "shop:shop:a"],
    );
    lists(
        listed(&shop, "shop:").await,
        &["shop:", "shop:a", "shop:shop:a"],
    );
    holds(shop.read("shop:a").await, "shop:a");
}

pub(crate) async fn a_longer_path_lies_inside_a_shorter_one(store: Store) {
    let outer = open(&store, "a").await;
    let inner = open(&store, "a:b").await;
    inner.put("key", "inner").await;
    holds(outer.read("b:key").await, "inner");
    outer.put("b:other", "from outside").await;
    lists(listed(&inner, "").await, &["key", "other"]);
    ok(outer.flush_all().await);
    lists(listed(&inner, "").await, &[]);
}

pub(crate) async fn a_name_that_begins_alike_is_another_namespace(store: Store) {
    let names = ["a", "ab", "a.b", "a_b", "axb", "a-b", "A"];
    for name in names {
        open(&store, name).await.put("key", name).await;
    }
    for name in names {
        let namespace = open(&store, name).await;
        holds(namespace.read("key").await, name);
        lists(listed(&namespace, "").await, &["key"]);
    }
    for (gone, name) in names.iter().enumerate() {
        gives(open(&store, name).await.remove_starting_with("").await, 1);
        assert_eq!(
            ok(listed(&*store, "").await).len(),
            names.len() - gone - 1,
            "keys that stay"
        );
    }
}

pub(crate) async fn flush_all_stays_inside_the_namespace(store: Store) {
    for name in ["a_b", "axb", "a", "a_b.c"] {
        open(&store, name).await.put("key", name).await;
    }
    store.put("a_b", "at the root").await;
    ok(open(&store, "a_b").await.flush_all().await);
    misses(open(&store, "a_b").await.read("key").await);
    lists(
        listed(&*store, "").await,
        &["axb:key", "a:key", "a_b.c:key", "a_b"],
    );
}

pub(crate) async fn listings_and_removals_stay_inside_the_namespace(store: Store) {
    let (left, right) = (open(&store, "left").await, open(&store, "right").await);
    for key in ["a:1", "a:2", "b"] {
        left.put(key, "").await;
        right.put(key, "").await;
        store.put(key, "").await;
    }
    lists(listed(&left, "a:").await, &["a:1", "a:2"]);
    gives(left.remove_starting_with("a:").await, 2);
    gives(left.remove_all(&["a:1", "b"]).await, 1);
    lists(listed(&left, "").await, &[]);
    lists(listed(&right, "").await, &["a:1", "a:2", "b"]);
    for key in ["a:1", "a:2", "b"] {
        holds(store.read(key).await, "");
    }
}

pub(crate) async fn no_key_and_no_prefix_reaches_outside(store: Store) {
    let left = open(&store, "left").await;
    store.put("outside", "secret").await;
    open(&store, "right").await.put("key", "secret").await;
    for key in [
        "right:key",
        ":right:key",
        "../right:key",
        "outside",
        ":outside",
        "*",
        "left:*",
    ] {
        misses(left.read(key).await);
        refused(left.remove(key).await);
        gives(left.remove_starting_with(key).await, 0);
        lists(listed(&left, key).await, &[]);
        happens(left.offer(key, "mine", Absent, NEVER).await);
    }
    ok(left.flush_all().await);
    holds(store.read("outside").await, "secret");
    holds(store.read("right:key").await, "secret");
}

pub(crate) async fn every_operation_works_in_a_namespace(store: Store) {
    let shop = open(&store, "shop").await;
    let entries = [("a", "1"), ("b", "2"), ("a", "3")];
    ok(shop
        .write_all(
            &entries.map(|(key, value)| (key, value.into())),
            HOUR.into(),
        )
        .await);
    holds_all(
        shop.read_all(&["b", "a", "c"]).await,
        &[Some("2"), Some("3"), None],
    );
    lives_about(shop.get_time_to_live("a").await, HOUR);
    happens(shop.set_time_to_live("a", NEVER).await);
    let expected = Some((Bytes::from("3"), TimeToLive::Never));
    gives(shop.read_with_time_to_live("a").await, expected);
    gives(shop.increment("a", 4, NEVER).await, 7);
    happens(shop.offer("a", "8", equals("7"), Keep).await);
    gives(shop.remove_all(&["a", "a", "c"]).await, 1);
    happens(shop.remove("b").await);
    lists(listed(&*store, "").await, &[]);
    ok(shop.ping().await);
}

pub(crate) async fn entries_expire_in_a_namespace(store: Store) {
    let shop = open(&store, "shop").await;
    shop.put_for("brief", "value", store.brief()).await;
    shop.put_for("long", "value", HOUR).await;
    store.outlive().await;
    misses(shop.read("brief").await);
    lists(listed(&shop, "").await, &["long"]);
    ok(shop.remove_expired().await);
    gives(shop.remove_starting_with("").await, 1);
}

pub(crate) async fn odd_keys_are_themselves_in_a_namespace(store: Store) {
    let shop = open(&store, "a_b").await;
    let beside = open(&store, "axb").await;
    for key in ODD {
        shop.put(key, *key).await;
        beside.put(key, "beside").await;
    }
    for key in ODD {
        holds(shop.read(key).await, key);
    }
    lists(listed(&shop, "").await, ODD);
    gives(
        shop.remove_all(ODD).await,
        ODD.len().try_into().expect("a short list"),
    );
    lists(listed(&beside, "").await, ODD);
}

pub(crate) async fn a_key_must_fit_together_with_its_namespace(store: Store) {
    let shop = open(&store, "shop:carts").await;
    let longest = "k".repeat(store.profile().max_key_len() - "shop:carts:".len());
    shop.put(&longest, "value").await;
    holds(shop.read(&longest).await, "value");
    lists(listed(&shop, &longest).await, &[&longest]);
    let too_long = longest + "k";
    fails(
        shop.offer(&too_long, "x", Always, NEVER).await,
        ErrorKind::InvalidInput,
    );
    fails(shop.read(&too_long).await, ErrorKind::InvalidInput);
    fails(
        shop.increment(&too_long, 1, NEVER).await,
        ErrorKind::InvalidInput,
    );
    fails(
        shop.remove_all(&["ok", &too_long]).await,
        ErrorKind::InvalidInput,
    );
    lists(listed(&shop, &too_long).await, &[]);
    gives(shop.remove_starting_with(&too_long).await, 0);
}

pub(crate) async fn a_key_is_refused_in_a_namespace_as_outside(store: Store) {
    let shop = open(&store, "shop").await;
    for key in ["", "nul\0", "\0"] {
        fails(shop.read(key).await, ErrorKind::InvalidInput);
        fails(
            shop.offer(key, "x", Always, NEVER).await,
            ErrorKind::InvalidInput,
        );
        fails(shop.remove(key).await, ErrorKind::InvalidInput);
    }
    lists(listed(&shop, "\0").await, &[]);
}

pub(crate) async fn ill_formed_names_are_refused(store: Store) {
    let long = "n".repeat(1_024);
    for path in [
        "", ":", "a:", ":a", "a::b", "a b", " a", "a\n", "ä", "a/b", "a*", "a%", "a?b", "{a}",
        "a\\b", "a\0", "'", &long,
    ] {
        fails(
            store.namespace(path).await.map(drop),
            ErrorKind::InvalidInput,
        );
        fails(
            Prefixed::new(store.cache(), path).map(drop),
            ErrorKind::InvalidInput,
        );
    }
}

pub(crate) async fn the_option_and_the_wrapper_open_the_same_namespace(store: Store) {
    let option = open(&store, "a:b").await;
    let wrapper = ok(Prefixed::new(store.cache(), "a:b"));
    let nested = ok(Prefixed::new(open(&store, "a").await, "b"));
    option.put("key", "value").await;
    holds(wrapper.read("key").await, "value");
    holds(nested.read("key").await, "value");
    ok(nested.increment("counter", 1, NEVER).await);
    lists(listed(&option, "").await, &["key", "counter"]);
    lists(listed(&wrapper, "").await, &["key", "counter"]);
    ok(nested.flush_all().await);
    lists(listed(&option, "").await, &[]);
}

async fn open(store: &Store, path: &str) -> Client {
    ok(store.namespace(path).await)
}
