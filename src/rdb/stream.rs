//! Streams in a file, both ways: nodes of listpacks, counters, groups with what is pending, consumers.
//!
//! After the nodes come the number of entries and the last id; from version 2 on the first id, the largest deleted and the number
//! of entries ever added; then the groups. A group has its name, last id, from version 2 on its number of entries read, what is
//! pending, and consumers with their name, the time they were seen and, from version 3 on, active, and the ids pending for them.

use super::cursor::{Cursor, Stop, corrupt};
use super::kind;
use super::pen::Pen;
use crate::ds::stream::{Consumer, ConsumerId, Group, Id, Log, Stream, Summary};

/// What is read next.
enum Stage {
    Nodes(u64),
    Summary,
    Groups,
    /// Pending entries of a group, then its consumers.
    Pending(u64),
    Consumers,
    /// Ids pending for a consumer.
    Owned(ConsumerId, u64),
    Done,
}

/// A stream that is being read.
pub(super) struct Build {
    code: u8,
    stage: Stage,
    stream: Stream,
    groups_left: u64,
    consumers_left: u64,
    /// The group that is being read.
    name: Vec<u8>,
    group: Group,
}

impl Build {
    pub(super) fn begin(code: u8, cur: &mut Cursor) -> Result<Self, Stop> {
        let stage = Stage::Nodes(cur.len()?);
        let (stream, group) = (Stream::new(), Group::default());
        Ok(Build { code, stage, stream, groups_left: 0, consumers_left: 0, name: Vec::new(), group })
    }

    /// Takes one thing: reads all of it before anything is changed. Returns whether the stream is complete.
    pub(super) fn step(&mut self, cur: &mut Cursor) -> Result<bool, Stop> {
        self.stage = match self.stage {
            Stage::Nodes(0) => Stage::Summary,
            Stage::Nodes(left) => {
                let key = cur.string()?;
                let Ok(key) = <[u8; 16]>::try_from(&*key) else { return corrupt("an id of a stream") };
                let bytes = cur.string()?.into_owned();
                if !self.stream.load_node(Id::from_bytes(key), bytes) {
                    return corrupt("a node of a stream");
                }
                Stage::Nodes(left - 1)
            }
            Stage::Summary => self.summary(cur)?,
            Stage::Groups => match self.groups_left {
                0 => Stage::Done,
                _ => self.group(cur)?,
            },
            Stage::Pending(0) => {
                self.consumers_left = cur.len()?;
                Stage::Consumers
            }
            Stage::Pending(left) => {
                let (id, delivered_ms, deliveries) = (raw_id(cur)?, cur.u64()?, cur.len()?);
                if !self.group.load_pending(id, delivered_ms, deliveries) {
                    return corrupt("an entry is pending twice in a group of a stream");
                }
                Stage::Pending(left - 1)
            }
            Stage::Consumers => match self.consumers_left {
                0 => self.end_group()?,
                _ => self.consumer(cur)?,
            },
            Stage::Owned(_, 0) => Stage::Consumers,
            Stage::Owned(consumer, left) => {
                if !self.group.load_owner(consumer, raw_id(cur)?) {
                    return corrupt("what is pending for a consumer is not pending in its group");
                }
                Stage::Owned(consumer, left - 1)
            }
            Stage::Done => Stage::Done,
        };
        Ok(matches!(self.stage, Stage::Done))
    }

    fn summary(&mut self, cur: &mut Cursor) -> Result<Stage, Stop> {
        let (len, last_id) = (cur.len()?, id(cur)?);
        let rest = match self.code {
            kind::STREAM => None,
            _ => Some((id(cur)?, id(cur)?, cur.len()?)),
        };
        let groups = cur.len()?;
        if !self.stream.load_summary(&Summary { len, last_id, rest }) {
            return corrupt("the counters of a stream");
        }
        self.groups_left = groups;
        Ok(Stage::Groups)
    }

    fn group(&mut self, cur: &mut Cursor) -> Result<Stage, Stop> {
        let (name, last_id) = (cur.string()?, id(cur)?);
        let entries_read = match self.code {
            kind::STREAM => self.stream.count_up_to(last_id),
            // -1 stands for a number that is not known.
            _ => Some(cur.len()?).filter(|read| *read != u64::MAX),
        };
        let pending = cur.len()?;
        self.name = name.into_owned();
        self.group = Group::new(last_id, entries_read);
        self.groups_left -= 1;
        Ok(Stage::Pending(pending))
    }

    fn consumer(&mut self, cur: &mut Cursor) -> Result<Stage, Stop> {
        let (name, seen_ms) = (cur.string()?, cur.u64()?);
        let active_ms = match self.code {
            kind::STREAM_3 => Some(cur.u64()?).filter(|ms| *ms as i64 >= 0),
            _ => Some(seen_ms),
        };
        let pending = cur.len()?;
        if self.group.find(&name).is_some() {
            return corrupt("a consumer comes twice in a group of a stream");
        }
        let id = self.group.add(&name, seen_ms);
        if let Some(consumer) = self.group.consumer_mut(id) {
            consumer.active_ms = active_ms;
        }
        self.consumers_left -= 1;
        Ok(Stage::Owned(id, pending))
    }

