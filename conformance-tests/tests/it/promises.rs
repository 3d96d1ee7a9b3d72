//! The docs of the traits, the table of promises and the table of cases say the same.

use std::collections::{BTreeMap, BTreeSet};

use conformance_tests::{CASES, PROMISES, Promise, RETIRED};

/// What the contract promises is said in this file and nowhere else.
const CONTRACT: &str = include_str!("../../../session-core/src/client.rs");

/// The level of what is built on the contract, which has no promises of its own.
const ON_TOP: u8 = 5;

#[test]
fn every_sentence_of_the_docs_is_a_promise_and_every_promise_a_sentence() {
    let said = sentences(CONTRACT);
    assert!(said.len() > 100, "the docs were not read: {said:?}");
    let promised: Vec<_> = PROMISES
        .iter()
        .map(|promise| (promise.of.to_owned(), promise.says.to_owned()))
        .collect();
    let unknown: Vec<_> = said.iter().filter(|one| !promised.contains(one)).collect();
    let gone: Vec<_> = promised.iter().filter(|one| !said.contains(one)).collect();
    assert!(unknown.is_empty(), "sentences without an id: {unknown:#?}");
    assert!(gone.is_empty(), "promises that nobody makes: {gone:#?}");
    assert_eq!(said, promised, "the table is in the order of the docs");
}

#[test]
fn ids_are_unique_and_none_is_given_again() {
    let mut numbers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let ids = PROMISES.iter().map(|promise| promise.id);
    for id in ids.chain(RETIRED.iter().copied()) {
        let (topic, number) = id.split_once('-').expect("a topic and a number");
        let well_formed = topic.len() == 2 && number.len() == 2;
        assert!(well_formed, "{id} is not of the form `EX-07`");
        let number = number.parse().expect("a number");
        numbers.entry(topic).or_default().push(number);
    }
    // Without gaps, so that an id can leave the table for `RETIRED` only.
    for (topic, mut numbers) in numbers {
        numbers.sort_unstable();
        let expected: Vec<usize> = (1..=numbers.len()).collect();
        assert_eq!(numbers, expected, "the ids of {topic}");
    }
}

#[test]
fn every_promise_has_a_case_or_a_reason_and_never_both() {
    let shown: BTreeSet<_> = CASES.iter().flat_map(|case| case.promises).collect();
    for promise in PROMISES {
        match promise.no_case {
            None => assert!(shown.contains(&promise.id), "no case shows {promise:?}"),
            Some(_) => assert!(!shown.contains(&promise.id), "a case shows {promise:?}"),
        }
    }
}

#[test]
fn every_case_names_the_promises_that_it_shows() {
    for case in CASES {
        let mut ids = case.promises.iter();
        let unknown = ids.find(|id| Promise::of_id(id).is_none());
        assert_eq!(unknown, None, "{case:?} names a promise that is not made");
        let names = !case.promises.is_empty() || case.level == ON_TOP;
        assert!(names, "{case:?} shows no promise");
    }
}

/// The sentences of the docs of the traits and their methods, each with its trait or method.
fn sentences(source: &str) -> Vec<(String, String)> {
    let (mut sentences, mut docs, mut of_trait) = (Vec::new(), Vec::new(), "");
    for line in source.lines().map(str::trim) {
        let after = |start| {
            let rest: &str = line.strip_prefix(start)?;
            rest.split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .next()
        };
        if let Some(text) = line.strip_prefix("///") {
            docs.push(text.trim());
            continue;
        }
        let item = if let Some(name) = after("pub trait ") {
            of_trait = name;
            Some(name.to_owned())
        } else {
            let method = after("async fn ").or_else(|| after("fn "));
            method.map(|name| format!("{of_trait}::{name}"))
        };
        match item {
            _ if line.starts_with("#[") => continue,
            Some(item) if !of_trait.is_empty() => {
                let said = split(&docs).into_iter().map(|said| (item.clone(), said));
                sentences.extend(said);
            }
            _ => {}
        }
        docs.clear();
    }
    sentences
}

/// The sentences of paragraphs, without headings and targets of links.
fn split(docs: &[&str]) -> Vec<String> {
    let paragraphs = docs.split(|line| line.is_empty());
    let paragraphs = paragraphs.filter(|lines| {
        let first = lines.first().copied().unwrap_or("#");
        let is_target = first.starts_with('[') && first.contains("]: ");
        !first.starts_with('#') && !is_target
    });
    let mut sentences = Vec::new();
    for paragraph in paragraphs {
        let mut sentence = String::new();
        for word in paragraph.iter().flat_map(|line| line.split_whitespace()) {
            sentence.push_str(word);
            if word.ends_with('.') {
                sentences.push(std::mem::take(&mut sentence));
            } else {
                sentence.push(' ');
            }
        }
        assert!(sentence.is_empty(), "a sentence without an end: {sentence}");
    }
    sentences
}
