//! A stream is an ordered map of entries, whatever is done to it; its nodes are always well formed, and hostile ones are refused.

use super::*;
use crate::base::rng::Rng;
use crate::ds::listpack::tests::text;

type Model = BTreeMap<Id, Vec<Vec<u8>>>;

fn next_id(rng: &mut Rng, last: Id) -> Id {
    match rng.below(6) {
        0 => Id::new(last.ms + 1 + (rng.u64() >> (8 + rng.below(56))), rng.u64() >> rng.below(64)),
        1 => Id::new(last.ms + 1, 0),
        _ => last.next().unwrap_or(Id::new(last.ms + 1, 0)),
    }
}

fn any_id(rng: &mut Rng, model: &Model) -> Id {
    let known = model.keys().nth(rng.below(model.len().max(1))).copied().unwrap_or(Id::MAX);
    match rng.below(6) {
        0 => Id::MIN,
        1 => Id::MAX,
        2 => known.next().unwrap_or(known),
        3 => known.prev().unwrap_or(known),
        _ => known,
    }
}

fn texts(entry: &Entry) -> Vec<Vec<u8>> {
    assert_eq!(entry.pairs().count(), entry.len());
    entry.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]).collect()
}

fn check(stream: &Stream, model: &Model, rng: &mut Rng) {
    assert_eq!(stream.len(), model.len());
    assert_eq!(stream.first_id(), model.keys().next().copied().unwrap_or(Id::MIN));
    assert_eq!(stream.last_entry_id(), model.keys().next_back().copied());
    let (from, to) = (any_id(rng, model), any_id(rng, model));
    let show = |entry: Entry| (entry.id, texts(&entry));
    let want: Vec<_> =
        if from <= to { model.range(from..=to).map(|(id, t)| (*id, t.clone())).collect() } else { Vec::new() };
    assert_eq!(stream.range(from, to).map(show).collect::<Vec<_>>(), want, "{from:?} {to:?}");
    let back: Vec<_> = want.into_iter().rev().collect();
    assert_eq!(stream.range_rev(from, to).map(show).collect::<Vec<_>>(), back, "{from:?} {to:?}");
    let id = any_id(rng, model);
    assert_eq!(stream.get(id).map(|entry| texts(&entry)), model.get(&id).cloned());
}

/// Loads what would be saved.
fn loaded(stream: &Stream) -> Stream {
    let mut copy = Stream::new();
    for (master, bytes) in stream.nodes() {
        assert!(copy.load_node(master, bytes.to_vec()), "{master:?}");
    }
    let rest = Some((stream.first_id(), stream.max_deleted_id(), stream.added()));
    assert!(copy.load_summary(&Summary { len: stream.len() as u64, last_id: stream.last_id(), rest }));
    copy
}

#[test]
fn a_stream_is_an_ordered_map_with_deletions_from_anywhere() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let limits = Limits { entries: [0, 1, 3, 20, 100][rng.below(5)], bytes: [0, 60, 4096][rng.below(3)] };
        let (mut stream, mut model, mut added) = (Stream::new(), Model::new(), 0);
        let mut last = Id::MIN;
        for _ in 0..600 {
            match rng.below(12) {
                0..7 => {
                    last = next_id(&mut rng, last);
                    let fields: usize = if rng.below(3) > 0 { 2 } else { 1 + rng.below(3) };
                    let mut pairs: Vec<Vec<u8>> = Vec::new();
                    for n in 0..fields {
                        let name = if rng.below(4) > 0 { format!("{n}").into_bytes() } else { text(&mut rng, 40) };
                        pairs.extend([name, text(&mut rng, 300)]);
                    }
                    let refs: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
                    assert_eq!(stream.append(last, &refs, &limits), Ok(()));
                    assert_eq!(stream.append(last, &refs, &limits), Err(Refused::Order));
                    model.insert(last, pairs);
                    added += 1;
                }
                7..10 => {
                    let id = any_id(&mut rng, &model);
                    assert_eq!(stream.delete(id), model.remove(&id).is_some(), "{id:?}");
                }
                10 if rng.below(4) == 0 => {
                    let max = rng.below(model.len() + 2) as u64;
                    trim(&mut stream, &mut model, Bound::MaxLen(max), &mut rng);
                }
                11 if rng.below(4) == 0 => {
                    let min = any_id(&mut rng, &model);
                    let min = if min == Id::MAX { Id::MIN } else { min };
                    trim(&mut stream, &mut model, Bound::MinId(min), &mut rng);
                }
                11 if rng.below(6) == 0 => {
                    // Ids that were used and deleted can be used again.
                    last = model.keys().next_back().copied().unwrap_or(Id::MIN);
                    stream.set_last_id(last);
                }
                _ => check(&stream, &model, &mut rng),
            }
        }
        assert_eq!((stream.added(), stream.last_id()), (added, last));
        check(&stream, &model, &mut rng);
        let copy = loaded(&stream);
        check(&copy, &model, &mut rng);
        assert_eq!(copy.nodes().collect::<Vec<_>>(), stream.nodes().collect::<Vec<_>>());
        assert!(stream.heap_bytes() > 0);
    }
}

