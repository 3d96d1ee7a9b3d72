//! The tables that the program prints.

use clap::{Args, Parser, ValueEnum};

use crate::figures::{Figures, Rates};
use crate::plan::{Demand, Need, Nodes, Room};
use crate::slides::{Events, expected, simulated};
use crate::table::{bytes, markdown, number};

/// What to print of what.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    #[command(flatten)]
    demand: Demand,
    #[command(flatten)]
    nodes: Nodes,
    /// Counts slides and ends of so many simulated sessions beside the formula.
    #[arg(long, default_value_t = 10_000)]
    simulated: u32,
    /// Where the simulation's random numbers begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these tables; all by default.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Table>,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// Measured figures of a node.
    Figures,
    /// Calls a second.
    Calls,
    /// Bytes.
    Room,
    /// Nodes.
    Nodes,
    /// PostgreSQL's log and dead rows.
    Wal,
    /// Formula and simulation.
    Slides,
}

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Words {
    #[command(flatten)]
    arguments: Arguments,
}

impl Arguments {
    /// Those of a command line, without the name of the program.
    ///
    /// # Errors
    ///
    /// If they are not understood.
    pub fn of(words: &[&str]) -> Result<Self, String> {
        let words = Words::try_parse_from(words).map_err(|error| error.to_string())?;
        Ok(words.arguments)
    }
}

/// The tables, in Markdown.
///
/// # Errors
///
/// If a figure to replace is not known.
pub fn report(arguments: &Arguments, figures: Figures) -> Result<String, String> {
    let figures = figures.replaced(&arguments.nodes.set)?;
    let tables: Vec<String> = Table::value_variants()
        .iter()
        .filter(|table| arguments.only.is_empty() || arguments.only.contains(table))
        .map(|table| match table {
            Table::Figures => of_figures(&figures),
            Table::Calls => of_calls(arguments),
            Table::Room => of_room(arguments, &figures),
            Table::Nodes => of_nodes(arguments, &figures),
            Table::Wal => of_wal(arguments, &figures),
            Table::Slides => of_slides(arguments),
        })
        .collect();
    Ok(tables.join("\n"))
}

fn of_figures(figures: &Figures) -> String {
    let header = [
        "one node",
        "load /s",
        "read /s",
        "save /s",
        "slide /s",
        "round trip",
        "record",
        "bag value",
        "index",
    ];
    let mut rows = Vec::new();
    for (name, backend) in figures.backends() {
        let sizes = backend.stored;
        let both = |rate: fn(Rates) -> f64| {
            let rates = [backend.tasks_64, backend.tasks_256];
            rates.map(|rates| number(rate(rates))).join(" / ")
        };
        rows.push(vec![
            name.to_owned(),
            both(|rates| rates.load),
            both(|rates| rates.read),
            both(|rates| rates.save),
            both(|rates| rates.slide),
            format!("{} µs", number(backend.round_trip)),
            bytes(sizes.record),
            bytes(sizes.bag),
            bytes(sizes.index),
        ]);
    }
    let from = &figures.measured;
    let written = &figures.written;
    let plain = [written.record, written.bag, written.index].map(|kind| kind.key + kind.value);
    format!(
        "{}\nRates with 64 / 256 tasks. Bytes with key and overhead; key and value alone are {}, {} \
         and {} bytes. Measured on {}, {}; {}; load {} before and {} after; {} entries of each \
         kind; `{}`.\n",
        markdown(&header, &rows),
        plain[0],
        plain[1],
        plain[2],
        from.date,
        from.machine,
        from.servers,
        from.load[0],
        from.load[1],
        number(f64::from(from.entries)),
        from.command,
    )
}

fn of_calls(arguments: &Arguments) -> String {
    let demand = &arguments.demand;
    let (calls, events) = (demand.calls(), demand.events());
    let row = |what: &str, rate: f64| {
        let share = format!("{:.3}", rate / demand.all());
        vec![what.to_owned(), number(rate), share]
    };
    let rows = [
        row("requests", demand.all()),
        row("sessions loaded", calls.loads),
        row("other reads", calls.reads),
        row("writes of values", calls.saves),
        row("deadlines slid", calls.slides),
        row("store calls", calls.all()),
        row(
            "sessions that end and begin",
            events.expired + events.limited,
        ),
    ];
    markdown(&["", "a second", "for each request"], &rows)
}

