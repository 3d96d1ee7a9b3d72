//! A file for each thing that visitors and programs can do.

pub(crate) mod admin;
pub(crate) mod api;
pub(crate) mod bag;
pub(crate) mod cart;
pub(crate) mod home;
pub(crate) mod keys;
pub(crate) mod listed;
pub(crate) mod register;
pub(crate) mod sessions;
pub(crate) mod token;
