//! The raw exports commands cross by: arguments are put into the staging area, replies are read in place.
//!
//! A result is `length << 1 | odd` of a reply that starts at `mailbox[PTR]`, where `odd` means: read it byte by byte, for it is
//! not one ASCII string. Negative results are [`WAITS`] and [`GONE`]. After each call `mailbox[FLAGS]` says what else is new.

use super::state::{self, Manner, News, State};
use crate::engine::{Engine, Error, Proto, RowId, SessionId, Table};
use std::cell::UnsafeCell;
use std::collections::BTreeMap;

/// The command waits: session `mailbox[SESSION]` gets the reply.
pub const WAITS: i32 = -1;
/// There is no such session, or it waits, or the frame is not one.
pub const GONE: i32 = -2;

/// Words of the mailbox.
pub const PTR: usize = 0;
pub const FLAGS: usize = 1;
pub const SESSION: usize = 2;
/// Bits: 1 the session is to be closed, 2 it waits; or [`DEAD`].
pub const STATUS: usize = 3;
/// The engine panicked, and the instance is of no use any more.
pub const DEAD: u32 = 4;

/// Bits of `mailbox[FLAGS]`; JavaScript clears them.
pub const READY: u32 = 1;
pub const EFFECTS: u32 = 2;
pub const REQUESTS: u32 = 4;
pub const WAKE: u32 = 8;
pub const CHANGED: u32 = 16;
pub const SETTINGS: u32 = 32;
/// There is something to tell other tabs.
pub const MAIL: u32 = 64;
/// This tab leads and was out for a while: another one may lead by now.
pub const UNSURE: u32 = 128;

struct Mailbox(UnsafeCell<[u32; 4]>);

// SAFETY: this target has one thread.
unsafe impl Sync for Mailbox {}

static MAILBOX: Mailbox = Mailbox(UnsafeCell::new([0; 4]));

fn mail(word: usize, value: u32) {
    // SAFETY: one thread, and no reference to the words outlives a statement.
    unsafe { (*MAILBOX.0.get())[word] = value }
}

/// Says which session has the reply that waits.
pub(super) fn note_session(session: u32) {
    mail(SESSION, session);
}

pub(super) fn flag_up(bits: u32) {
    // SAFETY: as in `mail`.
    unsafe { (*MAILBOX.0.get())[FLAGS] |= bits }
}

/// Where the mailbox is: four words.
#[unsafe(no_mangle)]
pub extern "C" fn mailbox() -> usize {
    MAILBOX.0.get() as usize
}

/// Makes the staging area hold at least `bytes` and returns where it is, 0 if there is not enough memory. What it held is lost.
#[unsafe(no_mangle)]
pub extern "C" fn stage(bytes: usize) -> usize {
    let words = bytes.div_ceil(4);
    state::with(|state| {
        state.stage = Vec::new();
        if state.stage.try_reserve_exact(words).is_err() {
            return 0;
        }
        state.stage.resize(words, 0);
        state.stage.as_ptr() as usize
    })
    .unwrap_or(0)
}

/// Runs a command without arguments.
#[unsafe(no_mangle)]
pub extern "C" fn exec0(session: u32, row: u32, now: f64) -> i32 {
    few(session, row, [], now)
}

/// Runs a command of one argument: the first `a` bytes of the stage.
#[unsafe(no_mangle)]
pub extern "C" fn exec1(session: u32, row: u32, a: usize, now: f64) -> i32 {
    few(session, row, [a], now)
}

/// Runs a command of two arguments, one after the other in the stage.
#[unsafe(no_mangle)]
pub extern "C" fn exec2(session: u32, row: u32, a: usize, b: usize, now: f64) -> i32 {
    few(session, row, [a, b], now)
}

/// Runs a command of three arguments, one after the other in the stage.
#[unsafe(no_mangle)]
pub extern "C" fn exec3(session: u32, row: u32, a: usize, b: usize, c: usize, now: f64) -> i32 {
    few(session, row, [a, b, c], now)
}

