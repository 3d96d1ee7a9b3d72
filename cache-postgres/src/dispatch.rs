//! From calls to statements: what waits, what runs, and what runs together.
//!
//! Every statement runs on a task of its own, never on the caller's, so a caller that goes away
//! does not cut a connection off in the middle of an answer. A call that finds few others at work
//! starts at once. Calls that come while as many are at work wait, and whoever finishes takes
//! everything of one sort that waits then: reads become one `= ANY`, plain writes one upsert. So
//! batches grow with the load, and a lone call waits for nobody.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use session_core::{ClientOptions, ErrorKind, Outcome};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use crate::batch::{Put, Request, Sort, column, merge, without};
use crate::connection::{Connection, Connections};
use crate::error::{Failure, Stage, failure, leaves_connection_usable};
use crate::health::{Health, PROBE_PAUSE};
use crate::queue::Queue;
use crate::sql::Statements;
use crate::statement::{Answer, Parameter, Protocol, Statement};

/// How long a probe may take at least; with the pause before it that is less than a second.
const PROBE: Duration = Duration::from_millis(800);

pub(crate) struct Dispatcher {
    runtime: Handle,
    connections: Connections,
    protocol: Protocol,
    options: ClientOptions,
    pub(crate) statements: Statements,
    health: Health,
    queue: Mutex<Queue>,
    itself: Weak<Dispatcher>,
}

