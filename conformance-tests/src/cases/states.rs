//! Every operation on an entry in each state: what it answers, and what stands there after it.
//!
//! The value before is always `7`.

use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};

use session_core::Result;

use super::prelude::*;
use crate::harness::Client;

/// The columns below.
const STATES: [&str; 4] = ["missing", "permanent", "timed", "expired"];

/// Makes a case of each row, to be run in each state: the call, and for each state the answer and
/// what stands there after it.
macro_rules! operations {
    ($($name:ident: |$cache:ident, $key:ident| $call:expr => [$($expected:literal),*];)*) => {
        $(pub(crate) async fn $name(store: Store, state: &str) {
            let call = |$cache: Client, $key: &'static str| async move { $call };
            on(store, state, call, [$($expected),*]).await;
        })*
    };
}

operations! {
    read_finds_live_entries_only: |cache, key|
        value(cache.read(key).await) =>
        ["nothing -> nothing", "7 -> 7 for ever", "7 -> 7 for an hour", "nothing -> nothing"];
    read_all_finds_live_entries_only: |cache, key|
        value(cache.read_all(&[key]).await.map(|mut values| values.remove(0))) =>
        ["nothing -> nothing", "7 -> 7 for ever", "7 -> 7 for an hour", "nothing -> nothing"];
    read_with_time_to_live_finds_live_entries_only: |cache, key|
        entry(cache.read_with_time_to_live(key).await) =>
        ["nothing -> nothing", "7 for ever -> 7 for ever",
         "7 for an hour -> 7 for an hour", "nothing -> nothing"];
    get_time_to_live_finds_live_entries_only: |cache, key|
        life(cache.get_time_to_live(key).await) =>
        ["nothing -> nothing", "for ever -> 7 for ever",
         "for an hour -> 7 for an hour", "nothing -> nothing"];
    a_write_replaces_whatever_is_there: |cache, key|
        say(cache.offer(key, "8", Always, HOUR).await) =>
        ["true -> 8 for an hour", "true -> 8 for an hour",
         "true -> 8 for an hour", "true -> 8 for an hour"];
    a_write_without_a_deadline_replaces_whatever_is_there: |cache, key|
        say(cache.offer(key, "8", Always, NEVER).await) =>
        ["true -> 8 for ever", "true -> 8 for ever", "true -> 8 for ever", "true -> 8 for ever"];
    a_write_with_keep_keeps_the_deadlines_of_live_entries: |cache, key|
        say(cache.offer(key, "8", Always, Keep).await) =>
        ["true -> 8 for ever", "true -> 8 for ever", "true -> 8 for an hour", "true -> 8 for ever"];
    a_write_with_a_past_deadline_removes_whatever_is_there: |cache, key|
        say(cache.offer(key, "8", Always, At(UNIX_EPOCH)).await) =>
        ["true -> nothing", "true -> nothing", "true -> nothing", "true -> nothing"];
    an_add_writes_where_no_live_entry_is: |cache, key|
        say(cache.offer(key, "8", Absent, HOUR).await) =>
        ["true -> 8 for an hour", "false -> 7 for ever",
         "false -> 7 for an hour", "true -> 8 for an hour"];
    an_add_with_keep_gives_no_deadline: |cache, key|
        say(cache.offer(key, "8", Absent, Keep).await) =>
        ["true -> 8 for ever", "false -> 7 for ever",
         "false -> 7 for an hour", "true -> 8 for ever"];
    an_add_with_a_past_deadline_leaves_what_was: |cache, key|
        say(cache.offer(key, "8", Absent, Duration::ZERO).await) =>
        ["true -> nothing", "false -> 7 for ever", "false -> 7 for an hour", "true -> nothing"];
    a_replacement_writes_over_live_entries_only: |cache, key|
        say(cache.offer(key, "8", Present, HOUR).await) =>
        ["false -> nothing", "true -> 8 for an hour", "true -> 8 for an hour", "false -> nothing"];
    a_replacement_with_keep_keeps_the_deadline: |cache, key|
        say(cache.offer(key, "8", Present, Keep).await) =>
        ["false -> nothing", "true -> 8 for ever", "true -> 8 for an hour", "false -> nothing"];
    a_replacement_with_a_past_deadline_removes_live_entries: |cache, key|
        say(cache.offer(key, "8", Present, Duration::ZERO).await) =>
        ["false -> nothing", "true -> nothing", "true -> nothing", "false -> nothing"];
    a_comparison_writes_over_equal_live_entries_only: |cache, key|
        say(cache.offer(key, "8", equals("7"), NEVER).await) =>
        ["false -> nothing", "true -> 8 for ever", "true -> 8 for ever", "false -> nothing"];
    a_comparison_with_keep_keeps_the_deadline: |cache, key|
        say(cache.offer(key, "8", equals("7"), Keep).await) =>
        ["false -> nothing", "true -> 8 for ever", "true -> 8 for an hour", "false -> nothing"];
    a_comparison_with_other_bytes_changes_nothing: |cache, key|
        say(cache.offer(key, "8", equals("07"), Duration::ZERO).await) =>
        ["false -> nothing", "false -> 7 for ever", "false -> 7 for an hour", "false -> nothing"];
    a_comparison_with_a_past_deadline_removes_equal_live_entries: |cache, key|
        say(cache.offer(key, "8", equals("7"), Duration::ZERO).await) =>
        ["false -> nothing", "true -> nothing", "true -> nothing", "false -> nothing"];
    write_all_replaces_whatever_is_there: |cache, key|
        say(cache.write_all(&[(key, "8".into())], HOUR.into()).await) =>
        ["() -> 8 for an hour", "() -> 8 for an hour", "() -> 8 for an hour", "() -> 8 for an hour"];
    write_all_with_keep_keeps_the_deadlines_of_live_entries: |cache, key|
        say(cache.write_all(&[(key, "8".into())], Keep).await) =>
        ["() -> 8 for ever", "() -> 8 for ever", "() -> 8 for an hour", "() -> 8 for ever"];
    remove_takes_live_entries_only: |cache, key|
        say(cache.remove(key).await) =>
        ["false -> nothing", "true -> nothing", "true -> nothing", "false -> nothing"];
    remove_all_takes_live_entries_only: |cache, key|
        say(cache.remove_all(&[key]).await) =>
        ["0 -> nothing", "1 -> nothing", "1 -> nothing", "0 -> nothing"];
    remove_starting_with_takes_live_entries_only: |cache, key|
        say(cache.remove_starting_with(key).await) =>
        ["0 -> nothing", "1 -> nothing", "1 -> nothing", "0 -> nothing"];
    an_increment_counts_on_from_live_entries_only: |cache, key|
        say(cache.increment(key, 1, HOUR.into()).await) =>
        ["1 -> 1 for an hour", "8 -> 8 for ever", "8 -> 8 for an hour", "1 -> 1 for an hour"];
    an_increment_with_a_past_deadline_leaves_nothing_new: |cache, key|
        say(cache.increment(key, 1, At(UNIX_EPOCH)).await) =>
        ["1 -> nothing", "8 -> 8 for ever", "8 -> 8 for an hour", "1 -> nothing"];
    adding_zero_creates_where_no_live_entry_is: |cache, key|
        say(cache.increment(key, 0, NEVER).await) =>
        ["0 -> 0 for ever", "7 -> 7 for ever", "7 -> 7 for an hour", "0 -> 0 for ever"];
    a_deadline_can_be_given_to_live_entries_only: |cache, key|
        say(cache.set_time_to_live(key, HOUR.into()).await) =>
        ["false -> nothing", "true -> 7 for an hour", "true -> 7 for an hour", "false -> nothing"];
    a_deadline_can_be_taken_from_live_entries_only: |cache, key|
        say(cache.set_time_to_live(key, NEVER).await) =>
        ["false -> nothing", "true -> 7 for ever", "true -> 7 for ever", "false -> nothing"];
    a_deadline_can_be_kept_by_live_entries_only: |cache, key|
        say(cache.set_time_to_live(key, Keep).await) =>
        ["false -> nothing", "true -> 7 for ever", "true -> 7 for an hour", "false -> nothing"];
    a_past_deadline_removes_live_entries: |cache, key|
        say(cache.set_time_to_live(key, Duration::ZERO.into()).await) =>
        ["false -> nothing", "true -> nothing", "true -> nothing", "false -> nothing"];
    a_listing_gives_live_entries_only: |cache, key|
        say(listed(&cache, key).await.map(|keys| keys.len())) =>
        ["0 -> nothing", "1 -> 7 for ever", "1 -> 7 for an hour", "0 -> nothing"];
    remove_expired_takes_expired_entries_only: |cache, _key|
        say(cache.remove_expired().await.map(drop)) =>
        ["() -> nothing", "() -> 7 for ever", "() -> 7 for an hour", "() -> nothing"];
    a_write_at_an_instant_replaces_whatever_is_there: |cache, key|
        say(cache.offer(key, "8", Always, At(SystemTime::now() + HOUR)).await) =>
        ["true -> 8 for an hour", "true -> 8 for an hour",
         "true -> 8 for an hour", "true -> 8 for an hour"];
    a_write_of_the_same_value_replaces_the_deadline: |cache, key|
        say(cache.offer(key, "7", Always, HOUR).await) =>
        ["true -> 7 for an hour", "true -> 7 for an hour",
         "true -> 7 for an hour", "true -> 7 for an hour"];
    an_add_without_a_deadline_leaves_live_entries_alone: |cache, key|
        say(cache.offer(key, "8", Absent, NEVER).await) =>
        ["true -> 8 for ever", "false -> 7 for ever",
         "false -> 7 for an hour", "true -> 8 for ever"];
    a_replacement_without_a_deadline_takes_it_away: |cache, key|
        say(cache.offer(key, "8", Present, NEVER).await) =>
        ["false -> nothing", "true -> 8 for ever", "true -> 8 for ever", "false -> nothing"];
    a_comparison_with_a_deadline_gives_it: |cache, key|
        say(cache.offer(key, "8", equals("7"), HOUR).await) =>
        ["false -> nothing", "true -> 8 for an hour", "true -> 8 for an hour", "false -> nothing"];
    a_comparison_with_no_bytes_changes_nothing: |cache, key|
        say(cache.offer(key, "8", equals(""), NEVER).await) =>
        ["false -> nothing", "false -> 7 for ever", "false -> 7 for an hour", "false -> nothing"];
    write_all_without_a_deadline_takes_it_away: |cache, key|
        say(cache.write_all(&[(key, "8".into())], NEVER).await) =>
        ["() -> 8 for ever", "() -> 8 for ever", "() -> 8 for ever", "() -> 8 for ever"];
    write_all_with_a_past_deadline_removes_whatever_is_there: |cache, key|
        say(cache.write_all(&[(key, "8".into())], At(UNIX_EPOCH)).await) =>
        ["() -> nothing", "() -> nothing", "() -> nothing", "() -> nothing"];
    write_all_of_a_key_given_twice_leaves_the_last_value: |cache, key|
        say(cache.write_all(&[(key, "8".into()), (key, "9".into())], Keep).await) =>
        ["() -> 9 for ever", "() -> 9 for ever", "() -> 9 for an hour", "() -> 9 for ever"];
    remove_all_of_a_key_given_twice_counts_once: |cache, key|
        say(cache.remove_all(&[key, key]).await) =>
        ["0 -> nothing", "1 -> nothing", "1 -> nothing", "0 -> nothing"];
    an_increment_without_a_deadline_leaves_that_of_live_entries: |cache, key|
        say(cache.increment(key, -1, NEVER).await) =>
        ["-1 -> -1 for ever", "6 -> 6 for ever", "6 -> 6 for an hour", "-1 -> -1 for ever"];
    an_increment_with_keep_gives_no_deadline: |cache, key|
        say(cache.increment(key, 1, Keep).await) =>
        ["1 -> 1 for ever", "8 -> 8 for ever", "8 -> 8 for an hour", "1 -> 1 for ever"];
    an_increment_beyond_64_bits_changes_no_live_entry: |cache, key|
        format!("{:?}", cache.increment(key, i64::MAX, HOUR.into()).await.map_err(|error| error.kind())) =>
        ["Ok(9223372036854775807) -> 9223372036854775807 for an hour", "Err(Overflow) -> 7 for ever",
         "Err(Overflow) -> 7 for an hour", "Ok(9223372036854775807) -> 9223372036854775807 for an hour"];
    a_deadline_at_an_instant_can_be_given_to_live_entries_only: |cache, key|
        say(cache.set_time_to_live(key, At(SystemTime::now() + HOUR)).await) =>
        ["false -> nothing", "true -> 7 for an hour", "true -> 7 for an hour", "false -> nothing"];
    flush_all_takes_whatever_is_there: |cache, _key|
        say(cache.flush_all().await) =>
        ["() -> nothing", "() -> nothing", "() -> nothing", "() -> nothing"];
}

