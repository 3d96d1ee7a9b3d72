//! The rows of level 6: what takes a server that the suite starts and ends.

/// Adds the rows of this level to those before it, and goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __level_6 {
    ($then:ident $($before:tt)*) => {
        $crate::__hand_on! { $then $($before)*

6 outages(outage) "A server that is stopped, killed and started." {
    a_stopped_server_is_a_timeout_then_known_then_forgotten ["FA-01", "ER-01"]:
        "A stopped server is `Timeout`, then fails calls at once, and is found again.",
    a_killed_server_is_unavailable_and_found_when_it_is_back ["FA-01", "FA-02"]:
        "A killed server is `Unavailable`, and all connections are made anew when it is back.",
    increments_through_a_kill_are_never_counted_twice ["FA-03", "IN-06"]:
        "A counter never has more than was sent, though its server was killed meanwhile.",
    calls_dropped_at_a_stopped_server_give_back_what_they_held ["CA-01"]:
        "Calls dropped while a server is stopped leave their places to others.",
}

        }
    };
}
