//! What an event says: neutral content, worded by role.

mod content;
mod text;

pub use content::{Event, EventStatus, Reminders, When};
pub use text::{TextLimits, clean_block, clean_line, cut};
