//! From an order to its appointments.
//!
//! A confirmed order gets one appointment for every item that has none. Confirming is repeatable: an item is linked to
//! its appointment, and an appointment's default id follows from order and item, so that even two confirmations at once
//! name the same appointment and the host's primary key keeps the second one out.

use std::collections::HashSet;

use chrono::Duration;
use uuid::Uuid;

use crate::error::{InputError, Problem};
use crate::id::{AppointmentId, Id};
use crate::model::{
    Appointment, AppointmentStatus, AppointmentType, Directory, Order, OrderItem, OrderStatus,
};
use crate::time::{self, Zone};

/// The UUID namespace of appointment ids: version 5 of `calsync:appointment:1` under the URL namespace.
pub const APPOINTMENT_NAMESPACE: Uuid = Uuid::from_u128(0xf68c3d6027a559d19f5892ec59db886d);

/// What a change of an order's status asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transition {
    /// The order has just been confirmed.
    Confirmed,
    /// The order has just been cancelled.
    Cancelled,
    /// Neither.
    None,
}

impl Transition {
    /// For hosts with change signals: what the step from one status to the other is. `before` is `None` for an order that
    /// was just made.
    ///
    /// ```
    /// use calsync_core::confirm::Transition;
    /// use calsync_core::model::OrderStatus::{Cancelled, Confirmed, Pending};
    /// assert_eq!(Transition::between(Some(&Pending), &Confirmed), Transition::Confirmed);
    /// assert_eq!(Transition::between(Some(&Confirmed), &Confirmed), Transition::None);
    /// assert_eq!(Transition::between(Some(&Confirmed), &Cancelled), Transition::Cancelled);
    /// ```
    #[must_use]
    pub fn between(before: Option<&OrderStatus>, after: &OrderStatus) -> Self {
        if after.is_confirmed() && !before.is_some_and(OrderStatus::is_confirmed) {
            Self::Confirmed
        } else if after.is_cancelled() && !before.is_some_and(OrderStatus::is_cancelled) {
            Self::Cancelled
        } else {
            Self::None
        }
    }
}

impl Order {
    /// Makes the appointments that a confirmed order lacks, and links its items to them. An order that is not confirmed
    /// gets none.
    ///
    /// The scheduled date and time (09:00 when there is none) are read in `zone` by the rule of RFC 5545 for skipped and
    /// doubled hours; the end follows by the service's duration in real minutes.
    ///
    /// # Errors
    /// When the date is missing, a service or staff member is unknown, a service's duration is not positive, or a time is outside
    /// [`time::YEARS`]. Then nothing is made and nothing linked.
    pub fn confirm(&mut self, directory: &Directory, zone: &Zone) -> Result<Vec<Appointment>, InputError> {
        self.confirm_with(directory, zone, default_id)
    }

    /// [`Order::confirm`], with ids of the host's giving. They must be the same whenever they are asked for.
    ///
    /// # Errors
    /// As [`Order::confirm`].
    pub fn confirm_with(
        &mut self,
        directory: &Directory,
        zone: &Zone,
        id: impl Fn(&Order, &OrderItem) -> AppointmentId,
    ) -> Result<Vec<Appointment>, InputError> {
        if !self.status.is_confirmed() {
            return Ok(Vec::new());
        }
        let mut items = HashSet::new();
        let mut made = Vec::new();
        for item in &self.items {
            if !items.insert(&item.id) {
                return Err(InputError::new("order item", &item.id, "id", Problem::Twice));
            }
            if item.appointment_id.is_none() {
                made.push(self.appointment_for(item, id(self, item), directory, zone)?);
            }
        }
        self.link(&made);
        Ok(made)
    }

