//! Proves stores from their URLs, without a line of code: what `cargo run -p conformance-tests`
//! does, and what a backend of your own can do with [`main`].
//!
//! Every case works in a namespace of its own below a random one, several at once, and time really
//! passes. `footprint` proves afterwards that nothing else was touched and that nothing is left;
//! `report` shows what was found in five forms. A store that cannot be opened is an error and no
//! result: nothing passes that was not run.

mod arguments;
mod footprint;
mod open;
mod panics;
mod progress;
mod report;
mod seeds;
mod target;
mod work;

use std::ffi::OsString;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use session_core::Result;
use tokio::sync::watch;

use crate::harness::Client;
use crate::table::Case;
use arguments::{Arguments, is_stdout};
use footprint::Before;
use open::{Connect, Opener, told};
use progress::{Progress, say};
use report::{CaseReport, Report, StoreReport, Verdict};
use target::{Lack, Target};
use work::{Event, Job, Outcome, Work};

/// Runs the program with the arguments of this process.
///
/// `connect` opens the store that a URL names; the parameters `namespace=a:b` and `timeout_ms=…`
/// are added to those of the caller. The program of this crate is
/// `runner::main(|url| async move { cache_connect::connect(&url).await })`.
///
/// The status is 0 if all cases passed or are lacking with a reason, 1 if one failed or something
/// beside the namespace was touched, and 2 if nothing was proved.
pub fn main<F, C>(connect: C) -> ExitCode
where
    C: Fn(String) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Client>> + Send + 'static,
{
    ExitCode::from(run(std::env::args_os(), connect))
}

