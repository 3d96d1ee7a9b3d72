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
/// Write it once, in a module that is named for it. A group that the store cannot offer is
/// declared with the reason; its tests then show as ignored with that reason. A group that is
/// neither possible nor declared does not compile, nor does one that the suite does not know.
///
/// ```
/// # use conformance_tests::reference::ReferenceHarness as MyHarness;
/// conformance_tests::conformance_tests!(MyHarness, lacking: {
///     reopening: "the entries go with the client",
///     sharing: "two clients are two stores",
/// });
/// # fn main() {}
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
        "`read` of a key that was never written is `None` and no error.",
    what_was_written_is_read:
        "`read` gives the bytes of the last write, as often as it is asked.",
    each_key_has_its_own_value:
        "The value of one key is never seen under another.",
    reading_does_not_move_a_deadline:
        "No way of reading lengthens the life of an entry.",
    a_value_that_was_read_stays_as_it_was_read:
        "Bytes in the hands of a reader do not change when the entry does.",
    a_read_with_time_to_live_gives_both:
        "`read_with_time_to_live` gives the value and what is left of its life.",
    a_read_with_time_to_live_tells_of_no_deadline:
        "`read_with_time_to_live` says `Never` for an entry without a deadline.",
    a_read_with_time_to_live_of_a_missing_key_is_none:
        "`read_with_time_to_live` of a missing key is `None`.",
    a_read_with_time_to_live_of_an_empty_value_is_no_miss:
        "`read_with_time_to_live` tells an empty value from none.",
    the_store_answers_a_ping:
        "`ping` succeeds on a store that is there and stores nothing.",
}

values(plain) "Values are any bytes, from none up to the limit." {
    an_empty_value_is_a_value:
        "An empty value is stored, read, compared, listed and removed as any other.",
    values_of_every_byte_come_back:
        "No byte is changed, alone, at either end or among others.",
    values_of_many_lengths_come_back:
        "Values around the sizes of buffers and pages come back whole, up to 1 MiB.",
    a_value_that_looks_like_nothing_is_kept_as_it_is:
        "`null`, `NULL`, NUL and blanks are values.",
    a_value_that_looks_like_a_number_is_kept_as_it_is:
        "A value is never rewritten as the number that it resembles.",
    the_longest_value_is_taken:
        "A value of exactly the limit (16 MiB) is stored and read back whole.",
    the_longest_value_can_be_compared:
        "`Equals` compares values of exactly the limit to the last byte.",
    a_value_that_is_too_long_is_refused:
        "One byte more than the limit is `InvalidInput`, and the old entry stays.",
    a_value_that_is_too_long_is_refused_in_equals_too:
        "A comparison with more than the limit is `InvalidInput`.",
    a_value_that_is_too_long_is_refused_even_if_nothing_would_stay:
        "The limit is checked before a past deadline removes.",
}

writes(plain) "Conditions, removal, and what a write replaces." {
    a_write_replaces_the_value:
        "Of two writes the second is read, also where it is shorter.",
    a_write_of_the_same_value_is_a_write:
        "Writing the bytes that are there is `true` and replaces the deadline.",
    always_writes_over_an_expired_entry:
        "`Always` over an expired entry makes a new one with the new deadline.",
    add_writes_where_nothing_is:
        "`Absent` holds for a missing key.",
    add_leaves_a_live_value_alone:
        "`Absent` on a live entry is `false` and changes neither value nor deadline.",
    add_takes_over_an_expired_entry:
        "`Absent` holds for an entry past its deadline, swept or not.",
    add_works_again_after_a_removal:
        "`Absent` holds for a removed entry, and nothing of the old deadline is left.",
    replace_writes_nothing_where_nothing_is:
        "`Present` on a missing key is `false` and stores nothing.",
    replace_writes_over_a_live_value:
        "`Present` on a live entry replaces value and deadline.",
    replace_does_not_revive_an_expired_entry:
        "`Present` on an expired entry is `false`.",
    replace_does_not_revive_a_removed_entry:
        "`Present` on a removed entry is `false`.",
    equals_writes_over_the_same_bytes:
        "`Equals` with the stored bytes replaces value and deadline.",
    equals_leaves_other_bytes_alone:
        "`Equals` with other bytes is `false` and changes neither value nor deadline.",
    equals_compares_every_byte:
        "A beginning, a longer text, another case and a NUL more or less are not equal.",
    equals_fails_where_nothing_is:
        "`Equals` never holds for a missing key, not even with no bytes.",
    equals_of_an_empty_value_holds_for_an_empty_value:
        "`Equals` with no bytes holds for a live empty value only.",
    equals_fails_on_an_expired_entry:
        "`Equals` with the bytes of an expired entry is `false`.",
    equals_with_a_zero_duration_removes_if_equal:
        "A comparison that holds with a zero duration removes, and only then.",
    a_condition_is_judged_before_a_past_deadline_removes:
        "With a past deadline nothing is removed unless the condition holds.",
    remove_tells_whether_a_live_entry_went:
        "`remove` is `true` once and `false` after it.",
    remove_of_a_missing_key_is_false:
        "Removing nothing is `false` and no error.",
    remove_of_an_expired_entry_is_false:
        "`remove` does not count an entry past its deadline.",
    remove_takes_its_own_key_only:
        "Keys that begin alike or differ in case stay.",
    flush_all_removes_every_entry:
        "`flush_all` leaves no value, counter or odd key behind.",
    flush_all_of_an_empty_store_is_no_error:
        "`flush_all` can be called on nothing, and twice.",
    a_flushed_store_takes_entries_again:
        "After `flush_all` keys are free, and no old deadline is left.",
}

