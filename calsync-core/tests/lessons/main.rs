//! Lessons: what users of systems that do the same job ran into, the rule each taught, and the test that keeps it here.
//!
//! `lessons::` are the tests of this folder, a name with another room in front is a test of this crate's `tests/`, and
//! `google`, `outlook` and `ics` are those of calsync-google, calsync-outlook and calsync-ics. The rules keep their numbers.
//!
//! | rule | in our words | test |
//! | --- | --- | --- |
//! | 1 | What was withdrawn returns under a key of the next generation. | `lessons::identity::an_appointment_assigned_back_gets_a_key_of_a_new_generation` |
//! | 2 | Who loses an event is read from the ledger, never from the row just written over. | `lessons::ledger::a_reassigned_appointment_is_removed_from_the_calendars_in_the_ledger` |
//! | 3 | An event is changed and removed where it was written, not where the settings point. | `lessons::ledger::the_event_in_the_old_calendar_goes_when_another_calendar_is_chosen`, `targets::updates_and_deletes_go_to_the_calendar_of_the_row_not_of_the_settings` |
//! | 4 | A dead grant is said once, parks its calendar, and ends in the latest wish after the reconnect. | `sync::health::an_account_that_cannot_be_written_is_no_longer_called_and_reported_once`, `sync::health::after_the_reconnect_the_latest_desired_event_is_written`, `receipt::only_the_target_of_the_person_who_has_to_act_is_open` |
//! | 5 | The guest hears of it whatever becomes of the company's calendars. | `lessons::mail::a_guest_is_invited_even_if_every_calendar_fails` |
//! | 6 | Absence is a suspicion: looked for by id and by key, and no reason to cancel anything. | `lessons::sync::an_event_that_is_missing_cancels_nothing`, `runner::no_event_counts_as_gone_while_the_look_fails`; proposals to the host do not apply: nothing is read in yet |
//! | 7 | Cleaning up leaves alone what somebody is writing. | does not apply: there is no sweep, only plans remove; the nearest is `healing::a_slow_worker_does_not_remove_the_event_of_a_faster_one` |
//! | 8 | A read that failed, was cut or came back empty removes nothing; nor does a plan remove a great share unasked. | `runner::no_event_counts_as_gone_while_the_look_fails`, `google::provider::a_page_in_place_of_an_answer_says_nothing_of_event_calendar_or_grant`, `outlook::provider::spoilt::no_call_says_that_it_did_what_it_did_not`, `disconnect::brake::many_removals_at_once_wait_until_the_host_allows_them` |
//! | 9 | An answer that leaves out part of what was asked says nothing of that part. | `outlook::provider::limits::a_look_up_is_what_both_its_parts_say_in_any_order`; CalDAV's multiget does not apply: no such provider yet |
//! | 10 | A token of changes that died means a full list and a sweep, not an empty answer. | does not apply: no incremental reads yet |
//! | 11 | A create has a name that the server remembers, and an unknown outcome is looked up first. | `outlook::provider::lost::a_create_that_was_made_and_not_heard_of_is_the_same_event`, `sync::lost_responses::a_create_of_unknown_outcome_is_looked_for_and_never_blindly_repeated` |
//! | 12 | A create that was answered with an error may have left an event without our marker. | `outlook::provider::lost::an_event_that_lost_its_marker_is_found_and_marked_again` |
//! | 13 | A key that is taken is looked into: adopted, revived once, or left for the next generation. | `google::lessons::a_conflict_at_create_is_looked_into_and_ends_with_one_event`, `google::provider::a_create_over_a_tombstone_of_ours_revives_it_or_spends_the_key` |
//! | 14 | The key is the host's own, and what lacks its mark is not taken over. | `lessons::identity::two_hosts_with_equal_ids_do_not_touch_each_others_events`, `google::provider::an_event_of_somebody_else_under_our_key_is_never_touched`, `outlook::provider::people::an_event_of_somebody_else_is_never_touched` |
//! | 15 | Our own event is known again whichever way it comes in. | does not apply: nothing is read in yet; for a look it is `google::provider::an_event_that_came_here_some_other_way_is_found_by_its_marker` |
//! | 16 | Filling a calendar is silent and touches nobody else's. | `lessons::ledger::a_connected_calendar_is_filled_and_no_other_is_touched`, `google::lessons::a_backfill_mails_nobody`, `outlook::story::every_story_ends_with_every_event_once` |
//! | 17 | No guests where the server would mail them, and one channel for each recipient. | `outlook::provider::changes::nobody_is_invited_and_nobody_gets_mail`, `audience::a_guest_with_the_address_of_somebody_who_takes_part_gets_no_second_event` |
//! | 18 | No guests where they are counted; a used-up quota rests for hours, alone, and is not a rate that was exceeded. | `google::lessons::a_used_up_quota_rests_for_an_hour_and_an_exceeded_rate_for_moments`, `sync::fairness::a_wait_of_an_hour_ends_the_steps_of_that_account_only` |
//! | 19 | A server that reads the file finds nobody to mail; a change keeps name and UID. | `ics::lessons::a_file_invites_nobody_and_a_change_keeps_its_name_and_uid` |
//! | 20 | The organizer of an event that stands is never changed, and each calendar's outcome reaches the host. | `ics::lessons::a_change_leaves_the_organizer_as_it_is`, `lessons::sync::a_change_is_one_call_and_one_outcome_for_each_calendar` |
//! | 21 | What a person added, such as a meeting, is read, merged and kept. | `google::lessons::a_meeting_somebody_added_outlives_our_change`, `outlook::provider::people::a_meeting_stays_on_while_its_text_changes` |
//! | 22 | Only a success ends a backoff, and only the token endpoint's word, or a second 401, means reconnect. | `sync::retries::only_a_success_ends_an_accounts_backoff`, `auth::refresh::only_a_dead_grant_sends_the_person_back`, `google::lessons::only_a_grant_that_google_calls_dead_sends_the_person_back`, `google::provider::an_access_token_that_runs_out_in_the_middle_of_a_run_is_renewed_once` |
//! | 23 | Who loses the race to refresh reads again, and a new token is saved before it is used. | `auth::trouble::who_saved_first_wins`, `auth::trouble::two_processes_and_a_server_that_takes_each_refresh_token_once_end_well`, `auth::trouble::a_save_that_fails_is_tried_again_before_anybody_gets_the_token` |
//! | 24 | What no calendar takes is refused where it is planned; what one refuses for good is set aside, and the rest goes on. | `lessons::time::a_time_that_no_calendar_accepts_is_refused_before_anything_is_planned`, `lessons::sync::an_event_refused_for_good_does_not_stop_those_after_it` |
//! | 25 | How a calendar stores our text is no change. | `lessons::sync::text_that_a_calendar_rewrites_is_not_written_again_and_again` |
//! | 26 | Nothing is removed for when it is; ends do not belong to what they end. | `lessons::time::an_event_is_not_removed_because_of_when_it_is`, `ics::writer::whole_days_end_the_day_after` |
//! | 27 | An event is known by its key, and the same calendar connected again is the same row. | `lessons::identity::a_calendar_connected_again_has_each_event_once`, `disconnect::accounts::another_account_is_refused_and_nothing_is_made_or_touched` |
//! | 28 | The ledger outlives a disconnect; a missing grant parks its work and fails no call of the host's. | `google::provider::places_nobody_connected_are_waiting_for_their_person`, `outlook::provider::refused::places_nobody_connected_are_waiting_for_their_person`, `disconnect::disconnect::the_same_calendar_connected_again_finds_its_events` |
//! | 29 | One UID for a recipient's event over all channels, and another for everybody else's. | `ics::lessons::a_recipients_event_has_one_uid_over_all_channels`, `identity::the_key_does_not_depend_on_the_account_and_the_provider`, `targets::one_calendar_shared_by_two_people_has_an_event_for_each` |
//! | 30 | An instant and its zone, made of the wall's time once. | `lessons::time::nine_oclock_is_nine_oclock_on_both_sides_of_both_clock_changes`, `conformance::clock_changes_survive` |
//! | 31 | The subject of an invitation is its event's title. | does not apply: calsync mails no invitations yet |
//! | 32 | Whoever unticks a scope is not connected. | `auth::connect::what_the_token_endpoint_says_no_to`, `google::consent::whatever_goes_wrong_on_the_way_is_told_apart_and_stores_nothing` |
//! | 33 | Every call ends in time, and one that was never sent is sent again at once, once. | `http::outcomes::every_call_ends_in_time`, `sync::retries::a_request_that_was_never_sent_is_sent_once_more_at_once`; transactions do not apply: calsync holds none |
//! | 34 | Jobs are told apart by the revision they want, and that is looked at again afterwards. | `healing::a_slow_worker_does_not_write_over_a_faster_one`, `healing::of_a_plan_delivered_twice_the_run_that_came_further_is_recorded` |
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
