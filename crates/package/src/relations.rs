// SPDX-License-Identifier: GPL-2.0
//! Other packages that a package depends on, as dpkg and rpm write them.

use crate::{check, version, Comparison, Error, Relation, Relations};

/// What rpm has in versions, and dpkg has not: `6.12.0-55.9.1.el10_0` is one.
const MORE_OF_RPM: &str = "_^";

pub(crate) fn check_deb(relations: &Relations) -> Result<(), Error> {
    const ALLOWED: &str = "a version of dpkg: letters, digits and '.', '+', '~', '-', after a \
                           digit or an epoch 'N:'";
    check(relations, |relation| {
        check::name("deb.relations", &relation.name)?;
        check_version("deb.relations", relation, "", ALLOWED)
    })
}

pub(crate) fn check_rpm(relations: &Relations) -> Result<(), Error> {
    const ALLOWED: &str = "a version of rpm: letters, digits and '.', '+', '~', '-', '_', '^', \
                           after a digit or an epoch 'N:'";
    check(relations, |relation| {
        check_capability(&relation.name)?;
        check_version("rpm.relations", relation, MORE_OF_RPM, ALLOWED)
    })
}

fn check(relations: &Relations, one: impl Fn(&Relation) -> Result<(), Error>) -> Result<(), Error> {
    let Relations { depends, recommends, suggests, conflicts, replaces, provides } = relations;
    for alternatives in [depends, recommends, suggests].into_iter().flatten() {
        check::require("relations", alternatives.is_empty(), "at least one alternative")?;
    }
    let all = [depends, recommends, suggests].into_iter().flatten().flatten();
    all.chain([conflicts, replaces, provides].into_iter().flatten()).try_for_each(one)?;
    // dpkg knows no other (Debian policy 7.5).
    let is_equal = |relation: &&Relation| {
        relation.constraint.as_ref().is_some_and(|(with, _)| *with != Comparison::Equal)
    };
    match provides.iter().find(is_equal) {
        Some(relation) => {
            Err(Error::field("relations.provides", &relation.name, "Comparison::Equal or none"))
        }
        None => Ok(()),
    }
}

fn check_version(
    field: &'static str,
    relation: &Relation,
    more: &str,
    allowed: &'static str,
) -> Result<(), Error> {
    match &relation.constraint {
        Some((_, version)) if !version::is_foreign(version, more) => {
            Err(Error::field(field, version, allowed))
        }
        _ => Ok(()),
    }
}

/// A package, a path or a capability such as `config(NAME)`. A rich dependency is made of them, and
/// so none may have a space, or a parenthesis without its other half.
fn check_capability(name: &str) -> Result<(), Error> {
    const ALLOWED: &str = "a name of letters, digits and '.', '+', '-', '_', with '/' first for a \
                           path and (..) last for what a package has; no operator of rpm";
    const OPERATORS: [&str; 7] = ["and", "or", "if", "else", "unless", "with", "without"];
    let is_word = |text: &str, more: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || more.contains(c))
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c) || more.contains(c))
    };
    let is_allowed = match name.strip_suffix(')').and_then(|name| name.split_once('(')) {
        Some((outer, inner)) => is_word(outer, "") && is_word(inner, "/:"),
        None if name.starts_with('/') => is_word(name, "/"),
        None => is_word(name, "") && !OPERATORS.contains(&name),
    };
    is_allowed.then_some(()).ok_or_else(|| Error::field("rpm.relations", name, ALLOWED))
}

/// The fields of dpkg's control file, without those that are empty.
pub(crate) fn fields(relations: &Relations) -> Vec<(&'static str, String)> {
    let Relations { depends, recommends, suggests, conflicts, replaces, provides } = relations;
    let all_of = |list: &[Vec<Relation>]| -> String {
        let any_of = |any: &Vec<Relation>| any.iter().map(deb).collect::<Vec<_>>().join(" | ");
        list.iter().map(any_of).collect::<Vec<_>>().join(", ")
    };
    let list = |list: &[Relation]| list.iter().map(deb).collect::<Vec<_>>().join(", ");
    let fields = [
        ("Depends", all_of(depends)),
        ("Recommends", all_of(recommends)),
        ("Suggests", all_of(suggests)),
        ("Conflicts", list(conflicts)),
        ("Replaces", list(replaces)),
        ("Provides", list(provides)),
    ];
    fields.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn deb(relation: &Relation) -> String {
    let Relation { name, constraint } = relation;
    match constraint {
        Some((comparison, version)) => format!("{name} ({} {version})", deb_operator(*comparison)),
        None => name.clone(),
    }
}

fn deb_operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "<<",
        Comparison::LessOrEqual => "<=",
        Comparison::Equal => "=",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Greater => ">>",
    }
}

/// One of several, as rpm's Requires: a rich dependency if there are several.
pub(crate) fn any_of(alternatives: &[Relation]) -> rpm::Dependency {
    match alternatives {
        [relation] => dependency(relation),
        several => {
            let texts: Vec<String> = several.iter().map(rich).collect();
            rpm::Dependency::any(format!("({})", texts.join(" or ")))
        }
    }
}

pub(crate) fn dependency(relation: &Relation) -> rpm::Dependency {
    let name = &relation.name;
    match &relation.constraint {
        None => rpm::Dependency::any(name),
        Some((Comparison::Less, version)) => rpm::Dependency::less(name, version),
        Some((Comparison::LessOrEqual, version)) => rpm::Dependency::less_eq(name, version),
        Some((Comparison::Equal, version)) => rpm::Dependency::eq(name, version),
        Some((Comparison::GreaterOrEqual, version)) => rpm::Dependency::greater_eq(name, version),
        Some((Comparison::Greater, version)) => rpm::Dependency::greater(name, version),
    }
}

fn rich(relation: &Relation) -> String {
    let Relation { name, constraint } = relation;
    let operator = |comparison| match comparison {
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Equal => "=",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Greater => ">",
    };
    match constraint {
        Some((comparison, version)) => format!("{name} {} {version}", operator(*comparison)),
        None => name.clone(),
    }
}
