//! Reading commands, as clients send them and as the log and the feed keep them: arrays of bulk strings, and inline lines.

use crate::base::num::parse_i64;

/// Cuts commands out of a buffer that grows as bytes arrive, without copying them and without looking at a byte twice.
///
/// The caller keeps the buffer. [`Parser::next`] gets all bytes not consumed yet; after a [`Frame`] the caller drops
/// `consumed` bytes from the front, after `None` it appends more and calls again. What is known about a command that is
/// not complete stays in the parser, so a large argument that comes in many pieces costs one look at its header.
#[derive(Debug, Default)]
pub struct Parser {
    /// What is refused. May change between commands.
    pub limits: Limits,
    /// Whether the sender has logged in. If not, far smaller limits hold.
    pub trusted: bool,
    state: State,
    /// How far into the buffer everything is understood.
    at: usize,
    /// How far behind `at` there is no line end.
    scanned: usize,
    args: Vec<Span>,
    /// The arguments of an inline command, with quotes and escapes undone.
    unquoted: Vec<u8>,
}

/// What a [`Parser`] refuses.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest inline command, and longest header line.
    pub line: usize,
    /// Most arguments. The parser takes memory only for those that came, so this may be large.
    pub args: i64,
    /// Longest argument: `proto-max-bulk-len`.
    pub bulk: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { line: 64 * 1024, args: i32::MAX as i64, bulk: 512 * 1024 * 1024 }
    }
}

/// What a sender that has not logged in may send: arguments, and bytes of each.
const UNTRUSTED: (i64, i64) = (10, 16 * 1024);
/// What one long command made the lists grow beyond this is given back.
const KEPT_ARGS: usize = 1024;

type Span = (usize, usize);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Before a command.
    #[default]
    Start,
    /// In a line that does not start with `*`.
    Inline,
    /// In the line that says how many arguments come.
    Count,
    /// In the line that says how long the next argument is; so many come, this one included.
    Length(i64),
    /// In an argument of so many bytes; so many come, this one included.
    Body(i64, usize),
    /// The command was handed out.
    Done,
}

/// One complete command.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// How many bytes of the buffer it took.
    pub consumed: usize,
    source: &'a [u8],
    args: &'a [Span],
}

/// Why bytes are no command. `Display` gives Redis's words, without the `ERR ` that goes before them in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An inline command is longer than the limit.
    InlineTooBig,
    /// A quote is not closed, or something follows a closed one.
    UnbalancedQuotes,
    /// The line after `*` does not end.
    CountTooBig,
    /// The number of arguments is none, or too large.
    Count,
    /// The number of arguments is too large before logging in.
    CountUntrusted,
    /// The line after `$` does not end.
    LengthTooBig,
    /// The length of an argument is none, or too large.
    Length,
    /// The length of an argument is too large before logging in.
    LengthUntrusted,
    /// Something else stands where a length is due.
    Expected(u8),
}

impl std::fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            Self::InlineTooBig => f.write_str("too big inline request"),
            Self::UnbalancedQuotes => f.write_str("unbalanced quotes in request"),
            Self::CountTooBig => f.write_str("too big mbulk count string"),
            Self::Count => f.write_str("invalid multibulk length"),
            Self::CountUntrusted => f.write_str("unauthenticated multibulk length"),
            Self::LengthTooBig => f.write_str("too big bulk count string"),
            Self::Length => f.write_str("invalid bulk length"),
            Self::LengthUntrusted => f.write_str("unauthenticated bulk length"),
            Self::Expected(got) => write!(f, "expected '$', got '{}'", *got as char),
        }
    }
}

impl std::error::Error for ProtocolError {}

impl Parser {
    /// Returns a parser for the log, the feed and tools: what an engine wrote is as long as its settings allowed then.
    pub fn trusted() -> Self {
        let limits = Limits { bulk: i64::MAX, ..Limits::default() };
        Parser { trusted: true, limits, ..Parser::default() }
    }

