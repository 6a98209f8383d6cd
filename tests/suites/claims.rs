// SPDX-License-Identifier: GPL-2.0
//! What kpsc says of functions and variables because of a kernel's code and sections, held to what
//! a running kernel does with them.

use kps_facts::{Facts, Role};
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{target, Vm};
use kps_tests::{cases, kpsc, printed, work};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        functions_in_atomic_context_run_there.machine().about(60),
        threads_are_in_known_main_loops.machine().about(10),
        variables_that_are_read_only_cannot_be_written.machine().about(20),
    ]
}

fn facts() -> Facts {
    target().facts().unwrap_or_else(|error| panic!("{}", error.message))
}

/// What the machine does so that more functions run than in its usual work: interfaces and
/// namespaces come and go, caches are dropped, and a timer of a program expires.
const MORE_WORK: &str = "
    for n in 1 2 3; do
        ip link set lo down; ip link set lo up
        unshare -n -m -p -f -i -u sh -c 'ip link set lo up; ping -c 1 127.0.0.1; ping -c 1 ::1'
        timeout 1 sleep 5; sync; echo 3 > /proc/sys/vm/drop_caches
        mount -t tmpfs none /mnt && dd if=/dev/zero of=/mnt/zero bs=64k count=64 && umount /mnt
    done > /dev/null 2>&1; true";

/// A function that kpsc keeps from sleeping does run where it must not. kpsc refuses a body that
/// sleeps, so these bodies look where they are instead.
fn functions_in_atomic_context_run_there() {
    let facts = facts();
    let functions = atomic(&facts);
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec = scratch.path().join("contexts.kps");
    std::fs::write(&spec, contexts(&facts, &functions)).unwrap_or_else(|error| panic!("{error}"));
    let mut vm = Vm::start(vec![("/contexts.ko".to_owned(), store::module(&spec))]);
    vm.sh("livepatch load /contexts.ko");
    let worked = vm.run_within(&work::rounds(5), 180);
    assert_eq!(worked.status, 0, "{}", worked.text);
    vm.run_within(MORE_WORK, 120);
    let shown = vm.sh("cat /proc/cmdline");
    println!("{shown}");
    let ran: Vec<Vec<&str>> = shown
        .lines()
        .filter_map(|line| Some(line.strip_prefix("ran ")?.split(' ').collect()))
        .collect();
    println!("{} of {} functions ran", ran.len(), functions.len());
    let elsewhere: Vec<&str> = ran.iter().filter(|ran| ran[1] == "0").map(|ran| ran[0]).collect();
    assert_eq!(elsewhere, [] as [&str; 0]);
    assert!(ran.len() >= RAN, "only {} of {} ran", ran.len(), functions.len());
}

/// How many of them run in the machine at least.
const RAN: usize = 40;

/// The functions that kpsc keeps from sleeping because of the kernel's code, as a spec names them.
fn atomic(facts: &Facts) -> Vec<String> {
    let output = kpsc().args(["inspect", "--all"]).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let rows = String::from_utf8_lossy(&output.stdout).into_owned();
    let hooked = rows.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, "vmlinux", hooks, _, address, ..] = columns[..] else { return None };
        let address = u64::from_str_radix(address.strip_prefix("0x")?, 16).ok()?;
        let is_atomic = facts.roles.of(address).any(|role| role.atomic().is_some());
        (is_atomic && hooks.starts_with("pre")).then(|| name.to_owned())
    });
    hooked.collect()
}

