//! Of a history that no order explains, the part that a person needs to see.

use super::call::Call;
use super::entry::Contract;
use super::search::{Found, search};

/// A shorter history of one key that no order explains either, which proves as much: the beginning
/// up to the first answer that cannot be, without calls that changed nothing and are not missed.
pub(super) fn shorten(calls: Vec<Call>, contract: Contract) -> Vec<Call> {
    let fails = |calls: &[Call]| matches!(search(calls, contract), Found::None { .. });
    if !fails(&calls) {
        return calls;
    }
    let mut ends: Vec<u64> = calls.iter().map(|call| call.ended).collect();
    ends.sort_unstable();
    let first = ends.partition_point(|end| !fails(&up_to(&calls, *end)));
    let mut calls = ends
        .get(first)
        .map_or(calls.clone(), |end| up_to(&calls, *end));
    let mut at = 0;
    while at < calls.len() {
        let mut fewer = calls.clone();
        let call = fewer.remove(at);
        if call.changed_nothing() && fails(&fewer) {
            calls = fewer;
        } else {
            at += 1;
        }
    }
    calls
}

/// The history as it was at an end: what still ran then is of unknown outcome.
fn up_to(calls: &[Call], end: u64) -> Vec<Call> {
    let began = calls.iter().filter(|call| call.began <= end).cloned();
    began
        .map(|mut call| {
            if call.ended > end {
                (call.answer, call.ended, call.to) = (None, Call::NEVER, i64::MAX);
            }
            call
        })
        .filter(|call| call.is_known() || !call.operation.only_reads())
        .collect()
}
