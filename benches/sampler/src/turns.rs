//! A lone task that does the work of several, a few calls of each after a few of the other.
//!
//! What a lone call waits for is mostly a wake-up, and how long that takes depends on which processors
//! the kernel has given the two threads: by a factor of four, for tenths of a second. Who takes turns of
//! a few calls on the same thread has the same luck.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::sample::{Sample, Work, first, histogram, record};

/// A piece of work, one call at a time.
pub type Call = Arc<dyn Fn(u64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The calls of a piece of work.
pub fn calls(work: Arc<impl Work>) -> Call {
    Arc::new(move |number| {
        let work = work.clone();
        Box::pin(async move { work.run(number).await })
    })
}

/// Repeats the work of all, by turns, for about as long as asked. A sample for each, in their order.
/// The number tells laps on the same keys apart, and who begins.
///
/// # Panics
///
/// If the work does.
pub fn lap_by_turns(
    runtime: &Handle,
    calls: &[Call],
    length: Duration,
    number: usize,
) -> Vec<Sample> {
    let calls = calls.to_vec();
    let task = runtime.spawn(async move {
        let mut all: Vec<_> = calls
            .iter()
            .map(|_| (histogram(), Duration::ZERO))
            .collect();
        let (start, mut at, mut turn) = (Instant::now(), first(number), number);
        while start.elapsed() < length {
            for next in 0..calls.len() {
                let who = (turn + next) % calls.len();
                let (times, within) = &mut all[who];
                for number in at..at + IN_A_ROW {
                    let begun = Instant::now();
                    calls[who](number).await;
                    let time = begun.elapsed();
                    record(times, time);
                    *within += time;
                }
            }
            at += IN_A_ROW;
            turn += 1;
        }
        let samples = all.iter().map(|(times, within)| Sample::of(times, *within));
        samples.collect()
    });
    runtime.block_on(task).expect("no task panics")
}

/// How many calls are a turn: so few that a turn ends before the kernel thinks of something else, so
/// many that a connection is not always found asleep.
const IN_A_ROW: u64 = 8;
