//! A guide for hosts: from the first event to the day on which customers connect.
//!
//! Each module is a chapter and holds documentation only. Each snippet is compiled and, if it needs
//! no network, run as a test of this crate.
//!
//! | chapter | answers |
//! | --- | --- |
//! | [`concepts`] | which words does calsync use, and what do they mean? |
//! | [`first_event`] | how does an order become an event, move, and go? |
//! | [`storing`] | which tables does a host need, and how does it save? |
//! | [`connecting`] | how does a person connect a calendar, and disconnect it? |

#[doc = include_str!("concepts.md")]
pub mod concepts {}
#[doc = include_str!("first_event.md")]
pub mod first_event {}
#[doc = include_str!("storing.md")]
pub mod storing {}
#[doc = include_str!("connecting.md")]
pub mod connecting {}
