//! The rows of the PostgreSQL backend.
//!
//! The peers use a table of the same columns and indexes as ours, made for this run and dropped
//! after it, and as many connections as ours may open. Durability is the server's own.

mod peers;

use std::sync::Arc;

use benches::place::Place;
use benches::rounds::Contestant;
use benches::table::{Goal, Row, Unit};
use sampler::entries::Entries;
use sampler::sample::{Shape, Work};
use sampler::work::{Get, Set, SetAll, Store, fill};

use crate::ratios::Setting;
use crate::ratios::contest::{Contest, at_least};
use crate::ratios::stores::Ours;

use peers::{Deadpool, Pipelined, Plain};

const SIZE: usize = 200;
const BATCH: u64 = 1_000;
const PLAIN: &str = "sqlx pool";
const PIPELINED: &str = "tokio-postgres pipelined";

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let place = Place::postgres(setting.url("postgres"));
    let runtime = &setting.runtime;
    let entries = Arc::new(Entries::under(&place.prefix, setting.entries(), SIZE));
    let (arena, table) = runtime.block_on(async {
        let (plain, table) = Plain::connect(&place).await;
        let ours = Ours::connect(&place.url).await.expect("ours connects");
        let arena = Arena {
            setting,
            ours: Arc::new(ours),
            deadpool: Arc::new(Deadpool::connect(&place, &table)),
            pipelined: Arc::new(Pipelined::connect(&place, &table).await),
            plain: Arc::new(plain),
            entries,
        };
        let filled = arena.ours.fill(&arena.entries).await;
        filled.expect("the entries are written");
        fill(&*arena.plain, &arena.entries).await;
        (arena, table)
    });
    let mut rows = arena.gets();
    rows.extend(arena.sets());
    rows.extend(arena.batches());
    runtime.block_on(async {
        let cleared = arena.ours.clear(&place.prefix).await;
        cleared.expect("the entries are removed");
        arena.plain.drop_table(&table).await;
    });
    rows
}

struct Arena<'s> {
    setting: &'s Setting,
    ours: Arc<Ours>,
    plain: Arc<Plain>,
    deadpool: Arc<Deadpool>,
    pipelined: Arc<Pipelined>,
    entries: Arc<Entries>,
}

impl Arena<'_> {
    fn gets(&self) -> Vec<Row> {
        let goals = [
            (1, at_least(1.0, 1.2), Goal::None),
            (16, at_least(2.0, 2.5), Goal::None),
            (64, at_least(3.0, 4.0), at_least(1.5, 2.2)),
            (256, at_least(5.0, 7.0), at_least(2.2, 3.0)),
        ];
        let mut rows = Vec::new();
        for (tasks, plain, pipelined) in goals {
            let contest = self.contest("get", tasks);
            let contestants = [
                self.get("ours", &self.ours),
                self.get(PLAIN, &self.plain),
                self.get(PIPELINED, &self.pipelined),
                self.get("deadpool-postgres", &self.deadpool),
            ];
            let samples = contest.run(&contestants);
            let goals = [plain, pipelined, Goal::None];
            rows.extend(contest.rows(&samples, &goals, Unit::Rate, |sample| sample.rate));
            rows.extend(contest.latencies(&samples, PLAIN));
        }
        rows
    }

    fn sets(&self) -> Vec<Row> {
        let goals = [
            (1, Goal::None),
            (16, at_least(1.0, 1.3)),
            (64, at_least(2.0, 3.0)),
            (256, at_least(3.0, 5.0)),
        ];
        let rows = goals.into_iter().flat_map(|(tasks, goal)| {
            let peers = vec![
                (self.set(PLAIN, &self.plain), goal),
                (self.set("deadpool-postgres", &self.deadpool), goal),
                (self.set(PIPELINED, &self.pipelined), goal),
            ];
            self.contest("upsert, logged", tasks)
                .rates(self.set("ours", &self.ours), peers)
        });
        rows.collect()
    }

    fn batches(&self) -> Vec<Row> {
        let entries = &self.entries;
        let ours = SetAll(self.ours.clone(), entries.clone(), BATCH);
        let unnest = SetAll(self.plain.clone(), entries.clone(), BATCH);
        let peers = vec![(
            self.contestant("UNNEST by hand, sqlx", unnest),
            at_least(0.9, 1.0),
        )];
        self.contest("set of 1,000", 1)
            .rates(self.contestant("ours", ours), peers)
    }

    fn contest(&self, workload: &str, tasks: usize) -> Contest<'_> {
        Contest {
            setting: self.setting,
            backend: "postgres",
            workload: workload.to_owned(),
            shape: Shape::Tasks(tasks),
        }
    }

    fn get(&self, name: &'static str, store: &Arc<impl Store>) -> Contestant {
        self.contestant(name, Get(store.clone(), self.entries.clone()))
    }

    fn set(&self, name: &'static str, store: &Arc<impl Store>) -> Contestant {
        self.contestant(name, Set(store.clone(), self.entries.clone()))
    }

    fn contestant(&self, name: &'static str, work: impl Work) -> Contestant {
        Contestant::new(name, self.setting.runtime.handle(), work)
    }
}