    fn appointment_for(
        &self,
        item: &OrderItem,
        id: AppointmentId,
        directory: &Directory,
        zone: &Zone,
    ) -> Result<Appointment, InputError> {
        let missing = |field, record: String| {
            InputError::new("order item", &item.id, field, Problem::NoSuchRecord(record))
        };
        let service = directory.service(&item.service_id);
        let service = service.ok_or_else(|| missing("service_id", format!("service {}", item.service_id)))?;
        if let Some(id) = item.staff_id.as_ref().filter(|id| directory.staff(id).is_none()) {
            return Err(missing("staff_id", format!("staff {id}")));
        }
        let of_service = |problem: Problem| InputError::new("service", &service.id, "duration", problem);
        if service.duration <= 0 {
            return Err(of_service(Problem::NotPositive));
        }
        let duration =
            Duration::try_minutes(service.duration).ok_or_else(|| of_service(Problem::TooLarge))?;

        let of_order = |field, problem: Problem| InputError::new("order", &self.id, field, problem);
        let date = self.scheduled_date.ok_or_else(|| of_order("scheduled_date", Problem::Missing))?;
        let start = zone.scheduled(date, self.scheduled_time);
        let start = start.map_err(|error| of_order("scheduled_date", Problem::Time(error)))?;
        let end = start.checked_add_signed(duration).filter(|end| time::check(*end).is_ok());
        let end = end.ok_or_else(|| of_service(Problem::TooLarge))?;

        let mut appointment = Appointment::new(id, item.service_id.clone(), start, end);
        appointment.order_id = Some(self.id.clone());
        appointment.order_item_id = Some(item.id.clone());
        appointment.staff_id = item.staff_id.clone();
        appointment.time_zone = Some(zone.clone());
        appointment.appointment_type = AppointmentType::OrderItem;
        Ok(appointment)
    }

    /// Links the order's items to appointments that exist, for a host whose item rows do not store the link.
    pub fn link<'a>(&mut self, appointments: impl IntoIterator<Item = &'a Appointment>) {
        for appointment in appointments {
            if appointment.order_id.as_ref() != Some(&self.id) {
                continue;
            }
            let item =
                self.items.iter_mut().find(|item| Some(&item.id) == appointment.order_item_id.as_ref());
            if let Some(item) = item {
                item.appointment_id = Some(appointment.id.clone());
            }
        }
    }

    /// Carries the order's cancellation over to one of its appointments, and its confirmation back: an appointment that
    /// was cancelled *with* its order comes back when the order does; one that was cancelled by itself does not.
    ///
    /// Returns whether the appointment was changed.
    pub fn carry_status(&self, appointment: &mut Appointment) -> bool {
        if appointment.order_id.as_ref() != Some(&self.id) {
            return false;
        }
        if self.status.is_cancelled() && !appointment.status.is_cancelled() {
            appointment.status = AppointmentStatus::Cancelled;
            appointment.cancelled_with_order = true;
            return true;
        }
        if self.status.is_confirmed() && appointment.cancelled_with_order {
            appointment.status = AppointmentStatus::Confirmed;
            appointment.cancelled_with_order = false;
            return true;
        }
        false
    }
}

