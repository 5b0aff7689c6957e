//! Each rule of prices and funding as a table.

mod feed;
mod funding;
mod group;
mod mark;
pub mod perpetual;
