//! The wording of events for each role: the guide's texts, and the trait that replaces them.

use std::fmt::Debug;

use crate::calendar::Role;
use crate::event::content::{Reminders, Visibility};
use crate::event::facts::{AdminView, CustomerView, ManagerView, StaffView};

/// The title and the description of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The event's title.
    pub title: String,
    /// The event's description.
    pub description: String,
}

/// The texts of events. A host implements the methods that it wants to change, for example for
/// another language, a brand or more lines. The default methods give the guide's texts.
///
/// A method gets only the data that its reader may see, so it cannot show a customer the data of
/// another view. The same view must always give the same text: a text that changes without a change
/// of the data is written again in every run.
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
    /// Returns the texts of the customer's event.
    fn customer(&self, view: &CustomerView<'_>) -> Text {
        view.text(TitleStyle::Short)
    }

    /// Returns the texts of the staff member's event.
    fn staff(&self, view: &StaffView<'_>) -> Text {
        view.text(TitleStyle::Short)
    }

    /// Returns the texts of the manager's event.
    fn manager(&self, view: &ManagerView<'_>) -> Text {
        view.text(TitleStyle::Short)
    }

    /// Returns the texts of an administrator's event. Default: the same as [`Wording::manager`].
    fn admin(&self, view: &AdminView<'_>) -> Text {
        self.manager(&view.manager)
    }

    /// Returns the reminders for the events of a role. Default: those of the calendar.
    fn reminders(&self, _role: Role) -> Reminders {
        Reminders::CalendarDefault
    }

    /// Returns the visibility of the events of a role, in calendars that are shared. A staff
    /// member's event contains the customer's telephone number, e-mail address and notes.
    fn visibility(&self, _role: Role) -> Visibility {
        Visibility::Default
    }
}

/// The guide's two styles of titles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TitleStyle {
    /// As in the guide's "Calendar Event Data by Role": `Service: Deep clean`.
    #[default]
    Short,
    /// As in the guide's Step 4: `Service Appointment: Deep clean with Eve`.
    Descriptive,
}

/// The guide's texts, with titles in either style.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DefaultWording {
    /// The style of the titles.
    pub titles: TitleStyle,
    /// The reminders in the events of all roles.
    pub reminders: Reminders,
    visibility: Vec<(Role, Visibility)>,
}

impl DefaultWording {
    /// Creates the guide's wording with short titles.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the style of the titles.
    #[must_use]
    pub fn with_titles(mut self, titles: TitleStyle) -> Self {
        self.titles = titles;
        self
    }

    /// Sets the reminders for all roles.
    #[must_use]
    pub fn with_reminders(mut self, reminders: Reminders) -> Self {
        self.reminders = reminders;
        self
    }

    /// Sets the visibility of the events of a role. Default for each role: [`Visibility::Default`].
    #[must_use]
    pub fn with_visibility(mut self, role: Role, visibility: Visibility) -> Self {
        self.visibility.retain(|(of, _)| *of != role);
        self.visibility.push((role, visibility));
        self
    }
}

impl Wording for DefaultWording {
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
    /// Returns the guide's texts for the customer.
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
    /// Returns the guide's texts for the staff member.
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
    /// Returns the guide's texts for the manager and for administrators.
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

/// Concatenates the pieces with one allocation.
fn join(pieces: &[&str]) -> String {
    pieces.concat()
}
