//! Bytes written by one version are read by the next, and bytes of a stranger do no harm.
#![allow(unsafe_code)] // An allocator that counts cannot be written without.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::num::{NonZeroI64, NonZeroU8, NonZeroU128, Wrapping};
use std::sync::mpsc;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_core::{Codec, ErrorKind};

use crate::damage::{bits_turned, truncated};

const CODECS: [Codec; 2] = [Codec::Bincode, Codec::Json];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sample {
    id: String,
    name: Option<String>,
    count: u64,
    balance: i32,
    ratio: f64,
    letter: char,
    flag: bool,
    tags: Vec<String>,
    numbers: BTreeMap<String, Vec<i64>>,
    shape: Shape,
    pair: (u8, Id),
    nothing: (),
    wide: u128,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(u32),
    Rectangle(u16, u16),
    Text { font: String, size: Option<u8> },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Id(i64);

fn sample() -> Sample {
    Sample {
        id: "ä-1".to_owned(),
        name: Some("Ann".to_owned()),
        count: 70_000,
        balance: -3,
        ratio: 0.5,
        letter: 'ß',
        flag: true,
        tags: vec!["x".to_owned(), String::new()],
        numbers: BTreeMap::from([("n".to_owned(), vec![1, -1, 300])]),
        shape: Shape::Text {
            font: "F".to_owned(),
            size: Some(9),
        },
        pair: (255, Id(-129)),
        nothing: (),
        wide: u128::MAX,
    }
}

/// Bytes that earlier versions have stored. They never change; a new form gets a new tag.
#[test]
fn what_was_stored_stays_readable() {
    let bincode: &[u8] = b"\x01\x04\xc3\xa4-1\x01\x03Ann\xfc\x70\x11\x01\x00\x05\
        \x00\x00\x00\x00\x00\x00\xe0\x3f\xc3\x9f\x01\x02\x01x\x00\x01\x01n\x03\x02\x01\xfb\x58\x02\
        \x03\x01F\x01\x09\xff\xfb\x01\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
        \xff\xff\xff";
    let json = r#"{"id":"ä-1","name":"Ann","count":70000,"balance":-3,"ratio":0.5,"letter":"ß","flag":true,"tags":["x",""],"numbers":{"n":[1,-1,300]},"shape":{"Text":{"font":"F","size":9}},"pair":[255,-129],"nothing":null,"wide":340282366920938463463374607431768211455}"#;

    for (codec, stored) in [(Codec::Bincode, bincode), (Codec::Json, json.as_bytes())] {
        assert_eq!(Codec::decode::<Sample>(stored).unwrap(), sample());
        assert_eq!(codec.encode(&sample()).unwrap(), stored);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(value in samples()) {
        for codec in CODECS {
            let bytes = codec.encode(&value).unwrap();
            prop_assert_eq!(&Codec::decode::<Sample>(&bytes).unwrap(), &value);
        }
    }

    #[test]
    fn any_bytes_give_an_error_or_a_value(bytes in vec(any::<u8>(), 0..200)) {
        let tagged = [&[1], &*bytes].concat();
        for bytes in [bytes, tagged] {
            let _ = decode_harmlessly::<Sample>(&bytes);
            let _ = decode_harmlessly::<Vec<Option<Shape>>>(&bytes);
            let _ = decode_harmlessly::<HashMap<(), ()>>(&bytes);
        }
    }
}

#[test]
fn damaged_bytes_give_an_error_or_a_value() {
    for codec in CODECS {
        let bytes = codec.encode(&sample()).unwrap();
        for damaged in truncated(&bytes) {
            assert_codec::<Sample>(&damaged);
        }
        for damaged in bits_turned(&bytes) {
            let _ = decode_harmlessly::<Sample>(&damaged);
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    for codec in CODECS {
        let mut bytes = codec.encode(&sample()).unwrap().to_vec();
        bytes.push(b'1');
        assert_codec::<Sample>(&bytes);
    }
}

#[test]
fn unknown_tags_are_refused() {
    for tag in (0..9).filter(|tag| *tag != 1) {
        assert_codec::<()>(&[tag]);
        assert_codec::<u8>(&[tag, b'1']);
    }
    assert_codec::<()>(b"");
    Codec::decode::<()>(b"\x01").unwrap();
    assert_eq!(Codec::decode::<u8>(b"\t\n 7").unwrap(), 7);
}

#[test]
fn a_length_that_the_bytes_cannot_hold_is_refused_at_once() {
    for exponent in [14, 31, 32, 40, 60, 63] {
        let mut bytes = vec![1, 0xfd];
        bytes.extend((1_u64 << exponent).to_le_bytes());
        bytes.extend([0; 20]);
        within_a_minute(move || {
            assert_codec::<Vec<()>>(&bytes);
            assert_codec::<Vec<u64>>(&bytes);
            assert_codec::<Vec<[u64; 32]>>(&bytes);
            assert_codec::<String>(&bytes);
            assert_codec::<HashSet<()>>(&bytes);
            assert_codec::<BTreeMap<(), ()>>(&bytes);
            assert_codec::<HashMap<u64, [(); 3]>>(&bytes);
            assert_codec::<Vec<Vec<()>>>(&bytes);
            let error = Codec::decode::<Vec<u8>>(&bytes).unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with("cannot hold the length that they say")
            );
        });
    }
}

#[test]
fn elements_that_take_no_bytes_are_limited_in_all() {
    for codec in CODECS {
        let bytes = codec.encode(&[[(); 32]; 32][..]).unwrap();
        assert_eq!(Codec::decode::<Vec<[(); 32]>>(&bytes).unwrap().len(), 32);
    }
    assert_round_trip(&vec![(); 4_096]);
    assert_round_trip(&vec![vec![(); 1_024]; 4]);
    assert_refused(Codec::Bincode, &vec![(); 4_097]);
    assert_refused(Codec::Bincode, &vec![vec![(); 1_024]; 5]);
    assert_eq!(
        Codec::Json.encode(&vec![(); 5_000]).unwrap().len(),
        "null,".len() * 5_000 + 1
    );

    // A few bytes may not ask for many steps: 1,000 sequences of 4,000 each.
    let mut hostile = vec![1, 0xfb];
    hostile.extend(1_000_u16.to_le_bytes());
    for _ in 0..1_000 {
        hostile.push(0xfb);
        hostile.extend(4_000_u16.to_le_bytes());
    }
    assert_codec::<Vec<Vec<()>>>(&hostile);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum List {
    End,
    More(Box<List>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Both {
    End,
    More { left: Box<Both>, right: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    branches: Vec<Tree>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Maybe(Option<Box<Maybe>>);

fn list(depth: usize) -> List {
    (0..depth).fold(List::End, |inner, _| List::More(Box::new(inner)))
}

fn both(depth: usize) -> Both {
    (0..depth).fold(Both::End, |inner, _| Both::More {
        left: Box::new(inner),
        right: 0,
    })
}

fn tree(depth: usize) -> Tree {
    let leaf = Tree { branches: vec![] };
    (0..depth).fold(leaf, |inner, _| Tree {
        branches: vec![inner],
    })
}

fn maybe(depth: usize) -> Maybe {
    (0..depth).fold(Maybe(None), |inner, _| Maybe(Some(Box::new(inner))))
}

#[test]
fn what_nests_as_deep_as_can_be_read_is_written() {
    assert_round_trip(&list(127));
    assert_round_trip(&both(63));
    // A struct and a sequence each.
    assert_round_trip(&tree(62));
    let bytes = Codec::Bincode.encode(&maybe(63)).unwrap();
    assert_eq!(Codec::decode::<Maybe>(&bytes).unwrap(), maybe(63));
}

#[test]
fn what_nests_deeper_than_can_be_read_is_not_written() {
    for codec in CODECS {
        for depth in [128, 2_000] {
            assert_refused(codec, &list(depth));
            assert_refused(codec, &both(depth / 2));
            assert_refused(codec, &tree(depth / 2));
            assert_refused(codec, &maybe(depth / 2));
        }
    }
}

#[test]
fn bytes_that_nest_too_deep_are_refused_before_the_stack_ends() {
    let deep = vec![1; 1_000_000];
    assert_codec::<List>(&deep);
    assert_codec::<Both>(&deep);
    assert_codec::<Tree>(&deep);
    assert_codec::<Maybe>(&deep);
    assert_codec::<Tree>(r#"{"branches":["#.repeat(100_000).as_bytes());
    assert_codec::<List>(r#"{"More":"#.repeat(100_000).as_bytes());
}

#[test]
fn an_integer_is_decimal_text_whatever_the_codec() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer(Id);

    assert_text(&0_u8, "0");
    assert_text(&i8::MIN, "-128");
    assert_text(&u16::MAX, "65535");
    assert_text(&i32::MIN, "-2147483648");
    assert_text(&i64::MIN, "-9223372036854775808");
    assert_text(&u64::MAX, "18446744073709551615");
    assert_text(&i128::MIN, "-170141183460469231731687303715884105728");
    assert_text(&u128::MAX, "340282366920938463463374607431768211455");
    assert_text(&7_usize, "7");
    assert_text(&Outer(Id(-12)), "-12");
    assert_text(&Wrapping(5), "5");
    assert_text(&NonZeroU8::MAX, "255");
    assert_text(&NonZeroI64::MIN, "-9223372036854775808");
    assert_text(&NonZeroU128::MAX, "340282366920938463463374607431768211455");
    assert_text(&Box::new(3), "3");
}

#[test]
fn what_only_holds_an_integer_is_not_text() {
    let encode = |bytes: session_core::Result<session_core::Bytes>| bytes.unwrap()[0];
    assert_eq!(encode(Codec::Bincode.encode(&Some(1))), 1);
    assert_eq!(encode(Codec::Bincode.encode(&true)), 1);
    assert_eq!(encode(Codec::Bincode.encode(&'1')), 1);
    assert_eq!(encode(Codec::Bincode.encode(&1.0)), 1);
    assert_eq!(encode(Codec::Bincode.encode("1")), 1);
    assert_eq!(encode(Codec::Bincode.encode(&(1,))), 1);
}

#[test]
fn an_integer_must_be_canonical_and_fit() {
    for text in ["+1", "007", "-", "300", "-1", "1.5", "1e2", "1 2"] {
        assert_codec::<u8>(text.as_bytes());
    }
    assert_codec::<bool>(b"1");
    assert_codec::<String>(b"1");
    assert_eq!(Codec::decode::<Option<i64>>(b"1").unwrap(), Some(1));
}

/// An integer for machines and words for people, as sizes and instants often are.
#[derive(Debug, PartialEq)]
struct Kibibytes(u64);

impl Serialize for Kibibytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&format_args!("{} KiB", self.0));
        }
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Kibibytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            let number = text.strip_suffix(" KiB").and_then(|n| n.parse().ok());
            return number
                .map(Self)
                .ok_or_else(|| serde::de::Error::custom("no size"));
        }
        u64::deserialize(deserializer).map(Self)
    }
}

#[test]
fn a_type_with_a_form_for_people_is_read_in_the_form_that_was_written() {
    assert_round_trip(&Kibibytes(4));
    assert_round_trip(&Kibibytes(u64::MAX));
    assert_round_trip(&Some(Kibibytes(4)));
}

#[test]
fn types_that_want_json_are_refused_by_bincode_and_never_misread() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        a: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Skipping {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        a: Option<u8>,
        b: Option<u8>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u8),
        Text(String),
    }

    let flat = Flat {
        a: 1,
        rest: BTreeMap::from([("b".to_owned(), 2)]),
    };
    assert_refused(Codec::Bincode, &flat);
    assert_eq!(decoded_json(&flat), flat);
    let skipping = Skipping {
        a: None,
        b: Some(1),
    };
    assert_refused(Codec::Bincode, &skipping);
    assert_eq!(decoded_json(&skipping), skipping);

    let untagged = Untagged::Text("x".to_owned());
    assert_codec::<Untagged>(&Codec::Bincode.encode(&untagged).unwrap());
    assert_eq!(decoded_json(&untagged), untagged);
    let value = serde_json::json!({ "a": [1, null] });
    assert_codec::<serde_json::Value>(&Codec::Bincode.encode(&value).unwrap());
    assert_eq!(decoded_json(&value), value);
}

#[test]
fn numbers_that_json_cannot_say_are_refused() {
    for number in [f64::NAN, f64::INFINITY] {
        assert_refused(Codec::Json, &number);
        assert_refused(Codec::Json, &[Some(number)]);
    }
    assert_refused(Codec::Json, &f32::NAN);
    assert_round_trip(&f64::MIN_POSITIVE);
    let bytes = Codec::Bincode.encode(&f64::INFINITY).unwrap();
    assert_eq!(Codec::decode::<f64>(&bytes).unwrap(), f64::INFINITY);
}

#[test]
fn a_value_that_encodes_on_its_own_while_it_is_encoded_is_whole() {
    struct Nested;
    impl Serialize for Nested {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let inner = Codec::Json
                .encode("inner")
                .map_err(serde::ser::Error::custom)?;
            serializer.collect_str(&String::from_utf8_lossy(&inner))
        }
    }
    let bytes = Codec::Bincode.encode(&("before", Nested, "after")).unwrap();
    let read: (String, String, String) = Codec::decode(&bytes).unwrap();
    assert_eq!(read, ("before".into(), "\"inner\"".into(), "after".into()));
}

#[test]
fn errors_say_where_and_never_what() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct User {
        password: u64,
    }

    let error = Codec::decode::<User>(b"{\n  \"password\": \"hunter2\"}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "codec decode: the stored JSON text is no value of this type (line 2, column 23)"
    );
    let error_of_bytes = Codec::decode::<String>(b"\n\"a\xFF\"").unwrap_err();
    assert_eq!(
        error_of_bytes.to_string(),
        "codec decode: the stored JSON text is not well-formed (line 2, column 3)"
    );
    let mut secret = Codec::Bincode.encode("hunter2").unwrap().to_vec();
    secret.push(0);
    for error in [
        error,
        Codec::decode::<User>(b"{\"hunter2\":\"hunter2\"}").unwrap_err(),
        Codec::decode::<User>(b"hunter2").unwrap_err(),
        Codec::decode::<List>(b"\"hunter2\"").unwrap_err(),
        Codec::decode::<String>(&secret).unwrap_err(),
        Codec::decode::<bool>(&secret).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Codec);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        assert!(std::error::Error::source(&error).is_none());
    }
}

