//! Lessons: rules learned from problems that users of similar systems reported, and the test of
//! each rule.
//!
//! A name that begins with `lessons::` is a test of this folder; `google::`, `outlook::` and
//! `ics::` are tests of calsync-google, calsync-outlook and calsync-ics; every other name is a test
//! in this crate's `tests/`. The numbers of the rules do not change.
//!
//! | no. | rule | test |
//! | --- | --- | --- |
//! | 1 | A withdrawn event returns under a key of the next generation. | `lessons::identity::an_appointment_assigned_back_gets_a_key_of_a_new_generation` |
//! | 2 | The ledger tells who loses an event, never the record that was just overwritten. | `lessons::ledger::a_reassigned_appointment_is_removed_from_the_calendars_in_the_ledger` |
//! | 3 | An event is changed and removed where it was written, not where the settings point. | `lessons::ledger::the_event_in_the_old_calendar_goes_when_another_calendar_is_chosen`, `targets::updates_and_deletes_go_to_the_calendar_of_the_row_not_of_the_settings` |
//! | 4 | A refused grant is reported once and holds its connection; after the reconnect the latest desired event is written. | `sync::health::an_account_that_cannot_be_written_is_no_longer_called_and_reported_once`, `sync::health::after_the_reconnect_the_latest_desired_event_is_written`, `receipt::only_the_target_of_the_person_who_has_to_act_is_open` |
//! | 5 | The guest is informed even if the company's calendars fail. | `lessons::mail::a_guest_is_invited_even_if_every_calendar_fails` |
//! | 6 | A missing event is looked for by id and by key, and is no reason to cancel anything. | `lessons::sync::an_event_that_is_missing_cancels_nothing`, `runner::no_event_counts_as_gone_while_the_look_fails`; proposals to the host do not apply: nothing is read in yet |
//! | 7 | Cleaning up does not touch what another worker is writing. | does not apply: there is no sweep, only plans remove; the nearest is `healing::a_slow_worker_does_not_remove_the_event_of_a_faster_one` |
//! | 8 | A read that failed, was cut off or came back empty removes nothing; nor does a plan remove a large share unless the host allows it. | `runner::no_event_counts_as_gone_while_the_look_fails`, `google::provider::an_error_page_says_nothing_about_event_calendar_or_grant`, `outlook::provider::bad_responses::no_call_reports_success_for_what_it_did_not_do`, `disconnect::brake::many_removals_at_once_wait_until_the_host_allows_them` |
//! | 9 | A response that leaves out part of what was requested says nothing about that part. | `outlook::provider::limits::a_find_needs_both_its_parts_in_any_order`; CalDAV's multiget does not apply: no such provider yet |
//! | 10 | An expired sync token means a full list and a sweep, not an empty response. | does not apply: no incremental reads yet |
//! | 11 | A create has an id that the server remembers, and an unknown outcome is looked for first. | `outlook::provider::unknown_outcome::a_repeated_create_after_a_lost_response_is_the_same_event`, `sync::lost_responses::a_create_of_unknown_outcome_is_looked_for_and_never_blindly_repeated` |
//! | 12 | A create with an error response may have left an event without our marker. | `outlook::provider::unknown_outcome::an_event_that_lost_its_marker_is_found_and_marked_again` |
//! | 13 | A create whose id is used is examined: the event is adopted, revived once, or left for the next generation. | `google::lessons::a_conflict_at_create_is_resolved_and_ends_with_one_event`, `google::provider::a_create_over_our_tombstone_restores_it_or_reports_the_key_as_taken` |
//! | 14 | The key is the host's own, and an event without the host's marker is not taken over. | `lessons::identity::two_hosts_with_equal_ids_do_not_touch_each_others_events`, `google::provider::a_foreign_event_under_our_key_is_never_changed`, `outlook::provider::user_changes::an_event_of_another_host_is_never_changed` |
//! | 15 | Our own event is recognised however it is read. | does not apply: nothing is read in yet; for a look it is `google::provider::a_copy_under_another_id_is_found_by_its_marker` |
//! | 16 | Filling a calendar sends no mail and touches no other person's events. | `lessons::ledger::a_connected_calendar_is_filled_and_no_other_is_touched`, `google::lessons::a_backfill_sends_no_mails`, `outlook::story::every_story_ends_with_every_event_once` |
//! | 17 | No attendees where the server would mail them, and one channel for each recipient. | `outlook::provider::changes::no_attendee_is_invited_and_no_mail_is_sent`, `audience::a_guest_with_the_address_of_somebody_who_takes_part_gets_no_second_event` |
//! | 18 | No attendees where they count against a quota; a used-up quota holds one account for hours, and differs from an exceeded rate. | `google::lessons::an_exhausted_quota_backs_off_for_an_hour_and_an_exceeded_rate_briefly`, `sync::fairness::a_wait_of_an_hour_ends_the_steps_of_that_account_only` |
//! | 19 | A server that reads the file finds no attendee to mail; a change keeps the file name and the UID. | `ics::lessons::a_file_has_no_attendees_and_a_change_keeps_its_name_and_uid` |
//! | 20 | The organizer of an existing event is never changed, and each calendar's outcome is reported to the host. | `ics::lessons::a_change_keeps_organizer_and_attendees`, `lessons::sync::a_change_is_one_call_and_one_outcome_for_each_calendar` |
//! | 21 | What a person added, such as a meeting, is read, merged and kept. | `google::lessons::a_meeting_that_a_person_added_stays_after_our_change`, `outlook::provider::user_changes::a_meeting_stays_on_while_its_text_changes` |
//! | 22 | Only a success ends a back-off, and only the token endpoint's refusal, or a second 401, means reconnect. | `sync::retries::only_a_success_ends_an_accounts_backoff`, `auth::refresh::only_a_refused_grant_needs_a_new_connect`, `google::lessons::only_a_grant_that_google_reports_as_invalid_needs_a_reconnect`, `google::provider::an_access_token_that_expires_during_a_run_is_refreshed_once` |
//! | 23 | The worker that loses the race to refresh reads again, and a new token is saved before it is used. | `auth::failures::the_first_save_wins`, `auth::failures::two_processes_that_refresh_at_once_both_get_a_token`, `auth::failures::a_failed_save_is_retried_before_any_caller_gets_the_token` |
//! | 24 | An event that no calendar accepts is refused when it is planned; one that a calendar refuses for good is held, and the rest goes on. | `lessons::time::a_time_that_no_calendar_accepts_is_refused_before_anything_is_planned`, `lessons::sync::an_event_refused_for_good_does_not_stop_those_after_it` |
//! | 25 | A calendar's own form of our text does not count as a change. | `lessons::sync::text_that_a_calendar_rewrites_is_not_written_again_and_again` |
//! | 26 | No event is removed because of its time; an end is exclusive. | `lessons::time::an_event_is_not_removed_because_of_when_it_is`, `ics::writer::all_day_events_end_on_the_day_after_the_last` |
//! | 27 | An event is identified by its key, and the same calendar connected again has the same row. | `lessons::identity::a_calendar_connected_again_has_each_event_once`, `disconnect::accounts::another_account_is_refused_and_nothing_is_made_or_touched` |
//! | 28 | The ledger survives a disconnect; a missing grant holds its steps and fails no call of the host. | `google::provider::a_calendar_that_is_not_connected_is_unauthenticated`, `outlook::provider::refused::a_calendar_without_tokens_is_not_connected`, `disconnect::disconnect::the_same_calendar_connected_again_finds_its_events` |
//! | 29 | A recipient's event has one UID over all channels, and another recipient's event another UID. | `ics::lessons::a_recipients_event_has_one_uid_in_all_channels`, `identity::the_key_does_not_depend_on_the_account_and_the_provider`, `targets::one_calendar_shared_by_two_people_has_an_event_for_each` |
//! | 30 | A time is an instant and its zone, converted from local time once. | `lessons::time::nine_oclock_is_nine_oclock_on_both_sides_of_both_clock_changes`, `conformance::clock_changes_survive` |
//! | 31 | The subject of an invitation is its event's title. | does not apply: calsync mails no invitations yet |
//! | 32 | A person who does not grant a scope is not connected. | `auth::connect::each_refusal_of_the_token_endpoint_has_its_error`, `google::consent::each_failed_connect_has_its_own_error_and_stores_nothing` |
//! | 33 | Every call has a time limit, and a request that was never sent is sent once more at once. | `http::outcomes::every_call_ends_at_the_time_limit`, `sync::retries::a_request_that_was_never_sent_is_sent_once_more_at_once`; transactions do not apply: calsync holds none |
//! | 34 | Jobs are distinguished by their revision, and it is checked again afterwards. | `healing::a_slow_worker_does_not_write_over_a_faster_one`, `healing::of_a_plan_delivered_twice_the_run_that_came_further_is_recorded` |
//! | 35 | A change is one call to each calendar it concerns. | `lessons::sync::a_change_is_one_call_and_one_outcome_for_each_calendar` |
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod identity;
mod ledger;
mod mail;
mod sync;
mod time;
