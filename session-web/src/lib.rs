//! Sessions over HTTP: cookies, headers, a tower layer and axum extractors.
