// SPDX-License-Identifier: GPL-2.0
//! Tracers of all kinds on functions whose patches come, go and replace one another.

use kps_tests::schedule::Case;
use kps_tests::target::{target, Vm};
use kps_tests::{repository, store};
use std::time::Instant;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("sixteen_cycles_under_tracers", || cycles(16)).machine().about(50),
        Case::new("a_thousand_cycles_under_tracers", || cycles(1000)).machine().long().about(2400),
    ]
}

/// The program that attaches BPF programs.
pub(crate) fn attach() -> (String, Vec<u8>) {
    ("/attach".into(), store::c_program(&repository().join("tests/vm/tracers/attach.c")))
}

/// The id of a function in the kernel's BTF.
pub(crate) fn btf_id(function: &str) -> u32 {
    let facts = target().facts().unwrap_or_else(|error| panic!("{}", error.message));
    facts
        .btf
        .functions(function)
        .first()
        .unwrap_or_else(|| panic!("{function} is not in the BTF"))
        .0
}

/// What both patches change: an ordinary function, one of the `security_` hooks, whose results BPF
/// may change, and a system call, whose result it may change on a kernel with error injection.
const FUNCTIONS: [&str; 3] = ["cmdline_proc_show", "security_task_setnice", "__x64_sys_umask"];
const KINDS: [&str; 3] = ["fentry", "fexit", "fmod_ret"];

/// What `attach` ends with where the kernel refuses `fmod_ret`: `EINVAL` of
/// `bpf_check_attach_target()` (kernel/bpf/verifier.c).
const REFUSED: &str = "22";

/// The tracers that are no BPF programs: which of them the kernel says that it has.
const TRACERS: &str = r#"
T=/sys/kernel/tracing
FUNCTIONS='cmdline_proc_show security_task_setnice __x64_sys_umask'
graph= fprobes=
! grep -qw function_graph $T/available_tracers || graph=yes
! grep -q ' f\[' $T/README || fprobes=$T/events/fprobes
"#;

/// Prepares them on all functions.
const PREPARE: &str = r#"
echo 1 > /proc/sys/kernel/bpf_stats_enabled
[ -z "$graph" ] || echo "$FUNCTIONS" > $T/set_ftrace_filter || exit 1
[ -z "$fprobes" ] || for f in $FUNCTIONS; do
    echo "f:seen_$f $f" >> $T/dynamic_events || exit 1
done
echo "function_graph: ${graph:-not in this kernel}"
echo "fprobes: ${fprobes:-not in this kernel}"
"#;

/// One step, after which everything that is attached must have run, and the patch must act. The
/// variables `PROGRAMS` and `COUNT` are the BPF programs to attach, and their number.
const STEP: &str = r#"
fail() { echo "cycle $n, order $order, step $step: $1"; cat /tmp/error; exit 1; }
runs() { for fd in $programs; do sed -n 's/run_cnt:[^0-9]*//p' /proc/$bpf/fdinfo/$fd; done; }
attach() {
    : > /tmp/programs
    /attach $PROGRAMS > /tmp/programs 2> /tmp/error & bpf=$!
    until [ $(wc -l < /tmp/programs) = $COUNT ]; do
        kill -0 $bpf 2> /dev/null || fail 'BPF does not attach'
        usleep 2000
    done
    programs=$(cat /tmp/programs)
    [ -z "$fprobes" ] || echo 1 > $fprobes/enable || fail 'no fprobes'
    [ -z "$graph" ] || echo function_graph > $T/current_tracer || fail 'no function_graph'
    attached=$((attached + 1))
}
detach() {
    kill $bpf; wait $bpf 2> /dev/null
    bpf=
    echo nop > $T/current_tracer
    [ -z "$fprobes" ] || echo 0 > $fprobes/enable || fail 'the fprobes stay'
}
acts() {
    traced=0 refuses=0
    while read -r word of; do [ "$word" != traced ] || traced=$of; done < /proc/cmdline
    if renice 19 -p $$ 2> /dev/null; then renice 0 -p $$; else refuses=1; fi
    mask=$(umask)
    [ $traced = $patch ] && [ $refuses = $((patch > 0)) ] && [ $mask = ${patch}022 ] ||
        fail "patch $patch is loaded, and the functions say $traced, $refuses and $mask"
}
seen() {
    if [ -z "$bpf" ]; then acts; return; fi
    runs > /tmp/before
    : > $T/trace
    acts
    runs > /tmp/after
    paste /tmp/before /tmp/after > /tmp/runs
    [ $(awk '$2 > $1' /tmp/runs | wc -l) = $COUNT ] ||
        fail "a BPF program did not run: $(cat /tmp/runs)"
    # Each opening of the trace waits for an RCU grace period.
    cat $T/trace > /tmp/trace
    for f in $FUNCTIONS; do
        [ -z "$graph" ] || grep -q " $f()" /tmp/trace || fail "function_graph has not seen $f"
        [ -z "$fprobes" ] || grep -q " seen_$f: (" /tmp/trace || fail "the fprobe has not seen $f"
    done
}
step() {
    step=$1
    case $1 in
    attach | detach) $1 ;;
    0)
        livepatch unload traced_2 > /tmp/error 2>&1 || fail 'no unload'
        ;;
    *)
        livepatch load /traced_$1.ko > /tmp/error 2>&1 || fail 'no load'
        [ $1 = 1 ] || livepatch unload traced_1 > /tmp/error 2>&1 || fail 'no removal'
        ;;
    esac
    case $1 in [012]) patch=$1 ;; esac
    seen
}
umask 022
"#;