/// The id of an item's appointment where the host has none of its own: a UUID version 5 over the order's and the item's
/// ids, each with its length in front.
fn default_id(order: &Order, item: &OrderItem) -> AppointmentId {
    let (order, item) = (order.id.to_string(), item.id.to_string());
    let name = format!("{}:{order}{}:{item}", order.len(), item.len());
    let uuid = Uuid::new_v5(&APPOINTMENT_NAMESPACE, name.as_bytes()).to_string();
    // A UUID is never empty and holds no control character, so the number is never taken.
    Id::text(&uuid).unwrap_or_else(|_| Id::number(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Service;

    fn order() -> (Order, Directory) {
        let services =
            [Service::new(5, "Deep clean", 90), Service::new(7, "Windows", 60), Service::new(8, "Odd", 0)];
        let mut order = Order::new(1, OrderStatus::Confirmed);
        order.scheduled_date = "2026-01-20".parse().ok();
        order.items = vec![OrderItem::new(1, 5), OrderItem::new(2, 7)];
        (order, Directory::new().with_services(services).unwrap())
    }

    fn london() -> Zone {
        Zone::new("Europe/London").unwrap()
    }

    #[test]
    fn one_appointment_an_item_however_often_it_is_signalled() {
        let (mut order, directory) = order();
        let mut other_worker = order.clone();
        let made = order.confirm(&directory, &london()).unwrap();
        assert_eq!(made.len(), 2);
        assert_eq!(made[0].start_time.to_rfc3339(), "2026-01-20T09:00:00+00:00");
        assert_eq!(made[0].end_time.to_rfc3339(), "2026-01-20T10:30:00+00:00");
        assert_eq!(order.items[1].appointment_id.as_ref(), Some(&made[1].id));
        assert_eq!(made[1].order_item_id, Some(2.into()));
        assert_eq!(order.confirm(&directory, &london()).unwrap(), []);
        assert_eq!(
            other_worker.confirm(&directory, &london()).unwrap(),
            made,
            "two at once name the same two"
        );
    }

    #[test]
    fn the_duration_is_in_real_minutes_across_the_change() {
        let (mut order, directory) = order();
        order.scheduled_date = "2026-10-25".parse().ok();
        order.scheduled_time = "00:30".parse().ok();
        let made = order.confirm(&directory, &london()).unwrap();
        // 00:30 summer time and 90 minutes later: 01:00 winter time on the wall.
        assert_eq!(made[0].start_time.to_rfc3339(), "2026-10-24T23:30:00+00:00");
        assert_eq!(made[0].end_time.to_rfc3339(), "2026-10-25T01:00:00+00:00");
    }

    #[test]
    fn only_a_confirmed_order_gets_any() {
        let (mut order, directory) = order();
        for status in ["pending", "cancelled", "draft"] {
            order.status = status.into();
            assert_eq!(order.confirm(&directory, &london()).unwrap(), []);
        }
    }

    #[test]
    fn bad_input_names_its_record_and_makes_nothing() {
        type Spoil = fn(&mut Order);
        let cases: [(&str, Spoil); 7] = [
            ("order 1: scheduled_date: is missing", |order| order.scheduled_date = None),
            ("service 8: duration: must be more than zero", |order| order.items.push(OrderItem::new(3, 8))),
            ("order item 3: service_id: there is no service 99", |order| {
                order.items.push(OrderItem::new(3, 99))
            }),
            ("order item 1: id: is used twice", |order| order.items.push(OrderItem::new(1, 5))),
            ("order item 1: staff_id: there is no staff 99", |order| {
                order.items[0].staff_id = Some(99.into())
            }),
            ("order 1: scheduled_date: the year 3000 is outside 1900 to 2999", |order| {
                order.scheduled_date = "3000-01-01".parse().ok();
            }),
            ("service 5: duration: is too large", |order| {
                order.scheduled_date = "2999-12-31".parse().ok();
                order.scheduled_time = "23:00".parse().ok();
            }),
        ];
        for (message, spoil) in cases {
            let (mut order, directory) = order();
            spoil(&mut order);
            assert_eq!(order.confirm(&directory, &london()).unwrap_err().to_string(), message);
            assert!(order.items.iter().all(|item| item.appointment_id.is_none()));
        }
    }

    #[test]
    fn an_order_takes_its_appointments_along_and_brings_back_only_those() {
        let (mut order, directory) = order();
        let mut made = order.confirm(&directory, &london()).unwrap();
        made[1].status = AppointmentStatus::Cancelled;
        order.status = OrderStatus::Cancelled;
        let changed: Vec<_> = made.iter_mut().map(|appointment| order.carry_status(appointment)).collect();
        assert_eq!(changed, [true, false]);
        order.status = OrderStatus::Confirmed;
        assert!(order.carry_status(&mut made[0]) && !order.carry_status(&mut made[1]));
        assert_eq!(
            (&made[0].status, &made[1].status),
            (&AppointmentStatus::Confirmed, &AppointmentStatus::Cancelled)
        );
    }
}