#[inline(always)]
fn few<const N: usize>(session: u32, row: u32, lens: [usize; N], now: f64) -> i32 {
    state::with(|state| {
        let Some(slot) = state.engine.server.table.slots().get(row as usize) else { return GONE };
        let mut argv: [&[u8]; 4] = [slot.row.name.as_bytes(), b"", b"", b""];
        let mut rest = bytes_of(&state.stage);
        for (arg, len) in argv[1..].iter_mut().zip(lens) {
            let Some((head, tail)) = rest.split_at_checked(len) else { return GONE };
            (*arg, rest) = (head, tail);
        }
        let argv = &argv[..=N];
        run(&mut state.engine, &mut state.news, &state.manner, session, row as RowId, argv, now)
    })
    .unwrap_or(GONE)
}

/// Runs a command of `argc` arguments: the stage begins with as many lengths, then come the bytes. With row −1 the first argument
/// is the name.
#[unsafe(no_mangle)]
pub extern "C" fn exec(session: u32, row: i32, argc: usize, now: f64) -> i32 {
    state::with(|state| {
        let Some((lens, rest)) = state.stage.split_at_checked(argc) else { return GONE };
        let Some(argv) = cut(state.engine.server.table, row, lens, &mut bytes_of(rest)) else { return GONE };
        match known(&state.engine, row, &argv) {
            Some(row) => run(&mut state.engine, &mut state.news, &state.manner, session, row, &argv, now),
            None => {
                clear(&mut state.engine, session);
                if !state.engine.call(SessionId(session), &argv, now as u64) {
                    return GONE;
                }
                reply(&state.engine, session)
            }
        }
    })
    .unwrap_or(GONE)
}

/// Runs `count` commands; the stage begins with `words` words: of each command its row or −1, its number of arguments and their
/// lengths. The replies follow one another. With `atomic` they are one transaction: the reply is EXEC's, behind it, if there
/// was one, the error that kept a command from being queued.
#[unsafe(no_mangle)]
pub extern "C" fn batch(session: u32, words: usize, count: usize, atomic: u32, now: f64) -> i32 {
    state::with(|state| {
        let State { engine, stage, news, manner, unit, lent, .. } = state;
        let Some((mut heads, rest)) = stage.split_at_checked(words) else { return GONE };
        let mut bytes = bytes_of(rest);
        clear(engine, session);
        look(news, now);
        let unit = match (atomic, *unit) {
            (0, _) => None,
            (_, Some(unit)) => Some(unit),
            (_, None) => return GONE,
        };
        let id = SessionId(session);
        let at = now as u64;
        if engine.is_following()
            && let Some(commands) = for_leader(engine, id, heads, bytes, count, unit.is_some())
        {
            let Some(aside) = open_aside(engine, id, false, at) else { return GONE };
            engine.forward_many(aside, unit.is_some(), commands);
            back_to(engine, id, aside, unit.is_some());
            lent.insert(aside.0, session);
            mail(SESSION, aside.0);
            tell(engine, news, false);
            return WAITS;
        }
        if let Some((multi, _)) = unit {
            engine.call_row(id, multi, &[b"MULTI"], at);
            clear(engine, session);
        }
        let mut spoiled = Vec::new();
        for _ in 0..count {
            let [row, argc, tail @ ..] = heads else { return GONE };
            let Some((lens, tail)) = tail.split_at_checked(*argc as usize) else { return GONE };
            heads = tail;
            let Some(argv) = cut(engine.server.table, *row as i32, lens, &mut bytes) else { return GONE };
            one_of_many(engine, manner, id, known(engine, *row as i32, &argv), &argv, at);
            if unit.is_some() {
                let Some(session) = engine.sessions.get_mut(id) else { return GONE };
                if spoiled.is_empty() && session.out.bytes().first() == Some(&b'-') {
                    spoiled = session.out.bytes().to_vec();
                }
                session.out.rewind(0);
            }
        }
        if let Some((_, exec)) = unit {
            engine.call_row(id, exec, &[b"EXEC"], at);
            if let Some(session) = engine.sessions.get_mut(id) {
                session.out.raw(&spoiled);
            }
        }
        tell(engine, news, true);
        reply(engine, session)
    })
    .unwrap_or(GONE)
}

