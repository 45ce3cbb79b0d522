//! What nodes say to one another: RESP commands, each with its version, its kind, who says it, and to whom.

use super::terms::Terms;
use crate::base::num::parse_u64;
use crate::engine::forward::Forward;
use crate::persist::Mark;
use crate::rdb::lzf;
use crate::resp::{encode, parse};

/// The version of all this. Nodes of different versions do not talk to one another, but say so.
pub const VERSION: u64 = 1;
/// The word every message begins with.
const WORD: &[u8] = b"tabdis";
/// To whom it may concern.
pub(super) const ALL: &str = "*";
/// The longest name of a node.
const NAME: usize = 64;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// I am at this place and want what follows: to a leader, or to whoever leads.
    Sync { term: u64, offset: u64 },
    /// I lead; so far I am, and so far the log is stored.
    Lead { term: u64, offset: u64, replid: String, mark: Mark },
    /// What you get from here on belongs to this history.
    Continue { terms: Terms },
    /// The feed from `offset` on.
    Feed { term: u64, offset: u64, mark: Mark, bytes: Vec<u8> },
    /// You get everything anew, as of this place, in pieces under this number.
    Full { number: u64, offset: u64, terms: Terms },
    /// The piece `n` of it.
    Piece { number: u64, n: u64, last: bool, bytes: Vec<u8> },
    /// I have all pieces before `n`.
    Got { number: u64, n: u64 },
    /// I have everything up to `offset`. `visible`: somebody looks at me.
    Ack { offset: u64, visible: bool },
    /// Say how far you are.
    GetAck,
    /// Are you there?
    Ping,
    /// I want to lead under this term: how far are you? Hear no earlier one any more.
    Gather { term: u64 },
    /// So far: the last term I came to, and the offset. The answer to a gathering.
    Position { gather: u64, term: u64, offset: u64 },
    /// I am about to lead, and loading.
    Busy { term: u64 },
    /// Run these for me; I have got all answers before `oldest`.
    Request { term: u64, oldest: u64, wait: bool, forward: Forward },
    /// The answer to one; all I have done up to then is in the feed before `offset`.
    Reply { serial: u64, db: u64, offset: u64, bytes: Vec<u8> },
    /// This one was done, but could not be stored, which its answer was to wait for.
    Unstored { serial: u64 },
    /// I miss requests from this number on.
    Again { serial: u64 },
    /// I wait no more for these answers, and watch nothing any more for these clients.
    Cancel { serials: Vec<u64>, owners: Vec<u64> },
    /// You may lead: nobody looks at me.
    Take,
    /// I am gone.
    Bye,
    /// I do not speak your version, but this one.
    Version { version: u64 },
    /// I have come, and this shows on whose behalf: the first word on a connection.
    Hello { token: Vec<u8> },
    /// I do not serve you, for this reason.
    Refused { text: String },
    /// What of the feed is for you, behind what you have had under the number before `to`: one batch, that makes you be at `to`. On its
    /// way it is compressed where that makes it shorter.
    Batch { to: u64, bytes: Vec<u8> },
}

/// A message with its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub from: String,
    pub to: String,
    pub message: Message,
}

/// What came in the place of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Odd {
    /// Something else, or something that is not whole.
    Nonsense,
    /// A message of another version.
    Version { from: String, version: u64 },
}

struct Pen(Vec<Vec<u8>>);

impl Pen {
    fn word(mut self, word: impl AsRef<[u8]>) -> Self {
        self.0.push(word.as_ref().to_vec());
        self
    }

    fn number(self, n: u64) -> Self {
        self.word(n.to_string())
    }

    fn mark(self, mark: &Mark) -> Self {
        self.number(mark.record).number(mark.offset)
    }
}

