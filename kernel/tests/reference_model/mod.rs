//! The reference: WIRE.md read a second time and carried out as plainly as possible. Shared by all the tests of this directory.
#![allow(dead_code)]

mod admin;
mod answers;
mod changes;
pub mod codes;
pub mod harness;
pub mod model;
pub mod money;
pub mod script;
mod trading;
pub mod wire;
