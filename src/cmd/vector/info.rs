//! Reading about the whole set and its graph.

use super::VECTOR;
use crate::ds::vector::VectorSet;
use crate::engine::{Ctx, Error, Outcome, Row, flag};

pub(super) const VCARD: Row = Row {
    name: "VCARD",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    summary: "Returns the number of elements of a vector set.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> VADD points VALUES 2 1 1 a\n(integer) 1\n> VCARD points\n(integer) 1\n> VCARD missing\n(integer) 0",
    run: vcard,
    ..VECTOR
};

fn vcard(c: &mut Ctx) -> Outcome {
    let len = c.ks.get::<VectorSet>(c.argv[1])?.map_or(0, VectorSet::len);
    c.out.len(len);
    Ok(())
}

pub(super) const VDIM: Row = Row {
    name: "VDIM",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    summary: "Returns the number of dimensions of the vectors of a vector set, after REDUCE if it was used.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): number",
    example: "> VADD points VALUES 2 1 1 a\n(integer) 1\n> VDIM points\n(integer) 2\n> VDIM missing\n(error) ERR key does not exist",
    run: vdim,
    ..VECTOR
};

fn vdim(c: &mut Ctx) -> Outcome {
    let dim = c.ks.get::<VectorSet>(c.argv[1])?.map(VectorSet::dim).ok_or(Error::KeyMissing)?;
    c.out.len(dim);
    Ok(())
}

pub(super) const VINFO: Row = Row {
    name: "VINFO",
    arity: 2,
    flags: flag::READONLY | flag::FAST,
    summary: "Describes a vector set: the form of its vectors, its dimensions, its size and its graph.",
    complexity: "O(1)",
    syntax: "key",
    ts: "(key: Key): Reply",
    example: "> VADD points VALUES 2 1 1 a\n(integer) 1\n> VINFO points\n 1) quant-type\n 2) int8\n 3) hnsw-m\n 4) (integer) 16\n 5) vector-dim\n 6) (integer) 2\n 7) projection-input-dim\n 8) (integer) 0\n 9) size\n10) (integer) 1\n11) max-level\n12) (integer) 0\n13) attributes-count\n14) (integer) 0\n15) vset-uid\n16) (integer) 1\n17) hnsw-max-node-uid\n18) (integer) 1\n> VINFO missing\n(nil)",
    differs: "The uid of a set is always 1: replicas have no numbers of their own to give.",
    run: vinfo,
    ..VECTOR
};

fn vinfo(c: &mut Ctx) -> Outcome {
    let Some(set) = c.ks.get::<VectorSet>(c.argv[1])? else {
        c.out.null_array();
        return Ok(());
    };
    let numbers = [
        ("hnsw-m", set.m()),
        ("vector-dim", set.dim()),
        ("projection-input-dim", set.input_dim().unwrap_or(0)),
        ("size", set.len()),
        ("max-level", set.top_level()),
        ("attributes-count", set.attributes()),
        ("vset-uid", 1),
    ];
    c.out.map(2 + numbers.len());
    c.out.simple("quant-type");
    c.out.simple(set.quant().name());
    for (name, number) in numbers {
        c.out.simple(name);
        c.out.len(number);
    }
    c.out.simple("hnsw-max-node-uid");
    c.out.int(set.uids() as i64);
    Ok(())
}

pub(super) const VLINKS: Row = Row {
    name: "VLINKS",
    arity: -3,
    flags: flag::READONLY | flag::FAST,
    summary: "Returns the neighbours of an element in the graph, for each of its levels, with their similarities if asked for.",
    complexity: "O(1)",
    syntax: "key element [WITHSCORES]",
    ts: "(key: Key, element: Value, withScores?: 'WITHSCORES'): Reply",
    example: "> VADD points VALUES 2 1 1 a\n(integer) 1\n> VADD points VALUES 2 2 2 b\n(integer) 1\n> VLINKS points a\n1) 1) \"b\"\n> VLINKS points a WITHSCORES\n1) 1) \"b\"\n   2) \"1\"\n> VLINKS points missing\n(nil)",
    differs: "The graph is this engine's own, so the neighbours can be others than in Redis.",
    run: vlinks,
    ..VECTOR
};

fn vlinks(c: &mut Ctx) -> Outcome {
    let mut args = c.args();
    let (key, element) = (args.next()?, args.next()?);
    let scores = args.word("WITHSCORES");
    args.end()?;
    let Some(levels) = c.ks.get::<VectorSet>(key)?.and_then(|set| set.neighbours(element)) else {
        c.out.null_array();
        return Ok(());
    };
    c.out.array(levels.len());
    for neighbours in levels {
        if scores {
            c.out.map(neighbours.len());
        } else {
            c.out.array(neighbours.len());
        }
        for found in neighbours {
            c.out.bulk(found.name);
            if scores {
                c.out.double(found.score);
            }
        }
    }
    Ok(())
}
