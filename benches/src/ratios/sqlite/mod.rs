//! The rows of the SQLite backend.
//!
//! All keep the same entries in a file each, with a write-ahead log and the same `synchronous`.
//! Peers that need another version of SQLite are programs of their own (`peers-sqlite`), which are
//! built when they are first needed and get their turns in the same rounds.

mod peers;
mod tick;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use benches::place::Place;
use benches::rounds::Contestant;
use benches::table::{Goal, Row, Unit};
use sampler::entries::Entries;
use sampler::records::{Load, LoadAndSave, Records, Save};
use sampler::sample::{Shape, Work};
use sampler::work::{Get, Mixed, Set, fill};
use sampler::worker::WorkerProcess;
use session_adapters::CacheSessionStore;

use crate::ratios::Setting;
use crate::ratios::contest::{Contest, at_least};
use crate::ratios::stores::{Ours, Peer};

use peers::program;

const SIZE: usize = 200;
const SESSIONS: usize = 1_000;
const WORKER: &str = "tokio-rusqlite";
const POOL: &str = "async-sqlite";
const STORE: &str = "tower-sessions-sqlx-store";

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let normal = Arena::new(setting, "normal");
    let mut rows = normal.gets();
    rows.extend(normal.sets(&[
        (1, at_least(0.95, 1.3)),
        (16, at_least(1.25, 1.5)),
        (64, at_least(1.25, 1.5)),
        (256, at_least(1.25, 1.5)),
    ]));
    rows.extend(normal.mixed());
    rows.extend(normal.sessions());
    drop(normal);
    let full = Arena::new(setting, "full");
    rows.extend(full.sets(&[(64, at_least(3.0, 4.0)), (256, at_least(4.0, 5.0))]));
    rows.push(tick::row(setting));
    rows
}

struct Arena<'s> {
    setting: &'s Setting,
    synchronous: &'static str,
    ours: Arc<Ours>,
    pool: Arc<Peer<async_sqlite::Pool>>,
    worker: Rc<RefCell<WorkerProcess>>,
    entries: Arc<Entries>,
    /// The files, which outlive those that use them.
    place: Place,
}

impl<'s> Arena<'s> {
    fn new(setting: &'s Setting, synchronous: &'static str) -> Self {
        let place = Place::sqlite();
        let entries = Arc::new(Entries::new(setting.entries(), SIZE));
        let arguments = [
            &place.file("tokio-rusqlite.db"),
            synchronous,
            &setting.entries().to_string(),
        ];
        let worker = WorkerProcess::start(&program("tokio-rusqlite"), &arguments);
        let (ours, pool) = setting.runtime.block_on(async {
            let url = format!("{}?synchronous={synchronous}", place.url);
            let ours = Ours::connect(&url).await.expect("the file opens");
            ours.fill(&entries).await.expect("the file is filled");
            let path = place.file("async-sqlite.db");
            fill(&Peer::open(&path, "off").await, &entries).await;
            (ours, Peer::open(&path, synchronous).await)
        });
        Self {
            setting,
            synchronous,
            ours: Arc::new(ours),
            pool: Arc::new(pool),
            worker: Rc::new(RefCell::new(worker)),
            entries,
            place,
        }
    }

    fn gets(&self) -> Vec<Row> {
        let goals = [
            (1, at_least(3.0, 5.0)),
            (16, at_least(1.6, 2.0)),
            (64, at_least(1.6, 2.0)),
        ];
        let mut rows = Vec::new();
        for (tasks, goal) in goals {
            let contest = self.contest("get".to_owned(), tasks);
            let contestants = [
                self.here("ours", Get(self.ours.clone(), self.entries.clone())),
                self.there(WORKER, "get"),
                self.here(POOL, Get(self.pool.clone(), self.entries.clone())),
            ];
            let samples = contest.run(&contestants);
            rows.extend(contest.rows(&samples, &[goal, goal], Unit::Rate, |sample| sample.rate));
            rows.extend(contest.latencies(&samples, WORKER));
        }
        rows
    }

    fn sets(&self, goals: &[(usize, Goal)]) -> Vec<Row> {
        let synchronous = self.synchronous.to_uppercase();
        let rows = goals.iter().flat_map(|(tasks, goal)| {
            let pool = Set(self.pool.clone(), self.entries.clone());
            let peers = vec![
                (self.there(WORKER, "set"), *goal),
                (self.here(POOL, pool), Goal::None),
            ];
            let ours = Set(self.ours.clone(), self.entries.clone());
            self.contest(format!("set, {synchronous}"), *tasks)
                .rates(self.here("ours", ours), peers)
        });
        rows.collect()
    }

    fn mixed(&self) -> Vec<Row> {
        let pool = Mixed(self.pool.clone(), self.entries.clone());
        let peers = vec![
            (self.there(WORKER, "mixed"), at_least(1.0, 1.3)),
            (self.here(POOL, pool), Goal::None),
        ];
        let ours = Mixed(self.ours.clone(), self.entries.clone());
        self.contest("nine gets and a set".to_owned(), 64)
            .rates(self.here("ours", ours), peers)
    }

    fn sessions(&self) -> Vec<Row> {
        let arguments = [&*self.place.file("sqlx.db"), &SESSIONS.to_string()];
        let store = WorkerProcess::start(&program("sqlx"), &arguments);
        let store = Rc::new(RefCell::new(store));
        let adapter = CacheSessionStore::new(self.ours.cache.clone());
        let runtime = &self.setting.runtime;
        let ours = runtime.block_on(Records::filled(adapter, SESSIONS));
        let mut rows = Vec::new();
        for tasks in [1, 16] {
            let both = self.here("ours", LoadAndSave(ours.clone()));
            let bouts = [
                ("load and save", both, at_least(4.0, 8.0)),
                ("load", self.here("ours", Load(ours.clone())), Goal::None),
                ("save", self.here("ours", Save(ours.clone())), Goal::None),
            ];
            for (what, ours, goal) in bouts {
                let peer = remote(STORE, &store, what);
                let contest = self.contest(format!("session {what}"), tasks);
                rows.extend(contest.rates(ours, vec![(peer, goal)]));
            }
        }
        rows
    }

    fn contest(&self, workload: String, tasks: usize) -> Contest<'_> {
        Contest {
            setting: self.setting,
            backend: "sqlite",
            workload,
            shape: Shape::Tasks(tasks),
        }
    }

    fn here(&self, name: &'static str, work: impl Work) -> Contestant {
        Contestant::new(name, self.setting.runtime.handle(), work)
    }

    fn there(&self, name: &'static str, work: &'static str) -> Contestant {
        remote(name, &self.worker, work)
    }
}

fn remote(
    name: &'static str,
    worker: &Rc<RefCell<WorkerProcess>>,
    work: &'static str,
) -> Contestant {
    let worker = worker.clone();
    Contestant::with(name, move |shape, length| {
        worker.borrow_mut().lap(work, shape, length)
    })
}
