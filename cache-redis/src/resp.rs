//! Redis' protocol, version 2: commands into bytes, and answers out of them as they come.
//!
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>
//!
//! A batch is packed as it is made, and sent from there. What has been read is not looked at again,
//! however many pieces a long answer comes in.

use bytes::{Buf, BytesMut};
use redis::Value;

/// A command as it is sent.
#[derive(Clone)]
pub(crate) struct Command(Vec<u8>);

/// Commands that are sent at once.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    count: usize,
    is_transaction: bool,
}

impl Command {
    pub(crate) fn of(words: &[&[u8]]) -> Self {
        let bytes: usize = words.iter().map(|word| word.len() + BESIDE_WORD).sum();
        let mut packed = Vec::with_capacity(bytes + BESIDE_WORD);
        pack(&mut packed, words);
        Self(packed)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Batch {
    /// Commands with an answer each.
    pub(crate) fn of(fill: impl FnOnce(&mut Self)) -> Self {
        let mut batch = Self {
            bytes: Vec::new(),
            count: 0,
            is_transaction: false,
        };
        fill(&mut batch);
        batch
    }

    /// Commands that see one instant, of so many bytes: all are applied or none.
    pub(crate) fn transaction(bytes: usize, fill: impl FnOnce(&mut Self)) -> Self {
        let mut batch = Self {
            bytes: Vec::with_capacity(bytes + MULTI.len() + EXEC.len()),
            count: 0,
            is_transaction: true,
        };
        batch.bytes.extend_from_slice(MULTI);
        fill(&mut batch);
        batch.bytes.extend_from_slice(EXEC);
        batch
    }

    pub(crate) fn add(&mut self, words: &[&[u8]]) {
        pack(&mut self.bytes, words);
        self.count += 1;
    }

    pub(crate) fn push(&mut self, command: &Command) {
        self.bytes.extend_from_slice(&command.0);
        self.count += 1;
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many answers say nothing that is of use unless they are errors, and how many come then.
    pub(crate) fn answers(&self) -> (usize, usize) {
        match self.is_transaction {
            // Those to `MULTI` and to what is queued; the last one has all of theirs.
            true => (self.count + 1, 1),
            false => (0, self.count),
        }
    }
}

/// Appends a command: a list of texts.
fn pack(bytes: &mut Vec<u8>, words: &[&[u8]]) {
    head(bytes, b'*', words.len());
    for word in words {
        head(bytes, b'$', word.len());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

fn head(bytes: &mut Vec<u8>, kind: u8, count: usize) {
    bytes.push(kind);
    bytes.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

/// What came and is no answer by the protocol. It is not kept: it may quote values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// Bytes that came, and how far they have been understood.
#[derive(Default)]
pub(crate) struct Answers {
    bytes: BytesMut,
    /// The lists around the next value, the outermost first.
    open: Vec<List>,
}

struct List {
    values: Vec<Value>,
    left: usize,
}

/// A part of an answer.
enum Part {
    Value(Value),
    /// The begin of a list of so many values, at least one.
    List(usize),
}

/// The line that a part begins with, often all of it.
struct Line<'b> {
    kind: u8,
    text: &'b [u8],
    /// Where it ends with its line break.
    end: usize,
}

impl Answers {
    /// The next answer, once all of it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Value>, Garbled> {
        while let Some(part) = self.part()? {
            let mut value = match part {
                Part::Value(value) => value,
                Part::List(_) if self.open.len() == DEEPEST => return Err(Garbled),
                Part::List(left) => {
                    let values = Vec::with_capacity(left.min(MOST_EXPECTED));
                    self.open.push(List { values, left });
                    continue;
                }
            };
            loop {
                let Some(list) = self.open.last_mut() else {
                    return Ok(Some(value));
                };
                list.values.push(value);
                list.left -= 1;
                if list.left > 0 {
                    break;
                }
                let Some(List { values, .. }) = self.open.pop() else {
                    break;
                };
                value = Value::Array(values);
            }
        }
        Ok(None)
    }

    /// Where more is to be read to, with as much room as is known to be needed.
    pub(crate) fn room(&mut self) -> &mut BytesMut {
        if self.bytes.is_empty() && self.bytes.capacity() > MOST_ROOM {
            // What a long value took is not kept for the short ones after it.
            self.bytes = BytesMut::new();
        }
        self.bytes
            .reserve(self.missing().clamp(LEAST_ROOM, MOST_ROOM));
        &mut self.bytes
    }

    /// How many bytes more the next part needs at least, as far as it is known.
    fn missing(&self) -> usize {
        let Ok(Some(line)) = self.line() else {
            return 0;
        };
        let end = match line.kind {
            b'$' => number(line.text).and_then(|len| bulk_end(line.end, len)),
            _ => return 0,
        };
        end.map_or(0, |end| end.saturating_sub(self.bytes.len()))
    }

    fn part(&mut self) -> Result<Option<Part>, Garbled> {
        let Some(Line { kind, text, end }) = self.line()? else {
            return Ok(None);
        };
        let part = match kind {
            b'$' => match number(text)? {
                -1 => Part::Value(Value::Nil),
                len => {
                    let (start, end) = (end, bulk_end(end, len)?);
                    let Some(body) = self.bytes.get(start..end) else {
                        return Ok(None);
                    };
                    let value = body.strip_suffix(b"\r\n").ok_or(Garbled)?.to_vec();
                    self.bytes.advance(end);
                    return Ok(Some(Part::Value(Value::BulkString(value))));
                }
            },
            b'*' => match number(text)? {
                -1 => Part::Value(Value::Nil),
                0 => Part::Value(Value::Array(Vec::new())),
                len => Part::List(usize::try_from(len).map_err(|_| Garbled)?),
            },
            b':' => Part::Value(Value::Int(number(text)?)),
            // What a transaction has queued is fine, too, and a hundred times the same word.
            b'+' if text == b"OK" || text == b"QUEUED" => Part::Value(Value::Okay),
            b'+' => {
                let text = std::str::from_utf8(text).map_err(|_| Garbled)?;
                Part::Value(Value::SimpleString(text.to_owned()))
            }
            // The driver knows the codes of errors.
            b'-' => match redis::parse_redis_value(&self.bytes[..end]) {
                Ok(error @ Value::ServerError(_)) => Part::Value(error),
                _ => return Err(Garbled),
            },
            _ => return Err(Garbled),
        };
        self.bytes.advance(end);
        Ok(Some(part))
    }

    /// The first line of the next part.
    fn line(&self) -> Result<Option<Line<'_>>, Garbled> {
        let Some(end) = self
            .bytes
            .iter()
            .take(LONGEST_LINE)
            .position(|byte| *byte == b'\n')
        else {
            return match self.bytes.len() < LONGEST_LINE {
                true => Ok(None),
                false => Err(Garbled),
            };
        };
        match &self.bytes[..end] {
            [kind, text @ .., b'\r'] => Ok(Some(Line {
                kind: *kind,
                text,
                end: end + 1,
            })),
            _ => Err(Garbled),
        }
    }
}

/// Where a text ends with its line break, whose head ends here.
fn bulk_end(head: usize, len: i64) -> Result<usize, Garbled> {
    match usize::try_from(len) {
        Ok(len) if len <= LONGEST_BULK => Ok(head + len + 2),
        _ => Err(Garbled),
    }
}

fn number(text: &[u8]) -> Result<i64, Garbled> {
    let (digits, is_negative) = match text {
        [b'-', digits @ ..] => (digits, true),
        digits => (digits, false),
    };
    if digits.is_empty() {
        return Err(Garbled);
    }
    digits.iter().try_fold(0_i64, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => i64::from(digit - b'0'),
            _ => return Err(Garbled),
        };
        let number = number.checked_mul(10).ok_or(Garbled)?;
        match is_negative {
            true => number.checked_sub(digit),
            false => number.checked_add(digit),
        }
        .ok_or(Garbled)
    })
}

/// What the protocol adds to a word, at most for one below 100 MB.
pub(crate) const BESIDE_WORD: usize = 13;
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// How many lists may be one in another: those of a script in a transaction are four.
const DEEPEST: usize = 16;
/// For how many values of a list room is made because it says so.
const MOST_EXPECTED: usize = 1_024;
/// What a line may take: errors quote commands, which the server cuts far below.
const LONGEST_LINE: usize = 64 * 1_024;
/// What a text may take: Redis' own limit.
const LONGEST_BULK: usize = 512 << 20;

/// For how many bytes there is room before each read.
const LEAST_ROOM: usize = 16 * 1_024;
/// For how many there is if a long text announced itself.
const MOST_ROOM: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&[u8]]) -> Result<Vec<Value>, Garbled> {
        let (mut answers, mut values) = (Answers::default(), Vec::new());
        for piece in pieces {
            answers.bytes.extend_from_slice(piece);
            while let Some(value) = answers.next()? {
                values.push(value);
            }
        }
        Ok(values)
    }

    const MANY: &[u8] =
        b"+OK\r\n+QUEUED\r\n+PONG\r\n:-9223372036854775808\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n\
        *3\r\n$1\r\nx\r\n*2\r\n:7\r\n*0\r\n$-1\r\n*-1\r\n-ERR no\r\n";

    #[test]
    fn answers_are_the_same_wherever_they_are_cut() {
        let bulk = |text: &str| Value::BulkString(text.into());
        let expected = [
            Value::Okay,
            Value::Okay,
            Value::SimpleString("PONG".to_owned()),
            Value::Int(i64::MIN),
            bulk("a\r\nbc"),
            bulk(""),
            Value::Nil,
            Value::Array(vec![
                bulk("x"),
                Value::Array(vec![Value::Int(7), Value::Array(Vec::new())]),
                Value::Nil,
            ]),
            Value::Nil,
        ];
        for cut in 0..=MANY.len() {
            let mut found = all(&[&MANY[..cut], &MANY[cut..]]).unwrap();
            assert!(
                matches!(found.pop(), Some(Value::ServerError(error)) if error.code() == "ERR")
            );
            assert_eq!(found, expected);
        }
        let bytes: Vec<_> = MANY.chunks(1).collect();
        assert_eq!(all(&bytes).unwrap().len(), expected.len() + 1);
    }

    #[test]
    fn what_is_no_answer_is_garbled() {
        let nested = b"*1\r\n".repeat(DEEPEST + 1);
        let line = vec![b'+'; LONGEST_LINE];
        for garbled in [
            &b"GET\r\n"[..],
            b"\r\n",
            b":\r\n",
            b":-\r\n",
            b":1 \r\n",
            b":+1\r\n",
            b":9223372036854775808\r\n",
            b"+OK\n",
            b"$-2\r\n",
            b"$1\r\nab\r\n",
            b"$1\r\nabc",
            b"$536870913\r\n",
            b"*-2\r\n",
            b"+\xff\r\n",
            b"%1\r\n",
            &nested,
            &line,
        ] {
            assert_eq!(all(&[garbled]), Err(Garbled), "{garbled:?}");
        }
    }

    #[test]
    fn a_long_text_says_how_much_is_missing() {
        let mut answers = Answers::default();
        assert_eq!(answers.missing(), 0);
        answers.bytes.extend_from_slice(b"$1000\r\nabc");
        assert!(answers.next().unwrap().is_none());
        assert_eq!(answers.missing(), 999);
    }

    #[test]
    fn a_command_is_a_list_of_texts_whatever_is_in_them() {
        let words: [&[u8]; 3] = [b"SET", b"", b"a\r\n\0\xff"];
        let command = Command::of(&words);
        let expected = b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\r\n\0\xff\r\n";
        assert_eq!(command.bytes(), expected);
        let plain = Batch::of(|batch| {
            batch.push(&command);
            batch.add(&[b"PING"]);
        });
        assert_eq!(
            plain.bytes(),
            [&expected[..], b"*1\r\n$4\r\nPING\r\n"].concat()
        );
        assert_eq!(plain.answers(), (0, 2));
        let whole = Batch::transaction(0, |batch| batch.add(&words));
        assert_eq!(whole.bytes(), [MULTI, expected, EXEC].concat());
        assert_eq!(whole.answers(), (2, 1));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), proptest::sample::select(b"*$:+-0123\r\n".to_vec())], 0..64,
        )) {
            let _ = all(&[&bytes]);
        }
    }
}
