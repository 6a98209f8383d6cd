// SPDX-License-Identifier: GPL-2.0
//! Configurations that no module can be loaded with.

use kps_diag::{Diagnostic, UNLOADABLE_MODULES};

/// Refuses a kernel that compares the versions of symbols but has neither form of their table.
/// It refuses every module that has none, and says nothing in its log.
///
/// Kernels before 6.14 have one form, and no option for it. Later ones have two options, and those
/// that are not set are in the configuration as comments.
pub(super) fn check_symbol_versions(release: &str, config: &str) -> Result<(), Diagnostic> {
    let has_line = |line: &str| config.lines().any(|there| there.trim_end() == line);
    let has_none = has_line("CONFIG_MODVERSIONS=y")
        && has_line("# CONFIG_BASIC_MODVERSIONS is not set")
        && !has_line("CONFIG_EXTENDED_MODVERSIONS=y");
    if !has_none {
        return Ok(());
    }
    let message = format!("{release} loads no module that is built for it");
    Err(Diagnostic::new(UNLOADABLE_MODULES, message)
        .note(
            "it has CONFIG_MODVERSIONS, and neither CONFIG_BASIC_MODVERSIONS nor \
             CONFIG_EXTENDED_MODVERSIONS",
        )
        .help("build the kernel with one of the two, or without CONFIG_MODVERSIONS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_of_the_table_is_enough() {
        const ON: &str = "CONFIG_MODVERSIONS=y\n";
        const NOT_BASIC: &str = "# CONFIG_BASIC_MODVERSIONS is not set\n";
        for (config, is_right) in [
            (String::new(), true),
            ("# CONFIG_MODVERSIONS is not set\n".to_owned(), true),
            // Before 6.14.
            (ON.to_owned(), true),
            (format!("{ON}CONFIG_BASIC_MODVERSIONS=y\n"), true),
            (format!("{ON}{NOT_BASIC}CONFIG_EXTENDED_MODVERSIONS=y\n"), true),
            (format!("{ON}{NOT_BASIC}# CONFIG_EXTENDED_MODVERSIONS is not set\n"), false),
            (format!("{ON}{NOT_BASIC}"), false),
        ] {
            assert_eq!(check_symbol_versions("7.3.4", &config).is_ok(), is_right, "{config}");
        }
    }
}
