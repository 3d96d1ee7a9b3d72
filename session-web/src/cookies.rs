//! The text of cookies and headers: which ids a client sent, and how it is told of new ones.
//!
//! Reading copies nothing but the ids. Writing happens only where something changed.

use bytes::Bytes;
use cookie::Cookie;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, COOKIE, HeaderMap, HeaderName, SET_COOKIE, VARY};
use session_core::SessionId;

use crate::options::WebOptions;

/// What a client sent: at most one id for each purpose, and how.
#[derive(Debug, Default)]
pub(crate) struct SentIds {
    pub(crate) temporary: Option<SessionId>,
    pub(crate) permanent: Option<SessionId>,
    /// Whether the client asks for its permanent id (remember me).
    pub(crate) prefers_permanent: bool,
    /// Whether ids came by header, and so have to be answered.
    pub(crate) by_header: bool,
}

/// Header and cookie, or two headers, name different ids for one purpose.
#[derive(Debug)]
pub(crate) struct ConflictingIds;

impl SentIds {
    /// Reads cookies and headers.
    ///
    /// What is malformed is no id. Nor are two different cookies of one name: a neighbour under
    /// the same domain can plant one beside the right one, and nothing tells them apart, so
    /// neither is taken. Two of one value are one.
    pub(crate) fn read(headers: &HeaderMap, options: &WebOptions) -> Result<Self, ConflictingIds> {
        let [temporary, permanent, preference] = read_cookies(headers, options);
        let mut sent = Self {
            temporary: temporary.id(options),
            permanent: permanent.id(options),
            prefers_permanent: preference == Found::One(PERMANENT.as_bytes()),
            by_header: false,
        };
        if options.header_ids {
            sent.read_headers(headers, options)?;
        }
        Ok(sent)
    }

    fn read_headers(
        &mut self,
        headers: &HeaderMap,
        options: &WebOptions,
    ) -> Result<(), ConflictingIds> {
        let (temporary, permanent) = (headers.get_all(X_SS_ID), headers.get_all(X_SS_PID));
        let preference = headers.get(X_SS_OPT).or_else(|| headers.get(X_SS_OPTS));
        let came = |values: &http::header::GetAll<'_, HeaderValue>| values.iter().next().is_some();
        let (some_temporary, some_permanent) = (came(&temporary), came(&permanent));
        if !some_temporary && !some_permanent && preference.is_none() {
            return Ok(());
        }
        let no_cookies = self.temporary.is_none() && self.permanent.is_none();
        let mut well_formed = false;
        for (values, id) in [
            (temporary, &mut self.temporary),
            (permanent, &mut self.permanent),
        ] {
            let ids = values.iter();
            for sent in ids.filter_map(|value| options.read_id(value.as_bytes())) {
                well_formed = true;
                if id.get_or_insert_with(|| sent.clone()) != &sent {
                    return Err(ConflictingIds);
                }
            }
        }
        if let Some(preference) = preference {
            self.prefers_permanent = preference.as_bytes() == PERMANENT.as_bytes();
        }
        self.by_header = well_formed || no_cookies;
        Ok(())
    }
}

/// What the client is to be told of one cookie or header.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing: what the client has is right.
    #[default]
    Keep,
    /// A new value.
    Set(Box<str>),
    /// To forget it.
    Remove,
}

/// All that the client is to be told.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) temporary: Change,
    pub(crate) permanent: Change,
    pub(crate) preference: Change,
}