    /// Returns the first command of `buf`, or `None` if its end has not arrived. A line without words is a command without
    /// arguments. After an error the stream cannot go on.
    #[inline]
    pub fn next<'a>(&'a mut self, buf: &'a [u8]) -> Result<Option<Frame<'a>>, ProtocolError> {
        if let State::Done = self.state {
            self.reset();
        }
        if !self.advance(buf)? {
            return Ok(None);
        }
        let inline = matches!(self.state, State::Inline);
        self.state = State::Done;
        let source = if inline { &self.unquoted[..] } else { buf };
        Ok(Some(Frame { consumed: self.at, source, args: &self.args }))
    }

    /// Forgets what it knows of a command that is not complete.
    pub fn reset(&mut self) {
        self.state = State::Start;
        (self.at, self.scanned) = (0, 0);
        self.args.clear();
        self.args.shrink_to(KEPT_ARGS);
        self.unquoted.clear();
        self.unquoted.shrink_to(KEPT_ARGS);
    }

    /// How long the buffer has to be before [`Parser::next`] can get on. Lets a host read a large argument in one go.
    pub fn wanted(&self) -> usize {
        match self.state {
            State::Done | State::Start => 1,
            State::Inline => self.scanned + 1,
            State::Count | State::Length(_) => self.at + self.scanned + 2,
            State::Body(_, len) => self.at.saturating_add(len).saturating_add(2),
        }
    }

    /// How many bytes of a command that is not complete are understood already: the headers, and the arguments before the one that is
    /// being read.
    pub fn parsed(&self) -> usize {
        if matches!(self.state, State::Done) { 0 } else { self.at }
    }

    /// Reads on as far as the bytes go. Returns whether a command is complete.
    fn advance(&mut self, buf: &[u8]) -> Result<bool, ProtocolError> {
        loop {
            match self.state {
                State::Start => match buf.first() {
                    None => return Ok(false),
                    Some(b'*') => self.state = State::Count,
                    Some(_) => self.state = State::Inline,
                },
                State::Inline => return self.inline(buf),
                State::Count => {
                    let count = match self.number(buf, b'*') {
                        Some(count) => count,
                        None => {
                            let Some(line) = self.header(buf, ProtocolError::CountTooBig)? else { return Ok(false) };
                            parse_i64(&line[1..]).ok_or(ProtocolError::Count)?
                        }
                    };
                    if count > self.limits.args {
                        return Err(ProtocolError::Count);
                    }
                    if count > UNTRUSTED.0 && !self.trusted {
                        return Err(ProtocolError::CountUntrusted);
                    }
                    self.state = State::Length(count);
                    if count <= 0 {
                        return Ok(true);
                    }
                }
                State::Length(left) => {
                    let len = match self.number(buf, b'$') {
                        Some(len) => len,
                        None => {
                            let Some(line) = self.header(buf, ProtocolError::LengthTooBig)? else { return Ok(false) };
                            let digits = line.strip_prefix(b"$");
                            let digits =
                                digits.ok_or_else(|| ProtocolError::Expected(*line.first().unwrap_or(&b'\r')))?;
                            parse_i64(digits).ok_or(ProtocolError::Length)?
                        }
                    };
                    if len < 0 || len > self.limits.bulk {
                        return Err(ProtocolError::Length);
                    }
                    if len > UNTRUSTED.1 && !self.trusted {
                        return Err(ProtocolError::LengthUntrusted);
                    }
                    let len = usize::try_from(len).map_err(|_| ProtocolError::Length)?;
                    self.state = State::Body(left, len);
                }
                State::Body(left, len) => {
                    // The line end behind an argument is skipped unseen, as Redis does.
                    if (buf.len() - self.at).checked_sub(2).is_none_or(|have| have < len) {
                        return Ok(false);
                    }
                    self.args.push((self.at, self.at + len));
                    self.at += len + 2;
                    self.state = State::Length(left - 1);
                    if left == 1 {
                        return Ok(true);
                    }
                }
                State::Done => return Ok(true),
            }
        }
    }

