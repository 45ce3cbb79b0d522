//! What is measured: how long commands take, which were slow, and how much goes over the wire.
//!
//! The engine reads no clock. A host that has one gives [`Meter::clock_us`], and [`Meter::update`] decides from the settings whether
//! it is asked before and after every command. Where reading it is dear (a page, where it is a call into JavaScript), the host sets
//! `latency-tracking no` and `slowlog-log-slower-than -1`: then it is never asked, and the times in `commandstats` stay 0.

use super::histogram::Histogram;
use super::redact;
use super::row::{RowId, flag};
use super::{Ctx, Server};
use std::collections::{BTreeMap, VecDeque};

/// Counters and logs of what was measured.
#[derive(Debug)]
pub struct Meter {
    /// Microseconds on a clock that never goes back; the host sets it.
    pub clock_us: fn() -> u64,
    /// Whether commands are timed.
    pub(super) on: bool,
    /// `latency-tracking`.
    pub tracking: bool,
    /// Microseconds from which on a command is logged as slow; negative for none.
    pub slower_than_us: i64,
    /// `latency-monitor-threshold`, ms; 0 for none.
    pub threshold_ms: u64,
    /// The slow commands.
    pub slow: SlowLog,
    /// Latency events by their names.
    pub events: BTreeMap<&'static str, Series>,
    /// Durations by command.
    pub histograms: Vec<Option<Box<Histogram>>>,
    /// Bytes in and out, counted by the host.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Commands that came over the wire, counted by the host.
    pub commands: u64,
    /// How often the host read from and wrote to a client.
    pub reads: u64,
    pub writes: u64,
    /// How often the host made a client's reply buffer smaller, and larger.
    pub reply_shrinks: u64,
    pub reply_expands: u64,
    /// Clients turned away because there were too many.
    pub rejected_connections: u64,
    /// Clients closed because of `maxmemory-clients`.
    pub evicted_clients: u64,
    /// Errors from commands that were let in and failed for no reason of the client's; none is known.
    pub unexpected_errors: u64,
    /// How long deleting due keys took altogether, µs.
    pub expire_us: u64,
    /// The turns of the host's loop.
    pub turns: Turns,
    /// Commands, bytes in, bytes out, turns of the loop, and µs in them, per second.
    pub rates: [Rate; 5],
}

/// What the host's loop does, counted by the host; times in µs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turns {
    /// How many there were, and how long they took without waiting: altogether, and the longest.
    pub count: u64,
    pub us: u64,
    pub max_us: u64,
    /// How much of that was commands, and what is done ten times a second.
    pub command_us: u64,
    pub cron_us: u64,
    /// How much was writing the log.
    pub log_us: u64,
    /// The most commands in one.
    pub max_commands: u64,
}

impl Meter {
    pub(super) fn new(rows: usize) -> Self {
        Meter {
            clock_us: || 0,
            on: true,
            tracking: true,
            slower_than_us: 10_000,
            threshold_ms: 0,
            slow: SlowLog { max_len: 128, ..SlowLog::default() },
            events: BTreeMap::new(),
            histograms: vec![None; rows],
            bytes_in: 0,
            bytes_out: 0,
            commands: 0,
            reads: 0,
            writes: 0,
            reply_shrinks: 0,
            reply_expands: 0,
            rejected_connections: 0,
            evicted_clients: 0,
            unexpected_errors: 0,
            expire_us: 0,
            turns: Turns::default(),
            rates: Default::default(),
        }
    }

    /// Decides whether commands are timed; to be called after a setting changed.
    pub fn update(&mut self) {
        self.on = self.tracking || self.slower_than_us >= 0 || self.threshold_ms > 0;
    }

    /// The beginning of something that may be timed, µs.
    #[inline]
    pub(super) fn begin(&self) -> u64 {
        if self.on { (self.clock_us)() } else { 0 }
    }

    /// How long ago `began` was, µs; 0 where nothing is timed.
    pub(super) fn since(&self, began: u64) -> u64 {
        self.begin().saturating_sub(began)
    }

    /// Sets the counters back to zero (CONFIG RESETSTAT).
    pub fn reset(&mut self) {
        self.histograms.fill(None);
        (self.bytes_in, self.bytes_out, self.reads, self.writes) = (0, 0, 0, 0);
        (self.reply_shrinks, self.reply_expands) = (0, 0);
        (self.rejected_connections, self.evicted_clients, self.unexpected_errors) = (0, 0, 0);
        self.expire_us = 0;
        (self.rates, self.turns) = Default::default();
    }

    /// Notes that `event` took `ms` at `now` (ms since the epoch), if that is long enough to be watched.
    pub fn latency(&mut self, event: &'static str, ms: u64, now: u64) {
        if self.threshold_ms > 0 && ms >= self.threshold_ms {
            self.events.entry(event).or_default().add(now / 1000, ms);
        }
    }
}

/// A command that was slow.
#[derive(Clone, Debug)]
pub struct SlowEntry {
    /// Never used twice.
    pub id: u64,
    /// When it ran, seconds since the epoch.
    pub at: u64,
    /// How long it took, µs.
    pub us: u64,
    /// Its arguments, long ones and long lists cut.
    pub argv: Vec<Vec<u8>>,
    /// Whose it was.
    pub addr: String,
    pub name: Vec<u8>,
}

/// The latest slow commands.
#[derive(Debug, Default)]
pub struct SlowLog {
    /// The newest first.
    pub entries: VecDeque<SlowEntry>,
    /// `slowlog-max-len`.
    pub max_len: usize,
    next_id: u64,
}

