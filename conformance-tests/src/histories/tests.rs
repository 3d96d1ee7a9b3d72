//! The search, proved on histories that are known to have an order or none.

use std::time::Duration;

use session_core::Condition::{Absent, Always, Equals};
use session_core::TimeToLive;

use super::call::{Answer, Call, Life, Operation};
use super::entry::{Contract, Entry};
use super::search::{Found, search};
use super::shorten::shorten;
use crate::dice::Dice;

const CONTRACT: Contract = Contract { slack: 0 };

/// A call that ran from the first event to the second, which are its milliseconds too.
fn ran(began: u64, ended: u64, operation: Operation, answer: Answer) -> Call {
    Call {
        caller: 0,
        operation,
        answer: Some(answer),
        began,
        ended,
        from: i64::try_from(began).unwrap(),
        to: i64::try_from(ended).unwrap(),
    }
}

/// A call that began then and of which nothing more is known.
fn unknown(began: u64, operation: Operation) -> Call {
    Call {
        answer: None,
        ended: Call::NEVER,
        to: i64::MAX,
        ..ran(began, began, operation, Answer::Happened(true))
    }
}

fn set(value: &'static str) -> Operation {
    Operation::Write(value.into(), Always, Life::Never)
}

fn add(value: &'static str) -> Operation {
    Operation::Write(value.into(), Absent, Life::Never)
}

fn swap(expected: &'static str, value: &'static str) -> Operation {
    Operation::Write(value.into(), Equals(expected.into()), Life::Never)
}

const COUNT: Operation = Operation::Increment(1, Life::Never);
const DONE: Answer = Answer::Happened(true);
const REFUSED: Answer = Answer::Happened(false);

/// A read that gave this.
fn read(began: u64, ended: u64, value: &'static str) -> Call {
    ran(
        began,
        ended,
        Operation::Read,
        Answer::Value(Some(value.into())),
    )
}

fn missed(began: u64, ended: u64) -> Call {
    ran(began, ended, Operation::Read, Answer::Value(None))
}

#[track_caller]
fn has_an_order(calls: &[Call]) {
    let found = search(calls, CONTRACT);
    assert!(matches!(found, Found::Order), "{found:?}");
}

#[track_caller]
fn has_none(calls: &[Call]) {
    let found = search(calls, CONTRACT);
    assert!(matches!(found, Found::None { .. }), "{found:?}");
}

#[test]
fn an_empty_history_and_calls_one_after_the_other_have_an_order() {
    has_an_order(&[]);
    has_an_order(&[
        missed(0, 1),
        ran(2, 3, set("a"), DONE),
        read(4, 5, "a"),
        ran(6, 7, Operation::Remove, DONE),
        ran(8, 9, Operation::Remove, REFUSED),
        ran(10, 11, COUNT, Answer::Sum(1)),
        ran(12, 13, swap("1", "x"), DONE),
        ran(14, 15, COUNT, Answer::NotANumber),
    ]);
}

#[test]
fn calls_side_by_side_may_come_in_any_order_but_in_one() {
    // Both reads run beside both writes.
    let both = [ran(0, 9, set("a"), DONE), ran(1, 8, set("b"), DONE)];
    has_an_order(&[&both[..], &[read(2, 3, "a"), read(4, 5, "b")]].concat());
    has_an_order(&[&both[..], &[read(2, 3, "b"), read(4, 5, "a")]].concat());
    has_none(
        &[
            &both[..],
            &[read(2, 3, "a"), read(4, 5, "b"), read(6, 7, "a")],
        ]
        .concat(),
    );
}

#[test]
fn a_stale_read_is_refused() {
    let writes = [ran(0, 1, set("a"), DONE), ran(2, 3, set("b"), DONE)];
    has_none(&[&writes[..], &[read(4, 5, "a")]].concat());
    has_none(&[&writes[..], &[missed(4, 5)]].concat());
    has_an_order(&[
        writes[0].clone(),
        ran(2, 6, set("b"), DONE),
        read(4, 5, "a"),
    ]);
}

