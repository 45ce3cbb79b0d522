//! Publish/subscribe: channels, patterns, and shard channels (which are a second set of channels here, as on any single server).

use super::command::help_row;
use crate::base::{glob, order};
use crate::engine::answered::CHANNEL;
use crate::engine::pubsub::{Kind, names_of};
use crate::engine::queued;
use crate::engine::{Ctx, Error, Group, Outcome, Reply, Row, flag};

/// The family.
pub const ROWS: &[Row] =
    &[PSUBSCRIBE, PUBLISH, PUBSUB, PUNSUBSCRIBE, SPUBLISH, SSUBSCRIBE, SUBSCRIBE, SUNSUBSCRIBE, UNSUBSCRIBE];

const LISTEN: u32 = flag::PUBSUB | flag::NOSCRIPT | flag::LOADING | flag::STALE;
const SEND: u32 = flag::PUBSUB | flag::LOADING | flag::STALE | flag::FAST | flag::MAY_REPLICATE;
const LOOK: u32 = flag::PUBSUB | flag::LOADING | flag::STALE;

const PUBLISH: Row = Row {
    name: "PUBLISH",
    group: Group::Pubsub,
    since: "2.0.0",
    arity: 3,
    flags: SEND,
    summary: "Sends a message to all who listen to a channel; returns how many got it.",
    complexity: "O(N+M) where N is the number of clients subscribed to the channel and M is the number of patterns in use.",
    syntax: "channel message",
    ts: "(channel: Key, message: Value): number",
    example: "> PUBLISH news hello\n(integer) 0",
    run: publish,
    ..Row::NONE
};

/// Returns how many times the message was delivered. It goes to followers too: their clients listen as well.
fn publish(c: &mut Ctx) -> Outcome {
    send(c, false)
}

const SPUBLISH: Row = Row {
    name: "SPUBLISH",
    group: Group::Pubsub,
    since: "7.0.0",
    arity: 3,
    flags: SEND,
    keys: "idx:1/range:last=0,step=1,limit=0[NOT_KEY]",
    summary: "Sends a message to all who listen to a shard channel; returns how many got it.",
    complexity: "O(N) where N is the number of clients subscribed to the shard channel.",
    syntax: "shardchannel message",
    ts: "(shardchannel: Key, message: Value): number",
    example: "> SPUBLISH orders hello\n(integer) 0",
    run: spublish,
    ..Row::NONE
};

fn spublish(c: &mut Ctx) -> Outcome {
    send(c, true)
}

fn send(c: &mut Ctx, shard: bool) -> Outcome {
    if [CHANNEL, queued::CHANNEL].contains(&c.argv[1]) {
        return Err(Error::new("ERR that channel is the engine's own"));
    }
    let count = c.pubsub.publish(c.sessions, c.me, shard, c.argv[1], c.argv[2]);
    c.instead(c.argv);
    c.out.len(count);
    Ok(())
}

const SUBSCRIBE: Row = Row {
    name: "SUBSCRIBE",
    group: Group::Pubsub,
    since: "2.0.0",
    arity: -2,
    flags: LISTEN,
    summary: "Listens to channels.",
    complexity: "O(N) where N is the number of channels to subscribe to.",
    syntax: "channel [channel ...]",
    ts: "(...channels: Key[]): void",
    example: "> SUBSCRIBE news\n1) \"subscribe\"\n2) \"news\"\n3) (integer) 1",
    run: |c| subscribe(c, Kind::Channel, "subscribe"),
    ..Row::NONE
};

const PSUBSCRIBE: Row = Row {
    name: "PSUBSCRIBE",
    group: Group::Pubsub,
    since: "2.0.0",
    arity: -2,
    flags: LISTEN,
    summary: "Listens to all channels whose names match the glob patterns.",
    complexity: "O(N) where N is the number of patterns to subscribe to.",
    syntax: "pattern [pattern ...]",
    ts: "(...patterns: Key[]): void",
    example: "> PSUBSCRIBE news.*\n1) \"psubscribe\"\n2) \"news.*\"\n3) (integer) 1",
    run: |c| subscribe(c, Kind::Pattern, "psubscribe"),
    ..Row::NONE
};

const SSUBSCRIBE: Row = Row {
    name: "SSUBSCRIBE",
    group: Group::Pubsub,
    since: "7.0.0",
    arity: -2,
    flags: LISTEN,
    keys: "idx:1/range:last=-1,step=1,limit=0[NOT_KEY]",
    summary: "Listens to shard channels.",
    complexity: "O(N) where N is the number of shard channels to subscribe to.",
    syntax: "shardchannel [shardchannel ...]",
    ts: "(...shardchannels: Key[]): void",
    example: "> SSUBSCRIBE orders\n1) \"ssubscribe\"\n2) \"orders\"\n3) (integer) 1",
    run: |c| subscribe(c, Kind::Shard, "ssubscribe"),
    ..Row::NONE
};

