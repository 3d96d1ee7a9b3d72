//! The one table of cases, and what is made of it.
//!
//! The rows stand in a file for each level, below. [`CASES`] is the table as data,
//! [`conformance_tests!`](crate::conformance_tests) the table as tests, [`groups`] the table as
//! docs. A row is
//!
//! ```text
//! name ["RD-01", "EX-01"] probation "on probation since 0.2.0": "What it proves.",
//! ```
//!
//! where the ids are those of the [promises](crate::PROMISES) that the case shows, and the
//! probation is left out where it is over. A group says which store its cases need: `plain`,
//! `reopening`, `sharing`, `networked` or `outage`, as the constructors of [`Store`] are named. A
//! case is a function of its group's module under `cases`. A row after `each` is a case for every
//! state in parentheses.

mod contract;
mod histories;
mod on_top;
mod servers;
mod time;
mod trouble;

use std::fmt;

use futures_util::future::BoxFuture;

use crate::cases;
use crate::store::Store;

/// One behaviour that every store must show.
pub struct Case {
    /// The level that it belongs to, from 1; see [`LEVELS`].
    pub level: u8,
    /// The group, which is the module of the test.
    pub group: &'static str,
    /// The name, which is a sentence.
    pub name: &'static str,
    /// What it proves, in a line for people.
    pub proves: &'static str,
    /// The ids of the promises that it shows.
    pub promises: &'static [&'static str],
    /// Why a backend may fail it for the time being; `None` once it must pass.
    pub probation: Option<&'static str>,
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

    /// The constructor of [`Store`] that opens what the case needs.
    #[cfg(feature = "runner")]
    pub(crate) fn needs(&self) -> &'static str {
        let group = GROUPS.iter().find(|group| group.name == self.group);
        group.map_or("", |group| group.store)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.group, self.name)
    }
}

/// Cases that belong together, and what they need of a store.
#[derive(Debug)]
pub struct Group {
    /// The level that its cases belong to, from 1.
    pub level: u8,
    /// The name, which is the module of the tests.
    pub name: &'static str,
    /// What it is about, in a line for people.
    pub about: &'static str,
    /// The constructor of [`Store`] that opens what its cases need.
    pub store: &'static str,
}

/// How much of the contract a store keeps: a level is reached when its cases and those of all
/// levels below it pass.
#[derive(Debug)]
pub struct Level {
    /// The number, from 1.
    pub number: u8,
    /// The name.
    pub name: &'static str,
    /// What a store that has reached it can be trusted with.
    pub about: &'static str,
}

/// Every level, from the first.
pub static LEVELS: &[Level] = &[
    Level {
        number: 1,
        name: "contract core",
        about: "Reads, conditional writes, counters and batches, on any key and any value.",
    },
    Level {
        number: 2,
        name: "time, listings and namespaces",
        about: "Deadlines to the millisecond, listings by prefix, and parts that are apart.",
    },
    Level {
        number: 3,
        name: "restarts, faults and cost",
        about: "Other clients, restarts, dropped calls and lost connections; what it costs.",
    },
    Level {
        number: 4,
        name: "histories",
        about: "Many callers at once, and long histories against a model.",
    },
    Level {
        number: 5,
        name: "on top",
        about: "Typed values and web sessions, as an application uses them.",
    },
    Level {
        number: 6,
        name: "servers that end",
        about: "A server that is stopped, killed and started; it has to be the suite's own.",
    },
];

