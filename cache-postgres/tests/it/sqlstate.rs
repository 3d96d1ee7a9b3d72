//! What the server answers with, in the terms of the contract.

use session_core::{Bytes, CacheClient, Condition, ErrorKind, Expiry, Outcome};

use crate::database::{Database, ends};

/// A trigger makes the server fail as it does in earnest, with everything secret in its words.
#[tokio::test]
async fn errors_of_the_server_have_their_kind_and_tell_no_secret() {
    let database = Database::take().await;
    let cache = database.connect().await;
    let (schema, table) = (database.quoted_schema(), database.table());
    database
        .execute(&format!(
            "CREATE FUNCTION {schema}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION USING errcode = new.key, message = new.key || ' s3cret',
                     detail = 's3cret ' || convert_from(new.value, 'UTF8'), hint = 's3cret';
             END $$;
             CREATE TRIGGER fail BEFORE INSERT ON {table}
                 FOR EACH ROW EXECUTE FUNCTION {schema}.fail()"
        ))
        .await;
    use ErrorKind::*;
    use Outcome::*;
    for (code, kind, outcome) in [
        ("53100", Full, NotApplied),
        ("53200", Full, NotApplied),
        ("40001", Conflict, NotApplied),
        ("40P01", Conflict, NotApplied),
        ("55P03", Overloaded, NotApplied),
        ("57014", Timeout, NotApplied),
        ("25006", ReadOnly, NotApplied),
        ("42501", Denied, NotApplied),
        ("XX001", Corrupt, NotApplied),
        ("57P01", Unavailable, Unknown),
        ("22000", Other, NotApplied),
    ] {
        let value = Bytes::from_static(b"s3cret");
        let error = ends(cache.write(code, value, Condition::Always, Expiry::Never)).await;
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, outcome), "{code}");
        let source = std::error::Error::source(&error).unwrap();
        let told = format!("{error} {error:?} {source} {source:?}");
        assert!(!told.contains("s3cret"), "{told}");
        assert!(source.to_string().contains(code), "{told}");
    }
}
