#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod calendar;
mod error;
mod feed;
mod lines;
mod timezone;
mod writer;

pub use calendar::CalendarInfo;
pub use error::{IcsError, IcsProblem};
pub use feed::{FeedError, FeedWriter};
pub use writer::{IcsWriter, write_event};