/// Answers one confirmation for every name, a second subscription to the same one included.
fn subscribe(c: &mut Ctx, kind: Kind, word: &str) -> Outcome {
    for name in &c.argv[1..] {
        c.pubsub.subscribe(c.me, kind, name);
        let count = count_of(c, kind);
        confirm(c, word, Some(name), count);
    }
    Ok(())
}

const UNSUBSCRIBE: Row = Row {
    name: "UNSUBSCRIBE",
    group: Group::Pubsub,
    since: "2.0.0",
    arity: -1,
    flags: LISTEN,
    summary: "Stops listening to channels, or to all of them.",
    complexity: "O(N) where N is the number of channels to unsubscribe.",
    syntax: "[channel [channel ...]]",
    ts: "(...channels: Key[]): void",
    example: "> SUBSCRIBE news\n1) \"subscribe\"\n2) \"news\"\n3) (integer) 1\n\
              > UNSUBSCRIBE\n1) \"unsubscribe\"\n2) \"news\"\n3) (integer) 0",
    run: |c| unsubscribe(c, Kind::Channel, "unsubscribe"),
    ..Row::NONE
};

const PUNSUBSCRIBE: Row = Row {
    name: "PUNSUBSCRIBE",
    group: Group::Pubsub,
    since: "2.0.0",
    arity: -1,
    flags: LISTEN,
    summary: "Stops listening to patterns, or to all of them.",
    complexity: "O(N) where N is the number of patterns to unsubscribe.",
    syntax: "[pattern [pattern ...]]",
    ts: "(...patterns: Key[]): void",
    example: "> PSUBSCRIBE news.*\n1) \"psubscribe\"\n2) \"news.*\"\n3) (integer) 1\n\
              > PUNSUBSCRIBE news.*\n1) \"punsubscribe\"\n2) \"news.*\"\n3) (integer) 0",
    run: |c| unsubscribe(c, Kind::Pattern, "punsubscribe"),
    ..Row::NONE
};

const SUNSUBSCRIBE: Row = Row {
    name: "SUNSUBSCRIBE",
    group: Group::Pubsub,
    since: "7.0.0",
    arity: -1,
    flags: LISTEN,
    keys: "idx:1/range:last=-1,step=1,limit=0[NOT_KEY]",
    summary: "Stops listening to shard channels, or to all of them.",
    complexity: "O(N) where N is the number of shard channels to unsubscribe.",
    syntax: "[shardchannel [shardchannel ...]]",
    ts: "(...shardchannels: Key[]): void",
    example: "> SSUBSCRIBE orders\n1) \"ssubscribe\"\n2) \"orders\"\n3) (integer) 1\n\
              > SUNSUBSCRIBE\n1) \"sunsubscribe\"\n2) \"orders\"\n3) (integer) 0",
    run: |c| unsubscribe(c, Kind::Shard, "sunsubscribe"),
    ..Row::NONE
};

/// Answers one confirmation for every name; without names for every subscription, or a single one about nothing.
fn unsubscribe(c: &mut Ctx, kind: Kind, word: &str) -> Outcome {
    let all: Vec<Vec<u8>>;
    let names: Vec<&[u8]> = if c.argv.len() > 1 {
        c.argv[1..].to_vec()
    } else {
        all = names_of(c.me, kind).iter().cloned().collect();
        all.iter().map(Vec::as_slice).collect()
    };
    if names.is_empty() {
        let count = count_of(c, kind);
        confirm(c, word, None, count);
    }
    for name in names {
        c.pubsub.unsubscribe(c.me, kind, name);
        let count = count_of(c, kind);
        confirm(c, word, Some(name), count);
    }
    Ok(())
}

/// The number in a confirmation: channels and patterns are counted together, shard channels on their own.
fn count_of(c: &Ctx, kind: Kind) -> usize {
    match kind {
        Kind::Shard => c.me.shards.len(),
        _ => c.me.channels.len() + c.me.patterns.len(),
    }
}

/// Confirmations are pushes: `CLIENT REPLY OFF` does not silence them.
fn confirm(c: &mut Ctx, word: &str, name: Option<&[u8]>, count: usize) {
    let out: &mut Reply = if c.me.is_silent() { c.me.later() } else { c.out };
    out.push(3);
    out.bulk(word.as_bytes());
    out.bulk_or_null(name);
    out.len(count);
}