expiry(plain) "Deadlines, and that expired is absent." {
    an_entry_lives_until_its_deadline:
        "No entry ends before its deadline.",
    an_entry_is_absent_once_its_time_is_over:
        "An entry written `In` a time is not read after it.",
    an_entry_is_absent_once_its_instant_is_past:
        "An entry written `At` an instant is not read after it.",
    an_expired_entry_has_no_time_to_live:
        "Both ways of asking for a time to live find no expired entry.",
    an_expired_entry_is_not_listed:
        "A listing leaves out what is past its deadline, swept or not.",
    an_expired_entry_is_not_counted_as_removed:
        "No way of removing counts an expired entry.",
    an_expired_entry_cannot_be_given_more_time:
        "`set_time_to_live` does not revive an expired entry.",
    a_zero_duration_leaves_nothing:
        "A write with a zero duration is `true` and removes what was there.",
    a_deadline_already_past_leaves_nothing:
        "A write `At` a past instant, also before 1970, is `true` and removes what was there.",
    the_shortest_duration_is_not_for_ever:
        "A nanosecond is rounded up to a millisecond, never down to no deadline.",
    a_time_to_live_is_never_zero:
        "What is left is at least a millisecond, or the entry is absent.",
    a_time_to_live_counts_down:
        "What is left becomes less as time passes.",
    a_missing_entry_has_no_time_to_live:
        "`get_time_to_live` of a missing key is `None`.",
    an_entry_without_a_deadline_lives_for_ever:
        "`get_time_to_live` is `Never`, and the entry stays.",
    lives_of_every_length_are_kept:
        "Lives from a minute to a century are kept, `In` as well as `At`.",
    the_last_millisecond_of_the_year_9999_is_a_deadline:
        "The latest deadline that there is is kept as one.",
    the_latest_deadline_goes_through_every_operation:
        "The last deadline before the year 10,000 is given, kept and counted on by every operation.",
    a_deadline_after_the_year_9999_is_never:
        "A deadline a millisecond later is no deadline.",
    the_longest_duration_is_never:
        "`Duration::MAX` and others beyond any calendar are no deadline, and overflow nowhere.",
    what_a_time_to_live_gives_can_be_written_back:
        "A `TimeToLive` that was read can be written as an `Expiry`.",
    an_overwrite_replaces_a_longer_deadline:
        "The new deadline counts where it is the earlier one.",
    an_overwrite_replaces_a_shorter_deadline:
        "The new deadline counts where it is the later one.",
    an_overwrite_without_a_deadline_takes_it_away:
        "A write with `Never` leaves nothing of the old deadline.",
    an_overwrite_with_a_deadline_gives_one:
        "A write with a deadline ends an entry that had none.",
    keep_leaves_the_deadline_of_a_live_entry:
        "`Keep` changes the value and not the deadline, whatever the condition.",
    keep_does_not_start_the_time_anew:
        "`Keep` leaves the instant at which the entry ends.",
    keep_leaves_an_entry_without_a_deadline_without_one:
        "`Keep` gives no deadline to an entry without one.",
    a_new_entry_with_keep_never_expires:
        "`Keep` on a missing key makes an entry without a deadline.",
    keep_over_an_expired_entry_never_expires:
        "`Keep` takes nothing over from an expired entry.",
    a_live_entry_can_be_given_a_deadline:
        "`set_time_to_live` gives a deadline, `In` and `At`, and the entry ends at it.",
    a_live_entry_can_be_given_more_time:
        "`set_time_to_live` moves a deadline away.",
    a_live_entry_can_lose_its_deadline:
        "`set_time_to_live` with `Never` takes the deadline away.",
    a_new_deadline_leaves_the_value_as_it_is:
        "`set_time_to_live` does not rewrite the value.",
    a_missing_entry_cannot_be_given_a_deadline:
        "`set_time_to_live` of a missing key is `false` and creates nothing.",
    setting_a_past_deadline_removes:
        "`set_time_to_live` with a past deadline removes a live entry and is `true`.",
    setting_keep_changes_nothing_and_tells_of_life:
        "`set_time_to_live` with `Keep` says whether the entry is live.",
    remove_expired_leaves_the_live_entries:
        "`remove_expired` takes no live entry and no deadline.",
    remove_expired_leaves_a_renewed_entry:
        "An entry whose deadline was moved or that was written again is not swept by its old one.",
    remove_expired_of_an_empty_store_is_no_error:
        "`remove_expired` can be called on nothing.",
    many_expired_entries_are_all_absent:
        "Thousands of expired entries are neither listed nor counted, before a sweep and after it.",
}

