//! Real servers for tests: found by an environment variable, or started and ended with the tests.
//!
//! [`redis()`](redis::redis) and [`postgres()`](postgres::postgres) share one server between all
//! tests of a process. It is looked for in this order: the address in the environment
//! (`CACHE_REDIS_URL`, `CACHE_POSTGRES_URL`); the server program of this machine, started on a
//! free port in a temporary folder; and, with the feature `containers`, a container.
//! `CACHE_REDIS_IMAGE` and `CACHE_POSTGRES_IMAGE` ask for a container of that image at once. None of
//! them is a failure that says what to install. Which one was used is printed once to standard
//! error, past the capture of a test's output.
//!
//! A test that stops or kills a server, or sets it up, starts one of its own. That takes the
//! machine's program, whatever the environment says.
//!
//! A server outlives neither the value that started it nor the process: a shell watches a pipe
//! from this process, and when that closes, by a drop as by `kill -9`, it ends the server and
//! removes its folder.

#[cfg(feature = "containers")]
mod containers;
mod postgres;
mod program;
mod redis;
mod redis_cluster;
mod redis_sentinel;
mod watchdog;

pub use postgres::{PostgresServer, postgres};
pub use program::{Program, Signal, find_program, free_port};
pub use redis::{RedisServer, ask, redis, redis_program};
pub use redis_cluster::RedisCluster;
pub use redis_sentinel::RedisSentinels;

/// What a shared server lives by; it ends when the process drops or loses it.
#[derive(Debug)]
enum Held<S> {
    /// Somebody else runs it.
    Elsewhere,
    /// A program of this machine.
    #[allow(dead_code, reason = "held, not asked")]
    Here(S),
    #[cfg(feature = "containers")]
    #[allow(dead_code, reason = "held, not asked")]
    InContainer(containers::Container),
}
