#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod calendar;
#[cfg(feature = "icalendar")]
mod convert;
mod encode;
mod error;
mod event;
mod feed;
mod files;
mod identity;
mod keep;
mod lines;
mod provider;
mod reader;
mod scan;
mod search;
mod timezone;
mod value;
mod writer;

pub use calendar::CalendarInfo;
pub use error::{IcsError, IcsProblem};
pub use event::IcsEvent;
pub use feed::{FeedError, FeedWriter};
pub use provider::IcsFolder;
pub use reader::{read_event, read_events};
pub use writer::{IcsWriter, write_event};
