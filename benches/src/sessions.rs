//! What a request does with its session: load it, and load, change and write it.

use criterion::{BenchmarkId, Criterion, Throughput};
use futures_util::future::ready;
use session_core::{AuthUserSession, Error, ErrorKind, SessionError, SessionId, Sessions};

use crate::backends::{TASKS, runtime, stores, time};

/// As many sessions as keep 64 tasks from meeting on one all the time.
const SESSIONS: u64 = 1_000;

pub(crate) fn all(criterion: &mut Criterion) {
    let runtime = runtime();
    for store in stores(&runtime) {
        let sessions = Sessions::<AuthUserSession>::new(store.cache.clone());
        let ids = runtime
            .block_on(fill(&sessions))
            .expect("sessions can be stored");
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

async fn fill(sessions: &Sessions<AuthUserSession>) -> Result<Vec<SessionId>, SessionError> {
    let mut ids = Vec::new();
    for _ in 0..SESSIONS {
        let mut session = sessions.get_or_create(None).await?;
        *session.data_mut() = user();
        session.save().await?;
        ids.extend(session.id());
    }
    Ok(ids)
}

/// A signed-in user as applications store one: a handful of names, two roles, four notes.
pub(crate) fn user() -> AuthUserSession {
    let note = |n: u32| (format!("preference-{n}"), format!("value number {n}"));
    AuthUserSession {
        is_authenticated: true,
        user_id: Some("1048577".to_owned()),
        user_name: Some("alice".to_owned()),
        display_name: Some("Alice Liddell".to_owned()),
        email: Some("alice@example.com".to_owned()),
        provider: Some("credentials".to_owned()),
        roles: ["editor", "reviewer"].map(str::to_owned).into(),
        meta: (0..4).map(note).collect(),
        ..AuthUserSession::default()
    }
}

fn pick(ids: &[SessionId], number: u64) -> SessionId {
    let scattered = number.wrapping_mul(7_919) % ids.len() as u64;
    ids[usize::try_from(scattered).expect("an index fits")].clone()
}

fn store_error(error: SessionError) -> Error {
    Error::new(ErrorKind::Other, "bench", "session").with_source(error)
}
