//! Fuzz of the commands about bits, against a model that keeps every bit by itself.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::engine::EnginePeer;
use common::peer::Peer;
use tabdis::base::rng::Rng;
use tabdis::resp::reply::Value;

const STEPS: u64 = 20_000;

/// A string, bit by bit.
#[derive(Default)]
struct Model(Vec<bool>);

impl Model {
    fn grow(&mut self, bits: usize) {
        let bytes = bits.div_ceil(8);
        self.0.resize(self.0.len().max(bytes * 8), false);
    }

    fn read(&self, at: usize, signed: bool, width: usize) -> i128 {
        let bit = |n: usize| i128::from(self.0.get(n).copied().unwrap_or(false));
        let n = (0..width).fold(0, |n, k| n << 1 | bit(at + k));
        if signed && bit(at) == 1 { n - (1 << width) } else { n }
    }

    fn write(&mut self, at: usize, width: usize, n: i128) {
        for k in 0..width {
            self.0[at + k] = n >> (width - 1 - k) & 1 == 1;
        }
    }
}

/// What becomes of a number that may not fit.
fn fit(n: i128, signed: bool, width: usize, overflow: &str) -> Option<i128> {
    let (min, max) = if signed { (-(1 << (width - 1)), (1 << (width - 1)) - 1) } else { (0, (1 << width) - 1) };
    match overflow {
        _ if (min..=max).contains(&n) => Some(n),
        "SAT" => Some(n.clamp(min, max)),
        "FAIL" => None,
        _ => Some((n - min).rem_euclid(1 << width) + min),
    }
}

#[test]
fn bitfield_does_what_a_row_of_bits_does() {
    let (mut rng, steps) = (Rng::new(common::seed(1)), common::steps(STEPS));
    let mut peer = EnginePeer::at(1, 1_700_000_000_000);
    let mut model = Model::default();
    for step in 0..steps {
        if step % 500 == 0 {
            send(&mut peer, &["DEL", "k"]);
            model = Model::default();
        }
        let mut words: Vec<String> = vec!["BITFIELD".into(), "k".into()];
        let (mut overflow, mut operations, mut end) = ("WRAP", Vec::new(), 0);
        for _ in 0..1 + rng.below(5) {
            if rng.below(3) == 0 {
                overflow = ["WRAP", "SAT", "FAIL"][rng.below(3)];
                words.extend(["OVERFLOW".into(), overflow.into()]);
            }
            let signed = rng.below(2) == 0;
            let width = 1 + rng.below(if signed { 64 } else { 63 });
            let (index, hash) = (rng.below(200), rng.below(4) == 0);
            let at = if hash { index * width } else { index };
            let action = ["GET", "SET", "INCRBY"][rng.below(3)];
            let value = (rng.u64() as i64) >> rng.below(64);
            let sign = if signed { 'i' } else { 'u' };
            words.extend([action.into(), format!("{sign}{width}")]);
            words.push(if hash { format!("#{index}") } else { index.to_string() });
            if action != "GET" {
                words.push(value.to_string());
                end = end.max(at + width);
            }
            operations.push((action, signed, width, at, value, overflow));
        }
        model.grow(end);
        let want: Vec<Value> = operations.iter().map(|operation| apply(&mut model, *operation)).collect();
        let got = send(&mut peer, &words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(got, Value::Array(want), "step {step}: {}", words.join(" "));
        look(&mut peer, &model, &mut rng);
    }
}

fn apply(
    model: &mut Model,
    (action, signed, width, at, value, overflow): (&str, bool, usize, usize, i64, &str),
) -> Value {
    let old = model.read(at, signed, width);
    let wanted = match action {
        "GET" => return Value::Int(old as i64),
        "SET" if signed => i128::from(value),
        "SET" => i128::from(value as u64),
        _ => old + i128::from(value),
    };
    match fit(wanted, signed, width, overflow) {
        None => Value::Nil,
        Some(new) => {
            model.write(at, width, new);
            Value::Int(if action == "SET" { old } else { new } as i64)
        }
    }
}

/// Counting and finding see the same bits.
fn look(peer: &mut EnginePeer, model: &Model, rng: &mut Rng) {
    let count = model.0.iter().filter(|on| **on).count() as i64;
    assert_eq!(send(peer, &["BITCOUNT", "k"]), Value::Int(count));
    if model.0.is_empty() {
        return;
    }
    let (a, b) = (rng.below(model.0.len()), rng.below(model.0.len()));
    let (a, b) = (a.min(b), a.max(b));
    let ends = [a.to_string(), b.to_string()];
    let some = &model.0[a..=b];
    let count = some.iter().filter(|on| **on).count() as i64;
    assert_eq!(send(peer, &["BITCOUNT", "k", &ends[0], &ends[1], "BIT"]), Value::Int(count));
    for (word, wanted) in [("0", false), ("1", true)] {
        let first = some.iter().position(|on| *on == wanted).map_or(-1, |at| (at + a) as i64);
        assert_eq!(send(peer, &["BITPOS", "k", word, &ends[0], &ends[1], "BIT"]), Value::Int(first));
    }
}

fn send(peer: &mut EnginePeer, words: &[&str]) -> Value {
    let argv: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    peer.send(1, &argv);
    peer.arrived(1).into_iter().next().expect("every command is answered")
}
