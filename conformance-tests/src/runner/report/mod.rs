//! The result of a run: what the forms of a report are made of.

pub(super) mod badge;
pub(super) mod html;
pub(super) mod markdown;
pub(super) mod text;

use std::time::Duration;

use serde::Serialize;

use super::footprint::Footprint;
use super::panics::Complaint;
use super::target::Lack;
use super::work::Outcome;
use crate::table::{CASES, Case, LEVELS};

/// All that a run found.
#[derive(Serialize)]
pub(super) struct Report {
    /// The version of this form.
    pub(super) format: u32,
    /// The version of the suite.
    pub(super) suite: &'static str,
    /// When the run began, as in HTTP headers.
    pub(super) began: String,
    pub(super) seconds: f64,
    /// The run was stopped before its end.
    pub(super) interrupted: bool,
    pub(super) passed: bool,
    pub(super) stores: Vec<StoreReport>,
}

/// One store.
#[derive(Serialize)]
pub(super) struct StoreReport {
    /// Its URL without user, password and parameters.
    pub(super) name: String,
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) lacking: usize,
    /// The highest level of which, and below which, all of the suite's cases passed that apply to
    /// the store; 0 if none.
    pub(super) level: u8,
    pub(super) cases: Vec<CaseReport>,
    /// What the run touched beside its namespace; `None` for a store that ended with its client.
    pub(super) footprint: Option<Footprint>,
}

/// One case on one store.
#[derive(Serialize)]
pub(super) struct CaseReport {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) proves: &'static str,
    pub(super) level: u8,
    pub(super) promises: &'static [&'static str],
    /// New in the suite: a failure is told and does not count.
    pub(super) probation: bool,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    pub(super) seconds: f64,
}

/// What came of a case.
#[derive(Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub(super) enum Verdict {
    Passed,
    Failed {
        complaints: Vec<Complaint>,
    },
    /// It cannot be shown on this store.
    Lacking {
        reason: String,
        /// The store has what the case is about, so a level is missed without it; an embedded store
        /// has no network that could fail.
        applies: bool,
    },
    /// The run was stopped before.
    NotRun,
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Passed => Self::Passed,
            Outcome::Failed(complaints) => Self::Failed { complaints },
            Outcome::Stopped => Self::NotRun,
        }
    }
}

impl From<Lack> for Verdict {
    fn from(lack: Lack) -> Self {
        Self::Lacking {
            reason: lack.reason.to_owned(),
            applies: lack.applies,
        }
    }
}

impl CaseReport {
    pub(super) fn new(case: &'static Case, verdict: Verdict, took: Duration) -> Self {
        Self {
            group: case.group,
            name: case.name,
            proves: case.proves,
            level: case.level,
            promises: case.promises,
            probation: case.probation.is_some(),
            verdict,
            seconds: took.as_secs_f64(),
        }
    }

    /// Failed, and not new in the suite.
    pub(super) fn counts_as_failed(&self) -> bool {
        matches!(self.verdict, Verdict::Failed { .. }) && !self.probation
    }

    /// The arguments that repeat the case.
    pub(super) fn repeat(&self) -> String {
        let only = format!("--only {}::{}", self.group, self.name);
        match self.seed() {
            Some(seed) => format!("{only} --seed {seed}"),
            None => only,
        }
    }

    /// The seed that a random sequence names in its complaint.
    fn seed(&self) -> Option<u64> {
        let Verdict::Failed { complaints } = &self.verdict else {
            return None;
        };
        let (_, rest) = complaints.first()?.message.split_once("seed ")?;
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..digits].parse().ok()
    }
}

impl StoreReport {
    pub(super) fn new(name: String, cases: Vec<CaseReport>, footprint: Option<Footprint>) -> Self {
        let all = Tally::of(&cases, |_| true);
        Self {
            name,
            passed: all.passed,
            failed: all.failed,
            lacking: all.lacking,
            level: level(&cases),
            cases,
            footprint,
        }
    }

    /// The cases that failed, those on probation too.
    pub(super) fn failures(&self) -> impl Iterator<Item = &CaseReport> {
        let failed = |case: &&CaseReport| matches!(case.verdict, Verdict::Failed { .. });
        self.cases.iter().filter(failed)
    }

    /// The groups that the store lacks, each with its reason.
    pub(super) fn lacks(&self) -> Vec<(&'static str, &str)> {
        let mut lacks: Vec<(&str, &str)> = Vec::new();
        for case in &self.cases {
            if let Verdict::Lacking { reason, .. } = &case.verdict
                && !lacks.contains(&(case.group, reason))
            {
                lacks.push((case.group, reason));
            }
        }
        lacks
    }

