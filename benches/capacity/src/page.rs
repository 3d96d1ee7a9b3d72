//! A page whose tables the program wrote.
//!
//! A table stands between `<!-- capacity ARGUMENTS -->` and `<!-- end -->`.

/// The page with every table as `run` gives it for the arguments.
///
/// # Errors
///
/// If a table has no end, or `run` fails.
pub fn rewritten(
    page: &str,
    run: impl Fn(&[&str]) -> Result<String, String>,
) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, table)) = rest.split_once(START) {
        let (arguments, table) = table.split_once(CLOSE).ok_or("a marker does not close")?;
        let (_, after) = table.split_once(END).ok_or("a table has no end")?;
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let table = run(&words)?;
        text += &[before, START, arguments, CLOSE, "\n", &table, END].concat();
        rest = after;
    }
    Ok(text + rest)
}

const START: &str = "<!-- capacity";
const CLOSE: &str = "-->";
const END: &str = "<!-- end -->";
