//! What waits and what runs. Plain bookkeeping: nothing here waits or does I/O.

use std::collections::VecDeque;
use std::time::Duration;

use session_core::{ErrorKind, Outcome};
use tokio::time::Instant;

use crate::batch::{Request, Sort};
use crate::error::Failure;

/// How many statements of merged reads, and of merged writes, run at once before others wait to
/// be merged.
const MERGING: usize = 2;

/// A statement that runs for longer no longer counts among them: it is slow, and others pass it.
const SLOW: Duration = Duration::from_millis(10);

/// How many requests one statement takes, and how many bytes of values.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 1 << 20;

/// How many requests may wait, and how many bytes of keys and values.
const WAITING: usize = 10_000;
const WAITING_BYTES: usize = 256 << 20;

pub(crate) struct Queue {
    max_running: usize,
    next_ticket: u64,
    waiting: [VecDeque<(u64, Request)>; 3],
    bytes: usize,
    /// When each statement that runs was started, by [`Sort`].
    running: [Vec<Instant>; 3],
}

impl Queue {
    pub(crate) fn new(max_running: usize) -> Self {
        Self {
            max_running,
            next_ticket: 0,
            waiting: Default::default(),
            bytes: 0,
            running: Default::default(),
        }
    }

    /// Whether a request of this sort is to start at once.
    pub(crate) fn may_start(&self, sort: Sort, now: Instant) -> bool {
        let running: usize = self.running.iter().map(Vec::len).sum();
        let quick = self.running[sort as usize]
            .iter()
            .filter(|start| now - **start < SLOW)
            .count();
        running < self.max_running && (sort == Sort::Other || quick < MERGING)
    }

    pub(crate) fn started(&mut self, sort: Sort, at: Instant) {
        self.running[sort as usize].push(at);
    }

    pub(crate) fn ended(&mut self, sort: Sort, started: Instant) {
        let running = &mut self.running[sort as usize];
        if let Some(index) = running.iter().position(|start| *start == started) {
            running.swap_remove(index);
        }
    }

    /// Has a request wait and gives the ticket with which it can be withdrawn.
    pub(crate) fn push(&mut self, request: Request) -> Result<u64, Failure> {
        let waiting: usize = self.waiting.iter().map(VecDeque::len).sum();
        if waiting >= WAITING || (waiting > 0 && self.bytes + request.len() > WAITING_BYTES) {
            return Err(Failure::new(ErrorKind::Overloaded, Outcome::NotApplied)
                .with_message("too many calls wait for a connection"));
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.bytes += request.len();
        self.waiting[request.sort() as usize].push_back((ticket, request));
        Ok(ticket)
    }

    /// Takes a request back; `false` if it has been started.
    pub(crate) fn withdraw(&mut self, sort: Sort, ticket: u64) -> bool {
        let waiting = &mut self.waiting[sort as usize];
        let Ok(index) = waiting.binary_search_by_key(&ticket, |(ticket, _)| *ticket) else {
            return false;
        };
        if let Some((_, request)) = waiting.remove(index) {
            self.bytes -= request.len();
        }
        true
    }

    /// Takes what is to run next on the place of a statement of this sort, the other sorts first
    /// so that none waits for ever; empty if nothing waits.
    pub(crate) fn take_after(&mut self, ended: Sort, now: Instant) -> Vec<Request> {
        let order = match ended {
            Sort::Read => [Sort::Put, Sort::Other, Sort::Read],
            Sort::Put => [Sort::Other, Sort::Read, Sort::Put],
            Sort::Other => [Sort::Read, Sort::Put, Sort::Other],
        };
        for sort in order {
            if self.may_start(sort, now) {
                let requests = self.take(sort);
                if !requests.is_empty() {
                    self.started(sort, now);
                    return requests;
                }
            }
        }
        Vec::new()
    }

    /// Takes everything that waits.
    pub(crate) fn take_all(&mut self) -> Vec<Request> {
        self.bytes = 0;
        self.waiting
            .iter_mut()
            .flat_map(|waiting| waiting.drain(..))
            .map(|(_, it)| it)
            .collect()
    }

    /// Takes as many requests of a sort as go into one statement.
    fn take(&mut self, sort: Sort) -> Vec<Request> {
        let most = if sort == Sort::Other { 1 } else { BATCH };
        let (mut requests, mut bytes) = (Vec::new(), 0);
        while requests.len() < most && bytes < BATCH_BYTES {
            let Some((_, request)) = self.waiting[sort as usize].pop_front() else {
                break;
            };
            self.bytes -= request.len();
            if !request.is_forsaken() {
                bytes += request.len();
                requests.push(request);
            }
        }
        requests
    }
}