fn trim(stream: &mut Stream, model: &mut Model, bound: Bound, rng: &mut Rng) {
    let whole_nodes = rng.below(2) == 0;
    let limit = if whole_nodes { rng.below(40) as u64 } else { 0 };
    let before = stream.len();
    let removed = stream.trim(&Trim { bound, whole_nodes, limit, references: References::Keep }) as usize;
    assert_eq!(stream.len() + removed, before);
    let most = match bound {
        Bound::MaxLen(max) => before.saturating_sub(max as usize),
        Bound::MinId(min) => model.range(..min).count(),
    };
    assert!(if whole_nodes { removed <= most } else { removed == most }, "{removed} of {most}");
    assert!(limit == 0 || removed <= limit as usize);
    (0..removed).for_each(|_| _ = model.pop_first());
}

#[test]
fn only_what_all_groups_acknowledged_is_trimmed_if_so_asked() {
    let mut stream = Stream::new();
    let limits = Limits { entries: 3, bytes: 4096 };
    for n in 1..=9 {
        stream.append(Id::new(n, 0), &[b"f", b"v"], &limits).unwrap();
    }
    let acknowledged =
        Trim { bound: Bound::MaxLen(2), whole_nodes: false, limit: 0, references: References::Acknowledged };
    let mut group = Group::new(Id::new(6, 0), Some(6));
    let me = group.add(b"me", 0);
    for ms in [2, 5] {
        group.assign(Pending { id: Id::new(ms, 0), delivered_ms: 0, deliveries: 1, consumer: me });
    }
    assert!(stream.add_group(b"g", group));
    assert_eq!(stream.trim(&acknowledged), 4);
    let left = |stream: &Stream| stream.range(Id::MIN, Id::MAX).map(|entry| entry.id.ms).collect::<Vec<_>>();
    assert_eq!(left(&stream), [2, 5, 7, 8, 9]);
    assert_eq!(stream.trim(&acknowledged), 0);
    let delete = Trim { bound: Bound::MinId(Id::new(4, 0)), references: References::Delete, ..acknowledged };
    assert_eq!(stream.trim(&delete), 1);
    assert_eq!(stream.group(b"g").unwrap().pending_ends(), Some((Id::new(5, 0), Id::new(5, 0))));
    assert_eq!((left(&stream), stream.max_deleted_id()), (vec![5, 7, 8, 9], Id::MIN));
}

#[test]
fn what_is_pending_is_so_in_the_group_and_for_one_consumer() {
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let (mut group, mut model) = (Group::default(), BTreeMap::<Id, (u64, String)>::new());
        for step in 0..800 {
            let name = format!("c{}", rng.below(4));
            let id = Id::new(1 + rng.below(3) as u64, rng.below(200) as u64);
            match rng.below(10) {
                0..6 => {
                    let consumer = group.find(name.as_bytes()).unwrap_or_else(|| group.add(name.as_bytes(), 0));
                    let delivered_ms = rng.below(50) as u64;
                    group.assign(Pending { id, delivered_ms, deliveries: 1, consumer });
                    model.insert(id, (delivered_ms, name));
                }
                6..9 => assert_eq!(group.acknowledge(id), model.remove(&id).is_some()),
                _ if step % 7 == 0 => {
                    let had = model.values().filter(|(_, owner)| *owner == name).count();
                    model.retain(|_, (_, owner)| *owner != name);
                    assert_eq!(group.remove(name.as_bytes()).unwrap_or(0), had);
                }
                _ => {}
            }
            if step == 400 {
                // From here on the order by time is kept along.
                group.pending_by_time().count();
            }
        }
        assert!(group.is_whole());
        let owner = |of| String::from_utf8(group.consumer(of).unwrap().name().to_vec()).unwrap();
        let got: BTreeMap<_, _> =
            group.pending_from(Id::MIN).map(|p| (p.id, (p.delivered_ms, owner(p.consumer)))).collect();
        assert_eq!(got, model);
        for (of, consumer) in group.consumers() {
            let name = String::from_utf8(consumer.name().to_vec()).unwrap();
            let want: Vec<Id> = model.iter().filter(|(_, (_, owner))| *owner == name).map(|(id, _)| *id).collect();
            assert_eq!(group.pending_of(of, Id::MIN).collect::<Vec<_>>(), want);
        }
        let mut want: Vec<_> = model.iter().map(|(id, (at, _))| (*at, *id)).collect();
        want.sort();
        assert_eq!(group.pending_by_time().collect::<Vec<_>>(), want);
    }
}

