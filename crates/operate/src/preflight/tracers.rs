// SPDX-License-Identifier: GPL-2.0
//! The users attached to functions, as ftrace and kprobes list them (`t_show()` in
//! `kernel/trace/ftrace.c`, `report_probe()` in `kernel/kprobes.c`). Modules choose their symbol
//! names freely, so these may hold anything.

use super::super::System;
use kps_host::input::read_at_most;
use kps_plan::ObjectName;

/// The maximum that is read. A kernel with every function traced has some 5 MB.
const MOST: u64 = 64 << 20;

/// A function with a user attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traced {
    /// The name of the function, without its object.
    pub(super) function: String,
    /// `vmlinux`, or the module that it is in.
    pub(super) object: String,
    /// Whether an attached user may redirect callers (`FTRACE_FL_IPMODIFY`).
    pub(super) redirects: bool,
    /// The code that is called directly (`FTRACE_FL_DIRECT`), if there is any.
    pub(super) direct: Option<String>,
}

/// A kprobe whose function still exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    /// The function that it is in.
    pub(super) function: String,
    /// `vmlinux`, or the module that the function is in.
    pub(super) object: String,
    /// Bytes from the start of the function, as the kernel writes it.
    pub(super) offset: String,
    /// Whether it is at the function's ftrace site, where it fires whichever code runs afterwards.
    pub(super) is_at_site: bool,
}

/// A user of a function.
pub(super) trait OnFunction {
    /// The object that the function is in, and its name.
    fn function(&self) -> (&str, &str);
}

impl OnFunction for Traced {
    fn function(&self) -> (&str, &str) {
        (&self.object, &self.function)
    }
}

impl OnFunction for Probe {
    fn function(&self) -> (&str, &str) {
        (&self.object, &self.function)
    }
}

/// All functions with a user attached, or the file and why it cannot be read.
pub(super) fn traced(system: &System) -> Result<Vec<Traced>, (&'static str, String)> {
    const FILES: [&str; 2] =
        ["sys/kernel/tracing/enabled_functions", "sys/kernel/debug/tracing/enabled_functions"];
    first(system, &FILES).map(|text| parse_traced(&text))
}

/// All kprobes.
pub(super) fn probes(system: &System) -> Result<Vec<Probe>, (&'static str, String)> {
    first(system, &["sys/kernel/debug/kprobes/list"])
        .map(|text| text.lines().filter_map(parse_probe).collect())
}