/// Runs a command of a batch: nothing in it waits, as in a transaction.
fn one_of_many(engine: &mut Engine, manner: &[Manner], id: SessionId, row: Option<RowId>, argv: &[&[u8]], now: u64) {
    let refused = row.is_some_and(|row| manner_of(manner, row, argv) == Manner::Refused);
    if refused {
        return refuse(engine, id, argv);
    }
    match row {
        Some(row) => engine.call_row(id, row, argv, now),
        None => engine.call(id, argv, now),
    };
    engine.end_wait(id, Ok(()));
}

/// Runs a command, of `argc` arguments as in [`exec`] with row −1, of a session that has a wire, and appends the reply to its
/// output. With `proto` 2 or 3 this one reply is in that format.
#[unsafe(no_mangle)]
pub extern "C" fn exec_wire(session: u32, argc: usize, proto: u32, now: f64) -> i32 {
    state::with(|state| {
        let State { engine, stage, news, usual, .. } = state;
        let id = SessionId(session);
        look(news, now);
        let Some((lens, rest)) = stage.split_at_checked(argc) else { return GONE };
        let Some(argv) = cut(engine.server.table, -1, lens, &mut bytes_of(rest)) else { return GONE };
        let Some(me) = engine.sessions.get_mut(id) else { return GONE };
        if proto != 0 && me.wait.is_none() {
            usual.insert(session, me.proto());
            me.out.set_proto(if proto == 3 { Proto::Resp3 } else { Proto::Resp2 });
        }
        let done = engine.call(id, &argv, now as u64);
        tell(engine, news, true);
        if done { output(engine, usual, id) } else { GONE }
    })
    .unwrap_or(GONE)
}

/// Finds the output of a session: its length, [`GONE`] if there is no such session. Sets `mailbox[STATUS]`.
#[unsafe(no_mangle)]
pub extern "C" fn out(session: u32) -> i32 {
    state::with(|state| output(&mut state.engine, &mut state.usual, SessionId(session))).unwrap_or(GONE)
}

/// Forgets the output of a session, which JavaScript has read.
#[unsafe(no_mangle)]
pub extern "C" fn taken(session: u32) {
    state::with(|state| clear(&mut state.engine, session));
}

/// Ends the wait of a session at once, as its timeout would. Returns 1 if it waited.
#[unsafe(no_mangle)]
pub extern "C" fn stop_wait(session: u32) -> u32 {
    state::with(|state| {
        let id = SessionId(session);
        let afar = state.engine.sessions.get(id).is_some_and(|me| me.wait.as_ref().is_some_and(|w| w.afar.is_some()));
        // What only another tab can do takes its time.
        let reply = if afar { Err(Error::OnlyRead) } else { Ok(()) };
        let waited = state.engine.end_wait(id, reply);
        tell(&mut state.engine, &mut state.news, false);
        u32::from(waited)
    })
    .unwrap_or(0)
}

/// Runs `argv` for a session without a wire, which has one reply at a time: this one.
#[inline]
fn run(
    engine: &mut Engine,
    news: &mut News,
    manner: &[Manner],
    session: u32,
    row: RowId,
    argv: &[&[u8]],
    now: f64,
) -> i32 {
    let id = SessionId(session);
    clear(engine, session);
    look(news, now);
    match manner_of(manner, row, argv) {
        Manner::Plain if engine.is_following() && is_for_leader(engine, id, row) => {
            let result = run_aside(engine, id, row, argv, now as u64);
            tell(engine, news, true);
            return result;
        }
        Manner::Plain => {}
        Manner::Waits if engine.sessions.get(id).is_some_and(|me| me.multi.is_none()) => {
            let result = run_aside(engine, id, row, argv, now as u64);
            tell(engine, news, true);
            return result;
        }
        Manner::Refused => {
            refuse(engine, id, argv);
            return reply(engine, session);
        }
        _ => {}
    }
    let dirty = engine.ks.dirty;
    if !engine.call_row(id, row, argv, now as u64) {
        return GONE;
    }
    tell(engine, news, engine.ks.dirty != dirty);
    // Held back by CLIENT PAUSE: the session stays free for what is not.
    if engine.sessions.get(id).is_some_and(|me| me.wait.is_some()) {
        engine.end_wait(id, Ok(()));
        clear(engine, session);
        return run_aside(engine, id, row, argv, now as u64);
    }
    reply(engine, session)
}

