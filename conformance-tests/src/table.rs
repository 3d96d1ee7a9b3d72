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
    a_missing_key_reads_as_none: "`read` of a key that was never written is `None`, no error.",
    an_empty_value_is_a_value: "An empty value is read back and is no miss.",
}

writes(plain) "Conditions, and what a write replaces." {
    add_leaves_a_live_value_alone: "`Absent` on a live entry is `false` and changes neither value nor deadline.",
    add_takes_over_an_expired_entry: "`Absent` holds for an entry that is past its deadline.",
}

listing(plain) "Keys that start with a prefix." {
    a_prefix_is_literal_and_not_a_pattern: "`%`, `_`, `*`, `?`, `[`, `\\` in a prefix are themselves.",
}

namespaces(plain) "A part of a store that looks like a store of its own." {
    namespaces_beside_each_other_share_nothing: "One key in two namespaces is two entries.",
}

races(plain) "Many callers at once." {
    of_many_adds_exactly_one_wins: "`Absent` has one winner, and its value stays.",
}

reopening(reopening) "Entries outlive the client that wrote them." {
    values_outlive_the_client: "A value written before a restart is read after it.",
}

sharing(sharing) "Several clients on one store." {
    a_client_sees_what_another_wrote: "A write of one client is read by the next call of another.",
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
