//! CLIENT TRACKING and what belongs to it: being told when keys that were read change.

use crate::engine::tracking::{self, Mode};
use crate::engine::{Args, Ctx, Error, Group, Outcome, Row, args};

pub(super) const TRACKING: Row = Row {
    name: "TRACKING",
    group: Group::Connection,
    since: "6.0.0",
    arity: -3,
    flags: super::OWN,
    summary: "Makes the server say when keys change that this connection has read, or that begin with a prefix.",
    complexity: "O(1). Some options may introduce additional complexity.",
    syntax: "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
    ts: "(mode: 'ON' | 'OFF', ...options: Arg[]): 'OK'",
    example: "> CLIENT TRACKING ON BCAST PREFIX user: PREFIX order:\nOK\n> CLIENT GETREDIR\n(integer) 0\n\
              > CLIENT TRACKING ON BCAST PREFIX user:1\n(error) ERR Prefix 'user:1' overlaps with an existing prefix 'user:'. \
              Prefixes for a single client must not overlap.\n> CLIENT TRACKING OFF\nOK",
    run: track,
    ..Row::NONE
};

fn track(c: &mut Ctx) -> Outcome {
    let (on, mode) = options(c)?;
    if on {
        check(c.me.tracking.as_deref(), &mode)?;
        tracking::enable(c.server, c.ks, c.me, mode);
    } else {
        tracking::disable(c.server, c.ks, c.me);
    }
    c.out.ok();
    Ok(())
}

fn options(c: &Ctx) -> Result<(bool, Mode), Error> {
    let mut args: Args = c.args();
    let switch = args.next()?;
    let mut mode = Mode::default();
    while args.more() {
        if args.left() > 1 && args.word("REDIRECT") {
            if mode.redirect != 0 {
                return Err(Error::TrackingTwoRedirects);
            }
            let id = args::int(args.next()?)? as u64;
            if id != c.me.id && !c.sessions.iter().any(|s| s.id == id && !s.closing && !s.replica) {
                return Err(Error::TrackingNoRedirect);
            }
            mode.redirect = id;
        } else if args.word("BCAST") {
            mode.bcast = true;
        } else if args.word("OPTIN") {
            mode.optin = true;
        } else if args.word("OPTOUT") {
            mode.optout = true;
        } else if args.word("NOLOOP") {
            mode.noloop = true;
        } else if args.left() > 1 && args.word("PREFIX") {
            mode.prefixes.push(args.next()?.to_vec());
        } else {
            return Err(Error::Syntax);
        }
    }
    match switch.to_ascii_lowercase().as_slice() {
        b"on" => Ok((true, mode)),
        b"off" => Ok((false, mode)),
        _ => Err(Error::Syntax),
    }
}

/// Fails if the options of `new` do not go together, or not with what `old` is already.
fn check(old: Option<&Mode>, new: &Mode) -> Outcome {
    if !new.bcast && !new.prefixes.is_empty() {
        return Err(Error::TrackingPrefixWithoutBcast);
    }
    if old.is_some_and(|old| old.bcast != new.bcast) {
        return Err(Error::TrackingSwitchBcast);
    }
    if new.bcast && (new.optin || new.optout) {
        return Err(Error::TrackingOptWithBcast);
    }
    if new.optin && new.optout {
        return Err(Error::TrackingOptBoth);
    }
    if old.is_some_and(|old| (new.optin && old.optout) || (new.optout && old.optin)) {
        return Err(Error::TrackingSwitchOpt);
    }
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    for (n, prefix) in new.prefixes.iter().enumerate() {
        let existing = old.and_then(|old| old.prefixes.iter().find(|other| overlap(prefix, other)));
        if let Some(other) = existing {
            return Err(overlaps(prefix, "an existing", other));
        }
        if let Some(other) = new.prefixes[n + 1..].iter().find(|other| overlap(prefix, other)) {
            return Err(overlaps(prefix, "another provided", other));
        }
    }
    Ok(())
}

fn overlaps(prefix: &[u8], which: &str, other: &[u8]) -> Error {
    let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
    Error::new(format!(
        "ERR Prefix '{prefix}' overlaps with {which} prefix '{other}'. Prefixes for a single client must not overlap."
    ))
}

