//! Sessions as clients see them: through HTTP, with a cookie jar.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod application;
mod everywhere;
mod faulty;
mod keys;
mod stores;
mod visitor;

mod answers;
mod api_keys;
mod basic;
mod cookies;
mod costs;
mod failures;
mod headers;
mod ids;
mod jwt;
mod other_sites;
mod plain;
mod secrets;
mod sign_in;
mod signed;
mod streaming;
mod tables;
mod users;
mod writes;
