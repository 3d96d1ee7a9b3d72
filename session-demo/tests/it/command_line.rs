//! How it is started, and what it says when it cannot.

use std::net::TcpListener;

use crate::server::run;

#[test]
fn help_names_the_options_and_their_defaults() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "--cache",
        "sqlite://session-demo.db",
        "--listen",
        "127.0.0.1:3000",
    ] {
        assert!(help.contains(word), "{help}");
    }
}

#[test]
fn a_wrong_cache_is_a_sentence_and_no_password() {
    for url in [
        "nonsense",
        "nosql://user:secret@host/db",
        "memory:?secret=secret",
        "sqlite://",
    ] {
        let output = run(&["--cache", url, "--listen", "127.0.0.1:0"]);
        assert_eq!(output.status.code(), Some(2), "{url}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.starts_with("session-demo: ") && said.lines().count() == 1,
            "{said}"
        );
        assert!(
            !said.contains("user:") && !said.contains("secret@"),
            "{said}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_taken_port_is_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--cache", "memory:", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is taken by another program"), "{said}");
}
