//! Which connections CLIENT LIST and CLIENT KILL mean: those that all filters fit. The further ones are those of Valkey's pages
//! `CLIENT LIST` and `CLIENT KILL`.

use super::list::flags_of;
use crate::engine::acl::UserId;
use crate::engine::{Args, Ctx, Error, Session, args};

/// What `TYPE` tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientType {
    Normal,
    Master,
    Replica,
    Pubsub,
}

fn client_type(name: &[u8]) -> Result<ClientType, Error> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(ClientType::Normal),
        b"master" | b"primary" => Ok(ClientType::Master),
        b"slave" | b"replica" => Ok(ClientType::Replica),
        b"pubsub" => Ok(ClientType::Pubsub),
        _ => Err(Error::new(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(name)))),
    }
}

fn type_of(session: &Session) -> ClientType {
    match session {
        s if s.replica => ClientType::Replica,
        s if s.subscriptions() > 0 => ClientType::Pubsub,
        _ => ClientType::Normal,
    }
}

/// One condition.
enum Test<'a> {
    Id(Vec<u64>),
    Type(ClientType),
    Addr(&'a [u8]),
    Laddr(&'a [u8]),
    Ip(&'a [u8]),
    User(UserId),
    Name(&'a [u8]),
    LibName(&'a [u8]),
    LibVer(&'a [u8]),
    Flags(&'a [u8]),
    Db(usize),
    MaxAge(u64),
    Idle(u64),
}

/// Conditions that must all hold, or, with `true` beside them, must not.
pub(super) struct Filter<'a> {
    tests: Vec<(Test<'a>, bool)>,
    pub(super) skip_me: bool,
}

impl<'a> Filter<'a> {
    /// The connections from `addr`, this one included.
    pub(super) fn by_addr(addr: &'a [u8]) -> Self {
        Filter { tests: vec![(Test::Addr(addr), false)], skip_me: false }
    }

    /// Reads the filters that are left. An id that is none fails with `bad_id`.
    pub(super) fn parse(c: &Ctx, mut args: Args<'a>, skip_me: bool, bad_id: &Error) -> Result<Self, Error> {
        let mut filter = Filter { tests: Vec::new(), skip_me };
        while args.more() {
            if args.left() < 2 {
                return Err(Error::Syntax);
            }
            if args.word("SKIPME") {
                filter.skip_me = yes_or_no(&mut args)?;
                continue;
            }
            let word = args.next()?.to_ascii_uppercase();
            let (word, not) = match word.strip_prefix(b"NOT-") {
                Some(word) => (word, true),
                None => (&word[..], false),
            };
            filter.tests.push((test(c, word, not, &mut args, bad_id)?, not));
        }
        Ok(filter)
    }

    pub(super) fn fits(&self, c: &Ctx, session: &Session) -> bool {
        !(self.skip_me && session.place == c.me.place)
            && self.tests.iter().all(|(test, not)| holds(test, c, session) != *not)
    }
}

fn test<'a>(c: &Ctx, word: &[u8], not: bool, args: &mut Args<'a>, bad_id: &Error) -> Result<Test<'a>, Error> {
    Ok(match word {
        b"ID" => Test::Id(ids(args, bad_id)?),
        b"TYPE" => Test::Type(client_type(args.next()?)?),
        b"ADDR" => Test::Addr(args.next()?),
        b"LADDR" => Test::Laddr(args.next()?),
        b"IP" => Test::Ip(args.next()?),
        b"USER" => Test::User(existing_user(c, args.next()?)?),
        b"NAME" => Test::Name(args.next()?),
        b"LIB-NAME" => Test::LibName(args.next()?),
        b"LIB-VER" => Test::LibVer(args.next()?),
        b"FLAGS" => Test::Flags(args.next()?),
        b"DB" => Test::Db(usize::try_from(args.int()?).map_err(|_| Error::BadDb)?),
        b"MAXAGE" if !not => Test::MaxAge(positive(args.int()?, Error::MaxAgeNotPositive)?),
        b"IDLE" if !not => Test::Idle(positive(args.int()?, Error::IdleNotPositive)?),
        _ => return Err(Error::Syntax),
    })
}

fn existing_user(c: &Ctx, name: &[u8]) -> Result<UserId, Error> {
    let failed = || Error::new(format!("ERR No such user '{}'", String::from_utf8_lossy(name)));
    c.server.acl.find(name).ok_or_else(failed)
}

/// One id, and all the numbers that follow it.
fn ids(args: &mut Args, bad_id: &Error) -> Result<Vec<u64>, Error> {
    let id = |arg: &[u8]| args::int(arg).ok().and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    let mut ids = vec![id(args.next()?).ok_or_else(|| bad_id.clone())?];
    while args.peek().is_some_and(|next| args::int(next).is_ok()) {
        ids.push(id(args.next()?).ok_or_else(|| bad_id.clone())?);
    }
    Ok(ids)
}

fn positive(n: i64, error: Error) -> Result<u64, Error> {
    u64::try_from(n).ok().filter(|n| *n > 0).ok_or(error)
}

fn yes_or_no(args: &mut Args) -> Result<bool, Error> {
    if args.word("yes") {
        Ok(true)
    } else if args.word("no") {
        Ok(false)
    } else {
        Err(Error::Syntax)
    }
}

fn holds(test: &Test, c: &Ctx, session: &Session) -> bool {
    let seconds = |from: u64| c.ks.now.saturating_sub(from) / 1000;
    match test {
        Test::Id(ids) => ids.contains(&session.id),
        Test::Type(kind) => type_of(session) == *kind,
        Test::Addr(addr) => session.addr.as_bytes() == *addr,
        Test::Laddr(addr) => session.laddr.as_bytes() == *addr,
        Test::Ip(ip) => {
            session.addr.rsplit_once(':').is_some_and(|(own, _)| own.trim_matches(['[', ']']).as_bytes() == *ip)
        }
        Test::User(user) => session.who.user == Some(*user),
        Test::Name(name) => session.name == *name,
        Test::LibName(name) => session.lib_name == *name,
        Test::LibVer(version) => session.lib_ver == *version,
        Test::Flags(flags) => {
            let own = flags_of(session);
            flags.iter().all(|flag| own.as_bytes().contains(flag))
        }
        Test::Db(db) => session.db == *db,
        Test::MaxAge(age) => seconds(session.created_ms) >= *age,
        Test::Idle(idle) => seconds(session.active_ms) >= *idle,
    }
}
