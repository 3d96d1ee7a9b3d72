//! The tables of README and SECURITY.md name tests, examples and routes. All of them exist.

use std::fs;
use std::path::{Path, PathBuf};

const TABLES: [&str; 2] = ["session-web/README.md", "session-web/SECURITY.md"];

/// What a path in a table begins with, and where that lies.
const PLACES: [(&str, &str); 4] = [
    ("web/", "session-web/tests/it/"),
    ("core/", "session-core/tests/it/"),
    ("suite/", "conformance-tests/src/cases/"),
    ("demo/", "session-demo/tests/it/"),
];

fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between backticks, each with the text before it; paragraphs are one line each.
fn spans(text: &str) -> Vec<(String, String)> {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let parts: Vec<_> = one_line.split('`').collect();
    let pairs = parts.chunks_exact(2);
    pairs
        .map(|pair| (pair[0].to_owned(), pair[1].to_owned()))
        .collect()
}

/// The tests that a text names, each with its file: a path and a colon, then names and commas.
fn tests(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut file = None;
    for (before, span) in spans(text) {
        let continues = before == ": " || before == ", ";
        if span.ends_with(".rs") && !span.starts_with("examples/") {
            let place = PLACES.iter().find(|(short, _)| span.starts_with(short));
            file = Some(match place {
                Some((short, long)) => span.replacen(short, long, 1),
                None => span,
            });
        } else if continues && let Some(file) = &file {
            found.push((file.clone(), span));
        } else {
            file = None;
        }
    }
    found
}

#[test]
fn the_tests_that_the_tables_name_exist() {
    for table in TABLES {
        let named = tests(&read(table));
        assert!(named.len() > 60, "{table} names {} tests", named.len());
        for (file, test) in named {
            let defined = read(&file).contains(&format!("fn {test}("));
            assert!(defined, "{table} names {test}, which is not in {file}");
        }
    }
}

#[test]
fn every_row_of_the_table_for_servicestack_can_be_tried_and_is_tested() {
    let readme = read("session-web/README.md");
    let (_, table) = readme
        .split_once("| there | here | try it | test |")
        .unwrap();
    let demo = read("session-demo/src/app.rs");
    // What the demo mounts of this crate.
    let mounted = ["/auth/credentials", "/auth/logout", "/apikeys"];
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<_> = rows.filter(|line| !line.starts_with("| ---")).collect();
    assert!(rows.len() > 50, "{} rows", rows.len());
    for row in rows {
        let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [_, here, try_it, test] = cells[..] else {
            panic!("{row}");
        };
        let has_no_place = here.starts_with("none: ");
        assert!(has_no_place || try_it != "none", "{row}");
        assert!(has_no_place || !tests(test).is_empty(), "{row}");
        for (_, span) in spans(try_it) {
            if let Some(example) = span.strip_prefix("examples/") {
                read(&format!("session-web/examples/{example}"));
            } else if span.starts_with('/') && !mounted.contains(&span.as_str()) {
                let is_there = demo.contains(&format!("\"{span}\""));
                assert!(is_there, "the demo has no route {span}");
            }
        }
    }
}

#[test]
fn no_cell_of_the_security_tables_is_empty() {
    for line in read("session-web/SECURITY.md").lines() {
        if let Some(row) = line.strip_prefix("| ") {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let (last, cells) = cells.split_last().unwrap();
            assert!(last.is_empty() && cells.len() >= 3, "{line}");
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{line}");
        }
    }
}
