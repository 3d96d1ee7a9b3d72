//! A client that speaks just enough HTTP and keeps its cookies.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

#[derive(Clone)]
pub(crate) struct Browser {
    address: String,
    pub(crate) jar: BTreeMap<String, String>,
    accept: &'static str,
    headers: Vec<(&'static str, String)>,
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
            headers: Vec::new(),
        }
    }

    /// A browser, which shows pages.
    pub(crate) fn showing_pages(address: &str) -> Self {
        Self::of(address).in_browser()
    }

    /// The same visitor with a browser.
    pub(crate) fn in_browser(self) -> Self {
        let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
        Self { accept, ..self }
    }

    /// The same visitor as a program sees it.
    pub(crate) fn reading_json(self) -> Self {
        Self {
            accept: "application/json",
            ..self
        }
    }

    /// The same cookies at another server.
    pub(crate) fn at(mut self, address: &str) -> Self {
        self.address = address.to_owned();
        self
    }

    /// The same, sending one more header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, "application/json", "")
    }

    pub(crate) fn post(&mut self, path: &str) -> Reply {
        self.form(path, "")
    }

    pub(crate) fn form(&mut self, path: &str, fields: &str) -> Reply {
        self.send("POST", path, "application/x-www-form-urlencoded", fields)
    }

    /// Sends a form and goes where the answer leads, as browsers do.
    #[track_caller]
    pub(crate) fn form_then_page(&mut self, path: &str, fields: &str) -> Reply {
        let reply = self.form(path, fields);
        assert_eq!(reply.status, 303, "{}", reply.body);
        let location = reply.header("location").unwrap().to_owned();
        self.get(&location)
    }

    pub(crate) fn sign_in(&mut self, user: &str) -> Reply {
        let form = format!("userName={user}&password={user}-password&rememberMe=true");
        self.form("/auth/credentials", &form)
    }

    #[track_caller]
    pub(crate) fn send(&mut self, method: &str, path: &str, kind: &str, body: &str) -> Reply {
        self.try_send(method, path, kind, body).unwrap()
    }

    /// Fails where there is no server, or it ends before all of the answer is here.
    pub(crate) fn try_send(
        &mut self,
        method: &str,
        path: &str,
        kind: &str,
        body: &str,
    ) -> Result<Reply> {
        let pairs = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        let more = self.headers.iter();
        let more: String = more
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let (address, accept, length) = (&self.address, self.accept, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\n\
             Cookie: {cookies}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             {more}Connection: close\r\n\r\n{body}"
        );
        let mut connection = TcpStream::connect(address)?;
        connection.set_read_timeout(Some(Duration::from_secs(60)))?;
        connection.write_all(request.as_bytes())?;
        let mut response = String::new();
        connection.read_to_string(&mut response)?;
        let cut = || Error::new(ErrorKind::UnexpectedEof, "the answer is cut");
        let (head, body) = response.split_once("\r\n\r\n").ok_or_else(cut)?;
        let reply = Reply {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        };
        let length = reply.header("content-length");
        if length.is_some_and(|length| length != body.len().to_string()) {
            return Err(cut());
        }
        self.keep(&reply);
        Ok(reply)
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
        self.json_with(200)
    }

    #[track_caller]
    pub(crate) fn created(&self) -> Value {
        self.json_with(201)
    }

    #[track_caller]
    fn json_with(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
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
