//! actix-session, through its middleware and actix's own test utilities.

use std::collections::BTreeMap;

use actix_session::config::{PersistentSession, TtlExtensionPolicy};
use actix_session::{Session, SessionMiddleware};
use actix_web::body::{MessageBody, to_bytes};
use actix_web::cookie::Key;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{COOKIE, SET_COOKIE};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, HttpResponse, web};
use session_adapters::{ACTIX_KEY_PREFIX, CacheSessionStore, WhenGone};
use session_core::{CacheClientExtended, Condition, Expiry};

use crate::gate::Gate;
use crate::stores::{Cache, File, HOUR, keys, lives_an_hour, memory, memory_with_clock, only_key};
use crate::visitor::keep;

/// A browser's cookies. A clone is another tab's state.
#[derive(Clone, Default)]
struct Visitor {
    jar: BTreeMap<String, String>,
}

struct Reply {
    status: StatusCode,
    set_cookies: Vec<String>,
    body: String,
}

impl Visitor {
    async fn ask<S, B>(&mut self, application: &S, path: &str) -> Reply
    where
        S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody + 'static,
    {
        let mut request = TestRequest::with_uri(path);
        if !self.jar.is_empty() {
            let pairs = self.jar.iter();
            let pairs: Vec<_> = pairs
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.insert_header((COOKIE, pairs.join("; ")));
        }
        let response = match application.call(request.to_request()).await {
            Ok(response) => response.map_into_boxed_body().into_parts().1,
            // What the server makes of an error that left the middleware.
            Err(error) => error.error_response(),
        };
        let set_cookies = response.headers().get_all(SET_COOKIE);
        let reply = Reply {
            status: response.status(),
            set_cookies: set_cookies
                .map(|line| line.to_str().unwrap().to_owned())
                .collect(),
            body: match to_bytes(response.into_body()).await {
                Ok(body) => String::from_utf8(body.to_vec()).unwrap(),
                Err(error) => panic!("{error}"),
            },
        };
        keep(&mut self.jar, &reply.set_cookies);
        reply
    }
}

impl Reply {
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }
}

async fn look(session: Session) -> Result<String, Error> {
    let visits: Option<u64> = session.get("visits")?;
    Ok(visits.unwrap_or_default().to_string())
}

async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.get::<u64>("visits")?.unwrap_or_default() + 1;
    session.insert("visits", visits)?;
    Ok(visits.to_string())
}

async fn slow_visit(gate: web::Data<Gate>, session: Session) -> Result<String, Error> {
    let visits = visit(session).await?;
    gate.pass().await;
    Ok(visits)
}

async fn slow_look(gate: web::Data<Gate>, session: Session) -> Result<String, Error> {
    gate.pass().await;
    look(session).await
}

async fn renew(session: Session) -> HttpResponse {
    session.renew();
    HttpResponse::Ok().finish()
}

async fn sign_out(session: Session) -> HttpResponse {
    session.purge();
    HttpResponse::Ok().finish()
}

/// The application as a service; a macro, because its type cannot be named.
macro_rules! application {
    ($store:expr, $gate:expr) => {{
        let lifecycle = PersistentSession::default()
            .session_ttl(HOUR.try_into().unwrap())
            .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
        let sessions = SessionMiddleware::builder($store, Key::from(&[7; 64]))
            .session_lifecycle(lifecycle)
            .build();
        init_service(
            App::new()
                .app_data(web::Data::new($gate.clone()))
                .wrap(sessions)
                .route("/", web::get().to(look))
                .route("/visit", web::get().to(visit))
                .route("/slow-visit", web::get().to(slow_visit))
                .route("/slow-look", web::get().to(slow_look))
                .route("/renew", web::get().to(renew))
                .route("/sign-out", web::get().to(sign_out)),
        )
        .await
    }};
}

fn store(cache: &Cache) -> CacheSessionStore<Cache> {
    CacheSessionStore::new(cache.clone())
}

#[actix_web::test]
async fn a_session_survives_requests_and_is_one_entry() {
    let cache = memory();
    let application = application!(store(&cache), Gate::default());
    let mut visitor = Visitor::default();
    assert_eq!(visitor.ask(&application, "/").await.ok(), "0");
    assert_eq!(
        keys(&cache).await,
        [""; 0],
        "nothing is stored for who stores nothing"
    );
    assert_eq!(visitor.ask(&application, "/visit").await.ok(), "1");
    let key = only_key(&cache).await;
    assert_eq!(visitor.ask(&application, "/visit").await.ok(), "2");
    assert_eq!(visitor.ask(&application, "/").await.ok(), "2");
    assert_eq!(only_key(&cache).await, key);
    assert_eq!(key.strip_prefix(ACTIX_KEY_PREFIX).unwrap().len(), 32);
    assert_eq!(
        cache.read(&key).await.unwrap().unwrap(),
        r#"{"visits":"2"}"#
    );
    assert!(lives_an_hour(&cache, &key).await);
}

#[actix_web::test]
async fn a_session_survives_the_server() {
    let file = File::new();
    let mut visitor = Visitor::default();
    for visits in ["1", "2"] {
        let application = application!(store(&file.connect().await), Gate::default());
        assert_eq!(visitor.ask(&application, "/visit").await.ok(), visits);
    }
}

