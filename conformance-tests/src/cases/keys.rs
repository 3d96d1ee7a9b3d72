//! Keys: what is one, and that no character of it has a meaning.

use futures_util::TryStreamExt;
use session_core::{Error, Result};

use super::prelude::*;

/// Keys with characters that mean something to one store or another.
pub(crate) const ODD: &[&str] = &[
    "%",
    "_",
    "a%b",
    "a_b",
    "axb",
    "*",
    "?",
    "a*",
    "a?",
    "[a]*",
    "[^a]",
    "[a-z]",
    "a\\*",
    "\\",
    "\\\\",
    "{}",
    "{a}b",
    "{a}c",
    "}{",
    "^a$",
    "a.b",
    "a|b",
    "(a)",
    "a+",
    "$1",
    "?1",
    ":a",
    "@a",
    "'",
    "''",
    "\"",
    "`",
    "a'; DROP TABLE cache; --",
    "--",
    "/*",
    "#",
    "~",
    "&",
    "<a>",
    "a/b",
    "a//b",
    "../a",
    "/",
    "urn:iauthsession:x",
    "sess:x:y",
    ":",
    "::",
    "a:",
    ":b",
    "a::b",
    ";",
    ",",
    "=",
    "!",
    "NULL",
    "null",
    "nil",
    "0",
    "-1",
    "007",
    "true",
    "\u{1}",
    "\u{7f}",
    "\u{feff}",
    "ключ",
    "鍵",
    "🔑",
    "e\u{301}",
    "\u{200b}",
    "\u{202e}abc",
    "ß",
    "\u{10ffff}",
    "a\u{10ffff}",
];

pub(crate) async fn no_character_of_a_key_has_a_meaning(store: Store) {
    for key in ODD {
        happens(store.offer(key, *key, Absent, NEVER).await);
    }
    for key in ODD {
        holds(store.read(key).await, key);
    }
    lists(listed(&*store, "").await, ODD);
    for (n, key) in ODD.iter().enumerate() {
        happens(store.remove(key).await);
        lists(listed(&*store, "").await, &ODD[n + 1..]);
    }
}

pub(crate) async fn odd_keys_work_in_every_operation(store: Store) {
    for key in ODD {
        gives(store.increment(key, 1, HOUR.into()).await, 1);
        gives(store.increment(key, 1, NEVER).await, 2);
        lives_about(store.get_time_to_live(key).await, HOUR);
        happens(store.set_time_to_live(key, NEVER).await);
        happens(store.offer(key, "new", equals("2"), Keep).await);
        let expected = Some((Bytes::from("new"), TimeToLive::Never));
        gives(store.read_with_time_to_live(key).await, expected);
        lists(listed(&*store, key).await, &[key]);
        gives(store.remove_starting_with(key).await, 1);
        misses(store.read(key).await);
    }
}

pub(crate) async fn blanks_and_line_breaks_count(store: Store) {
    let keys = [
        "a b", "a  b", " a b", "a b ", "a\tb", "a\nb", "a\r\nb", "a\rb", " ", "  ", "\n",
    ];
    each_is_its_own(&store, &keys).await;
}

pub(crate) async fn keys_that_differ_in_case_are_different(store: Store) {
    each_is_its_own(
        &store,
        &["key", "Key", "KEY", "kEY", "ä", "Ä", "ß", "ẞ", "ss", "SS"],
    )
    .await;
}

pub(crate) async fn keys_are_not_normalised(store: Store) {
    // Composed and decomposed, the ligature and its letters, the ohm sign and the letter omega.
    let keys = [
        "é", "e\u{301}", "ﬁ", "fi", "\u{2126}", "\u{3a9}", "ı", "i", "\u{212a}", "K", "k",
    ];
    each_is_its_own(&store, &keys).await;
}

pub(crate) async fn keys_that_begin_alike_are_different(store: Store) {
    each_is_its_own(
        &store,
        &["a", "aa", "aaa", "aaaa", "a:", "a:a", "a\u{10ffff}", "a!"],
    )
    .await;
}

pub(crate) async fn keys_of_every_character_width_come_back(store: Store) {
    let widths = [
        "\u{7f}",
        "\u{80}",
        "\u{7ff}",
        "\u{800}",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
    ];
    each_is_its_own(&store, &widths).await;
    let around = ["\u{d7ff}", "\u{e000}", "\u{fffe}", "\u{fffd}", "\u{10fffe}"];
    each_is_its_own(&store, &around).await;
}

