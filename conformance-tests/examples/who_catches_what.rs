//! Runs the suite on every client that is broken on purpose, and prints which cases catch it.

#![allow(clippy::print_stdout)]

use std::time::Duration;

use conformance_tests::CASES;
use conformance_tests::broken::{BROKEN, BrokenClient};

/// Groups that need more of a store than broken clients offer.
const BEYOND: [&str; 2] = ["reopening", "sharing"];

#[tokio::main]
async fn main() {
    // A case that catches something panics; here that is the answer and no news.
    std::panic::set_hook(Box::new(|_| {}));
    println!("| broken client | what it does | caught by | and by |");
    println!("| --- | --- | --- | --- |");
    let mut escaped = 0;
    for broken in BROKEN {
        let (meant, others) = catchers(broken).await;
        escaped += usize::from(!meant);
        let case = format!("`{}::{}`", broken.group, broken.case);
        let case = if meant {
            case
        } else {
            format!("**not by** {case}")
        };
        println!(
            "| {} | {} | {case} | {others} more |",
            broken.name, broken.does
        );
    }
    println!(
        "\n{} of {} caught by the case meant for them",
        BROKEN.len() - escaped,
        BROKEN.len()
    );
    std::process::exit(i32::from(escaped > 0));
}

/// Whether the case that is meant catches the client, and how many others do.
async fn catchers(broken: &BrokenClient) -> (bool, usize) {
    let (mut meant, mut others) = (false, 0);
    for case in CASES.iter().filter(|case| !BEYOND.contains(&case.group)) {
        let store = broken.store().await;
        let run = tokio::spawn(case.run(store));
        // A lock that is never let go of would wait for ever.
        let passes = matches!(
            tokio::time::timeout(Duration::from_secs(10), run).await,
            Ok(Ok(()))
        );
        if (case.group, case.name) == (broken.group, broken.case) {
            meant = !passes;
        } else {
            others += usize::from(!passes);
        }
    }
    (meant, others)
}