#[actix_web::test]
async fn a_renewed_session_has_another_key_and_the_old_one_is_dead() {
    let cache = memory();
    let application = application!(store(&cache), Gate::default());
    let mut visitor = Visitor::default();
    visitor.ask(&application, "/visit").await.ok();
    let (mut old, key) = (visitor.clone(), only_key(&cache).await);
    visitor.ask(&application, "/renew").await.ok();
    assert_ne!(only_key(&cache).await, key);
    assert_eq!(visitor.ask(&application, "/").await.ok(), "1");
    assert_eq!(old.ask(&application, "/").await.ok(), "0");
}

#[actix_web::test]
async fn a_slow_update_does_not_restore_a_session_that_was_signed_out() {
    let (cache, gate) = (memory(), Gate::default());
    let application = application!(store(&cache), gate);
    let mut visitor = Visitor::default();
    visitor.ask(&application, "/visit").await.ok();
    let (mut slow, mut stolen) = (visitor.clone(), visitor.clone());
    let reply = gate
        .hold(slow.ask(&application, "/slow-visit"), async {
            visitor.ask(&application, "/sign-out").await.ok();
        })
        .await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(keys(&cache).await, [""; 0]);
    assert_eq!(stolen.ask(&application, "/").await.ok(), "0");
}

#[actix_web::test]
async fn a_late_answer_does_not_overwrite_the_cookie_of_a_parallel_sign_in() {
    for path in ["/slow-visit", "/slow-look"] {
        let (cache, gate) = (memory(), Gate::default());
        let application = application!(store(&cache), gate);
        let mut visitor = Visitor::default();
        visitor.ask(&application, "/visit").await.ok();
        let mut slow = visitor.clone();
        let reply = gate
            .hold(slow.ask(&application, path), async {
                visitor.ask(&application, "/renew").await.ok();
            })
            .await;
        assert_eq!(reply.set_cookies, [""; 0]);
        keep(&mut visitor.jar, &reply.set_cookies);
        assert_eq!(visitor.ask(&application, "/").await.ok(), "1");
    }
}

#[actix_web::test]
async fn an_update_of_a_session_that_is_gone_may_count_as_done() {
    let (cache, gate) = (memory(), Gate::default());
    let application = application!(store(&cache).when_gone(WhenGone::Ignore), gate);
    for path in ["/slow-visit", "/slow-look"] {
        let mut visitor = Visitor::default();
        visitor.ask(&application, "/visit").await.ok();
        let mut slow = visitor.clone();
        let reply = gate
            .hold(slow.ask(&application, path), async {
                visitor.ask(&application, "/sign-out").await.ok();
            })
            .await;
        reply.ok();
        assert_eq!(keys(&cache).await, [""; 0]);
    }
}

#[actix_web::test]
async fn a_session_ends_with_its_time() {
    let (cache, clock) = memory_with_clock();
    let application = application!(store(&cache), Gate::default());
    let mut visitor = Visitor::default();
    visitor.ask(&application, "/visit").await.ok();
    clock.advance(HOUR - HOUR / 100);
    assert_eq!(visitor.clone().ask(&application, "/").await.ok(), "1");
    clock.advance(HOUR);
    assert_eq!(visitor.ask(&application, "/").await.ok(), "0");
}

#[actix_web::test]
async fn a_request_starts_the_time_anew_and_does_not_write_the_value() {
    let (cache, gate) = (memory(), Gate::default());
    let application = application!(store(&cache), gate);
    let mut visitor = Visitor::default();
    visitor.ask(&application, "/visit").await.ok();
    let key = only_key(&cache).await;
    cache
        .set_time_to_live(&key, (HOUR / 4).into())
        .await
        .unwrap();
    // What is written meanwhile would be overwritten by a request that writes what it had read.
    gate.hold(visitor.ask(&application, "/slow-look"), async {
        let value = r#"{"visits":"9"}"#.into();
        let write = cache.write(&key, value, Condition::Present, Expiry::Keep);
        assert!(write.await.unwrap());
        assert!(!lives_an_hour(&cache, &key).await);
    })
    .await
    .ok();
    assert!(lives_an_hour(&cache, &key).await);
    assert_eq!(visitor.ask(&application, "/").await.ok(), "9");
}

#[actix_web::test]
async fn a_store_that_cannot_be_read_is_an_error_and_never_an_empty_session() {
    let file = File::new();
    let application = application!(store(&file.connect().await), Gate::default());
    let mut visitor = Visitor::default();
    visitor.ask(&application, "/visit").await.ok();
    file.take_away();
    for path in ["/", "/visit"] {
        let reply = visitor.clone().ask(&application, path).await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!((reply.body.as_str(), reply.set_cookies.len()), ("", 0));
    }
    file.bring_back();
    assert_eq!(visitor.ask(&application, "/visit").await.ok(), "2");
}

#[actix_web::test]
async fn a_store_that_cannot_be_written_fails_the_request() {
    let (file, gate) = (File::new(), Gate::default());
    let store = store(&file.connect().await).when_gone(WhenGone::Ignore);
    let application = application!(store, gate);
    let mut visitor = Visitor::default();
    visitor.ask(&application, "/visit").await.ok();
    for path in ["/slow-visit", "/slow-look"] {
        let slow = visitor.ask(&application, path);
        let reply = gate.hold(slow, async { file.take_away() }).await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
        file.bring_back();
    }
    assert_eq!(visitor.ask(&application, "/").await.ok(), "1");
}
