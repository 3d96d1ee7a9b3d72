//! `cargo run -p capacity -- --sessions 1e8 --requests 1e5`: how many nodes that takes.
//! `benches/CAPACITY.md` says what the tables mean.

#![allow(clippy::print_stderr, clippy::print_stdout)]

use std::path::PathBuf;
use std::process::ExitCode;

use capacity::figures::Figures;
use capacity::page::rewritten;
use capacity::report::{Arguments, report};
use clap::Parser;

/// Computes what sessions cost a store, and how many nodes of each backend that takes.
///
/// Rates and bytes of a node are measured ones (`benches/figures.json`).
#[derive(Parser)]
struct Program {
    #[command(flatten)]
    arguments: Arguments,
    /// Other figures, as `cargo run -p capacity --example measure` prints them.
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
    /// Instead: writes the tables of this page anew.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Program::parse()) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(program: Program) -> Result<String, String> {
    let figures = match &program.figures {
        Some(file) => std::fs::read_to_string(file).map_err(|error| error.to_string())?,
        None => capacity::figures::IN_REPOSITORY.to_owned(),
    };
    let figures: Figures = serde_json::from_str(&figures).map_err(|error| error.to_string())?;
    let Some(file) = program.page else {
        return report(&program.arguments, figures);
    };
    let page = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let page = rewritten(&page, |words| {
        report(&Arguments::of(words)?, figures.clone())
    })?;
    std::fs::write(&file, page).map_err(|error| error.to_string())?;
    Ok(String::new())
}
