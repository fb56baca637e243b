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
//! | [`workers`] | when is an appointment due, and what do several processes share? |
//! | [`notices`] | what does a host tell people? |
//! | [`errors`] | what can fail, and what does a host do about it? |
//! | [`testing`] | how does a host test all this? |
//! | [`providers`] | how does an author write a provider? |
//! | [`zones`] | what happens to local times, and when clocks change? |
//! | [`tenants`] | what do many tenants in one process need? |
//! | [`security`] | what is protected, and from whom? |
//! | [`going_live`] | what do Google and Microsoft ask for before customers connect? |
//! | [`costs`] | how many requests, how much memory, how fast? |
//! | [`comparison`] | what else is there, and when is calsync the wrong choice? |

#[doc = include_str!("concepts.md")]
pub mod concepts {}
#[doc = include_str!("first_event.md")]
pub mod first_event {}
#[doc = include_str!("storing.md")]
pub mod storing {}
#[doc = include_str!("connecting.md")]
pub mod connecting {}
#[doc = include_str!("workers.md")]
pub mod workers {}
#[doc = include_str!("notices.md")]
pub mod notices {}
#[doc = include_str!("errors.md")]
pub mod errors {}
#[doc = include_str!("testing.md")]
pub mod testing {}
#[doc = include_str!("providers.md")]
pub mod providers {}
#[doc = include_str!("zones.md")]
pub mod zones {}
#[doc = include_str!("tenants.md")]
pub mod tenants {}
#[doc = include_str!("security.md")]
pub mod security {}
#[doc = include_str!("going_live.md")]
pub mod going_live {}
#[doc = include_str!("costs.md")]
pub mod costs {}
#[doc = include_str!("comparison.md")]
pub mod comparison {}