macro_rules! list {
    ($($level:literal $group:ident($store:ident) $about:literal {
        $($name:ident $promises:tt $(probation $why:literal)?: $proves:literal,)*
    } $(each {
        $($operation:ident($($state:ident $((probation $state_why:literal))?)*) $shown:tt:
            $of:literal,)*
    })?)*) => {
        /// Every case of the suite, in the order of the table.
        pub static CASES: &[Case] = &[$(
            $(Case {
                level: $level,
                group: stringify!($group),
                name: stringify!($name),
                proves: $proves,
                promises: &$promises,
                probation: optional!($($why)?),
                steps: |store| Box::pin(cases::$group::$name(store)),
            },)*
            $($($(Case {
                level: $level,
                group: stringify!($group),
                name: concat!(stringify!($operation), "::", stringify!($state)),
                proves: concat!($of, " where the entry is ", stringify!($state), "."),
                promises: &$shown,
                probation: optional!($($state_why)?),
                steps: |store| Box::pin(cases::$group::$operation(store, stringify!($state))),
            },)*)*)?
        )*];

        /// Every group of the suite, in the order of the table.
        pub static GROUPS: &[Group] = &[$(
            Group {
                level: $level,
                name: stringify!($group),
                about: $about,
                store: stringify!($store),
            },
        )*];

        /// The groups by name, each with its cases and the promises that they show.
        #[allow(non_upper_case_globals)]
        pub mod groups {
            $(
                #[doc = $about]
                #[doc = ""]
                $(#[doc = row!(($name) $promises $proves)])*
                $($(#[doc = row!(($operation: $($state)*) $shown $of)])*)?
                pub const $group: &str = $about;
            )*
        }
    };
}

/// What can be declared as lacking: a group, or what all groups of one kind of store need.
#[doc(hidden)]
#[allow(non_upper_case_globals)]
pub mod may_lack {
    pub use super::groups::*;

    pub const networked: &str = "A server at one address.";
    pub const outage: &str = "A server that can be stopped.";
}

macro_rules! optional {
    () => {
        None
    };
    ($why:literal) => {
        Some($why)
    };
}

/// A line of the docs of a group.
macro_rules! row {
    (($name:ident) [$($promise:literal),*] $proves:literal) => {
        concat!("- `", stringify!($name), "`: ", $proves $(, " ", $promise)*)
    };
    (($name:ident: $($state:ident)*) [$($promise:literal),*] $of:literal) => {
        concat!(
            "- `", stringify!($name), "`, of an entry that is", $(" ", stringify!($state),)*
            ": ", $of, "." $(, " ", $promise)*
        )
    };
}

/// Turns every case of the suite into a `#[test]` of its own, in a module for each group.
///
/// Write it once, in a module that is named for it. A group that the store cannot offer is
/// declared with the reason; its tests then show as ignored with that reason. So are all groups at
/// once that need a store with an ability: `reopening`, `sharing`, `networked` or `outage`. A group
/// that is neither possible nor declared does not compile, nor does one that the suite does not
/// know.
///
/// ```
/// # use conformance_tests::reference::ReferenceHarness as MyHarness;
/// conformance_tests::conformance_tests!(MyHarness, lacking: {
///     reopening: "the entries go with the client",
///     sharing: "two clients are two stores",
///     networked: "no server",
///     outage: "no server",
/// });
/// # fn main() {}
/// ```
///
/// # Probation
///
/// A case that enters the suite after a release is on probation until the next one, so that an
/// upgrade breaks nobody: its test shows as ignored with the reason `on probation since …`, and
/// `cargo test -- --ignored` runs it. A backend that wants to know at once says so, and such cases
/// are tests as any other:
///
/// ```
/// # use conformance_tests::reference::ReferenceHarness as MyHarness;
/// conformance_tests::conformance_tests!(MyHarness, probation: deny, lacking: {
///     networked: "no server",
///     outage: "no server",
/// });
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($harness:ty, probation: deny $(, $($rest:tt)*)?) => {
        $crate::__conformance_tests! { any(), $harness $(, $($rest)*)? }
    };
    ($harness:ty $(, $($rest:tt)*)?) => {
        $crate::__conformance_tests! { all(), $harness $(, $($rest)*)? }
    };
}

/// Knows by `all()` or `any()`, one always true and the other never, whether probation ignores.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($probation:meta, $harness:ty
        $(, lacking: { $($group:ident: $reason:literal),* $(,)? })? $(,)?
    ) => {
        $($(const _: &str = $crate::may_lack::$group;)*)?
        $crate::__tests_of_a_group! { ($) $probation, $harness { $($($group $reason)*)? } }
        $crate::__cases! { __tests_of_each_group }
    };
}

/// Makes a local macro with an arm for each lacking group and one for all others, because a macro
/// cannot compare two names in any other way.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests_of_a_group {
    (($d:tt) $probation:meta, $harness:ty { $($lacking:ident $reason:literal)* }) => {
        macro_rules! __tests_of_this_group {
            $(($lacking $d store:ident
                { $d($d name:ident { $d($d why:literal)? })* }
                { $d($d operation:ident { $d($d state:ident { $d($d state_why:literal)? })* })* }
            ) => {
                mod $lacking {
                    $d(
                        #[test]
                        #[ignore = $reason]
                        fn $d name() {
                            $crate::lacking($reason);
                        }
                    )*
                    $d(mod $d operation {
                        $d(
                            #[test]
                            #[ignore = $reason]
                            fn $d state() {
                                $crate::lacking($reason);
                            }
                        )*
                    })*
                }
            };
            ($d group:ident $lacking
                { $d($d name:ident { $d($d why:literal)? })* }
                { $d($d operation:ident { $d($d state:ident { $d($d state_why:literal)? })* })* }
            ) => {
                mod $d group {
                    $d(
                        #[test]
                        #[ignore = $reason]
                        fn $d name() {
                            $crate::lacking($reason);
                        }
                    )*
                    $d(mod $d operation {
                        $d(
                            #[test]
                            #[ignore = $reason]
                            fn $d state() {
                                $crate::lacking($reason);
                            }
                        )*
                    })*
                }
            };)*
            ($d group:ident $d store:ident
                { $d($d name:ident { $d($d why:literal)? })* }
                { $d($d operation:ident { $d($d state:ident { $d($d state_why:literal)? })* })* }
            ) => {
                mod $d group {
                    #[allow(unused_imports)]
                    use super::*;

                    $d(
                        #[test]
                        $d(#[cfg_attr($probation, ignore = $d why)])?
                        fn $d name() {
                            $crate::run(
                                stringify!($d group),
                                stringify!($d name),
                                $crate::Store::$d store::<$harness>(),
                            );
                        }
                    )*
                    $d(mod $d operation {
                        use super::*;

                        $d(
                            #[test]
                            $d(#[cfg_attr($probation, ignore = $d state_why)])?
                            fn $d state() {
                                $crate::run(
                                    stringify!($d group),
                                    concat!(stringify!($d operation), "::", stringify!($d state)),
                                    $crate::Store::$d store::<$harness>(),
                                );
                            }
                        )*
                    })*
                }
            };
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests_of_each_group {
    ($($level:literal $group:ident($store:ident) $about:literal {
        $($name:ident $promises:tt $(probation $why:literal)?: $proves:literal,)*
    } $(each {
        $($operation:ident($($state:ident $((probation $state_why:literal))?)*) $shown:tt:
            $of:literal,)*
    })?)*) => {
        $(__tests_of_this_group! { $group $store
            { $($name { $($why)? })* }
            { $($($operation { $($state { $($state_why)? })* })*)? }
        })*
    };
}

/// The table itself: hands it to the macro that is named.
#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    ($then:ident) => {
        $crate::__level_1! { $then }
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