/// Whether the leader has to run the command, or the transaction that it ends.
fn is_for_leader(engine: &Engine, id: SessionId, row: RowId) -> bool {
    engine.forwards(id, row)
        || (engine.server.table.slot(row).row.name == "EXEC"
            && engine.sessions.get(id).is_some_and(|me| me.multi.is_some()))
}

/// Runs a command that may wait on a session of its own, so that the one it belongs to stays free.
fn run_aside(engine: &mut Engine, id: SessionId, row: RowId, argv: &[&[u8]], now: u64) -> i32 {
    let ends = engine.server.table.slot(row).row.name == "EXEC";
    let Some(aside) = open_aside(engine, id, ends, now) else { return GONE };
    engine.call_row(aside, row, argv, now);
    back_to(engine, id, aside, ends);
    let session = engine.sessions.get_mut(aside).expect("only the host closes sessions");
    if session.wait.is_some() {
        mail(SESSION, aside.0);
        return WAITS;
    }
    let bytes = std::mem::take(session.out.bytes_mut());
    engine.close(aside);
    if let Some(me) = engine.sessions.get_mut(id) {
        me.out.raw(&bytes);
    }
    reply(engine, id.0)
}

/// Opens a session that runs a command of session `id`; with `ends`, the one that ends its transaction.
pub(super) fn open_aside(engine: &mut Engine, id: SessionId, ends: bool, now: u64) -> Option<SessionId> {
    let me = engine.sessions.get_mut(id)?;
    let (db, who, addr, written) = (me.db, me.who, me.addr.clone(), me.write_offset);
    let owner = if me.owner == 0 { me.id } else { me.owner };
    let (multi, dirty, watches) = (me.multi.take_if(|_| ends), me.dirty_cas, me.watches_afar);
    let aside = engine.open(addr, Proto::Native, now);
    let session = engine.sessions.get_mut(aside)?;
    // WAIT and WAITAOF are about what the other session has written.
    (session.db, session.who, session.write_offset, session.owner) = (db, who, written, owner);
    (session.multi, session.dirty_cas, session.watches_afar) = (multi, dirty, watches);
    Some(aside)
}

/// Gives session `id` back what a session that runs its command knows of watched keys.
fn back_to(engine: &mut Engine, id: SessionId, aside: SessionId, ends: bool) {
    let Some(session) = engine.sessions.get_mut(aside) else { return };
    let watches = std::mem::take(&mut session.watches_afar);
    let Some(me) = engine.sessions.get_mut(id) else { return };
    me.watches_afar = watches && !ends;
    me.dirty_cas &= !ends;
}

/// The commands of a batch, if one of them is for the leader: then all are.
fn for_leader(
    engine: &Engine,
    id: SessionId,
    mut heads: &[u32],
    mut bytes: &[u8],
    count: usize,
    atomic: bool,
) -> Option<Vec<Vec<Vec<u8>>>> {
    let mut is = atomic && engine.sessions.get(id)?.watches_afar;
    let mut commands = Vec::with_capacity(count.min(1 << 16));
    for _ in 0..count {
        let [row, argc, tail @ ..] = heads else { return None };
        let (lens, tail) = tail.split_at_checked(*argc as usize)?;
        heads = tail;
        let argv = cut(engine.server.table, *row as i32, lens, &mut bytes)?;
        is |= known(engine, *row as i32, &argv).is_some_and(|row| engine.forwards(id, row));
        commands.push(argv.into_iter().map(<[u8]>::to_vec).collect());
    }
    is.then_some(commands)
}

#[inline]
fn manner_of(manner: &[Manner], row: RowId, argv: &[&[u8]]) -> Manner {
    match manner[row as usize] {
        Manner::BySub => Manner::of_client(argv.get(1)),
        manner => manner,
    }
}

#[cold]
fn refuse(engine: &mut Engine, id: SessionId, argv: &[&[u8]]) {
    let name = String::from_utf8_lossy(argv[0]).to_ascii_lowercase();
    let text =
        format!("ERR '{name}' changes what its connection speaks or makes it listen: use subscribe(), or session()");
    if let Some(me) = engine.sessions.get_mut(id) {
        me.out.error(&Error::new(text));
    }
}

