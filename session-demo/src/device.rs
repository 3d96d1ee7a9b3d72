//! What a visitor uses, in words that they recognise in a list of their sessions.
//!
//! Hooks of a session know nothing of HTTP. So the device of a request stands beside its task,
//! where the hooks find it.

use axum::extract::Request;
use axum::http::header::USER_AGENT;
use axum::middleware::Next;
use axum::response::Response;

tokio::task_local! {
    static DEVICE: String;
}

/// Notes the device of a request for the time that it runs.
pub(crate) async fn noted(request: Request, next: Next) -> Response {
    let agent = request.headers().get(USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    let device = agent.map(described).unwrap_or_default();
    DEVICE.scope(device, next.run(request)).await
}

/// The device of the request that is running; empty if it is not known.
pub(crate) fn of_request() -> String {
    DEVICE.try_with(Clone::clone).unwrap_or_default()
}

/// Such as `Firefox on Linux`; of a program the beginning of what it calls itself.
fn described(agent: &str) -> String {
    let named = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => agent.chars().take(LONGEST).collect(),
    }
}

/// What is called by several names comes first: Edge also calls itself Chrome, and Chrome Safari.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// Characters of what a program calls itself.
const LONGEST: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_as_people_know_it() {
        let mozilla = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1";
        for (agent, device) in [
            (
                &*format!("{mozilla} Chrome/140.0 Safari/537.36"),
                "Chrome on Linux",
            ),
            (
                &*format!("{mozilla} Chrome/140.0 Safari/537.36 Edg/140.0"),
                "Edge on Linux",
            ),
            (phone, "Safari on iPhone"),
            ("curl/8.5.0", "curl/8.5.0"),
            (&"<b>".repeat(99), &"<b>".repeat(20)),
        ] {
            assert_eq!(described(agent), device);
        }
    }
}
