//! How much a client may cost: limits on its output, on the memory of all together, and on its silence.

use super::session::{Session, SessionId, Sessions};
use super::{Engine, wait};

/// How much output of one class of clients may wait to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes at which the client is cut off at once; 0 for none.
    pub hard: usize,
    /// Bytes at which it is cut off after so many seconds; 0 for none.
    pub soft: usize,
    pub seconds: u64,
}

/// `client-output-buffer-limit`.
#[derive(Clone, Debug)]
pub struct OutputLimits {
    /// Of normal clients, replicas, and those that listen.
    by_class: [OutputLimit; 3],
    /// The smallest hard limit: who has less waiting is over none.
    smallest: usize,
}

impl Default for OutputLimits {
    fn default() -> Self {
        let limit = |hard, soft, seconds| OutputLimit { hard, soft, seconds };
        OutputLimits::new([limit(0, 0, 0), limit(256 << 20, 64 << 20, 60), limit(32 << 20, 8 << 20, 60)])
    }
}

impl OutputLimits {
    /// The limits of normal clients, replicas, and those that listen.
    pub fn new(by_class: [OutputLimit; 3]) -> Self {
        let hard = by_class.iter().map(|limit| limit.hard).filter(|hard| *hard > 0);
        OutputLimits { by_class, smallest: hard.min().unwrap_or(usize::MAX) }
    }

    /// In the order of [`OutputLimits::new`].
    pub fn by_class(&self) -> &[OutputLimit; 3] {
        &self.by_class
    }

    fn of(&self, session: &Session) -> OutputLimit {
        self.by_class[match session {
            s if s.replica => 1,
            s if s.subscriptions() > 0 => 2,
            _ => 0,
        }]
    }
}

/// How a host treats the buffers replies are in (`DEBUG REPLYBUFFER`).
#[derive(Clone, Copy, Debug)]
pub struct ReplyBuffers {
    /// They are made smaller when little of them is used.
    pub resizing: bool,
    /// How long the most that was in one counts, ms; `None` for ever.
    pub peak_reset_ms: Option<u64>,
}

impl Default for ReplyBuffers {
    fn default() -> Self {
        ReplyBuffers { resizing: true, peak_reset_ms: Some(5000) }
    }
}

/// The first part of what waits counts as the reply buffer, the rest as its overflow, as in Redis, which keeps a list of blocks
/// behind a buffer of this size.
pub const REPLY_BUFFER: usize = 16 << 10;
/// What an entry of a set of names, a watched key or a prefix takes beside its bytes, roughly: a place in the session's own set,
/// and one in the registry of all.
const NAME_SIZE: usize = 96;

impl Session {
    /// Bytes of output that wait to be sent.
    pub fn pending(&self) -> usize {
        self.buffers.pending + self.out.bytes().len()
    }

    /// The bytes it takes, all in all: itself, its requests, the output that waits, and what it queued, watches, listens to and tracks.
    /// Small replies, and room in output buffers, are not counted: they go by themselves, and would make the figure unsteady.
    pub fn memory(&self) -> usize {
        let names = self.subscriptions() + self.watching.len() + self.tracking.as_ref().map_or(0, |t| t.prefixes.len());
        size_of::<Session>()
            + self.buffers.query
            + self.buffers.query_free
            + self.pending().saturating_sub(REPLY_BUFFER)
            + self.multi.as_ref().map_or(0, |multi| multi.memory)
            + names * NAME_SIZE
    }

    fn cut(&mut self) {
        (self.closing, self.cut) = (true, true);
        *self.out.bytes_mut() = Vec::new();
    }
}

impl Sessions {
    /// Cuts session `id` off if more output waits than its class allows, and counts its memory if that is limited.
    #[inline]
    pub(super) fn check_output(&mut self, id: SessionId) {
        let Sessions { places, limits, output_cuts, memory_limit, memory, .. } = self;
        let Some(session) = places.get_mut(id.0 as usize).and_then(Option::as_deref_mut) else { return };
        if session.pending() > limits.smallest || *memory_limit > 0 {
            check(session, limits, output_cuts, *memory_limit > 0, memory);
        }
    }

    /// Like [`Sessions::check_output`] for the running session, which is out of its place.
    #[inline]
    pub(super) fn check_own_output(&mut self, me: &mut Session) {
        if me.pending() > self.limits.smallest || self.memory_limit > 0 {
            check(me, &self.limits, &mut self.output_cuts, self.memory_limit > 0, &mut self.memory);
            if me.cut {
                self.ready.push(me.place);
            }
        }
    }

