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

use benches::rounds::Plan;
use benches::table::Row;
use clap::ValueEnum;
use tokio::runtime::Runtime;

pub(crate) use memory::Counting;
pub(crate) use report::page;

/// What is compared, in this order: the backends, and what stands on them. The codec comes first, for
/// two fifths of its time are the allocator's, which is slower once others have filled and left its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Codec,
    Memory,
    Redis,
    Sqlite,
    Postgres,
    Http,
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

/// The rows of these parts; of all, if none is named.
pub(crate) fn rows(setting: &Setting, only: &[Part]) -> Vec<Row> {
    let wanted = |part: &&Part| only.is_empty() || only.contains(part);
    let parts = Part::value_variants().iter().filter(wanted);
    let rows = parts.flat_map(|part| match part {
        Part::Codec => codec::rows(setting),
        Part::Memory => memory::rows(setting),
        Part::Redis => redis::rows(setting),
        Part::Sqlite => sqlite::rows(setting),
        Part::Postgres => postgres::rows(setting),
        Part::Http => http::rows(setting),
    });
    rows.collect()
}
