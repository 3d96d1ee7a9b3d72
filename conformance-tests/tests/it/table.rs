//! The table of cases is in order.

use std::collections::BTreeSet;

use conformance_tests::{CASES, Case, GROUPS, LEVELS};

#[test]
fn every_case_has_a_name_of_its_own_and_says_what_it_proves() {
    let names: BTreeSet<_> = CASES.iter().map(|case| (case.group, case.name)).collect();
    assert_eq!(names.len(), CASES.len(), "cases of one name");
    for case in CASES {
        assert!(case.name.contains('_'), "no sentence: {case:?}");
        let is_sentence = case.proves.ends_with('.') && case.proves.len() > 20;
        assert!(is_sentence, "says too little: {case:?}: {}", case.proves);
    }
}

#[test]
fn a_case_is_found_by_group_and_name() {
    let case = Case::named("writes", "add_leaves_a_live_value_alone");
    assert!(case.is_some_and(|case| case.proves.contains("`Absent`")));
    assert!(Case::named("reads", "add_leaves_a_live_value_alone").is_none());
}

#[test]
fn every_case_stands_in_a_group_and_every_group_at_a_level() {
    let numbers: Vec<u8> = LEVELS.iter().map(|level| level.number).collect();
    assert!(numbers.iter().copied().eq(1..=6), "{numbers:?}");
    assert!(
        GROUPS.is_sorted_by_key(|group| group.level),
        "the table goes from level to level"
    );
    for level in LEVELS {
        let mut groups = GROUPS.iter();
        assert!(groups.any(|group| group.level == level.number), "{level:?}");
    }
    let names: BTreeSet<_> = GROUPS.iter().map(|group| group.name).collect();
    assert_eq!(names.len(), GROUPS.len(), "groups of one name");
    for group in GROUPS {
        let mut cases = CASES.iter().filter(|case| case.group == group.name);
        assert!(
            cases.all(|case| case.level == group.level),
            "a case of {} stands at another level",
            group.name
        );
    }
}

#[test]
fn a_state_of_an_operation_is_a_case_of_its_own() {
    let case = Case::named("states", "remove_takes_live_entries_only::expired");
    assert!(case.is_some_and(|case| case.proves == "`remove` where the entry is expired."));
}
