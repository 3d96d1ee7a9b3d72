use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use session_core::{
    CacheClient, Codec, Condition, ErrorKind, EventContext, Expiry, SessionError, SessionEvents,
    SessionId, Undecodable, async_trait,
};

use super::{START_MS, Shop, World};
use crate::codec::harmlessly;
use crate::damage::{bits_turned, truncated};

/// Bytes that version 1 wrote. They are read for ever: never change them, add others.
const V1: &str = r#"{"v":1,"created":1700000000000,"saved":1700000001000,"lifetime":1209600000,"until":1707776000000,"permanent":true,"bag":{"cart":null,"code":1700000003000},"data":{"auth":{"is_authenticated":true,"user_id":"17","user_name":"alice","roles":["admin"]},"visits":3,"note":"hello"}}"#;

/// The same of a user, and in bincode without and with one.
const V1_OF_USER: &str = r#"{"v":1,"created":1700000000000,"saved":1700000001000,"lifetime":1209600000,"until":1707776000000,"permanent":true,"bag":{},"user":"2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90","data":{"auth":{"is_authenticated":true,"user_id":"alice"},"visits":3}}"#;
const V1_BINARY: &str = "0101fd00d0ca9f17030000fd00d0ca9f17030000fc00103290fd0080c33e1b0300000000140100000000000000000000000000000000000300";
const V1_BINARY_OF_USER: &str = "0101fd00d0ca9f17030000fd00d0ca9f17030000fc00103290fd0080c33e1b03000000001a010100000105616c6963650000000000000000000000000003004032626438303663393766306530306166316131666333333238666137363361393236393732336338646238666163346639336166373164623138366436653930";

/// What leads from an old id to a session, and the index of a user.
const LEAD: &str = r#"{"v":2,"moved":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB","until":1700000030000}"#;
const INDEX: &str = r#"{"v":1,"sessions":{"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB":{"until":1707776000000,"added":1700000000000}}}"#;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex
        .chars()
        .map(|digit| digit.to_digit(16).unwrap())
        .collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[tokio::test]
async fn the_other_forms_that_version_1_wrote_are_read() {
    for (stored, user) in [
        (V1_OF_USER.as_bytes().to_vec(), Some("alice")),
        (bytes(V1_BINARY), None),
        (bytes(V1_BINARY_OF_USER), Some("alice")),
    ] {
        let world = World::new();
        let id = SessionId::from_bytes([1; 24]);
        plant(&world, &id, stored).await;
        let old = SessionId::from_bytes([2; 24]);
        plant(&world, &old, LEAD).await;
        let key = "user:sess:2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90";
        let expiry = Expiry::In(Duration::from_secs(1_000));
        let map = &world.store.map;
        map.write(key, INDEX.into(), Condition::Always, expiry)
            .await
            .unwrap();
        assert_eq!(world.request(&id).await.visits, 3);
        assert_eq!(world.request(&old).await.auth.user_id.as_deref(), user);
        let of_alice = world.sessions.remove_user("alice").await.unwrap();
        assert_eq!(of_alice, u64::from(user.is_some()));
    }
}

