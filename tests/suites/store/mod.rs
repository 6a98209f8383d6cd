// SPDX-License-Identifier: GPL-2.0
//! The installed patches of a machine: that no cut, failure or other writer harms them, and that
//! nothing else is loaded.

mod changes;
mod cuts;
mod disk;
mod guard;
mod hostile;
mod place;
mod trace;

use changes::{
    a_change_is_undone_where_nobody_has_made_another_since,
    a_package_takes_the_place_of_its_earlier_version_for_every_kernel,
    each_kernel_has_a_set_of_its_own, modprobe_goes_through_load,
    patches_are_loaded_in_the_order_in_which_they_were_installed,
    rollback_returns_through_the_five_sets_before,
    what_is_not_installed_and_what_cannot_be_is_told, writers_and_readers_at_once_do_no_harm,
};
use cuts::{
    a_call_that_fails_leaves_the_old_set_and_nothing_else,
    a_cut_leaves_a_whole_configuration_of_modprobe, a_cut_leaves_the_guard_as_it_was_or_as_it_is,
    a_cut_leaves_the_old_set_or_the_new_one,
};
use guard::{
    a_set_that_takes_the_machine_down_is_held_until_somebody_says_so,
    what_is_held_says_how_to_go_on,
};
use hostile::{
    a_damaged_module_is_installed_again_and_never_carried_on,
    a_store_that_somebody_else_can_change_is_not_used,
    an_attempt_that_cannot_be_read_holds_the_set, names_of_others_in_the_store_are_left_alone,
    nothing_is_loaded_from_a_damaged_store, the_numbers_of_generations_may_be_used_up,
};
use kps_tests::cases;
use kps_tests::schedule::Case;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_cut_leaves_the_old_set_or_the_new_one.about(20),
        a_cut_leaves_the_guard_as_it_was_or_as_it_is.about(5),
        a_cut_leaves_a_whole_configuration_of_modprobe.about(5),
        a_call_that_fails_leaves_the_old_set_and_nothing_else.about(20),
        patches_are_loaded_in_the_order_in_which_they_were_installed,
        a_change_is_undone_where_nobody_has_made_another_since,
        a_package_takes_the_place_of_its_earlier_version_for_every_kernel,
        each_kernel_has_a_set_of_its_own,
        rollback_returns_through_the_five_sets_before,
        what_is_not_installed_and_what_cannot_be_is_told,
        writers_and_readers_at_once_do_no_harm,
        modprobe_goes_through_load,
        a_set_that_takes_the_machine_down_is_held_until_somebody_says_so,
        what_is_held_says_how_to_go_on,
        nothing_is_loaded_from_a_damaged_store,
        a_damaged_module_is_installed_again_and_never_carried_on,
        an_attempt_that_cannot_be_read_holds_the_set,
        the_numbers_of_generations_may_be_used_up,
        names_of_others_in_the_store_are_left_alone,
        a_store_that_somebody_else_can_change_is_not_used,
    ]
}
