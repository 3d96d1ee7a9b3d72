//! Deadlines: what becomes of them, and that expired is absent.

use std::time::{SystemTime, UNIX_EPOCH};

use session_core::MAX_DEADLINE_MS;

use super::prelude::*;

pub(crate) async fn an_entry_lives_until_its_deadline(store: Store) {
    store.put_for("key", "value", store.brief() * 40).await;
    store.outlive().await;
    holds(store.read("key").await, "value");
}

pub(crate) async fn an_entry_is_absent_once_its_time_is_over(store: Store) {
    store.put_for("key", "value", store.brief()).await;
    store.outlive().await;
    misses(store.read("key").await);
    holds_all(store.read_all(&["key"]).await, &[None]);
}

pub(crate) async fn an_entry_is_absent_once_its_instant_is_past(store: Store) {
    let instant = SystemTime::now() + store.brief();
    store.put_for("key", "value", instant).await;
    store.outlive().await;
    misses(store.read("key").await);
    lives_not(store.get_time_to_live("key").await);
}

pub(crate) async fn an_expired_entry_has_no_time_to_live(store: Store) {
    store.put_for("key", "value", store.brief()).await;
    store.outlive().await;
    lives_not(store.get_time_to_live("key").await);
    gives(store.read_with_time_to_live("key").await, None);
}

pub(crate) async fn an_expired_entry_is_not_listed(store: Store) {
    store.put_for("a:expired", "value", store.brief()).await;
    store.put_for("a:live", "value", HOUR).await;
    store.put("a:permanent", "value").await;
    store.outlive().await;
    lists(listed(&*store, "a:").await, &["a:live", "a:permanent"]);
    lists(listed(&*store, "").await, &["a:live", "a:permanent"]);
}

pub(crate) async fn an_expired_entry_is_not_counted_as_removed(store: Store) {
    for key in ["a:1", "a:2", "a:3", "a:4"] {
        store.put_for(key, "value", store.brief()).await;
    }
    store.put("a:5", "value").await;
    store.outlive().await;
    refused(store.remove("a:1").await);
    gives(store.remove_all(&["a:1", "a:2", "a:5"]).await, 1);
    gives(store.remove_starting_with("a:").await, 0);
}

pub(crate) async fn an_expired_entry_cannot_be_given_more_time(store: Store) {
    store.put_for("key", "value", store.brief()).await;
    store.outlive().await;
    for expiry in [NEVER, HOUR.into(), Keep] {
        refused(store.set_time_to_live("key", expiry).await);
        misses(store.read("key").await);
    }
}

pub(crate) async fn a_zero_duration_leaves_nothing(store: Store) {
    happens(store.offer("new", "value", Always, Duration::ZERO).await);
    misses(store.read("new").await);
    store.put("old", "value").await;
    happens(store.offer("old", "value", Always, Duration::ZERO).await);
    misses(store.read("old").await);
    lists(listed(&*store, "").await, &[]);
}

pub(crate) async fn a_deadline_already_past_leaves_nothing(store: Store) {
    for past in past_instants() {
        happens(store.offer("new", "value", Always, past).await);
        misses(store.read("new").await);
        store.put_for("old", "value", HOUR).await;
        happens(store.offer("old", "value", Always, past).await);
        misses(store.read("old").await);
        refused(store.remove("old").await);
    }
}

pub(crate) async fn the_shortest_duration_is_not_for_ever(store: Store) {
    for nanos in [1, 999, 1_000, 999_999, 1_000_000, 1_000_001] {
        store
            .put_for("key", "value", Duration::from_nanos(nanos))
            .await;
        match ok(store.get_time_to_live("key").await) {
            None => {}
            Some(TimeToLive::Remaining(left)) if left <= store.brief() => {}
            seen => panic!("expected {nanos} ns at most or nothing, saw {seen:?}"),
        }
    }
    store.outlive().await;
    misses(store.read("key").await);
}