    /// Returns the number of the header line at `at` and moves behind the line, if it is of the usual kind: `tag`, one to four digits
    /// without a leading zero, and all of it there. Leaves any other to [`Parser::header`].
    #[inline]
    fn number(&mut self, buf: &[u8], tag: u8) -> Option<i64> {
        let line = buf.get(self.at..)?;
        if *line.first()? != tag {
            return None;
        }
        let mut number = 0;
        for (n, &byte) in line[1..].iter().enumerate().take(5) {
            match byte {
                b'0'..=b'9' if n < 4 && (n != 1 || number != 0) => number = number * 10 + i64::from(byte - b'0'),
                b'\r' if n > 0 && line.len() > n + 2 => {
                    (self.at, self.scanned) = (self.at + n + 3, 0);
                    return Some(number);
                }
                _ => return None,
            }
        }
        None
    }

    /// Returns the line at `at` without its two-byte end and moves behind it, or `None` if the end has not arrived.
    #[inline]
    fn header<'b>(&mut self, buf: &'b [u8], too_big: ProtocolError) -> Result<Option<&'b [u8]>, ProtocolError> {
        let rest = &buf[self.at.min(buf.len())..];
        let from = self.scanned.min(rest.len());
        match rest[from..].iter().position(|byte| *byte == b'\r') {
            Some(n) if from + n > self.limits.line => Err(too_big),
            Some(n) if from + n + 2 > rest.len() => {
                self.scanned = from + n;
                Ok(None)
            }
            Some(n) => {
                self.scanned = 0;
                self.at += from + n + 2;
                Ok(Some(&rest[..from + n]))
            }
            None if rest.len() > self.limits.line => Err(too_big),
            None => {
                self.scanned = rest.len();
                Ok(None)
            }
        }
    }

    /// Reads a line of words. Returns whether it is complete.
    fn inline(&mut self, buf: &[u8]) -> Result<bool, ProtocolError> {
        let from = self.scanned.min(buf.len());
        let end = buf[from..].iter().position(|byte| *byte == b'\n').map(|n| from + n);
        if end.unwrap_or(buf.len()) > self.limits.line {
            return Err(ProtocolError::InlineTooBig);
        }
        let Some(end) = end else {
            self.scanned = buf.len();
            return Ok(false);
        };
        self.at = end + 1;
        let line = buf[..end].strip_suffix(b"\r").unwrap_or(&buf[..end]);
        if split_words(line, &mut self.unquoted, &mut self.args) {
            Ok(true)
        } else {
            Err(ProtocolError::UnbalancedQuotes)
        }
    }
}

impl<'a> Frame<'a> {
    /// How many arguments there are, the command's name included.
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// Whether there is not even a name: an empty line, or an array of nothing.
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// The arguments, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let source = self.source;
        self.args.iter().map(move |(from, to)| &source[*from..*to])
    }

    /// The arguments as a slice, which for usual commands takes no allocation.
    #[inline]
    pub fn argv(&self) -> Argv<'a> {
        if self.args.len() > INLINE_ARGS {
            return Argv(Many::Heap(self.iter().collect()));
        }
        let mut few: [&[u8]; INLINE_ARGS] = [&[]; INLINE_ARGS];
        for (to, arg) in few.iter_mut().zip(self.iter()) {
            *to = arg;
        }
        Argv(Many::Few(few, self.args.len()))
    }
}

/// Up to this many arguments need no allocation.
const INLINE_ARGS: usize = 8;

/// The arguments of a command: what [`Engine::call`](crate::engine::Engine::call) takes.
pub struct Argv<'a>(Many<'a>);

