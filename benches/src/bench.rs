//! `cargo bench -p benches`: every backend under the same workloads, with a bare map as the floor.
//!
//! What is measured is the client as a user holds it, an `Arc<dyn CacheClientExtended>`, with the
//! store on the same machine: a loopback server is not a network, and files lie on whatever disk
//! `TMPDIR` names. Redis keeps nothing on disk, PostgreSQL and SQLite (synchronous NORMAL) do. Absolute times of a shared machine mean little; compare the
//! backends, and the floor, within one run.
//!
//! Ids read `operation/backend/size/tasks`. `cargo bench -p benches -- get_hit/sqlite` runs a part.

// A bench that cannot go on has nothing better to do than to stop and say where.
#![allow(clippy::expect_used)]

use criterion::{Criterion, criterion_group, criterion_main};

mod backends;
mod codec;
mod operations;
mod sessions;

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = operations::all, sessions::all, codec::all
}
criterion_main!(all);
