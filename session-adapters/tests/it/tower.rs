//! tower-sessions, each test with both versions of it.

use session_adapters::{CacheSessionStore, TOWER_KEY_PREFIX, WhenGone};

use crate::gate::Gate;
use crate::stores::{Cache, File, HOUR, keys, lives_an_hour, memory, memory_with_clock, only_key};
use crate::visitor::Visitor;

/// The tests, as a module for the version whose middleware is the crate `$framework`.
macro_rules! tests {
    ($module:ident, $framework:ident) => {
        mod $module {
            use ::$framework::{Expiry, Session, SessionManagerLayer, session};
            use axum::Router;
            use axum::extract::State;
            use axum::http::StatusCode;
            use axum::routing::{get, post};

            use super::*;

            type Answer = Result<String, StatusCode>;

            fn failed(_: session::Error) -> StatusCode {
                StatusCode::SERVICE_UNAVAILABLE
            }

            async fn look(session: Session) -> Answer {
                let visits: Option<u64> = session.get("visits").await.map_err(failed)?;
                Ok(visits.unwrap_or_default().to_string())
            }

            async fn visit(session: Session) -> Answer {
                let visits: Option<u64> = session.get("visits").await.map_err(failed)?;
                let visits = visits.unwrap_or_default() + 1;
                session.insert("visits", visits).await.map_err(failed)?;
                Ok(visits.to_string())
            }

            async fn slow_visit(State(gate): State<Gate>, session: Session) -> Answer {
                let visits = visit(session).await?;
                gate.pass().await;
                Ok(visits)
            }

            async fn renew(session: Session) -> Answer {
                session.cycle_id().await.map_err(failed)?;
                Ok(String::new())
            }

            async fn sign_out(session: Session) -> Answer {
                session.flush().await.map_err(failed)?;
                Ok(String::new())
            }

            fn application(store: CacheSessionStore<Cache>, gate: &Gate) -> Router {
                let hour = HOUR.try_into().unwrap();
                let sessions = SessionManagerLayer::new(store)
                    .with_expiry(Expiry::OnInactivity(hour))
                    .with_always_save(true);
                Router::new()
                    .route("/", get(look))
                    .route("/visit", post(visit))
                    .route("/slow-visit", post(slow_visit))
                    .route("/renew", post(renew))
                    .route("/sign-out", post(sign_out))
                    .layer(sessions)
                    .with_state(gate.clone())
            }

            fn visitor(cache: &Cache) -> Visitor {
                let store = CacheSessionStore::new(cache.clone());
                Visitor::new(application(store, &Gate::default()))
            }

            #[tokio::test]
            async fn a_session_survives_requests_and_is_one_entry() {
                let cache = memory();
                let mut visitor = visitor(&cache);
                assert_eq!(visitor.get("/").await.ok(), "0");
                assert_eq!(
                    keys(&cache).await,
                    [""; 0],
                    "nothing is stored for who stores nothing"
                );
                assert_eq!(visitor.post("/visit", "").await.ok(), "1");
                assert_eq!(visitor.post("/visit", "").await.ok(), "2");
                assert_eq!(visitor.get("/").await.ok(), "2");
                let key = only_key(&cache).await;
                assert_eq!(key, format!("tower:sess:{}", visitor.jar["id"]));
                let value = cache.read(&key).await.unwrap().unwrap();
                assert!(value.starts_with(br#"{"data":{"visits":2},"expires":"#));
                assert!(lives_an_hour(&cache, &key).await);
            }

            #[tokio::test]
            async fn a_session_survives_the_server() {
                let file = File::new();
                let mut visitor = visitor(&file.connect().await);
                visitor.post("/visit", "").await.ok();
                let jar = visitor.jar.clone();
                drop(visitor);
                let mut visitor = self::visitor(&file.connect().await);
                visitor.jar = jar;
                assert_eq!(visitor.post("/visit", "").await.ok(), "2");
            }

            #[tokio::test]
            async fn an_id_that_has_no_session_is_not_adopted() {
                let cache = memory();
                let mut visitor = visitor(&cache);
                let invented = "A".repeat(22);
                visitor.jar.insert("id".to_owned(), invented.clone());
                visitor.post("/visit", "").await.ok();
                assert_ne!(visitor.jar["id"], invented);
                assert_eq!(
                    only_key(&cache).await,
                    format!("{TOWER_KEY_PREFIX}{}", visitor.jar["id"])
                );
            }

            #[tokio::test]
            async fn a_slow_save_does_not_restore_a_session_that_was_signed_out() {
                let (cache, gate) = (memory(), Gate::default());
                let store = CacheSessionStore::new(cache.clone());
                let mut visitor = Visitor::new(application(store, &gate));
                visitor.post("/visit", "").await.ok();
                let (mut slow, mut stolen) = (visitor.clone(), visitor.clone());
                let reply = gate
                    .hold(slow.post("/slow-visit", ""), async {
                        visitor.post("/sign-out", "").await.ok();
                    })
                    .await;
                assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
                assert_eq!(keys(&cache).await, [""; 0]);
                assert_eq!(stolen.get("/").await.ok(), "0");
            }

            #[tokio::test]
            async fn a_slow_save_does_not_overwrite_the_cookie_of_a_parallel_sign_in() {
                let (cache, gate) = (memory(), Gate::default());
                let store = CacheSessionStore::new(cache.clone());
                let mut visitor = Visitor::new(application(store, &gate));
                visitor.post("/visit", "").await.ok();
                let mut slow = visitor.clone();
                let reply = gate
                    .hold(slow.post("/slow-visit", ""), async {
                        visitor.post("/renew", "").await.ok();
                    })
                    .await;
                assert_eq!(reply.set_cookies, [""; 0]);
                crate::visitor::keep(&mut visitor.jar, &reply.set_cookies);
                assert_eq!(visitor.get("/").await.ok(), "1");
                assert_eq!(keys(&cache).await.len(), 1);
            }

            #[tokio::test]
            async fn a_save_of_a_session_that_is_gone_may_count_as_done() {
                let (cache, gate) = (memory(), Gate::default());
                let store = CacheSessionStore::new(cache.clone()).when_gone(WhenGone::Ignore);
                let mut visitor = Visitor::new(application(store, &gate));
                visitor.post("/visit", "").await.ok();
                let mut slow = visitor.clone();
                let reply = gate
                    .hold(slow.post("/slow-visit", ""), async {
                        visitor.post("/sign-out", "").await.ok();
                    })
                    .await;
                assert_eq!(reply.ok(), "2");
                assert_eq!(keys(&cache).await, [""; 0]);
            }

            #[tokio::test]
            async fn a_session_ends_with_its_time() {
                let (cache, clock) = memory_with_clock();
                let mut visitor = visitor(&cache);
                visitor.post("/visit", "").await.ok();
                clock.advance(HOUR / 2);
                let mut half = visitor.clone();
                assert_eq!(half.get("/").await.ok(), "1");
                clock.advance(HOUR);
                assert_eq!(visitor.get("/").await.ok(), "0");
            }

            #[tokio::test]
            async fn a_request_starts_the_time_anew() {
                let cache = memory();
                let mut visitor = visitor(&cache);
                visitor.post("/visit", "").await.ok();
                let key = only_key(&cache).await;
                cache
                    .set_time_to_live(&key, (HOUR / 4).into())
                    .await
                    .unwrap();
                assert!(!lives_an_hour(&cache, &key).await);
                visitor.get("/").await.ok();
                assert!(lives_an_hour(&cache, &key).await);
            }

            #[tokio::test]
            async fn a_store_that_cannot_be_read_is_an_error_and_never_an_empty_session() {
                let file = File::new();
                let mut visitor = visitor(&file.connect().await);
                visitor.post("/visit", "").await.ok();
                file.take_away();
                let reply = visitor.clone().get("/").await;
                assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
                assert_eq!(reply.set_cookies, [""; 0]);
                file.bring_back();
                assert_eq!(visitor.post("/visit", "").await.ok(), "2");
            }

            #[tokio::test]
            async fn a_store_that_cannot_be_written_fails_the_request() {
                let (file, gate) = (File::new(), Gate::default());
                let store = CacheSessionStore::new(file.connect().await);
                let store = store.when_gone(WhenGone::Ignore);
                let mut visitor = Visitor::new(application(store, &gate));
                visitor.post("/visit", "").await.ok();
                let slow = visitor.post("/slow-visit", "");
                let reply = gate.hold(slow, async { file.take_away() }).await;
                assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
                file.bring_back();
                assert_eq!(visitor.get("/").await.ok(), "1");
            }
        }
    };
}

tests!(v0_15, tower_sessions);
tests!(v0_14, tower_sessions_0_14);