#[test]
fn a_lost_update_is_refused() {
    has_none(&[
        ran(0, 3, COUNT, Answer::Sum(1)),
        ran(1, 2, COUNT, Answer::Sum(1)),
    ]);
    let first = ran(0, 1, set("a"), DONE);
    has_none(&[
        first.clone(),
        ran(2, 5, swap("a", "b"), DONE),
        ran(3, 4, swap("a", "c"), DONE),
    ]);
    has_an_order(&[
        first,
        ran(2, 5, swap("a", "b"), DONE),
        ran(3, 4, swap("a", "c"), REFUSED),
    ]);
}

#[test]
fn of_two_adds_both_winning_or_both_losing_is_refused() {
    has_none(&[ran(0, 3, add("a"), DONE), ran(1, 2, add("b"), DONE)]);
    has_none(&[ran(0, 3, add("a"), REFUSED), ran(1, 2, add("b"), REFUSED)]);
    has_an_order(&[ran(0, 3, add("a"), REFUSED), ran(1, 2, add("b"), DONE)]);
}

#[test]
fn a_double_increment_is_refused_and_one_of_unknown_outcome_counts_once_or_not() {
    has_none(&[ran(0, 1, COUNT, Answer::Sum(1)), read(2, 3, "2")]);
    let maybe = [unknown(0, COUNT)];
    has_an_order(&[&maybe[..], &[missed(2, 3)]].concat());
    has_an_order(&[&maybe[..], &[read(2, 3, "1")]].concat());
    has_an_order(&[&maybe[..], &[missed(2, 3), read(4, 5, "1")]].concat());
    has_none(&[&maybe[..], &[read(2, 3, "2")]].concat());
    has_none(&[&maybe[..], &[ran(2, 3, COUNT, Answer::Sum(3))]].concat());
    has_none(&[&maybe[..], &[read(2, 3, "1"), missed(4, 5)]].concat());
}

#[test]
fn what_was_removed_does_not_come_back_but_by_a_write_that_may_still_land() {
    let removed = [
        ran(1, 2, set("a"), DONE),
        ran(3, 4, Operation::Remove, DONE),
    ];
    has_none(&[&removed[..], &[read(5, 6, "a")]].concat());
    let late = [&[unknown(0, set("b"))], &removed[..]].concat();
    has_an_order(&[&late[..], &[missed(5, 6), read(7, 8, "b")]].concat());
    has_none(
        &[
            &late[..],
            &[read(5, 6, "b"), ran(7, 8, Operation::Remove, REFUSED)],
        ]
        .concat(),
    );
    // Landed once, and removed: it does not land again.
    let gone = ran(7, 8, Operation::Remove, DONE);
    has_none(&[&late[..], &[read(5, 6, "b"), gone, read(9, 10, "b")]].concat());
}

#[test]
fn nothing_happens_before_it_began() {
    has_none(&[read(0, 1, "a"), ran(2, 3, set("a"), DONE)]);
    has_none(&[read(0, 1, "a"), unknown(2, set("a"))]);
}

#[test]
fn an_entry_ends_at_its_deadline_and_not_before() {
    let timed = Operation::Write("a".into(), Always, Life::In(100));
    let written = ran(0, 10, timed, DONE);
    let then = |call| [written.clone(), call];
    has_an_order(&then(read(11, 99, "a")));
    has_none(&then(missed(11, 99)));
    // Written between 0 and 10, it ends between 100 and 110.
    has_an_order(&then(read(101, 105, "a")));
    has_an_order(&then(missed(101, 105)));
    has_none(&then(read(110, 120, "a")));
    has_an_order(&then(missed(110, 120)));
    // Once it was missed it is over.
    has_none(&[written.clone(), missed(101, 102), read(103, 104, "a")]);
    // A new entry in its place is another.
    has_an_order(&[
        written.clone(),
        ran(120, 121, add("b"), DONE),
        read(122, 123, "b"),
    ]);
    has_none(&[written, ran(120, 121, add("b"), REFUSED)]);
}