fn samples() -> impl Strategy<Value = Sample> {
    let texts = (any::<String>(), any::<Option<String>>(), any::<char>());
    let numbers = (any::<u64>(), any::<i32>(), -1e300..1e300_f64, any::<u128>());
    let many = (
        vec(any::<String>(), 0..5),
        btree_map(any::<String>(), vec(any::<i64>(), 0..5), 0..5),
    );
    let shape = prop_oneof![
        Just(Shape::Point),
        any::<u32>().prop_map(Shape::Circle),
        any::<(u16, u16)>().prop_map(|(width, height)| Shape::Rectangle(width, height)),
        any::<(String, Option<u8>)>().prop_map(|(font, size)| Shape::Text { font, size }),
    ];
    let rest = (any::<bool>(), any::<(u8, i64)>());
    (texts, numbers, many, shape, rest).prop_map(|(texts, numbers, many, shape, rest)| Sample {
        id: texts.0,
        name: texts.1,
        letter: texts.2,
        count: numbers.0,
        balance: numbers.1,
        ratio: numbers.2,
        wide: numbers.3,
        tags: many.0,
        numbers: many.1,
        shape,
        flag: rest.0,
        pair: (rest.1.0, Id(rest.1.1)),
        nothing: (),
    })
}

#[track_caller]
fn assert_round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    for codec in CODECS {
        let bytes = codec.encode(value).unwrap();
        assert_eq!(&Codec::decode::<T>(&bytes).unwrap(), value, "{codec:?}");
    }
}

