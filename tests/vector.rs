//! Vector sets from outside: how much of what is nearest they find, and their forms in the newer protocol.
#![cfg(all(feature = "vector", not(target_family = "wasm")))]

mod common;

use common::{engine, run};
use std::collections::BTreeSet;
use tabdis::base::rng::Rng;
use tabdis::ds::vector::{Quant, Search, VectorSet};

const DIM: usize = 64;
/// Without optimization a few have to do.
const SIZE: usize = if cfg!(debug_assertions) { 300 } else { 10_000 };
const QUERIES: usize = if cfg!(debug_assertions) { 40 } else { 200 };

/// A vector near one of a hundred centres.
fn clustered(rng: &mut Rng) -> Vec<f32> {
    let mut centre = Rng::new(rng.below(100) as u64);
    (0..DIM).map(|_| (centre.f64() - 0.5 + (rng.f64() - 0.5) * 0.8) as f32).collect()
}

#[test]
fn a_search_finds_what_comparing_all_finds() {
    for (quant, least) in [(Quant::None, 0.95), (Quant::Q8, 0.95), (Quant::Bin, 0.6)] {
        let mut rng = Rng::new(common::seed(1));
        let mut set = VectorSet::shaped(DIM, None, 16, quant);
        for n in 0..SIZE {
            let packed = set.pack(&clustered(&mut rng));
            set.set(format!("e{n}").as_bytes(), &packed, 200);
        }
        let recall = recall(&set, &mut rng);
        println!("{SIZE} vectors of {DIM}, {}: {recall:.4} of the ten nearest", quant.name());
        assert!(recall >= least, "{}", quant.name());
        (0..SIZE).step_by(2).for_each(|n| assert!(set.remove(format!("e{n}").as_bytes())));
        let recall = self::recall(&set, &mut rng);
        println!("half of them deleted: {recall:.4}");
        assert!(recall >= least, "{} after deletions", quant.name());
    }
}

fn recall(set: &VectorSet, rng: &mut Rng) -> f64 {
    let how = |exact| Search { count: 10, ef: 100, least: 0.0, filter: None, effort: usize::MAX, exact };
    let mut hits = 0;
    for _ in 0..QUERIES {
        let query = set.pack(&clustered(rng));
        // By score, for what is equally near is as good.
        let truth = set.search(&query, &how(true));
        let worst = truth.last().map_or(0.0, |found| found.score);
        let found: BTreeSet<&[u8]> = set
            .search(&query, &how(false))
            .iter()
            .filter(|found| found.score >= worst)
            .map(|found| found.name)
            .collect();
        hits += found.len();
    }
    hits as f64 / (10 * QUERIES) as f64
}

#[test]
fn the_newer_protocol_has_forms_of_its_own() {
    let (mut engine, id) = engine(1);
    run(&mut engine, id, 1, "HELLO 3");
    for (line, want) in [
        ("VADD s VALUES 2 3 4 a NOQUANT SETATTR {\"n\":1}", "#t\r\n"),
        ("VADD s VALUES 2 -3 -4 b NOQUANT", "#t\r\n"),
        ("VADD s VALUES 2 -3 -4 b NOQUANT", "#f\r\n"),
        ("VISMEMBER s a", "#t\r\n"),
        ("VEMB s a", "*2\r\n,3\r\n,4\r\n"),
        ("VSIM s ELE a COUNT 1", "*1\r\n$1\r\na\r\n"),
        ("VSIM s ELE b WITHSCORES", "%2\r\n$1\r\nb\r\n,1\r\n$1\r\na\r\n,0\r\n"),
        ("VSIM s ELE a WITHATTRIBS", "%2\r\n$1\r\na\r\n$7\r\n{\"n\":1}\r\n$1\r\nb\r\n_\r\n"),
        ("VSIM s ELE b WITHATTRIBS WITHSCORES COUNT 1", "%1\r\n$1\r\nb\r\n*2\r\n,1\r\n_\r\n"),
        ("VSIM missing ELE a WITHSCORES", "%0\r\n"),
        ("VLINKS s a WITHSCORES", "*1\r\n%1\r\n$1\r\nb\r\n,0\r\n"),
        ("VSETATTR s b {}", "#t\r\n"),
        ("VREM s b", "#t\r\n"),
        ("VGETATTR s b", "_\r\n"),
        ("VEMB s b", "_\r\n"),
    ] {
        assert_eq!(run(&mut engine, id, 1, line), want, "{line}");
    }
}
