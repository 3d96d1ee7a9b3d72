//! The rows of level 4: many callers at once, and long histories.

/// Adds the rows of this level to those before it, and goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __level_4 {
    ($then:ident $($before:tt)*) => {
        $crate::__level_5! { $then $($before)*

4 races(plain) "Many callers at once." {
    of_many_adds_exactly_one_wins ["WR-02"]:
        "`Absent` has one winner, whose value stays.",
    an_expired_entry_is_taken_over_by_exactly_one ["WR-02", "EX-01"]:
        "`Absent` over an expired entry has one winner.",
    of_many_writers_over_the_same_bytes_exactly_one_wins ["WR-02"]:
        "`Equals` has one winner.",
    of_many_removals_exactly_one_counts ["RM-01"]:
        "Of removals in three ways at once one says that the entry went.",
    no_increment_is_lost_or_counted_twice ["IN-06"]:
        "The total is exact, and no sum is given to two callers.",
    no_increment_is_lost_where_a_counter_starts ["IN-06"]:
        "Counting on missing and expired counters at once loses nothing.",
    a_loop_of_reading_and_comparing_loses_nothing ["WR-02"]:
        "Changes by `Equals` and trying again all stay.",
    no_update_is_lost ["WR-02"]:
        "Changes by `update` all stay.",
    a_lock_of_add_and_remove_lets_one_in ["WR-02", "WR-05"]:
        "`Absent` and remove-if-equal make a lock.",
    a_value_is_never_torn ["WR-02"]:
        "A reader sees the whole value of one writer, never parts of two.",
    value_and_deadline_are_of_one_write ["WR-01", "RT-01"]:
        "A reader never sees the value of one write with the deadline of another.",
    an_entry_that_is_written_over_is_never_missing ["WR-02"]:
        "A live entry is there at every instant of an overwrite.",
    batches_over_the_same_keys_do_not_disturb_each_other ["WA-04"]:
        "Batches of the same keys in different orders all succeed.",
    callers_of_different_keys_do_not_disturb_each_other ["RD-01"]:
        "Every caller sees its own keys as if it were alone.",
    a_sweep_never_takes_a_renewed_entry ["RE-03"]:
        "An entry renewed while a sweep runs stays.",
    of_many_creators_all_get_the_value_of_the_first ["WR-02"]:
        "`get_or_create` gives all callers the value that was stored.",
}

4 overlaps(plain) "Calls that overlap on the same entries." {
    a_batch_reads_each_entry_whole ["RA-05"]:
        "`read_all` among writers gives each entry of one write.",
    a_new_deadline_loses_no_write ["ST-03"]:
        "`set_time_to_live` among increments undoes none of them.",
    a_new_deadline_restores_no_removed_entry ["ST-03"]:
        "Of `set_time_to_live` and `remove` at once nothing is left.",
    a_removal_by_prefix_among_writers_takes_what_was_there ["RS-01", "RS-03"]:
        "`remove_starting_with` leaves nothing that was there and touches nothing outside.",
    a_flush_among_writers_takes_what_was_there ["FL-01", "FL-04"]:
        "`flush_all` leaves nothing that was there, whoever writes meanwhile.",
    a_flush_of_a_namespace_disturbs_no_writer_outside ["FL-02", "NS-01"]:
        "Entries written outside while a namespace is flushed all stay.",
}

4 sequences(plain) "Random sequences of operations, against the reference." {
    mixed_operations_agree_with_a_plain_map ["CC-01"]:
        "Every operation after every other, on odd keys, gives what a plain map gives.",
    conditions_and_keep_agree_with_a_plain_map ["WR-01", "WR-03", "WR-04", "ST-02"]:
        "Conditions, `Keep` and removals in any order leave value and deadline as a map has them.",
    counters_at_both_ends_agree_with_a_plain_map ["IN-01", "IN-05", "IN-07"]:
        "Sums, overflows and what is no number are the same after any history of a counter.",
    prefixes_of_odd_keys_agree_with_a_plain_map ["LS-01", "LS-05", "RS-01"]:
        "Listings and removals by prefix find the same keys at the edges of every range.",
    batches_with_duplicates_agree_with_a_plain_map ["RA-02", "WA-03", "MA-02"]:
        "Batches with duplicates and invalid keys leave and count what a map leaves and counts.",
    namespaces_inside_each_other_agree_with_a_plain_map ["NS-01", "NS-02"]:
        "Steps in a store and in namespaces inside each other see and touch the same entries.",
    deadlines_that_pass_agree_with_a_plain_map ["EX-01", "DL-01"]:
        "Entries that expire between steps, kept, renewed and swept, are absent at the same time.",
}

4 histories(plain) "Many callers at once, whose answers one order explains." {
    reads_and_writes_have_one_order ["WR-02", "RD-01"]:
        "Reads, writes and removals side by side are as if they came one after the other.",
    conditional_writes_have_one_order ["WR-02", "WR-03"]:
        "Each condition is judged at the instant of its write, among all others.",
    counters_and_values_have_one_order ["IN-06", "IN-05"]:
        "Counting, writing and removing one key mix as if they came one after the other.",
    batches_have_one_order_for_each_key ["WA-04", "RA-05"]:
        "Each entry of a batch takes its place among the single calls.",
    entries_that_expire_have_one_order ["EX-01", "ST-03", "TL-01", "RE-03"]:
        "Entries that end, are kept, renewed and swept meanwhile are never seen again.",
    dropped_calls_happen_once_or_never ["CA-01", "IN-06"]:
        "A dropped call takes effect at most once, at some instant after it began.",
}

4 histories_through_cuts(networked) "Histories recorded while the network fails." {
    cuts_double_no_effect_and_lose_none ["FA-03", "ER-01"]:
        "Through connections cut at any byte every effect is there once.",
    lost_replies_double_no_effect_and_lose_none ["FA-03", "ER-01"]:
        "An effect whose reply was lost is there once, or its error told of none.",
    lost_requests_double_no_effect_and_lose_none ["FA-03", "ER-01"]:
        "A request that was lost is told as an error and has no effect later.",
    late_replies_are_taken_for_no_other ["FA-02", "FA-03"]:
        "A reply that comes after its time-out is no answer to a later call.",
}

        }
    };
}