states(plain) "Every operation on every state of an entry." {
    read_finds_live_entries_only:
        "`read` on every state.",
    read_all_finds_live_entries_only:
        "`read_all` on every state.",
    read_with_time_to_live_finds_live_entries_only:
        "`read_with_time_to_live` on every state.",
    get_time_to_live_finds_live_entries_only:
        "`get_time_to_live` on every state.",
    a_write_replaces_whatever_is_there:
        "`Always` with a deadline on every state.",
    a_write_without_a_deadline_replaces_whatever_is_there:
        "`Always` with `Never` on every state.",
    a_write_with_keep_keeps_the_deadlines_of_live_entries:
        "`Always` with `Keep` on every state.",
    a_write_with_a_past_deadline_removes_whatever_is_there:
        "`Always` with a past deadline on every state.",
    an_add_writes_where_no_live_entry_is:
        "`Absent` with a deadline on every state.",
    an_add_with_keep_gives_no_deadline:
        "`Absent` with `Keep` on every state.",
    an_add_with_a_past_deadline_leaves_what_was:
        "`Absent` with a past deadline on every state.",
    a_replacement_writes_over_live_entries_only:
        "`Present` with a deadline on every state.",
    a_replacement_with_keep_keeps_the_deadline:
        "`Present` with `Keep` on every state.",
    a_replacement_with_a_past_deadline_removes_live_entries:
        "`Present` with a past deadline on every state.",
    a_comparison_writes_over_equal_live_entries_only:
        "`Equals` with the stored bytes and `Never` on every state.",
    a_comparison_with_keep_keeps_the_deadline:
        "`Equals` with `Keep` on every state.",
    a_comparison_with_other_bytes_changes_nothing:
        "`Equals` with other bytes on every state.",
    a_comparison_with_a_past_deadline_removes_equal_live_entries:
        "`Equals` with a past deadline on every state.",
    write_all_replaces_whatever_is_there:
        "`write_all` with a deadline on every state.",
    write_all_with_keep_keeps_the_deadlines_of_live_entries:
        "`write_all` with `Keep` on every state.",
    remove_takes_live_entries_only:
        "`remove` on every state.",
    remove_all_takes_live_entries_only:
        "`remove_all` on every state.",
    remove_starting_with_takes_live_entries_only:
        "`remove_starting_with` on every state.",
    an_increment_counts_on_from_live_entries_only:
        "`increment` with a deadline for new counters on every state.",
    an_increment_with_a_past_deadline_leaves_nothing_new:
        "`increment` with a past deadline for new counters on every state.",
    adding_zero_creates_where_no_live_entry_is:
        "`increment` by 0 on every state.",
    a_deadline_can_be_given_to_live_entries_only:
        "`set_time_to_live` with a deadline on every state.",
    a_deadline_can_be_taken_from_live_entries_only:
        "`set_time_to_live` with `Never` on every state.",
    a_deadline_can_be_kept_by_live_entries_only:
        "`set_time_to_live` with `Keep` on every state.",
    a_past_deadline_removes_live_entries:
        "`set_time_to_live` with a past deadline on every state.",
    a_listing_gives_live_entries_only:
        "`keys_starting_with` on every state.",
    remove_expired_takes_expired_entries_only:
        "`remove_expired` on every state.",
}