async fn plant(world: &World, id: &SessionId, value: impl Into<session_core::Bytes>) {
    let key = format!("urn:iauthsession:{}", id.as_str());
    let expiry = Expiry::In(Duration::from_secs(1_000));
    let map = &world.store.map;
    map.write(&key, value.into(), Condition::Always, expiry)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_version_1_wrote_is_read() {
    let world = World::new();
    let id = SessionId::from_bytes([1; 24]);
    plant(&world, &id, V1).await;
    let session = world.request(&id).await;
    assert!(session.is_permanent() && session.is_signed_in() && session.auth.has_role("admin"));
    assert_eq!((session.visits, session.note.as_str()), (3, "hello"));
    assert_eq!(session.created(), Some(world.clock.now()));
    assert_eq!(session.bag().keys().await.unwrap(), ["cart", "code"]);
    assert_eq!(START_MS, 1_700_000_000_000);
}

#[tokio::test]
async fn version_1_is_what_is_written() {
    let world = World::new();
    let mut session = world.visitor().await;
    session.visits = 3;
    session.save().await.unwrap();
    session.bag().set("cart", &1).await.unwrap();
    let key = format!("urn:iauthsession:{}", session.id().unwrap().as_str());
    let stored = world.store.map.read(&key).await.unwrap().unwrap();
    let data = serde_json::to_string(session.data()).unwrap();
    let expected = format!(
        r#"{{"v":1,"created":1700000000000,"saved":1700000000000,"lifetime":1209600000,"until":1707776000000,"permanent":false,"bag":{{"cart":null}},"data":{data}}}"#
    );
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn fields_that_a_later_version_adds_are_passed_over() {
    let world = World::new();
    let id = SessionId::from_bytes([1; 24]);
    let more = V1.replacen(r#""v":1,"#, r#""v":1,"grace":{"a":[1]},"#, 1);
    plant(
        &world,
        &id,
        more.replace(r#""visits":3"#, r#""visits":3,"new":[]"#),
    )
    .await;
    assert_eq!(world.request(&id).await.visits, 3);
}

#[tokio::test]
async fn fields_after_the_data_are_passed_over_and_give_way_to_the_next_save() {
    let world = World::new();
    let id = SessionId::from_bytes([1; 24]);
    let more = V1.strip_suffix('}').unwrap().to_owned() + r#","new":{"a":[1]}}"#;
    plant(&world, &id, more).await;
    let session = world.request(&id).await;
    assert_eq!(session.visits, 3);
    session.bag().set("more", &1).await.unwrap();
    let mut session = world.request(&id).await;
    assert_eq!(session.bag().get::<u32>("more").await.unwrap(), Some(1));
    session.update(|shop| shop.visits += 1).await.unwrap();
    let key = format!("urn:iauthsession:{}", id.as_str());
    let stored = world.store.map.read(&key).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains("new"));
    assert_eq!(world.request(&id).await.visits, 4);
}

#[tokio::test]
async fn a_session_of_a_newer_version_is_an_error_whatever_the_option_says() {
    for undecodable in [Undecodable::StartNew, Undecodable::Fail] {
        let world = World::with(|options| options.undecodable(undecodable));
        let id = SessionId::from_bytes([1; 24]);
        for newer in [
            V1.replace(r#""v":1"#, r#""v":2"#),
            r#"{"v":9,"x":0}"#.to_owned(),
        ] {
            plant(&world, &id, newer).await;
            let error = world.sessions.load(&id).await.unwrap_err();
            let SessionError::Store(error) = error else {
                panic!("{error:?}");
            };
            assert_eq!(error.kind(), ErrorKind::Codec);
            assert!(error.to_string().contains("newer version"), "{error}");
            // It can be ended all the same.
            assert!(world.sessions.remove(&id).await.unwrap());
        }
    }
}

const DAMAGED: [&str; 7] = [
    "",
    "\0",
    "\u{1}\u{5}",
    "{}",
    "null",
    r#"{"v":0}"#,
    // A type that has changed: the record is whole, its data is not.
    r#"{"v":1,"created":1700000000000,"saved":1700000001000,"lifetime":9,"until":1707776000000,"permanent":true,"bag":{},"data":{"visits":"three"}}"#,
];

#[tokio::test]
async fn what_does_not_decode_is_by_choice_an_error_that_changes_nothing() {
    let world = World::with(|options| options.undecodable(Undecodable::Fail));
    let id = SessionId::from_bytes([1; 24]);
    for damaged in DAMAGED {
        plant(&world, &id, damaged).await;
        let error = world.sessions.load(&id).await.unwrap_err();
        let SessionError::Store(error) = error else {
            panic!("{error:?}");
        };
        assert_eq!(error.kind(), ErrorKind::Codec);
        assert!(!format!("{error:?}").contains("three"));
        assert!(world.sessions.remove(&id).await.unwrap());
    }
}

struct Count(Arc<AtomicU32>);

#[async_trait]
impl SessionEvents<Shop> for Count {
    async fn on_undecodable(&self, context: &EventContext) {
        assert!(context.handle().is_some());
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn what_does_not_decode_is_by_choice_a_new_session_and_an_event() {
    let mut world = World::new();
    let told = Arc::new(AtomicU32::new(0));
    world.sessions = world.sessions.with_events(Count(told.clone()));
    let id = SessionId::from_bytes([1; 24]);
    for (times, damaged) in (1..).zip(DAMAGED) {
        plant(&world, &id, damaged).await;
        let mut session = world.request(&id).await;
        assert!(!session.is_stored());
        assert_eq!(told.load(Ordering::SeqCst), times);
        session.save().await.unwrap();
        assert_ne!(session.id().unwrap(), id);
        assert!(world.sessions.update(&id, |_| ()).await.is_err());
        told.store(times, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn every_codec_is_read_whichever_is_set() {
    let json = World::new();
    let mut binary = World::with(|options| options.codec(Codec::Bincode));
    let options = binary.sessions.options().clone();
    binary.sessions = json.sessions.clone().with_options(options);
    for (writer, reader) in [(&json, &binary), (&binary, &json), (&binary, &binary)] {
        let mut session = writer.visitor().await;
        session.note = "ü".to_owned();
        session.save().await.unwrap();
        session.bag().set("cart", &("a", 1)).await.unwrap();
        let mut read = reader.request(&session.id().unwrap()).await;
        assert_eq!(read.note, "ü");
        let cart = read.bag().get::<(String, i32)>("cart").await.unwrap();
        assert_eq!(cart.unwrap(), ("a".to_owned(), 1));
        // The reader's bag rewrites the record around data that it does not decode.
        read.bag().set("more", &1).await.unwrap();
        read.update(|shop| shop.visits += 1).await.unwrap();
        let again = writer.request(&session.id().unwrap()).await;
        assert_eq!((again.visits, again.note.as_str()), (1, "ü"));
    }
}

/// Nothing of it is checked by a sum, so a turned bit within a text may be read as another text.
#[tokio::test]
async fn a_damaged_record_is_an_error_or_a_session_and_never_a_panic() {
    let world = World::with(|options| options.undecodable(Undecodable::Fail));
    let id = SessionId::from_bytes([1; 24]);
    // The list of calls is emptied again and again, because it grows. In binary the user came later and stands last: without it a record is one of nobody.
    for (record, readable_parts) in [
        (V1.into(), 0),
        (V1_OF_USER.into(), 0),
        (bytes(V1_BINARY), 0),
        (bytes(V1_BINARY_OF_USER), 1),
        (LEAD.into(), 0),
    ] {
        let mut readable = 0;
        for damaged in truncated(&record) {
            world.store.calls();
            plant(&world, &id, damaged.clone()).await;
            let loaded = harmlessly(&damaged, world.sessions.load(&id)).await;
            readable += usize::from(loaded.is_ok());
        }
        assert_eq!(readable, readable_parts, "parts of a record that were read");
        for damaged in bits_turned(&record) {
            world.store.calls();
            plant(&world, &id, damaged.clone()).await;
            let _ = harmlessly(&damaged, world.sessions.load(&id)).await;
        }
    }
}

#[tokio::test]
async fn a_damaged_index_is_an_error_or_an_index_and_never_a_panic() {
    let world = World::new();
    let key = "user:sess:2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90";
    let map = &world.store.map;
    for damaged in truncated(INDEX.as_bytes()).chain(bits_turned(INDEX.as_bytes())) {
        world.store.calls();
        let value = damaged.clone().into();
        let write = map.write(key, value, Condition::Always, Expiry::Never);
        assert!(write.await.unwrap());
        let removed = harmlessly(&damaged, world.sessions.remove_user("alice")).await;
        assert!(
            !matches!(removed, Ok(1..)),
            "a session that was never there"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_damaged_record_is_a_session_or_none_and_never_a_panic(
        cut in 0..V1.len(),
        at in 0..V1.len(),
        byte: u8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let id = SessionId::from_bytes([1; 24]);
            let mut bytes = V1.as_bytes().to_vec();
            bytes[at] = byte;
            plant(&world, &id, bytes.clone()).await;
            let _ = world.sessions.load(&id).await.map(drop);
            bytes.truncate(cut);
            plant(&world, &id, bytes).await;
            assert!(world.find(&id).await.is_none());
        });
    }
}
