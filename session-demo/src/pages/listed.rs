//! A session in a list, for its user and for the administrator.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maud::{Markup, html};
use serde::Serialize;
use session_core::{CurrentSession, Lifetime, ListedSession, SessionHandle};

use crate::page::{millis, words};
use crate::session::DemoSession;

/// What a list shows of a session: its handle, which opens nothing, and never its id.
#[derive(Serialize)]
pub(crate) struct Listed {
    handle: SessionHandle,
    user_name: Option<String>,
    device: String,
    visits: u64,
    permanent: bool,
    created_ms: u64,
    modified_ms: u64,
    time_to_live_ms: Option<u64>,
    /// Whether it is the one that looks.
    current: bool,
}

impl Listed {
    pub(crate) fn of(listed: ListedSession<DemoSession>, current: &CurrentSession) -> Self {
        Self {
            current: listed.is_current(current),
            handle: listed.handle,
            user_name: listed.data.user_name().map(str::to_owned),
            visits: listed.data.visits,
            permanent: listed.lifetime == Lifetime::Permanent,
            created_ms: since_1970(listed.created),
            modified_ms: since_1970(listed.modified),
            time_to_live_ms: millis(listed.time_to_live),
            device: listed.data.device,
        }
    }

    /// Whether a search finds it; regardless of case.
    pub(crate) fn matches(&self, wanted: &str) -> bool {
        let wanted = wanted.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        has(&self.device)
            || self.user_name.as_deref().is_some_and(has)
            || has(&self.handle.to_string())
    }

    fn title(&self) -> &str {
        if self.device.is_empty() {
            "An unknown device"
        } else {
            &self.device
        }
    }

    /// The session with a button that ends it, by a form below `path`.
    pub(crate) fn show(&self, path: &str, with_user: bool) -> Markup {
        html! {
            h3 { (self.title()) @if self.current { span.mark { "this one" } } }
            dl {
                @if with_user {
                    dt { "User" }
                    dd { @match &self.user_name { Some(name) => (name), None => "nobody yet" } }
                }
                dt { "Begun" } dd { (ago(self.created_ms)) }
                dt { "Last change" } dd { (ago(self.modified_ms)) }
                dt { "Time left" }
                dd {
                    @match self.time_to_live_ms {
                        Some(left) => (words(Duration::from_millis(left))),
                        None => "no end",
                    }
                    @if self.permanent { ", remembered" }
                }
                @if with_user { dt { "Handle" } dd { code { (self.handle) } } }
            }
            @if !(with_user && self.current) {
                form method="post" action={ (path) "/" (self.handle) "/end" } {
                    button.bad {
                        @if self.current { "Sign out here" } @else { "End" }
                        span.away { " (" (self.title()) ", begun " (ago(self.created_ms)) ")" }
                    }
                }
            }
        }
    }
}

fn ago(then_ms: u64) -> String {
    let now_ms = since_1970(SystemTime::now());
    let time = Duration::from_millis(now_ms.saturating_sub(then_ms));
    format!("{} ago", words(time))
}

pub(crate) fn since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
