//! Callers who call side by side, and what is written down of it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use session_core::{Condition, Error, Result};

use super::call::{Answer, Call, Life, Operation};
use super::plan::{Caller, Plan, Step, Trouble};
use crate::dice::Dice;
use crate::expect::{give_up, ok};
use crate::harness::Client;
use crate::proxy::Network;
use crate::store::{PATIENCE, Store};

/// Records one history on keys of its own and gives the calls about each key.
pub(super) async fn record(store: &Store, plan: &'static Plan, seed: u64) -> Vec<Vec<Call>> {
    let clients = clients(store, plan).await;
    let unit = match store.profile().can_move_time() {
        true => Duration::from_secs(3_600),
        false => 2 * store.brief(),
    };
    let recorder = Arc::new(Recorder::new(
        plan,
        seed,
        unit,
        store.profile().can_move_time(),
    ));
    let mut callers: Vec<Caller> = (0..plan.callers)
        .map(|number| Caller::new(seed, number, plan))
        .collect();
    let mut dice = Dice::of(seed);
    for round in 0..plan.rounds {
        if round > 0 && plan.passes {
            store.pass(2 * unit).await;
            recorder.passed(2 * unit);
        }
        let tasks: Vec<_> = callers
            .into_iter()
            .map(|caller| {
                let client = Arc::clone(&clients[caller.number % clients.len()]);
                tokio::spawn(Arc::clone(&recorder).round(caller, client))
            })
            .collect();
        if let Some(trouble) = plan.trouble {
            make(trouble, store, &mut dice, || {
                tasks.iter().all(|task| task.is_finished())
            })
            .await;
        }
        callers = Vec::new();
        for task in tasks {
            callers.push(task.await.expect("a caller"));
        }
    }
    let look = if plan.trouble.is_some() {
        store.beside()
    } else {
        store.cache()
    };
    for key in 0..plan.keys {
        let step = Step::One(key, Operation::Read);
        recorder
            .take(
                &mut Caller::new(seed, plan.callers, plan),
                &look,
                step,
                None,
            )
            .await;
    }
    recorder.calls()
}

/// The clients that the callers share: those at trouble meet one who is not.
async fn clients(store: &Store, plan: &Plan) -> Vec<Client> {
    match plan.case {
        "calls_of_several_clients_have_one_order" => vec![store.cache(), store.another().await],
        _ if plan.trouble.is_some() => vec![store.cache(), store.cache(), store.beside()],
        _ => vec![store.cache()],
    }
}

/// Makes trouble until the callers are done, and mends it.
async fn make(trouble: Trouble, store: &Store, dice: &mut Dice, done: impl Fn() -> bool) {
    let proxy = store.proxy();
    let moment = |dice: &mut Dice| {
        let millis = u64::try_from(1 + dice.below(8)).unwrap_or(1);
        tokio::time::sleep(Duration::from_millis(millis))
    };
    moment(dice).await;
    match trouble {
        Trouble::Cuts => {
            while !done() {
                match u32::try_from(dice.below(80)) {
                    Ok(bytes @ ..40) => proxy.cut_after_reply_bytes(bytes),
                    _ => proxy.cut(),
                }
                moment(dice).await;
            }
            proxy.cut_after_reply_bytes(u32::MAX);
        }
        Trouble::LostReplies => proxy.set(Network::LosesReplies),
        Trouble::LostRequests => proxy.set(Network::LosesRequests),
        Trouble::LateReplies => proxy.delay(2 * PATIENCE),
    }
    // Long enough that something gets lost, and soon over, since each caller then waits for long.
    let before = proxy.faults();
    for _ in 0..20 {
        if done() || proxy.faults() > before {
            break;
        }
        moment(dice).await;
    }
    proxy.set(Network::Fine);
    proxy.delay(Duration::ZERO);
}

/// The calls of one history as they come.
struct Recorder {
    plan: &'static Plan,
    keys: Vec<String>,
    unit: u32,
    /// Real time counts for the store but where a harness moves time, which may stand still.
    moves_time: bool,
    started: Instant,
    passed: AtomicI64,
    events: AtomicU64,
    calls: Mutex<Vec<Vec<Call>>>,
}

/// When something began or ended.
#[derive(Clone, Copy)]
struct Moment {
    event: u64,
    earliest: i64,
    latest: i64,
}

impl Recorder {
    fn new(plan: &'static Plan, seed: u64, unit: Duration, moves_time: bool) -> Self {
        Self {
            plan,
            keys: (0..plan.keys)
                .map(|key| format!("history {seed}:{key}"))
                .collect(),
            unit: u32::try_from(unit.as_millis()).unwrap_or(u32::MAX / 4_000),
            moves_time,
            started: Instant::now(),
            passed: AtomicI64::new(0),
            events: AtomicU64::new(0),
            calls: Mutex::new(vec![Vec::new(); plan.keys]),
        }
    }

