//! The rows of level 1: what every operation answers.

/// Adds the rows of this level to those before it, and goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __level_1 {
    ($then:ident $($before:tt)*) => {
        $crate::__level_2! { $then $($before)*

1 reads(plain) "What a read gives." {
    a_missing_key_reads_as_none ["RD-02", "RD-06"]:
        "`read` of a key that was never written is `None` and no error.",
    what_was_written_is_read ["RD-01"]:
        "`read` gives the bytes of the last write, as often as it is asked.",
    each_key_has_its_own_value ["RD-01"]:
        "The value of one key is never seen under another.",
    reading_does_not_move_a_deadline ["RD-04"]:
        "No way of reading lengthens the life of an entry.",
    a_value_that_was_read_stays_as_it_was_read ["RD-01"]:
        "Bytes in the hands of a reader do not change when the entry does.",
    a_read_with_time_to_live_gives_both ["RT-01"]:
        "`read_with_time_to_live` gives the value and what is left of its life.",
    a_read_with_time_to_live_tells_of_no_deadline ["RT-01"]:
        "`read_with_time_to_live` says `Never` for an entry without a deadline.",
    a_read_with_time_to_live_of_a_missing_key_is_none ["RT-02"]:
        "`read_with_time_to_live` of a missing key is `None`.",
    a_read_with_time_to_live_of_an_empty_value_is_no_miss ["RT-01", "RD-03"]:
        "`read_with_time_to_live` tells an empty value from none.",
    the_store_answers_a_ping ["PI-01"]:
        "`ping` succeeds on a store that is there and stores nothing.",
}

1 values(plain) "Values are any bytes, from none up to the limit." {
    an_empty_value_is_a_value ["RD-03", "VA-01"]:
        "An empty value is stored, read, compared, listed and removed as any other.",
    values_of_every_byte_come_back ["VA-01"]:
        "No byte is changed, alone, at either end or among others.",
    values_of_many_lengths_come_back ["VA-01"]:
        "Values around the sizes of buffers and pages come back whole, up to 1 MiB.",
    a_value_that_looks_like_nothing_is_kept_as_it_is ["VA-01"]:
        "`null`, `NULL`, NUL and blanks are values.",
    a_value_that_looks_like_a_number_is_kept_as_it_is ["VA-01"]:
        "A value is never rewritten as the number that it resembles.",
    the_longest_value_is_taken ["VA-01"]:
        "A value of exactly the limit (16 MiB) is stored and read back whole.",
    the_longest_value_can_be_compared ["VA-01"]:
        "`Equals` compares values of exactly the limit to the last byte.",
    a_value_that_is_too_long_is_refused ["VA-02", "WR-09"]:
        "One byte more than the limit is `InvalidInput`, and the old entry stays.",
    a_value_that_is_too_long_is_refused_in_equals_too ["WR-09"]:
        "A comparison with more than the limit is `InvalidInput`.",
    a_value_that_is_too_long_is_refused_even_if_nothing_would_stay ["WR-08"]:
        "The limit is checked before a past deadline removes.",
}

1 writes(plain) "Conditions, removal, and what a write replaces." {
    a_write_replaces_the_value ["WR-01"]:
        "Of two writes the second is read, also where it is shorter.",
    a_write_of_the_same_value_is_a_write ["WR-07"]:
        "Writing the bytes that are there is `true` and replaces the deadline.",
    always_writes_over_an_expired_entry ["EX-01", "WR-01"]:
        "`Always` over an expired entry makes a new one with the new deadline.",
    add_writes_where_nothing_is ["WR-01"]:
        "`Absent` holds for a missing key.",
    add_leaves_a_live_value_alone ["WR-03"]:
        "`Absent` on a live entry is `false` and changes neither value nor deadline.",
    add_takes_over_an_expired_entry ["EX-01"]:
        "`Absent` holds for an entry past its deadline, swept or not.",
    add_works_again_after_a_removal ["WR-01"]:
        "`Absent` holds for a removed entry, and nothing of the old deadline is left.",
    replace_writes_nothing_where_nothing_is ["WR-03", "WR-11"]:
        "`Present` on a missing key is `false` and stores nothing.",
    replace_writes_over_a_live_value ["WR-01", "WR-04"]:
        "`Present` on a live entry replaces value and deadline.",
    replace_does_not_revive_an_expired_entry ["EX-01", "WR-03"]:
        "`Present` on an expired entry is `false`.",
    replace_does_not_revive_a_removed_entry ["WR-03"]:
        "`Present` on a removed entry is `false`.",
    equals_writes_over_the_same_bytes ["WR-01"]:
        "`Equals` with the stored bytes replaces value and deadline.",
    equals_leaves_other_bytes_alone ["WR-03"]:
        "`Equals` with other bytes is `false` and changes neither value nor deadline.",
    equals_compares_every_byte ["WR-03"]:
        "A beginning, a longer text, another case and a NUL more or less are not equal.",
    equals_fails_where_nothing_is ["WR-06"]:
        "`Equals` never holds for a missing key, not even with no bytes.",
    equals_of_an_empty_value_holds_for_an_empty_value ["WR-06"]:
        "`Equals` with no bytes holds for a live empty value only.",
    equals_fails_on_an_expired_entry ["WR-06", "EX-01"]:
        "`Equals` with the bytes of an expired entry is `false`.",
    equals_with_a_zero_duration_removes_if_equal ["WR-05"]:
        "A comparison that holds with a zero duration removes, and only then.",
    a_condition_is_judged_before_a_past_deadline_removes ["WR-05"]:
        "With a past deadline nothing is removed unless the condition holds.",
    remove_tells_whether_a_live_entry_went ["RM-01"]:
        "`remove` is `true` once and `false` after it.",
    remove_of_a_missing_key_is_false ["RM-01", "RM-03"]:
        "Removing nothing is `false` and no error.",
    remove_of_an_expired_entry_is_false ["EX-01", "RM-01"]:
        "`remove` does not count an entry past its deadline.",
    remove_takes_its_own_key_only ["RM-01"]:
        "Keys that begin alike or differ in case stay.",
    flush_all_removes_every_entry ["FL-01", "FL-03"]:
        "`flush_all` leaves no value, counter or odd key behind.",
    flush_all_of_an_empty_store_is_no_error ["FL-01"]:
        "`flush_all` can be called on nothing, and twice.",
    a_flushed_store_takes_entries_again ["FL-01"]:
        "After `flush_all` keys are free, and no old deadline is left.",
}

1 counters(plain) "Counters: 64-bit integers that share the key space with values." {
    a_missing_counter_starts_at_zero ["IN-02"]:
        "The first `increment` gives `by`, upwards and downwards.",
    increments_add_up ["IN-01"]:
        "Each `increment` gives the sum so far, below zero too.",
    counters_are_apart ["IN-01"]:
        "Each key counts for itself.",
    adding_zero_creates ["IN-04"]:
        "`increment` by 0 on a missing key stores `0` with its deadline.",
    adding_zero_gives_what_is_there ["IN-04"]:
        "`increment` by 0 reads a counter and changes nothing.",
    a_counter_reads_as_canonical_text ["IN-05"]:
        "A counter reads as decimal text, with a minus and without zeros before it.",
    an_integer_that_was_written_can_be_incremented ["IN-05"]:
        "Canonical text that was written is a counter, up to both ends of `i64`.",
    a_counter_can_be_written_over ["IN-05"]:
        "Counters and values share the key space, conditions included.",
    a_removed_counter_starts_again ["IN-02"]:
        "A removed counter starts at 0 and without its old deadline.",
    large_counters_are_exact ["IN-01"]:
        "Counters beyond 2^53 lose nothing.",
    an_increment_keeps_the_deadline_of_a_live_counter ["IN-03"]:
        "`expiry_if_new` does not touch a counter that is live.",
    an_increment_does_not_start_the_time_anew ["IN-03"]:
        "A counter ends when it was to end, however often it is incremented.",
    an_increment_leaves_a_counter_without_a_deadline_without_one ["IN-03"]:
        "A live counter without a deadline gets none, and a past `expiry_if_new` does not remove it.",
    a_new_counter_gets_expiry_if_new ["IN-02"]:
        "A new counter gets the deadline that was asked for, `In`, `At` or none.",
    a_new_counter_with_keep_never_expires ["IN-02"]:
        "`Keep` for a new counter is no deadline.",
    a_new_counter_with_a_past_deadline_answers_and_leaves_nothing ["IN-02"]:
        "A past `expiry_if_new` answers `by`, and nothing stays.",
    an_expired_counter_starts_again ["IN-02", "EX-01"]:
        "A counter past its deadline starts at 0 with `expiry_if_new`.",
    an_expired_value_that_is_no_number_is_no_error ["IN-03", "EX-01"]:
        "What an expired entry holds can neither fail nor overflow an increment.",
    an_expired_counter_with_a_past_deadline_leaves_nothing ["IN-02", "EX-01"]:
        "A past `expiry_if_new` over an expired counter answers `by`, and nothing stays.",
    text_is_not_a_number ["IN-07"]:
        "Words, fractions, exponents and groups of digits are `NotANumber` and stay.",
    leading_zeros_are_not_a_number ["IN-07"]:
        "`007` is `NotANumber` and stays.",
    signs_other_than_a_minus_are_not_a_number ["IN-07"]:
        "`+1` and `-0` are `NotANumber` and stay.",
    blanks_are_not_a_number ["IN-07"]:
        "Blanks, line breaks, NUL and no bytes at all are `NotANumber` and stay.",
    a_number_outside_64_bits_is_not_a_number ["IN-07"]:
        "Integers outside `i64` are `NotANumber` and stay.",
    a_number_of_any_length_is_not_a_number ["IN-07"]:
        "Digits beyond 64 bits, from 19 to a million of them, are `NotANumber` and stay.",
    digits_of_other_scripts_are_not_a_number ["IN-07"]:
        "Digits that are not ASCII are `NotANumber` and stay.",
    bytes_that_are_no_text_are_not_a_number ["IN-07"]:
        "Binary values are `NotANumber` and stay.",
    an_overflow_is_an_error_at_both_ends ["IN-07"]:
        "A sum outside `i64` is `Overflow` and changes nothing.",
    both_ends_of_64_bits_can_be_reached ["IN-01"]:
        "Sums of exactly the greatest and the least integer are right.",
    an_increment_that_fails_changes_nothing ["IN-08"]:
        "After `NotANumber` and `Overflow` value and deadline are as they were.",
}

1 batches(plain) "Batches: empty, with duplicates, large, and with something wrong in the middle." {
    an_empty_batch_does_nothing ["RA-03", "WA-05", "MA-02"]:
        "Empty batches succeed and touch nothing.",
    a_batch_of_one_is_a_batch ["RA-01", "WA-01", "MA-01"]:
        "One key is written, read and removed as a batch.",
    read_all_answers_in_the_order_of_the_keys ["RA-01"]:
        "The answers stand in the order of the keys, not in that of the store.",
    read_all_tells_missing_from_empty ["RA-01", "RD-03"]:
        "Missing and expired keys are `None` at their place, empty values are not.",
    read_all_answers_a_key_given_twice_twice ["RA-02"]:
        "A key given twice is answered at both places.",
    write_all_replaces_values_and_deadlines ["WA-01"]:
        "`write_all` writes over whatever was there, deadline included.",
    write_all_with_keep_leaves_each_its_own_deadline ["WA-06"]:
        "`Keep` in a batch keeps each entry's own deadline.",
    write_all_with_a_past_deadline_leaves_nothing ["WA-06"]:
        "A batch with a past deadline removes its keys and no others.",
    the_last_value_of_a_key_wins ["WA-03"]:
        "Of a key given twice the last value stays.",
    the_last_value_of_a_key_wins_across_chunks ["WA-03"]:
        "The last value stays even thousands of entries after the first.",
    a_large_batch_minds_its_expiry_and_its_duplicates ["WA-01", "WA-03"]:
        "Thousands of keys, each given twice, get, keep or lose their deadlines with the batch.",
    remove_all_counts_live_entries_only ["MA-01", "EX-01"]:
        "`remove_all` counts neither missing nor expired keys.",
    a_removal_of_one_key_counts_once ["MA-02"]:
        "A key given twice counts once, across chunks too.",
    batches_take_100_000_keys ["WA-01", "RA-01", "MA-01"]:
        "100,000 keys are written, read and removed in one call each.",
    a_batch_may_be_larger_than_the_largest_value ["WA-01"]:
        "The values of a batch together may exceed the limit of one.",
    an_invalid_key_in_the_middle_touches_nothing ["RA-04", "WA-02", "MA-03"]:
        "All keys are checked before the first is touched.",
    an_invalid_key_at_the_end_of_many_touches_nothing ["RA-04", "WA-02", "MA-03"]:
        "All keys are checked before the first chunk goes.",
    a_value_that_is_too_long_in_the_middle_touches_nothing ["WA-02", "WA-08"]:
        "All values are checked before the first is written.",
    a_batch_takes_odd_keys ["KY-02"]:
        "Keys with any character go through batches unchanged.",
}

1 keys(plain) "Keys: what is one, and that no character of it has a meaning." {
    no_character_of_a_key_has_a_meaning ["KY-02"]:
        "Keys full of patterns, quotes and escapes are each their own.",
    odd_keys_work_in_every_operation ["KY-02"]:
        "Such keys can be counted, timed, compared, listed and removed.",
    blanks_and_line_breaks_count ["KY-02"]:
        "Blanks, tabs and line breaks are part of a key, at its ends too.",
    keys_that_differ_in_case_are_different ["KY-01"]:
        "Case matters, beyond ASCII too.",
    keys_are_not_normalised ["KY-01"]:
        "Composed and decomposed characters are different keys.",
    keys_that_begin_alike_are_different ["KY-01"]:
        "A key that is the beginning of another is its own.",
    keys_of_every_character_width_come_back ["KY-01"]:
        "Characters of one to four bytes come back from a listing.",
    the_longest_key_is_taken ["KY-01"]:
        "A key of 1,024 bytes, namespace included, works, of whatever characters.",
    long_keys_that_differ_at_the_end_are_different ["KY-01"]:
        "The last byte of the longest key counts.",
    the_empty_key_is_refused_by_every_operation
        ["VA-02", "RD-05", "RA-07", "WR-09", "WA-08", "RM-02", "MA-05", "TL-04", "ST-04", "RT-02"]:
        "The empty key is `InvalidInput` everywhere, and nothing is stored.",
    nul_in_a_key_is_refused_by_every_operation ["VA-02", "RD-05"]:
        "A key with NUL is `InvalidInput` everywhere, and nothing is stored.",
    a_key_that_is_too_long_is_refused_by_every_operation ["VA-02", "RD-05"]:
        "A key of one byte more than 1,024 is `InvalidInput` everywhere, and nothing is stored.",
    the_length_of_a_key_counts_in_bytes ["KY-01"]:
        "The limit of a key counts bytes, not characters.",
}

        }
    };
}
