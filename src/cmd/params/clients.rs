//! Parameters of clients: how many, how long, how much they may ask for and leave unread; and what is watched of their calls.

use super::forms::{ANY_INT, COUNT, LONG, UINT, joined, loose_int, memory, number, unsigned};
use super::{Kind, Param, size_of_engine};
use crate::base::num;
use crate::engine::Ctx;
use crate::engine::clients::{OutputLimit, OutputLimits};

/// A setting of the meter, which decides anew whether commands are timed.
macro_rules! meter {
    ($name:literal, $kind:expr, $($path:ident).+, $value:ident) => {
        Param::bound(
            $name,
            $kind,
            |c| c.server.meter.$($path).+.to_string(),
            |c, v| {
                c.server.meter.$($path).+ = $value(v);
                let kept = c.server.meter.slow.max_len;
                c.server.meter.slow.entries.truncate(kept);
                c.server.meter.update();
            },
        )
    };
}

pub(super) const PARAMS: &[Param] = &[
    size_of_engine!("maxclients", Kind::Int(1, UINT), server.config.maxclients).hosted(),
    size_of_engine!("timeout", ANY_INT, server.config.timeout),
    size_of_engine!("proto-max-bulk-len", Kind::Memory(1 << 20, LONG), server.config.proto_max_bulk_len),
    size_of_engine!("client-query-buffer-limit", Kind::Memory(1 << 20, LONG), server.config.query_buffer_limit),
    Param::bound("client-output-buffer-limit", Kind::Words(buffer_limits), get_buffer_limits, set_buffer_limits),
    size_of_engine!("tracking-table-max-keys", COUNT, server.tracking.max_keys),
    meter!("slowlog-log-slower-than", Kind::Int(-1, LONG), slower_than_us, number),
    meter!("slowlog-max-len", COUNT, slow.max_len, unsigned),
    meter!("latency-monitor-threshold", COUNT, threshold_ms, unsigned),
    Param::bound(
        "latency-tracking",
        Kind::Bool,
        |c| if c.server.meter.tracking { "yes" } else { "no" }.to_string(),
        |c, v| {
            c.server.meter.tracking = v == b"yes";
            c.server.meter.update();
        },
    ),
    Param::stored("latency-tracking-info-percentiles", Kind::Words(percentiles), "50 99 99.9"),
    Param::stored("busy-reply-threshold", COUNT, "5000").alias("lua-time-limit"),
];

fn get_buffer_limits(c: &Ctx) -> String {
    let classes = ["normal", "slave", "pubsub"].iter().zip(c.sessions.limits.by_class());
    let one =
        |(class, limit): (&&str, &OutputLimit)| format!("{class} {} {} {}", limit.hard, limit.soft, limit.seconds);
    classes.map(one).collect::<Vec<_>>().join(" ")
}

/// `value` is what [`buffer_limits`] made of it: all classes, in order.
fn set_buffer_limits(c: &mut Ctx, value: &[u8]) {
    let text = String::from_utf8_lossy(value);
    let words: Vec<&str> = text.split(' ').collect();
    let mut limits = *c.sessions.limits.by_class();
    for (limit, group) in limits.iter_mut().zip(words.chunks(4)) {
        if let [_, hard, soft, seconds] = group {
            let (hard, soft) = (unsigned(hard.as_bytes()), unsigned(soft.as_bytes()));
            *limit = OutputLimit { hard, soft, seconds: unsigned(seconds.as_bytes()) };
        }
    }
    c.sessions.limits = OutputLimits::new(limits);
}

/// Groups of class, hard limit, soft limit, soft seconds; classes that are not named keep theirs.
fn buffer_limits(new: &[&str], old: &str) -> Result<String, String> {
    if !new.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".to_string());
    }
    let mut limits: Vec<String> = old.split_whitespace().map(str::to_string).collect();
    for group in new.chunks(4) {
        let class = match group[0].to_ascii_lowercase().as_str() {
            "normal" => 0,
            "slave" | "replica" => 1,
            "pubsub" => 2,
            _ => return Err("Invalid client class specified in buffer limit configuration.".to_string()),
        };
        let seconds = loose_int(group[3]).and_then(|n| u64::try_from(n).ok());
        let (Some(hard), Some(soft), Some(seconds)) = (memory(group[1]), memory(group[2]), seconds) else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".to_string());
        };
        for (n, value) in [hard, soft, seconds].into_iter().enumerate() {
            limits[class * 4 + 1 + n] = value.to_string();
        }
    }
    Ok(limits.join(" "))
}

fn percentiles(new: &[&str], _old: &str) -> Result<String, String> {
    let number = |word: &&str| match num::parse_f64(word.as_bytes()).filter(|n| !n.is_nan()) {
        None => Err("Invalid latency-tracking-info-percentiles parameters".to_string()),
        Some(n) if (0.0..=100.0).contains(&n) => Ok(six_digits(n)),
        Some(_) => Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".to_string()),
    };
    // The first wrong one says what is wrong.
    let numbers: Vec<String> = new.iter().map(number).collect::<Result<_, _>>()?;
    Ok(joined(&numbers))
}

/// A number up to 100 with six digits, without zeros at its end.
fn six_digits(n: f64) -> String {
    let decimals = if n >= 1.0 { 5 - n.log10().floor() as usize } else { 6 };
    let text = format!("{n:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUFFER_LIMITS: &str = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";

    #[test]
    fn buffer_limits_keep_the_classes_not_named() {
        let set = |new: &str| buffer_limits(&new.split(' ').collect::<Vec<_>>(), BUFFER_LIMITS);
        let want = "normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 2 3";
        assert_eq!(set("pubsub 1mb 2 3"), Ok(want.to_string()));
        assert!(set("pubsub 1 2").is_err());
        assert!(set("x 1 2 3").is_err());
    }

    #[test]
    fn percentiles_have_six_digits() {
        for (n, want) in [(50.0, "50"), (99.9, "99.9"), (0.123_456_7, "0.123457"), (100.0, "100"), (0.0, "0")] {
            assert_eq!(six_digits(n), want);
        }
    }
}