    fn passed(&self, by: Duration) {
        if self.moves_time {
            self.passed.fetch_add(millis(by), SeqCst);
        }
    }

    fn now(&self) -> Moment {
        let (passed, real) = (self.passed.load(SeqCst), millis(self.started.elapsed()));
        Moment {
            event: self.events.fetch_add(1, SeqCst),
            earliest: if self.moves_time {
                passed
            } else {
                passed + real
            },
            latest: passed + real + 1,
        }
    }

    /// The calls about each key, by their beginnings.
    fn calls(&self) -> Vec<Vec<Call>> {
        let calls = self.calls.lock();
        let mut calls = std::mem::take(&mut *calls.unwrap_or_else(PoisonError::into_inner));
        for calls in &mut calls {
            calls.sort_by_key(|call| call.began);
        }
        calls
    }

    async fn round(self: Arc<Self>, mut caller: Caller, client: Client) -> Caller {
        for _ in 0..self.plan.calls {
            let step = caller.step(self.plan, self.unit);
            let patience = match self.plan.drops && caller.dice.below(4) == 0 {
                // Few polls for what is soon done, more for what waits for others.
                true => Some(*caller.dice.pick(&[0, 1, 1, 1, 2, 3, 5, 10, 20, 40])),
                false => None,
            };
            self.take(&mut caller, &client, step, patience).await;
        }
        caller
    }

    /// Takes a step, and drops it unfinished if it tries somebody's patience.
    async fn take(&self, caller: &mut Caller, client: &Client, step: Step, patience: Option<u32>) {
        match step {
            Step::One(key, operation) => {
                let call = operation.call(&**client, &self.keys[key]);
                let began = self.now();
                let answer = self.waited(call, patience).await;
                if let Some(Ok(answer)) = &answer {
                    caller.learns(key, &operation, answer);
                }
                self.note(caller.number, key, operation, answer, began);
            }
            Step::ReadAll => {
                let keys: Vec<&str> = self.keys.iter().map(|key| &**key).collect();
                let began = self.now();
                if let Some(Ok(values)) = self.waited(client.read_all(&keys), patience).await {
                    for (key, value) in values.into_iter().enumerate() {
                        let answer = Some(Ok(Answer::Value(value)));
                        self.note(caller.number, key, Operation::Read, answer, began);
                    }
                }
            }
            Step::WriteAll(values, life) => {
                let began = self.now();
                let written = self.write_all(client, &values, life);
                let written = self.waited(written, patience).await;
                let shared = written.map(|written| written.map_err(Arc::new));
                for (key, value) in values.into_iter().enumerate() {
                    let operation = Operation::Write(value, Condition::Always, life);
                    let answer = shared.clone().map(|written| {
                        written
                            .map(|()| Answer::Happened(true))
                            .map_err(|error| again(&error))
                    });
                    self.note(caller.number, key, operation, answer, began);
                }
            }
            Step::Sweep => {
                if self.plan.trouble.is_none() {
                    ok(client.remove_expired().await);
                }
            }
        }
    }

    async fn write_all(&self, client: &Client, values: &[Bytes], life: Life) -> Result<()> {
        let entries = self.keys.iter().zip(values);
        let entries: Vec<_> = entries
            .map(|(key, value)| (&**key, value.clone()))
            .collect();
        client.write_all(&entries, life.expiry()).await
    }

    /// The answer to a call; `None` if it was dropped. Where nothing is broken it must not fail.
    async fn waited<T>(
        &self,
        call: impl Future<Output = Result<T>>,
        patience: Option<u32>,
    ) -> Option<Result<T>> {
        let answer = match patience {
            Some(patience) => give_up(patience, call).await?,
            None => call.await,
        };
        if let Err(error) = &answer {
            assert!(
                self.plan.trouble.is_some() && error.is_transient(),
                "expected an answer, saw the error {error:?}"
            );
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        Some(answer)
    }

    /// Writes a call down, unless it has done nothing and said nothing.
    fn note(
        &self,
        caller: usize,
        key: usize,
        operation: Operation,
        answer: Option<Result<Answer>>,
        began: Moment,
    ) {
        let now = self.now();
        let answer = match answer {
            Some(Ok(answer)) => Some(answer),
            Some(Err(error)) if !operation.may_follow(&error) => return,
            None if operation.only_reads() => return,
            Some(Err(_)) | None => None,
        };
        let (ended, to) = match answer {
            Some(_) => (now.event, now.latest),
            None => (Call::NEVER, i64::MAX),
        };
        let calls = self.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner)[key].push(Call {
            caller,
            operation,
            answer,
            began: began.event,
            ended,
            from: began.earliest,
            to,
        });
    }
}

/// An error of the same meaning, because errors cannot be cloned and a batch has one for all keys.
fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.backend(), error.operation()).with_outcome(error.outcome())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