counters(plain) "Counters: 64-bit integers that share the key space with values." {
    a_missing_counter_starts_at_zero:
        "The first `increment` gives `by`, upwards and downwards.",
    increments_add_up:
        "Each `increment` gives the sum so far, below zero too.",
    counters_are_apart:
        "Each key counts for itself.",
    adding_zero_creates:
        "`increment` by 0 on a missing key stores `0` with its deadline.",
    adding_zero_gives_what_is_there:
        "`increment` by 0 reads a counter and changes nothing.",
    a_counter_reads_as_canonical_text:
        "A counter reads as decimal text, with a minus and without zeros before it.",
    an_integer_that_was_written_can_be_incremented:
        "Canonical text that was written is a counter, up to both ends of `i64`.",
    a_counter_can_be_written_over:
        "Counters and values share the key space, conditions included.",
    a_removed_counter_starts_again:
        "A removed counter starts at 0 and without its old deadline.",
    large_counters_are_exact:
        "Counters beyond 2^53 lose nothing.",
    an_increment_keeps_the_deadline_of_a_live_counter:
        "`expiry_if_new` does not touch a counter that is live.",
    an_increment_does_not_start_the_time_anew:
        "A counter ends when it was to end, however often it is incremented.",
    an_increment_leaves_a_counter_without_a_deadline_without_one:
        "A live counter without a deadline gets none, and a past `expiry_if_new` does not remove it.",
    a_new_counter_gets_expiry_if_new:
        "A new counter gets the deadline that was asked for, `In`, `At` or none.",
    a_new_counter_with_keep_never_expires:
        "`Keep` for a new counter is no deadline.",
    a_new_counter_with_a_past_deadline_answers_and_leaves_nothing:
        "A past `expiry_if_new` answers `by`, and nothing stays.",
    an_expired_counter_starts_again:
        "A counter past its deadline starts at 0 with `expiry_if_new`.",
    an_expired_value_that_is_no_number_is_no_error:
        "What an expired entry holds can neither fail nor overflow an increment.",
    an_expired_counter_with_a_past_deadline_leaves_nothing:
        "A past `expiry_if_new` over an expired counter answers `by`, and nothing stays.",
    text_is_not_a_number:
        "Words, fractions, exponents and groups of digits are `NotANumber` and stay.",
    leading_zeros_are_not_a_number:
        "`007` is `NotANumber` and stays.",
    signs_other_than_a_minus_are_not_a_number:
        "`+1` and `-0` are `NotANumber` and stay.",
    blanks_are_not_a_number:
        "Blanks, line breaks, NUL and no bytes at all are `NotANumber` and stay.",
    a_number_outside_64_bits_is_not_a_number:
        "Integers outside `i64` are `NotANumber` and stay.",
    a_number_of_any_length_is_not_a_number:
        "Digits beyond 64 bits, from 19 to a million of them, are `NotANumber` and stay.",
    digits_of_other_scripts_are_not_a_number:
        "Digits that are not ASCII are `NotANumber` and stay.",
    bytes_that_are_no_text_are_not_a_number:
        "Binary values are `NotANumber` and stay.",
    an_overflow_is_an_error_at_both_ends:
        "A sum outside `i64` is `Overflow` and changes nothing.",
    both_ends_of_64_bits_can_be_reached:
        "Sums of exactly the greatest and the least integer are right.",
    an_increment_that_fails_changes_nothing:
        "After `NotANumber` and `Overflow` value and deadline are as they were.",
}

batches(plain) "Batches: empty, with duplicates, large, and with something wrong in the middle." {
    an_empty_batch_does_nothing:
        "Empty batches succeed and touch nothing.",
    a_batch_of_one_is_a_batch:
        "One key is written, read and removed as a batch.",
    read_all_answers_in_the_order_of_the_keys:
        "The answers stand in the order of the keys, not in that of the store.",
    read_all_tells_missing_from_empty:
        "Missing and expired keys are `None` at their place, empty values are not.",
    read_all_answers_a_key_given_twice_twice:
        "A key given twice is answered at both places.",
    write_all_replaces_values_and_deadlines:
        "`write_all` writes over whatever was there, deadline included.",
    write_all_with_keep_leaves_each_its_own_deadline:
        "`Keep` in a batch keeps each entry's own deadline.",
    write_all_with_a_past_deadline_leaves_nothing:
        "A batch with a past deadline removes its keys and no others.",
    the_last_value_of_a_key_wins:
        "Of a key given twice the last value stays.",
    the_last_value_of_a_key_wins_across_chunks:
        "The last value stays even thousands of entries after the first.",
    a_large_batch_minds_its_expiry_and_its_duplicates:
        "Thousands of keys, each given twice, get, keep or lose their deadlines with the batch.",
    remove_all_counts_live_entries_only:
        "`remove_all` counts neither missing nor expired keys.",
    a_removal_of_one_key_counts_once:
        "A key given twice counts once, across chunks too.",
    batches_take_100_000_keys:
        "100,000 keys are written, read and removed in one call each.",
    a_batch_may_be_larger_than_the_largest_value:
        "The values of a batch together may exceed the limit of one.",
    an_invalid_key_in_the_middle_touches_nothing:
        "All keys are checked before the first is touched.",
    an_invalid_key_at_the_end_of_many_touches_nothing:
        "All keys are checked before the first chunk goes.",
    a_value_that_is_too_long_in_the_middle_touches_nothing:
        "All values are checked before the first is written.",
    a_batch_takes_odd_keys:
        "Keys with any character go through batches unchanged.",
}