    fn end_group(&mut self) -> Result<Stage, Stop> {
        let group = std::mem::take(&mut self.group);
        if !group.is_whole() {
            return corrupt("an entry is pending for no consumer of a group of a stream");
        }
        if !self.stream.add_group(&self.name, group) {
            return corrupt("a group comes twice in a stream");
        }
        Ok(Stage::Groups)
    }

    pub(super) fn finish(self) -> Stream {
        self.stream
    }
}

fn id(cur: &mut Cursor) -> Result<Id, Stop> {
    Ok(Id::new(cur.len()?, cur.len()?))
}

fn raw_id(cur: &mut Cursor) -> Result<Id, Stop> {
    let bytes = cur.take(16)?;
    match bytes.first_chunk() {
        Some(bytes) => Ok(Id::from_bytes(*bytes)),
        None => Err(Stop::More),
    }
}

/// Where writing a stream stopped.
#[derive(Default)]
pub(super) struct Place {
    /// The node that is due.
    node: Id,
    /// The nodes and the counters are written.
    summed: bool,
    /// Groups that are written, and where the next one stands.
    groups: usize,
    part: Part,
    /// The pending entry that is due.
    pending: Id,
    /// Consumers of the group that are written.
    consumers: usize,
}

/// A part of a group.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Name,
    Pending,
    Consumer,
    Owned,
}

/// Writes a stream as type `code` from `place` on. Returns whether that was all.
pub(super) fn write(pen: &mut Pen, code: u8, stream: &Stream, place: &mut Place) -> bool {
    if !place.summed {
        if !write_nodes(pen, stream, place) {
            return false;
        }
        let log: &Log = stream;
        pen.len(log.len() as u64);
        for id in [log.last_id(), log.first_id(), log.max_deleted_id()] {
            put_id(pen, id);
        }
        pen.len(log.added());
        pen.len(stream.groups_len() as u64);
        place.summed = true;
    }
    for (name, group) in stream.groups().skip(place.groups) {
        if !write_group(pen, code, name, group, place) {
            return false;
        }
        place.groups += 1;
    }
    true
}

fn write_nodes(pen: &mut Pen, stream: &Stream, place: &mut Place) -> bool {
    if place.node == Id::MIN && pen.offset == 0 {
        pen.len(stream.node_count() as u64);
    }
    for (master, pack) in stream.nodes_from(place.node) {
        place.node = master;
        if pen.offset == 0 {
            if pen.is_full() {
                return false;
            }
            pen.len(16);
            pen.out.extend_from_slice(&master.to_bytes());
        }
        if !pen.raw(pack) {
            return false;
        }
    }
    true
}

fn write_group(pen: &mut Pen, code: u8, name: &[u8], group: &Group, place: &mut Place) -> bool {
    if place.part == Part::Name {
        if (pen.offset == 0 && pen.is_full()) || !pen.string(name) {
            return false;
        }
        put_id(pen, group.last_id);
        pen.len(group.entries_read.unwrap_or(u64::MAX));
        pen.len(group.pending_len() as u64);
        (place.part, place.pending) = (Part::Pending, Id::MIN);
    }
    if place.part == Part::Pending {
        for pending in group.pending_from(place.pending) {
            place.pending = pending.id;
            if pen.is_full() {
                return false;
            }
            pen.out.extend_from_slice(&pending.id.to_bytes());
            pen.u64(pending.delivered_ms);
            pen.len(pending.deliveries);
        }
        pen.len(group.consumers_len() as u64);
        (place.part, place.consumers) = (Part::Consumer, 0);
    }
    for (id, consumer) in group.consumers().skip(place.consumers) {
        if !write_consumer(pen, code, group, (id, consumer), place) {
            return false;
        }
        place.consumers += 1;
    }
    place.part = Part::Name;
    true
}

fn write_consumer(
    pen: &mut Pen,
    code: u8,
    group: &Group,
    (id, consumer): (ConsumerId, &Consumer),
    place: &mut Place,
) -> bool {
    if place.part == Part::Consumer {
        if (pen.offset == 0 && pen.is_full()) || !pen.string(consumer.name()) {
            return false;
        }
        pen.u64(consumer.seen_ms);
        if code == kind::STREAM_3 {
            pen.u64(consumer.active_ms.unwrap_or(u64::MAX));
        }
        pen.len(consumer.pending_len() as u64);
        (place.part, place.pending) = (Part::Owned, Id::MIN);
    }
    for id in group.pending_of(id, place.pending) {
        place.pending = id;
        if pen.is_full() {
            return false;
        }
        pen.out.extend_from_slice(&id.to_bytes());
    }
    place.part = Part::Consumer;
    true
}

fn put_id(pen: &mut Pen, id: Id) {
    pen.len(id.ms);
    pen.len(id.seq);
}