    /// Cuts off the running session, whose reply would be too long for anyone, if its output is limited: then it is too long for that.
    #[cold]
    pub(super) fn cut_if_limited(&mut self, me: &mut Session) {
        if self.limits.of(me).hard > 0 {
            me.cut();
            self.output_cuts += 1;
            self.ready.push(me.place);
        }
    }

    /// Whether all sessions together take more than they may.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.memory_limit > 0 && self.memory > self.memory_limit
    }

    /// Limits the memory of all sessions together to so many bytes; 0 for no limit. `me` is the running one.
    pub fn limit_memory(&mut self, me: &mut Session, bytes: usize) {
        self.memory_limit = bytes;
        self.memory = 0;
        me.counted = 0;
        for session in self.places.iter_mut().flatten() {
            session.counted = if bytes > 0 { session.memory() } else { 0 };
            self.memory += session.counted;
        }
    }
}

#[cold]
fn check(session: &mut Session, limits: &OutputLimits, cuts: &mut u64, counts: bool, memory: &mut usize) {
    let hard = limits.of(session).hard;
    if hard > 0 && session.pending() > hard && !session.cut {
        session.cut();
        *cuts += 1;
    }
    if counts {
        let now = if session.cut { 0 } else { session.memory() };
        *memory = memory.wrapping_sub(session.counted).wrapping_add(now);
        session.counted = now;
    }
}

impl Engine {
    /// Says that the host's buffers of session `id` are as given now.
    #[inline]
    pub fn buffers(&mut self, id: SessionId, set: impl FnOnce(&mut super::session::Buffers)) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        set(&mut session.buffers);
        if self.sessions.memory_limit > 0 {
            self.sessions.check_output(id);
            if self.sessions.is_crowded() {
                self.evict_sessions();
            }
        }
    }

    /// Closes sessions, those that take most first, until all together take no more than they may.
    #[cold]
    pub(super) fn evict_sessions(&mut self) {
        while self.sessions.is_crowded() {
            let candidates = self.sessions.iter().filter(|s| !s.no_evict && !s.cut && !s.replica);
            let Some(id) = candidates.max_by_key(|s| s.counted).map(|s| s.place) else { return };
            self.server.meter.evicted_clients += 1;
            self.cut(id);
        }
    }

    /// Cuts session `id` off: everybody forgets it, and the host is to close it.
    fn cut(&mut self, id: SessionId) {
        let Some(mut session) = self.sessions.take(id) else { return };
        wait::let_go(&mut self.ks, &mut self.server, &mut self.pubsub, &mut session);
        session.cut();
        self.sessions.put(session);
        self.sessions.wake(id);
    }

    /// What a host with a network does ten times a second: takes samples, gives up tracked keys there is no room for, and cuts off
    /// who has been silent for longer than `timeout`, or has not read its output in time.
    pub fn cron(&mut self, now: u64) {
        self.ks.now = now;
        let commands = self.server.calls.iter().map(|calls| calls.calls).sum();
        let meter = &mut self.server.meter;
        let counts = [commands, meter.bytes_in, meter.bytes_out, meter.turns.count, meter.turns.us];
        meter.rates.iter_mut().zip(counts).for_each(|(rate, count)| rate.sample(now, count));
        self.server.note_peak(now);
        if self.server.tracking.is_over() {
            let mut nobody = Session::nobody(now);
            self.trim_tracking(&mut nobody);
        }
        let timeout_ms = self.server.config.timeout.saturating_mul(1000);
        let mut doomed = Vec::new();
        for place in 0..self.sessions.places.len() {
            let limits = &self.sessions.limits;
            let Some(session) = self.sessions.places[place].as_deref() else { continue };
            let since = overdue_since(session, limits.of(session), now);
            let over = since > 0 && now - since >= limits.of(session).seconds.saturating_mul(1000);
            let silent = timeout_ms > 0
                && now.saturating_sub(session.active_ms) > timeout_ms
                && session.subscriptions() == 0
                && session.wait.is_none()
                && !session.monitor
                && !session.replica;
            if !session.cut && (over || silent) {
                doomed.push(session.place);
                self.sessions.output_cuts += u64::from(over);
            }
            if let Some(session) = self.sessions.places[place].as_deref_mut() {
                session.over_since = since;
            }
        }
        doomed.into_iter().for_each(|id| self.cut(id));
    }
}

/// Since when `session` is over its soft limit, ms since the epoch; 0 if it is not.
fn overdue_since(session: &Session, limit: OutputLimit, now: u64) -> u64 {
    let over = limit.soft > 0 && session.pending() > limit.soft;
    match (over, session.over_since) {
        (false, _) => 0,
        (true, 0) => now,
        (true, since) => since,
    }
}
