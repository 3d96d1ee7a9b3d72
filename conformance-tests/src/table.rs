//! The one table of cases, and what is made of it.
//!
//! [`CASES`] is the table as data, [`conformance_tests!`](crate::conformance_tests) the table as
//! tests. A group says in brackets which store its cases need: `plain`, `reopening` or `sharing`,
//! as the constructors of [`Store`] are named. A case is a function of its group's module under
//! `cases` and says here what it proves.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::cases;
use crate::store::Store;

/// One behaviour that every store must show.
pub struct Case {
    /// The group, which is the module of the test.
    pub group: &'static str,
    /// The name, which is a sentence.
    pub name: &'static str,
    /// What it proves, in a line for people.
    pub proves: &'static str,
    steps: fn(Store) -> BoxFuture<'static, ()>,
}

impl Case {
    /// Runs the case on a fresh store.
    ///
    /// # Panics
    ///
    /// If the store does not behave.
    pub async fn run(&self, store: Store) {
        (self.steps)(store).await;
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.group, self.name)
    }
}

macro_rules! list {
    ($($group:ident($store:ident) $about:literal { $($name:ident: $proves:literal,)* })*) => {
        /// Every case of the suite, in the order of the table.
        pub static CASES: &[Case] = &[$($(
            Case {
                group: stringify!($group),
                name: stringify!($name),
                proves: $proves,
                steps: |store| Box::pin(cases::$group::$name(store)),
            },
        )*)*];

        /// The groups by name, each with what it is about.
        #[allow(non_upper_case_globals)]
        pub mod groups {
            $(#[doc = $about] pub const $group: &str = $about;)*
        }
    };
}

/// Turns every case of the suite into a `#[test]` of its own, in a module for each group.
///
/// Write it once, in a module that is named for it:
///
/// ```ignore
/// conformance_tests::conformance_tests!(MyHarness);
/// ```
///
/// A group that the store cannot offer is declared with the reason; its tests then show as ignored
/// with that reason. A group that is neither possible nor declared does not compile, nor does one
/// that the suite does not know.
///
/// ```ignore
/// conformance_tests::conformance_tests!(MyHarness, lacking: {
///     reopening: "the entries go with the client",
///     sharing: "two clients are two stores",
/// });
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($harness:ty $(, lacking: { $($group:ident: $reason:literal),* $(,)? })? $(,)?) => {
        $($(const _: &str = $crate::groups::$group;)*)?
        $crate::__tests_of_a_group! { ($) $harness { $($($group $reason)*)? } }
        $crate::__cases! { __tests_of_each_group }
    };
}