/// As [`main`], with the arguments given, the program's name first.
pub fn run<F, C>(arguments: impl IntoIterator<Item = OsString>, connect: C) -> u8
where
    C: Fn(String) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Client>> + Send + 'static,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { NO_PROOF } else { PASSED };
        }
    };
    if arguments.list {
        return list(&arguments.cases());
    }
    let connect: Connect = Arc::new(move |url| Box::pin(connect(url)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime for the runner");
    let status = runtime.block_on(prove(&arguments, &connect));
    runtime.shutdown_timeout(Duration::from_secs(1));
    status.unwrap_or_else(|complaint| {
        say(&complaint);
        NO_PROOF
    })
}

const PASSED: u8 = 0;
const FAILED: u8 = 1;
const NO_PROOF: u8 = 2;

fn list(cases: &[&Case]) -> u8 {
    let mut out = std::io::stdout().lock();
    for case in cases {
        // The reader may have seen enough.
        let _ = writeln!(
            out,
            "{} {}::{}  {}",
            case.level, case.group, case.name, case.proves
        );
    }
    PASSED
}

/// Opens all stores, runs the cases, cleans up and reports. An error is why there is no proof.
async fn prove(arguments: &Arguments, connect: &Connect) -> Result<u8, String> {
    let cases = arguments.cases();
    if cases.is_empty() {
        return Err("no case was asked for".to_owned());
    }
    let openers = openers(arguments, connect);
    let clients = all_open(&openers).await?;
    let (began, started) = (SystemTime::now(), Instant::now());
    let top = random_namespace();
    say(&format!(
        "cases to run: {}, in the namespace {top}",
        cases.len()
    ));

    // From here on an interruption cleans up first.
    let (stop, stopped) = watch::channel(false);
    let listening = tokio::spawn(listen(stop));
    let before = look(&openers, clients, &top).await?;
    let results = work(arguments, &openers, &cases, &top, &stopped).await;
    let interrupted = *stopped.borrow();
    let mut stores = Vec::new();
    for ((opener, before), cases) in openers.iter().zip(before).zip(results) {
        let footprint = match before {
            Some(before) => Some(before.compare(opener).await),
            None => None,
        };
        stores.push(StoreReport::new(
            opener.target.name.clone(),
            cases,
            footprint,
        ));
    }
    listening.abort();
    let report = Report {
        format: 1,
        suite: env!("CARGO_PKG_VERSION"),
        began: httpdate::fmt_http_date(began),
        seconds: started.elapsed().as_secs_f64(),
        interrupted,
        passed: !interrupted && stores.iter().all(StoreReport::holds),
        stores,
    };
    publish(arguments, &report)?;
    Ok(match (report.interrupted, report.passed) {
        (true, _) => NO_PROOF,
        (false, true) => PASSED,
        (false, false) => FAILED,
    })
}

fn openers(arguments: &Arguments, connect: &Connect) -> Vec<Opener> {
    let opener = |url: &String| {
        Opener::new(
            Target::new(url),
            Arc::clone(connect),
            arguments.margin(),
            arguments.seed.clone(),
        )
    };
    arguments.urls.iter().map(opener).collect()
}

/// A client of every store, or what is wrong with each that cannot be opened.
async fn all_open(openers: &[Opener]) -> Result<Vec<Client>, String> {
    let (mut clients, mut complaints) = (Vec::new(), Vec::new());
    for opener in openers {
        match opener.whole().await {
            Ok(client) => clients.push(client),
            Err(error) => complaints.push(format!("{}: {}", opener.target.name, told(&error))),
        }
    }
    match complaints.is_empty() {
        true => Ok(clients),
        false => Err(complaints.join("\n")),
    }
}

/// Looks at every store that others share; what was written is removed if one fails.
async fn look(
    openers: &[Opener],
    clients: Vec<Client>,
    top: &str,
) -> Result<Vec<Option<Before>>, String> {
    let mut looks: Vec<Option<Before>> = Vec::new();
    for (opener, client) in openers.iter().zip(clients) {
        if opener.target.private.is_some() {
            looks.push(None);
            continue;
        }
        match Before::new(client, top).await {
            Ok(before) => looks.push(Some(before)),
            Err(error) => {
                for (opener, before) in openers.iter().zip(looks) {
                    if let Some(before) = before {
                        before.compare(opener).await;
                    }
                }
                return Err(format!("{}: {}", opener.target.name, told(&error)));
            }
        }
    }
    Ok(looks)
}

/// Runs the cases on all stores and gives the results by store, in the order of the table.
async fn work(
    arguments: &Arguments,
    openers: &[Opener],
    cases: &[&'static Case],
    top: &str,
    stopped: &watch::Receiver<bool>,
) -> Vec<Vec<CaseReport>> {
    let mut jobs = Vec::new();
    // Stores take turns, so that each has few cases at once.
    for &case in cases {
        for (target, opener) in openers.iter().enumerate() {
            if lacking(case, &opener.target).is_none() {
                jobs.push(Job { target, case });
            }
        }
    }
    let count = |target: usize| jobs.iter().filter(|job| job.target == target).count();
    let names = openers.iter().map(|opener| opener.target.name.clone());
    let mut progress = Progress::new(names.enumerate().map(|(n, name)| (name, count(n))));
    let mut ended: Vec<(Job, Outcome, Duration)> = Vec::with_capacity(jobs.len());
    let work = Work {
        jobs,
        openers: openers.to_vec(),
        top: top.to_owned(),
        limit: arguments.limit(),
    };
    let mut told = work.start(arguments.jobs.into(), stopped);
    while let Some(event) = told.recv().await {
        match event {
            Event::Begun(job) => progress.begun(job),
            Event::Ended { job, outcome, took } => {
                progress.ended(job, &outcome);
                ended.push((job, outcome, took));
            }
        }
    }
    progress.close();
    let stores = openers.iter().enumerate();
    stores
        .map(|(target, opener)| {
            let of_store = cases.iter().map(|&case| {
                let found = ended
                    .iter()
                    .position(|(job, ..)| job.target == target && std::ptr::eq(job.case, case))
                    .map(|at| ended.swap_remove(at));
                let (verdict, took) = match (found, lacking(case, &opener.target)) {
                    (Some((_, outcome, took)), _) => (outcome.into(), took),
                    (None, Some(lack)) => (lack.into(), Duration::ZERO),
                    (None, None) => (Verdict::NotRun, Duration::ZERO),
                };
                CaseReport::new(case, verdict, took)
            });
            of_store.collect()
        })
        .collect()
}

/// Why a case cannot be run on a target.
fn lacking(case: &Case, target: &Target) -> Option<Lack> {
    target.lacks(case.needs())
}

/// Tells of an interruption; the second one ends the process at once.
async fn listen(stop: watch::Sender<bool>) {
    if interrupted().await {
        say("interrupted: cleaning up; once more to end at once");
        let _ = stop.send(true);
        if interrupted().await {
            std::process::exit(NO_PROOF.into());
        }
    }
    // The sender must outlive the run: its end would count as a stop.
    std::future::pending::<()>().await;
}

#[cfg(unix)]
async fn interrupted() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut end) = signal(SignalKind::terminate()) else {
        return tokio::signal::ctrl_c().await.is_ok();
    };
    tokio::select! {
        heard = tokio::signal::ctrl_c() => heard.is_ok(),
        heard = end.recv() => heard.is_some(),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}

/// A name that nobody else has. Its `_` and its `.` have a meaning in patterns, as the sentinels
/// beside it try.
fn random_namespace() -> String {
    let number = getrandom::u64().unwrap_or_else(|_| std::process::id().into());
    let digits = format!("{number:016x}");
    let (start, end) = digits.split_at(8);
    format!("conformance_{start}.{end}")
}

/// Prints the report and writes the files that were asked for.
fn publish(arguments: &Arguments, report: &Report) -> Result<(), String> {
    let text = report::text::text(report);
    if arguments.takes_stdout() {
        say(&text);
    } else {
        write(Path::new("-"), &text)?;
    }
    if let Some(file) = &arguments.json {
        let mut json = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
        json.push('\n');
        write(file, &json)?;
    }
    if let Some(file) = &arguments.markdown {
        write(file, &report::markdown::markdown(report))?;
    }
    if let Some(file) = &arguments.html {
        write(file, &report::html::html(report))?;
    }
    if let Some(file) = &arguments.badge {
        write(file, &report::badge::badge(report))?;
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    let written = match is_stdout(file) {
        true => std::io::stdout().lock().write_all(text.as_bytes()),
        false => std::fs::write(file, text),
    };
    written.map_err(|error| format!("{} could not be written: {error}", file.display()))
}
