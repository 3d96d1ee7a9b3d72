//! The patterns of [`keys_matching`](crate::TypedCache::keys_matching).
//!
//! Matching takes time in proportion to pattern times key at worst, and no stack: only the last
//! `*` is ever taken back, since an earlier one has already found its first and best place.

/// A pattern in pieces.
pub(crate) struct Glob {
    literal_prefix: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Literal(char),
    One,
    Run,
}

impl Glob {
    /// Takes a pattern apart; every text is one. A lone `\` at the end is itself.
    pub(crate) fn new(pattern: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = pattern.chars();
        while let Some(next) = rest.next() {
            pieces.push(match next {
                '*' => Piece::Run,
                '?' => Piece::One,
                '\\' => Piece::Literal(rest.next().unwrap_or('\\')),
                other => Piece::Literal(other),
            });
        }
        pieces.dedup_by(|next, last| *next == Piece::Run && *last == Piece::Run);
        let literal_prefix = pieces.iter().map_while(Piece::literal).collect();
        Self {
            literal_prefix,
            pieces,
        }
    }

    /// What every key that matches starts with.
    pub(crate) fn literal_prefix(&self) -> &str {
        &self.literal_prefix
    }

    /// Whether the pattern matches the whole key.
    pub(crate) fn matches(&self, key: &str) -> bool {
        let mut rest = key.chars();
        let mut at = 0;
        // Where to go on when what follows the last `*` does not fit: the piece after it, and the
        // key after one character more of the run.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let before = rest.clone();
            let fits = match (self.pieces.get(at), rest.next()) {
                (None, None) => return true,
                (Some(Piece::Run), _) => {
                    at += 1;
                    rest = before.clone();
                    retry = Some((at, before));
                    continue;
                }
                (Some(Piece::One), Some(_)) => true,
                (Some(Piece::Literal(wanted)), Some(found)) => *wanted == found,
                (None, Some(_)) | (Some(_), None) => false,
            };
            if fits {
                at += 1;
                continue;
            }
            let Some((after_run, from)) = &mut retry else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            at = *after_run;
            rest = from.clone();
        }
    }
}

impl Piece {
    fn literal(&self) -> Option<char> {
        match self {
            Self::Literal(literal) => Some(*literal),
            Self::One | Self::Run => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_sign_means_what_the_docs_say() {
        for (pattern, matching, other) in [
            ("", "", "a"),
            ("*", "", "-"),
            ("a*", "a", "ba"),
            ("*a", "bca", "ab"),
            ("a*b*c", "a-b-b-c", "a-c-b"),
            ("?", "ß", ""),
            ("??", "ab", "a"),
            ("?*", "a", ""),
            (r"\*", "*", "a"),
            (r"\?\\", r"?\", "a\\"),
            (r"a\", r"a\", "a"),
            (r"\a", "a", r"\a"),
            ("[ab]", "[ab]", "a"),
            ("{a,b}%_", "{a,b}%_", "a%_"),
            ("a\nb", "a\nb", "a b"),
            ("User", "User", "user"),
        ] {
            assert!(Glob::new(pattern).matches(matching), "{pattern}");
            assert!(
                other == "-" || !Glob::new(pattern).matches(other),
                "{pattern}"
            );
        }
    }

    #[test]
    fn the_literal_prefix_ends_at_the_first_sign() {
        for (pattern, prefix) in [
            ("user:*", "user:"),
            ("user?", "user"),
            (r"a\*b*", "a*b"),
            ("*a", ""),
            ("whole", "whole"),
        ] {
            assert_eq!(Glob::new(pattern).literal_prefix(), prefix);
        }
    }

    #[test]
    fn many_runs_do_not_take_for_ever() {
        // Taking every run back would be more steps than there is time.
        let pattern = "*a".repeat(500) + "*b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(1_024)));
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_definition(pattern in r"[ab*?\\]{0,8}", key in r"[ab*\\]{0,8}") {
            let glob = Glob::new(&pattern);
            prop_assert_eq!(glob.matches(&key), defined(&pattern, &key));
            prop_assert!(!glob.matches(&key) || key.starts_with(glob.literal_prefix()));
        }
    }

    fn defined(pattern: &str, key: &str) -> bool {
        let mut signs = pattern.chars();
        let mut rest = key.chars();
        match signs.next() {
            None => key.is_empty(),
            Some('*') => {
                let after = signs.as_str();
                (0..=key.len()).any(|from| defined(after, &key[from..]))
            }
            Some('?') => rest.next().is_some() && defined(signs.as_str(), rest.as_str()),
            Some('\\') => {
                rest.next() == Some(signs.next().unwrap_or('\\'))
                    && defined(signs.as_str(), rest.as_str())
            }
            Some(sign) => rest.next() == Some(sign) && defined(signs.as_str(), rest.as_str()),
        }
    }
}