    /// The level that was reached, if one was.
    pub(super) fn reached(&self) -> Option<String> {
        let level = LEVELS.iter().find(|level| level.number == self.level)?;
        Some(format!(
            "reached level {} of {}: {}",
            level.number,
            LEVELS.len(),
            level.name
        ))
    }

    /// All that was asked for was proved.
    pub(super) fn holds(&self) -> bool {
        let is_clean = self.footprint.as_ref().is_none_or(Footprint::is_clean);
        is_clean && !self.cases.iter().any(CaseReport::counts_as_failed)
    }

    pub(super) fn tally(&self, of: impl Fn(&CaseReport) -> bool) -> Tally {
        Tally::of(&self.cases, of)
    }
}

impl Report {
    /// The groups that were asked for, with their levels.
    pub(super) fn groups(&self) -> Vec<(&'static str, u8)> {
        let mut groups = Vec::new();
        for case in self.stores.iter().flat_map(|store| &store.cases) {
            match groups.iter_mut().find(|(group, _)| *group == case.group) {
                None => groups.push((case.group, case.level)),
                Some((_, level)) => *level = case.level.min(*level),
            }
        }
        groups.sort_by_key(|(_, level)| *level);
        groups
    }

    /// The levels that were asked for.
    pub(super) fn levels(&self) -> Vec<u8> {
        let cases = self.stores.iter().flat_map(|store| &store.cases);
        let mut levels: Vec<u8> = cases.map(|case| case.level).collect();
        levels.sort_unstable();
        levels.dedup();
        levels
    }

    /// What a level is called in a matrix.
    pub(super) fn level_name(number: u8) -> &'static str {
        let level = LEVELS.iter().find(|level| level.number == number);
        level.map_or("", |level| level.name)
    }

    /// The sentence that sums it up.
    pub(super) fn summary(&self) -> String {
        let sum = |of: fn(&StoreReport) -> usize| -> usize { self.stores.iter().map(of).sum() };
        let mut text = format!("{} passed, {} failed", sum(|s| s.passed), sum(|s| s.failed));
        let lacking = sum(|store| store.lacking);
        if lacking > 0 {
            text += &format!(", {lacking} lacking");
        }
        let stores = match self.stores.len() {
            1 => "one store".to_owned(),
            n => format!("{n} stores"),
        };
        text + &format!(", on {stores} in {:.0} s", self.seconds)
    }
}

/// How many of some cases ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) lacking: usize,
    pub(super) not_run: usize,
}

impl Tally {
    fn of(cases: &[CaseReport], of: impl Fn(&CaseReport) -> bool) -> Self {
        let mut tally = Self::default();
        for case in cases.iter().filter(|case| of(case)) {
            *match case.verdict {
                Verdict::Passed => &mut tally.passed,
                Verdict::Failed { .. } => &mut tally.failed,
                Verdict::Lacking { .. } => &mut tally.lacking,
                Verdict::NotRun => &mut tally.not_run,
            } += 1;
        }
        tally
    }

    /// A cell of a matrix. What went wrong comes first, and a sign says it without colour.
    pub(super) fn cell(&self) -> String {
        let mut parts = Vec::new();
        for (count, sign) in [
            (self.failed, "✗"),
            (self.passed, "✓"),
            (self.lacking, "–"),
            (self.not_run, "·"),
        ] {
            if count > 0 {
                parts.push(format!("{sign} {count}"));
            }
        }
        parts.join("  ")
    }
}

/// What the signs of a cell mean.
pub(super) const SIGNS: &str = "✓ passed, ✗ failed, – lacking, · not run";

/// The highest level of which, and below which, all of the suite's cases passed that apply to the
/// store; those on probation do not count.
fn level(cases: &[CaseReport]) -> u8 {
    let passed = |case: &&Case| {
        let is_this = |found: &&CaseReport| (found.group, found.name) == (case.group, case.name);
        let found = cases.iter().find(is_this);
        found.is_some_and(|found| match found.verdict {
            Verdict::Passed => true,
            Verdict::Lacking { applies, .. } => !applies,
            Verdict::Failed { .. } | Verdict::NotRun => false,
        })
    };
    let holds = |level: u8| {
        let counted = CASES.iter().filter(|case| case.level == level);
        counted
            .filter(|case| case.probation.is_none())
            .all(|case| passed(&case))
    };
    let numbers = LEVELS.iter().map(|level| level.number);
    numbers
        .take_while(|level| holds(*level))
        .last()
        .unwrap_or(0)
}