/// How long a tab that leads may be out before it is to make sure that it still does, ms.
const OUT: f64 = 700.0;

/// Takes note that something is done now.
#[inline]
pub(super) fn look(news: &mut News, now: f64) {
    if news.leads && now - news.seen > OUT {
        flag_up(UNSURE);
    }
    news.seen = now;
}

/// Raises the flags of what is new. `changed`: data or waits may have changed.
#[inline]
pub(super) fn tell(engine: &mut Engine, news: &mut News, changed: bool) {
    if engine.has_ready() {
        news.ready.extend(engine.take_ready().iter().map(|id| id.0));
        flag_up(READY);
    }
    if engine.has_requests() {
        news.requests.extend(engine.take_requests());
        flag_up(REQUESTS);
    }
    if engine.has_mail() {
        flag_up(MAIL);
    }
    // Effects without a change of its own: a read that met a due key, or before which room was made.
    if engine.ks.effects.pending() {
        flag_up(EFFECTS);
    }
    if engine.has_work() {
        flag_up(WAKE);
    }
    if !changed {
        return;
    }
    if news.watched {
        flag_up(CHANGED);
    }
    if engine.ks.next_due_here().is_some_and(|at| at < news.armed) {
        flag_up(WAKE);
    }
}

/// Empties a session's output; gives back the memory of a big one.
#[inline]
fn clear(engine: &mut Engine, session: u32) {
    if let Some(me) = engine.sessions.get_mut(SessionId(session)) {
        me.out.rewind(0);
        let buffer = me.out.bytes_mut();
        if buffer.capacity() > 1 << 20 {
            *buffer = Vec::new();
        }
    }
}

/// The result of a session without a wire.
#[inline]
fn reply(engine: &Engine, session: u32) -> i32 {
    let Some(me) = engine.sessions.get(SessionId(session)) else { return GONE };
    let bytes = me.out.bytes();
    mail(PTR, bytes.as_ptr() as u32);
    let ascii = match bytes {
        [b'$', _, _, _, _, text @ ..] => text.is_ascii(),
        _ => false,
    };
    (bytes.len() as i32) << 1 | i32::from(!ascii)
}

/// The result of a session with a wire; one that has answered speaks what it usually does.
fn output(engine: &mut Engine, usual: &mut BTreeMap<u32, Proto>, id: SessionId) -> i32 {
    let Some(me) = engine.sessions.get_mut(id) else { return GONE };
    if me.wait.is_none()
        && let Some(proto) = usual.remove(&id.0)
    {
        me.out.set_proto(proto);
    }
    let bytes = me.out.bytes();
    mail(PTR, bytes.as_ptr() as u32);
    mail(STATUS, u32::from(me.closing) | u32::from(me.wait.is_some()) << 1);
    bytes.len() as i32
}

/// The row a caller named by number, or by its name in `argv`.
fn known(engine: &Engine, row: i32, argv: &[&[u8]]) -> Option<RowId> {
    match u16::try_from(row) {
        Ok(row) => Some(row),
        Err(_) => engine.server.table.find(argv.first()?),
    }
}

/// Cuts a frame into its arguments, with the name of `row` before them if it is one. `None` if the lengths do not fit.
fn cut<'a>(table: &'static Table, row: i32, lens: &[u32], bytes: &mut &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let mut argv = Vec::with_capacity(lens.len() + 1);
    if let Ok(row) = usize::try_from(row) {
        argv.push(table.slots().get(row)?.row.name.as_bytes());
    }
    for len in lens {
        let (head, tail) = bytes.split_at_checked(*len as usize)?;
        argv.push(head);
        *bytes = tail;
    }
    (!argv.is_empty()).then_some(argv)
}

fn bytes_of(words: &[u32]) -> &[u8] {
    // SAFETY: words are bytes without padding, and the length is theirs.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len() * 4) }
}

/// Keeps what a panic says; `mailbox[PTR]` and `mailbox[SESSION]` are its place and length.
pub(super) fn last_words(text: String) {
    let text = text.into_bytes().leak();
    mail(PTR, text.as_ptr() as u32);
    mail(SESSION, text.len() as u32);
    mail(STATUS, DEAD);
}
