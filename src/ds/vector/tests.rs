//! Tests of the whole set: the graph stays whole, finds what is near, and comes back from its bytes.

use super::*;
use std::collections::BTreeSet;

const DIM: usize = 24;

/// A vector near one of some centres.
fn vector(rng: &mut Rng, dim: usize) -> Vec<f32> {
    let mut centre = Rng::new(rng.below(20) as u64);
    (0..dim).map(|_| (centre.f64() - 0.5 + (rng.f64() - 0.5) * 0.5) as f32).collect()
}

fn search(count: usize, exact: bool) -> Search<'static> {
    Search { count, ef: 100, least: 0.0, filter: None, effort: usize::MAX, exact }
}

fn names<'s>(found: &[Found<'s>]) -> BTreeSet<&'s [u8]> {
    found.iter().map(|found| found.name).collect()
}

/// The part of the ten nearest that a search finds, over some queries.
fn recall(set: &VectorSet, rng: &mut Rng, queries: usize) -> f64 {
    let mut hits = 0;
    for _ in 0..queries {
        let query = set.pack(&vector(rng, DIM));
        let found = set.search(&query, &search(10, false));
        hits += names(&found).intersection(&names(&set.search(&query, &search(10, true)))).count();
    }
    hits as f64 / (10 * queries.max(1)) as f64
}

#[test]
fn most_of_what_is_near_is_found_and_stays_so_when_half_is_deleted() {
    for quant in [Quant::None, Quant::Q8] {
        let mut rng = Rng::new(7);
        let mut set = VectorSet::shaped(DIM, None, 16, quant);
        for n in 0..800 {
            let packed = set.pack(&vector(&mut rng, DIM));
            assert!(set.set(format!("e{n}").as_bytes(), &packed, 200));
        }
        let before = recall(&set, &mut rng, 50);
        for n in (0..800).step_by(2) {
            assert!(set.remove(format!("e{n}").as_bytes()));
        }
        let after = recall(&set, &mut rng, 50);
        assert!(before > 0.95 && after > 0.95, "{quant:?}: {before} of the nearest found, {after} after deletions");
    }
}

#[test]
fn through_all_changes_the_graph_is_whole_and_its_bytes_bring_it_back() {
    for (m, quant) in [(4, Quant::None), (4, Quant::Q8), (16, Quant::Bin)] {
        let mut rng = Rng::new(m as u64);
        let (mut set, mut model) = (VectorSet::shaped(DIM, None, m, quant), BTreeSet::new());
        for step in 0..1500 {
            let name = format!("e{}", rng.below(80)).into_bytes();
            match rng.below(5) {
                0..3 => {
                    let packed = set.pack(&vector(&mut rng, DIM));
                    assert_eq!(set.set(&name, &packed, 40), model.insert(name));
                }
                3 => assert_eq!(set.remove(&name), model.remove(&name)),
                _ => {
                    assert_eq!(set.set_attribute(&name, if step % 3 == 0 { b"" } else { b"{}" }), model.contains(&name))
                }
            }
            if step % 50 == 0 {
                let bytes = set.to_bytes();
                let copy = VectorSet::from_bytes(&bytes).expect("what was just written is whole");
                assert_eq!(copy.to_bytes(), bytes);
                assert_eq!((copy.len(), copy.attributes()), (model.len(), set.attributes()));
                assert!(
                    set.range(Bound::Unbounded, Bound::Unbounded, usize::MAX)
                        .into_iter()
                        .eq(model.iter().map(Vec::as_slice))
                );
                // A beam as wide as the set finds all of it: nobody is out of reach.
                let query = set.pack(&vector(&mut rng, DIM));
                let reached = set.search(&query, &search(100, false)).len();
                assert!(reached * 20 >= model.len() * 19, "{reached} of {} are reached", model.len());
            }
        }
        model.iter().for_each(|name| assert!(set.remove(name)));
        assert!(set.is_empty() && set.entry.is_none() && set.attributes() == 0);
    }
}

#[test]
fn spoiled_bytes_are_refused_or_make_a_set_that_works() {
    let mut rng = Rng::new(5);
    let mut set = VectorSet::shaped(3, None, 4, Quant::Q8);
    for n in 0..40 {
        let packed = set.pack(&vector(&mut rng, 3));
        set.set(&[n], &packed, 20);
    }
    (0..10).for_each(|n| _ = set.remove(&[n]));
    let bytes = set.to_bytes();
    for _ in 0..5_000 {
        let mut spoiled = bytes.clone();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(spoiled.len());
            spoiled[at] = rng.u64() as u8;
        }
        spoiled.truncate(spoiled.len() - rng.below(2) * rng.below(20));
        if let Some(mut set) = VectorSet::from_bytes(&spoiled) {
            let packed = set.pack(&vec![1.0; set.dim()]);
            set.search(&packed, &search(10, false));
            set.set(b"new", &packed, 20);
            (0..40).for_each(|n| _ = set.remove(&[n]));
        }
    }
}

#[test]
fn filters_and_scores_bound_what_is_found() {
    let mut set = VectorSet::shaped(2, None, 4, Quant::None);
    for n in 0..100u32 {
        let angle = n as f32 / 100.0;
        let packed = set.pack(&[angle.cos(), angle.sin()]);
        set.set(&n.to_be_bytes(), &packed, 50);
        set.set_attribute(&n.to_be_bytes(), format!("{{\"n\":{n}}}").as_bytes());
    }
    let query = set.pack(&[1.0, 0.0]);
    let filter = Filter::parse(b".n >= 50").unwrap();
    let how = Search { filter: Some(&filter), ..search(3, false) };
    let found = set.search(&query, &how);
    assert_eq!(found.iter().map(|f| f.name[3]).collect::<Vec<_>>(), [50, 51, 52]);
    assert!(set.search(&query, &Search { effort: 1, ..how }).is_empty());
    let near = set.search(&query, &Search { least: 0.999, ..search(100, false) });
    assert!(near.len() < 100 && near.iter().all(|found| found.score >= 0.999));
    assert!((near[0].score - 1.0).abs() < 1e-6);
}
