//! Allocations of the hot paths; an allocator that counts stands in for the usual one.

use crate::paths::{PATHS, RUNS, counted};

#[test]
fn a_hot_path_allocates_as_often_as_it_is_known_to() {
    let counts = PATHS.iter().map(|path| {
        let mut run = path.warmed_up();
        let allocations = allocation_counter::measure(|| counted(&mut run)).count_total;
        assert_eq!(
            allocations % RUNS,
            0,
            "{} differs from run to run",
            path.name
        );
        (path.name, allocations / RUNS)
    });
    assert_eq!(counts.collect::<Vec<_>>(), ALLOCATIONS);
}

/// Allocations of one run. Fewer are welcome here, more need a reason.
const ALLOCATIONS: &[(&str, u64)] = &[
    ("memory/read", 1),
    ("memory/read_deadline", 1),
    ("memory/read_bounded", 1),
    ("memory/overwrite", 1),
    ("memory/add_and_remove", 3),
    ("session/load", 44),
    ("session/update", 88),
    ("codec/encode_bincode", 1),
    ("codec/decode_bincode", 37),
    ("codec/encode_json", 1),
    ("codec/decode_json", 38),
    ("http/cookies", 4),
    ("http/load", 51),
    ("http/update", 95),
];