pub(crate) async fn a_time_to_live_is_never_zero(store: Store) {
    for millis in 1..=25 {
        store
            .put_for("key", "value", Duration::from_millis(millis))
            .await;
        for _ in 0..20 {
            let alone = ok(store.get_time_to_live("key").await);
            let both = ok(store.read_with_time_to_live("key").await);
            for seen in [alone, both.map(|(_, time_to_live)| time_to_live)] {
                assert_ne!(seen, Some(TimeToLive::Remaining(Duration::ZERO)));
                assert_ne!(seen, Some(TimeToLive::Never));
            }
        }
    }
}

pub(crate) async fn a_time_to_live_counts_down(store: Store) {
    store.put_for("key", "value", HOUR).await;
    let before = remaining(&store, "key").await;
    store.outlive().await;
    let after = remaining(&store, "key").await;
    let over = store.brief();
    assert!(
        before - after >= over,
        "expected {over:?} less than {before:?}, saw {after:?}"
    );
    lives_about(store.get_time_to_live("key").await, HOUR);
}

pub(crate) async fn a_missing_entry_has_no_time_to_live(store: Store) {
    lives_not(store.get_time_to_live("missing").await);
}

pub(crate) async fn an_entry_without_a_deadline_lives_for_ever(store: Store) {
    store.put("key", "value").await;
    lives_for_ever(store.get_time_to_live("key").await);
    store.outlive().await;
    holds(store.read("key").await, "value");
}

pub(crate) async fn lives_of_every_length_are_kept(store: Store) {
    const DAY: u64 = 24 * 3_600;
    for seconds in [
        60,
        3_600,
        DAY,
        14 * DAY,
        25 * DAY,
        50 * DAY,
        400 * DAY,
        36_500 * DAY,
    ] {
        let life = Duration::from_secs(seconds);
        store.put_for("in", "value", life).await;
        lives_about(store.get_time_to_live("in").await, life);
        store.put_for("at", "value", SystemTime::now() + life).await;
        lives_about(store.get_time_to_live("at").await, life);
    }
}

pub(crate) async fn the_last_millisecond_of_the_year_9999_is_a_deadline(store: Store) {
    let last = u64::try_from(MAX_DEADLINE_MS).expect("a year after 1970");
    let last = UNIX_EPOCH + Duration::from_millis(last);
    store.put_for("key", "value", last).await;
    let life = last
        .duration_since(SystemTime::now())
        .expect("a time before 9999");
    lives_about(store.get_time_to_live("key").await, life);
    holds(store.read("key").await, "value");
}

pub(crate) async fn the_latest_deadline_goes_through_every_operation(store: Store) {
    let last = u64::try_from(MAX_DEADLINE_MS).expect("a year after 1970");
    let last = UNIX_EPOCH + Duration::from_millis(last);
    let life = last
        .duration_since(SystemTime::now())
        .expect("a time before 9999");
    let about = |seen| lives_about(seen, life);
    ok(store
        .write_all(&[("a", "1".into()), ("b", "1".into())], At(last))
        .await);
    gives(store.increment("c", 1, At(last)).await, 1);
    store.put("d", "1").await;
    happens(store.set_time_to_live("d", At(last)).await);
    for key in ["a", "b", "c", "d"] {
        gives(store.increment(key, 1, NEVER).await, 2);
        happens(store.offer(key, "3", equals("2"), Keep).await);
        ok(store.write_all(&[(key, "4".into())], Keep).await);
        happens(store.set_time_to_live(key, Keep).await);
        about(store.get_time_to_live(key).await);
        // An hour less and an hour more than there is: a deadline, and none.
        store.put_for(key, "5", life - HOUR).await;
        about(store.get_time_to_live(key).await);
        happens(store.set_time_to_live(key, (life + HOUR).into()).await);
        lives_for_ever(store.get_time_to_live(key).await);
    }
}