#[test]
fn what_is_left_of_a_life_must_fit_its_deadline() {
    let timed = Operation::Write("a".into(), Always, Life::In(100));
    let asked = |left: Option<u64>| {
        let left = left.map_or(TimeToLive::Never, |left| {
            TimeToLive::Remaining(Duration::from_millis(left))
        });
        let entry = Answer::Entry(Some(("a".into(), left)));
        [
            ran(0, 10, timed.clone(), DONE),
            ran(20, 30, Operation::ReadWithTimeToLive, entry),
        ]
    };
    has_an_order(&asked(Some(70)));
    has_an_order(&asked(Some(90)));
    has_none(&asked(Some(69)));
    has_none(&asked(Some(91)));
    has_none(&asked(None));
    let keep = Operation::Write("a".into(), Always, Life::Keep);
    let [written, entry] = asked(Some(80));
    has_an_order(&[written.clone(), ran(11, 12, keep, DONE), entry.clone()]);
    has_none(&[written, ran(11, 12, set("a"), DONE), entry]);
}

#[test]
fn what_is_shown_of_a_long_history_is_what_proves_it() {
    let mut calls = Vec::new();
    for turn in 0..20 {
        let at = turn * 10;
        calls.push(ran(at, at + 1, set("a"), DONE));
        calls.push(read(at + 2, at + 3, "a"));
        calls.push(ran(at + 4, at + 5, add("c"), REFUSED));
        calls.push(ran(at + 6, at + 7, Operation::Remove, DONE));
    }
    calls.push(ran(300, 301, COUNT, Answer::Sum(1)));
    calls.push(read(302, 303, "2"));
    calls.push(ran(304, 305, set("later"), DONE));
    let shortest = shorten(calls, CONTRACT);
    has_none(&shortest);
    assert_eq!(shortest.last().unwrap().began, 302);
    assert_eq!(
        shortest
            .iter()
            .filter(|call| call.operation.only_reads())
            .count(),
        1
    );
}

/// Tries every order and every choice of what did not happen.
fn has_an_order_by_trying_all(calls: &[Call], placed: &[usize], entry: Option<&Entry>) -> bool {
    let left = || (0..calls.len()).filter(|index| !placed.contains(index));
    if left().all(|index| !calls[index].is_known()) {
        return true;
    }
    left().any(|index| {
        let is_next = left().all(|other| other == index || calls[other].ended > calls[index].began);
        let placed = [placed, &[index]].concat();
        is_next
            && CONTRACT
                .after(entry, &calls[index])
                .iter()
                .any(|after| has_an_order_by_trying_all(calls, &placed, after.as_ref()))
    })
}

#[test]
fn it_agrees_with_trying_all_orders_of_small_histories() {
    let mut orders = 0;
    for seed in 0..4_000 {
        let mut dice = Dice::of(seed);
        let mut calls: Vec<Call> = (0..6).map(|_| some_call(&mut dice)).collect();
        calls.sort_by_key(|call| call.began);
        let expected = has_an_order_by_trying_all(&calls, &[], None);
        let found = search(&calls, CONTRACT);
        assert_eq!(matches!(found, Found::Order), expected, "{calls:#?}");
        orders += u32::from(expected);
    }
    assert!(
        (200..3_800).contains(&orders),
        "{orders} of 4000 have an order"
    );
}

fn some_call(dice: &mut Dice) -> Call {
    let value = *dice.pick(&["1", "2"]);
    // No deadlines: they have instants, which trying all orders would have to try as well.
    let life = *dice.pick(&[Life::Never, Life::Keep, Life::In(0)]);
    let (operation, answer) = match dice.below(7) {
        0 => (Operation::Read, Answer::Value(None)),
        1 => (Operation::Read, Answer::Value(Some(value.into()))),
        2 => (Operation::Write(value.into(), Always, life), DONE),
        3 => (add(value), Answer::Happened(dice.below(2) == 0)),
        4 => (swap("1", value), Answer::Happened(dice.below(2) == 0)),
        5 => (Operation::Remove, Answer::Happened(dice.below(2) == 0)),
        _ => (COUNT, Answer::Sum(1 + i64::from(dice.below(2) == 0))),
    };
    let began = dice.next() % 10;
    match dice.below(6) {
        0 if !operation.only_reads() => unknown(began, operation),
        _ => ran(began, began + 1 + dice.next() % 6, operation, answer),
    }
}