keys(plain) "Keys: what is one, and that no character of it has a meaning." {
    no_character_of_a_key_has_a_meaning:
        "Keys full of patterns, quotes and escapes are each their own.",
    odd_keys_work_in_every_operation:
        "Such keys can be counted, timed, compared, listed and removed.",
    blanks_and_line_breaks_count:
        "Blanks, tabs and line breaks are part of a key, at its ends too.",
    keys_that_differ_in_case_are_different:
        "Case matters, beyond ASCII too.",
    keys_are_not_normalised:
        "Composed and decomposed characters are different keys.",
    keys_that_begin_alike_are_different:
        "A key that is the beginning of another is its own.",
    keys_of_every_character_width_come_back:
        "Characters of one to four bytes come back from a listing.",
    the_longest_key_is_taken:
        "A key of 1,024 bytes, namespace included, works, of whatever characters.",
    long_keys_that_differ_at_the_end_are_different:
        "The last byte of the longest key counts.",
    the_empty_key_is_refused_by_every_operation:
        "The empty key is `InvalidInput` everywhere, and nothing is stored.",
    nul_in_a_key_is_refused_by_every_operation:
        "A key with NUL is `InvalidInput` everywhere, and nothing is stored.",
    a_key_that_is_too_long_is_refused_by_every_operation:
        "A key of one byte more than 1,024 is `InvalidInput` everywhere, and nothing is stored.",
    the_length_of_a_key_counts_in_bytes:
        "The limit of a key counts bytes, not characters.",
}

listing(plain) "Keys that start with a prefix: listed, and removed." {
    an_empty_store_lists_nothing:
        "Listing and removing in an empty store find nothing and are no error.",
    an_empty_prefix_lists_everything:
        "The empty prefix lists values, counters and empty values alike.",
    a_prefix_lists_what_starts_with_it:
        "A listing gives the keys that start with the prefix, the prefix itself included.",
    a_prefix_is_literal_and_not_a_pattern:
        "`%`, `_`, `*`, `?`, `[`, `\\`, `{}` and `.` in a prefix are themselves.",
    every_odd_key_is_found_by_each_of_its_beginnings:
        "Whatever a key consists of, each of its beginnings finds it and no others.",
    a_prefix_minds_case:
        "A prefix in another case matches nothing, in listings and in removals.",
    a_prefix_may_end_in_the_last_character:
        "A prefix ending in U+10FFFF, after which nothing sorts, is a prefix as any other.",
    a_prefix_of_any_width_of_character_works:
        "A prefix of wide characters matches whole characters only.",
    a_prefix_that_no_key_can_have_lists_nothing:
        "A prefix with NUL or of more than 1,024 bytes matches nothing and is no error.",
    a_removed_entry_is_not_listed:
        "What was removed in any way is not listed.",
    thousands_of_keys_are_each_listed_once:
        "A listing over many pages gives each key once and leaves none out.",
    the_store_stays_usable_while_a_listing_is_open:
        "Reads, writes, batches and other listings work while a listing is open.",
    every_key_can_be_removed_as_it_is_listed:
        "Removing what was listed does not make the listing skip.",
    a_key_present_throughout_is_listed_once_whatever_others_write:
        "Keys that stay are listed once while others come and go around them.",
    every_key_can_be_renewed_as_it_is_listed:
        "A listing gives each key once while each is renewed and written as it comes.",
    a_listing_can_be_dropped_early:
        "A listing can be dropped after any number of keys, and the next is complete.",
    a_listing_that_is_never_asked_does_nothing:
        "A stream that is not polled holds nothing up.",
    listings_run_beside_each_other:
        "Several listings at once are each complete.",
    a_listing_ends_when_the_store_is_flushed_meanwhile:
        "A listing whose keys vanish ends without an error.",
    remove_starting_with_counts_and_leaves_the_others:
        "`remove_starting_with` counts what went and takes nothing else.",
    remove_starting_with_takes_its_prefix_literally:
        "No character of the prefix of a removal has a meaning.",
    remove_starting_with_an_empty_prefix_removes_everything:
        "The empty prefix removes and counts all live entries.",
    remove_starting_with_removes_thousands:
        "A removal over many pages leaves none out and counts each once.",
}

