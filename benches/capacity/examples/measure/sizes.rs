//! Bytes of an entry in each store, and of PostgreSQL's log.

use std::path::Path;

use capacity::figures::{Kinds, Wal};
use conformance_tests::servers::{RedisServer, ask};
use session_core::{CacheClientExtended, Expiry};
use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::template::{BAG, INDEX, LIFETIME, RECORD, Template};
use crate::{ENTRIES, connect};

/// Bytes that the memory backend asks of the allocator.
pub(crate) fn of_memory(template: &Template) -> Kinds<f64> {
    kinds([RECORD, BAG, INDEX].map(|kind| {
        let mut kept = None;
        let fill = || {
            // On this thread alone: the allocator counts threads apart.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = runtime.expect("a runtime can be made");
            kept = Some(runtime.block_on(async {
                let cache = connect("memory:").await;
                template.fill(&*cache, kind, ENTRIES).await;
                cache
            }));
        };
        let counted = std::thread::scope(|scope| {
            let counting = scope.spawn(|| allocation_counter::measure(fill));
            counting.join().expect("the store is filled")
        });
        drop(kept);
        each(counted.bytes_current)
    }))
}

/// The file's bytes once everything is in it.
pub(crate) async fn of_sqlite(file: &Path, template: &Template) -> Kinds<f64> {
    let mut sizes = [0.0; 3];
    for (kind, size) in [RECORD, BAG, INDEX].into_iter().zip(&mut sizes) {
        let file = file.with_extension(kind.to_string());
        let cache = connect(&format!("sqlite://{}", file.display())).await;
        template.fill(&*cache, kind, ENTRIES).await;
        drop(cache);
        // The last client to close moves the log into the file.
        let log = file.with_extension(format!("{kind}-wal"));
        while log.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        *size = each(
            std::fs::metadata(file)
                .expect("the file is there")
                .len()
                .cast_signed(),
        );
    }
    kinds(sizes)
}

/// What `used_memory` grows by, on a server for each kind.
pub(crate) async fn of_redis(template: &Template) -> Kinds<f64> {
    let mut sizes = [0.0; 3];
    for (kind, size) in [RECORD, BAG, INDEX].into_iter().zip(&mut sizes) {
        let server = RedisServer::start(&[]).expect("Redis starts");
        let cache = connect(&server.url()).await;
        let before = used(&server);
        template.fill(&*cache, kind, ENTRIES).await;
        *size = each(used(&server) - before);
    }
    kinds(sizes)
}

fn used(server: &RedisServer) -> i64 {
    let info = ask(server.port(), &["INFO", "memory"]).expect("Redis answers");
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    let used = line.expect("it says so").trim();
    used.parse().expect("it is a number")
}

/// A connection beside the client's.
pub(crate) struct Database(PgPool);

impl Database {
    pub(crate) async fn connect(url: &str) -> Self {
        Self(PgPool::connect(url).await.expect("PostgreSQL answers"))
    }

    pub(crate) async fn version(&self) -> String {
        let row = sqlx::query("SELECT split_part(current_setting('server_version'), ' ', 1)")
            .fetch_one(&self.0)
            .await;
        row.expect("PostgreSQL answers").get(0)
    }

    /// Table and indexes, filled in the order in which ids come: at random.
    pub(crate) async fn sizes(&self, url: &str, template: &Template) -> Kinds<f64> {
        let cache = connect(url).await;
        let mut sizes = [0.0; 3];
        for (kind, size) in [RECORD, BAG, INDEX].into_iter().zip(&mut sizes) {
            template.fill(&*cache, kind, ENTRIES).await;
            *size = each(
                self.number("SELECT pg_total_relation_size('cache_entries')")
                    .await,
            );
            cache.flush_all().await.expect("the store is emptied");
        }
        kinds(sizes)
    }

    /// The log of slides: of the first to touch a page after a checkpoint, and of the same later.
    pub(crate) async fn wal(&self, url: &str, template: &Template) -> Wal {
        let cache = connect(url).await;
        template.fill(&*cache, RECORD, ENTRIES).await;
        self.run("VACUUM ANALYZE cache_entries").await;
        self.run("SELECT pg_stat_reset()").await;
        self.run("CHECKPOINT").await;
        let slide_first = self.log_of_slides(&*cache, template).await;
        let slide = self.log_of_slides(&*cache, template).await;
        let hot = self.hot().await;
        cache.flush_all().await.expect("the store is emptied");
        Wal {
            slide,
            slide_first,
            hot,
        }
    }

    /// Bytes for each of some slides all over the table.
    async fn log_of_slides(&self, cache: &dyn CacheClientExtended, template: &Template) -> f64 {
        let before = self.position().await;
        for number in (0..ENTRIES).step_by(50) {
            let key = template.entry(RECORD, number).0;
            let slid = cache.set_time_to_live(&key, Expiry::In(LIFETIME)).await;
            assert!(slid.expect("PostgreSQL answers"));
        }
        let logged = self.position().await - before;
        let logged = u32::try_from(logged).expect("it is less than 4 GiB");
        (f64::from(logged) * 50.0 / f64::from(ENTRIES)).round()
    }

    /// The share of updates that left the indexes alone.
    async fn hot(&self) -> f64 {
        // Sessions report their counts once they are idle for a moment.
        for _ in 0..100 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let updates = self.updates("n_tup_upd").await;
            if updates > 0.0 {
                return self.updates("n_tup_hot_upd").await / updates;
            }
        }
        panic!("PostgreSQL counts no updates");
    }

    async fn updates(&self, column: &str) -> f64 {
        let sql = format!(
            "SELECT coalesce(sum({column}), 0)::float8 FROM pg_stat_user_tables
             WHERE relname = 'cache_entries'"
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.0).await;
        row.expect("PostgreSQL answers").get(0)
    }

    async fn position(&self) -> i64 {
        self.number("SELECT (pg_current_wal_lsn() - '0/0')::bigint")
            .await
    }

    async fn number(&self, sql: &'static str) -> i64 {
        let row = sqlx::query(sql).fetch_one(&self.0).await;
        row.expect("PostgreSQL answers").get(0)
    }

    async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql)
            .execute(&self.0)
            .await
            .expect("PostgreSQL obeys");
    }
}

fn kinds([record, bag, index]: [f64; 3]) -> Kinds<f64> {
    Kinds { record, bag, index }
}

/// Whole bytes of one of the entries.
fn each(bytes: i64) -> f64 {
    let bytes = u32::try_from(bytes).expect("it is less than 4 GiB");
    (f64::from(bytes) / f64::from(ENTRIES)).round()
}