/// Cycles: the orders in which patches (1, 2 in its place, and none) and tracers (`attach`,
/// `detach`) follow. Tracers come and go before, between and after the steps of the patches, and
/// stay for whole cycles.
const CYCLES: [&str; 8] = [
    "attach 1 2 0",
    "1 2 0",
    "1 2 detach 0",
    "1 attach 2 0",
    "1 2 0",
    "1 detach 2 0",
    "1 2 attach 0",
    "1 2 0 detach",
];

/// So many cycles in one machine. The log is checked, and the figures are printed, after each
/// round.
fn cycles(count: usize) {
    let spec = |n: u32| repository().join(format!("tests/vm/tracers/traced_{n}.kps"));
    let module = |n: u32| (format!("/traced_{n}.ko"), store::module(&spec(n)));
    let mut vm = Vm::start_with(vec![module(1), module(2)], vec![attach()]);
    let allowed = allowed(&mut vm);
    let words: Vec<_> = allowed.iter().map(|(kind, of)| format!("{kind} {}", btf_id(of))).collect();
    print!("{}", vm.sh(&format!("{TRACERS}{PREPARE}")));
    let programs = words.len();
    let round = format!(
        "{TRACERS}{STEP}
        PROGRAMS='{}' COUNT={programs} patch=0 n=0 bpf= attached=0
        for order in {}; do
            n=$((n + 1))
            for one in $(echo $order | tr , ' '); do step $one; done
        done
        [ -z \"$bpf\" ] || fail 'tracers are left'
        echo $attached",
        words.join(" "),
        CYCLES.map(|order| order.replace(' ', ",")).join(" "),
    );
    let start = Instant::now();
    let (mut done, mut attached) = (0, 0);
    while done < count {
        let output = vm.run_within(&round, 600);
        assert_eq!(output.status, 0, "after {done} cycles: {}", output.text);
        vm.check_log();
        done += CYCLES.len();
        attached += output.text.trim().parse::<usize>().unwrap_or_else(|error| panic!("{error}"));
        println!(
            "{done} cycles in {} s, {attached} times {programs} BPF programs attached",
            start.elapsed().as_secs()
        );
    }
}

/// The BPF programs that this kernel lets attach: to a function that a patch changes the same as
/// to one that no patch changes, and those that the kernel's rules allow.
fn allowed(vm: &mut Vm) -> Vec<(&'static str, &'static str)> {
    let injected = vm.sh("mount -t debugfs debug /sys/kernel/debug
        cat /sys/kernel/debug/error_injection/list 2> /dev/null || echo no list");
    let combinations = || KINDS.iter().flat_map(|kind| FUNCTIONS.map(|of| (*kind, of)));
    let plain: Vec<_> = combinations().map(|(kind, of)| answer(vm, kind, of)).collect();
    vm.sh("livepatch load /traced_1.ko");
    let patched: Vec<_> = combinations().map(|(kind, of)| answer(vm, kind, of)).collect();
    vm.sh("livepatch unload traced_1");
    assert_eq!(plain, patched, "a patch changes what may be attached");
    let mut allowed = Vec::new();
    for ((kind, function), answer) in combinations().zip(plain) {
        let may = kind != "fmod_ret" || results_change(function, &injected);
        assert_eq!(answer, if may { ATTACHED } else { REFUSED }, "{kind} of {function}");
        if may {
            println!("{kind} of {function}: attached");
            allowed.push((kind, function));
        } else {
            println!("{kind} of {function}: refused with error {answer}");
        }
    }
    allowed
}

/// Whether BPF programs may change the results of a function, which is the rule of
/// `check_attach_modify_return()` (kernel/bpf/verifier.c). A kernel without error injection allows
/// it for all system calls.
fn results_change(function: &str, injected: &str) -> bool {
    let listed = |function| injected.lines().any(|line| line.split('\t').next() == Some(function));
    function.starts_with("security_")
        || match injected.trim() {
            "no list" => function.starts_with("__x64_sys_"),
            _ => listed(function),
        }
}

/// What `attach` ends with if it has to be ended.
const ATTACHED: &str = "143";

/// What becomes of one BPF program.
fn answer(vm: &mut Vm, kind: &str, function: &str) -> String {
    let id = btf_id(function);
    let said = vm.sh(&format!(
        ": > /tmp/program
        /attach {kind} {id} > /tmp/program 2> /tmp/error & bpf=$!
        until [ -s /tmp/program ] || ! kill -0 $bpf 2> /dev/null; do usleep 2000; done
        kill $bpf 2> /dev/null; wait $bpf 2> /dev/null; echo $?"
    ));
    said.trim().to_owned()
}