enum Many<'a> {
    Few([&'a [u8]; INLINE_ARGS], usize),
    Heap(Vec<&'a [u8]>),
}

impl<'a> std::ops::Deref for Argv<'a> {
    type Target = [&'a [u8]];
    #[inline]
    fn deref(&self) -> &[&'a [u8]] {
        match &self.0 {
            Many::Few(few, len) => &few[..*len],
            Many::Heap(all) => all,
        }
    }
}

/// Calls `each` for every complete command of `bytes`. Returns how many bytes they take, which is less than all if the last
/// one is cut off. Fails where the bytes are no commands, and with what `each` fails with.
pub fn commands<E: From<ProtocolError>>(
    bytes: &[u8],
    mut each: impl FnMut(&[&[u8]]) -> Result<(), E>,
) -> Result<usize, E> {
    let mut parser = Parser::trusted();
    let mut at = 0;
    while let Some(frame) = parser.next(&bytes[at..])? {
        at += frame.consumed;
        if !frame.is_empty() {
            each(&frame.argv())?;
        }
    }
    Ok(at)
}

/// Splits a line as a shell would, by the rules of Redis's inline commands and of its command line tool and config file:
/// `"…"` knows the escapes `\n \r \t \b \a \xHH`, `'…'` only `\'`; a closing quote ends the word. The words are appended to
/// `out`, their places to `spans`. Returns false if a quote is not closed or closes inside a word.
pub fn split_words(line: &[u8], out: &mut Vec<u8>, spans: &mut Vec<(usize, usize)>) -> bool {
    // A zero byte ends the line: it is a C string elsewhere.
    let line = &line[..line.iter().position(|byte| *byte == 0).unwrap_or(line.len())];
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(|byte| is_space(*byte)) {
            at += 1;
        }
        if at == line.len() {
            return true;
        }
        let from = out.len();
        let Some(next) = word(line, at, out) else { return false };
        at = next;
        spans.push((from, out.len()));
    }
}

/// Appends the word at `at` to `out` and returns the place behind it.
fn word(line: &[u8], mut at: usize, out: &mut Vec<u8>) -> Option<usize> {
    while let Some(&byte) = line.get(at) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' | b'\'' => {
                at = quoted(line, at + 1, byte, out)?;
                return line.get(at).is_none_or(|byte| is_space(*byte)).then_some(at);
            }
            _ => out.push(byte),
        }
        at += 1;
    }
    Some(at)
}

