//! The command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Parser};

use super::seeds::Seeds;
use crate::table::{CASES, Case, LEVELS};

/// Proves that stores keep the cache contract, on the stores themselves.
///
/// Every case works in a namespace of its own below a random one, which is removed at the end.
/// Nothing else is written, but for a few entries beside it whose fate is part of the proof.
#[derive(Parser, Debug)]
#[command(name = "conformance-tests", version, after_help = AFTER)]
pub(super) struct Arguments {
    /// The stores to prove; a `?namespace=a:b` is stayed inside of.
    #[arg(value_name = "URL", required_unless_present = "list")]
    pub(super) urls: Vec<String>,

    /// Prints the cases and runs none.
    #[arg(long)]
    pub(super) list: bool,

    /// Only the cases of this level and those below.
    #[arg(long, value_name = "N", value_parser = level())]
    level: Option<u8>,

    /// Only cases of this group; may be given again.
    #[arg(long = "group", value_name = "GROUP", value_parser = group)]
    groups: Vec<String>,

    /// Only this case; may be given again.
    #[arg(long, value_name = "GROUP::CASE", value_parser = case)]
    only: Vec<&'static Case>,

    /// The seed, or seeds, of random sequences, such as 4 or 100..200.
    #[arg(long, value_name = "SEEDS")]
    pub(super) seed: Option<Seeds>,

    /// How many cases run at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: u16,

    /// How long entries live that a case lets expire; more for a slow network.
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(50..=60_000))]
    margin_ms: u32,

    /// How long a case may take before it counts as hanging.
    #[arg(long, value_name = "S", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    limit_s: u32,

    /// Writes the report for programs; `-` is standard output, here and below.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Writes the report for a README or a release.
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,

    /// Writes the report as one page, for screen and paper.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,

    /// Writes a badge, as SVG.
    #[arg(long, value_name = "FILE", action = ArgAction::Set)]
    pub(super) badge: Option<PathBuf>,
}

const AFTER: &str = "\
Exit status: 0 all cases passed or are lacking with a reason; 1 a case failed, or something outside
the namespace was touched; 2 no proof: a store could not be opened, or the run was interrupted.";

impl Arguments {
    /// The cases to run, in the order of the table.
    pub(super) fn cases(&self) -> Vec<&'static Case> {
        CASES.iter().filter(|case| self.wants(case)).collect()
    }

    fn wants(&self, case: &Case) -> bool {
        if self.level.is_some_and(|level| case.level > level) {
            return false;
        }
        if self.groups.is_empty() && self.only.is_empty() {
            return true;
        }
        let named = |only: &&Case| (only.group, only.name) == (case.group, case.name);
        self.groups.iter().any(|group| group == case.group) || self.only.iter().any(named)
    }

    /// How long entries live that are to expire.
    pub(super) fn margin(&self) -> Duration {
        Duration::from_millis(self.margin_ms.into())
    }

    /// How long a case may take.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_secs(self.limit_s.into())
    }

    /// Whether a report goes to standard output, so that nothing else may.
    pub(super) fn takes_stdout(&self) -> bool {
        let files = [&self.json, &self.markdown, &self.html, &self.badge];
        files.into_iter().flatten().any(|file| is_stdout(file))
    }
}

fn level() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=LEVELS.len() as i64)
}

/// Whether a file stands for standard output.
pub(super) fn is_stdout(file: &Path) -> bool {
    file == Path::new("-")
}

fn group(name: &str) -> Result<String, String> {
    match CASES.iter().any(|case| case.group == name) {
        true => Ok(name.to_owned()),
        false => {
            let mut groups: Vec<_> = CASES.iter().map(|case| case.group).collect();
            groups.dedup();
            Err(format!("the groups are {}", groups.join(", ")))
        }
    }
}

fn case(name: &str) -> Result<&'static Case, String> {
    let (group, name) = name.split_once("::").unwrap_or(("", name));
    let found = Case::named(group, name);
    found.ok_or_else(|| "a case is named as `--list` prints it, GROUP::CASE".to_owned())
}