/// Brings an entry into a state, makes the call on it, and looks at it again.
async fn on<F>(
    store: Store,
    state: &str,
    call: impl Fn(Client, &'static str) -> F,
    expected: [&str; 4],
) where
    F: Future<Output = String>,
{
    let key = "entry";
    match state {
        "permanent" => store.put(key, "7").await,
        "timed" => store.put_for(key, "7", HOUR).await,
        "expired" => {
            store.put_for(key, "7", store.brief()).await;
            store.outlive().await;
        }
        state => assert_eq!(state, "missing", "a state of the table"),
    }
    let answer = call(store.cache(), key).await;
    let after = entry(store.read_with_time_to_live(key).await);
    let seen = format!("{answer} -> {after}");
    let column = STATES.iter().position(|known| *known == state);
    let expected = expected[column.expect("a state of the table")];
    assert!(seen == expected, "expected `{expected}`, saw `{seen}`");
}

fn say<T: Debug>(answer: Result<T>) -> String {
    format!("{:?}", ok(answer))
}

fn value(read: Result<Option<Bytes>>) -> String {
    ok(read).map_or("nothing".to_owned(), |value| {
        value.escape_ascii().to_string()
    })
}

fn entry(read: Result<Option<(Bytes, TimeToLive)>>) -> String {
    match ok(read) {
        None => "nothing".to_owned(),
        Some((value, left)) => format!("{} {}", value.escape_ascii(), life(Ok(Some(left)))),
    }
}

fn life(time_to_live: Result<Option<TimeToLive>>) -> String {
    match ok(time_to_live) {
        None => "nothing".to_owned(),
        Some(TimeToLive::Never) => "for ever".to_owned(),
        Some(TimeToLive::Remaining(left)) if is_about(left, HOUR) => "for an hour".to_owned(),
        Some(TimeToLive::Remaining(left)) => format!("for {left:?}"),
    }
}
