//! `--compare`: every backend beside what others publish for the same work, in alternating rounds
//! of one run, and whether it reaches what it should.

mod codec;
mod contest;
mod http;
mod memory;
mod postgres;
mod redis;
mod report;
mod sqlite;
mod stores;

use std::process::{Command, Stdio};

use benches::rounds::Plan;
use benches::table::Row;
use clap::ValueEnum;
use tokio::runtime::Runtime;

pub(crate) use memory::Counting;
pub(crate) use report::page;

/// What is compared, in this order: the backends, and what stands on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Memory,
    Redis,
    Sqlite,
    Postgres,
    Http,
    Codec,
}

/// What the parts share.
pub(crate) struct Setting {
    pub(crate) urls: Vec<String>,
    pub(crate) runtime: Runtime,
    pub(crate) plan: Plan,
    /// As many entries as were asked for.
    pub(crate) entries: Option<usize>,
    pub(crate) quick: bool,
}

impl Setting {
    /// How many entries a store behind a driver or a network holds.
    fn entries(&self) -> usize {
        self.entries.unwrap_or(10_000)
    }

    /// The URL that was given for a backend.
    fn url(&self, scheme: &str) -> Option<&str> {
        let mut urls = self.urls.iter().map(String::as_str);
        urls.find(|url| url.starts_with(scheme))
    }
}

impl Part {
    /// Measures it here.
    pub(crate) fn rows(self, setting: &Setting) -> Vec<Row> {
        match self {
            Self::Memory => memory::rows(setting),
            Self::Redis => redis::rows(setting),
            Self::Sqlite => sqlite::rows(setting),
            Self::Postgres => postgres::rows(setting),
            Self::Http => http::rows(setting),
            Self::Codec => codec::rows(setting),
        }
    }

    /// Has this program measure it in a process of its own, with these arguments beside.
    fn rows_apart(self, arguments: &[String]) -> Vec<Row> {
        let name = self.to_possible_value().expect("no part is hidden");
        let this = std::env::current_exe().expect("a program knows its path");
        let part = Command::new(this)
            .args(["--compare", "--json", "--here", "--only", name.get_name()])
            .args(arguments)
            .stderr(Stdio::inherit())
            .output()
            .expect("this program can be started");
        let rows = serde_json::from_slice(&part.stdout);
        rows.unwrap_or_else(|_| panic!("{} was not measured: {}", name.get_name(), part.status))
    }
}

/// The rows of these parts, of all if none is named. Each part is measured in processes of its own, in
/// each a part of the rounds.
///
/// A process has its luck for as long as it runs: where entries come to lie, how threads are woken.
/// And in one for all parts, each would find the heap as those before it have left it, in pieces.
pub(crate) fn rows(only: &[Part], passes: usize, arguments: &[String]) -> Vec<Row> {
    let parts = if only.is_empty() {
        Part::value_variants()
    } else {
        only
    };
    let pass = |number: usize| {
        eprintln!("pass {} of {passes}", number + 1);
        parts.iter().flat_map(|part| part.rows_apart(arguments))
    };
    let mut rows: Vec<Row> = pass(0).collect();
    for number in 1..passes {
        for (row, more) in rows.iter_mut().zip(pass(number)) {
            row.add(more.rounds);
        }
    }
    rows
}