impl Changes {
    /// Writes what changed into the response's headers; by header or by cookie, never both.
    pub(crate) fn write(
        self,
        headers: &mut HeaderMap,
        options: &WebOptions,
        by_header: bool,
        secure: bool,
    ) {
        let names = &options.names;
        let changes = [
            (
                self.temporary,
                X_SS_ID,
                &names.temporary,
                Lives::Temporarily,
            ),
            (
                self.permanent,
                X_SS_PID,
                &names.permanent,
                Lives::Permanently,
            ),
            (
                self.preference,
                X_SS_OPT,
                &names.preference,
                Lives::Permanently,
            ),
        ];
        let mut changed = false;
        for (change, header, name, lives) in changes {
            if change == Change::Keep {
                continue;
            }
            changed = true;
            if by_header {
                // An empty header says that the id is gone.
                let value = match change {
                    Change::Set(value) => String::from(value),
                    Change::Keep | Change::Remove => String::new(),
                };
                insert(headers, header, value);
            } else if let Some(cookie) = cookie(change, name, lives, options, secure) {
                set_cookie(headers, &cookie);
            }
        }
        if changed {
            // An id is for one client; no cache may hand it to another.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

/// Tells caches that the response depends on who asked.
pub(crate) fn vary(headers: &mut HeaderMap, header_ids: bool) {
    let names = |value: &HeaderValue, wanted: &str| {
        let value = value.to_str().unwrap_or_default();
        let mut names = value.split(',').map(str::trim);
        names.any(|name| name == "*" || name.eq_ignore_ascii_case(wanted))
    };
    let missing =
        |headers: &HeaderMap, name| !headers.get_all(VARY).iter().any(|value| names(value, name));
    if missing(headers, "cookie") {
        headers.append(VARY, HeaderValue::from_static("Cookie"));
    }
    if header_ids && missing(headers, "x-ss-id") {
        let names = HeaderValue::from_static("X-ss-id, X-ss-pid, X-ss-opt, X-ss-opts");
        headers.append(VARY, names);
    }
}

/// Keeps ids out of what others print of a request's headers.
pub(crate) fn mark_sensitive(headers: &mut HeaderMap) {
    for name in [COOKIE, X_SS_ID, X_SS_PID] {
        if let http::header::Entry::Occupied(mut values) = headers.entry(name) {
            values
                .iter_mut()
                .for_each(|value| value.set_sensitive(true));
        }
    }
}

/// The two preferences of `ss-opt`.
pub(crate) const TEMPORARY: &str = "temp";
pub(crate) const PERMANENT: &str = "perm";

const X_SS_ID: HeaderName = HeaderName::from_static("x-ss-id");
const X_SS_PID: HeaderName = HeaderName::from_static("x-ss-pid");
const X_SS_OPT: HeaderName = HeaderName::from_static("x-ss-opt");
const X_SS_OPTS: HeaderName = HeaderName::from_static("x-ss-opts");

/// The longest that browsers keep a cookie.
const PERMANENT_AGE: cookie::time::Duration = cookie::time::Duration::days(400);

/// How long a browser keeps a cookie.
#[derive(Clone, Copy)]
enum Lives {
    Temporarily,
    Permanently,
    #[cfg(feature = "jwt")]
    For(cookie::time::Duration),
}

/// What a request's cookies say under one name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found<'h> {
    Nothing,
    One(&'h [u8]),
    Different,
}

impl<'h> Found<'h> {
    fn and(self, value: &'h [u8]) -> Self {
        match self {
            Self::Nothing => Self::One(value),
            Self::One(first) if first == value => self,
            Self::One(_) | Self::Different => Self::Different,
        }
    }

    fn id(self, options: &WebOptions) -> Option<SessionId> {
        match self {
            Self::One(value) => options.read_id(value),
            Self::Different => {
                tracing::warn!("a request has two different cookies of one name; neither is taken");
                None
            }
            Self::Nothing => None,
        }
    }
}

/// Tells a browser of a token to keep for a time, for its own session, or to forget.
#[cfg(feature = "jwt")]
pub(crate) fn write_token(
    headers: &mut HeaderMap,
    options: &WebOptions,
    secure: bool,
    token: Option<(String, Option<std::time::Duration>)>,
) {
    let name = options.token_name();
    let change = match &token {
        Some((token, _)) => Change::Set(token.as_str().into()),
        None => Change::Remove,
    };
    let age = token.and_then(|(_, age)| age);
    // A longer time than browsers keep anything is that time.
    let age = age.map(|age| age.try_into().unwrap_or(PERMANENT_AGE).min(PERMANENT_AGE));
    let lives = age.map_or(Lives::Temporarily, Lives::For);
    if let Some(cookie) = cookie(change, &name, lives, options, secure) {
        set_cookie(headers, &cookie);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// The token that a browser sent; two different ones are none.
#[cfg(feature = "jwt")]
pub(crate) fn read_token(headers: &HeaderMap, options: &WebOptions) -> Option<String> {
    let name = options.token_name();
    let mut found = Found::Nothing;
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let Some(equals) = pair.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            if pair[..equals].trim_ascii() == name.as_bytes() {
                found = found.and(pair[equals + 1..].trim_ascii());
            }
        }
    }
    match found {
        Found::One(token) if !token.is_empty() => {
            std::str::from_utf8(token).ok().map(str::to_owned)
        }
        _ => None,
    }
}

/// Looks for the three cookies in one pass, byte by byte: cookies of others need not be UTF-8.
fn read_cookies<'h>(headers: &'h HeaderMap, options: &WebOptions) -> [Found<'h>; 3] {
    let names = &options.names;
    let names = [&names.temporary, &names.permanent, &names.preference];
    let mut found = [Found::Nothing; 3];
    // HTTP/2 may split the cookies over several headers.
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let Some(equals) = pair.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            let name = pair[..equals].trim_ascii();
            if let Some(which) = names.iter().position(|known| known.as_bytes() == name) {
                found[which] = found[which].and(pair[equals + 1..].trim_ascii());
            }
        }
    }
    found
}

