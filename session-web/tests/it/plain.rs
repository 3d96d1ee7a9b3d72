//! The layer around a service that knows nothing of axum.

use std::convert::Infallible;
use std::sync::Arc;

use cache_memory::MemoryCache;
use http::header::SET_COOKIE;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use session_core::{Bytes, Sessions};
use session_web::{SessionContext, SessionLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::application::Shop;

#[tokio::test]
async fn any_tower_service_can_have_sessions() {
    let sessions = Sessions::<Shop>::new(Arc::new(MemoryCache::new()));
    let count = service_fn(async |request: Request<()>| {
        let context = SessionContext::of(request.extensions()).unwrap();
        let mut session = context.session::<Shop>().await.unwrap();
        let visits = session.update(|shop| {
            shop.visits += 1;
            shop.visits
        });
        let visits = visits.await.unwrap().to_string();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(visits)))
    });
    let service = SessionLayer::new(sessions).layer(count);
    let response = service.clone().oneshot(Request::new(())).await.unwrap();
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
    assert_eq!(cookies.len(), 2);
    let cookie = cookies[0].to_str().unwrap().split(';').next().unwrap();
    let request = Request::builder()
        .header("cookie", cookie)
        .body(())
        .unwrap();
    let response = service.oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "2");
}

#[test]
fn public_types_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<SessionLayer>();
    crosses::<session_web::SessionService<()>>();
    crosses::<SessionContext>();
    crosses::<session_web::Session<Shop>>();
    crosses::<session_web::RequestSession>();
    crosses::<session_web::WebOptions>();
    crosses::<session_web::Problem>();
}
