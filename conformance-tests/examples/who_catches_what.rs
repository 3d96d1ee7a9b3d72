//! Runs the suite on every client that is broken on purpose, and prints which cases catch it.
//!
//! `BROKEN.md` is what it prints: write it anew when a case or a broken client comes.

#![allow(clippy::print_stdout)]

use std::time::Duration;

use conformance_tests::broken::{BROKEN, BrokenClient};
use conformance_tests::{CASES, Case, GROUPS};
use futures_util::{StreamExt, stream};

/// How many cases run at once, and how long each may wait for a lock that is never let go of. More
/// would only wait for each other.
const PLAIN: (usize, Duration) = (16, Duration::from_secs(5));

/// The same where time-outs are waited for.
const NETWORKED: (usize, Duration) = (40, Duration::from_secs(60));

#[tokio::main]
async fn main() {
    // A case that catches something panics; here that is the answer and no news.
    std::panic::set_hook(Box::new(|_| {}));
    let of = |store: &str| -> Vec<&Case> {
        let groups = GROUPS.iter().filter(|group| group.store == store);
        let groups: Vec<_> = groups.map(|group| group.name).collect();
        let cases = CASES.iter();
        cases.filter(|case| groups.contains(&case.group)).collect()
    };
    // What is wrong only with a network is tried where there is one.
    let (plain, networked) = (of("plain"), of("networked"));

    println!("# Who catches what\n");
    println!(
        "What `cargo run -p conformance-tests --example who_catches_what` prints: clients broken"
    );
    println!("on purpose, one defect each, and the cases of the suite that catch them.\n");
    println!("| broken client | what it does | caught by | and by |");
    println!("| --- | --- | --- | --- |");
    let mut escaped = 0;
    for broken in BROKEN {
        let catchers = match broken.is_networked {
            true => catchers(broken, &networked, NETWORKED).await,
            false => catchers(broken, &plain, PLAIN).await,
        };
        let meant = (broken.group, broken.case);
        let caught = catchers.contains(&meant);
        escaped += usize::from(!caught);
        let others = catchers.len() - usize::from(caught);
        println!("{} {others} more |", broken.row());
        if !caught {
            println!("\n{broken:?} was not caught\n");
        }
    }
    println!(
        "\n{} of {} caught by the case meant for them",
        BROKEN.len() - escaped,
        BROKEN.len()
    );
    std::process::exit(i32::from(escaped > 0));
}

/// The cases that fail on a broken client, by group and name.
async fn catchers(
    broken: &'static BrokenClient,
    cases: &[&'static Case],
    (at_once, patience): (usize, Duration),
) -> Vec<(&'static str, &'static str)> {
    let runs = cases.iter().map(|&case| async move {
        let run = tokio::spawn(async move { case.run(broken.store().await).await });
        let passes = matches!(tokio::time::timeout(patience, run).await, Ok(Ok(())));
        (!passes).then_some((case.group, case.name))
    });
    let runs = stream::iter(runs).buffer_unordered(at_once);
    runs.filter_map(std::future::ready).collect().await
}
