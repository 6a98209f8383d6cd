// SPDX-License-Identifier: GPL-2.0
//! The state of a machine for the textfile collector of Prometheus' node exporter, in its text
//! format. `docs/ship.md` describes the metrics.

use crate::installed::Installed;
use crate::livepatch::Patch;
use std::fmt::Write as _;

/// A metric: its name, and what it says.
type Metric = (&'static str, &'static str);

const KERNEL: Metric = ("kpsc_kernel_info", "The running kernel.");
const INFO: Metric = ("kpsc_livepatch_info", "A loaded livepatch.");
const ENABLED: Metric = ("kpsc_livepatch_enabled", "Whether every task runs the livepatch.");
const IN_TRANSITION: Metric =
    ("kpsc_livepatch_in_transition", "Whether some tasks run the livepatch and others do not.");
const BEHIND: Metric =
    ("kpsc_livepatch_tasks_behind", "How many tasks the livepatch's transition waits for.");
const FIXES: Metric = ("kpsc_livepatch_fixes", "What an enabled livepatch fixes.");
const INSTALLED: Metric =
    ("kpsc_livepatch_installed", "A livepatch that is installed for the running kernel.");
const NOT_LOADED: Metric = (
    "kpsc_livepatch_installed_not_loaded",
    "Whether the running kernel lacks an installed livepatch, or has another build of it.",
);

/// The metrics of a machine.
pub(crate) fn metrics(
    kernel: Option<(&str, &str)>,
    patches: &[Patch],
    installed: &[Installed],
) -> String {
    let mut text = String::new();
    let mut all = |(name, help): Metric, samples: Vec<Sample<'_>>| {
        if samples.is_empty() {
            return;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let labels: Vec<_> = labels
                .iter()
                .map(|(label, value)| format!("{label}=\"{}\"", quoted(value)))
                .collect();
            let _ = writeln!(text, "{name}{{{}}} {value}", labels.join(","));
        }
    };
    let kernel =
        kernel.map(|(release, build_id)| (vec![("release", release), ("build_id", build_id)], 1));
    all(KERNEL, kernel.into_iter().collect());
    let of_each = |value: &dyn Fn(&Patch) -> usize| {
        patches.iter().map(|patch| (vec![("name", patch.name.as_str())], value(patch))).collect()
    };
    let is = |patch: &Patch, state| usize::from(patch.state == Some(state));
    all(INFO, patches.iter().map(|patch| (named(&patch.name, &patch.version), 1)).collect());
    all(ENABLED, of_each(&|patch| is(patch, "enabled")));
    all(IN_TRANSITION, of_each(&|patch| is(patch, "to enabled") + is(patch, "to disabled")));
    all(BEHIND, of_each(&|patch| patch.behind));
    let enabled = patches.iter().filter(|patch| is(patch, "enabled") == 1);
    let fixes = enabled.flat_map(|patch| patch.fixes.iter().map(|fix| (patch.name.as_str(), fix)));
    all(FIXES, fixes.map(|(name, fix)| (vec![("name", name), ("fix", fix)], 1)).collect());
    all(INSTALLED, installed.iter().map(|one| (named(&one.name, &one.version), 1)).collect());
    // What is not known is no sample: 0 would say that it is loaded.
    let known = installed.iter().filter_map(|one| Some((one.name.as_str(), one.loaded?)));
    let lacking = known.map(|(name, loaded)| (vec![("name", name)], usize::from(!loaded)));
    all(NOT_LOADED, lacking.collect());
    text
}

/// The labels and the value of a line.
type Sample<'a> = (Vec<(&'static str, &'a str)>, usize);

/// The labels of a livepatch with a version, if it has one.
fn named<'a>(name: &'a str, version: &'a Option<String>) -> Vec<(&'static str, &'a str)> {
    let version = version.as_deref().unwrap_or_default();
    vec![("name", name), ("version", version)]
}

/// A value as it is between quotation marks.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_is_written_once_with_its_samples() {
        let fixes = vec!["CVE-2026-0001".to_owned(), "a \"b\\\n".to_owned()];
        let patch = |name: &str, state| Patch {
            name: name.into(),
            state: Some(state),
            fixes: fixes.clone(),
            behind: 2,
            ..Patch::default()
        };
        let patches = [patch("one", "enabled"), patch("two", "to disabled")];
        let text = metrics(Some(("7.3.4", "0b")), &patches, &[]);
        for line in [
            "# TYPE kpsc_kernel_info gauge",
            "kpsc_kernel_info{release=\"7.3.4\",build_id=\"0b\"} 1",
            "kpsc_livepatch_info{name=\"one\",version=\"\"} 1",
            "kpsc_livepatch_enabled{name=\"two\"} 0",
            "kpsc_livepatch_in_transition{name=\"two\"} 1",
            "kpsc_livepatch_in_transition{name=\"one\"} 0",
            "kpsc_livepatch_tasks_behind{name=\"two\"} 2",
            "kpsc_livepatch_fixes{name=\"one\",fix=\"CVE-2026-0001\"} 1",
            "kpsc_livepatch_fixes{name=\"one\",fix=\"a \\\"b\\\\\\n\"} 1",
        ] {
            assert_eq!(text.lines().filter(|found| *found == line).count(), 1, "{line}\n{text}");
        }
        assert!(!text.contains("fixes{name=\"two\"") && !text.contains("installed"), "{text}");
    }

    #[test]
    fn what_is_not_known_of_an_installed_livepatch_is_no_sample() {
        let installed = |name: &str, loaded| {
            let mut one = Installed::default();
            (one.name, one.loaded) = (name.into(), loaded);
            one
        };
        let installed =
            [installed("a", Some(true)), installed("b", Some(false)), installed("c", None)];
        let text = metrics(None, &[], &installed);
        let found: Vec<_> = text.lines().filter(|line| line.contains("not_loaded{")).collect();
        assert_eq!(
            found,
            [
                "kpsc_livepatch_installed_not_loaded{name=\"a\"} 0",
                "kpsc_livepatch_installed_not_loaded{name=\"b\"} 1"
            ]
        );
        let all = text.lines().filter(|line| line.starts_with("kpsc_livepatch_installed{"));
        assert_eq!(all.count(), 3);
    }
}
