//! The gate of the hot paths: no change makes one of them dearer unnoticed.
//!
//! ```sh
//! cargo bench -p gate               # compares with benches/gate/instructions.txt
//! cargo bench -p gate -- --bless    # writes that file anew
//! cargo bench -p gate -- memory/    # a part
//! ```
//!
//! Instructions are counted by Callgrind (Debian's package `valgrind`), so a busy machine moves
//! nothing; what is counted is processor work, and neither waiting for memory nor for a lock. A path
//! may cost [`TOLERANCE`] more than the file says. Allocations are exact and have a test of their
//! own, `tests/it/allocations.rs`. Where nothing can be counted, the gate fails. As a test, without
//! `--bench`, every path runs and nothing is counted.

// A program for the command line, which has nothing better to do with a fault than to stop.
#![allow(clippy::expect_used, clippy::print_stderr, clippy::print_stdout)]

mod callgrind;
mod counts;
mod paths;

use std::env;
use std::process::ExitCode;

use counts::Counts;
use paths::{PATHS, Path};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if let [first, name] = &arguments[..]
        && first == callgrind::ONLY_RUN
    {
        PATHS.iter().filter(|path| path.name == name).for_each(run);
        return ExitCode::SUCCESS;
    }
    let filter = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"));
    let filter = filter.map_or("", String::as_str);
    let paths = PATHS.iter().filter(|path| path.name.contains(filter));
    if !has("--bench") {
        paths.for_each(run);
        return ExitCode::SUCCESS;
    }
    if !callgrind::is_installed() {
        eprintln!("no instructions are counted: install the package valgrind");
        return ExitCode::FAILURE;
    }
    let mut paths = paths.peekable();
    if paths.peek().is_none() {
        eprintln!("no instructions are counted: no path has {filter:?} in its name");
        return ExitCode::FAILURE;
    }
    let counted = Counts::of(paths.map(|path| (path.name, callgrind::count(path))));
    if has("--bless") {
        Counts::read().updated(counted).write();
        return ExitCode::SUCCESS;
    }
    match Counts::read().compare(&counted) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn run(path: &Path) {
    paths::counted(&mut path.warmed_up());
}
