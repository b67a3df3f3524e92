//! What a summary of days is made with: rows as numbers, groups of exact sums, sets of facts, and their saved pieces.
//!
//! A plugin says what its rows have in common and what is added up; that the result does not depend on how rows were
//! split or in which order they came is seen to here. Sums are of integers, groups are told apart by text and come out in
//! the order of their texts; the rest is sets.

pub mod arrays;
mod chunked;
pub mod columns;
pub mod facts;
pub mod fold;
pub mod groups;
pub mod hash;
pub mod layout;
pub mod measures;
pub mod objects;
mod order;
pub mod product;
mod resources;
pub mod shares;
mod slots;
mod state;
mod state_facts;
pub mod texts;
