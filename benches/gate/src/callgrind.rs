//! Counting with Callgrind: this program runs under it, once for each path.

use std::env;
use std::fs;
use std::process::{Command, Stdio};

use crate::paths::{Path, RUNS};

/// The argument with which the program only runs the path that is named after it.
pub(crate) const ONLY_RUN: &str = "--only-run";

pub(crate) fn is_installed() -> bool {
    let mut valgrind = Command::new("valgrind");
    let quiet = valgrind.arg("--version").stdout(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The instructions of one run of a path, those before and after it left out.
pub(crate) fn count(path: &Path) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let out = folder.path().join("counts");
    let program = env::current_exe().expect("the program knows where it is");
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={FUNCTION}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args([ONLY_RUN, path.name])
        .status()
        .expect("valgrind starts");
    assert!(status.success(), "{} runs under Callgrind", path.name);
    let text = fs::read_to_string(out).expect("Callgrind writes its file");
    total(&text) / RUNS
}

fn total(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = line.and_then(|total| total.trim().parse().ok());
    total.expect("Callgrind's file has a total")
}

/// As the profiler names [`counted`](crate::paths::counted).
const FUNCTION: &str = "*gate*paths*counted*";