pub(crate) async fn the_longest_key_is_taken(store: Store) {
    let longest = store.profile().max_key_len();
    let [ascii, wide, widest] = ["k", "é", "\u{10ffff}"].map(|of| filled(longest, of));
    for key in [&ascii, &wide, &widest] {
        store.put_for(key, "value", HOUR).await;
        holds(store.read(key).await, "value");
        holds_all(store.read_all(&[key]).await, &[Some("value")]);
        lists(listed(&*store, key).await, &[key]);
        lives_about(store.get_time_to_live(key).await, HOUR);
    }
    lists(listed(&*store, "").await, &[&ascii, &wide, &widest]);
    gives(store.remove_all(&[&ascii, &wide, &widest]).await, 3);
}

pub(crate) async fn long_keys_that_differ_at_the_end_are_different(store: Store) {
    let start = "k".repeat(store.profile().max_key_len() - 1);
    let (one, two) = (format!("{start}1"), format!("{start}2"));
    each_is_its_own(&store, &[&start, &one, &two]).await;
}

pub(crate) async fn the_empty_key_is_refused_by_every_operation(store: Store) {
    refused_everywhere(&store, "").await;
}

pub(crate) async fn nul_in_a_key_is_refused_by_every_operation(store: Store) {
    for key in ["\0", "a\0", "\0a", "a\0b"] {
        refused_everywhere(&store, key).await;
    }
}

pub(crate) async fn a_key_that_is_too_long_is_refused_by_every_operation(store: Store) {
    refused_everywhere(&store, &"k".repeat(store.profile().max_key_len() + 1)).await;
    refused_everywhere(&store, &"k".repeat(100_000)).await;
}

pub(crate) async fn the_length_of_a_key_counts_in_bytes(store: Store) {
    let longest = store.profile().max_key_len();
    refused_everywhere(&store, &filled(longest + 1, "é")).await;
    refused_everywhere(&store, &filled(longest + 1, "\u{10ffff}")).await;
}

/// Every key keeps its own value, is listed once as it was written, and goes alone.
async fn each_is_its_own(store: &Store, keys: &[&str]) {
    for key in keys {
        happens(
            store
                .offer(key, Bytes::copy_from_slice(key.as_bytes()), Absent, NEVER)
                .await,
        );
    }
    for key in keys {
        holds(store.read(key).await, key);
    }
    lists(listed(&**store, "").await, keys);
    for key in keys {
        happens(store.remove(key).await);
        misses(store.read(key).await);
    }
    lists(listed(&**store, "").await, &[]);
}

/// Every operation that takes a key says `InvalidInput`, and nothing is stored.
async fn refused_everywhere(store: &Store, key: &str) {
    let kinds: [(&str, Result<(), Error>); 10] = [
        ("read", store.read(key).await.map(drop)),
        ("read_all", store.read_all(&[key]).await.map(drop)),
        (
            "write",
            store.offer(key, "x", Always, NEVER).await.map(drop),
        ),
        (
            "write_all",
            store.write_all(&[(key, "x".into())], NEVER).await,
        ),
        ("remove", store.remove(key).await.map(drop)),
        ("remove_all", store.remove_all(&[key]).await.map(drop)),
        ("increment", store.increment(key, 1, NEVER).await.map(drop)),
        (
            "get_time_to_live",
            store.get_time_to_live(key).await.map(drop),
        ),
        (
            "set_time_to_live",
            store.set_time_to_live(key, NEVER).await.map(drop),
        ),
        (
            "read_with_time_to_live",
            store.read_with_time_to_live(key).await.map(drop),
        ),
    ];
    for (operation, answer) in kinds {
        let kind = answer.map_err(|error| error.kind());
        assert_eq!(
            kind,
            Err(ErrorKind::InvalidInput),
            "{operation} of a key of {} bytes",
            key.len()
        );
    }
    let stored: Vec<String> = ok(store.keys_starting_with("").try_collect().await);
    assert!(stored.is_empty(), "a refused key was stored: {stored:?}");
}

/// A key of exactly so many bytes, of this character as far as it fits.
fn filled(bytes: usize, of: &str) -> String {
    let key = of.repeat(bytes / of.len());
    let rest = bytes - key.len();
    key + &"k".repeat(rest)
}
