//! What a request does with its session: load it, and load, change and write it.

use criterion::{BenchmarkId, Criterion, Throughput};
use futures_util::future::ready;
use sampler::user::signed_in;
use session_core::{AuthUserSession, Error, ErrorKind, SessionError, SessionId, Sessions};

use crate::backends::{TASKS, runtime, stores, time};

/// As many sessions as keep 64 tasks from meeting on one all the time.
const SESSIONS: usize = 1_000;

pub(crate) fn all(criterion: &mut Criterion) {
    let runtime = runtime();
    for store in stores(&runtime) {
        let sessions = Sessions::<AuthUserSession>::new(store.cache.clone());
        let ids = runtime.block_on(signed_in(&sessions, SESSIONS));
        for tasks in TASKS {
            let id = BenchmarkId::from_parameter(format!("{}/{tasks}", store.name));

            let mut group = criterion.benchmark_group("session_load");
            group.throughput(Throughput::Elements(1));
            let (s, i) = (sessions.clone(), ids.clone());
            group.bench_function(id.clone(), |bencher| {
                bencher.iter_custom(|iterations| {
                    let (s, i) = (s.clone(), i.clone());
                    let load = move |n| {
                        let (s, id) = (s.clone(), pick(&i, n));
                        async move {
                            let found = s.find(&id).await.map_err(store_error)?;
                            assert!(found.is_some());
                            Ok(())
                        }
                    };
                    time(&runtime, tasks, iterations, load, || ready(Ok(())))
                });
            });
            group.finish();

            let mut group = criterion.benchmark_group("session_update");
            group.throughput(Throughput::Elements(1));
            let (s, i) = (sessions.clone(), ids.clone());
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|iterations| {
                    let (s, i) = (s.clone(), i.clone());
                    let update = move |n: u64| {
                        let (s, id) = (s.clone(), pick(&i, n));
                        async move {
                            let change = |user: &mut AuthUserSession| {
                                user.display_name = Some(format!("Alice {n}"));
                            };
                            s.update(&id, change).await.map_err(store_error)
                        }
                    };
                    time(&runtime, tasks, iterations, update, || ready(Ok(())))
                });
            });
            group.finish();
        }
    }
}

fn pick(ids: &[SessionId], number: u64) -> SessionId {
    let scattered = number.wrapping_mul(7_919) % ids.len() as u64;
    ids[usize::try_from(scattered).expect("an index fits")].clone()
}

fn store_error(error: SessionError) -> Error {
    Error::new(ErrorKind::Other, "bench", "session").with_source(error)
}