pub(crate) async fn a_deadline_after_the_year_9999_is_never(store: Store) {
    let last = u64::try_from(MAX_DEADLINE_MS).expect("a year after 1970");
    let after = UNIX_EPOCH + Duration::from_millis(last + 1);
    store.put_for("key", "value", after).await;
    lives_for_ever(store.get_time_to_live("key").await);
    let much_later = UNIX_EPOCH + Duration::from_secs(last);
    happens(store.set_time_to_live("key", much_later.into()).await);
    lives_for_ever(store.get_time_to_live("key").await);
}

pub(crate) async fn the_longest_duration_is_never(store: Store) {
    store.put_for("key", "value", Duration::MAX).await;
    lives_for_ever(store.get_time_to_live("key").await);
    store.put_for("key", "value", HOUR).await;
    happens(store.set_time_to_live("key", Duration::MAX.into()).await);
    lives_for_ever(store.get_time_to_live("key").await);
    gives(store.increment("counter", 1, Duration::MAX.into()).await, 1);
    lives_for_ever(store.get_time_to_live("counter").await);
    for seconds in [
        u64::MAX,
        u64::MAX / 1_000,
        1 << 53,
        i64::MAX.unsigned_abs() / 1_000,
    ] {
        store
            .put_for("key", "value", Duration::from_secs(seconds))
            .await;
        lives_for_ever(store.get_time_to_live("key").await);
    }
}

pub(crate) async fn what_a_time_to_live_gives_can_be_written_back(store: Store) {
    for expiry in [NEVER, HOUR.into()] {
        store.put_for("from", "value", expiry).await;
        let seen = ok(store.get_time_to_live("from").await).expect("a live entry");
        store.put_for("to", "value", seen).await;
        happens(store.set_time_to_live("from", seen.into()).await);
        for key in ["from", "to"] {
            match seen {
                TimeToLive::Never => lives_for_ever(store.get_time_to_live(key).await),
                TimeToLive::Remaining(_) => lives_about(store.get_time_to_live(key).await, HOUR),
            }
        }
    }
}

pub(crate) async fn an_overwrite_replaces_a_longer_deadline(store: Store) {
    store.put_for("key", "old", HOUR).await;
    store.put_for("key", "new", store.brief()).await;
    store.outlive().await;
    misses(store.read("key").await);
}

pub(crate) async fn an_overwrite_replaces_a_shorter_deadline(store: Store) {
    store.put_for("key", "old", store.brief()).await;
    store.put_for("key", "new", HOUR).await;
    store.outlive().await;
    holds(store.read("key").await, "new");
    lives_about(store.get_time_to_live("key").await, HOUR);
}

pub(crate) async fn an_overwrite_without_a_deadline_takes_it_away(store: Store) {
    store.put_for("key", "old", store.brief()).await;
    store.put("key", "new").await;
    lives_for_ever(store.get_time_to_live("key").await);
    store.outlive().await;
    holds(store.read("key").await, "new");
}

pub(crate) async fn an_overwrite_with_a_deadline_gives_one(store: Store) {
    store.put("key", "old").await;
    store.put_for("key", "new", store.brief()).await;
    store.outlive().await;
    misses(store.read("key").await);
}

pub(crate) async fn keep_leaves_the_deadline_of_a_live_entry(store: Store) {
    store.put_for("key", "1", HOUR).await;
    for (value, condition) in [("2", Always), ("3", Present), ("4", equals("3"))] {
        happens(store.offer("key", value, condition, Keep).await);
        holds(store.read("key").await, value);
        lives_about(store.get_time_to_live("key").await, HOUR);
    }
}

pub(crate) async fn keep_does_not_start_the_time_anew(store: Store) {
    store.put_for("key", "old", store.brief()).await;
    happens(store.offer("key", "new", Always, Keep).await);
    store.outlive().await;
    misses(store.read("key").await);
}

pub(crate) async fn keep_leaves_an_entry_without_a_deadline_without_one(store: Store) {
    store.put("key", "old").await;
    happens(store.offer("key", "new", Present, Keep).await);
    lives_for_ever(store.get_time_to_live("key").await);
}