/// So many arguments of a slow command are kept, and so many bytes of each.
const MAX_ARGS: usize = 32;
const MAX_ARG_BYTES: usize = 128;

impl SlowLog {
    fn push(&mut self, us: u64, now: u64, argv: &[&[u8]], addr: &str, name: &[u8]) {
        let entry = SlowEntry {
            id: self.next_id,
            at: now / 1000,
            us,
            argv: trimmed(argv),
            addr: addr.to_string(),
            name: name.to_vec(),
        };
        self.next_id += 1;
        self.entries.push_front(entry);
        self.entries.truncate(self.max_len);
    }
}

fn trimmed(argv: &[&[u8]]) -> Vec<Vec<u8>> {
    let cut = |arg: &&[u8]| {
        let mut kept = arg[..arg.len().min(MAX_ARG_BYTES)].to_vec();
        if arg.len() > MAX_ARG_BYTES {
            kept.extend_from_slice(format!("... ({} more bytes)", arg.len() - MAX_ARG_BYTES).as_bytes());
        }
        kept
    };
    if argv.len() <= MAX_ARGS {
        return argv.iter().map(cut).collect();
    }
    let more = format!("... ({} more arguments)", argv.len() - MAX_ARGS + 1).into_bytes();
    argv[..MAX_ARGS - 1].iter().map(cut).chain([more]).collect()
}

/// The latest samples of a latency event.
#[derive(Debug, Default)]
pub struct Series {
    /// (seconds since the epoch, ms), the oldest first: one for a second, the worst of it.
    pub samples: VecDeque<(u64, u64)>,
    /// The worst ever, ms.
    pub max: u64,
}

const MAX_SAMPLES: usize = 160;

impl Series {
    fn add(&mut self, at: u64, ms: u64) {
        self.max = self.max.max(ms);
        if let Some((last, worst)) = self.samples.back_mut()
            && *last == at
        {
            *worst = ms.max(*worst);
            return;
        }
        if self.samples.len() == MAX_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((at, ms));
    }
}

/// A figure per second, the mean of the latest samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    samples: [f64; 16],
    next: usize,
    /// When it was sampled last, ms since the epoch, and the count then.
    last: Option<(u64, u64)>,
}

impl Rate {
    /// Takes a sample: the count is `count` at `now`.
    pub(super) fn sample(&mut self, now: u64, count: u64) {
        if let Some((then, before)) = self.last {
            let ms = now.saturating_sub(then);
            if ms == 0 {
                return;
            }
            self.samples[self.next] = count.saturating_sub(before) as f64 * 1000.0 / ms as f64;
            self.next = (self.next + 1) % self.samples.len();
        }
        self.last = Some((now, count));
    }

    /// The figure per second.
    pub fn mean(&self) -> f64 {
        self.samples.iter().sum::<f64>() / self.samples.len() as f64
    }
}

impl Ctx<'_> {
    /// Notes how long the command took that began at `began` (µs), in everything that is kept of durations.
    pub(super) fn measure(&mut self, began: u64) {
        let mut us = (self.server.meter.clock_us)().saturating_sub(began);
        let slept = self.me.slept.take();
        if let Some((ms, _)) = &slept {
            us += ms * 1000;
        }
        self.server.calls[self.row_id as usize].usec += us;
        self.server.meter.turns.command_us += us;
        self.server.record(self.row_id, us);
        let meter = &mut self.server.meter;
        if meter.threshold_ms > 0 && self.row.name != "EXEC" {
            let event = if self.row.has(flag::FAST) { "fast-command" } else { "command" };
            meter.latency(event, us / 1000, self.ks.now);
        }
        let slow = u64::try_from(meter.slower_than_us).is_ok_and(|limit| us >= limit);
        if slow && meter.slow.max_len > 0 && !self.row.has(flag::SKIP_SLOWLOG) {
            let name = &self.server.table.slot(self.row_id).full_name;
            let original = slept.map(|(_, argv)| argv);
            let argv: Vec<&[u8]> = match &original {
                Some(argv) => argv.iter().map(Vec::as_slice).collect(),
                None => redact::shown(name, self.argv),
            };
            meter.slow.push(us, self.ks.now, &argv, &self.me.addr, &self.me.name);
        }
    }
}

impl Server {
    fn record(&mut self, row: RowId, us: u64) {
        if self.meter.tracking {
            self.meter.histograms[row as usize].get_or_insert_default().record(us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_cut() {
        let args = vec![&b"x"[..]; 34];
        let cut = trimmed(&args);
        assert_eq!((cut.len(), cut[31].as_slice()), (32, &b"... (3 more arguments)"[..]));
        let long = [b'a'; 130];
        assert!(trimmed(&[&long])[0].ends_with(b"aaa... (2 more bytes)"));
    }

    #[test]
    fn a_second_has_one_sample() {
        let mut series = Series::default();
        [(1, 5), (1, 9), (1, 7), (2, 3)].into_iter().for_each(|(at, ms)| series.add(at, ms));
        assert_eq!(series.samples, [(1, 9), (2, 3)]);
        (0..1000).for_each(|at| series.add(at, 1));
        assert_eq!((series.samples.len(), series.max), (MAX_SAMPLES, 9));
    }

    #[test]
    fn a_rate_is_per_second() {
        let mut rate = Rate::default();
        (0..=16).for_each(|n| rate.sample(n * 100, n * 50));
        assert_eq!(rate.mean(), 500.0);
    }
}
