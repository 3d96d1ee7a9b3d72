//! The administrator's list of all sessions.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::server::Server;

#[test]
fn only_the_administrator_lists_and_ends_sessions() {
    let server = Server::start("memory:");
    let (mut alice, mut admin) = (Browser::of(&server.address), Browser::of(&server.address));
    assert_eq!(admin.get("/admin").status, 401);
    alice.sign_in("alice").json();
    assert_eq!(alice.get("/admin").status, 403);
    let handle = alice.get("/session").json()["id_handle"].clone();
    let path = format!("/admin/sessions/{}", handle.as_str().unwrap());
    assert_eq!(alice.send("DELETE", &path, "", "").status, 403);
    assert_eq!(alice.post(&format!("{path}/end")).status, 403);

    admin.sign_in("admin").json();
    let listed = sessions(&mut admin, "/admin");
    let found: Vec<_> = listed
        .iter()
        .filter(|one| one["user_name"] == "alice")
        .collect();
    assert_eq!((listed.len(), found.len()), (2, 1));
    assert_eq!(found[0]["handle"], handle);
    assert_eq!(
        listed.iter().filter(|one| one["current"] == true).count(),
        1
    );
    let text = Value::from(listed).to_string();
    assert!(!text.contains(&alice.jar["ss-id"]) && !text.contains(&alice.jar["ss-pid"]));

    let mut desk = admin.clone().in_browser();
    let page = desk.form_then_page(&format!("{path}/end"), "").body;
    assert!(page.contains("The session has ended."), "{page}");
    let page = desk.form_then_page(&format!("{path}/end"), "").body;
    assert!(page.contains("That session was not there any more."));
    for path in [&*path, "/admin/sessions/nonsense"] {
        assert_eq!(admin.send("DELETE", path, "", "").status, 404);
    }
    assert_eq!(alice.get("/session").json()["is_authenticated"], false);
    assert_eq!(alice.post("/session/visit").json()["visits"], 1);
}

#[test]
fn a_search_finds_users_devices_and_handles() {
    let server = Server::start("memory:");
    let mut admin = Browser::of(&server.address);
    admin.sign_in("admin").json();
    let mut alice = Browser::of(&server.address).with("User-Agent", "Gecko/2010 Firefox/140.0");
    alice.sign_in("alice").json();
    Browser::of(&server.address).post("/session/visit").json();
    let handle = alice.get("/session").json()["id_handle"].clone();
    let handle = handle.as_str().unwrap();
    for (search, count) in [
        ("", 3),
        ("alice", 1),
        ("ALI", 1),
        ("firefox", 1),
        (handle, 1),
        ("+ali+", 1),
        ("%25", 0),
        ("nobody", 0),
    ] {
        let found = sessions(&mut admin, &format!("/admin?q={search}"));
        assert_eq!(found.len(), count, "{search}");
    }
}

#[test]
fn the_list_comes_in_pages() {
    let server = Server::start("memory:");
    let mut admin = Browser::of(&server.address);
    admin.sign_in("admin").json();
    for _ in 0..30 {
        Browser::of(&server.address).post("/session/visit").json();
    }
    let first = admin.get("/admin").json();
    let second = admin.get("/admin?page=2").json();
    let third = admin.get("/admin?page=3").json();
    let counted = [&first, &second, &third].map(|page| {
        let sessions = page["sessions"].as_array().unwrap().len();
        json!([sessions, page["more"], page["incomplete"]])
    });
    assert_eq!(
        counted,
        [
            json!([25, true, false]),
            json!([6, false, false]),
            json!([0, false, false])
        ]
    );
    let all = [&first, &second].map(|page| page["sessions"].as_array().unwrap().clone());
    let mut handles: Vec<_> = all
        .concat()
        .iter()
        .map(|one| one["handle"].to_string())
        .collect();
    handles.sort();
    handles.dedup();
    assert_eq!(handles.len(), 31);
    let mut browser = admin.clone().in_browser();
    let page = browser.get("/admin?q=&page=1").body;
    assert!(page.contains(r#"href="/admin?q=&amp;page=2""#) && page.contains("Next page"));
    let page = browser.get("/admin?page=2").body;
    assert!(page.contains("Page before") && !page.contains("Next page"));
    for wrong in [
        "page=0",
        "page=-1",
        "page=x",
        "page=201",
        "page=99999999999999999999",
    ] {
        let refused = admin.get(&format!("/admin?{wrong}"));
        assert_eq!(refused.status, 400, "{wrong}");
        assert!(
            refused.body.contains("a number from 1 on"),
            "{}",
            refused.body
        );
    }
}

fn sessions(admin: &mut Browser, path: &str) -> Vec<Value> {
    admin.get(path).json()["sessions"]
        .as_array()
        .unwrap()
        .clone()
}
