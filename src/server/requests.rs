//! What commands ask the server for, and taking back their answer if it cannot be done.

use super::{Server, log, stopping};
use crate::engine::{Error, Request, SessionId};

/// What SAVE answers before the host has saved.
const OK: &[u8] = b"+OK\r\n";
/// What BGREWRITEAOF answers before the host has begun.
const STARTED: &[u8] = b"+Background append only file rewriting started\r\n";

impl Server {
    /// Does what commands asked the host for.
    pub(super) fn serve_requests(&mut self, from: Option<SessionId>) {
        if !self.engine.has_requests() {
            return;
        }
        for request in self.engine.take_requests() {
            match request {
                Request::Shutdown { save, force } => {
                    let how = stopping::How { save, force };
                    if !self.stop_if_possible(how)
                        && let Some(session) = from.and_then(|id| self.engine.sessions.get_mut(id))
                    {
                        session.out.error(&Error::ShutdownFailed);
                    }
                }
                Request::AbortShutdown => self.abort_stopping(),
                Request::Save { background: false } => {
                    if !self.save_now() {
                        self.take_back(from, OK, &Error::new("ERR"));
                    }
                }
                // What came first in the same turn goes first.
                Request::Save { background: true } if self.is_busy() => self.engine.server.save_scheduled = true,
                Request::Save { background: true } => self.begin_saving(),
                Request::Rewrite => self.rewrite_as_asked(from),
                Request::LoadLog => self.fatal = self.load_log_again().err(),
            }
        }
    }

    /// Answers an error instead of `said`, what the command said a moment ago, if nothing else was run since.
    fn take_back(&mut self, from: Option<SessionId>, said: &[u8], error: &Error) {
        if let Some(session) = from.and_then(|id| self.engine.sessions.get_mut(id))
            && session.out.bytes().ends_with(said)
        {
            session.out.rewind(session.out.mark() - said.len());
            session.out.error(error);
        }
    }

    /// Begins the rewrite that `from` asked for; tells it if that is not possible.
    fn rewrite_as_asked(&mut self, from: Option<SessionId>) {
        if self.is_busy() {
            // What came first in the same turn goes first.
            self.engine.server.rewrite_scheduled = true;
            return;
        }
        self.feed_hub();
        let begun = self.log.borrow_mut().begin_rewrite(&mut self.engine, log::now_ms());
        if !begun {
            self.take_back(from, STARTED, &Error::RewriteFailed);
        }
    }
}
