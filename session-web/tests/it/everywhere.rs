//! What holds on every store: each sentence of a table as a test for each of its stores.
//!
//! A sentence is a function of the module that it stands before.

/// Makes the tests of one store.
macro_rules! on {
    ($store:path: $($module:ident::$sentence:ident,)*) => {
        $(
            #[tokio::test]
            async fn $sentence() {
                let store = $store().await;
                crate::$module::$sentence(&store).await;
            }
        )*
    };
}

macro_rules! on_every_store {
    ($($sentences:tt)*) => {
        mod memory {
            on!(crate::stores::Memory::fresh: $($sentences)*);
        }
        mod sqlite {
            on!(crate::stores::Sqlite::fresh: $($sentences)*);
        }
        mod redis {
            on!(crate::stores::Redis::fresh: $($sentences)*);
        }
        mod postgres {
            on!(crate::stores::Postgres::fresh: $($sentences)*);
        }
    };
}

on_every_store! {
    ids::a_new_visitor_gets_both_ids_and_nothing_is_stored,
    ids::ids_of_ones_own_invention_are_never_adopted,
    ids::ten_thousand_unknown_ids_leave_the_store_empty,
    ids::asking_for_permanence_lengthens_nothing,
    sign_in::signing_in_gives_new_ids_and_kills_the_old,
    sign_in::the_session_of_another_user_is_dropped,
    sign_in::remember_me_moves_the_session_to_the_permanent_id_and_back,
    sign_in::signing_out_removes_the_sessions_of_both_ids,
    writes::two_parallel_updates_both_count,
    writes::a_slow_request_cannot_undo_a_sign_out,
    writes::the_bag_keeps_values_of_one_visitor_apart_from_anothers,
    writes::renewing_gives_two_new_ids_and_keeps_the_data,
}

/// Stores that fail, each in its way.
mod failing {
    macro_rules! on_every_failing_store {
        ($($sentences:tt)*) => {
            mod memory {
                on!(crate::stores::FaultyMemory::fresh: $($sentences)*);
            }
            mod sqlite_without_its_file {
                on!(crate::stores::Sqlite::fresh: $($sentences)*);
            }
            mod redis_cut_off {
                on!(crate::stores::Behind::redis_cut_off: $($sentences)*);
            }
            mod postgres_cut_off {
                on!(crate::stores::Behind::postgres_cut_off: $($sentences)*);
            }
        };
    }

    on_every_failing_store! {
        failures::a_store_that_fails_is_503_and_loses_nothing,
        failures::a_sign_in_that_fails_half_way_leaves_no_half_session,
        secrets::no_output_holds_an_id_or_a_password,
        secrets::no_output_holds_a_key_a_token_or_a_password,
    }

    /// Stores that nobody hears any more.
    mod unheard {
        mod redis {
            on!(crate::stores::Behind::redis_unheard:
                failures::a_store_that_fails_is_503_and_loses_nothing,
                failures::a_sign_in_that_fails_half_way_leaves_no_half_session,
            );
        }
        mod postgres {
            on!(crate::stores::Behind::postgres_unheard:
                failures::a_store_that_fails_is_503_and_loses_nothing,
                failures::a_sign_in_that_fails_half_way_leaves_no_half_session,
            );
        }
    }

    mod killed {
        mod redis {
            on!(crate::stores::KilledRedis::fresh:
                failures::a_store_that_fails_is_503_and_loses_nothing,
            );
        }
        mod postgres {
            on!(crate::stores::KilledPostgres::fresh:
                failures::a_store_that_fails_is_503_and_loses_nothing,
            );
        }
    }
}
