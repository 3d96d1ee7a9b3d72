//! The demo as a user starts it: the real program, over real connections.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod browser;
mod server;

mod admin;
mod cart;
mod chromium;
mod command_line;
mod journey;
mod keys;
mod load;
mod pages;
mod register;
mod restart;
mod routes;
mod sessions;
mod token;
