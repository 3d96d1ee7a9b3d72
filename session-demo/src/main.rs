//! A small site on sessions.

fn main() {}
