//! Floor 6: engines that hold the same data. One leads: it runs what changes something, and feeds what came of it to the others, who
//! have all data, answer reads themselves and send the rest to the leader.
//!
//! [`Node`] is that machine, for one engine: bytes in, bytes out, and wishes that only a host can fulfil. It knows no sockets and no
//! clock. The same machine runs in tabs that hear one another on a channel, and at both ends of a connection.
//!
//! - **History.** All data is the work of one ordered feed of effects, counted in bytes. Each leader begins a *term* with a number
//!   that nobody had before; [`Terms`] says where in the feed each begins. Who is at a place that the leader's terms go through gets what
//!   is missing; who is beside it gets everything anew. So does who has missed more than the [`Backlog`] holds.
//! - **Terms.** A host lets its node lead when it holds the lock that only one can hold, and has claimed the storage under the number
//!   of the term. The node asks all others how far they are ([`Node::candidate`]), takes what somebody has and it has not, and begins
//!   when that is stored with its term: so the terms that are stored are those of all who ever answered anybody. From the moment they
//!   are asked, the others hear nobody of an earlier term.
//! - **Requests.** A follower numbers what it sends to the leader and keeps it until it is answered. A new leader gets again what
//!   the old one has not answered; what that one had done is known by the feed ([`Answered`](crate::engine::answered::Answered)), and is
//!   answered, but not done, twice. The leader takes the requests of a follower in their order.
//! - **Connections.** A server that leads is a [`Hub`](hub::Hub): its followers are pages at the other end of connections, each of which gets only what its
//!   user may read. In a page the tab that leads holds the connection ([`Upstream`]): what comes becomes the feed of the tabs, what they
//!   want changed goes to the server, or waits in a queue for it.
//! - **Messages** may be late, lost or doubled. Each says what it is about; what does not fit is dropped, and asked for again.

mod backlog;
mod client;
mod desk;
mod follow;
mod full;
mod gather;
pub mod hub;
mod lead;
mod message;
mod node;
mod sieve;
mod state;
mod terms;
mod upstream;

pub use backlog::Backlog;
pub use message::{Message, VERSION};
pub use node::{Node, Options, Out, Want};
pub use terms::Terms;
pub use upstream::{Link, Refusal, Upstream};