fn of_room(arguments: &Arguments, figures: &Figures) -> String {
    let mut rows = Vec::new();
    for (name, room, copies) in rooms(arguments, figures) {
        let all = room.all();
        rows.push(vec![
            name.to_owned(),
            bytes(room.records),
            bytes(room.bags),
            bytes(room.index),
            bytes(all),
            bytes(all * copies),
        ]);
    }
    let header = [
        "",
        "records",
        "bags",
        "users' index",
        "together",
        "with replicas",
    ];
    markdown(&header, &rows)
}

/// The bytes of each backend, and in how many copies.
fn rooms(arguments: &Arguments, figures: &Figures) -> [(&'static str, Room, f64); 4] {
    let nodes = &arguments.nodes;
    figures.backends().map(|(name, backend)| {
        let room = arguments.demand.room(backend.stored, figures);
        match name {
            "redis" => (name, room, 1.0 + nodes.replicas),
            "postgres" => (name, room.times(1.0 + nodes.dead_rows), 1.0),
            _ => (name, room, 1.0),
        }
    })
}

fn of_nodes(arguments: &Arguments, figures: &Figures) -> String {
    let nodes = &arguments.nodes;
    let backends = figures.backends();
    let mut rows = Vec::new();
    for ((name, room, copies), (_, backend)) in rooms(arguments, figures).iter().zip(backends) {
        let has = match *name {
            "memory" | "redis" => nodes.memory * GIB,
            _ => nodes.disk * GIB,
        };
        let need = Need::of(&arguments.demand, nodes, &backend, *room, has);
        let total = match *name {
            "memory" | "sqlite" if need.nodes() > 1.0 => "cannot grow".to_owned(),
            "redis" => format!("{} + {}", need.nodes(), need.nodes() * (copies - 1.0)),
            "postgres" if need.nodes() > 1.0 => format!("{} shards", need.nodes()),
            _ => need.nodes().to_string(),
        };
        rows.push(vec![
            (*name).to_owned(),
            number(need.requests),
            number(need.busy),
            need.for_calls.to_string(),
            need.for_room.to_string(),
            total,
        ]);
    }
    let header = [
        "",
        "requests /s of a node",
        "nodes busy",
        "for calls",
        "for room",
        "nodes",
    ];
    markdown(&header, &rows)
}

fn of_wal(arguments: &Arguments, figures: &Figures) -> String {
    let (calls, wal) = (arguments.demand.calls(), &figures.wal);
    let row = |what: &str, log: f64| {
        let rate = format!("{}/s", bytes(calls.slides * log));
        vec![what.to_owned(), number(calls.slides), bytes(log), rate]
    };
    let rows = [
        row("slides of pages that were logged whole", wal.slide),
        row("the same after a checkpoint", wal.slide_first),
    ];
    let header = ["", "a second", "log of one", "log"];
    let dead = calls.slides + calls.saves;
    format!(
        "{}\nDead rows of slides and other writes: {} a second, {} a day. HOT updates among the slides: {} %.\n",
        markdown(&header, &rows),
        number(dead),
        number(dead * 86_400.0),
        number(wal.hot * 100.0),
    )
}

fn of_slides(arguments: &Arguments) -> String {
    let demand = &arguments.demand;
    let (life, habit) = (demand.life(), demand.habit());
    let formula = expected(life, habit);
    let counted = simulated(life, habit, arguments.simulated, arguments.seed);
    let row = |what: &str, of: fn(Events) -> f64| {
        let [formula, counted] = [of(formula), of(counted)].map(|rate| rate * life.lifetime);
        let difference = match formula {
            nothing if nothing < 1e-6 => String::new(),
            _ => format!("{:+.1} %", (counted / formula - 1.0) * 100.0),
        };
        vec![
            what.to_owned(),
            number(formula),
            number(counted),
            difference,
        ]
    };
    let rows = [
        row("requests", |events| events.requests),
        row("slides", |events| events.slides),
        row("ends by idleness", |events| events.expired),
        row("ends by the absolute limit", |events| events.limited),
    ];
    let header = [
        "for each session and lifetime",
        "formula",
        "simulation",
        "difference",
    ];
    markdown(&header, &rows)
}

const GIB: f64 = 1_073_741_824.0;
