//! Which random sequences to try, in place of those of a case.

use std::ops::Range;

/// The seeds of `--seed 4` or `--seed 100..200`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seeds(pub(super) Range<u64>);

impl std::str::FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().ok();
        let range = match text.split_once("..") {
            Some((first, end)) => number(first).zip(number(end)),
            None => number(text).and_then(|seed| Some((seed, seed.checked_add(1)?))),
        };
        match range {
            Some((first, end)) if first < end => Ok(Self(first..end)),
            _ => Err("a seed is a number, or a range such as 100..200".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seeds;

    #[test]
    fn a_seed_is_a_number_or_a_range() {
        assert_eq!("4".parse(), Ok(Seeds(4..5)));
        assert_eq!("100..200".parse(), Ok(Seeds(100..200)));
        for wrong in ["", "x", "5..5", "1..", "18446744073709551615"] {
            assert!(wrong.parse::<Seeds>().is_err(), "{wrong}");
        }
    }
}