/// A spec that tells how often functions have been called in atomic context, and how often not.
fn contexts(facts: &Facts, functions: &[String]) -> String {
    let count = functions.len();
    let names: Vec<String> = functions.iter().map(|name| format!("c\"{name}\"")).collect();
    let names = names.join(", ");
    // Where the count is, changes with the kernel.
    let in_hot = !facts.vmlinux.symbols.named("pcpu_hot").is_empty();
    let (variable, preempt_count) = match in_hot {
        true => ("pcpu_hot", "(*pcpu_hot.this_cpu_ptr()).preempt_count"),
        false => ("__preempt_count", "*__preempt_count.this_cpu_ptr()"),
    };
    let mut hooks = String::new();
    for (n, name) in functions.iter().enumerate() {
        let _ = writeln!(
            hooks,
            "fn {name}{} {{ pre {{ ran({n}, {preempt_count} as u32) }} }}",
            if name.contains('.') { "()" } else { "" }
        );
    }
    let release = target().release().split(['-', '+']).next().unwrap_or_default().to_owned();
    format!(
        r#"patch contexts {{
    license "GPL";
    kernel "{release}";

    static ATOMIC: [AtomicU32; {count}] = [const {{ AtomicU32::new(0) }}; {count}];
    static OTHER: [AtomicU32; {count}] = [const {{ AtomicU32::new(0) }}; {count}];
    const NAMES: [&CStr; {count}] = [{names}];

    fn ran(n: usize, preempt_count: u32) {{
        let flags: u64;
        // SAFETY: the stack has room for the flags.
        unsafe {{ core::arch::asm!("pushfq", "pop {{}}", out(reg) flags) }};
        // The highest bit of the count says that no other task waits for the CPU; interrupts are
        // enabled if bit 9 of the flags is set.
        let atomic = preempt_count & 0x7fff_ffff != 0 || flags & 0x200 == 0;
        let of = if atomic {{ &ATOMIC[n] }} else {{ &OTHER[n] }};
        of.fetch_add(1, Ordering::Relaxed);
    }}

    object vmlinux {{
        use percpu {variable};
        {hooks}
        fn cmdline_proc_show {{
            post {{
                for (n, name) in NAMES.iter().enumerate() {{
                    let atomic = ATOMIC[n].load(Ordering::Relaxed);
                    let other = OTHER[n].load(Ordering::Relaxed);
                    if atomic != 0 || other != 0 {{
                        seq_printf(m, c"ran %s %u %u\n".as_ptr(), name.as_ptr(), atomic, other);
                    }}
                }}
            }}
        }}
    }}
}}
"#
    )
}

/// The function below which a kernel thread waits is one that `check` warns of.
fn threads_are_in_known_main_loops() {
    let facts = facts();
    let mut vm = Vm::start(Vec::new());
    let stacks =
        vm.sh("for p in /proc/[0-9]*; do [ -s $p/cmdline ] || { echo; cat $p/stack; }; done");
    let mut mains: BTreeSet<&str> = BTreeSet::new();
    for stack in stacks.split("\n\n") {
        // `[<0>] FUNCTION+0xOFFSET/0xSIZE`, the innermost first.
        let frames: Vec<&str> = stack
            .lines()
            .filter_map(|line| line.split_once("[<0>] ")?.1.split_once('+').map(|(name, _)| name))
            .collect();
        let started = frames.iter().position(|frame| ["kthread", "ret_from_fork"].contains(frame));
        mains.extend(started.and_then(|at| frames.get(at.checked_sub(1)?)));
    }
    println!("{mains:?}");
    let is_known = |name: &&&str| {
        let mut symbols = facts.vmlinux.symbols.named(name).into_iter();
        symbols.any(|symbol| facts.roles.has(symbol.address, Role::ThreadMain))
    };
    let unknown: Vec<&&str> = mains.iter().filter(|name| !is_known(name)).collect();
    assert!(mains.len() >= 8, "{stacks}");
    assert_eq!(unknown, [] as [&&str; 0], "{stacks}");
}

/// How many variables are tried of those that the kernel maps read-only, and of the others.
const VARIABLES: usize = 50;

/// kpsc refuses a write to a variable if and only if it faults.
fn variables_that_are_read_only_cannot_be_written() {
    let variables = variables(&facts());
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let refused = refused(&scratch.path().join("assigned.kps"), &variables);
    let spec = scratch.path().join("written.kps");
    std::fs::write(&spec, written(&variables)).unwrap_or_else(|error| panic!("{error}"));
    let mut vm = Vm::start(vec![("/written.ko".to_owned(), store::module(&spec))]);
    let shown = vm.sh("livepatch load /written.ko; cat /proc/cmdline");
    let faulted: BTreeSet<String> =
        shown.lines().filter_map(|line| Some(line.strip_prefix("faults ")?.to_owned())).collect();
    assert!(shown.contains("tried"), "{shown}");
    println!("{} of {} fault: {faulted:?}", faulted.len(), variables.len());
    assert_eq!(refused, faulted);
    assert_eq!(faulted.len(), VARIABLES);
    vm.check_log();
}