pub(crate) async fn a_new_entry_with_keep_never_expires(store: Store) {
    happens(store.offer("always", "value", Always, Keep).await);
    happens(store.offer("absent", "value", Absent, Keep).await);
    lives_for_ever(store.get_time_to_live("always").await);
    lives_for_ever(store.get_time_to_live("absent").await);
}

pub(crate) async fn keep_over_an_expired_entry_never_expires(store: Store) {
    store.put_for("always", "old", store.brief()).await;
    store.put_for("absent", "old", store.brief()).await;
    store.outlive().await;
    happens(store.offer("always", "new", Always, Keep).await);
    happens(store.offer("absent", "new", Absent, Keep).await);
    for key in ["always", "absent"] {
        holds(store.read(key).await, "new");
        lives_for_ever(store.get_time_to_live(key).await);
    }
}

pub(crate) async fn a_live_entry_can_be_given_a_deadline(store: Store) {
    store.put("key", "value").await;
    happens(store.set_time_to_live("key", HOUR.into()).await);
    lives_about(store.get_time_to_live("key").await, HOUR);
    let instant = SystemTime::now() + HOUR * 2;
    happens(store.set_time_to_live("key", At(instant)).await);
    lives_about(store.get_time_to_live("key").await, HOUR * 2);
    happens(store.set_time_to_live("key", store.brief().into()).await);
    store.outlive().await;
    misses(store.read("key").await);
}

pub(crate) async fn a_live_entry_can_be_given_more_time(store: Store) {
    store.put_for("key", "value", store.brief()).await;
    happens(store.set_time_to_live("key", HOUR.into()).await);
    store.outlive().await;
    holds(store.read("key").await, "value");
}

pub(crate) async fn a_live_entry_can_lose_its_deadline(store: Store) {
    store.put_for("key", "value", store.brief()).await;
    happens(store.set_time_to_live("key", NEVER).await);
    lives_for_ever(store.get_time_to_live("key").await);
    store.outlive().await;
    holds(store.read("key").await, "value");
}

pub(crate) async fn a_new_deadline_leaves_the_value_as_it_is(store: Store) {
    for value in ["", "value", "007", "-12"] {
        store.put("key", value).await;
        for expiry in [HOUR.into(), Keep, NEVER] {
            happens(store.set_time_to_live("key", expiry).await);
            holds(store.read("key").await, value);
        }
    }
}

pub(crate) async fn a_missing_entry_cannot_be_given_a_deadline(store: Store) {
    for expiry in [NEVER, HOUR.into(), Keep, Duration::ZERO.into()] {
        refused(store.set_time_to_live("missing", expiry).await);
        misses(store.read("missing").await);
    }
}

pub(crate) async fn setting_a_past_deadline_removes(store: Store) {
    store.put("key", "value").await;
    happens(store.set_time_to_live("key", Duration::ZERO.into()).await);
    misses(store.read("key").await);
    for past in past_instants() {
        store.put_for("key", "value", HOUR).await;
        happens(store.set_time_to_live("key", At(past)).await);
        misses(store.read("key").await);
        refused(store.set_time_to_live("key", NEVER).await);
    }
}

pub(crate) async fn setting_keep_changes_nothing_and_tells_of_life(store: Store) {
    store.put_for("timed", "value", HOUR).await;
    store.put("permanent", "value").await;
    happens(store.set_time_to_live("timed", Keep).await);
    happens(store.set_time_to_live("permanent", Keep).await);
    refused(store.set_time_to_live("missing", Keep).await);
    lives_about(store.get_time_to_live("timed").await, HOUR);
    lives_for_ever(store.get_time_to_live("permanent").await);
}

