//! `Display` of a plan: ids only, no personal data.

use std::fmt;

use crate::identity::Generation;
use crate::plan::{Action, Note, Plan, Step};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "appointment {}: ", self.appointment)?;
        if self.steps.is_empty() {
            f.write_str("nothing to do")?;
        } else {
            write!(f, "{} to do", self.steps.len())?;
        }
        if self.unchanged > 0 {
            write!(f, ", {} as it should be", self.unchanged)?;
        }
        for step in &self.steps {
            write!(f, "\n  {step}")?;
        }
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.action {
            Action::Create { .. } => "create",
            Action::Update { .. } => "update",
            Action::Delete { .. } => "delete",
            Action::Find { content: Some(_), .. } => "find, then write",
            Action::Find { content: None, .. } => "find, then delete",
        })?;
        write!(f, " for {} in {}", self.role, self.calendar)?;
        if self.generation != Generation::FIRST {
            write!(f, ", generation {}", self.generation)?;
        }
        if self.adopts.is_some() {
            f.write_str(", taken over from older code")?;
        }
        if self.moves_from.is_some() {
            f.write_str(", through another connection")?;
        }
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftOut { role, person: Some(person), reason } => {
                write!(f, "nothing for {role} {person}: {reason}")
            }
            Self::LeftOut { role, person: None, reason } => write!(f, "nothing for {role}: {reason}"),
            Self::NoProvider { role, calendar } => {
                write!(f, "nothing for {role} in {calendar}: no provider registered")
            }
            Self::Held { role, calendar, hold } => write!(f, "held for {role} in {calendar}: {hold}"),
            Self::OtherAccount { role, calendar } => {
                write!(
                    f,
                    "refused for {role} in {calendar}: the connection leads to another account than the one of the event"
                )
            }
            Self::Kept { role, calendar } => {
                write!(f, "the event for {role} in {calendar} stays until the new one can be made")
            }
            Self::LeftBehind { role, calendar } => {
                write!(
                    f,
                    "the event for {role} in {calendar} stays in the old account: the connection leads to another one now"
                )
            }
            Self::KeptOnDisconnect { role, calendar, .. } => {
                write!(f, "the event for {role} in {calendar} is kept there: the calendar is disconnected")
            }
            Self::TakenOver { role, calendar, by, .. } => {
                write!(f, "the event for {role} in {calendar} is taken over by connection {}", by.connection)
            }
            Self::LooksLater { role, calendar, at } => {
                write!(f, "one more look for {role} in {calendar} at {}", at.format("%F %T UTC"))
            }
            Self::Closed { role, calendar } => {
                write!(f, "no more calls for {role} in {calendar}: the appointment ended over 30 days ago")
            }
            Self::OwnerUnknown { provider } => {
                write!(f, "an event of older code in {provider} has no owner here; it stays as it is")
            }
        }
    }
}
