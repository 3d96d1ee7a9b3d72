//! Every operation on every state of an entry: what it answers, and what stands there after it.
//!
//! The value before is always `7`, and the states come in the order missing, live without a
//! deadline, live for an hour, expired.

use std::fmt::Debug;
use std::time::UNIX_EPOCH;

use session_core::Result;

use super::prelude::*;
use crate::harness::Client;

const STATES: [&str; 4] = ["missing", "permanent", "timed", "expired"];

/// An answer, and what stands there after it.
type Expected = (&'static str, &'static str);

pub(crate) async fn read_finds_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { say(cache.read(key).await) };
    each_state(
        store,
        call,
        [
            ("None", "nothing"),
            ("Some(b\"7\")", "7 for ever"),
            ("Some(b\"7\")", "7 for an hour"),
            ("None", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn read_all_finds_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { say(cache.read_all(&[key]).await) };
    each_state(
        store,
        call,
        [
            ("[None]", "nothing"),
            ("[Some(b\"7\")]", "7 for ever"),
            ("[Some(b\"7\")]", "7 for an hour"),
            ("[None]", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn read_with_time_to_live_finds_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { entry(cache.read_with_time_to_live(key).await) };
    each_state(
        store,
        call,
        [
            ("nothing", "nothing"),
            ("7 for ever", "7 for ever"),
            ("7 for an hour", "7 for an hour"),
            ("nothing", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn get_time_to_live_finds_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { life(cache.get_time_to_live(key).await) };
    each_state(
        store,
        call,
        [
            ("nothing", "nothing"),
            ("for ever", "7 for ever"),
            ("for an hour", "7 for an hour"),
            ("nothing", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_write_replaces_whatever_is_there(store: Store) {
    let call = |cache: Client, key| async move { say(cache.offer(key, "8", Always, HOUR).await) };
    each_state(
        store,
        call,
        [
            ("true", "8 for an hour"),
            ("true", "8 for an hour"),
            ("true", "8 for an hour"),
            ("true", "8 for an hour"),
        ],
    )
    .await;
}

pub(crate) async fn a_write_without_a_deadline_replaces_whatever_is_there(store: Store) {
    let call = |cache: Client, key| async move { say(cache.offer(key, "8", Always, NEVER).await) };
    each_state(
        store,
        call,
        [
            ("true", "8 for ever"),
            ("true", "8 for ever"),
            ("true", "8 for ever"),
            ("true", "8 for ever"),
        ],
    )
    .await;
}

pub(crate) async fn a_write_with_keep_keeps_the_deadlines_of_live_entries(store: Store) {
    let call = |cache: Client, key| async move { say(cache.offer(key, "8", Always, Keep).await) };
    each_state(
        store,
        call,
        [
            ("true", "8 for ever"),
            ("true", "8 for ever"),
            ("true", "8 for an hour"),
            ("true", "8 for ever"),
        ],
    )
    .await;
}

pub(crate) async fn a_write_with_a_past_deadline_removes_whatever_is_there(store: Store) {
    let call = |cache: Client, key| async move {
        say(cache.offer(key, "8", Always, At(UNIX_EPOCH)).await)
    };
    each_state(
        store,
        call,
        [
            ("true", "nothing"),
            ("true", "nothing"),
            ("true", "nothing"),
            ("true", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn an_add_writes_where_no_live_entry_is(store: Store) {
    let call = |cache: Client, key| async move { say(cache.offer(key, "8", Absent, HOUR).await) };
    each_state(
        store,
        call,
        [
            ("true", "8 for an hour"),
            ("false", "7 for ever"),
            ("false", "7 for an hour"),
            ("true", "8 for an hour"),
        ],
    )
    .await;
}

pub(crate) async fn an_add_with_keep_gives_no_deadline(store: Store) {
    let call = |cache: Client, key| async move { say(cache.offer(key, "8", Absent, Keep).await) };
    each_state(
        store,
        call,
        [
            ("true", "8 for ever"),
            ("false", "7 for ever"),
            ("false", "7 for an hour"),
            ("true", "8 for ever"),
        ],
    )
    .await;
}

pub(crate) async fn an_add_with_a_past_deadline_leaves_what_was(store: Store) {
    let call = |cache: Client, key| async move {
        say(cache.offer(key, "8", Absent, Duration::ZERO).await)
    };
    each_state(
        store,
        call,
        [
            ("true", "nothing"),
            ("false", "7 for ever"),
            ("false", "7 for an hour"),
            ("true", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_replacement_writes_over_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { say(cache.offer(key, "8", Present, HOUR).await) };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "8 for an hour"),
            ("true", "8 for an hour"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_replacement_with_keep_keeps_the_deadline(store: Store) {
    let call = |cache: Client, key| async move { say(cache.offer(key, "8", Present, Keep).await) };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "8 for ever"),
            ("true", "8 for an hour"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_replacement_with_a_past_deadline_removes_live_entries(store: Store) {
    let call = |cache: Client, key| async move {
        say(cache.offer(key, "8", Present, Duration::ZERO).await)
    };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "nothing"),
            ("true", "nothing"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_comparison_writes_over_equal_live_entries_only(store: Store) {
    let call =
        |cache: Client, key| async move { say(cache.offer(key, "8", equals("7"), NEVER).await) };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "8 for ever"),
            ("true", "8 for ever"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_comparison_with_keep_keeps_the_deadline(store: Store) {
    let call =
        |cache: Client, key| async move { say(cache.offer(key, "8", equals("7"), Keep).await) };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "8 for ever"),
            ("true", "8 for an hour"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_comparison_with_other_bytes_changes_nothing(store: Store) {
    let call = |cache: Client, key| async move {
        say(cache.offer(key, "8", equals("07"), Duration::ZERO).await)
    };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("false", "7 for ever"),
            ("false", "7 for an hour"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_comparison_with_a_past_deadline_removes_equal_live_entries(store: Store) {
    let call = |cache: Client, key| async move {
        say(cache.offer(key, "8", equals("7"), Duration::ZERO).await)
    };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "nothing"),
            ("true", "nothing"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn write_all_replaces_whatever_is_there(store: Store) {
    let call = |cache: Client, key| async move {
        say(cache.write_all(&[(key, "8".into())], HOUR.into()).await)
    };
    each_state(
        store,
        call,
        [
            ("()", "8 for an hour"),
            ("()", "8 for an hour"),
            ("()", "8 for an hour"),
            ("()", "8 for an hour"),
        ],
    )
    .await;
}

pub(crate) async fn write_all_with_keep_keeps_the_deadlines_of_live_entries(store: Store) {
    let call =
        |cache: Client, key| async move { say(cache.write_all(&[(key, "8".into())], Keep).await) };
    each_state(
        store,
        call,
        [
            ("()", "8 for ever"),
            ("()", "8 for ever"),
            ("()", "8 for an hour"),
            ("()", "8 for ever"),
        ],
    )
    .await;
}

pub(crate) async fn remove_takes_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { say(cache.remove(key).await) };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "nothing"),
            ("true", "nothing"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn remove_all_takes_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { say(cache.remove_all(&[key]).await) };
    each_state(
        store,
        call,
        [
            ("0", "nothing"),
            ("1", "nothing"),
            ("1", "nothing"),
            ("0", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn remove_starting_with_takes_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { say(cache.remove_starting_with(key).await) };
    each_state(
        store,
        call,
        [
            ("0", "nothing"),
            ("1", "nothing"),
            ("1", "nothing"),
            ("0", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn an_increment_counts_on_from_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { say(cache.increment(key, 1, HOUR.into()).await) };
    each_state(
        store,
        call,
        [
            ("1", "1 for an hour"),
            ("8", "8 for ever"),
            ("8", "8 for an hour"),
            ("1", "1 for an hour"),
        ],
    )
    .await;
}

pub(crate) async fn an_increment_with_a_past_deadline_leaves_nothing_new(store: Store) {
    let call =
        |cache: Client, key| async move { say(cache.increment(key, 1, At(UNIX_EPOCH)).await) };
    each_state(
        store,
        call,
        [
            ("1", "nothing"),
            ("8", "8 for ever"),
            ("8", "8 for an hour"),
            ("1", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn adding_zero_creates_where_no_live_entry_is(store: Store) {
    let call = |cache: Client, key| async move { say(cache.increment(key, 0, NEVER).await) };
    each_state(
        store,
        call,
        [
            ("0", "0 for ever"),
            ("7", "7 for ever"),
            ("7", "7 for an hour"),
            ("0", "0 for ever"),
        ],
    )
    .await;
}

pub(crate) async fn a_deadline_can_be_given_to_live_entries_only(store: Store) {
    let call =
        |cache: Client, key| async move { say(cache.set_time_to_live(key, HOUR.into()).await) };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "7 for an hour"),
            ("true", "7 for an hour"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_deadline_can_be_taken_from_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { say(cache.set_time_to_live(key, NEVER).await) };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "7 for ever"),
            ("true", "7 for ever"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_deadline_can_be_kept_by_live_entries_only(store: Store) {
    let call = |cache: Client, key| async move { say(cache.set_time_to_live(key, Keep).await) };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "7 for ever"),
            ("true", "7 for an hour"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_past_deadline_removes_live_entries(store: Store) {
    let call = |cache: Client, key| async move {
        say(cache.set_time_to_live(key, Duration::ZERO.into()).await)
    };
    each_state(
        store,
        call,
        [
            ("false", "nothing"),
            ("true", "nothing"),
            ("true", "nothing"),
            ("false", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn a_listing_gives_live_entries_only(store: Store) {
    let call =
        |cache: Client, key| async move { say(listed(&cache, key).await.map(|keys| keys.len())) };
    each_state(
        store,
        call,
        [
            ("0", "nothing"),
            ("1", "7 for ever"),
            ("1", "7 for an hour"),
            ("0", "nothing"),
        ],
    )
    .await;
}

pub(crate) async fn remove_expired_takes_expired_entries_only(store: Store) {
    let call = |cache: Client, _| async move { say(cache.remove_expired().await.map(drop)) };
    each_state(
        store,
        call,
        [
            ("()", "nothing"),
            ("()", "7 for ever"),
            ("()", "7 for an hour"),
            ("()", "nothing"),
        ],
    )
    .await;
}

/// Brings a key into each state, makes the call on it, and looks at it again.
async fn each_state<F>(
    store: Store,
    call: impl Fn(Client, &'static str) -> F,
    expected: [Expected; 4],
) where
    F: Future<Output = String>,
{
    store.put("permanent", "7").await;
    store.put_for("expired", "7", store.brief()).await;
    store.outlive().await;
    store.put_for("timed", "7", HOUR).await;
    for (state, (answer, after)) in STATES.into_iter().zip(expected) {
        let seen = call(store.cache(), state).await;
        assert_eq!(seen, answer, "the answer for the entry that is {state}");
        let seen = entry(store.read_with_time_to_live(state).await);
        assert_eq!(
            seen, after,
            "what stands there after the one that was {state}"
        );
    }
}

fn say<T: Debug>(answer: Result<T>) -> String {
    format!("{:?}", ok(answer))
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
