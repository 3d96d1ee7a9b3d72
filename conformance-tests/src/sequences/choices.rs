//! What the sequences of each case are made of: few keys and values, so that steps meet each other.

use bytes::Bytes;

use super::operation::Life;
use super::plan::{Kind, Plan};
use crate::profile::Profile;

impl Plan {
    /// The plan of a case, for a store of this profile; `None` if there is no such case.
    pub(super) fn of(case: &str, profile: &Profile) -> Option<Self> {
        let longest = "k".repeat(profile.max_key_len());
        let plan = match case {
            "mixed_operations_agree_with_a_plain_map" => Self::mixed(&longest),
            "conditions_and_keep_agree_with_a_plain_map" => Self::conditions(),
            "counters_at_both_ends_agree_with_a_plain_map" => Self::counters(),
            "prefixes_of_odd_keys_agree_with_a_plain_map" => Self::prefixes(&longest),
            "batches_with_duplicates_agree_with_a_plain_map" => Self::batches(&longest),
            "namespaces_inside_each_other_agree_with_a_plain_map" => Self::namespaces(),
            "deadlines_that_pass_agree_with_a_plain_map" => Self::deadlines(profile),
            _ => return None,
        };
        Some(plan)
    }

    fn mixed(longest: &str) -> Self {
        Self {
            case: "mixed_operations_agree_with_a_plain_map",
            views: &[""],
            seeds: 24,
            keys: owned(&["a", "A", "a%", "%", "a\u{10ffff}", "", "0", longest]),
            values: values(&["", "0", "-1", "value", "\0\u{1}", "null"]),
            prefixes: owned(&["", "a", "a\u{10ffff}", "%", "k", "missing"]),
            numbers: &[0, 1, -1, 100],
            lives: UNTIMED,
            kinds: [READS, &[Kind::Read; 3], WRITES, WRITES, REMOVALS].concat(),
            length: 60,
        }
    }

    fn conditions() -> Self {
        Self {
            case: "conditions_and_keep_agree_with_a_plain_map",
            views: &[""],
            seeds: 24,
            keys: owned(&["key", "other"]),
            values: values(&["", "a", "A", "a\0", "1"]),
            prefixes: owned(&["", "key"]),
            numbers: &[0, 1],
            lives: &[
                Life::Never,
                Life::Keep,
                Life::Keep,
                Life::In(1),
                Life::At(3),
                Life::Zero,
            ],
            kinds: [
                &[Kind::Write; 12][..],
                &[Kind::SetTimeToLive, Kind::Increment, Kind::WriteAll],
                &[Kind::Copy, Kind::RemoveStartingWith],
                &[Kind::Remove; 3],
                &[Kind::ReadWithTimeToLive; 4],
            ]
            .concat(),
            length: 60,
        }
    }

    fn counters() -> Self {
        Self {
            case: "counters_at_both_ends_agree_with_a_plain_map",
            views: &[""],
            seeds: 24,
            keys: owned(&["counter", "other"]),
            values: values(NUMBERS),
            prefixes: owned(&["", "c"]),
            numbers: &[
                0,
                1,
                -1,
                1 << 53,
                i64::MAX,
                i64::MAX - 1,
                i64::MIN,
                i64::MIN + 1,
            ],
            lives: UNTIMED,
            kinds: [
                &[Kind::Increment; 10][..],
                &[Kind::Write; 3],
                &[Kind::Read, Kind::GetTimeToLive, Kind::Copy],
                &[Kind::SetTimeToLive, Kind::Remove, Kind::WriteAll],
            ]
            .concat(),
            length: 60,
        }
    }

    fn prefixes(longest: &str) -> Self {
        let almost = &longest[1..];
        let too_long = format!("{longest}k");
        Self {
            case: "prefixes_of_odd_keys_agree_with_a_plain_map",
            views: &[""],
            seeds: 10,
            keys: owned(&[ODD_KEYS, &[longest, almost]].concat()),
            values: values(&["1"]),
            prefixes: owned(&[ODD_KEYS, ODD_PREFIXES, &[longest, almost, &too_long]].concat()),
            numbers: &[1],
            lives: &[Life::Never],
            kinds: [
                &[Kind::List; 6][..],
                &[Kind::Write; 6],
                &[Kind::WriteAll; 4],
                &[Kind::RemoveStartingWith; 2],
                &[Kind::Remove],
            ]
            .concat(),
            length: 60,
        }
    }

