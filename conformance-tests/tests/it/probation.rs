//! A case on probation shows as ignored, unless the backend denies probation.

use std::process::Command;

/// A table of its own, because most of the time no case of the suite is on probation.
macro_rules! trial {
    ($probation:meta) => {
        conformance_tests::__tests_of_a_group! {
            ($) $probation, conformance_tests::reference::ReferenceHarness {}
        }
        conformance_tests::__tests_of_each_group! {
            1 reads(plain) "Cases of the suite, as if one of them were new." {
                a_missing_key_reads_as_none []:
                    "An old one.",
                what_was_written_is_read [] probation "on probation since 9.9.9":
                    "A new one.",
            }
            2 states(plain) "The same for an operation in a state." {} each {
                remove_takes_live_entries_only(missing timed(probation "on probation since 9.9.9")) []:
                    "`remove`",
            }
        }
    };
}

mod allowed {
    trial!(all());
}

mod denied {
    trial!(any());
}

#[test]
fn probation_ignores_new_cases_and_no_others_unless_it_is_denied() {
    let program = std::env::current_exe().expect("the program of this test");
    let list = Command::new(program)
        .args(["--list", "--ignored", "probation::"])
        .output()
        .expect("a list of tests");
    let list = String::from_utf8(list.stdout).expect("names of tests");
    let ignored: Vec<_> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .collect();
    assert_eq!(
        ignored,
        [
            "probation::allowed::reads::what_was_written_is_read",
            "probation::allowed::states::remove_takes_live_entries_only::timed",
        ]
    );
}
