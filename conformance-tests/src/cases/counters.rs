//! Counters: 64-bit integers that share the key space with values.

use std::time::{SystemTime, UNIX_EPOCH};

use super::prelude::*;

pub(crate) async fn a_missing_counter_starts_at_zero(store: Store) {
    gives(store.increment("up", 5, NEVER).await, 5);
    gives(store.increment("down", -5, NEVER).await, -5);
}

pub(crate) async fn increments_add_up(store: Store) {
    for (by, sum) in [(1, 1), (41, 42), (-50, -8), (8, 0), (0, 0), (-1, -1)] {
        gives(store.increment("counter", by, NEVER).await, sum);
    }
}

pub(crate) async fn counters_are_apart(store: Store) {
    gives(store.increment("one", 1, NEVER).await, 1);
    gives(store.increment("two", 2, NEVER).await, 2);
    gives(store.increment("one", 1, NEVER).await, 2);
    gives(store.increment("ONE", 1, NEVER).await, 1);
}

pub(crate) async fn adding_zero_creates(store: Store) {
    gives(store.increment("counter", 0, HOUR.into()).await, 0);
    holds(store.read("counter").await, "0");
    lives_about(store.get_time_to_live("counter").await, HOUR);
}

pub(crate) async fn adding_zero_gives_what_is_there(store: Store) {
    store.put_for("counter", "-17", HOUR).await;
    gives(store.increment("counter", 0, NEVER).await, -17);
    lives_about(store.get_time_to_live("counter").await, HOUR);
}

pub(crate) async fn a_counter_reads_as_canonical_text(store: Store) {
    for (number, text) in [
        (0, "0"),
        (7, "7"),
        (-12, "-12"),
        (i64::MAX, "9223372036854775807"),
        (i64::MIN, "-9223372036854775808"),
    ] {
        gives(store.increment(text, number, NEVER).await, number);
        holds(store.read(text).await, text);
    }
}

pub(crate) async fn an_integer_that_was_written_can_be_incremented(store: Store) {
    for (text, sum) in [
        ("0", 1),
        ("41", 42),
        ("-1", 0),
        ("-9223372036854775808", i64::MIN + 1),
        ("9223372036854775806", i64::MAX),
    ] {
        store.put("counter", text).await;
        gives(store.increment("counter", 1, NEVER).await, sum);
        holds(store.read("counter").await, sum.to_string());
    }
}

pub(crate) async fn a_counter_can_be_written_over(store: Store) {
    gives(store.increment("counter", 5, NEVER).await, 5);
    happens(store.offer("counter", "100", equals("5"), NEVER).await);
    gives(store.increment("counter", 1, NEVER).await, 101);
    store.put("counter", "text").await;
    fails(
        store.increment("counter", 1, NEVER).await,
        ErrorKind::NotANumber,
    );
}

pub(crate) async fn a_removed_counter_starts_again(store: Store) {
    gives(store.increment("counter", 5, HOUR.into()).await, 5);
    happens(store.remove("counter").await);
    gives(store.increment("counter", 1, NEVER).await, 1);
    lives_for_ever(store.get_time_to_live("counter").await);
}

pub(crate) async fn large_counters_are_exact(store: Store) {
    // From 2^53 on, a floating-point number would skip every other integer.
    store.put("counter", "9007199254740992").await;
    for sum in 9_007_199_254_740_993..9_007_199_254_741_000 {
        gives(store.increment("counter", 1, NEVER).await, sum);
    }
    store.put("counter", "9223372036854775800").await;
    gives(
        store.increment("counter", -1, NEVER).await,
        9_223_372_036_854_775_799,
    );
}

pub(crate) async fn an_increment_keeps_the_deadline_of_a_live_counter(store: Store) {
    store.put_for("counter", "1", HOUR).await;
    for expiry in [NEVER, Keep, (HOUR * 9).into(), Duration::ZERO.into()] {
        ok(store.increment("counter", 1, expiry).await);
        lives_about(store.get_time_to_live("counter").await, HOUR);
    }
    holds(store.read("counter").await, "5");
}