pub(super) const CACHING: Row = Row {
    name: "CACHING",
    group: Group::Connection,
    since: "6.0.0",
    arity: 3,
    flags: super::OWN,
    summary: "Says whether the keys of the next command are tracked.",
    complexity: "O(1)",
    syntax: "<YES | NO>",
    ts: "(mode: 'YES' | 'NO'): 'OK'",
    example: "> CLIENT TRACKING ON OPTIN\nOK\n> CLIENT CACHING YES\nOK\n> CLIENT CACHING NO\n\
              (error) ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
    run: caching,
    ..Row::NONE
};

fn caching(c: &mut Ctx) -> Outcome {
    let mode = c.me.tracking.as_mut().filter(|mode| mode.optin || mode.optout).ok_or(Error::CachingWithoutTracking)?;
    match c.argv[2].to_ascii_lowercase().as_slice() {
        b"yes" if mode.optin => mode.caching = true,
        b"yes" => return Err(Error::CachingYes),
        b"no" if mode.optout => mode.caching = true,
        b"no" => return Err(Error::CachingNo),
        _ => return Err(Error::Syntax),
    }
    c.out.ok();
    Ok(())
}

pub(super) const GETREDIR: Row = Row {
    name: "GETREDIR",
    group: Group::Connection,
    since: "6.0.0",
    arity: 2,
    flags: super::OWN,
    summary: "Returns which connection gets the invalidation messages of this one: 0 for none, -1 when tracking is off.",
    complexity: "O(1)",
    ts: "(): number",
    example: "> CLIENT GETREDIR\n(integer) -1\n> CLIENT TRACKING ON\nOK\n> CLIENT GETREDIR\n(integer) 0",
    run: getredir,
    ..Row::NONE
};

fn getredir(c: &mut Ctx) -> Outcome {
    c.out.int(c.me.tracking.as_ref().map_or(-1, |mode| mode.redirect as i64));
    Ok(())
}

pub(super) const TRACKINGINFO: Row = Row {
    name: "TRACKINGINFO",
    group: Group::Connection,
    since: "6.2.0",
    arity: 2,
    flags: super::OWN,
    summary: "Returns how the keys this connection reads are tracked.",
    complexity: "O(1)",
    ts: "(): Record<string, Reply>",
    example: "> CLIENT TRACKINGINFO\n1) \"flags\"\n2) 1) \"off\"\n3) \"redirect\"\n4) (integer) -1\n5) \"prefixes\"\n6) (empty array)\n\
              > CLIENT TRACKING ON OPTIN NOLOOP\nOK\n> CLIENT TRACKINGINFO\n1) \"flags\"\n2) 1) \"on\"\n   2) \"optin\"\n   \
              3) \"noloop\"\n3) \"redirect\"\n4) (integer) 0\n5) \"prefixes\"\n6) (empty array)",
    run: trackinginfo,
    ..Row::NONE
};

fn trackinginfo(c: &mut Ctx) -> Outcome {
    let mode = c.me.tracking.as_deref();
    let is = |f: fn(&Mode) -> bool| mode.is_some_and(f);
    let flags = [
        (mode.is_none(), "off"),
        (mode.is_some(), "on"),
        (is(|mode| mode.bcast), "bcast"),
        (is(|mode| mode.optin), "optin"),
        (is(|mode| mode.optin && mode.caching), "caching-yes"),
        (is(|mode| mode.optout), "optout"),
        (is(|mode| mode.optout && mode.caching), "caching-no"),
        (is(|mode| mode.noloop), "noloop"),
        (is(|mode| mode.broken), "broken_redirect"),
    ];
    let words: Vec<&str> = flags.into_iter().filter_map(|(on, word)| on.then_some(word)).collect();
    c.out.map(3);
    c.out.bulk(b"flags");
    c.out.set(words.len());
    words.iter().for_each(|word| c.out.bulk(word.as_bytes()));
    c.out.bulk(b"redirect");
    c.out.int(mode.map_or(-1, |mode| mode.redirect as i64));
    c.out.bulk(b"prefixes");
    let prefixes = mode.map_or(&[][..], |mode| &mode.prefixes);
    c.out.array(prefixes.len());
    prefixes.iter().for_each(|prefix| c.out.bulk(prefix));
    Ok(())
}