impl Dispatcher {
    /// A dispatcher for the runtime in which it is called.
    pub(crate) fn new(
        connections: Connections,
        protocol: Protocol,
        max_connections: usize,
        options: ClientOptions,
        statements: Statements,
    ) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            runtime: Handle::current(),
            connections,
            protocol,
            options,
            statements,
            health: Health::new(),
            queue: Mutex::new(Queue::new(max_connections)),
            itself: itself.clone(),
        })
    }

    /// The options that all backends share.
    pub(crate) fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Reads one value, together with others that wait.
    pub(crate) async fn read(&self, key: String) -> Result<Option<Bytes>, Failure> {
        let (reply, answer) = oneshot::channel();
        self.call(Request::Read(key, reply), answer).await
    }

    /// Writes one value whatever is there, together with others that wait.
    pub(crate) async fn put(&self, put: Put) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        self.call(Request::Put(put, reply), answer).await
    }

    /// Runs a statement by itself.
    pub(crate) async fn run(&self, statement: Statement) -> Result<Answer, Failure> {
        let (reply, answer) = oneshot::channel();
        self.call(Request::Other(statement, reply), answer).await
    }

    /// Starts a request or has it wait, and waits for its answer until its time is over.
    async fn call<T>(
        &self,
        request: Request,
        answer: oneshot::Receiver<Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if let Some(outage) = self.health.outage() {
            return Err(outage);
        }
        let (since, sort) = (Instant::now(), request.sort());
        let deadline = since + self.options.timeout_for(request.len());
        let ticket = self.submit(request, since)?;
        match timeout_at(deadline, answer).await {
            Ok(Ok(result)) => result,
            // The runtime is going down and took the task along.
            Ok(Err(_)) => Err(Failure::new(ErrorKind::Closed, Outcome::Unknown)),
            Err(_) => Err(self.give_up(sort, ticket, since)),
        }
    }

    /// Starts a request, or has it wait and gives its ticket.
    fn submit(&self, request: Request, now: Instant) -> Result<Option<u64>, Failure> {
        let mut queue = self.queue();
        if !queue.may_start(request.sort(), now) {
            return queue.push(request).map(Some);
        }
        queue.started(request.sort(), now);
        drop(queue);
        if let Some(dispatcher) = self.itself.upgrade() {
            self.runtime
                .spawn(async move { dispatcher.serve_all(vec![request], now).await });
        }
        Ok(None)
    }

    /// What a call ends with whose time is over.
    fn give_up(&self, sort: Sort, ticket: Option<u64>, since: Instant) -> Failure {
        let waited = ticket.is_some_and(|ticket| self.queue().withdraw(sort, ticket));
        if waited && self.health.answered_since(since) {
            return Failure::new(ErrorKind::Overloaded, Outcome::NotApplied)
                .with_message("the call waited for a connection until its time was over");
        }
        let failure = match waited {
            true => Failure::new(ErrorKind::Timeout, Outcome::NotApplied),
            false => Failure::silence(Stage::Running),
        };
        self.failed(&failure, 1);
        failure
    }

    /// Serves requests of one sort and then what has gathered meanwhile.
    async fn serve_all(&self, mut requests: Vec<Request>, mut started: Instant) {
        while let Some(sort) = requests.first().map(Request::sort) {
            let place = Place {
                queue: &self.queue,
                sort,
                started,
            };
            self.serve(requests, sort).await;
            drop(place);
            started = Instant::now();
            requests = self.queue().take_after(sort, started);
        }
    }

    async fn serve(&self, requests: Vec<Request>, sort: Sort) {
        let Some((mut statement, mut waiting)) = merge(requests, &self.statements) else {
            return;
        };
        let mut result = self.execute(&statement).await;
        match &result {
            // Reading again is harmless, and a server that was restarted is there again.
            Err(lost) if lost.kind == ErrorKind::Unavailable && sort == Sort::Read => {
                result = self.execute(&statement).await;
            }
            // Nothing was written because of one row, which is not the others' fault.
            Err(taken) if taken.kind == ErrorKind::Overloaded && sort == Sort::Put => {
                if let Some((locked, rest)) = self.without_locked(&statement).await {
                    waiting.refuse(&locked, taken);
                    statement = rest;
                    result = self.execute(&statement).await;
                }
            }
            _ => {}
        }
        match &result {
            Ok(_) => self.health.answered(),
            // Whoever waits for the answer counts the silence when the time is over.
            Err(silence) if silence.is_silence_after_sending() => self.health.suspect(),
            Err(failure) => self.failed(failure, waiting.len()),
        }
        waiting.settle(&statement, result);
    }

    /// The keys of an upsert whose rows somebody has locked, and the upsert without them.
    async fn without_locked(&self, upsert: &Statement) -> Option<(HashSet<String>, Statement)> {
        let Some(Parameter::Texts(keys)) = upsert.parameters.first() else {
            return None;
        };
        let keys = vec![Parameter::Texts(keys.clone())];
        let answer = self
            .execute(&Statement::new(&self.statements.locked, keys))
            .await
            .ok()?;
        let keys = answer.rows.iter().map(|row| column(row, 0));
        let locked: HashSet<String> = keys.collect::<Result<_, Failure>>().ok()?;
        let rest = without(upsert, &locked)?;
        Some((locked, rest))
    }

    async fn execute(&self, statement: &Statement) -> Result<Answer, Failure> {
        let time = self.options.timeout_for(statement.len());
        // Shorter than the caller waits, who then hears that nothing was sent.
        let deadline = Instant::now() + time / 10 * 9;
        let mut connection = self
            .connections
            .take(self.health.suspect_before(), deadline)
            .await?;
        // Counted anew: a connection is not thrown away because it took long to get.
        let deadline = Instant::now() + time;
        let run = statement.run(connection.driver(), self.protocol);
        let result = timeout_at(deadline, run).await;
        match result {
            Ok(Ok(answer)) => {
                self.connections.give_back(connection);
                Ok(answer)
            }
            Ok(Err(error)) => {
                if leaves_connection_usable(&error) {
                    self.connections.give_back(connection);
                } else {
                    connection.abandon();
                }
                Err(failure(&error, Stage::Running))
            }
            Err(_) => {
                connection.abandon();
                Err(Failure::silence(Stage::Running))
            }
        }
    }

    fn failed(&self, failure: &Failure, calls: usize) {
        if self.health.failed(failure, calls) {
            tracing::warn!(kind = ?failure.kind, "the PostgreSQL server is out of reach");
            let itself = self.itself.clone();
            self.runtime.spawn(probe(itself));
        }
    }

    /// Asks the server for an answer on a connection that is new.
    pub(crate) async fn knock(&self, time: Duration) -> Result<Connection, Failure> {
        let deadline = Instant::now() + time;
        let mut connection = self.connections.open(deadline).await?;
        let ping = Statement::new(&self.statements.ping, Vec::new());
        match timeout_at(deadline, ping.run(connection.driver(), self.protocol)).await {
            Ok(Ok(_)) => Ok(connection),
            Ok(Err(error)) => {
                connection.abandon();
                Err(failure(&error, Stage::Connecting))
            }
            Err(_) => {
                connection.abandon();
                Err(Failure::silence(Stage::Connecting))
            }
        }
    }

    pub(crate) fn give_back(&self, connection: Connection) {
        self.connections.give_back(connection);
    }

    /// Answers everybody who waits with the outage.
    fn refuse_waiting(&self) {
        let Some(outage) = self.health.outage() else {
            return;
        };
        for request in self.queue().take_all() {
            request.refuse(outage.clone());
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }
}

/// A statement's place among those that run; given back whatever becomes of the statement.
struct Place<'q> {
    queue: &'q Mutex<Queue>,
    sort: Sort,
    started: Instant,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(self.queue).ended(self.sort, self.started);
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    // Nothing panics while it is held.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks for the end of an outage, and ends with it or with the client.
async fn probe(dispatcher: Weak<Dispatcher>) {
    loop {
        let Some(dispatcher) = dispatcher.upgrade() else {
            return;
        };
        dispatcher.refuse_waiting();
        let time = PROBE.max(dispatcher.options.timeout / 2);
        match dispatcher.knock(time).await {
            Ok(connection) => {
                dispatcher.give_back(connection);
                break dispatcher.health.probe_ended();
            }
            // It answers, though not with what we want: the calls are to say so.
            Err(failure) if !failure.is_outage() => break dispatcher.health.probe_ended(),
            Err(_) => {}
        }
        drop(dispatcher);
        sleep(PROBE_PAUSE).await;
    }
    tracing::info!("the PostgreSQL server answers again");
}