#[test]
fn hostile_nodes_are_refused_or_harmless() {
    let mut accepted = 0;
    for seed in 0..3_000 {
        let mut rng = Rng::new(seed);
        let (mut stream, mut last) = (Stream::new(), Id::MIN);
        for n in 0..1 + rng.below(12) {
            last = next_id(&mut rng, last);
            let value = text(&mut rng, 20);
            let pairs: [&[u8]; 4] = [b"f", &value, if n % 3 == 0 { b"h" } else { b"g" }, b"1"];
            stream.append(last, &pairs, &Limits::default()).unwrap();
        }
        stream.delete(last);
        let Some((master, bytes)) = stream.nodes().next().map(|(master, bytes)| (master, bytes.to_vec())) else {
            continue;
        };
        let mut wrong = bytes.clone();
        for _ in 0..=rng.below(3) {
            let at = 6 + rng.below(wrong.len() - 7);
            match rng.below(3) {
                0 => wrong[at] = [0, 1, 2, 3, 4, 0x7F, 0x80, 0x81, 0xC0, 0xDF, 0xE0, 0xF1, 0xF4, 0xFF][rng.below(14)],
                1 => wrong[at] ^= 1 << rng.below(8),
                // The same bytes at another place, so that what is between them is well formed.
                _ => wrong[at..].rotate_left(1),
            }
        }
        let mut hostile = Stream::new();
        if !hostile.load_node(master, wrong) {
            continue;
        }
        accepted += 1;
        // Whatever was let in behaves as a stream.
        let ids: Vec<Id> = hostile.range(Id::MIN, Id::MAX).map(|entry| (entry.id, texts(&entry)).0).collect();
        assert!(ids.windows(2).all(|two| two[0] < two[1]));
        assert_eq!(ids.len(), hostile.len());
        assert_eq!(hostile.range_rev(Id::MIN, Id::MAX).count(), ids.len());
        let behind = hostile.last_id().next();
        let before = hostile.len();
        if let Some(behind) = behind {
            hostile.append(behind, &[b"f", b"v"], &Limits::default()).unwrap();
            assert!(hostile.delete(behind) && hostile.len() == before);
        }
        assert!(ids.iter().all(|id| hostile.delete(*id)) && hostile.is_empty());
    }
    assert!(accepted > 20, "most changes are refused, but not all: {accepted}");
}

#[test]
fn nodes_that_do_not_belong_together_are_refused() {
    let mut one = Stream::new();
    one.append(Id::new(5, 0), &[b"f", b"v"], &Limits::default()).unwrap();
    let bytes = one.nodes().next().unwrap().1.to_vec();
    let mut stream = Stream::new();
    assert!(stream.load_node(Id::new(5, 0), bytes.clone()));
    assert!(!stream.load_node(Id::new(5, 0), bytes.clone()), "the same again");
    assert!(!stream.load_node(Id::new(4, 0), bytes.clone()), "before the other");
    assert!(!stream.clone().load_summary(&Summary { len: 2, last_id: Id::MAX, rest: None }), "another length");
    assert!(
        !stream.clone().load_summary(&Summary { len: 1, last_id: Id::new(4, 0), rest: None }),
        "a last id before it"
    );
    assert!(stream.load_node(Id::new(6, 0), bytes.clone()));
    assert!(stream.load_summary(&Summary { len: 2, last_id: Id::new(6, 0), rest: None }));
    assert_eq!((stream.added(), stream.first_id()), (2, Id::new(5, 0)));
    for cut in 0..bytes.len() {
        assert!(!Stream::new().load_node(Id::MIN, bytes[..cut].to_vec()));
    }
    assert!(!Stream::new().load_node(Id::MIN, Vec::from(*b"\x07\0\0\0\0\0\xFF")), "not even a master entry");
}

#[test]
fn what_was_read_and_what_is_left_is_known_where_it_can_be() {
    let mut stream = Stream::new();
    for n in 1..=5 {
        stream.append(Id::new(n, 0), &[b"f", b"v"], &Limits::default()).unwrap();
    }
    let mut group = Group::new(Id::MIN, None);
    assert_eq!(stream.lag(&group), Some(5));
    for n in 1..=2 {
        group.entries_read = stream.read_on(&group, Id::new(n, 0));
        group.last_id = Id::new(n, 0);
    }
    assert_eq!((group.entries_read, stream.lag(&group)), (Some(2), Some(3)));
    stream.delete(Id::new(4, 0));
    assert_eq!(stream.lag(&group), None, "one that is still to come is gone");
    (group.last_id, group.entries_read) = (Id::new(5, 0), None);
    assert_eq!(stream.lag(&group), Some(0));
    group.last_id = Id::new(9, 0);
    assert_eq!(stream.count_up_to(group.last_id), None);
    stream.trim(&Trim { bound: Bound::MaxLen(0), whole_nodes: false, limit: 0, references: References::Keep });
    assert_eq!((stream.lag(&group), stream.first_id()), (Some(0), Id::MIN));
}

#[test]
fn the_radix_tree_of_redis_would_have_so_many_nodes() {
    let limits = Limits { entries: 1, bytes: 4096 };
    let mut stream = Stream::new();
    let mut nodes = vec![stream.radix_nodes()];
    for (ms, seq) in [(1, 0), (1, 1), (1, 300), (2, 0), (1 << 40, 0)] {
        stream.append(Id::new(ms, seq), &[b"f", b"v"], &limits).unwrap();
        nodes.push(stream.radix_nodes());
    }
    // As redis-server 7.0.15 says after the same commands.
    assert_eq!(nodes, [1, 2, 4, 7, 11, 15]);
}