pub(crate) async fn an_increment_does_not_start_the_time_anew(store: Store) {
    gives(store.increment("counter", 1, store.brief().into()).await, 1);
    gives(store.increment("counter", 1, HOUR.into()).await, 2);
    store.outlive().await;
    misses(store.read("counter").await);
}

pub(crate) async fn an_increment_leaves_a_counter_without_a_deadline_without_one(store: Store) {
    store.put("counter", "1").await;
    gives(store.increment("counter", 1, HOUR.into()).await, 2);
    lives_for_ever(store.get_time_to_live("counter").await);
    gives(
        store.increment("counter", 1, Duration::ZERO.into()).await,
        3,
    );
    holds(store.read("counter").await, "3");
}

pub(crate) async fn a_new_counter_gets_expiry_if_new(store: Store) {
    ok(store.increment("in", 1, HOUR.into()).await);
    lives_about(store.get_time_to_live("in").await, HOUR);
    ok(store.increment("at", 1, At(SystemTime::now() + HOUR)).await);
    lives_about(store.get_time_to_live("at").await, HOUR);
    ok(store.increment("never", 1, NEVER).await);
    lives_for_ever(store.get_time_to_live("never").await);
}

pub(crate) async fn a_new_counter_with_keep_never_expires(store: Store) {
    gives(store.increment("counter", 1, Keep).await, 1);
    lives_for_ever(store.get_time_to_live("counter").await);
}

pub(crate) async fn a_new_counter_with_a_past_deadline_answers_and_leaves_nothing(store: Store) {
    for past in [
        Duration::ZERO.into(),
        At(UNIX_EPOCH),
        At(SystemTime::now() - HOUR),
    ] {
        gives(store.increment("counter", 5, past).await, 5);
        misses(store.read("counter").await);
    }
    gives(store.increment("counter", 3, NEVER).await, 3);
}

pub(crate) async fn an_expired_counter_starts_again(store: Store) {
    store.put_for("counter", "41", store.brief()).await;
    store.outlive().await;
    gives(store.increment("counter", 1, HOUR.into()).await, 1);
    holds(store.read("counter").await, "1");
    lives_about(store.get_time_to_live("counter").await, HOUR);
}

pub(crate) async fn an_expired_value_that_is_no_number_is_no_error(store: Store) {
    store.put_for("past", "text", store.brief()).await;
    store
        .put_for("full", "9223372036854775807", store.brief())
        .await;
    store.outlive().await;
    gives(store.increment("past", 1, NEVER).await, 1);
    gives(store.increment("full", 1, NEVER).await, 1);
    lives_for_ever(store.get_time_to_live("past").await);
}

pub(crate) async fn an_expired_counter_with_a_past_deadline_leaves_nothing(store: Store) {
    store.put_for("counter", "41", store.brief()).await;
    store.outlive().await;
    gives(
        store.increment("counter", 2, Duration::ZERO.into()).await,
        2,
    );
    misses(store.read("counter").await);
}

pub(crate) async fn text_is_not_a_number(store: Store) {
    let texts = [
        "x", "five", "1x", "x1", "0x1", "1.0", "1e3", "1_000", "1,000", "NaN", "true",
    ];
    no_numbers(&store, &texts).await;
}

pub(crate) async fn leading_zeros_are_not_a_number(store: Store) {
    no_numbers(
        &store,
        &["00", "01", "007", "-01", "-007", "000000000000000000001"],
    )
    .await;
}

pub(crate) async fn signs_other_than_a_minus_are_not_a_number(store: Store) {
    let texts = ["+1", "+0", "-0", "-", "+", "--1", "+-1", "1-", "\u{2212}1"];
    no_numbers(&store, &texts).await;
}

pub(crate) async fn blanks_are_not_a_number(store: Store) {
    no_numbers(
        &store,
        &[
            "", " ", " 1", "1 ", "\t1", "1\n", "1\r\n", "\0", "1\0", "- 1",
        ],
    )
    .await;
}

