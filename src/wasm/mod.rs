//! Floor 5: the browser host. The only place that names JavaScript.
//!
//! One wasm instance holds one engine: a page with two databases has two instances, so a trap in one leaves the other alone.
//! Commands never add to this module. They cross by [`abi`], as bytes in this instance's memory; what is called seldom crosses
//! by the methods of [`class::Host`]. Neither calls JavaScript while the engine is borrowed: the client asks what is new after
//! its call (the flags in [`abi::mailbox`]) and fetches it.

pub mod abi;
pub mod alloc;
mod claim;
pub mod class;
mod clock;
pub mod files;
pub mod idb;
mod live;
mod page;
mod place;
mod state;
pub mod store;
mod tabs;
mod transfer;
mod upstream;
mod wire;
