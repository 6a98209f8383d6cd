// SPDX-License-Identifier: GPL-2.0
//! Which case comes next: the longest of those left that need not wait for a thing that another
//! case is making.

use super::request::Selected;
use std::collections::BTreeSet;

/// The cases that have not started yet, and what those that run are making.
pub(super) struct Queue {
    /// The next one is the last.
    left: Vec<Selected>,
    making: BTreeSet<&'static str>,
    made: BTreeSet<&'static str>,
}

/// What a worker does next.
pub(super) enum Next {
    /// It runs this one.
    Case(Selected),
    /// All that are left need what others are making: it asks again when a case has ended.
    Wait,
    /// Nothing is left.
    Done,
}

impl Queue {
    pub(super) fn new(mut cases: Vec<Selected>) -> Queue {
        // Stable, and so cases that take equally long come in the order in which they are written.
        cases.reverse();
        cases.sort_by_key(|selected| selected.case.seconds);
        Queue { left: cases, making: BTreeSet::new(), made: BTreeSet::new() }
    }

    pub(super) fn next(&mut self) -> Next {
        if self.left.is_empty() {
            return Next::Done;
        }
        let is_ready =
            |selected: &Selected| selected.case.shared.is_none_or(|it| !self.making.contains(it));
        let Some(at) = self.left.iter().rposition(is_ready) else { return Next::Wait };
        let selected = self.left.remove(at);
        if let Some(thing) = selected.case.shared.filter(|thing| !self.made.contains(thing)) {
            self.making.insert(thing);
        }
        Next::Case(selected)
    }

    /// A case has ended that shares this. If it has failed to make it, another one may try.
    pub(super) fn ended(&mut self, shared: Option<&'static str>) {
        if let Some(thing) = shared {
            self.making.remove(thing);
            self.made.insert(thing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Queue};
    use crate::schedule::request::Selected;
    use crate::schedule::Case;

    fn queue(cases: Vec<Case>) -> Queue {
        Queue::new(cases.into_iter().map(|case| Selected { suite: "a suite", case }).collect())
    }

    fn case(name: &str) -> Case {
        Case::new(name, || ())
    }

    fn next(queue: &mut Queue) -> String {
        match queue.next() {
            Next::Case(selected) => selected.case.name,
            Next::Wait => "wait".into(),
            Next::Done => "done".into(),
        }
    }

    #[test]
    fn the_longest_comes_first_and_equals_in_their_order() {
        let mut queue = queue(vec![case("a"), case("b").about(5), case("c"), case("d").about(9)]);
        let order = ["d", "b", "a", "c", "done"].map(|_| next(&mut queue));
        assert_eq!(order, ["d", "b", "a", "c", "done"]);
    }

    #[test]
    fn nobody_waits_for_what_another_case_makes_while_there_is_something_else() {
        let shared = |name: &str| case(name).about(9).shares("a kernel");
        let mut queue = queue(vec![shared("maker"), shared("one"), shared("two"), case("else")]);
        assert_eq!([(); 3].map(|()| next(&mut queue)), ["maker", "else", "wait"]);
        queue.ended(None);
        assert_eq!(next(&mut queue), "wait");
        queue.ended(Some("a kernel"));
        // Now that it is made, two of them run at once.
        assert_eq!([(); 3].map(|()| next(&mut queue)), ["one", "two", "done"]);
    }
}
