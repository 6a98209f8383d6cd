// SPDX-License-Identifier: GPL-2.0
//! Where figures were taken: absolute ones mean nothing without it.

use super::Bench;
use kps_facts::Facts;

/// One line about this machine and one about the target.
pub(super) fn describe(bench: &Bench, facts: &Facts) -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let gibibytes = value("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or("unknown memory".to_owned(), |kibibytes| {
            format!("{:.0} GiB", kibibytes / 1024.0 / 1024.0)
        });
    let processor =
        value("/proc/cpuinfo", "model name").unwrap_or("an unknown processor".to_owned());
    let rustc = facts
        .config
        .get("CONFIG_RUSTC_VERSION_TEXT")
        .map_or("unknown", |text| text.trim_matches('"'));
    let rustc = rustc.split(" (").next().unwrap_or(rustc);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "Machine: {processor}, {cores} cores, {gibibytes}, load {load} before.\nTarget: {}, {}, {rustc}.",
        bench.target.release(),
        bench.target.origin()
    )
}

/// The first value of a key in one of the kernel's lists of `key : value`.
fn value(path: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(k, v)| (k.trim(), v.trim())).find(|(k, _)| *k == key).map(|(_, v)| v.to_owned())
}
