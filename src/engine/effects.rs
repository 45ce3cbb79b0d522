//! Effects: the canonical commands that reproduce what a call changed, in the order it changed it. They are the log and the feed.

use crate::base::num::fmt_i64;
use crate::resp::encode;

/// Collects the effects of the call in progress (a *unit*), then appends them to the outgoing bytes: `SELECT` where the
/// database changes, `MULTI`/`EXEC` around a unit of several.
#[derive(Debug, Default)]
pub struct Effects {
    /// Whether anyone listens. Off, nothing is encoded.
    on: bool,
    /// Whether the host does.
    recorded: bool,
    /// Whether followers do.
    followed: bool,
    /// Whether a hub does, which feeds those who follow over connections of the host.
    listened: bool,
    /// RESP frames of the unit, one after the other.
    unit: Vec<u8>,
    /// Where each frame of the unit ends, and the database it ran in.
    ends: Vec<(usize, usize)>,
    /// The command said itself what to log, so its own words are not.
    explicit: bool,
    /// The effects of the unit have nothing to do with one another, so each goes out by itself.
    loose: bool,
    /// The unit goes on: what would end it does not.
    held: bool,
    /// Finished bytes the host has not taken yet.
    out: Vec<u8>,
    /// The database the reader of `out` has selected; none at the start of a log or after a snapshot.
    selected: Option<usize>,
    /// Bytes ever put out: the replication offset.
    offset: u64,
}

impl Effects {
    /// Turns recording on or off. Off, units vanish.
    pub fn record(&mut self, on: bool) {
        self.recorded = on;
        self.set_on();
    }

    /// Notes that the host has somebody who listens beside the log now, or nobody.
    pub fn listen(&mut self, on: bool) {
        self.listened = on;
        self.set_on();
    }

    /// Notes that there are followers now, or none.
    pub(super) fn follow(&mut self, on: bool) {
        self.followed = on;
        self.set_on();
    }

    fn set_on(&mut self) {
        self.on = self.recorded || self.followed || self.listened;
    }

    /// Whether the host wants the finished bytes.
    pub(super) fn is_taken(&self) -> bool {
        self.recorded || self.listened
    }

    /// Whether anyone listens: if not, effects need not be put together.
    pub fn is_recorded(&self) -> bool {
        self.on
    }

    /// Adds an effect, and keeps the running command's own words out.
    pub fn instead(&mut self, db: usize, argv: &[&[u8]]) {
        self.explicit = true;
        self.also(db, argv);
    }

    /// Adds an effect beside what the running command logs.
    pub fn also(&mut self, db: usize, argv: &[&[u8]]) {
        if self.on {
            encode::command(&mut self.unit, argv);
            self.ends.push((self.unit.len(), db));
        }
    }

    /// Keeps the running command out of the log although it changed something.
    pub fn nothing(&mut self) {
        self.explicit = true;
    }

    /// Says whether the unit need not be applied as one, because it only deletes due keys that it happened to meet.
    #[inline]
    pub(super) fn set_loose(&mut self, loose: bool) {
        self.loose = loose;
    }

    /// Starts a command inside the unit. Returns what [`Effects::end_command`] wants back.
    pub(super) fn begin_command(&mut self) -> bool {
        std::mem::take(&mut self.explicit)
    }

    /// Ends a command: logs its own words if it `changed` something and did not say otherwise.
    pub(super) fn end_command(&mut self, outer: bool, changed: bool, db: usize, argv: &[&[u8]]) {
        if changed && !self.explicit {
            self.also(db, argv);
        }
        self.explicit = outer;
    }

    /// Puts what follows into one unit, until [`Effects::let_go`].
    pub(super) fn hold(&mut self) {
        self.held = true;
    }

    /// Lets the unit come to its end.
    pub(super) fn let_go(&mut self) {
        self.held = false;
    }

    /// Ends the unit: its effects become visible to the host, as one atomic piece.
    pub(super) fn end_unit(&mut self) {
        let loose = std::mem::take(&mut self.loose) && !self.held;
        if self.ends.is_empty() || self.held {
            return;
        }
        let before = self.out.len();
        let many = self.ends.len() > 1 && !loose;
        let mut from = 0;
        for (n, (end, db)) in std::mem::take(&mut self.ends).into_iter().enumerate() {
            if self.selected != Some(db) {
                encode::command(&mut self.out, &[b"SELECT", fmt_i64(db as i64, &mut [0; 40])]);
                self.selected = Some(db);
            }
            if many && n == 0 {
                encode::command(&mut self.out, &[b"MULTI"]);
            }
            self.out.extend_from_slice(&self.unit[from..end]);
            from = end;
        }
        if many {
            encode::command(&mut self.out, &[b"EXEC"]);
        }
        self.unit.clear();
        self.offset += (self.out.len() - before) as u64;
    }

    /// The finished bytes; the host takes what it has stored or sent with [`Vec::clear`] or [`std::mem::take`].
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Whether the unit has effects.
    #[inline]
    pub(super) fn unit_pending(&self) -> bool {
        !self.ends.is_empty()
    }

    /// How many bytes the host has not taken yet.
    pub fn waiting(&self) -> usize {
        self.out.len()
    }

    /// Whether finished bytes wait.
    pub fn pending(&self) -> bool {
        !self.out.is_empty()
    }

    /// Forgets the selected database: the next unit says it, because a new reader begins there.
    pub fn restart(&mut self) {
        self.selected = None;
    }

    /// The replication offset: bytes ever put out.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Counts on from `offset`: the history that this one goes on with is so long.
    pub fn set_offset(&mut self, offset: u64) {
        self.offset = offset;
    }
}
