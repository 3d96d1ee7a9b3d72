//! `cargo run --release -p benches -- memory: redis://…`: which store carries what, on your own
//! machines. `README.md` says what the figures mean.

// A bench that cannot go on has nothing better to do than to stop and say where.
#![allow(clippy::expect_used)]
// Figures are printed with three digits.
#![allow(clippy::cast_precision_loss)]
#![allow(clippy::print_stderr, clippy::print_stdout)]

mod growth;
mod measure;
#[cfg(feature = "peers")]
mod ratios;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use benches::page::Page;
use benches::rounds::Plan;
use clap::Parser;
use tokio::runtime::Runtime;

#[cfg(feature = "peers")]
#[global_allocator]
static ALLOCATOR: ratios::Counting = ratios::Counting;

/// Measures stores where they run: throughput and latency by tasks and sizes of values.
///
/// All keys start with a random prefix and are removed at the end; if the run is interrupted, they
/// expire within the hour.
#[derive(Parser)]
#[command(
    after_help = "Example: benches memory: sqlite://bench.db redis://127.0.0.1 postgres://web@db/app"
)]
struct Arguments {
    /// The stores, as `cache-connect` takes them. With --compare, the servers to use instead of
    /// ones that are started for the run.
    urls: Vec<String>,
    /// Instead: how time per operation grows with the entries of a store, and the longest pauses
    /// of the memory backend.
    #[arg(long)]
    growth: bool,
    /// Instead: every backend beside published libraries, in alternating rounds, each row marked
    /// aim, must or SHORT; ends with 1 if one is short.
    #[cfg(feature = "peers")]
    #[arg(long, conflicts_with = "growth")]
    compare: bool,
    /// With --compare: only these parts.
    #[cfg(feature = "peers")]
    #[arg(long, value_delimiter = ',', requires = "compare")]
    only: Vec<ratios::Part>,
    /// With --only: measures this one part in this process and prints it.
    #[cfg(feature = "peers")]
    #[arg(long, hide = true, requires = "only")]
    here: bool,
    /// With --compare: how many rounds, at best a multiple of three, since three passes share them; the
    /// figures are their medians.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How many tasks at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64, 256])]
    tasks: Vec<usize>,
    /// Sizes of values in bytes.
    #[arg(long, value_delimiter = ',', default_values_t = [200, 4_096, 65_536])]
    sizes: Vec<usize>,
    /// How many entries a store holds; with --growth, at most.
    #[arg(long)]
    entries: Option<usize>,
    /// Short: a look, no measurement.
    #[arg(long)]
    quick: bool,
    /// Prints JSON and nothing else.
    #[arg(long)]
    json: bool,
    /// With --compare: where a picture of the ratios goes, SVG.
    #[cfg(feature = "peers")]
    #[arg(long, value_name = "FILE", requires = "compare")]
    svg: Option<PathBuf>,
    /// Where the page with plots goes.
    #[arg(long, value_name = "FILE", default_value = "benches.html")]
    html: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "peers")]
    if arguments.compare {
        return arguments.compare();
    }
    if arguments.urls.is_empty() {
        eprintln!("name a store, such as memory: or redis://127.0.0.1; --help says more");
        return ExitCode::from(2);
    }
    let runtime = Runtime::new().expect("a runtime can be made");
    let result = match arguments.growth {
        true => growth::run(&arguments, &runtime),
        false => measure::run(&arguments, &runtime),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    /// Writes the page with plots and says where it is.
    fn write(&self, page: &Page) {
        match page.write(&self.html) {
            Ok(()) => eprintln!("plots: {}", self.html.display()),
            Err(error) => eprintln!("{} cannot be written: {error}", self.html.display()),
        }
    }

    fn plan(&self) -> Plan {
        if self.quick {
            return Plan {
                rounds: 3,
                threads_lap: Duration::from_millis(20),
                tasks_lap: Duration::from_millis(100),
                tasks_turns: 1,
            };
        }
        Plan {
            rounds: self.rounds.into(),
            threads_lap: Duration::from_millis(150),
            tasks_lap: Duration::from_millis(100),
            tasks_turns: 2,
        }
    }

    /// What a process is told that measures one part in one pass.
    #[cfg(feature = "peers")]
    fn of_a_pass(&self, passes: u16) -> Vec<String> {
        let mut arguments = vec![format!("--rounds={}", self.rounds.div_ceil(passes))];
        arguments.extend(self.quick.then(|| "--quick".to_owned()));
        arguments.extend(self.entries.map(|entries| format!("--entries={entries}")));
        arguments.extend(self.urls.iter().cloned());
        arguments
    }

    /// Measures one part and prints its rows.
    #[cfg(feature = "peers")]
    fn measure_here(self, part: ratios::Part) -> ExitCode {
        let rows = part.rows(&ratios::Setting {
            plan: self.plan(),
            runtime: Runtime::new().expect("a runtime can be made"),
            entries: self.entries,
            quick: self.quick,
            urls: self.urls,
        });
        println!("{}", serde_json::to_string(&rows).expect("rows are JSON"));
        ExitCode::SUCCESS
    }

    #[cfg(feature = "peers")]
    fn compare(self) -> ExitCode {
        use benches::dots;
        use benches::table::{Mark, show};

        if let (true, [part]) = (self.here, &*self.only) {
            let part = *part;
            return self.measure_here(part);
        }
        let passes = if self.quick {
            1
        } else {
            PASSES.min(self.rounds)
        };
        let rows = ratios::rows(&self.only, passes.into(), &self.of_a_pass(passes));
        if self.json {
            println!(
                "{}",
                serde_json::to_string_pretty(&rows).expect("rows are JSON")
            );
        } else {
            println!("{}", show(&rows));
            self.write(&ratios::page(&rows));
        }
        if let Some(path) = &self.svg {
            let written = std::fs::write(path, dots::svg(&dots::hardest(&rows)));
            written.expect("the picture can be written");
        }
        let short = rows.iter().filter(|row| row.mark == Mark::Short).count();
        eprintln!("{} rows, {short} short", rows.len());
        ExitCode::from(u8::from(short > 0))
    }
}

/// How many processes share the rounds of a comparison.
#[cfg(feature = "peers")]
const PASSES: u16 = 3;