/// Makes a local macro with an arm for each lacking group and one for all others, because a macro
/// cannot compare two names in any other way.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests_of_a_group {
    (($d:tt) $harness:ty { $($lacking:ident $reason:literal)* }) => {
        macro_rules! __tests_of_this_group {
            $(($lacking $d store:ident $d($d name:ident)*) => {
                mod $lacking {
                    $d(
                        #[test]
                        #[ignore = $reason]
                        fn $d name() {
                            $crate::lacking($reason);
                        }
                    )*
                }
            };)*
            ($d group:ident $d store:ident $d($d name:ident)*) => {
                mod $d group {
                    #[allow(unused_imports)]
                    use super::*;

                    $d(
                        #[test]
                        fn $d name() {
                            $crate::run(
                                stringify!($d group),
                                stringify!($d name),
                                $crate::Store::$d store::<$harness>(),
                            );
                        }
                    )*
                }
            };
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests_of_each_group {
    ($($group:ident($store:ident) $about:literal { $($name:ident: $proves:literal,)* })*) => {
        $(__tests_of_this_group! { $group $store $($name)* })*
    };
}

/// The table itself: hands it to the macro that is named.
#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    ($then:ident) => {
        $crate::__hand_on! { $then

reads(plain) "What a read gives." {
    a_missing_key_reads_as_none:
        "a missing key reads as none",
    what_was_written_is_read:
        "what was written is read",
    each_key_has_its_own_value:
        "each key has its own value",
    reading_does_not_move_a_deadline:
        "reading does not move a deadline",
    a_value_that_was_read_stays_as_it_was_read:
        "a value that was read stays as it was read",
    a_read_with_time_to_live_gives_both:
        "a read with time to live gives both",
    a_read_with_time_to_live_tells_of_no_deadline:
        "a read with time to live tells of no deadline",
    a_read_with_time_to_live_of_a_missing_key_is_none:
        "a read with time to live of a missing key is none",
    a_read_with_time_to_live_of_an_empty_value_is_no_miss:
        "a read with time to live of an empty value is no miss",
    the_store_answers_a_ping:
        "the store answers a ping",
}

values(plain) "Values are any bytes, from none up to the limit." {
    an_empty_value_is_a_value:
        "an empty value is a value",
    values_of_every_byte_come_back:
        "values of every byte come back",
    values_of_many_lengths_come_back:
        "values of many lengths come back",
    a_value_that_looks_like_nothing_is_kept_as_it_is:
        "a value that looks like nothing is kept as it is",
    a_value_that_looks_like_a_number_is_kept_as_it_is:
        "a value that looks like a number is kept as it is",
    the_longest_value_is_taken:
        "the longest value is taken",
    the_longest_value_can_be_compared:
        "the longest value can be compared",
    a_value_that_is_too_long_is_refused:
        "a value that is too long is refused",
    a_value_that_is_too_long_is_refused_in_equals_too:
        "a value that is too long is refused in equals too",
    a_value_that_is_too_long_is_refused_even_if_nothing_would_stay:
        "a value that is too long is refused even if nothing would stay",
}

writes(plain) "Conditions, removal, and what a write replaces." {
    a_write_replaces_the_value:
        "a write replaces the value",
    a_write_of_the_same_value_is_a_write:
        "a write of the same value is a write",
    always_writes_over_an_expired_entry:
        "always writes over an expired entry",
    add_writes_where_nothing_is:
        "add writes where nothing is",
    add_leaves_a_live_value_alone:
        "add leaves a live value alone",
    add_takes_over_an_expired_entry:
        "add takes over an expired entry",
    add_works_again_after_a_removal:
        "add works again after a removal",
    replace_writes_nothing_where_nothing_is:
        "replace writes nothing where nothing is",
    replace_writes_over_a_live_value:
        "replace writes over a live value",
    replace_does_not_revive_an_expired_entry:
        "replace does not revive an expired entry",
    replace_does_not_revive_a_removed_entry:
        "replace does not revive a removed entry",
    equals_writes_over_the_same_bytes:
        "equals writes over the same bytes",
    equals_leaves_other_bytes_alone:
        "equals leaves other bytes alone",
    equals_compares_every_byte:
        "equals compares every byte",
    equals_fails_where_nothing_is:
        "equals fails where nothing is",
    equals_of_an_empty_value_holds_for_an_empty_value:
        "equals of an empty value holds for an empty value",
    equals_fails_on_an_expired_entry:
        "equals fails on an expired entry",
    equals_with_a_zero_duration_removes_if_equal:
        "equals with a zero duration removes if equal",
    a_condition_is_judged_before_a_past_deadline_removes:
        "a condition is judged before a past deadline removes",
    remove_tells_whether_a_live_entry_went:
        "remove tells whether a live entry went",
    remove_of_a_missing_key_is_false:
        "remove of a missing key is false",
    remove_of_an_expired_entry_is_false:
        "remove of an expired entry is false",
    remove_takes_its_own_key_only:
        "remove takes its own key only",
    flush_all_removes_every_entry:
        "flush all removes every entry",
    flush_all_of_an_empty_store_is_no_error:
        "flush all of an empty store is no error",
    a_flushed_store_takes_entries_again:
        "a flushed store takes entries again",
}

expiry(plain) "Deadlines, and that expired is absent." {
    an_entry_lives_until_its_deadline:
        "an entry lives until its deadline",
    an_entry_is_absent_once_its_time_is_over:
        "an entry is absent once its time is over",
    an_entry_is_absent_once_its_instant_is_past:
        "an entry is absent once its instant is past",
    an_expired_entry_has_no_time_to_live:
        "an expired entry has no time to live",
    an_expired_entry_is_not_listed:
        "an expired entry is not listed",
    an_expired_entry_is_not_counted_as_removed:
        "an expired entry is not counted as removed",
    an_expired_entry_cannot_be_given_more_time:
        "an expired entry cannot be given more time",
    a_zero_duration_leaves_nothing:
        "a zero duration leaves nothing",
    a_deadline_already_past_leaves_nothing:
        "a deadline already past leaves nothing",
    the_shortest_duration_is_not_for_ever:
        "the shortest duration is not for ever",
    a_time_to_live_is_never_zero:
        "a time to live is never zero",
    a_time_to_live_counts_down:
        "a time to live counts down",
    a_missing_entry_has_no_time_to_live:
        "a missing entry has no time to live",
    an_entry_without_a_deadline_lives_for_ever:
        "an entry without a deadline lives for ever",
    lives_of_every_length_are_kept:
        "lives of every length are kept",
    the_last_millisecond_of_the_year_9999_is_a_deadline:
        "the last millisecond of the year 9999 is a deadline",
    a_deadline_after_the_year_9999_is_never:
        "a deadline after the year 9999 is never",
    the_longest_duration_is_never:
        "the longest duration is never",
    what_a_time_to_live_gives_can_be_written_back:
        "what a time to live gives can be written back",
    an_overwrite_replaces_a_longer_deadline:
        "an overwrite replaces a longer deadline",
    an_overwrite_replaces_a_shorter_deadline:
        "an overwrite replaces a shorter deadline",
    an_overwrite_without_a_deadline_takes_it_away:
        "an overwrite without a deadline takes it away",
    an_overwrite_with_a_deadline_gives_one:
        "an overwrite with a deadline gives one",
    keep_leaves_the_deadline_of_a_live_entry:
        "keep leaves the deadline of a live entry",
    keep_does_not_start_the_time_anew:
        "keep does not start the time anew",
    keep_leaves_an_entry_without_a_deadline_without_one:
        "keep leaves an entry without a deadline without one",
    a_new_entry_with_keep_never_expires:
        "a new entry with keep never expires",
    keep_over_an_expired_entry_never_expires:
        "keep over an expired entry never expires",
    a_live_entry_can_be_given_a_deadline:
        "a live entry can be given a deadline",
    a_live_entry_can_be_given_more_time:
        "a live entry can be given more time",
    a_live_entry_can_lose_its_deadline:
        "a live entry can lose its deadline",
    a_new_deadline_leaves_the_value_as_it_is:
        "a new deadline leaves the value as it is",
    a_missing_entry_cannot_be_given_a_deadline:
        "a missing entry cannot be given a deadline",
    setting_a_past_deadline_removes:
        "setting a past deadline removes",
    setting_keep_changes_nothing_and_tells_of_life:
        "setting keep changes nothing and tells of life",
    remove_expired_leaves_the_live_entries:
        "remove expired leaves the live entries",
    remove_expired_leaves_a_renewed_entry:
        "remove expired leaves a renewed entry",
    remove_expired_of_an_empty_store_is_no_error:
        "remove expired of an empty store is no error",
    many_expired_entries_are_all_absent:
        "many expired entries are all absent",
}

states(plain) "Every operation on every state of an entry." {
    read_finds_live_entries_only:
        "read finds live entries only",
    read_all_finds_live_entries_only:
        "read all finds live entries only",
    read_with_time_to_live_finds_live_entries_only:
        "read with time to live finds live entries only",
    get_time_to_live_finds_live_entries_only:
        "get time to live finds live entries only",
    a_write_replaces_whatever_is_there:
        "a write replaces whatever is there",
    a_write_without_a_deadline_replaces_whatever_is_there:
        "a write without a deadline replaces whatever is there",
    a_write_with_keep_keeps_the_deadlines_of_live_entries:
        "a write with keep keeps the deadlines of live entries",
    a_write_with_a_past_deadline_removes_whatever_is_there:
        "a write with a past deadline removes whatever is there",
    an_add_writes_where_no_live_entry_is:
        "an add writes where no live entry is",
    an_add_with_keep_gives_no_deadline:
        "an add with keep gives no deadline",
    an_add_with_a_past_deadline_leaves_what_was:
        "an add with a past deadline leaves what was",
    a_replacement_writes_over_live_entries_only:
        "a replacement writes over live entries only",
    a_replacement_with_keep_keeps_the_deadline:
        "a replacement with keep keeps the deadline",
    a_replacement_with_a_past_deadline_removes_live_entries:
        "a replacement with a past deadline removes live entries",
    a_comparison_writes_over_equal_live_entries_only:
        "a comparison writes over equal live entries only",
    a_comparison_with_keep_keeps_the_deadline:
        "a comparison with keep keeps the deadline",
    a_comparison_with_other_bytes_changes_nothing:
        "a comparison with other bytes changes nothing",
    a_comparison_with_a_past_deadline_removes_equal_live_entries:
        "a comparison with a past deadline removes equal live entries",
    write_all_replaces_whatever_is_there:
        "write all replaces whatever is there",
    write_all_with_keep_keeps_the_deadlines_of_live_entries:
        "write all with keep keeps the deadlines of live entries",
    remove_takes_live_entries_only:
        "remove takes live entries only",
    remove_all_takes_live_entries_only:
        "remove all takes live entries only",
    remove_starting_with_takes_live_entries_only:
        "remove starting with takes live entries only",
    an_increment_counts_on_from_live_entries_only:
        "an increment counts on from live entries only",
    an_increment_with_a_past_deadline_leaves_nothing_new:
        "an increment with a past deadline leaves nothing new",
    adding_zero_creates_where_no_live_entry_is:
        "adding zero creates where no live entry is",
    a_deadline_can_be_given_to_live_entries_only:
        "a deadline can be given to live entries only",
    a_deadline_can_be_taken_from_live_entries_only:
        "a deadline can be taken from live entries only",
    a_deadline_can_be_kept_by_live_entries_only:
        "a deadline can be kept by live entries only",
    a_past_deadline_removes_live_entries:
        "a past deadline removes live entries",
    a_listing_gives_live_entries_only:
        "a listing gives live entries only",
    remove_expired_takes_expired_entries_only:
        "remove expired takes expired entries only",
}

counters(plain) "Counters: 64-bit integers that share the key space with values." {
    a_missing_counter_starts_at_zero:
        "a missing counter starts at zero",
    increments_add_up:
        "increments add up",
    counters_are_apart:
        "counters are apart",
    adding_zero_creates:
        "adding zero creates",
    adding_zero_gives_what_is_there:
        "adding zero gives what is there",
    a_counter_reads_as_canonical_text:
        "a counter reads as canonical text",
    an_integer_that_was_written_can_be_incremented:
        "an integer that was written can be incremented",
    a_counter_can_be_written_over:
        "a counter can be written over",
    a_removed_counter_starts_again:
        "a removed counter starts again",
    large_counters_are_exact:
        "large counters are exact",
    an_increment_keeps_the_deadline_of_a_live_counter:
        "an increment keeps the deadline of a live counter",
    an_increment_does_not_start_the_time_anew:
        "an increment does not start the time anew",
    an_increment_leaves_a_counter_without_a_deadline_without_one:
        "an increment leaves a counter without a deadline without one",
    a_new_counter_gets_expiry_if_new:
        "a new counter gets expiry if new",
    a_new_counter_with_keep_never_expires:
        "a new counter with keep never expires",
    a_new_counter_with_a_past_deadline_answers_and_leaves_nothing:
        "a new counter with a past deadline answers and leaves nothing",
    an_expired_counter_starts_again:
        "an expired counter starts again",
    an_expired_value_that_is_no_number_is_no_error:
        "an expired value that is no number is no error",
    an_expired_counter_with_a_past_deadline_leaves_nothing:
        "an expired counter with a past deadline leaves nothing",
    text_is_not_a_number:
        "text is not a number",
    leading_zeros_are_not_a_number:
        "leading zeros are not a number",
    signs_other_than_a_minus_are_not_a_number:
        "signs other than a minus are not a number",
    blanks_are_not_a_number:
        "blanks are not a number",
    a_number_outside_64_bits_is_not_a_number:
        "a number outside 64 bits is not a number",
    digits_of_other_scripts_are_not_a_number:
        "digits of other scripts are not a number",
    bytes_that_are_no_text_are_not_a_number:
        "bytes that are no text are not a number",
    an_overflow_is_an_error_at_both_ends:
        "an overflow is an error at both ends",
    both_ends_of_64_bits_can_be_reached:
        "both ends of 64 bits can be reached",
    an_increment_that_fails_changes_nothing:
        "an increment that fails changes nothing",
}

batches(plain) "Batches: empty, with duplicates, large, and with something wrong in the middle." {
    an_empty_batch_does_nothing:
        "an empty batch does nothing",
    a_batch_of_one_is_a_batch:
        "a batch of one is a batch",
    read_all_answers_in_the_order_of_the_keys:
        "read all answers in the order of the keys",
    read_all_tells_missing_from_empty:
        "read all tells missing from empty",
    read_all_answers_a_key_given_twice_twice:
        "read all answers a key given twice twice",
    write_all_replaces_values_and_deadlines:
        "write all replaces values and deadlines",
    write_all_with_keep_leaves_each_its_own_deadline:
        "write all with keep leaves each its own deadline",
    write_all_with_a_past_deadline_leaves_nothing:
        "write all with a past deadline leaves nothing",
    the_last_value_of_a_key_wins:
        "the last value of a key wins",
    the_last_value_of_a_key_wins_across_chunks:
        "the last value of a key wins across chunks",
    remove_all_counts_live_entries_only:
        "remove all counts live entries only",
    a_removal_of_one_key_counts_once:
        "a removal of one key counts once",
    batches_take_100_000_keys:
        "batches take 100 000 keys",
    a_batch_may_be_larger_than_the_largest_value:
        "a batch may be larger than the largest value",
    an_invalid_key_in_the_middle_touches_nothing:
        "an invalid key in the middle touches nothing",
    an_invalid_key_at_the_end_of_many_touches_nothing:
        "an invalid key at the end of many touches nothing",
    a_value_that_is_too_long_in_the_middle_touches_nothing:
        "a value that is too long in the middle touches nothing",
    a_batch_takes_odd_keys:
        "a batch takes odd keys",
}

keys(plain) "Keys: what is one, and that no character of it has a meaning." {
    no_character_of_a_key_has_a_meaning:
        "no character of a key has a meaning",
    odd_keys_work_in_every_operation:
        "odd keys work in every operation",
    blanks_and_line_breaks_count:
        "blanks and line breaks count",
    keys_that_differ_in_case_are_different:
        "keys that differ in case are different",
    keys_are_not_normalised:
        "keys are not normalised",
    keys_that_begin_alike_are_different:
        "keys that begin alike are different",
    keys_of_every_character_width_come_back:
        "keys of every character width come back",
    the_longest_key_is_taken:
        "the longest key is taken",
    long_keys_that_differ_at_the_end_are_different:
        "long keys that differ at the end are different",
    the_empty_key_is_refused_by_every_operation:
        "the empty key is refused by every operation",
    nul_in_a_key_is_refused_by_every_operation:
        "nul in a key is refused by every operation",
    a_key_that_is_too_long_is_refused_by_every_operation:
        "a key that is too long is refused by every operation",
    the_length_of_a_key_counts_in_bytes:
        "the length of a key counts in bytes",
}

listing(plain) "Keys that start with a prefix: listed, and removed." {
    an_empty_store_lists_nothing:
        "an empty store lists nothing",
    an_empty_prefix_lists_everything:
        "an empty prefix lists everything",
    a_prefix_lists_what_starts_with_it:
        "a prefix lists what starts with it",
    a_prefix_is_literal_and_not_a_pattern:
        "a prefix is literal and not a pattern",
    every_odd_key_is_found_by_each_of_its_beginnings:
        "every odd key is found by each of its beginnings",
    a_prefix_minds_case:
        "a prefix minds case",
    a_prefix_may_end_in_the_last_character:
        "a prefix may end in the last character",
    a_prefix_of_any_width_of_character_works:
        "a prefix of any width of character works",
    a_prefix_that_no_key_can_have_lists_nothing:
        "a prefix that no key can have lists nothing",
    a_removed_entry_is_not_listed:
        "a removed entry is not listed",
    thousands_of_keys_are_each_listed_once:
        "thousands of keys are each listed once",
    the_store_stays_usable_while_a_listing_is_open:
        "the store stays usable while a listing is open",
    every_key_can_be_removed_as_it_is_listed:
        "every key can be removed as it is listed",
    a_key_present_throughout_is_listed_once_whatever_others_write:
        "a key present throughout is listed once whatever others write",
    a_listing_can_be_dropped_early:
        "a listing can be dropped early",
    a_listing_that_is_never_asked_does_nothing:
        "a listing that is never asked does nothing",
    listings_run_beside_each_other:
        "listings run beside each other",
    a_listing_ends_when_the_store_is_flushed_meanwhile:
        "a listing ends when the store is flushed meanwhile",
    remove_starting_with_counts_and_leaves_the_others:
        "remove starting with counts and leaves the others",
    remove_starting_with_takes_its_prefix_literally:
        "remove starting with takes its prefix literally",
    remove_starting_with_an_empty_prefix_removes_everything:
        "remove starting with an empty prefix removes everything",
    remove_starting_with_removes_thousands:
        "remove starting with removes thousands",
}

namespaces(plain) "A part of a store that looks like a store of its own." {
    namespaces_beside_each_other_share_nothing:
        "namespaces beside each other share nothing",
    an_entry_is_stored_below_the_path_of_its_namespace:
        "an entry is stored below the path of its namespace",
    keys_come_back_without_the_namespace:
        "keys come back without the namespace",
    a_longer_path_lies_inside_a_shorter_one:
        "a longer path lies inside a shorter one",
    a_name_that_begins_alike_is_another_namespace:
        "a name that begins alike is another namespace",
    flush_all_stays_inside_the_namespace:
        "flush all stays inside the namespace",
    listings_and_removals_stay_inside_the_namespace:
        "listings and removals stay inside the namespace",
    no_key_and_no_prefix_reaches_outside:
        "no key and no prefix reaches outside",
    every_operation_works_in_a_namespace:
        "every operation works in a namespace",
    entries_expire_in_a_namespace:
        "entries expire in a namespace",
    odd_keys_are_themselves_in_a_namespace:
        "odd keys are themselves in a namespace",
    a_key_must_fit_together_with_its_namespace:
        "a key must fit together with its namespace",
    a_key_is_refused_in_a_namespace_as_outside:
        "a key is refused in a namespace as outside",
    ill_formed_names_are_refused:
        "ill formed names are refused",
    the_option_and_the_wrapper_open_the_same_namespace:
        "the option and the wrapper open the same namespace",
}

races(plain) "Many callers at once." {
    of_many_adds_exactly_one_wins:
        "of many adds exactly one wins",
    an_expired_entry_is_taken_over_by_exactly_one:
        "an expired entry is taken over by exactly one",
    of_many_writers_over_the_same_bytes_exactly_one_wins:
        "of many writers over the same bytes exactly one wins",
    of_many_removals_exactly_one_counts:
        "of many removals exactly one counts",
    no_increment_is_lost_or_counted_twice:
        "no increment is lost or counted twice",
    no_increment_is_lost_where_a_counter_starts:
        "no increment is lost where a counter starts",
    a_loop_of_reading_and_comparing_loses_nothing:
        "a loop of reading and comparing loses nothing",
    no_update_is_lost:
        "no update is lost",
    a_lock_of_add_and_remove_lets_one_in:
        "a lock of add and remove lets one in",
    a_value_is_never_torn:
        "a value is never torn",
    value_and_deadline_are_of_one_write:
        "value and deadline are of one write",
    an_entry_that_is_written_over_is_never_missing:
        "an entry that is written over is never missing",
    batches_over_the_same_keys_do_not_disturb_each_other:
        "batches over the same keys do not disturb each other",
    callers_of_different_keys_do_not_disturb_each_other:
        "callers of different keys do not disturb each other",
    a_sweep_never_takes_a_renewed_entry:
        "a sweep never takes a renewed entry",
    of_many_creators_all_get_the_value_of_the_first:
        "of many creators all get the value of the first",
}

faults(plain) "Futures that are dropped, and what errors say." {
    a_dropped_write_leaves_the_old_value_or_the_new:
        "a dropped write leaves the old value or the new",
    a_dropped_add_leaves_nothing_or_the_whole:
        "a dropped add leaves nothing or the whole",
    a_dropped_increment_counts_once_or_not_at_all:
        "a dropped increment counts once or not at all",
    a_dropped_removal_leaves_the_entry_or_nothing:
        "a dropped removal leaves the entry or nothing",
    a_dropped_batch_leaves_each_entry_old_or_new:
        "a dropped batch leaves each entry old or new",
    dropped_reads_leave_the_client_usable:
        "dropped reads leave the client usable",
    dropped_listings_leave_the_client_usable:
        "dropped listings leave the client usable",
    many_calls_dropped_at_once_leave_the_client_usable:
        "many calls dropped at once leave the client usable",
    what_is_refused_was_not_applied_and_will_be_again:
        "what is refused was not applied and will be again",
    errors_name_backend_and_operation:
        "errors name backend and operation",
    no_error_shows_a_key_or_a_value:
        "no error shows a key or a value",
    the_client_shows_no_key_and_no_value:
        "the client shows no key and no value",
}

typed(plain) "`TypedCache` on top of the store." {
    what_was_set_is_got:
        "what was set is got",
    every_kind_of_value_comes_back:
        "every kind of value comes back",
    an_integer_is_stored_as_decimal_text:
        "an integer is stored as decimal text",
    an_integer_that_was_set_is_a_counter:
        "an integer that was set is a counter",
    a_counter_can_be_got:
        "a counter can be got",
    decrementing_by_the_least_integer_overflows:
        "decrementing by the least integer overflows",
    a_value_that_is_no_integer_is_no_counter:
        "a value that is no integer is no counter",
    typed_add_and_replace_mind_what_is_there:
        "typed add and replace mind what is there",
    typed_compare_and_set_compares:
        "typed compare and set compares",
    typed_batches_keep_order_and_the_last_value:
        "typed batches keep order and the last value",
    json_and_bincode_are_both_read:
        "json and bincode are both read",
    what_does_not_decode_is_an_error_and_stays:
        "what does not decode is an error and stays",
    an_update_makes_changes_and_removes:
        "an update makes changes and removes",
    an_update_takes_an_expired_entry_for_none:
        "an update takes an expired entry for none",
    an_update_writes_over_what_others_encoded:
        "an update writes over what others encoded",
    get_or_create_creates_on_a_miss_only:
        "get or create creates on a miss only",
    get_or_create_creates_anew_after_the_deadline:
        "get or create creates anew after the deadline",
    a_creation_that_fails_stores_nothing:
        "a creation that fails stores nothing",
    get_or_create_with_a_past_deadline_gives_and_stores_nothing:
        "get or create with a past deadline gives and stores nothing",
    a_pattern_matches_whole_keys:
        "a pattern matches whole keys",
    a_pattern_takes_other_characters_literally:
        "a pattern takes other characters literally",
    a_pattern_does_not_match_expired_entries:
        "a pattern does not match expired entries",
}

sessions(plain) "Sessions on top of the store." {
    a_visitor_who_stores_nothing_leaves_nothing:
        "a visitor who stores nothing leaves nothing",
    a_session_is_stored_under_its_key_with_its_lifetime:
        "a session is stored under its key with its lifetime",
    a_saved_session_is_loaded_as_it_was_saved:
        "a saved session is loaded as it was saved",
    an_unknown_id_is_never_adopted:
        "an unknown id is never adopted",
    a_stale_save_is_a_conflict_and_changes_nothing:
        "a stale save is a conflict and changes nothing",
    no_parallel_update_of_a_session_is_lost:
        "no parallel update of a session is lost",
    an_update_of_a_session_starts_its_lifetime_anew:
        "an update of a session starts its lifetime anew",
    a_session_that_was_removed_stays_removed:
        "a session that was removed stays removed",
    an_expired_session_is_gone:
        "an expired session is gone",
    sliding_moves_the_deadline_below_the_threshold_only:
        "sliding moves the deadline below the threshold only",
    sliding_does_not_restore_a_removed_session:
        "sliding does not restore a removed session",
    sign_in_gives_a_new_id_and_ends_the_old_one:
        "sign in gives a new id and ends the old one",
    a_permanent_session_lives_longer:
        "a permanent session lives longer",
    the_bag_keeps_an_entry_for_each_key:
        "the bag keeps an entry for each key",
    two_requests_set_different_keys_of_one_bag:
        "two requests set different keys of one bag",
    the_bag_follows_its_session_to_a_new_id:
        "the bag follows its session to a new id",
    the_bag_goes_with_its_session:
        "the bag goes with its session",
    another_user_does_not_get_the_bag:
        "another user does not get the bag",
    the_sessions_of_one_id_do_not_touch_those_of_another:
        "the sessions of one id do not touch those of another",
    all_sessions_are_listed_and_can_be_removed_by_handle:
        "all sessions are listed and can be removed by handle",
}

reopening(reopening) "Entries outlive the client that wrote them." {
    values_outlive_the_client:
        "values outlive the client",
    deadlines_outlive_the_client:
        "deadlines outlive the client",
    counters_outlive_the_client:
        "counters outlive the client",
    what_was_removed_stays_removed:
        "what was removed stays removed",
    what_was_flushed_stays_flushed:
        "what was flushed stays flushed",
    what_expired_stays_expired:
        "what expired stays expired",
    an_acknowledged_batch_outlives_the_client:
        "an acknowledged batch outlives the client",
    odd_keys_outlive_the_client:
        "odd keys outlive the client",
    a_namespace_outlives_the_client:
        "a namespace outlives the client",
    a_store_can_be_reopened_again_and_again:
        "a store can be reopened again and again",
}

sharing(sharing) "Several clients on one store." {
    a_client_sees_what_another_wrote:
        "a client sees what another wrote",
    a_client_sees_the_deadlines_of_another:
        "a client sees the deadlines of another",
    a_client_sees_what_another_removed:
        "a client sees what another removed",
    conditions_hold_across_clients:
        "conditions hold across clients",
    of_many_adds_of_several_clients_exactly_one_wins:
        "of many adds of several clients exactly one wins",
    no_increment_of_several_clients_is_lost:
        "no increment of several clients is lost",
    a_listing_of_one_client_goes_on_while_another_writes:
        "a listing of one client goes on while another writes",
    a_client_goes_on_when_another_is_closed:
        "a client goes on when another is closed",
}

        }
    };
}

/// One place where a macro of this crate is found by its bare name, inside and outside of it.
#[doc(hidden)]
#[macro_export]
macro_rules! __hand_on {
    (list $($table:tt)*) => { list! { $($table)* } };
    (__tests_of_each_group $($table:tt)*) => { $crate::__tests_of_each_group! { $($table)* } };
}

__cases! { list }
