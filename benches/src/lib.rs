//! All backends side by side.
