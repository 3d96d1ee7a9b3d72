//! The table of cases is in order.

use std::collections::BTreeSet;

use conformance_tests::{CASES, Case};

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
