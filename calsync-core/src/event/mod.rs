//! The content of an event, independent of the provider, and its wording for each role.

mod content;
mod facts;
mod text;
mod wording;

pub use content::{Event, EventStatus, Reminders, Visibility, When};
pub(crate) use facts::Facts;
pub use facts::{AdminView, CustomerView, ManagerView, StaffView};
pub use text::{CUT_MARK, TextLimits, clean_block, clean_line, cut, is_invisible};
pub use wording::{DefaultWording, Text, TitleStyle, Wording};