pub(crate) async fn a_number_outside_64_bits_is_not_a_number(store: Store) {
    let texts = [
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "100000000000000000000000000000000000000000",
    ];
    no_numbers(&store, &texts).await;
}

pub(crate) async fn a_number_of_any_length_is_not_a_number(store: Store) {
    let longest = store.profile().max_value_len().min(1 << 20) - 1;
    for length in [19, 20, 21, 64, 400, longest / 8, longest] {
        let digits = "9".repeat(length);
        for text in [format!("-{digits}"), digits.clone(), "0".repeat(length)] {
            store.put("counter", text.clone()).await;
            for by in [0, 1, -1, i64::MIN, i64::MAX] {
                fails(
                    store.increment("counter", by, NEVER).await,
                    ErrorKind::NotANumber,
                );
            }
            holds(store.read("counter").await, text);
        }
    }
}

pub(crate) async fn digits_of_other_scripts_are_not_a_number(store: Store) {
    no_numbers(&store, &["\u{0661}", "\u{FF11}", "\u{00B2}", "\u{2460}"]).await;
}

pub(crate) async fn bytes_that_are_no_text_are_not_a_number(store: Store) {
    for bytes in [
        &[0x01, 0x05][..],
        &[0xff],
        &[b'1', 0xff],
        &[0, 0, 0, 0, 0, 0, 0, 1],
    ] {
        store.put("value", Bytes::copy_from_slice(bytes)).await;
        fails(
            store.increment("value", 1, NEVER).await,
            ErrorKind::NotANumber,
        );
        holds(store.read("value").await, bytes);
    }
}

pub(crate) async fn an_overflow_is_an_error_at_both_ends(store: Store) {
    for (text, by) in [
        ("9223372036854775807", 1),
        ("9223372036854775807", i64::MAX),
        ("1", i64::MAX),
        ("-9223372036854775808", -1),
        ("-9223372036854775808", i64::MIN),
        ("-1", i64::MIN),
    ] {
        store.put("counter", text).await;
        fails(
            store.increment("counter", by, NEVER).await,
            ErrorKind::Overflow,
        );
        holds(store.read("counter").await, text);
    }
}

pub(crate) async fn both_ends_of_64_bits_can_be_reached(store: Store) {
    store.put("counter", "9223372036854775806").await;
    gives(store.increment("counter", 1, NEVER).await, i64::MAX);
    gives(store.increment("counter", 0, NEVER).await, i64::MAX);
    gives(store.increment("counter", i64::MIN, NEVER).await, -1);
    gives(
        store.increment("counter", i64::MIN + 1, NEVER).await,
        i64::MIN,
    );
    gives(store.increment("counter", 0, NEVER).await, i64::MIN);
    gives(store.increment("counter", i64::MAX, NEVER).await, -1);
}

pub(crate) async fn an_increment_that_fails_changes_nothing(store: Store) {
    for (value, by, kind) in [
        ("text", 1, ErrorKind::NotANumber),
        ("9223372036854775807", 1, ErrorKind::Overflow),
    ] {
        for expiry in [NEVER, Keep, (HOUR * 9).into(), Duration::ZERO.into()] {
            store.put_for("counter", value, HOUR).await;
            fails(store.increment("counter", by, expiry).await, kind);
            holds(store.read("counter").await, value);
            lives_about(store.get_time_to_live("counter").await, HOUR);
        }
    }
}

/// None of these texts is a counter, and none is changed.
async fn no_numbers(store: &Store, texts: &[&'static str]) {
    for &text in texts {
        store.put("value", text).await;
        let answer = store.increment("value", 1, NEVER).await;
        let answer = answer.map_err(|error| error.kind());
        assert_eq!(
            answer,
            Err(ErrorKind::NotANumber),
            "an increment of {text:?}"
        );
        holds(store.read("value").await, text);
    }
}
