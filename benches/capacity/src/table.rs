//! Tables and figures as text.

/// A table in Markdown, whose first column is text and the others numbers.
pub fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
    let mut rule = vec!["---:"; header.len()];
    rule[0] = "---";
    let mut text = line(header) + &line(&rule);
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        text += &line(&cells);
    }
    text
}

/// A number to three digits: `0.25`, `47`, `1,230`, `12.3M`.
pub fn number(value: f64) -> String {
    if value < 1e6 {
        return small(value);
    }
    let (scaled, unit) = if value < 1e9 {
        (value / 1e6, "M")
    } else {
        (value / 1e9, "G")
    };
    small(scaled) + unit
}

fn small(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value < 0.01 {
        return format!("{value:.1e}");
    }
    if value < 9.995 {
        return format!("{value:.2}");
    }
    if value < 99.95 {
        return format!("{value:.1}");
    }
    let step = if value < 10_000.0 {
        1.0
    } else if value < 100_000.0 {
        100.0
    } else {
        1_000.0
    };
    let digits = format!("{:.0}", (value / step).round() * step);
    match digits.len() {
        ..=3 => digits,
        length => format!("{},{}", &digits[..length - 3], &digits[length - 3..]),
    }
}

/// Bytes in binary units.
pub fn bytes(value: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = value;
    let mut at = 0;
    while value >= 1_000.0 && at + 1 < units.len() {
        value /= 1_024.0;
        at += 1;
    }
    format!("{} {}", number(value), units[at])
}