    fn batches(longest: &str) -> Self {
        let mut keys = owned(&["a", "b", "B", "c ", "c", "\u{10ffff}", longest]);
        // One invalid key in fifteen, of which none may be touched.
        keys = [keys.clone(), keys, owned(&["nul\0"])].concat();
        Self {
            case: "batches_with_duplicates_agree_with_a_plain_map",
            views: &[""],
            seeds: 24,
            keys,
            values: values(&["", "1", "2", "3"]),
            prefixes: owned(&["", "c"]),
            numbers: &[1],
            lives: &[
                Life::Never,
                Life::Keep,
                Life::Keep,
                Life::In(1),
                Life::At(3),
                Life::Zero,
                Life::Ago,
            ],
            kinds: [
                &[Kind::WriteAll; 6][..],
                &[Kind::ReadAll; 4],
                &[Kind::RemoveAll; 3],
                &[Kind::Write, Kind::SetTimeToLive, Kind::Increment],
                &[Kind::List],
            ]
            .concat(),
            length: 40,
        }
    }

    fn namespaces() -> Self {
        Self {
            case: "namespaces_inside_each_other_agree_with_a_plain_map",
            views: &["", "a", "a:b", "b", "a.b"],
            seeds: 10,
            keys: owned(&["x", "b:x", "a:x", "a:b:x", "a", ":", "%"]),
            values: values(&["1", "2"]),
            prefixes: owned(&["", "a", "a:", "a:b:", "b:", ":", "x", "_", "nul\0"]),
            numbers: &[1],
            lives: UNTIMED,
            kinds: [READS, WRITES, WRITES, REMOVALS, &[Kind::FlushAll]].concat(),
            length: 60,
        }
    }

    fn deadlines(profile: &Profile) -> Self {
        // Where time does not move, waiting is what such a sequence costs.
        let (seeds, length, passes) = match profile.can_move_time() {
            true => (24, 60, 4),
            false => (2, 45, 1),
        };
        Self {
            case: "deadlines_that_pass_agree_with_a_plain_map",
            views: &[""],
            seeds,
            keys: owned(&["a", "a%", "b"]),
            values: values(&["", "1", "text"]),
            prefixes: owned(&["", "a"]),
            numbers: &[0, 1, -1],
            lives: &[
                Life::In(1),
                Life::In(1),
                Life::In(3),
                Life::In(5),
                Life::Keep,
                Life::Keep,
                Life::Never,
                Life::Zero,
                Life::Past(0),
                Life::Ago,
                Life::Past(-3_600_000),
                Life::Longest,
                Life::AfterTheLast,
            ],
            kinds: [
                READS,
                WRITES,
                WRITES,
                REMOVALS,
                &[Kind::RemoveExpired],
                &vec![Kind::Pass; passes],
            ]
            .concat(),
            length,
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn values(texts: &[&'static str]) -> Vec<Bytes> {
    texts.iter().map(|text| Bytes::from(*text)).collect()
}

/// Lives of which none ends while a sequence runs.
const UNTIMED: &[Life] = &[
    Life::Never,
    Life::Never,
    Life::Keep,
    Life::In(1),
    Life::In(3),
    Life::At(5),
    Life::Zero,
    Life::Past(1),
    Life::Ago,
    Life::Longest,
    Life::AfterTheLast,
];

const READS: &[Kind] = &[
    Kind::Read,
    Kind::ReadAll,
    Kind::ReadWithTimeToLive,
    Kind::GetTimeToLive,
    Kind::List,
];

const WRITES: &[Kind] = &[
    Kind::Write,
    Kind::Write,
    Kind::Write,
    Kind::WriteAll,
    Kind::Increment,
    Kind::SetTimeToLive,
    Kind::Copy,
];

const REMOVALS: &[Kind] = &[
    Kind::Remove,
    Kind::RemoveAll,
    Kind::RemoveStartingWith,
    Kind::FlushAll,
];

/// Numbers as counters write them, and what one parser or another takes for a number.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "9007199254740993",
    "9223372036854775806",
    "9223372036854775807",
    "-9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "99999999999999999999",
    "-99999999999999999999",
    "-0",
    "+1",
    "00",
    "-01",
    "",
    "-",
    " 1",
    "1 ",
    "1\n",
    "1\0",
    "\0\u{31}",
    "1.0",
    "1e3",
    "0x1",
    "1_000",
    "\u{ff11}",
    "\u{661}",
    "nan",
];

/// Keys at the edges of ranges: beginnings of each other, and around the last of each width.
const ODD_KEYS: &[&str] = &[
    "a",
    "aa",
    "ab",
    "b",
    "A",
    "a%",
    "a_",
    "a*",
    "a[b]",
    "a\\",
    "a\u{1}",
    "a\u{7f}",
    "a\u{80}",
    "a\u{7ff}",
    "a\u{800}",
    "a\u{d7ff}",
    "a\u{e000}",
    "a\u{ffff}",
    "a\u{10000}",
    "a\u{10ffff}",
    "a\u{10ffff}\u{10ffff}",
    "a\u{10ffff}b",
    "\u{10ffff}",
    "\u{10ffff}\u{10ffff}",
];

const ODD_PREFIXES: &[&str] = &[
    "",
    "a\0",
    "\0",
    "a\u{10ffff}\u{10ffff}\u{10ffff}",
    "[a]",
    "?",
];