/// Variables at even distances among those that stay after boot: of those that are read-only, and
/// of the others.
fn variables(facts: &Facts) -> Vec<String> {
    let object = &facts.vmlinux;
    let is_plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let own = object.symbols.iter().filter(|sym| {
        let section = object.section_of(sym.address).map_or("", |section| &section.name);
        "dDbBrR".contains(sym.kind)
            && [".data", ".bss", ".rodata"].contains(&section)
            && is_plain(sym.name)
            && !object.is_init(sym.address)
            && object.symbols.named(sym.name).len() == 1
            && object.symbols.at(sym.address).count() == 1
    });
    let (read_only, others): (Vec<_>, Vec<_>) =
        own.partition(|sym| object.is_read_only(sym.address));
    println!("{} read-only variables, {} others", read_only.len(), others.len());
    let evenly = |all: &[kps_facts::Sym<'_>]| -> Vec<String> {
        (0..VARIABLES).map(|n| all[n * all.len() / VARIABLES].name.to_owned()).collect()
    };
    [evenly(&read_only), evenly(&others)].concat()
}

fn declared(variables: &[String]) -> String {
    variables.iter().map(|name| format!("use static {name}: u8;\n")).collect()
}

/// The variables that a spec must not assign to.
fn refused(spec: &Path, variables: &[String]) -> BTreeSet<String> {
    let writes: String = variables.iter().map(|name| format!("{name} = 1;\n")).collect();
    let text = format!(
        "patch assigned {{\nlicense \"GPL\";\nobject vmlinux {{\n{}\
         fn cmdline_proc_show {{ pre {{ {writes} }} }}\n}}\n}}\n",
        declared(variables)
    );
    std::fs::write(spec, text).unwrap_or_else(|error| panic!("{error}"));
    let output = kpsc().arg("check").arg(spec).output().unwrap_or_else(|error| panic!("{error}"));
    let report = printed(&output);
    let errors: Vec<&str> = report.lines().filter(|line| line.starts_with("error[")).collect();
    let names = errors.iter().map(|line| {
        let name = line.strip_prefix("error[KPS0307]: `").and_then(|rest| rest.split('`').next());
        name.unwrap_or_else(|| panic!("{line}\n{report}")).to_owned()
    });
    names.collect()
}

/// A spec that writes the first byte of every variable as it is, where a fault does no harm.
fn written(variables: &[String]) -> String {
    let tries: String = variables
        .iter()
        .map(|name| format!("try_to_write(m, c\"{name}\", addr_of!({name}));\n"))
        .collect();
    format!(
        r#"patch written {{
    license "GPL";
    fn try_to_write(m: *mut seq_file, name: &CStr, byte: *const u8) {{
        let mut value = 0_u8;
        let kept = addr_of_mut!(value).cast::<c_void>();
        // SAFETY: both functions check the addresses and return an error in place of a fault.
        unsafe {{
            if copy_from_kernel_nofault(kept, byte.cast(), 1) != 0 {{
                seq_printf(m, c"unreadable %s\n".as_ptr(), name.as_ptr());
            }} else if copy_to_kernel_nofault(byte.cast_mut().cast(), kept, 1) != 0 {{
                seq_printf(m, c"faults %s\n".as_ptr(), name.as_ptr());
            }}
        }}
    }}
    object vmlinux {{
        use fn copy_from_kernel_nofault;
        use fn copy_to_kernel_nofault;
        {}
        fn cmdline_proc_show {{
            post {{
                {tries}
                seq_printf(m, c"tried\n".as_ptr());
            }}
        }}
    }}
}}
"#,
        declared(variables)
    )
}
