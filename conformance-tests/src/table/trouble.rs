//! The rows of level 3: several clients, restarts, faults and cost.

/// Adds the rows of this level to those before it, and goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __level_3 {
    ($then:ident $($before:tt)*) => {
        $crate::__level_4! { $then $($before)*

3 sharing(sharing) "Several clients on one store." {
    a_client_sees_what_another_wrote ["RD-01"]:
        "What one client wrote, the next call of another reads.",
    a_client_sees_the_deadlines_of_another ["CK-01"]:
        "Deadlines set by one client hold for another.",
    a_client_sees_what_another_removed ["RM-01"]:
        "A removal or flush of one client holds for another.",
    conditions_hold_across_clients ["WR-01"]:
        "Conditions are judged by what is stored, whoever stored it.",
    of_many_adds_of_several_clients_exactly_one_wins ["WR-02"]:
        "`Absent` has one winner among clients.",
    no_increment_of_several_clients_is_lost ["IN-06"]:
        "Clients that count on one counter lose nothing.",
    a_listing_of_one_client_goes_on_while_another_writes ["LS-03"]:
        "A listing is complete while another client writes.",
    a_client_goes_on_when_another_is_closed ["CC-01"]:
        "Closing one client leaves the others usable.",
    calls_of_several_clients_have_one_order ["WR-02", "IN-06"]:
        "Calls of two clients side by side are as if they came one after the other.",
}

3 reopening(reopening) "Entries outlive the client that wrote them." {
    values_outlive_the_client ["RD-01"]:
        "Values, empty and large ones too, are read after a restart.",
    deadlines_outlive_the_client ["CK-01"]:
        "Deadlines go on across a restart, and end the entry after it.",
    counters_outlive_the_client ["IN-01"]:
        "A counter goes on from where it was, with its deadline.",
    what_was_removed_stays_removed ["RM-01"]:
        "No removal is undone by a restart.",
    what_was_flushed_stays_flushed ["FL-01"]:
        "No flush is undone by a restart.",
    what_expired_stays_expired ["EX-01"]:
        "A restart revives no expired entry, and a new one in its place is not swept.",
    an_acknowledged_batch_outlives_the_client ["WA-01"]:
        "Every entry of a batch is there after a restart.",
    odd_keys_outlive_the_client ["KY-02"]:
        "Keys of any characters are found after a restart.",
    a_namespace_outlives_the_client ["NS-02"]:
        "A namespace is found again under its name.",
    a_store_can_be_reopened_again_and_again ["RD-01"]:
        "Nothing is lost or made anew over several restarts.",
}

3 faults(plain) "Futures that are dropped, and what errors say." {
    a_dropped_write_leaves_the_old_value_or_the_new ["CA-01", "WR-01"]:
        "Dropping a write leaves one whole entry, value and deadline.",
    a_dropped_add_leaves_nothing_or_the_whole ["CA-01"]:
        "Dropping an add leaves no part of a value and no entry without its deadline.",
    a_dropped_increment_counts_once_or_not_at_all ["CA-01", "IN-06"]:
        "Dropped increments are never counted twice.",
    a_dropped_removal_leaves_the_entry_or_nothing ["CA-01"]:
        "Dropping a removal leaves the whole entry or none.",
    a_dropped_batch_leaves_each_entry_old_or_new ["CA-01", "WA-04"]:
        "Dropping a batch leaves every entry whole.",
    dropped_reads_leave_the_client_usable ["CA-01"]:
        "After dropped reads no answer is taken for another's.",
    dropped_listings_leave_the_client_usable ["CA-01", "LS-04"]:
        "After dropped listings and sweeps every call still answers.",
    many_calls_dropped_at_once_leave_the_client_usable ["CA-01"]:
        "After hundreds of dropped and aborted calls no slot is lost.",
    what_is_refused_was_not_applied_and_will_be_again ["ER-01"]:
        "`InvalidInput`, `NotANumber` and `Overflow` are `NotApplied` and not transient.",
    errors_name_backend_and_operation ["ER-01"]:
        "An error says which backend and which operation failed.",
    no_error_shows_a_key_or_a_value ["ER-02"]:
        "`Display`, `Debug` and the causes of an error show no key and no value.",
    the_client_shows_no_key_and_no_value ["CC-03"]:
        "The client's `Debug` shows nothing of what it holds.",
}

3 network(networked) "A network that fails before a store that is well." {
    every_operation_fails_while_connections_are_refused ["FA-02", "ER-01", "PI-02", "FL-05", "RE-04", "RS-05", "LS-06"]:
        "An outage is an error of every operation, never a miss, `false` or an empty listing.",
    every_operation_fails_while_the_store_is_silent ["FA-01", "FA-02"]:
        "Silence is an error of every operation within the time-out, and changes nothing.",
    a_refused_connection_changed_nothing ["ER-01"]:
        "A refused connection is `Unavailable` and `NotApplied`.",
    connecting_where_nobody_listens_is_unavailable ["FA-01"]:
        "Opening a client of an absent server is `Unavailable` at once.",
    silence_is_a_timeout_and_what_was_sent_is_unknown ["FA-01", "ER-01"]:
        "A call that was sent into silence is `Timeout` and `Unknown`.",
    a_known_outage_fails_calls_at_once ["FA-01"]:
        "After failures in a row calls do not wait for their time-out.",
    many_calls_at_once_all_end_in_an_outage ["FA-01"]:
        "Hundreds of calls at once end in an outage, whatever they wait for.",
    an_outage_is_probed_by_few ["FA-01"]:
        "In a known outage one probe at a time looks for its end.",
    a_client_recovers_by_itself_when_the_network_does ["FA-01", "PI-01"]:
        "After every kind of failure the client works again without help.",
    connections_that_fell_silent_are_replaced ["FA-01"]:
        "Connections whose peer is gone without a word are not used again and again.",
    connections_cut_while_idle_are_replaced ["FA-01"]:
        "A connection cut while nobody used it costs an error at most.",
    a_reply_cut_in_the_middle_is_never_a_value ["FA-02"]:
        "Half a reply is no value: reads give the whole or an error.",
    an_increment_whose_reply_is_lost_is_applied_once ["FA-03", "IN-06", "ER-01"]:
        "An increment whose reply is lost is `Unknown` and not sent again.",
    a_condition_whose_reply_is_lost_is_not_tried_again ["FA-02", "FA-03"]:
        "A conditional write whose reply is lost never says `false`.",
    a_removal_whose_reply_is_lost_is_not_tried_again ["FA-03", "RM-01"]:
        "A removal whose reply is lost never says that nothing went.",
    increments_of_many_callers_through_cuts_count_once ["FA-03", "IN-06"]:
        "Through hundreds of cuts a counter has all that was acknowledged and nothing twice.",
    a_request_that_is_lost_is_an_error_and_has_no_effect ["FA-01", "FA-02"]:
        "A request that never arrived is an error and is not sent behind the caller's back.",
    a_slow_network_is_waited_for ["FA-01"]:
        "A reply that comes within the time-out is an answer.",
    a_reply_after_the_timeout_is_for_no_other_call ["FA-01", "FA-02"]:
        "A late reply is never taken for the answer to a later call.",
    a_garbled_reply_is_an_error_and_its_connection_is_replaced ["ER-01", "FA-02"]:
        "A reply that makes no sense is `Other` and `Unknown`, and its connection is given up.",
    calls_dropped_in_an_outage_leave_the_client_usable ["CA-01"]:
        "Calls dropped while they wait for a network lose no place in a pool.",
    a_listing_through_cuts_is_whole_or_ends_with_an_error ["LS-06", "LS-02"]:
        "A listing whose connection is cut goes on or ends with an error, and gives no key twice.",
    a_batch_through_cuts_leaves_each_entry_old_or_new ["WA-04", "FA-02"]:
        "A batch whose reply is lost has each entry whole, and all of them if it says so.",
    errors_of_an_outage_show_no_key_and_no_value ["ER-02"]:
        "`Display`, `Debug` and the causes of an outage's errors show no key and no value.",
}

3 efficiency(networked) "Round trips, counted." {
    a_read_is_one_round_trip ["RT-01", "PI-01"]:
        "Reading a value, with its time to live or without, waits for the network once.",
    a_write_is_one_round_trip_whatever_its_condition ["WR-01"]:
        "Condition and deadline cost a write no second round trip.",
    a_removal_and_an_increment_are_one_round_trip ["RM-01", "IN-01"]:
        "Removing and counting wait for the network once, refused or not.",
    a_time_to_live_is_one_round_trip ["TL-01", "ST-01"]:
        "Asking for a time to live and giving one wait for the network once.",
    a_batch_of_a_thousand_is_one_round_trip ["WA-04", "RA-01", "MA-01"]:
        "A thousand reads, writes or removals wait for the network once.",
    what_is_refused_or_empty_asks_nothing ["VA-02", "RA-03", "WA-05", "MA-02"]:
        "Input that is refused and empty batches never reach the network.",
    a_listing_asks_for_pages ["LS-02"]:
        "A listing waits once a page, of the matching keys where the store is ordered.",
    a_removal_by_prefix_asks_for_pages ["RS-01"]:
        "A removal by prefix waits twice a page at most.",
}

        }
    };
}
