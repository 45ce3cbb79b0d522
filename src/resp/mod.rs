//! Floor 2: RESP, the wire format, both ways. Commands as clients send them, replies in RESP2 and RESP3, effects in the log
//! and the feed.

pub mod encode;
pub mod parse;
pub mod reply;
