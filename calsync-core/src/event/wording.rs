//! How an event is worded for its reader: the guide's text, and the trait to replace it.

use std::fmt::Debug;

use crate::calendar::Role;
use crate::event::content::{Reminders, Visibility};
use crate::event::facts::{AdminView, CustomerView, ManagerView, StaffView};

/// A title and a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The event's title.
    pub title: String,
    /// The event's description.
    pub description: String,
}

/// Words events. A host replaces what it wants worded differently: a language, a brand, more lines.
///
/// A wording sees what its reader may see and no more, so no method can tell a customer what is in another view. The same
/// view must give the same text: a text that changes by itself is written again at every run.
///
/// ```
/// use calsync_core::event::{CustomerView, Text, Wording};
///
/// #[derive(Debug)]
/// struct German;
///
/// impl Wording for German {
///     fn customer(&self, view: &CustomerView<'_>) -> Text {
///         Text {
///             title: format!("Termin: {}", view.service),
///             description: format!("Auftrag: {}", view.order_number),
///         }
///     }
/// }
/// ```
pub trait Wording: Debug + Send + Sync + 'static {
    /// For the customer.
    fn customer(&self, view: &CustomerView<'_>) -> Text {
        view.text(TitleStyle::Short)
    }

    /// For the staff member.
    fn staff(&self, view: &StaffView<'_>) -> Text {
        view.text(TitleStyle::Short)
    }

    /// For the staff member's manager.
    fn manager(&self, view: &ManagerView<'_>) -> Text {
        view.text(TitleStyle::Short)
    }

    /// For an administrator: the manager's words unless replaced.
    fn admin(&self, view: &AdminView<'_>) -> Text {
        self.manager(&view.manager)
    }

    /// When to remind the readers of a role.
    fn reminders(&self, _role: Role) -> Reminders {
        Reminders::CalendarDefault
    }

    /// Who else may read the event of a role in a calendar that is shared. A staff member's event holds the customer's
    /// telephone number, e-mail address and notes.
    fn visibility(&self, _role: Role) -> Visibility {
        Visibility::Default
    }
}

/// The guide's two ways to word a title.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TitleStyle {
    /// As in its "Calendar Event Data by Role": `Service: Deep clean`.
    #[default]
    Short,
    /// As in its Step 4: `Service Appointment: Deep clean with Eve`.
    Descriptive,
}

/// The guide's text, in either title style.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuideWording {
    /// How titles are worded.
    pub titles: TitleStyle,
    /// When everybody is reminded.
    pub reminders: Reminders,
    visibility: Vec<(Role, Visibility)>,
}

impl GuideWording {
    /// The guide's text with short titles.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With titles in this style.
    #[must_use]
    pub fn with_titles(mut self, titles: TitleStyle) -> Self {
        self.titles = titles;
        self
    }

    /// With reminders for everybody.
    #[must_use]
    pub fn with_reminders(mut self, reminders: Reminders) -> Self {
        self.reminders = reminders;
        self
    }

    /// With this visibility for the events of a role; the calendar's default for roles that are not named.
    #[must_use]
    pub fn with_visibility(mut self, role: Role, visibility: Visibility) -> Self {
        self.visibility.retain(|(of, _)| *of != role);
        self.visibility.push((role, visibility));
        self
    }
}

impl Wording for GuideWording {
    fn customer(&self, view: &CustomerView<'_>) -> Text {
        view.text(self.titles)
    }

    fn staff(&self, view: &StaffView<'_>) -> Text {
        view.text(self.titles)
    }

    fn manager(&self, view: &ManagerView<'_>) -> Text {
        view.text(self.titles)
    }

    fn reminders(&self, _role: Role) -> Reminders {
        self.reminders.clone()
    }

    fn visibility(&self, role: Role) -> Visibility {
        let chosen = self.visibility.iter().find(|(of, _)| *of == role);
        chosen.map_or(Visibility::Default, |(_, visibility)| *visibility)
    }
}

const UNASSIGNED: &str = "Unassigned";
const NOT_AVAILABLE: &str = "N/A";
const NONE: &str = "None";

impl CustomerView<'_> {
    /// The guide's text for the customer.
    #[must_use]
    pub fn text(&self, style: TitleStyle) -> Text {
        let staff = self.staff_name.unwrap_or(UNASSIGNED);
        Text {
            title: match style {
                TitleStyle::Short => join(&["Service: ", self.service]),
                TitleStyle::Descriptive => join(&["Service Appointment: ", self.service, " with ", staff]),
            },
            description: join(&[
                "Order: ",
                self.order_number,
                "\nStaff: ",
                staff,
                "\nPhone: ",
                self.staff_phone.unwrap_or(NOT_AVAILABLE),
                "\nNotes: ",
                self.notes.unwrap_or(NONE),
            ]),
        }
    }
}

impl StaffView<'_> {
    /// The guide's text for the staff member.
    #[must_use]
    pub fn text(&self, style: TitleStyle) -> Text {
        Text {
            title: match style {
                TitleStyle::Short => join(&[self.service, " at ", self.customer_name, "'s"]),
                TitleStyle::Descriptive => {
                    join(&["Service: ", self.service, " at ", self.customer_name, "'s"])
                }
            },
            description: join(&[
                "Customer: ",
                self.customer_name,
                "\nEmail: ",
                self.customer_email.unwrap_or(NONE),
                "\nPhone: ",
                self.customer_phone.unwrap_or(NOT_AVAILABLE),
                "\nOrder: ",
                self.order_number,
                "\nSpecial Instructions: ",
                self.notes.unwrap_or(NONE),
                "\nAddress: ",
                self.address.unwrap_or(NOT_AVAILABLE),
            ]),
        }
    }
}

impl ManagerView<'_> {
    /// The guide's text for the manager, and for administrators.
    #[must_use]
    pub fn text(&self, style: TitleStyle) -> Text {
        let staff = self.staff_name.unwrap_or(UNASSIGNED);
        Text {
            title: match style {
                TitleStyle::Short => join(&[staff, " - ", self.service]),
                TitleStyle::Descriptive => {
                    join(&[staff, " - ", self.service, " at ", self.customer_name, "'s"])
                }
            },
            description: join(&[
                "Staff: ",
                staff,
                " (",
                self.staff_phone.unwrap_or(NOT_AVAILABLE),
                ")\nCustomer: ",
                self.customer_name,
                "\nEmail: ",
                self.customer_email.unwrap_or(NONE),
                "\nPhone: ",
                self.customer_phone.unwrap_or(NOT_AVAILABLE),
                "\nOrder: ",
                self.order_number,
                "\nService: ",
                self.service,
                "\nAddress: ",
                self.address.unwrap_or(NOT_AVAILABLE),
                "\nNotes: ",
                self.notes.unwrap_or(NONE),
            ]),
        }
    }
}

/// The pieces in one allocation.
fn join(pieces: &[&str]) -> String {
    pieces.concat()
}
