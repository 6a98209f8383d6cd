// SPDX-License-Identifier: GPL-2.0
//! The constants and inline functions of the kernel's headers that bodies have, for the default
//! target.

use super::folder;
use kps_facts::{CType, Constants, INLINES};
use kps_tests::schedule::Case;
use kps_tests::target::target;
use kps_tests::{cases, kpsc, printed, store};
use std::collections::BTreeMap;

/// The cases.
pub(super) fn cases() -> Vec<Case> {
    let cases =
        cases![every_constant_and_inline_function_of_the_tables_is_compiled.machine().about(8)];
    cases.into_iter().chain(on_every_kernel()).collect()
}

/// The cases that hold on other kernels too.
pub(super) fn on_every_kernel() -> Vec<Case> {
    cases![every_function_needs_its_header_and_no_other.machine().about(20).long()]
}

/// A patch that calls one function includes one header.
fn every_function_needs_its_header_and_no_other() {
    let mut of_header: BTreeMap<&str, String> = BTreeMap::new();
    for inline in INLINES {
        let text = of_header.entry(inline.header).or_default();
        text.push_str(&inline.definition(&format!("kps_header_{}", inline.name())));
    }
    let into = folder();
    let write = |name: String, text: String| {
        let path = into.path().join(name);
        std::fs::write(path, text).unwrap_or_else(|error| panic!("{error}"));
    };
    let mut objects = String::from("license.o");
    for (n, (header, text)) in of_header.iter().enumerate() {
        objects.push_str(&format!(" header{n}.o"));
        write(format!("header{n}.c"), format!("#include <{header}>\n{text}"));
    }
    let license = "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n";
    write("license.c".to_owned(), license.to_owned());
    write("Kbuild".to_owned(), format!("obj-m := headers.o\nheaders-y := {objects}\n"));
    store::folder_module(&[(into.path(), "")]);
}

/// Builds a spec and returns what is in the folder of its source.
fn build(name: &str, items: &str, body: &str) {
    let into = folder();
    let spec = into.path().join(format!("{name}.kps"));
    let text = format!(
        "patch {name} {{\n    license \"GPL\";\n{items}    object vmlinux {{\n        \
         fn cmdline_proc_show {{ pre {{ {body} }} }}\n    }}\n}}\n"
    );
    std::fs::write(&spec, text).unwrap_or_else(|error| panic!("{error}"));
    let output = kpsc().args(["build", "-o"]).arg(into.path()).arg(&spec).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
}

fn every_constant_and_inline_function_of_the_tables_is_compiled() {
    // Each in a function of its own: nothing may sleep under a lock.
    let argument = |(_, ty): &(&str, CType)| match (ty.pointers, ty.constant) {
        (0, _) => "0",
        (_, true) => "null()",
        (_, false) => "null_mut()",
    };
    let function = |(n, inline): (usize, &kps_facts::Inline)| {
        let arguments: Vec<&str> = inline.params().iter().map(argument).collect();
        let call = format!("{}({})", inline.name(), arguments.join(", "));
        format!("    fn call{n}() {{ unsafe {{ let _ = {call}; }} }}\n")
    };
    let mut items: String = INLINES.iter().enumerate().map(function).collect();
    let names: Vec<String> = (0..INLINES.len()).map(|n| format!("call{n}")).collect();
    let list = names.join(", ");
    items.push_str(&format!("    static CALLS: [fn(); {}] = [{list}];\n", names.len()));
    build("inlines", &items, "if m.is_null() { for call in CALLS.iter() { call(); } }");

    // The build has asked the headers.
    let constants = target().facts().map(|facts| facts.constants);
    let constants: Constants = constants.unwrap_or_else(|error| panic!("{}", error.message));
    assert!(constants.are_measured() && constants.iter().count() > 200);
    let asserted = constants.iter().map(|(name, value)| {
        format!("    const _: () = assert!({name} as i64 == {value}, \"{name}\");\n")
    });
    let mut items: String = asserted.collect();
    for name in ["GFP_KERNEL", "PF_EXITING", "CAP_SYSLOG", "O_CREAT"] {
        let same = format!("{name} == kernel::bindings::{name}");
        items.push_str(&format!("    const _: () = assert!({same});\n"));
    }
    build("constants", &items, "");
}
