//! The rows of level 5: what is built on the contract.

/// Adds the rows of this level to those before it, and goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __level_5 {
    ($then:ident $($before:tt)*) => {
        $crate::__level_6! { $then $($before)*

5 typed(plain) "`TypedCache` on top of the store." {
    what_was_set_is_got []:
        "`set` and `get` of a struct and of text, with the deadline.",
    every_kind_of_value_comes_back []:
        "Booleans, units, options, floats, characters, bytes and maps come back.",
    an_integer_is_stored_as_decimal_text []:
        "Integers of every width are stored as decimal text.",
    an_integer_that_was_set_is_a_counter []:
        "What `set` wrote can be incremented and keeps its deadline.",
    a_counter_can_be_got []:
        "What `increment_by` counted can be read by `get::<i64>`.",
    decrementing_by_the_least_integer_overflows []:
        "`decrement_by(i64::MIN)` is `Overflow` and touches nothing.",
    a_value_that_is_no_integer_is_no_counter []:
        "Text, floats, options and large integers are `NotANumber` and stay.",
    typed_add_and_replace_mind_what_is_there []:
        "`add` and `replace` are `Absent` and `Present`.",
    typed_compare_and_set_compares []:
        "`compare_and_set` writes over the expected value only.",
    typed_batches_keep_order_and_the_last_value []:
        "`get_all` answers in order, and the last value of `set_all` wins.",
    json_and_bincode_are_both_read ["CO-03"]:
        "A reader understands both codecs and JSON of other programs.",
    values_are_written_with_the_codec_of_the_client ["CO-01", "CO-02"]:
        "`codec` is what `TypedCache` writes with, through namespaces and pointers too.",
    what_does_not_decode_is_an_error_and_stays []:
        "Undecodable bytes are `Codec` for every reader and stay as they are.",
    an_update_makes_changes_and_removes []:
        "`update` creates, changes, keeps the deadline if asked, and removes.",
    an_update_takes_an_expired_entry_for_none []:
        "`update` gives its closure `None` for an expired entry.",
    an_update_writes_over_what_others_encoded []:
        "`update` compares the bytes that it read, not those that it would have written.",
    get_or_create_creates_on_a_miss_only []:
        "`get_or_create` calls its loader on a miss only.",
    get_or_create_creates_anew_after_the_deadline []:
        "`get_or_create` takes an expired entry for a miss.",
    a_creation_that_fails_stores_nothing []:
        "The loader's error comes back as it is, and nothing is stored.",
    get_or_create_with_a_past_deadline_gives_and_stores_nothing []:
        "With a past deadline the loaded value is given and not stored.",
    a_pattern_matches_whole_keys []:
        "`keys_matching` is anchored; `*` is any run and `?` one character.",
    a_pattern_takes_other_characters_literally []:
        "`\\` takes the next character literally, and all but `*`, `?` and `\\` are themselves.",
    a_pattern_does_not_match_expired_entries []:
        "`keys_matching` gives live keys only.",
}

5 sessions(plain) "Sessions on top of the store." {
    a_visitor_who_stores_nothing_leaves_nothing []:
        "Looking at a session that is not there writes nothing.",
    a_session_is_stored_under_its_key_with_its_lifetime []:
        "A session is one entry under its fixed key, with its lifetime.",
    a_saved_session_is_loaded_as_it_was_saved []:
        "What was saved is loaded by id.",
    an_unknown_id_is_never_adopted []:
        "A session is stored under a fresh id, whatever id the client chose.",
    a_stale_save_is_a_conflict_and_changes_nothing []:
        "A save over somebody else's is `Conflict`, never a silent overwrite.",
    no_parallel_update_of_a_session_is_lost []:
        "Updates side by side all stay.",
    an_update_of_a_session_starts_its_lifetime_anew []:
        "Storing a session gives it its whole lifetime again.",
    a_session_that_was_removed_stays_removed []:
        "Nobody who loaded it before can save, update or fill the bag of a removed session.",
    an_expired_session_is_gone []:
        "A session past its deadline is neither found nor removed.",
    sliding_moves_the_deadline_below_the_threshold_only []:
        "Sliding writes only when little is left, and never the value.",
    sliding_does_not_restore_a_removed_session []:
        "Sliding a removed session says so and stores nothing.",
    sign_in_gives_a_new_id_and_ends_the_old_one []:
        "After a sign-in the old id opens nothing, and the data is kept.",
    a_permanent_session_lives_longer []:
        "A permanent session is stored with its own lifetime.",
    the_bag_keeps_an_entry_for_each_key []:
        "Each value of a bag is an entry of its own below the session's id.",
    two_requests_set_different_keys_of_one_bag []:
        "Values set side by side all stay.",
    the_bag_follows_its_session_to_a_new_id []:
        "After a sign-in every value is there, and none below the old id.",
    the_bag_goes_with_its_session []:
        "Removing a session removes its bag.",
    another_user_does_not_get_the_bag []:
        "Data and bag of one user are dropped when another signs in.",
    the_sessions_of_one_id_do_not_touch_those_of_another []:
        "Two sessions share no value.",
    a_user_is_signed_out_everywhere_and_nobody_else []:
        "All sessions of a user are listed and ended, those signed in at the same time too.",
    hashed_ids_are_nowhere_in_the_store []:
        "With a key for ids neither a key nor a value of the store holds an id.",
    an_old_id_reads_the_session_for_its_grace_time []:
        "After a renewal the old id leads to the session, until that is removed.",
    all_sessions_are_listed_and_can_be_removed_by_handle []:
        "A listing gives every session with its time left, and a handle removes one.",
    three_clients_do_what_the_model_says []:
        "Random sequences of what requests do with sessions give what a small model says.",
}

        }
    };
}
