//! The rows of level 2: time, listings and namespaces.

/// Adds the rows of this level to those before it, and goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __level_2 {
    ($then:ident $($before:tt)*) => {
        $crate::__level_3! { $then $($before)*

2 expiry(plain) "Deadlines, and that expired is absent." {
    an_entry_lives_until_its_deadline ["DL-01"]:
        "No entry ends before its deadline.",
    an_entry_is_absent_once_its_time_is_over ["EX-01"]:
        "An entry written `In` a time is not read after it.",
    an_entry_is_absent_once_its_instant_is_past ["EX-01"]:
        "An entry written `At` an instant is not read after it.",
    an_expired_entry_has_no_time_to_live ["EX-01", "TL-01"]:
        "Both ways of asking for a time to live find no expired entry.",
    an_expired_entry_is_not_listed ["EX-01", "LS-01"]:
        "A listing leaves out what is past its deadline, swept or not.",
    an_expired_entry_is_not_counted_as_removed ["EX-01"]:
        "No way of removing counts an expired entry.",
    an_expired_entry_cannot_be_given_more_time ["EX-01", "ST-01"]:
        "`set_time_to_live` does not revive an expired entry.",
    a_zero_duration_leaves_nothing ["DL-02", "WR-05"]:
        "A write with a zero duration is `true` and removes what was there.",
    a_deadline_already_past_leaves_nothing ["DL-02", "WR-05"]:
        "A write `At` a past instant, also before 1970, is `true` and removes what was there.",
    the_shortest_duration_is_not_for_ever ["DL-01"]:
        "A nanosecond is rounded up to a millisecond, never down to no deadline.",
    a_time_to_live_is_never_zero ["TL-02"]:
        "What is left is at least a millisecond, or the entry is absent.",
    a_time_to_live_counts_down ["TL-01"]:
        "What is left becomes less as time passes.",
    a_missing_entry_has_no_time_to_live ["TL-01"]:
        "`get_time_to_live` of a missing key is `None`.",
    an_entry_without_a_deadline_lives_for_ever ["TL-01"]:
        "`get_time_to_live` is `Never`, and the entry stays.",
    lives_of_every_length_are_kept ["DL-01"]:
        "Lives from a minute to a century are kept, `In` as well as `At`.",
    the_last_millisecond_of_the_year_9999_is_a_deadline ["DL-03"]:
        "The latest deadline that there is is kept as one.",
    the_latest_deadline_goes_through_every_operation ["DL-03"]:
        "The last deadline before the year 10,000 is given, kept and counted on by every operation.",
    a_deadline_after_the_year_9999_is_never ["DL-03"]:
        "A deadline a millisecond later is no deadline.",
    the_longest_duration_is_never ["DL-03"]:
        "`Duration::MAX` and others beyond any calendar are no deadline, and overflow nowhere.",
    what_a_time_to_live_gives_can_be_written_back ["TL-03"]:
        "A `TimeToLive` that was read can be written as an `Expiry`.",
    an_overwrite_replaces_a_longer_deadline ["WR-04"]:
        "The new deadline counts where it is the earlier one.",
    an_overwrite_replaces_a_shorter_deadline ["WR-04"]:
        "The new deadline counts where it is the later one.",
    an_overwrite_without_a_deadline_takes_it_away ["WR-04"]:
        "A write with `Never` leaves nothing of the old deadline.",
    an_overwrite_with_a_deadline_gives_one ["WR-04"]:
        "A write with a deadline ends an entry that had none.",
    keep_leaves_the_deadline_of_a_live_entry ["WR-04"]:
        "`Keep` changes the value and not the deadline, whatever the condition.",
    keep_does_not_start_the_time_anew ["WR-04"]:
        "`Keep` leaves the instant at which the entry ends.",
    keep_leaves_an_entry_without_a_deadline_without_one ["WR-04"]:
        "`Keep` gives no deadline to an entry without one.",
    a_new_entry_with_keep_never_expires ["WR-04"]:
        "`Keep` on a missing key makes an entry without a deadline.",
    keep_over_an_expired_entry_never_expires ["WR-04", "EX-01"]:
        "`Keep` takes nothing over from an expired entry.",
    a_live_entry_can_be_given_a_deadline ["ST-01"]:
        "`set_time_to_live` gives a deadline, `In` and `At`, and the entry ends at it.",
    a_live_entry_can_be_given_more_time ["ST-01"]:
        "`set_time_to_live` moves a deadline away.",
    a_live_entry_can_lose_its_deadline ["ST-01"]:
        "`set_time_to_live` with `Never` takes the deadline away.",
    a_new_deadline_leaves_the_value_as_it_is ["ST-01"]:
        "`set_time_to_live` does not rewrite the value.",
    a_missing_entry_cannot_be_given_a_deadline ["ST-01", "ST-05"]:
        "`set_time_to_live` of a missing key is `false` and creates nothing.",
    setting_a_past_deadline_removes ["ST-02", "DL-02"]:
        "`set_time_to_live` with a past deadline removes a live entry and is `true`.",
    setting_keep_changes_nothing_and_tells_of_life ["ST-02"]:
        "`set_time_to_live` with `Keep` says whether the entry is live.",
    remove_expired_leaves_the_live_entries ["RE-03"]:
        "`remove_expired` takes no live entry and no deadline.",
    remove_expired_leaves_a_renewed_entry ["RE-03"]:
        "An entry whose deadline was moved or that was written again is not swept by its old one.",
    remove_expired_of_an_empty_store_is_no_error ["RE-01"]:
        "`remove_expired` can be called on nothing.",
    remove_expired_counts_what_it_freed ["RE-01", "RE-02"]:
        "`remove_expired` gives the number of expired entries, once, or less where the store sweeps.",
    an_instant_and_a_duration_agree ["DL-01", "CK-01"]:
        "`At` an hour from now and `In` an hour are the same deadline.",
    many_expired_entries_are_all_absent ["EX-01"]:
        "Thousands of expired entries are neither listed nor counted, before a sweep and after it.",
}

2 states(plain) "Every operation on an entry in each state." {} each {
    read_finds_live_entries_only(missing permanent timed expired) ["RD-01", "RD-02", "EX-01"]:
        "`read`",
    read_all_finds_live_entries_only(missing permanent timed expired) ["RA-01", "EX-01"]:
        "`read_all`",
    read_with_time_to_live_finds_live_entries_only(missing permanent timed expired)
        ["RT-01", "EX-01"]:
        "`read_with_time_to_live`",
    get_time_to_live_finds_live_entries_only(missing permanent timed expired) ["TL-01", "EX-01"]:
        "`get_time_to_live`",
    a_write_replaces_whatever_is_there(missing permanent timed expired) ["WR-01", "WR-04"]:
        "`Always` with a deadline",
    a_write_without_a_deadline_replaces_whatever_is_there(missing permanent timed expired)
        ["WR-01", "WR-04"]:
        "`Always` with `Never`",
    a_write_with_keep_keeps_the_deadlines_of_live_entries(missing permanent timed expired)
        ["WR-04"]:
        "`Always` with `Keep`",
    a_write_with_a_past_deadline_removes_whatever_is_there(missing permanent timed expired)
        ["WR-05", "DL-02"]:
        "`Always` with a past deadline",
    an_add_writes_where_no_live_entry_is(missing permanent timed expired) ["WR-01", "WR-03"]:
        "`Absent` with a deadline",
    an_add_with_keep_gives_no_deadline(missing permanent timed expired) ["WR-03", "WR-04"]:
        "`Absent` with `Keep`",
    an_add_with_a_past_deadline_leaves_what_was(missing permanent timed expired) ["WR-03", "WR-05"]:
        "`Absent` with a past deadline",
    a_replacement_writes_over_live_entries_only(missing permanent timed expired) ["WR-01", "WR-03"]:
        "`Present` with a deadline",
    a_replacement_with_keep_keeps_the_deadline(missing permanent timed expired) ["WR-03", "WR-04"]:
        "`Present` with `Keep`",
    a_replacement_with_a_past_deadline_removes_live_entries(missing permanent timed expired)
        ["WR-03", "WR-05"]:
        "`Present` with a past deadline",
    a_comparison_writes_over_equal_live_entries_only(missing permanent timed expired)
        ["WR-01", "WR-06"]:
        "`Equals` with the stored bytes and `Never`",
    a_comparison_with_keep_keeps_the_deadline(missing permanent timed expired) ["WR-04", "WR-06"]:
        "`Equals` with `Keep`",
    a_comparison_with_other_bytes_changes_nothing(missing permanent timed expired) ["WR-03"]:
        "`Equals` with other bytes",
    a_comparison_with_a_past_deadline_removes_equal_live_entries(missing permanent timed expired)
        ["WR-05", "WR-06"]:
        "`Equals` with a past deadline",
    write_all_replaces_whatever_is_there(missing permanent timed expired) ["WA-01"]:
        "`write_all` with a deadline",
    write_all_with_keep_keeps_the_deadlines_of_live_entries(missing permanent timed expired)
        ["WA-06"]:
        "`write_all` with `Keep`",
    remove_takes_live_entries_only(missing permanent timed expired) ["RM-01", "RM-03"]:
        "`remove`",
    remove_all_takes_live_entries_only(missing permanent timed expired) ["MA-01"]:
        "`remove_all`",
    remove_starting_with_takes_live_entries_only(missing permanent timed expired) ["RS-01"]:
        "`remove_starting_with`",
    an_increment_counts_on_from_live_entries_only(missing permanent timed expired)
        ["IN-02", "IN-03"]:
        "`increment` with a deadline for new counters",
    an_increment_with_a_past_deadline_leaves_nothing_new(missing permanent timed expired)
        ["IN-02", "IN-03"]:
        "`increment` with a past deadline for new counters",
    adding_zero_creates_where_no_live_entry_is(missing permanent timed expired) ["IN-04"]:
        "`increment` by 0",
    a_deadline_can_be_given_to_live_entries_only(missing permanent timed expired)
        ["ST-01", "ST-05"]:
        "`set_time_to_live` with a deadline",
    a_deadline_can_be_taken_from_live_entries_only(missing permanent timed expired) ["ST-01"]:
        "`set_time_to_live` with `Never`",
    a_deadline_can_be_kept_by_live_entries_only(missing permanent timed expired) ["ST-02"]:
        "`set_time_to_live` with `Keep`",
    a_past_deadline_removes_live_entries(missing permanent timed expired) ["ST-02"]:
        "`set_time_to_live` with a past deadline",
    a_listing_gives_live_entries_only(missing permanent timed expired) ["LS-01"]:
        "`keys_starting_with`",
    remove_expired_takes_expired_entries_only(missing permanent timed expired) ["RE-03"]:
        "`remove_expired`",
    a_write_at_an_instant_replaces_whatever_is_there(missing permanent timed expired)
        ["WR-01", "WR-04"]:
        "`Always` with an instant",
    a_write_of_the_same_value_replaces_the_deadline(missing permanent timed expired)
        ["WR-04", "WR-07"]:
        "`Always` with the bytes that may be there",
    an_add_without_a_deadline_leaves_live_entries_alone(missing permanent timed expired)
        ["WR-01", "WR-03"]:
        "`Absent` with `Never`",
    a_replacement_without_a_deadline_takes_it_away(missing permanent timed expired)
        ["WR-03", "WR-04"]:
        "`Present` with `Never`",
    a_comparison_with_a_deadline_gives_it(missing permanent timed expired) ["WR-04", "WR-06"]:
        "`Equals` with a deadline",
    a_comparison_with_no_bytes_changes_nothing(missing permanent timed expired) ["WR-03", "WR-06"]:
        "`Equals` with no bytes",
    write_all_without_a_deadline_takes_it_away(missing permanent timed expired) ["WA-01"]:
        "`write_all` with `Never`",
    write_all_with_a_past_deadline_removes_whatever_is_there(missing permanent timed expired)
        ["WA-06", "DL-02"]:
        "`write_all` with a past deadline",
    write_all_of_a_key_given_twice_leaves_the_last_value(missing permanent timed expired)
        ["WA-03", "WA-06"]:
        "`write_all` with `Keep` and a key given twice",
    remove_all_of_a_key_given_twice_counts_once(missing permanent timed expired) ["MA-02"]:
        "`remove_all` with a key given twice",
    an_increment_without_a_deadline_leaves_that_of_live_entries(missing permanent timed expired)
        ["IN-02", "IN-03"]:
        "`increment` with `Never` for new counters",
    an_increment_with_keep_gives_no_deadline(missing permanent timed expired) ["IN-02", "IN-03"]:
        "`increment` with `Keep` for new counters",
    an_increment_beyond_64_bits_changes_no_live_entry(missing permanent timed expired)
        ["IN-07", "IN-08"]:
        "`increment` by the greatest integer",
    a_deadline_at_an_instant_can_be_given_to_live_entries_only(missing permanent timed expired)
        ["ST-01", "ST-05"]:
        "`set_time_to_live` with an instant",
    flush_all_takes_whatever_is_there(missing permanent timed expired) ["FL-01"]:
        "`flush_all`",
}

2 listing(plain) "Keys that start with a prefix: listed, and removed." {
    an_empty_store_lists_nothing ["LS-01", "RS-01"]:
        "Listing and removing in an empty store find nothing and are no error.",
    an_empty_prefix_lists_everything ["LS-05"]:
        "The empty prefix lists values, counters and empty values alike.",
    a_prefix_lists_what_starts_with_it ["LS-01"]:
        "A listing gives the keys that start with the prefix, the prefix itself included.",
    a_prefix_is_literal_and_not_a_pattern ["LS-05", "KY-02"]:
        "`%`, `_`, `*`, `?`, `[`, `\\`, `{}` and `.` in a prefix are themselves.",
    every_odd_key_is_found_by_each_of_its_beginnings ["LS-05", "KY-02"]:
        "Whatever a key consists of, each of its beginnings finds it and no others.",
    a_prefix_minds_case ["LS-05", "RS-02"]:
        "A prefix in another case matches nothing, in listings and in removals.",
    a_prefix_may_end_in_the_last_character ["LS-05", "RS-02"]:
        "A prefix ending in U+10FFFF, after which nothing sorts, is a prefix as any other.",
    a_prefix_of_any_width_of_character_works ["LS-05"]:
        "A prefix of wide characters matches whole characters only.",
    a_prefix_that_no_key_can_have_lists_nothing ["LS-05", "RS-04"]:
        "A prefix with NUL or of more than 1,024 bytes matches nothing and is no error.",
    a_removed_entry_is_not_listed ["LS-01"]:
        "What was removed in any way is not listed.",
    thousands_of_keys_are_each_listed_once ["LS-02"]:
        "A listing over many pages gives each key once and leaves none out.",
    the_store_stays_usable_while_a_listing_is_open ["LS-04"]:
        "Reads, writes, batches and other listings work while a listing is open.",
    every_key_can_be_removed_as_it_is_listed ["LS-03"]:
        "Removing what was listed does not make the listing skip.",
    a_key_present_throughout_is_listed_once_whatever_others_write ["LS-02", "LS-03"]:
        "Keys that stay are listed once while others come and go around them.",
    every_key_can_be_renewed_as_it_is_listed ["LS-02", "LS-03"]:
        "A listing gives each key once while each is renewed and written as it comes.",
    a_listing_can_be_dropped_early ["LS-04"]:
        "A listing can be dropped after any number of keys, and the next is complete.",
    a_listing_that_is_never_asked_does_nothing ["LS-04"]:
        "A stream that is not polled holds nothing up.",
    listings_run_beside_each_other ["LS-04"]:
        "Several listings at once are each complete.",
    a_listing_ends_when_the_store_is_flushed_meanwhile ["LS-03", "FL-04"]:
        "A listing whose keys vanish ends without an error.",
    remove_starting_with_counts_and_leaves_the_others ["RS-01"]:
        "`remove_starting_with` counts what went and takes nothing else.",
    remove_starting_with_takes_its_prefix_literally ["RS-02", "KY-02"]:
        "No character of the prefix of a removal has a meaning.",
    remove_starting_with_an_empty_prefix_removes_everything ["RS-02"]:
        "The empty prefix removes and counts all live entries.",
    remove_starting_with_removes_thousands ["RS-01"]:
        "A removal over many pages leaves none out and counts each once.",
}

2 namespaces(plain) "A part of a store that looks like a store of its own." {
    namespaces_beside_each_other_share_nothing ["NS-02"]:
        "One key in two namespaces is two entries, for every operation.",
    an_entry_is_stored_below_the_path_of_its_namespace ["NS-02"]:
        "The stored key is the path, a `:` and the key.",
    keys_come_back_without_the_namespace ["NS-01"]:
        "A listing gives keys as they were written, even those that look like the namespace.",
    a_longer_path_lies_inside_a_shorter_one ["NS-02"]:
        "The namespace `a:b` is the part of `a` whose keys begin with `b:`.",
    a_name_that_begins_alike_is_another_namespace ["NS-02"]:
        "`a`, `ab`, `a_b`, `axb` and `A` share nothing.",
    flush_all_stays_inside_the_namespace ["NS-01", "FL-02"]:
        "`flush_all` takes nothing outside of its namespace.",
    listings_and_removals_stay_inside_the_namespace ["NS-01"]:
        "Listings, counts and removals see their namespace only.",
    no_key_and_no_prefix_reaches_outside ["NS-01"]:
        "Keys and prefixes that look like a way out are plain keys inside.",
    every_operation_works_in_a_namespace ["NS-01", "CC-01"]:
        "Each operation does in a namespace what it does outside.",
    entries_expire_in_a_namespace ["NS-01", "EX-01"]:
        "Deadlines hold in a namespace.",
    odd_keys_are_themselves_in_a_namespace ["NS-01", "KY-02"]:
        "No character of a key has a meaning in a namespace either.",
    a_key_must_fit_together_with_its_namespace ["KY-01"]:
        "Path, `:` and key together have at most 1,024 bytes.",
    a_key_is_refused_in_a_namespace_as_outside ["VA-02"]:
        "The empty key and NUL are `InvalidInput` in a namespace too.",
    ill_formed_names_are_refused ["VA-02"]:
        "A namespace that is not names joined by `:` is `InvalidInput` when it is made.",
    the_option_and_the_wrapper_open_the_same_namespace ["NS-02"]:
        "The backend's option and `Prefixed`, nested or not, see the same entries.",
}

        }
    };
}
