//! The counts that are kept, and how new ones compare with them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::process::Command;

/// Instructions of one run of each path, and the compiler that made the program.
pub(crate) struct Counts {
    compiler: String,
    of: BTreeMap<String, u64>,
}

impl Counts {
    pub(crate) fn of(counts: impl Iterator<Item = (&'static str, u64)>) -> Self {
        Self {
            compiler: compiler(),
            of: counts
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
        }
    }

    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(FILE).unwrap_or_default();
        let compiler = text.lines().find_map(|line| line.strip_prefix(COMPILER));
        let counts = text.lines().filter_map(|line| {
            let (name, count) = line.split_once(' ')?;
            Some((name.to_owned(), count.trim().parse().ok()?))
        });
        Self {
            compiler: compiler.unwrap_or_default().to_owned(),
            of: counts.collect(),
        }
    }

    /// These counts with newer ones in their place.
    pub(crate) fn updated(mut self, newer: Self) -> Self {
        self.of.extend(newer.of);
        Self {
            compiler: newer.compiler,
            of: self.of,
        }
    }

    pub(crate) fn write(&self) {
        let mut text = format!("{ABOUT}{COMPILER}{}\n", self.compiler);
        for (name, count) in &self.of {
            let _ = writeln!(text, "{name:<24}{count:>8}");
        }
        fs::write(FILE, &text).expect("the file of the counts can be written");
        print!("{text}");
    }

    /// Prints the new counts beside these and tells whether none is too high.
    pub(crate) fn compare(&self, newer: &Self) -> bool {
        let mut tolerance = TOLERANCE;
        if self.compiler != newer.compiler {
            tolerance = OTHER_COMPILER;
            println!(
                "counted with {}, kept from {}",
                newer.compiler, self.compiler
            );
        }
        println!(
            "{:<24}{:>8}{:>8}{:>9}",
            "instructions", "kept", "now", "change"
        );
        let mut all_hold = true;
        for (name, now) in &newer.of {
            let Some(kept) = self.of.get(name) else {
                println!("{name:<24}{:>8}{now:>8}  FAILED: bless it first", "");
                all_hold = false;
                continue;
            };
            let change = percent(*kept, *now);
            let verdict = match change {
                _ if change > tolerance => "  FAILED",
                _ if change < -tolerance => "  bless it, to keep what was won",
                _ => "",
            };
            all_hold &= change <= tolerance;
            println!("{name:<24}{kept:>8}{now:>8}{change:>+7.1} %{verdict}");
        }
        all_hold
    }
}

fn percent(kept: u64, now: u64) -> f64 {
    // Counts are far below where a float loses whole numbers.
    #[allow(clippy::cast_precision_loss)]
    let (kept, now) = (kept as f64, now as f64);
    (now / kept - 1.0) * 100.0
}

/// The compiler of this folder's programs; another one makes other instructions.
fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").output();
    let version = version.expect("the compiler tells its version").stdout;
    let version = String::from_utf8_lossy(&version);
    format!("{} {}", version.trim(), std::env::consts::ARCH)
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");
const ABOUT: &str = "\
# Instructions of one run of each hot path. Written by
#   cargo bench -p gate -- --bless
";
const COMPILER: &str = "# compiler: ";

/// By how many percent a path may cost more than what is kept: the C library chooses its copying and
/// comparing by the processor, so that another machine counts a little otherwise.
pub(crate) const TOLERANCE: f64 = 4.0;
/// The same where another compiler made the program.
const OTHER_COMPILER: f64 = 10.0;