namespaces(plain) "A part of a store that looks like a store of its own." {
    namespaces_beside_each_other_share_nothing:
        "One key in two namespaces is two entries, for every operation.",
    an_entry_is_stored_below_the_path_of_its_namespace:
        "The stored key is the path, a `:` and the key.",
    keys_come_back_without_the_namespace:
        "A listing gives keys as they were written, even those that look like the namespace.",
    a_longer_path_lies_inside_a_shorter_one:
        "The namespace `a:b` is the part of `a` whose keys begin with `b:`.",
    a_name_that_begins_alike_is_another_namespace:
        "`a`, `ab`, `a_b`, `axb` and `A` share nothing.",
    flush_all_stays_inside_the_namespace:
        "`flush_all` takes nothing outside of its namespace.",
    listings_and_removals_stay_inside_the_namespace:
        "Listings, counts and removals see their namespace only.",
    no_key_and_no_prefix_reaches_outside:
        "Keys and prefixes that look like a way out are plain keys inside.",
    every_operation_works_in_a_namespace:
        "Each operation does in a namespace what it does outside.",
    entries_expire_in_a_namespace:
        "Deadlines hold in a namespace.",
    odd_keys_are_themselves_in_a_namespace:
        "No character of a key has a meaning in a namespace either.",
    a_key_must_fit_together_with_its_namespace:
        "Path, `:` and key together have at most 1,024 bytes.",
    a_key_is_refused_in_a_namespace_as_outside:
        "The empty key and NUL are `InvalidInput` in a namespace too.",
    ill_formed_names_are_refused:
        "A namespace that is not names joined by `:` is `InvalidInput` when it is made.",
    the_option_and_the_wrapper_open_the_same_namespace:
        "The backend's option and `Prefixed`, nested or not, see the same entries.",
}

races(plain) "Many callers at once." {
    of_many_adds_exactly_one_wins:
        "`Absent` has one winner, whose value stays.",
    an_expired_entry_is_taken_over_by_exactly_one:
        "`Absent` over an expired entry has one winner.",
    of_many_writers_over_the_same_bytes_exactly_one_wins:
        "`Equals` has one winner.",
    of_many_removals_exactly_one_counts:
        "Of removals in three ways at once one says that the entry went.",
    no_increment_is_lost_or_counted_twice:
        "The total is exact, and no sum is given to two callers.",
    no_increment_is_lost_where_a_counter_starts:
        "Counting on missing and expired counters at once loses nothing.",
    a_loop_of_reading_and_comparing_loses_nothing:
        "Changes by `Equals` and trying again all stay.",
    no_update_is_lost:
        "Changes by `update` all stay.",
    a_lock_of_add_and_remove_lets_one_in:
        "`Absent` and remove-if-equal make a lock.",
    a_value_is_never_torn:
        "A reader sees the whole value of one writer, never parts of two.",
    value_and_deadline_are_of_one_write:
        "A reader never sees the value of one write with the deadline of another.",
    an_entry_that_is_written_over_is_never_missing:
        "A live entry is there at every instant of an overwrite.",
    batches_over_the_same_keys_do_not_disturb_each_other:
        "Batches of the same keys in different orders all succeed.",
    callers_of_different_keys_do_not_disturb_each_other:
        "Every caller sees its own keys as if it were alone.",
    a_sweep_never_takes_a_renewed_entry:
        "An entry renewed while a sweep runs stays.",
    of_many_creators_all_get_the_value_of_the_first:
        "`get_or_create` gives all callers the value that was stored.",
}

