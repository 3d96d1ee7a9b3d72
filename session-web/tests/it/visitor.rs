//! A client with a cookie jar.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use http::header::{COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use session_web::Cookie;
use tower::ServiceExt;

use crate::application::{Application, PASSWORD};

/// A browser's cookies, and the application that they are for.
#[derive(Clone)]
pub(crate) struct Visitor {
    router: Router,
    pub(crate) jar: BTreeMap<String, String>,
    /// Sent with every request.
    pub(crate) headers: HeaderMap,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Visitor {
    pub(crate) fn of(application: &Application) -> Self {
        Self::of_router(application.router.clone())
    }

    pub(crate) fn of_router(router: Router) -> Self {
        Self {
            router,
            jar: BTreeMap::new(),
            headers: HeaderMap::new(),
        }
    }

    /// The same browser, at another server of the application.
    pub(crate) fn at(mut self, application: &Application) -> Self {
        self.router = application.router.clone();
        self
    }

    pub(crate) fn with_cookie(mut self, name: &str, value: &str) -> Self {
        self.jar.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(path), "").await
    }

    pub(crate) async fn post(&mut self, path: &str) -> Reply {
        self.send(Request::post(path), "").await
    }

    pub(crate) async fn sign_in(&mut self, user: &str) -> Reply {
        self.sign_in_with(&format!("userName={user}&password={PASSWORD}"))
            .await
    }

    pub(crate) async fn sign_in_with(&mut self, form: &str) -> Reply {
        let request = Request::post("/auth/credentials")
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request, form).await
    }

    pub(crate) async fn send(&mut self, request: http::request::Builder, body: &str) -> Reply {
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        if !request.headers().contains_key(HOST) {
            let host = HeaderValue::from_static("localhost:3000");
            request.headers_mut().insert(HOST, host);
        }
        if !self.jar.is_empty() {
            let pairs = self
                .jar
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            let cookies = pairs.collect::<Vec<_>>().join("; ");
            request
                .headers_mut()
                .insert(COOKIE, cookies.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let reply = Reply {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        self.keep(&reply);
        reply
    }

    /// Does with cookies what a browser does.
    fn keep(&mut self, reply: &Reply) {
        for cookie in reply.cookies() {
            match cookie.max_age().is_some_and(|age| age.is_zero()) {
                true => self.jar.remove(cookie.name()),
                false => self
                    .jar
                    .insert(cookie.name().to_owned(), cookie.value().to_owned()),
            };
        }
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    pub(crate) fn cookies(&self) -> Vec<Cookie<'static>> {
        let lines = self.headers.get_all(SET_COOKIE).iter();
        lines
            .map(|line| Cookie::parse(line.to_str().unwrap().to_owned()).unwrap())
            .collect()
    }

    /// The one cookie of this name.
    #[track_caller]
    pub(crate) fn cookie(&self, name: &str) -> Cookie<'static> {
        let mut cookies = self.cookies();
        cookies.retain(|cookie| cookie.name() == name);
        assert_eq!(cookies.len(), 1, "{:?}", self.headers);
        cookies.remove(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The names of the cookies that were set, sorted.
    pub(crate) fn cookie_names(&self) -> Vec<String> {
        let cookies = self.cookies();
        let mut names: Vec<_> = cookies
            .iter()
            .map(|cookie| cookie.name().to_owned())
            .collect();
        names.sort();
        names
    }
}

/// A well-formed id that nobody made.
pub(crate) fn invented(number: u32) -> String {
    format!("invented{number:024}")
}