#[track_caller]
fn assert_text<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    for codec in CODECS {
        assert_eq!(codec.encode(value).unwrap(), text, "{codec:?}");
    }
    assert_eq!(&Codec::decode::<T>(text.as_bytes()).unwrap(), value);
}

#[track_caller]
fn assert_refused<T: Serialize>(codec: Codec, value: &T) {
    let error = codec.encode(value).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec, "{codec:?}");
}

#[track_caller]
fn assert_codec<T: DeserializeOwned>(bytes: &[u8]) {
    let result = decode_harmlessly::<T>(bytes);
    let error = result.err().expect("the bytes must be refused");
    assert_eq!(error.kind(), ErrorKind::Codec);
}

#[track_caller]
fn decoded_json<T: Serialize + DeserializeOwned>(value: &T) -> T {
    Codec::decode(&Codec::Json.encode(value).unwrap()).unwrap()
}

/// Decodes, and asserts that no more memory was asked for at a time than the bytes justify.
#[track_caller]
fn decode_harmlessly<T: DeserializeOwned>(bytes: &[u8]) -> session_core::Result<T> {
    LARGEST.set(0);
    let result = Codec::decode::<T>(bytes);
    // Each byte may be an element, and the largest ones here take 256 bytes of memory.
    let justified = 1_024 + 256 * bytes.len();
    assert!(
        LARGEST.get() <= justified,
        "{} bytes asked for",
        LARGEST.get()
    );
    result
}

/// What a call gives that reads damaged bytes; asserts that no more memory was asked for at a time
/// than the work for a whole record and these bytes justify. On a runtime of one thread.
pub(crate) async fn harmlessly<T>(damaged: &[u8], call: impl Future<Output = T>) -> T {
    LARGEST.set(0);
    let answer = call.await;
    let justified = 16 * 1_024 + 256 * damaged.len();
    assert!(
        LARGEST.get() <= justified,
        "{} bytes asked for",
        LARGEST.get()
    );
    answer
}

/// Fails instead of hanging when `work` spins.
#[track_caller]
fn within_a_minute(work: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = wait.recv_timeout(Duration::from_secs(60)) {
        panic!("still busy after a minute");
    }
    worker.join().unwrap();
}

/// Notes the largest allocation of each thread.
struct Noting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Noting = Noting;

// SAFETY: hands everything on to the system's allocator; the note allocates nothing.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}
