//! The reference: WIRE.md read a second time and carried out as plainly as possible. Shared by all the tests of this directory.
#![allow(dead_code)]

mod admin;
mod answers;
mod changes;
pub mod codes;
pub mod dice;
pub mod harness;
mod matching;
pub mod model;
pub mod money;
mod place;
mod rows;
pub mod script;
pub mod told;
pub mod wire;