/// Appends what stands between quotes to `out` and returns the place behind the closing one.
fn quoted(line: &[u8], mut at: usize, quote: u8, out: &mut Vec<u8>) -> Option<usize> {
    loop {
        match line[at..] {
            [] => return None,
            [byte, ..] if byte == quote => return Some(at + 1),
            [b'\\', b'x', high, low, ..] if quote == b'"' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
                out.push(digit(high) << 4 | digit(low));
                at += 4;
            }
            [b'\\', byte, ..] if quote == b'"' => {
                out.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                at += 2;
            }
            [b'\\', b'\'', ..] => {
                out.push(b'\'');
                at += 2;
            }
            [byte, ..] => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

/// What C's `isspace` says.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 9..=13)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::resp::encode;

    type Commands = Vec<Vec<Vec<u8>>>;

    /// All commands of `input`, given to the parser in pieces that end at `cuts`, and the error at the end if there is one.
    fn parse(parser: &mut Parser, input: &[u8], cuts: &[usize]) -> (Commands, Option<ProtocolError>) {
        let (mut buf, mut all) = (Vec::new(), Vec::new());
        let mut from = 0;
        for &to in cuts.iter().chain([&input.len()]) {
            buf.extend_from_slice(&input[from..to]);
            from = to;
            loop {
                let consumed = match parser.next(&buf) {
                    Ok(Some(frame)) => {
                        assert!(frame.consumed > 0 && frame.len() == frame.argv().len());
                        all.push(frame.argv().iter().map(|arg| arg.to_vec()).collect());
                        frame.consumed
                    }
                    Ok(None) => break,
                    Err(error) => return (all, Some(error)),
                };
                buf.drain(..consumed);
            }
            assert!(parser.wanted() > buf.len());
        }
        (all, None)
    }

    fn one(input: &[u8]) -> (Commands, Option<String>) {
        let (all, error) = parse(&mut Parser { trusted: true, ..Parser::default() }, input, &[]);
        (all, error.map(|e| e.to_string()))
    }

    fn words(line: &[&str]) -> Vec<Vec<u8>> {
        line.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn arrays_and_lines_are_commands() {
        let (all, error) =
            one(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n\r\n*0\r\n*-1\r\nset a  b\n*1\r\n$0\r\n\r\n*1\r\n$4\r\nPI");
        let want = vec![
            words(&["GET", "k"]),
            words(&["PING"]),
            vec![],
            vec![],
            vec![],
            words(&["set", "a", "b"]),
            words(&[""]),
        ];
        assert_eq!((all, error), (want, None));
    }

    #[test]
    fn errors_have_redis_words() {
        for (input, want) in [
            (&b"*x\r\n"[..], "invalid multibulk length"),
            (b"*2147483648\r\n", "invalid multibulk length"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$536870913\r\n", "invalid bulk length"),
            (b"*1\r\n$01\r\n", "invalid bulk length"),
            (b"*1\r\n:1\r\n", "expected '$', got ':'"),
            (b"*1\r\n\r\n", "expected '$', got '\r'"),
            (b"get \"a\r\n", "unbalanced quotes in request"),
            (&[b'x'; 65537], "too big inline request"),
            (&[&b"*"[..], &[b'1'; 65536]].concat(), "too big mbulk count string"),
            (&[&b"*1\r\n$"[..], &[b'1'; 65536]].concat(), "too big bulk count string"),
        ] {
            assert_eq!(one(input).1, Some(format!("Protocol error: {want}")));
        }
        for (input, want) in [
            (&b"*11\r\n"[..], Some("Protocol error: unauthenticated multibulk length")),
            (b"*10\r\n$16385\r\n", Some("Protocol error: unauthenticated bulk length")),
            (b"*10\r\n$16384\r\n", None),
        ] {
            let error = parse(&mut Parser::default(), input, &[]).1.map(|e| e.to_string());
            assert_eq!(error.as_deref(), want);
        }
    }

    #[test]
    fn words_are_split_as_redis_does() {
        for (line, want) in [
            (r#"a "b c" 'd e'"#, Some(vec![&b"a"[..], b"b c", b"d e"])),
            (r#""\x41\n\q\"" '\'\n'"#, Some(vec![b"A\nq\"", b"'\\n"])),
            (r#"a"b" ''"#, Some(vec![b"ab", b""])),
            (r#""\xzz""#, Some(vec![b"xzz"])),
            ("a\x0bb \x0b c\0 d", Some(vec![b"a\x0bb", b"c"])),
            ("  \t ", Some(vec![])),
            (r#""a"b"#, None),
            (r#"'a"#, None),
            (r#""a\"#, None),
        ] {
            let (mut out, mut spans) = (Vec::new(), Vec::new());
            let ok = split_words(line.as_bytes(), &mut out, &mut spans);
            let got: Vec<&[u8]> = spans.iter().map(|(from, to)| &out[*from..*to]).collect();
            assert_eq!(ok.then_some(got), want, "{line}");
        }
    }

    /// A stream of commands of all kinds, sometimes with an error in it.
    fn stream(rng: &mut Rng) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..rng.below(12) {
            match rng.below(8) {
                0 => out.extend_from_slice(b"set key \"a value\"\r\n"),
                1 => out.extend_from_slice([&b"\r\n"[..], b"\n", b"*0\r\n", b"*-5\r\n"][rng.below(4)]),
                2 if rng.below(4) == 0 => {
                    out.extend_from_slice([&b"*1\r\n+\r\n"[..], b"'x\n", b"*1\r\n$x\r\n"][rng.below(3)])
                }
                _ => {
                    let args: Vec<Vec<u8>> = (0..1 + rng.below(12))
                        .map(|_| (0..[3, 30, 3000][rng.below(3)]).map(|_| rng.u64() as u8).collect())
                        .collect();
                    encode::command(&mut out, &args.iter().map(Vec::as_slice).collect::<Vec<_>>());
                }
            }
        }
        out
    }

    #[test]
    fn pieces_give_the_same_commands_as_the_whole() {
        let mut rng = Rng::new(5);
        for round in 0..400 {
            let input = stream(&mut rng);
            let whole = parse(&mut Parser::trusted(), &input, &[]);
            let mut cuts: Vec<usize> = (0..rng.below(20)).map(|_| rng.below(input.len() + 1)).collect();
            cuts.sort_unstable();
            assert_eq!(parse(&mut Parser::trusted(), &input, &cuts), whole, "round {round}");
            if input.len() < 2_000 {
                let every: Vec<usize> = (0..input.len()).collect();
                assert_eq!(parse(&mut Parser::trusted(), &input, &every), whole, "round {round}");
            }
        }
    }

    #[test]
    fn any_bytes_end_and_stay_small() {
        let mut rng = Rng::new(6);
        let alphabet = b"*$\r\n0123456789-\"'\\x ab\0";
        for _ in 0..3_000 {
            let mut input = if rng.below(2) == 0 { stream(&mut rng) } else { Vec::new() };
            for _ in 0..rng.below(60) {
                let byte = if rng.below(8) == 0 { rng.u64() as u8 } else { alphabet[rng.below(alphabet.len())] };
                let at = rng.below(input.len() + 1);
                input.insert(at, byte);
            }
            let mut parser = Parser::trusted();
            let cut = rng.below(input.len() + 1);
            let (all, error) = parse(&mut parser, &input, &[cut]);
            assert!(all.len() <= input.len());
            assert!(
                parser.args.capacity() * 4 <= input.len() + 16 && parser.unquoted.capacity() <= 2 * input.len() + 16
            );
            assert_eq!(parse(&mut Parser::trusted(), &input, &[]), (all, error));
        }
    }

    #[test]
    fn a_large_argument_in_pieces_is_looked_at_once() {
        // Quadratic work would take minutes here: 64 MB that come byte by byte in the header and in 64 KB pieces after it.
        let mut parser = Parser::trusted();
        let mut buf = b"*1\r\n$67108864\r\n".to_vec();
        for n in 0..=buf.len() {
            assert!(parser.next(&buf[..n]).unwrap().is_none());
        }
        assert_eq!(parser.wanted(), buf.len() + 67_108_864 + 2);
        while buf.len() < parser.wanted() {
            assert!(parser.next(&buf).unwrap().is_none());
            buf.resize(parser.wanted().min(buf.len() + 65_536), b'x');
        }
        assert_eq!(parser.next(&buf).unwrap().unwrap().argv()[0].len(), 67_108_864);
    }

    #[test]
    fn complete_commands_of_a_log_are_passed_on_and_the_cut_one_is_not() {
        let mut log = Vec::new();
        encode::command(&mut log, &[b"SELECT", b"0"]);
        encode::command(&mut log, &[b"DEL", b"k"]);
        let whole = log.len();
        encode::command(&mut log, &[b"SET", b"k", b"v"]);
        log.pop();
        let mut seen = Vec::new();
        let taken = commands(&log, |argv| -> Result<(), ProtocolError> {
            seen.push(argv[0].to_vec());
            Ok(())
        });
        assert_eq!((taken, seen), (Ok(whole), words(&["SELECT", "DEL"])));
    }
}
