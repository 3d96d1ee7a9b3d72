//! Proves the stores that the URLs on the command line name: `conformance-tests --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    conformance_tests::runner::main(|url| async move { cache_connect::connect(&url).await })
}
