//! A guide for hosts: from the first event to the day on which customers connect.
//!
//! Each module is a chapter and holds documentation only. Each snippet is compiled and, if it needs
//! no network, run as a test of this crate.
//!
//! | chapter | answers |
//! | --- | --- |
//! | [`concepts`] | which words does calsync use, and what do they mean? |
//! | [`first_event`] | how does an order become an event, move, and go? |

#[doc = include_str!("concepts.md")]
pub mod concepts {}
#[doc = include_str!("first_event.md")]
pub mod first_event {}
