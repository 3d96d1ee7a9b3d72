//! A user's own sessions.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::server::Server;

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1";
const DESK: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Alice at her desk and on her phone, and bob's part played by the administrator.
struct People {
    desk: Browser,
    phone: Browser,
    admin: Browser,
}

impl People {
    fn at(server: &Server) -> Self {
        let browser = || Browser::of(&server.address);
        let mut people = Self {
            desk: browser().with("User-Agent", DESK),
            phone: browser().with("User-Agent", PHONE),
            admin: browser(),
        };
        people.phone.sign_in("alice").json();
        people.desk.sign_in("alice").json();
        people.admin.sign_in("admin").json();
        people
    }
}

#[test]
fn a_user_sees_each_session_and_which_one_this_is() {
    let server = Server::start("memory:");
    let mut people = People::at(&server);
    let listed = people.desk.get("/sessions").json();
    assert_eq!(listed["count"], 2);
    let seen = |field: &str| -> Vec<Value> {
        let sessions = listed["sessions"].as_array().unwrap().iter();
        sessions.map(|session| session[field].clone()).collect()
    };
    assert_eq!(seen("device"), ["Firefox on Linux", "Safari on iPhone"]);
    assert_eq!(seen("current"), [true, false]);
    assert_eq!(seen("user_name"), ["alice", "alice"]);
    let days = 24 * 60 * 60 * 1_000;
    let left = seen("time_to_live_ms");
    assert!(
        left.iter().all(|left| left.as_u64().unwrap() > 27 * days),
        "{left:?}"
    );
    // What opens a session is in no list.
    let text = listed.to_string();
    for visitor in [&people.desk, &people.phone] {
        assert!(!text.contains(&visitor.jar["ss-id"]) && !text.contains(&visitor.jar["ss-pid"]));
    }
    let mut page = people.desk.clone().in_browser();
    let page = page.get("/sessions").body;
    assert!(
        page.contains("Firefox on Linux<span class=\"mark\">this one</span>"),
        "{page}"
    );
    assert!(page.contains("Safari on iPhone") && page.contains("28 days, remembered"));
}

#[test]
fn one_session_is_ended_and_the_others_stay() {
    let server = Server::start("memory:");
    let mut people = People::at(&server);
    let phone = handle(&mut people.phone);
    let path = format!("/sessions/{phone}/end");
    // Nobody ends the session of another user.
    assert_eq!(people.admin.post(&path).status, 404);
    assert!(is_signed_in(&mut people.phone));
    let mut desk = people.desk.clone().in_browser();
    let page = desk.form_then_page(&path, "").body;
    assert!(page.contains("The session has ended.") && !page.contains("iPhone"));
    assert!(!is_signed_in(&mut people.phone) && is_signed_in(&mut people.desk));
    let page = desk.form_then_page(&path, "").body;
    assert!(page.contains("That session was not there any more."));
    assert_eq!(people.desk.post("/sessions/nonsense/end").status, 404);
    // One's own: the browser forgets its ids.
    let own = format!("/sessions/{}", handle(&mut people.desk));
    assert_eq!(
        people.desk.send("DELETE", &own, "", "").json(),
        json!({ "ended": 1 })
    );
    assert!(!is_signed_in(&mut people.desk) && !people.desk.jar.contains_key("ss-opt"));
}

#[test]
fn a_user_signs_out_everywhere_else_and_everywhere() {
    let server = Server::start("memory:");
    let mut people = People::at(&server);
    assert_eq!(
        people.desk.post("/sessions/end-others").json(),
        json!({ "ended": 1 })
    );
    assert!(is_signed_in(&mut people.desk) && !is_signed_in(&mut people.phone));
    people.phone.sign_in("alice").json();
    let mut desk = people.desk.clone().in_browser();
    let page = desk.form_then_page("/sessions/end-all", "").body;
    assert!(page.contains("You are signed out everywhere."), "{page}");
    assert!(!is_signed_in(&mut people.desk) && !is_signed_in(&mut people.phone));
    assert!(
        !desk.jar.contains_key("ss-opt"),
        "the browser keeps its ids"
    );
    assert!(is_signed_in(&mut people.admin));
    people.desk.sign_in("alice").json();
    assert_eq!(
        people.desk.send("DELETE", "/sessions", "", "").json(),
        json!({ "ended": 1 })
    );
}

#[test]
fn who_is_not_signed_in_has_no_sessions() {
    let server = Server::start("memory:");
    let mut visitor = Browser::of(&server.address);
    visitor.post("/session/visit").json();
    for (method, path) in [
        ("GET", "/sessions"),
        ("DELETE", "/sessions"),
        ("POST", "/sessions/end-all"),
        ("POST", "/sessions/end-others"),
        ("POST", "/sessions/x/end"),
    ] {
        assert_eq!(
            visitor.send(method, path, "", "").status,
            401,
            "{method} {path}"
        );
    }
    // A browser is shown the form to sign in.
    let page = visitor.in_browser().get("/sessions");
    assert_eq!(page.status, 401);
    assert!(page.body.contains("Sign in first.") && page.body.contains(r#"name="password""#));
}

fn handle(visitor: &mut Browser) -> String {
    let session = visitor.get("/session").json();
    session["id_handle"].as_str().unwrap().to_owned()
}

fn is_signed_in(visitor: &mut Browser) -> bool {
    visitor.get("/session").json()["is_authenticated"] == true
}
