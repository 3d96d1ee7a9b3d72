//! The cache contract in one SQLite file.
