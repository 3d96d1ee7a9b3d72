//! A client that speaks just enough HTTP and keeps its cookies.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

#[derive(Clone)]
pub(crate) struct Browser {
    address: String,
    pub(crate) jar: BTreeMap<String, String>,
    accept: &'static str,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Browser {
    /// A program, which reads JSON.
    pub(crate) fn of(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            jar: BTreeMap::new(),
            accept: "*/*",
        }
    }

    /// A browser, which shows pages.
    pub(crate) fn showing_pages(address: &str) -> Self {
        let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
        Self {
            accept,
            ..Self::of(address)
        }
    }

    /// The same cookies at another server.
    pub(crate) fn at(mut self, address: &str) -> Self {
        self.address = address.to_owned();
        self
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, "application/json", "")
    }

    pub(crate) fn post(&mut self, path: &str) -> Reply {
        self.send("POST", path, "application/x-www-form-urlencoded", "")
    }

    pub(crate) fn sign_in(&mut self, user: &str) -> Reply {
        let form = format!("userName={user}&password={user}-password&rememberMe=true");
        let path = "/auth/credentials";
        self.send("POST", path, "application/x-www-form-urlencoded", &form)
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, kind: &str, body: &str) -> Reply {
        let pairs = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        let (address, accept, length) = (&self.address, self.accept, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\n\
             Cookie: {cookies}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        let mut connection = TcpStream::connect(address).unwrap();
        connection
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        connection.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let reply = Reply {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        };
        self.keep(&reply);
        reply
    }

    fn keep(&mut self, reply: &Reply) {
        for cookie in reply.headers("set-cookie") {
            let pair = cookie.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match cookie.contains("Max-Age=0") {
                true => self.jar.remove(name),
                false => self.jar.insert(name.to_owned(), value.to_owned()),
            };
        }
    }
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    fn headers(&self, wanted: &str) -> impl Iterator<Item = &str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    }
}