faults(plain) "Futures that are dropped, and what errors say." {
    a_dropped_write_leaves_the_old_value_or_the_new:
        "Dropping a write leaves one whole entry, value and deadline.",
    a_dropped_add_leaves_nothing_or_the_whole:
        "Dropping an add leaves no part of a value and no entry without its deadline.",
    a_dropped_increment_counts_once_or_not_at_all:
        "Dropped increments are never counted twice.",
    a_dropped_removal_leaves_the_entry_or_nothing:
        "Dropping a removal leaves the whole entry or none.",
    a_dropped_batch_leaves_each_entry_old_or_new:
        "Dropping a batch leaves every entry whole.",
    dropped_reads_leave_the_client_usable:
        "After dropped reads no answer is taken for another's.",
    dropped_listings_leave_the_client_usable:
        "After dropped listings and sweeps every call still answers.",
    many_calls_dropped_at_once_leave_the_client_usable:
        "After hundreds of dropped and aborted calls no slot is lost.",
    what_is_refused_was_not_applied_and_will_be_again:
        "`InvalidInput`, `NotANumber` and `Overflow` are `NotApplied` and not transient.",
    errors_name_backend_and_operation:
        "An error says which backend and which operation failed.",
    no_error_shows_a_key_or_a_value:
        "`Display`, `Debug` and the causes of an error show no key and no value.",
    the_client_shows_no_key_and_no_value:
        "The client's `Debug` shows nothing of what it holds.",
}

sequences(plain) "Random sequences of operations, against the reference." {
    mixed_operations_agree_with_a_plain_map:
        "Every operation after every other, on odd keys, gives what a plain map gives.",
    conditions_and_keep_agree_with_a_plain_map:
        "Conditions, `Keep` and removals in any order leave value and deadline as a map has them.",
    counters_at_both_ends_agree_with_a_plain_map:
        "Sums, overflows and what is no number are the same after any history of a counter.",
    prefixes_of_odd_keys_agree_with_a_plain_map:
        "Listings and removals by prefix find the same keys at the edges of every range.",
    batches_with_duplicates_agree_with_a_plain_map:
        "Batches with duplicates and invalid keys leave and count what a map leaves and counts.",
    namespaces_inside_each_other_agree_with_a_plain_map:
        "Steps in a store and in namespaces inside each other see and touch the same entries.",
    deadlines_that_pass_agree_with_a_plain_map:
        "Entries that expire between steps, kept, renewed and swept, are absent at the same time.",
}

typed(plain) "`TypedCache` on top of the store." {
    what_was_set_is_got:
        "`set` and `get` of a struct and of text, with the deadline.",
    every_kind_of_value_comes_back:
        "Booleans, units, options, floats, characters, bytes and maps come back.",
    an_integer_is_stored_as_decimal_text:
        "Integers of every width are stored as decimal text.",
    an_integer_that_was_set_is_a_counter:
        "What `set` wrote can be incremented and keeps its deadline.",
    a_counter_can_be_got:
        "What `increment_by` counted can be read by `get::<i64>`.",
    decrementing_by_the_least_integer_overflows:
        "`decrement_by(i64::MIN)` is `Overflow` and touches nothing.",
    a_value_that_is_no_integer_is_no_counter:
        "Text, floats, options and large integers are `NotANumber` and stay.",
    typed_add_and_replace_mind_what_is_there:
        "`add` and `replace` are `Absent` and `Present`.",
    typed_compare_and_set_compares:
        "`compare_and_set` writes over the expected value only.",
    typed_batches_keep_order_and_the_last_value:
        "`get_all` answers in order, and the last value of `set_all` wins.",
    json_and_bincode_are_both_read:
        "A reader understands both codecs and JSON of other programs.",
    what_does_not_decode_is_an_error_and_stays:
        "Undecodable bytes are `Codec` for every reader and stay as they are.",
    an_update_makes_changes_and_removes:
        "`update` creates, changes, keeps the deadline if asked, and removes.",
    an_update_takes_an_expired_entry_for_none:
        "`update` gives its closure `None` for an expired entry.",
    an_update_writes_over_what_others_encoded:
        "`update` compares the bytes that it read, not those that it would have written.",
    get_or_create_creates_on_a_miss_only:
        "`get_or_create` calls its loader on a miss only.",
    get_or_create_creates_anew_after_the_deadline:
        "`get_or_create` takes an expired entry for a miss.",
    a_creation_that_fails_stores_nothing:
        "The loader's error comes back as it is, and nothing is stored.",
    get_or_create_with_a_past_deadline_gives_and_stores_nothing:
        "With a past deadline the loaded value is given and not stored.",
    a_pattern_matches_whole_keys:
        "`keys_matching` is anchored; `*` is any run and `?` one character.",
    a_pattern_takes_other_characters_literally:
        "`\\` takes the next character literally, and all but `*`, `?` and `\\` are themselves.",
    a_pattern_does_not_match_expired_entries:
        "`keys_matching` gives live keys only.",
}