const PUBSUB: Row = Row {
    name: "PUBSUB",
    group: Group::Pubsub,
    since: "2.8.0",
    arity: -2,
    summary: "Tells who listens to what.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [argument [argument ...]]",
    ts: "(sub: string, ...args: Arg[]): Reply",
    example: "> PUBSUB CHANNELS\n(empty array)",
    subs: &[CHANNELS, PUBSUB_HELP, NUMPAT, NUMSUB, SHARDCHANNELS, SHARDNUMSUB],
    ..Row::NONE
};

const PUBSUB_HELP: Row = help_row(Group::Pubsub, "6.2.0", flag::LOADING | flag::STALE);

const CHANNELS: Row = Row {
    name: "CHANNELS",
    group: Group::Pubsub,
    since: "2.8.0",
    arity: -2,
    flags: LOOK,
    summary: "Returns the channels that somebody listens to, or those that match a pattern.",
    complexity: "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
    syntax: "[pattern]",
    ts: "(pattern?: string): string[]",
    example: "> SUBSCRIBE news\n1) \"subscribe\"\n2) \"news\"\n3) (integer) 1\n> @2 PUBSUB CHANNELS n*\n1) \"news\"",
    run: |c| channels(c, Kind::Channel),
    ..Row::NONE
};

const SHARDCHANNELS: Row = Row {
    name: "SHARDCHANNELS",
    group: Group::Pubsub,
    since: "7.0.0",
    arity: -2,
    flags: LOOK,
    summary: "Returns the shard channels that somebody listens to, or those that match a pattern.",
    complexity: "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
    syntax: "[pattern]",
    ts: "(pattern?: string): string[]",
    example: "> SSUBSCRIBE orders\n1) \"ssubscribe\"\n2) \"orders\"\n3) (integer) 1\n> @2 PUBSUB SHARDCHANNELS\n1) \"orders\"",
    run: |c| channels(c, Kind::Shard),
    ..Row::NONE
};

fn channels(c: &mut Ctx, kind: Kind) -> Outcome {
    let mut args = c.args();
    let pattern = if args.more() { Some(args.next()?) } else { None };
    if args.more() {
        return Err(Error::subcommand_arity("PUBSUB", c.argv[1]));
    }
    // In an order that does not depend on the seed.
    let all = c.pubsub.registry(kind).keys();
    let mut names: Vec<&[u8]> =
        all.map(Vec::as_slice).filter(|name| pattern.is_none_or(|p| glob::matches(p, name))).collect();
    order::by_bytes(&mut names);
    c.out.array(names.len());
    names.into_iter().for_each(|name| c.out.bulk(name));
    Ok(())
}

const NUMPAT: Row = Row {
    name: "NUMPAT",
    group: Group::Pubsub,
    since: "2.8.0",
    arity: 2,
    flags: LOOK,
    summary: "Returns how many different patterns somebody listens to.",
    complexity: "O(1)",
    ts: "(): number",
    example: "> PSUBSCRIBE news.*\n1) \"psubscribe\"\n2) \"news.*\"\n3) (integer) 1\n> @2 PUBSUB NUMPAT\n(integer) 1",
    run: numpat,
    ..Row::NONE
};

fn numpat(c: &mut Ctx) -> Outcome {
    c.out.len(c.pubsub.registry(Kind::Pattern).len());
    Ok(())
}

const NUMSUB: Row = Row {
    name: "NUMSUB",
    group: Group::Pubsub,
    since: "2.8.0",
    arity: -2,
    flags: LOOK,
    summary: "Returns how many listen to each of the channels, patterns aside.",
    complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
    syntax: "[channel [channel ...]]",
    ts: "(...channels: Key[]): (string | number)[]",
    example: "> SUBSCRIBE news\n1) \"subscribe\"\n2) \"news\"\n3) (integer) 1\n\
              > @2 PUBSUB NUMSUB news none\n1) \"news\"\n2) (integer) 1\n3) \"none\"\n4) (integer) 0",
    run: |c| numsub(c, Kind::Channel),
    ..Row::NONE
};

const SHARDNUMSUB: Row = Row {
    name: "SHARDNUMSUB",
    group: Group::Pubsub,
    since: "7.0.0",
    arity: -2,
    flags: LOOK,
    summary: "Returns how many listen to each of the shard channels.",
    complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
    syntax: "[shardchannel [shardchannel ...]]",
    ts: "(...shardchannels: Key[]): (string | number)[]",
    example: "> PUBSUB SHARDNUMSUB orders\n1) \"orders\"\n2) (integer) 0",
    run: |c| numsub(c, Kind::Shard),
    ..Row::NONE
};

fn numsub(c: &mut Ctx, kind: Kind) -> Outcome {
    let names = c.args().rest();
    // An array in RESP3 too.
    c.out.array(names.len() * 2);
    for name in names {
        c.out.bulk(name);
        c.out.len(c.pubsub.registry(kind).get(*name).map_or(0, Vec::len));
    }
    Ok(())
}