/// The text of the first readable file, or the first file and why it cannot be read.
fn first(system: &System, files: &[&'static str]) -> Result<String, (&'static str, String)> {
    let mut why = None;
    for file in files {
        match read_at_most(&system.path(file), MOST) {
            Ok(Some(bytes)) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(None) => return Err((file, format!("it has more than {} MiB", MOST >> 20))),
            Err(error) => why = why.or(Some((*file, error.to_string()))),
        }
    }
    Err(why.unwrap_or_default())
}

fn parse_traced(text: &str) -> Vec<Traced> {
    let mut all: Vec<Traced> = Vec::new();
    for line in text.lines() {
        if let Some((_, direct)) =
            line.trim_start().strip_prefix("direct").and_then(|rest| rest.split_once("-->"))
        {
            let name = direct.split(['+', ' ', '\t']).next().unwrap_or_default();
            // This line follows the function that it belongs to.
            if let Some(last) = all.last_mut() {
                last.direct = Some(name.to_owned());
            }
            continue;
        }
        all.extend(parse_function(line));
    }
    all
}

/// `NAME [MODULE] (COUNT) R I D O M`, then a tab and the callee.
fn parse_function(line: &str) -> Option<Traced> {
    let (head, _) = line.split_once('\t').unwrap_or((line, ""));
    let (name, rest) = head.split_once(' ')?;
    let (before, flags) = rest.split_once(')')?;
    let (object, _) = before.split_once('(')?;
    let object = object.trim().trim_start_matches('[').trim_end_matches(']');
    let has = |flag: &str| flags.split(' ').any(|word| word == flag);
    Some(Traced {
        function: name.to_owned(),
        object: if object.is_empty() { ObjectName::IMAGE } else { object }.to_owned(),
        redirects: has("I"),
        direct: has("D").then(String::new),
    })
}

/// `ADDRESS  k  NAME+OFFSET  MODULE FLAGS`. A probe that is gone or disabled has no effect.
fn parse_probe(line: &str) -> Option<Probe> {
    const NO_MORE: [&str; 2] = ["[GONE]", "[DISABLED]"];
    const FLAGS: [&str; 4] = ["[GONE]", "[DISABLED]", "[OPTIMIZED]", "[FTRACE]"];
    let mut words = line.split_whitespace().skip(2);
    let (function, offset) = words.next()?.rsplit_once('+')?;
    let rest: Vec<_> = words.collect();
    if NO_MORE.iter().any(|flag| rest.iter().any(|word| word.contains(flag))) {
        return None;
    }
    let module = rest.iter().find(|word| !FLAGS.iter().any(|flag| word.starts_with(flag)));
    let module = module.map(|word| word.trim_start_matches('[').trim_end_matches(']'));
    Some(Probe {
        function: function.to_owned(),
        object: module.unwrap_or(ObjectName::IMAGE).to_owned(),
        offset: offset.split('/').next().unwrap_or_default().to_owned(),
        is_at_site: rest.iter().any(|word| word.ends_with("[FTRACE]")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(function: &str, object: &str, redirects: bool, direct: Option<&str>) -> Traced {
        let (function, object) = (function.to_owned(), object.to_owned());
        Traced { function, object, redirects, direct: direct.map(str::to_owned) }
    }

    #[test]
    fn functions_have_flags_and_what_is_called_directly() {
        let text =
            "cmdline_proc_show (1)   I     \ttramp: 0xffffffffc0205000 (klp_ftrace_handler+0x0/0x1a0)\n\
            greeter_show [greeter] (2) R   D   M \ttramp: ERROR!\n\
            \tdirect(jmp)-->bpf_trampoline_6442518437+0x0/0x96\n\
            vfs_read (1)         \ttramp: 0xffff (I D+0x0/0x10) ->ftrace I D\n\
            D (1)     D       \n\tdirect-->my_tramp [module]\n";
        assert_eq!(
            parse_traced(text),
            [
                function("cmdline_proc_show", "vmlinux", true, None),
                function("greeter_show", "greeter", false, Some("bpf_trampoline_6442518437")),
                function("vfs_read", "vmlinux", false, None),
                function("D", "vmlinux", false, Some("my_tramp")),
            ]
        );
    }

    #[test]
    fn probes_are_in_functions() {
        let probe = |function: &str, object: &str, offset: &str, is_at_site| Probe {
            function: function.to_owned(),
            object: object.to_owned(),
            offset: offset.to_owned(),
            is_at_site,
        };
        let text = "ffffffff812d9a34  k  cmdline_proc_show+0x4    [FTRACE]\n\
            0000000000000000  r  greeter_show+0x12  greeter [OPTIMIZED]\n\
            ffffffff812d9a39  k  vfs_read+0x9    [DISABLED][FTRACE]\n\
            ffffffff812d9a40  k  vfs_write+0x9    [GONE]\n\
            ffffffffc0001234  k  odd+0x20/0x40 [odd_module] [FTRACE]\n\
            ffffffff812d9a41  k  vfs_open+0x11    \n";
        let found: Vec<_> = text.lines().filter_map(parse_probe).collect();
        assert_eq!(
            found,
            [
                probe("cmdline_proc_show", "vmlinux", "0x4", true),
                probe("greeter_show", "greeter", "0x12", false),
                probe("odd", "odd_module", "0x20", true),
                probe("vfs_open", "vmlinux", "0x11", false),
            ]
        );
    }

    #[test]
    fn garbage_is_nothing() {
        let garbage = [
            "",
            "\n\n",
            "a",
            "(",
            ")",
            "a )(",
            "\tdirect-->x",
            "direct",
            "\u{fffd} \u{fffd}",
            "a  k",
            "a k +",
        ];
        for text in garbage {
            assert_eq!(parse_traced(text), [], "{text:?}");
        }
        for text in garbage.into_iter().filter(|text| *text != "a k +") {
            assert_eq!(parse_probe(text), None, "{text:?}");
        }
        // No byte of a chosen name is taken for a flag.
        assert_eq!(parse_traced("I (1) \n"), [function("I", "vmlinux", false, None)]);
    }

    #[test]
    fn a_list_that_is_cut_anywhere_is_read_as_far_as_it_goes() {
        let line =
            "greeter_show [greeter] (2) R I D   M \ttramp: ERROR!\n\tdirect-->bpf_trampoline_1+0x0/0x96\n";
        for end in 0..line.len() {
            let found = parse_traced(&line[..end]);
            assert!(found.len() <= 1, "{end} bytes: {found:?}");
        }
    }
}
