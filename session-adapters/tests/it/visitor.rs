//! A client with a cookie jar, for applications of axum.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

/// A browser's cookies, and the application that they are for. A clone is another tab's state.
#[derive(Clone)]
pub(crate) struct Visitor {
    router: Router,
    pub(crate) jar: BTreeMap<String, String>,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) set_cookies: Vec<String>,
    pub(crate) body: String,
}

impl Visitor {
    pub(crate) fn new(router: Router) -> Self {
        Self {
            router,
            jar: BTreeMap::new(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(path), "").await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Reply {
        let request = Request::post(path);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, form).await
    }

    async fn send(&mut self, mut request: axum::http::request::Builder, body: &str) -> Reply {
        if !self.jar.is_empty() {
            let pairs = self.jar.iter();
            let pairs: Vec<_> = pairs
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let set_cookies = parts.headers.get_all(SET_COOKIE).iter();
        let reply = Reply {
            status: parts.status,
            set_cookies: set_cookies
                .map(|line| line.to_str().unwrap().to_owned())
                .collect(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        keep(&mut self.jar, &reply.set_cookies);
        reply
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }
}

/// Does with cookies what a browser does.
pub(crate) fn keep(jar: &mut BTreeMap<String, String>, set_cookies: &[String]) {
    for line in set_cookies {
        let (name, rest) = line.split_once('=').unwrap();
        let value = rest.split(';').next().unwrap();
        match line.contains("Max-Age=0") {
            true => jar.remove(name),
            false => jar.insert(name.to_owned(), value.to_owned()),
        };
    }
}
