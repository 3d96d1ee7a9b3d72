//! One lap: how often a piece of work gets done by so many threads or tasks, and how long it takes.
//!
//! The loop is closed: a task asks again when it has its answer. A store that stalls is therefore
//! asked less often while it stalls, and its percentiles say how long callers of a fixed number
//! waited, not how long arrivals at a fixed rate would have (coordinated omission). Programs that
//! are compared run the same loop.

use std::cell::Cell;
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Handle};

/// Something to do again and again, each time with another number, by several at once.
pub trait Work: Send + Sync + 'static {
    /// Does it once. The number decides which key is taken; a failure is a panic.
    fn run(&self, number: u64) -> impl Future<Output = ()> + Send;
}

/// Who does the work at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// So many threads, each with one task; for work that never waits. Latencies are not taken:
    /// the clock would cost as much as the work.
    Threads(usize),
    /// So many tasks on a runtime of many threads; each piece of work is timed.
    Tasks(usize),
}

/// What one lap gave.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Pieces of work done in a second.
    pub rate: f64,
    /// The median time of one, in nanoseconds; 0 where it is not taken, as for those below.
    pub p50: u64,
    /// What 99 of 100 stay below.
    pub p99: u64,
    /// What 999 of 1,000 stay below.
    pub p999: u64,
}

/// Something that can be given a lap at a time.
pub type Lap = Box<dyn Fn(Shape, Duration) -> Sample>;

/// The laps of a piece of work.
pub fn laps(runtime: &Handle, work: Arc<impl Work>) -> Lap {
    let runtime = runtime.clone();
    let done = Cell::new(0);
    Box::new(move |shape, length| {
        // Each begins elsewhere, so that many short laps meet as many keys as a long one.
        let number = done.replace(done.get() + 1);
        lap(&runtime, &work, shape, length, number)
    })
}

/// Repeats the work for about as long as asked. The number tells laps on the same keys apart.
pub fn lap<W: Work>(
    runtime: &Handle,
    work: &Arc<W>,
    shape: Shape,
    length: Duration,
    number: usize,
) -> Sample {
    let begins = |who: usize| first(number * MOST_AT_ONCE + who);
    match shape {
        Shape::Threads(threads) => lap_of_threads(work, threads, length, begins),
        Shape::Tasks(tasks) => runtime.block_on(lap_of_tasks(runtime, work, tasks, length, begins)),
    }
}

fn lap_of_threads<W: Work>(
    work: &Arc<W>,
    threads: usize,
    length: Duration,
    begins: impl Fn(usize) -> u64 + Sync,
) -> Sample {
    let barrier = Barrier::new(threads);
    let one = |thread| {
        let begin = begins(thread);
        let runtime = Builder::new_current_thread()
            .build()
            .expect("a runtime can be made");
        barrier.wait();
        let start = Instant::now();
        let done = runtime.block_on(async {
            let mut done = 0;
            while start.elapsed() < length {
                for _ in 0..BETWEEN_LOOKS {
                    work.run(begin + done).await;
                    done += 1;
                }
            }
            done
        });
        done as f64 / start.elapsed().as_secs_f64()
    };
    let rate = std::thread::scope(|scope| {
        let started: Vec<_> = (1..threads)
            .map(|thread| scope.spawn(move || one(thread)))
            .collect();
        let here = one(0);
        let others = started.into_iter().map(|thread| thread.join());
        here + others
            .map(|rate| rate.expect("no thread panics"))
            .sum::<f64>()
    });
    Sample {
        rate,
        ..Sample::default()
    }
}

async fn lap_of_tasks<W: Work>(
    runtime: &Handle,
    work: &Arc<W>,
    tasks: usize,
    length: Duration,
    begins: impl Fn(usize) -> u64,
) -> Sample {
    let all = Arc::new(Mutex::new(histogram()));
    let start = Instant::now();
    let one = |task| {
        let (work, begin, all) = (work.clone(), begins(task), all.clone());
        runtime.spawn(async move {
            let mut times = Vec::with_capacity(BUFFERED);
            let mut begun = Instant::now();
            for at in begin.. {
                work.run(at).await;
                let ended = Instant::now();
                times.push(ended - begun);
                if times.len() == BUFFERED {
                    record_all(&all, &mut times);
                }
                if ended - start >= length {
                    break;
                }
                begun = ended;
            }
            record_all(&all, &mut times);
        })
    };
    for task in (0..tasks).map(one).collect::<Vec<_>>() {
        task.await.expect("no task panics");
    }
    let within = start.elapsed();
    let all = all.lock().unwrap_or_else(PoisonError::into_inner);
    Sample::of(&all, within)
}

impl Sample {
    /// Of the times of all pieces of work that were done within so long.
    pub fn of(times: &Histogram<u64>, within: Duration) -> Self {
        Self {
            rate: times.len() as f64 / within.as_secs_f64(),
            p50: times.value_at_quantile(0.5),
            p99: times.value_at_quantile(0.99),
            p999: times.value_at_quantile(0.999),
        }
    }
}

pub(crate) fn record(times: &mut Histogram<u64>, time: Duration) {
    times.saturating_record(time.as_nanos().try_into().unwrap_or(u64::MAX));
}

fn record_all(all: &Mutex<Histogram<u64>>, times: &mut Vec<Duration>) {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    for time in times.drain(..) {
        record(&mut all, time);
    }
}

/// Where a lap of a task begins: far from where others do, whatever the number of keys.
pub(crate) fn first(lap: usize) -> u64 {
    // 2^64 by the golden ratio, with room left to count on.
    (lap as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16
}

/// A histogram of nanoseconds, up to a minute, to a part in a hundred.
///
/// # Panics
///
/// Never: the bounds are in order.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 2).expect("the bounds are in order")
}

/// How many times a task keeps until it adds them to those of all. With a histogram each, hundreds of
/// tasks would fill the processor's cache with these, and the allocator would be busy with them.
const BUFFERED: usize = 64;

/// More than ever work at once.
const MOST_AT_ONCE: usize = 1_024;

/// How many pieces of work lie between two looks at the clock, in a loop that is not timed.
const BETWEEN_LOOKS: u64 = 64;
