// SPDX-License-Identifier: GPL-2.0
//! Specs that are moved from the default target to an older kernel.

use super::stock::TRIXIE;
use super::there::{facts, run};
use kps_facts::btf::Kind;
use kps_tests::kpsc;
use kps_tests::target::target;
use std::process::Command;

/// How many functions of each kind are tried.
const CASES: usize = 3;

/// What a spec says of a function must hold on the kernel that it is moved to: there the function
/// is gone, or it takes something else than is written.
pub(super) fn what_differs_is_said() {
    let here = target();
    let older = (TRIXIE.get)();
    let (known, there) = (facts(&here), older.facts());
    let (mut gone, mut different) = (Vec::new(), Vec::new());
    for id in known.btf.ids() {
        let function = known.btf.get(id);
        let name = function.name;
        let once =
            matches!(function.kind, Kind::Function(_)) && known.btf.functions(name).len() == 1;
        if !once || known.vmlinux.symbols.named(name).len() != 1 {
            continue;
        }
        match (there.vmlinux.symbols.named(name).len(), there.btf.functions(name).as_slice()) {
            (0, _) => gone.push(name.to_owned()),
            (1, [other]) if there.btf.declaration(*other) != known.btf.declaration(id) => {
                different.extend(
                    prototype(&known.btf.declaration(id)).map(|types| format!("{name}{types}")),
                );
            }
            _ => {}
        }
    }
    for (functions, code) in [(gone, "KPS0201"), (different, "KPS0302")] {
        let moved = functions
            .iter()
            .filter(|function| check(&mut kpsc(), &here.name, function).0 == Some(0));
        let moved: Vec<_> = moved.take(CASES).collect();
        assert_eq!(moved.len(), CASES, "{code}: {moved:?}");
        for function in moved {
            let (status, said) = check(&mut older.kpsc(&[]), &older.name, function);
            assert!(status == Some(1) && said.contains(code), "{function}: {said}");
        }
    }
}

/// Checks a hook on a function.
fn check(kpsc: &mut Command, kernel: &str, function: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec = folder.path().join("moved.kps");
    let text = format!(
        "patch moved {{ license \"GPL\"; object vmlinux {{ fn {function} {{ pre {{ }} }} }} }}\n"
    );
    std::fs::write(&spec, text).unwrap_or_else(|error| panic!("{error}"));
    run(kpsc.args(["check", "--kernel", kernel]).arg(&spec))
}

/// A C declaration of nothing but integers as a prototype in a spec.
fn prototype(declaration: &str) -> Option<String> {
    let (head, params) = declaration.strip_suffix(')')?.split_once('(')?;
    let (ret, _) = head.rsplit_once(' ')?;
    let param = |param: &str| {
        let (ty, name) = param.rsplit_once(' ')?;
        Some(format!("{name}: {}", integer(ty)?))
    };
    let params: Option<Vec<String>> = match params {
        "void" => Some(Vec::new()),
        params => params.split(',').map(param).collect(),
    };
    let ret = if ret == "void" { String::new() } else { format!(" -> {}", integer(ret)?) };
    Some(format!("({}){ret}", params?.join(", ")))
}

fn integer(c: &str) -> Option<&str> {
    match c.trim() {
        "int" => Some("c_int"),
        "unsigned int" => Some("c_uint"),
        "bool" => Some("bool"),
        other @ ("s32" | "u32" | "s64" | "u64") => Some(other),
        _ => None,
    }
}