pub(crate) async fn remove_expired_leaves_the_live_entries(store: Store) {
    store.put_for("expired", "value", store.brief()).await;
    store.put_for("timed", "value", HOUR).await;
    store.put("permanent", "value").await;
    store.outlive().await;
    ok(store.remove_expired().await);
    misses(store.read("expired").await);
    lists(listed(&*store, "").await, &["permanent", "timed"]);
    lives_about(store.get_time_to_live("timed").await, HOUR);
}

pub(crate) async fn remove_expired_leaves_a_renewed_entry(store: Store) {
    for key in ["touched", "written", "kept for ever", "added again"] {
        store.put_for(key, "old", store.brief()).await;
    }
    happens(store.set_time_to_live("touched", HOUR.into()).await);
    store.put_for("written", "new", HOUR).await;
    happens(store.set_time_to_live("kept for ever", NEVER).await);
    store.outlive().await;
    happens(store.offer("added again", "new", Absent, HOUR).await);
    ok(store.remove_expired().await);
    ok(store.remove_expired().await);
    holds(store.read("touched").await, "old");
    holds(store.read("written").await, "new");
    holds(store.read("kept for ever").await, "old");
    holds(store.read("added again").await, "new");
}

pub(crate) async fn remove_expired_of_an_empty_store_is_no_error(store: Store) {
    ok(store.remove_expired().await);
    lists(listed(&*store, "").await, &[]);
}

pub(crate) async fn remove_expired_counts_what_it_freed(store: Store) {
    for n in 0..5 {
        store
            .put_for(&format!("expired:{n}"), "", store.brief())
            .await;
    }
    store.put("permanent", "").await;
    store.put_for("timed", "", HOUR).await;
    store.outlive().await;
    let freed = ok(store.remove_expired().await);
    let profile = store.profile();
    // Where the store sweeps as well, it may have been there first.
    let least = if profile.has_sweeper() { 0 } else { 5 };
    assert!(freed >= least, "expected at least {least}, saw {freed}");
    // Nobody knows what neighbours had to free.
    if !profile.has_neighbours() {
        assert!(freed <= 5, "expected at most 5, saw {freed}");
        gives(store.remove_expired().await, 0);
    }
    lists(listed(&*store, "").await, &["permanent", "timed"]);
}

pub(crate) async fn an_instant_and_a_duration_agree(store: Store) {
    store.put_for("in", "", HOUR).await;
    store.put_for("at", "", SystemTime::now() + HOUR).await;
    let (given_in, given_at) = (remaining(&store, "in").await, remaining(&store, "at").await);
    let apart = given_in.abs_diff(given_at);
    // Clocks that are told apart may add a second.
    let allowed = store.profile().time_margin() + Duration::from_secs(1);
    assert!(
        apart <= allowed,
        "expected at most {allowed:?} between them, saw {apart:?}"
    );
}

pub(crate) async fn many_expired_entries_are_all_absent(store: Store) {
    let keys: Vec<String> = (0..2_500).map(|n| format!("key:{n}")).collect();
    let entries: Vec<(&str, Bytes)> = keys.iter().map(|key| (&**key, "value".into())).collect();
    ok(store.write_all(&entries, store.brief().into()).await);
    store.put("key:live", "value").await;
    store.outlive().await;
    lists(listed(&*store, "key:").await, &["key:live"]);
    ok(store.remove_expired().await);
    lists(listed(&*store, "key:").await, &["key:live"]);
    gives(store.remove_starting_with("").await, 1);
}

/// What is left of an entry that has a deadline.
async fn remaining(store: &Store, key: &str) -> Duration {
    match ok(store.get_time_to_live(key).await) {
        Some(TimeToLive::Remaining(left)) => left,
        seen => panic!("expected a deadline, saw {seen:?}"),
    }
}

/// Instants that are past on every clock, from an hour ago to before 1970.
fn past_instants() -> [SystemTime; 4] {
    [
        SystemTime::now() - HOUR,
        UNIX_EPOCH + Duration::from_millis(1),
        UNIX_EPOCH,
        UNIX_EPOCH - HOUR,
    ]
}