/// Appends `message` to `out`.
pub(super) fn write(out: &mut Vec<u8>, from: &str, to: &str, message: &Message) {
    let pen = |kind: &str| Pen(vec![WORD.to_vec(), VERSION.to_string().into_bytes()]).word(kind).word(from).word(to);
    let pen = match message {
        Message::Sync { term, offset } => pen("SYNC").number(*term).number(*offset),
        Message::Lead { term, offset, replid, mark } => {
            pen("LEAD").number(*term).number(*offset).word(replid).mark(mark)
        }
        Message::Continue { terms } => pen("CONTINUE").word(terms.to_text()),
        Message::Feed { term, offset, mark, bytes } => pen("FEED").number(*term).number(*offset).mark(mark).word(bytes),
        Message::Full { number, offset, terms } => pen("FULL").number(*number).number(*offset).word(terms.to_text()),
        Message::Piece { number, n, last, bytes } => {
            pen("PIECE").number(*number).number(*n).number(u64::from(*last)).word(bytes)
        }
        Message::Got { number, n } => pen("GOT").number(*number).number(*n),
        Message::Ack { offset, visible } => pen("ACK").number(*offset).number(u64::from(*visible)),
        Message::GetAck => pen("GETACK"),
        Message::Ping => pen("PING"),
        Message::Gather { term } => pen("GATHER").number(*term),
        Message::Position { gather, term, offset } => pen("POSITION").number(*gather).number(*term).number(*offset),
        Message::Busy { term } => pen("BUSY").number(*term),
        Message::Request { term, oldest, wait, forward } => {
            let pen = pen("REQUEST").number(*term).number(*oldest).number(u64::from(*wait));
            forward.words().into_iter().fold(pen, Pen::word)
        }
        Message::Reply { serial, db, offset, bytes } => {
            pen("REPLY").number(*serial).number(*db).number(*offset).word(bytes)
        }
        Message::Unstored { serial } => pen("UNSTORED").number(*serial),
        Message::Again { serial } => pen("AGAIN").number(*serial),
        Message::Cancel { serials, owners } => {
            let pen = pen("CANCEL").number(serials.len() as u64);
            serials.iter().chain(owners).fold(pen, |pen, n| pen.number(*n))
        }
        Message::Take => pen("TAKE"),
        Message::Bye => pen("BYE"),
        Message::Version { version } => pen("VERSION").number(*version),
        Message::Hello { token } => pen("HELLO").word(token),
        Message::Refused { text } => pen("REFUSED").word(text),
        Message::Batch { to, bytes } => {
            let (size, packed) = pack(bytes);
            pen("BATCH").number(*to).number(size).word(packed)
        }
    };
    encode::command(out, &pen.0.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

/// Shorter batches are not worth the time.
const SHORT: usize = 256;
/// A batch that claims to become longer is none: a backlog's whole content.
const LONGEST: u64 = 1 << 30;

/// Compresses a batch, as strings of an RDB file are. Its length with it; 0 if it is as it was.
fn pack(bytes: &[u8]) -> (u64, Vec<u8>) {
    let mut packed = Vec::new();
    let shorter = bytes.len() >= SHORT && lzf::Compressor::default().compress(bytes, &mut packed, bytes.len() / 8);
    if shorter { (bytes.len() as u64, packed) } else { (0, bytes.to_vec()) }
}

fn unpack(size: u64, bytes: &[u8]) -> Option<Vec<u8>> {
    if size == 0 {
        return Some(bytes.to_vec());
    }
    if size > LONGEST { None } else { lzf::decompress(bytes, size as usize) }
}

/// Reads all messages of `bytes`, one after the other. What cannot be read ends it.
pub(super) fn read_all(bytes: &[u8], mut each: impl FnMut(Result<Letter, Odd>)) {
    let mut parser = parse::Parser::trusted();
    let mut at = 0;
    loop {
        match parser.next(&bytes[at..]) {
            Ok(Some(frame)) => {
                at += frame.consumed;
                each(read(&frame.argv()));
            }
            Ok(None) if at == bytes.len() => return,
            _ => return each(Err(Odd::Nonsense)),
        }
    }
}

struct Words<'a>(std::slice::Iter<'a, &'a [u8]>);

impl<'a> Words<'a> {
    fn word(&mut self) -> Option<&'a [u8]> {
        self.0.next().copied()
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        self.word().map(<[u8]>::to_vec)
    }

    /// Below 2^62, so that sums of two do not overflow.
    fn number(&mut self) -> Option<u64> {
        parse_u64(self.word()?).filter(|n| *n < 1 << 62)
    }

    fn yes(&mut self) -> Option<bool> {
        match self.word()? {
            b"0" => Some(false),
            b"1" => Some(true),
            _ => None,
        }
    }

    fn name(&mut self) -> Option<String> {
        let word = self.word()?;
        let good = (1..=NAME).contains(&word.len()) && word.iter().all(u8::is_ascii_graphic);
        good.then(|| String::from_utf8_lossy(word).into_owned())
    }

    fn mark(&mut self) -> Option<Mark> {
        Some(Mark { record: self.number()?, offset: self.number()? })
    }

    fn terms(&mut self) -> Option<Terms> {
        Terms::parse(self.word()?)
    }
}

fn read(argv: &[&[u8]]) -> Result<Letter, Odd> {
    let mut words = Words(argv.iter());
    if words.word() != Some(WORD) {
        return Err(Odd::Nonsense);
    }
    let version = words.number().ok_or(Odd::Nonsense)?;
    let kind = words.word().ok_or(Odd::Nonsense)?;
    let from = words.name().ok_or(Odd::Nonsense)?;
    // This one is understood in every version.
    if version != VERSION && kind != b"VERSION" {
        return Err(Odd::Version { from, version });
    }
    let to = words.name().ok_or(Odd::Nonsense)?;
    let message = read_message(kind, &mut words).ok_or(Odd::Nonsense)?;
    Ok(Letter { from, to, message })
}

fn read_message(kind: &[u8], words: &mut Words) -> Option<Message> {
    let message = match kind {
        b"SYNC" => Message::Sync { term: words.number()?, offset: words.number()? },
        b"LEAD" => {
            Message::Lead { term: words.number()?, offset: words.number()?, replid: words.name()?, mark: words.mark()? }
        }
        b"CONTINUE" => Message::Continue { terms: words.terms()? },
        b"FEED" => {
            Message::Feed { term: words.number()?, offset: words.number()?, mark: words.mark()?, bytes: words.bytes()? }
        }
        b"FULL" => Message::Full { number: words.number()?, offset: words.number()?, terms: words.terms()? },
        b"PIECE" => {
            Message::Piece { number: words.number()?, n: words.number()?, last: words.yes()?, bytes: words.bytes()? }
        }
        b"GOT" => Message::Got { number: words.number()?, n: words.number()? },
        b"ACK" => Message::Ack { offset: words.number()?, visible: words.yes()? },
        b"GETACK" => Message::GetAck,
        b"PING" => Message::Ping,
        b"GATHER" => Message::Gather { term: words.number()? },
        b"POSITION" => Message::Position { gather: words.number()?, term: words.number()?, offset: words.number()? },
        b"BUSY" => Message::Busy { term: words.number()? },
        b"REQUEST" => Message::Request {
            term: words.number()?,
            oldest: words.number()?,
            wait: words.yes()?,
            forward: Forward::read(&mut words.0)?,
        },
        b"REPLY" => Message::Reply {
            serial: words.number()?,
            db: words.number()?,
            offset: words.number()?,
            bytes: words.bytes()?,
        },
        b"UNSTORED" => Message::Unstored { serial: words.number()? },
        b"AGAIN" => Message::Again { serial: words.number()? },
        b"CANCEL" => {
            let count = words.number()? as usize;
            let mut rest = Vec::new();
            while words.0.len() > 0 {
                rest.push(words.number()?);
            }
            let (serials, owners) = rest.split_at_checked(count)?;
            Message::Cancel { serials: serials.to_vec(), owners: owners.to_vec() }
        }
        b"TAKE" => Message::Take,
        b"BYE" => Message::Bye,
        b"VERSION" => Message::Version { version: words.number()? },
        b"HELLO" => Message::Hello { token: words.bytes()? },
        b"REFUSED" => Message::Refused { text: String::from_utf8_lossy(words.word()?).into_owned() },
        b"BATCH" => Message::Batch { to: words.number()?, bytes: unpack(words.number()?, words.word()?)? },
        _ => return None,
    };
    words.0.next().is_none().then_some(message)
}