/// The cookie that tells a browser of a change, with every attribute for a removal too.
fn cookie(
    change: Change,
    name: &str,
    lives: Lives,
    options: &WebOptions,
    secure: bool,
) -> Option<Cookie<'static>> {
    let (value, removal) = match change {
        Change::Keep => return None,
        Change::Set(value) => (String::from(value), false),
        Change::Remove => (String::new(), true),
    };
    let mut cookie = Cookie::new(name.to_owned(), value);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(options.same_site);
    if secure {
        cookie.set_secure(true);
    }
    if let Some(domain) = &options.domain {
        cookie.set_domain(domain.clone());
    }
    match lives {
        _ if removal => cookie.make_removal(),
        Lives::Temporarily => {}
        Lives::Permanently => cookie.set_max_age(PERMANENT_AGE),
        #[cfg(feature = "jwt")]
        Lives::For(time) => cookie.set_max_age(time),
    }
    match &options.edit_cookie {
        Some(edit) => edit(cookie),
        None => Some(cookie),
    }
}

/// Adds a cookie; one of the same name that the application set itself gives way.
fn set_cookie(headers: &mut HeaderMap, cookie: &Cookie<'_>) {
    let is_same = |line: &HeaderValue| {
        let line = line.as_bytes();
        let name = cookie.name().as_bytes();
        line.starts_with(name) && line.get(name.len()) == Some(&b'=')
    };
    if headers.get_all(SET_COOKIE).iter().any(is_same) {
        let lines: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
        headers.remove(SET_COOKIE);
        for line in lines.into_iter().filter(|line| !is_same(line)) {
            headers.append(SET_COOKIE, line);
        }
    }
    if let Some(line) = header_value(cookie.to_string()) {
        headers.append(SET_COOKIE, line);
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Some(value) = header_value(value) {
        headers.insert(name, value);
    }
}

/// Text as a header that nobody prints. Only an application's own edit can make text that is none.
fn header_value(text: String) -> Option<HeaderValue> {
    match HeaderValue::from_maybe_shared(Bytes::from(text)) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Some(value)
        }
        Err(_) => {
            tracing::error!("a cookie holds characters that no header takes; it is left out");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const OTHER: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

    fn read(headers: &[(&str, String)]) -> Result<SentIds, ConflictingIds> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        SentIds::read(&map, &WebOptions::new().resolve().unwrap())
    }

    fn id(text: &str) -> Option<SessionId> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn cookies_are_found_among_others_and_over_several_headers() {
        let sent = read(&[
            (
                "cookie",
                format!("näme=ü; xss-id={OTHER}; ss-id={ONE};ss-opt=perm"),
            ),
            ("cookie", format!("a; =b; ss-pid={OTHER}")),
        ]);
        let sent = sent.unwrap();
        assert_eq!((sent.temporary, sent.permanent), (id(ONE), id(OTHER)));
        assert!(sent.prefers_permanent && !sent.by_header);
    }

    #[test]
    fn two_different_cookies_of_one_name_are_none_and_two_alike_are_one() {
        let sent = read(&[("cookie", format!("ss-id={ONE}; ss-id={OTHER}; ss-id={ONE}"))]);
        assert_eq!(sent.unwrap().temporary, None);
        let sent = read(&[("cookie", format!("ss-id={ONE}; ss-id={ONE}"))]);
        assert_eq!(sent.unwrap().temporary, id(ONE));
    }

    #[test]
    fn headers_are_answered_by_header_and_conflicts_refused() {
        let sent = read(&[
            ("x-ss-id", ONE.to_owned()),
            ("x-ss-opts", "perm".to_owned()),
        ])
        .unwrap();
        assert_eq!(sent.temporary, id(ONE));
        assert!(sent.by_header && sent.prefers_permanent);
        let same = [
            ("x-ss-id", ONE.to_owned()),
            ("cookie", format!("ss-id={ONE}")),
        ];
        assert!(read(&same).unwrap().by_header);
        for other in [
            ("cookie", format!("ss-id={OTHER}")),
            ("x-ss-id", OTHER.to_owned()),
        ] {
            assert!(read(&[("x-ss-id", ONE.to_owned()), other]).is_err());
        }
    }

    #[test]
    fn what_is_malformed_is_no_id() {
        for text in [
            "",
            "short",
            "../../etc/passwd",
            &format!("{ONE}A"),
            &"*".repeat(32),
        ] {
            let sent = read(&[("cookie", format!("ss-id={text}"))]).unwrap();
            assert_eq!(sent.temporary, None, "{text}");
        }
        let sent = read(&[("x-ss-id", "new".to_owned())]).unwrap();
        assert!(sent.by_header && sent.temporary.is_none());
    }
}
