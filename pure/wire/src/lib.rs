//! What goes over the wire between the API server and its clients: every route, and every message.
//!
//! One table, [`ROUTES`], says what there is: method, path, parameters, bodies, answers, and the least role that may
//! call it. The server dispatches by it (each [`Call`] has a handler, or the server does not compile), the remote
//! listener grants by it, and `docs/reference/api.md` and `docs/reference/openapi.json` are made from it and compared
//! by a test. Messages of `/v1` are the types in [`types`]; one macro makes the type and its schema, so neither can lag.
//!
//! Holds always: [`find`] and [`query::Query::parse`] are total over any bytes. Left to others: what a call does
//! (`svc/apiserver`), transport and time (`svc/apiserver`, `svc/apiclient`). Paths without `/v1` are Bottlerocket's.
#![no_std]
extern crate alloc;

pub mod apply;
pub mod audit;
pub mod configured;
mod message;
pub mod openapi;
pub mod query;
pub mod reference;
mod role;
mod route;
mod routes;
pub mod types;

pub use role::Role;
pub use route::{Access, Answer, Body, Call, Content, Found, Method, Parameter, Route, find};
pub use routes::ROUTES;

/// Where the server listens on the host.
pub const SOCKET: &str = "/run/api.sock";

/// The group whose members may use the socket, beside root.
pub const GROUP: u32 = 274;

/// Longest request body the server takes, in bytes.
pub const BODY_BYTES: usize = 1 << 20;

/// What stands in an answer in a secret's place. Writing it back is refused.
pub const SECRET: &str = "(secret)";
