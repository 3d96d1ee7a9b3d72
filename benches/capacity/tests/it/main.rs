//! The page says what the program says, and the formula what the simulation counts.

// The helpers here are as much tests as what calls them.
#![allow(clippy::unwrap_used)]

use capacity::figures::{Figures, IN_REPOSITORY};
use capacity::page::rewritten;
use capacity::plan::{Demand, Need, Nodes};
use capacity::report::{Arguments, report};
use capacity::slides::{Habit, Life, expected, simulated};
use clap::Parser;

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Given {
    #[command(flatten)]
    demand: Demand,
    #[command(flatten)]
    nodes: Nodes,
}

fn given(words: &str) -> Given {
    Given::try_parse_from(words.split_whitespace()).unwrap()
}

fn figures() -> Figures {
    serde_json::from_str(IN_REPOSITORY).unwrap()
}

#[test]
fn the_tables_of_the_page_are_those_of_the_program() {
    let page = include_str!("../../../CAPACITY.md");
    let tables = |words: &[&str]| report(&Arguments::of(words)?, figures());
    let written = rewritten(page, tables).unwrap();
    assert!(page.contains("<!-- capacity"));
    assert_eq!(
        written, page,
        "cargo run -p capacity -- --page benches/CAPACITY.md writes them anew"
    );
}

#[test]
fn the_formula_is_what_is_counted() {
    let life = Life {
        lifetime: 1_000.0 * HOUR,
        below: 0.9,
        limit: 1e6 * HOUR,
    };
    // From sessions that mostly end idle to those that are used all the time.
    for (requests, changing, below) in [
        (1.0, 0.0, 0.9),
        (1.0, 0.3, 0.5),
        (5.0, 0.0, 0.1),
        (30.0, 0.2, 0.9),
        (300.0, 0.0, 0.9),
    ] {
        let life = Life { below, ..life };
        let habit = Habit {
            requests: requests / life.lifetime,
            changing,
        };
        let (formula, counted) = (expected(life, habit), simulated(life, habit, 50_000, 7));
        let pairs = [
            (formula.requests, counted.requests),
            (formula.slides, counted.slides),
            (formula.expired, counted.expired),
        ];
        for (formula, counted) in pairs {
            let (formula, counted) = (formula * life.lifetime, counted * life.lifetime);
            // Events of 50,000 sessions: a thousandth of one each is 50, and chance is 7 of them.
            let chance = 6.0 * (formula.max(1e-4) / 50_000.0).sqrt();
            let differ = (formula - counted).abs();
            assert!(
                differ <= chance,
                "{habit:?}, below {below}: {formula} {counted}"
            );
        }
    }
}

#[test]
fn the_absolute_limit_ends_sessions_and_bounds_slides() {
    let life = Life {
        lifetime: 14.0 * DAY,
        below: 0.9,
        limit: 90.0 * DAY,
    };
    let habit = Habit {
        requests: 1.0 / HOUR,
        changing: 0.0,
    };
    let (formula, counted) = (expected(life, habit), simulated(life, habit, 20_000, 7));
    assert!(
        (counted.limited * 90.0 * DAY - 1.0).abs() < 0.05,
        "{counted:?}"
    );
    assert!(
        (formula.limited * 90.0 * DAY - 1.0).abs() < 1e-6,
        "{formula:?}"
    );
    // A session that is used all the time slides once in a tenth of its life.
    let often = Habit {
        requests: 1.0,
        changing: 0.0,
    };
    let endless = Life {
        limit: 1e6 * DAY,
        ..life
    };
    let slides = expected(endless, often).slides * life.lifetime;
    assert!((9.99..=10.0).contains(&slides), "{slides}");
    assert!(
        (counted.slides / formula.slides - 1.0).abs() < 0.02,
        "{counted:?} {formula:?}"
    );
}

#[test]
fn twice_the_use_takes_twice_the_nodes_and_a_request_is_what_its_calls_are() {
    let figures = figures();
    let need = |words| {
        let Given { demand, nodes } = given(words);
        let backend = figures.redis;
        let room = demand.room(backend.stored, &figures);
        (
            Need::of(&demand, &nodes, &backend, room, 1e10),
            demand.calls(),
        )
    };
    let (one, calls) =
        need("--sessions 1e6 --requests 1e4 --changing 0.1 --bag-reads 0.5 --bag-writes 0.1");
    assert_eq!(calls.loads, 1e4);
    assert!(calls.reads >= 6e3 && calls.saves >= 2e3, "{calls:?}");
    let (two, _) =
        need("--sessions 2e6 --requests 2e4 --changing 0.1 --bag-reads 0.5 --bag-writes 0.1");
    assert!((two.busy / one.busy - 2.0).abs() < 1e-9);
    assert!((two.room.all() / one.room.all() - 2.0).abs() < 1e-9);
    let (keys, calls) = need("--sessions 1e6 --requests 1e4 --by-api-key 0.5 --api-keys 6e5");
    assert_eq!(calls.loads, 5e3);
    assert!(keys.room.records > one.room.records);
}

#[test]
fn a_figure_can_be_replaced_and_an_unknown_one_is_refused() {
    let replaced = |text: &str| figures().replaced(&[text.to_owned()]);
    assert_eq!(replaced("redis.load=5").unwrap().redis.tasks_64.load, 5.0);
    assert_eq!(replaced("postgres.bag=7").unwrap().postgres.stored.bag, 7.0);
    for wrong in [
        "redis.load",
        "redis.load=many",
        "mongo.load=1",
        "redis.size=1",
    ] {
        assert!(replaced(wrong).is_err(), "{wrong}");
    }
}

const HOUR: f64 = 3_600.0;
const DAY: f64 = 24.0 * HOUR;
