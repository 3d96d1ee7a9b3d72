//! The runner proves stores from their URLs, fails where it should, and leaves everything else alone.

mod faulty;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use session_core::{CacheClient, CacheClientExtended, Condition, Expiry};
use tempfile::TempDir;

use faulty::Fault;

/// Groups that are quick, and between them use every kind of store that a URL can open.
const QUICK: [&str; 7] = [
    "--group=reads",
    "--group=namespaces",
    "--group=reopening",
    "--group=sharing",
    "--group=efficiency",
    "--margin-ms=300",
    "--json=-",
];

#[test]
fn memory_and_a_file_pass_and_the_report_says_what_memory_lacks() {
    let folder = TempDir::new().unwrap();
    let file = sqlite(&folder);
    let output = program(&[&["memory:", &file], &QUICK[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = json(&output);
    assert_eq!(report["passed"], true);
    let (memory, sqlite) = (&report["stores"][0], &report["stores"][1]);
    assert_eq!(verdicts(memory, "reads"), verdicts(sqlite, "reads"));
    assert!(
        verdicts(sqlite, "reads")
            .iter()
            .all(|verdict| verdict == "passed")
    );
    assert!(
        verdicts(memory, "sharing")
            .iter()
            .all(|verdict| verdict == "lacking")
    );
    assert!(
        verdicts(sqlite, "reopening")
            .iter()
            .all(|verdict| verdict == "passed")
    );
    // A file has no network, so no level is missed for want of one; memory is shared by nobody.
    assert!(applies(sqlite, "efficiency").iter().all(|applies| !applies));
    assert!(applies(memory, "sharing").iter().all(|applies| *applies));
    assert_eq!(memory["footprint"], Value::Null);
    assert!(sqlite["footprint"]["sentinels"].as_u64().unwrap() > 10);
    assert_eq!(sqlite["footprint"]["left"], 0);
    assert!(said(&output).contains("lacks sharing: each connection is a store of its own"));
    assert_eq!(entries(&file), []);
}

#[test]
fn a_run_inside_a_namespace_leaves_all_others_as_they_were() {
    let folder = TempDir::new().unwrap();
    let file = sqlite(&folder);
    let keys = [
        "shop:cart",
        "shop:%",
        "shop:conformance_",
        "shopping",
        "shop",
        "other:*",
    ];
    fill(&file, &keys);
    let before = entries(&file);
    let inside = format!("{file}?namespace=shop");
    let output = program(&[&[&*inside], &QUICK[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let sample = &json(&output)["stores"][0]["footprint"]["sample"];
    assert_eq!(sample["entries"], 3, "those of the namespace");
    assert_eq!(sample["changed"], 0);
    assert_eq!(entries(&file), before);
}

#[test]
fn what_is_no_url_of_a_store_is_explained_and_proves_nothing() {
    for url in [
        "mongodb://user:secret@localhost",
        "user:secret@localhost",
        "secret",
    ] {
        let output = program(&[url]);
        assert_eq!(output.status.code(), Some(2));
        let said = said(&output);
        assert!(
            said.contains("should start with one of 'memory:'"),
            "{said}"
        );
        assert!(!said.contains("secret"), "{said}");
    }
    let output = program(&["memory:?max_entires=5"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("max_entires"), "{}", said(&output));
    assert_eq!(program(&[]).status.code(), Some(2));
}

/// Nothing listens on the discard port.
#[test]
fn an_absent_server_is_no_proof_even_beside_a_store_that_is_there() {
    for absent in [
        "redis://user:secret@127.0.0.1:9",
        "postgres://user:secret@127.0.0.1:9/d",
    ] {
        let output = program(&["memory:", absent, "--json=-"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty(), "no report of what was not run");
        let said = said(&output);
        assert!(
            said.contains("127.0.0.1:9") && said.contains("cannot be reached"),
            "{said}"
        );
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn groups_and_cases_can_be_chosen_and_listed() {
    let output = program(&["--list", "--group=reads"]);
    assert_eq!(output.status.code(), Some(0));
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(
        listed.lines().all(|line| line.contains("reads::")),
        "{listed}"
    );
    let case = "reads::what_was_written_is_read";
    assert!(listed.contains(case));
    let output = program(&["memory:", "--only", case, "--json=-"]);
    assert_eq!(
        json(&output)["stores"][0]["cases"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        json(&output)["stores"][0]["level"],
        0,
        "a level needs all its cases"
    );
    let output = program(&["memory:", "--group=raeds"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("reads, values"), "{}", said(&output));
}

#[test]
fn a_broken_store_fails_with_what_was_seen_and_how_to_repeat_it() {
    let folder = TempDir::new().unwrap();
    let (status, report) = faulty::run(Fault::ReadsNothing, &folder, &["--group=reads"]);
    assert_eq!(status, 1);
    assert_eq!(report["passed"], false);
    let store = &report["stores"][0];
    let named = |case: &&Value| case["name"] == "what_was_written_is_read";
    let case = store["cases"]
        .as_array()
        .unwrap()
        .iter()
        .find(named)
        .unwrap();
    assert_eq!(case["verdict"], "failed");
    let complaint = &case["complaints"][0];
    assert!(
        complaint["message"]
            .as_str()
            .unwrap()
            .contains("saw no entry"),
        "{complaint}"
    );
    assert!(
        complaint["at"].as_str().unwrap().contains("reads.rs:"),
        "{complaint}"
    );
    for form in ["r.md", "r.html"] {
        let text = std::fs::read_to_string(folder.path().join(form)).unwrap();
        assert!(text.contains("saw no entry"), "{text}");
        assert!(
            text.contains("--only reads::what_was_written_is_read"),
            "{text}"
        );
    }
    let badge = std::fs::read_to_string(folder.path().join("r.svg")).unwrap();
    assert!(badge.contains("failed"), "{badge}");
}

#[test]
fn a_sequence_that_fails_names_the_seed_that_repeats_it() {
    let folder = TempDir::new().unwrap();
    let only = "--only=sequences::mixed_operations_agree_with_a_plain_map";
    let (status, report) = faulty::run(Fault::CountsTwice, &folder, &[only, "--seed=100..200"]);
    assert_eq!(status, 1);
    let message = &report["stores"][0]["cases"][0]["complaints"][0]["message"];
    let message = message.as_str().unwrap();
    let seed: u64 = message[5..message.find(',').unwrap()].parse().unwrap();
    assert!((100..200).contains(&seed), "{message}");
    let text = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(text.contains(&format!("--seed {seed}`")), "{text}");
}

#[test]
fn a_store_that_reaches_outside_its_namespace_fails() {
    let folder = TempDir::new().unwrap();
    let case = ["--only=reads::a_missing_key_reads_as_none"];
    for (fault, expected) in [
        (Fault::FlushesAll, "the name in capitals: it is gone"),
        (
            Fault::FlushesWithoutColon,
            "a namespace whose name goes on: it is gone",
        ),
        (
            Fault::FlushesAsPattern,
            "a name in which `_` is any character: it is gone",
        ),
        (
            Fault::TouchesOthers,
            "a name cut short: its deadline is another",
        ),
    ] {
        let (status, report) = faulty::run(fault, &folder, &case);
        assert_eq!(status, 1, "{fault:?}");
        let store = &report["stores"][0];
        assert_eq!(store["failed"], 0, "the case itself passes");
        let touched = store["footprint"]["touched"].as_array().unwrap();
        assert!(
            touched.iter().any(|touched| touched == expected),
            "{fault:?}: {touched:#?}"
        );
    }
}

#[test]
fn a_store_that_keeps_what_was_removed_fails() {
    let folder = TempDir::new().unwrap();
    let case = ["--only=reads::what_was_written_is_read"];
    let (status, report) = faulty::run(Fault::FlushesNothing, &folder, &case);
    assert_eq!(status, 1);
    assert!(report["stores"][0]["footprint"]["left"].as_u64().unwrap() > 0);
}

#[test]
fn entries_that_others_change_meanwhile_are_told_and_are_no_failure() {
    let folder = TempDir::new().unwrap();
    let case = ["--only=reads::what_was_written_is_read"];
    let (status, report) = faulty::run(Fault::OthersWrite, &folder, &case);
    assert_eq!(status, 0);
    let sample = &report["stores"][0]["footprint"]["sample"];
    assert_eq!(
        (&sample["entries"], &sample["changed"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn a_case_that_hangs_fails_after_its_limit_and_holds_up_no_other() {
    let folder = TempDir::new().unwrap();
    let arguments = ["--group=reads", "--limit-s=1"];
    let (status, report) = faulty::run(Fault::HangsOnMissing, &folder, &arguments);
    assert_eq!(status, 1);
    let store = &report["stores"][0];
    assert!(store["passed"].as_u64().unwrap() > 0 && store["failed"].as_u64().unwrap() > 0);
    let text = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(text.contains("it still ran after 1 s"), "{text}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_cleans_up_and_proves_nothing() {
    use std::io::{BufRead, BufReader};

    let folder = TempDir::new().unwrap();
    let (store, report) = (sqlite(&folder), file(&folder, "r.json"));
    let mut run = Command::new(PROGRAM)
        .args([
            &*store,
            &*format!("--json={}", report.display()),
            "--jobs=4",
        ])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    // The first tells the namespace, the second that cases were run.
    assert!(lines.by_ref().take(2).all(|line| line.is_ok()));
    let pid = run.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(run.wait().unwrap().code(), Some(2), "{said:#?}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(
        (&report["interrupted"], &report["passed"]),
        (&true.into(), &false.into())
    );
    assert_eq!(entries(&store), []);
}

#[cfg(feature = "servers")]
#[test]
fn redis_and_postgres_pass() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (redis, postgres) = runtime.block_on(async {
        use conformance_tests::servers;
        (servers::redis().await, servers::postgres().await)
    });
    let output = program(&[&[&*redis, &*postgres], &QUICK[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for store in json(&output)["stores"].as_array().unwrap() {
        assert_eq!(
            (&store["failed"], &store["lacking"]),
            (&0.into(), &0.into())
        );
        assert!(store["passed"].as_u64().unwrap() > 40, "{store}");
        assert!(!verdicts(store, "efficiency").is_empty());
    }
    assert!(!said(&output).contains("postgres@"), "{}", said(&output));
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_conformance-tests");

fn program(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

/// What people were told.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verdicts(store: &Value, group: &str) -> Vec<String> {
    let cases = store["cases"].as_array().unwrap();
    let of_group = cases.iter().filter(|case| case["group"] == group);
    of_group
        .map(|case| case["verdict"].as_str().unwrap().to_owned())
        .collect()
}

fn applies(store: &Value, group: &str) -> Vec<bool> {
    let cases = store["cases"].as_array().unwrap().iter();
    let lacking = cases.filter(|case| case["group"] == group);
    let applies: Vec<bool> = lacking
        .map(|case| case["applies"].as_bool().unwrap())
        .collect();
    assert!(!applies.is_empty());
    applies
}

fn sqlite(folder: &TempDir) -> String {
    format!("sqlite://{}", file(folder, "cache.db").display())
}

fn file(folder: &TempDir, name: &str) -> std::path::PathBuf {
    Path::join(folder.path(), name)
}

fn on_a_runtime<T>(steps: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(steps)
}

/// Writes entries without and with a deadline in turn.
fn fill(url: &str, keys: &[&str]) {
    on_a_runtime(async {
        let store = cache_connect::connect(url).await.unwrap();
        for (n, key) in keys.iter().enumerate() {
            let expiry = match n % 2 {
                0 => Expiry::Never,
                _ => Expiry::In(std::time::Duration::from_secs(3_600)),
            };
            store
                .write(key, (*key).to_owned().into(), Condition::Always, expiry)
                .await
                .unwrap();
        }
    });
}

/// Every entry with its value and the hour in which it ends.
fn entries(url: &str) -> Vec<(String, Vec<u8>, String)> {
    use futures_util::TryStreamExt;
    on_a_runtime(async {
        let store = cache_connect::connect(url).await.unwrap();
        let keys: Vec<String> = store.keys_starting_with("").try_collect().await.unwrap();
        let mut entries = Vec::new();
        for key in keys {
            let (value, left) = store.read_with_time_to_live(&key).await.unwrap().unwrap();
            let ends = match left {
                session_core::TimeToLive::Never => "never".to_owned(),
                session_core::TimeToLive::Remaining(left) => {
                    format!("in {} minutes", left.as_secs().div_ceil(600) * 10)
                }
            };
            entries.push((key, value.to_vec(), ends));
        }
        entries.sort();
        entries
    })
}