sessions(plain) "Sessions on top of the store." {
    a_visitor_who_stores_nothing_leaves_nothing:
        "Looking at a session that is not there writes nothing.",
    a_session_is_stored_under_its_key_with_its_lifetime:
        "A session is one entry under its fixed key, with its lifetime.",
    a_saved_session_is_loaded_as_it_was_saved:
        "What was saved is loaded by id.",
    an_unknown_id_is_never_adopted:
        "A session is stored under a fresh id, whatever id the client chose.",
    a_stale_save_is_a_conflict_and_changes_nothing:
        "A save over somebody else's is `Conflict`, never a silent overwrite.",
    no_parallel_update_of_a_session_is_lost:
        "Updates side by side all stay.",
    an_update_of_a_session_starts_its_lifetime_anew:
        "Storing a session gives it its whole lifetime again.",
    a_session_that_was_removed_stays_removed:
        "Nobody who loaded it before can save, update or fill the bag of a removed session.",
    an_expired_session_is_gone:
        "A session past its deadline is neither found nor removed.",
    sliding_moves_the_deadline_below_the_threshold_only:
        "Sliding writes only when little is left, and never the value.",
    sliding_does_not_restore_a_removed_session:
        "Sliding a removed session says so and stores nothing.",
    sign_in_gives_a_new_id_and_ends_the_old_one:
        "After a sign-in the old id opens nothing, and the data is kept.",
    a_permanent_session_lives_longer:
        "A permanent session is stored with its own lifetime.",
    the_bag_keeps_an_entry_for_each_key:
        "Each value of a bag is an entry of its own below the session's id.",
    two_requests_set_different_keys_of_one_bag:
        "Values set side by side all stay.",
    the_bag_follows_its_session_to_a_new_id:
        "After a sign-in every value is there, and none below the old id.",
    the_bag_goes_with_its_session:
        "Removing a session removes its bag.",
    another_user_does_not_get_the_bag:
        "Data and bag of one user are dropped when another signs in.",
    the_sessions_of_one_id_do_not_touch_those_of_another:
        "Two sessions share no value.",
    a_user_is_signed_out_everywhere_and_nobody_else:
        "All sessions of a user are listed and ended, those signed in at the same time too.",
    hashed_ids_are_nowhere_in_the_store:
        "With a key for ids neither a key nor a value of the store holds an id.",
    an_old_id_reads_the_session_for_its_grace_time:
        "After a renewal the old id leads to the session, until that is removed.",
    all_sessions_are_listed_and_can_be_removed_by_handle:
        "A listing gives every session with its time left, and a handle removes one.",
}

reopening(reopening) "Entries outlive the client that wrote them." {
    values_outlive_the_client:
        "Values, empty and large ones too, are read after a restart.",
    deadlines_outlive_the_client:
        "Deadlines go on across a restart, and end the entry after it.",
    counters_outlive_the_client:
        "A counter goes on from where it was, with its deadline.",
    what_was_removed_stays_removed:
        "No removal is undone by a restart.",
    what_was_flushed_stays_flushed:
        "No flush is undone by a restart.",
    what_expired_stays_expired:
        "A restart revives no expired entry, and a new one in its place is not swept.",
    an_acknowledged_batch_outlives_the_client:
        "Every entry of a batch is there after a restart.",
    odd_keys_outlive_the_client:
        "Keys of any characters are found after a restart.",
    a_namespace_outlives_the_client:
        "A namespace is found again under its name.",
    a_store_can_be_reopened_again_and_again:
        "Nothing is lost or made anew over several restarts.",
}

sharing(sharing) "Several clients on one store." {
    a_client_sees_what_another_wrote:
        "What one client wrote, the next call of another reads.",
    a_client_sees_the_deadlines_of_another:
        "Deadlines set by one client hold for another.",
    a_client_sees_what_another_removed:
        "A removal or flush of one client holds for another.",
    conditions_hold_across_clients:
        "Conditions are judged by what is stored, whoever stored it.",
    of_many_adds_of_several_clients_exactly_one_wins:
        "`Absent` has one winner among clients.",
    no_increment_of_several_clients_is_lost:
        "Clients that count on one counter lose nothing.",
    a_listing_of_one_client_goes_on_while_another_writes:
        "A listing is complete while another client writes.",
    a_client_goes_on_when_another_is_closed:
        "Closing one client leaves the others usable.",
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
