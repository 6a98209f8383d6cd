// SPDX-License-Identifier: GPL-2.0
//! The kernel's own sample of shadow variables: a module with a leak, and the two fixes of it as
//! specs.

use super::{c_module, counter, folder, patches, say, File};
use kps_tests::target::target;

/// `samples/livepatch/livepatch-shadow-mod.c` of the target's own source, which allocates a dummy
/// every 20 ms and drops the memory that belongs to it.
fn sample() -> File {
    const SAMPLE: &str = "samples/livepatch/livepatch-shadow-mod.c";
    let target = target();
    let sources = target.tree().map(|tree| tree.sources.clone()).unwrap_or_default();
    let source = sources.iter().map(|source| source.join(SAMPLE)).find(|source| source.exists());
    let source = source.unwrap_or_else(|| panic!("the target's source has no {SAMPLE}"));
    c_module(&source, "ccflags-y := -include $(src)/faster.h\n", &[&folder().join("faster.h")])
}

/// Shell functions: what the kernel traces of the module's allocations, the only ones of four
/// bytes, and of what is freed. `leaked` says of the module or of a patch how many it has made, and
/// how many of them are left.
const TRACED: &str = r#"
traced=/sys/kernel/tracing
trace_on() {
    # Addresses are to be told apart, also before the kernel has a key to hash them with.
    echo 0 > $traced/options/hash-ptr && echo 32768 > $traced/buffer_size_kb &&
        echo 'bytes_req == 4' > $traced/events/kmem/kmalloc/filter &&
        echo 1 > $traced/events/kmem/kmalloc/enable && echo 1 > $traced/events/kmem/kfree/enable || exit 1
}
trace_off() {
    echo 0 > $traced/tracing_on && grep -q '^overrun: 0$' $traced/per_cpu/cpu0/stats || exit 1
    grep -E ' (kmalloc|kfree): ' $traced/trace > /tmp/trace
}
leaked() {
    awk -v who="[$1]" '
        { pointer = ""; for (n = 1; n <= NF; n++) if ($n ~ /^ptr=/) pointer = $n }
        / kmalloc: / && index($0, who) { made++; left[pointer] = 1 }
        / kfree: / { delete left[pointer] }
        END { for (pointer in left) count++; print (made >= 100 ? "many" : made + 0) " made,", (count == made ? "all" : count + 0) " left" }
    ' /tmp/trace
}
# Waits until this has been said a hundred times.
hundred() { until_holds "[ \$(dmesg | grep -c '$1') -ge 100 ]"; }
"#;

/// A machine with the sample and the fixes runs a script.
fn shadow_mod(fixes: &[&str], script: &str) -> String {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let module = sample();
    let mut files = patches(fixes, &module, scratch.path());
    files.extend([module, counter()]);
    say(files, &format!("{TRACED}{script}"), 180)
}

pub(crate) fn leaks() {
    let said = shadow_mod(
        &[],
        "trace_on; insmod /livepatch-shadow-mod.ko || exit 1
        hundred 'dummy_free: dummy'
        trace_off; leaked livepatch_shadow_mod
        rmmod livepatch_shadow_mod",
    );
    assert_eq!(said, "many made, all left\n");
}

/// What was forgotten before the patch stays forgotten; after it nothing is, not even what belongs
/// to dummies that outlive it.
pub(crate) fn with_fix1() {
    let said = shadow_mod(
        &["shadow_fix1"],
        "insmod /livepatch-shadow-mod.ko || exit 1
        until_holds 'dmesg | grep -q \"dummy_free: dummy\"'
        trace_on; livepatch load /shadow_fix1.ko || exit 1
        hundred 'shadow_fix1: prevented leak'
        dmesg | grep -q 'shadow_fix1: a dummy has leaked' || exit 1
        enabled shadow_fix1 0; gone shadow_fix1
        counted
        trace_off; leaked shadow_fix1
        livepatch unload shadow_fix1 && rmmod livepatch_shadow_mod",
    );
    assert_eq!(said, "0 records, 0 data\nmany made, 0 left\n");
}

/// The second fix goes before the first one, which is then as it was.
pub(crate) fn with_fix2() {
    let said = shadow_mod(
        &["shadow_fix1", "shadow_fix2"],
        "trace_on; livepatch load /shadow_fix1.ko && insmod /livepatch-shadow-mod.ko || exit 1
        until_holds 'dmesg | grep -q \"shadow_fix1: prevented leak\"'
        livepatch load /shadow_fix2.ko || exit 1
        hundred 'shadow_fix2: prevented leak'
        hundred 'shadow_fix2: check counter = [1-9]'
        livepatch unload shadow_fix2 || exit 1
        before=$(dmesg | grep -c 'shadow_fix1: prevented leak')
        until_holds '[ $(dmesg | grep -c \"shadow_fix1: prevented leak\") -gt $((before + 10)) ]'
        enabled shadow_fix1 0; gone shadow_fix1
        counted
        dmesg | grep -c 'a dummy has leaked'
        trace_off; leaked shadow_fix1
        livepatch unload shadow_fix1 && rmmod livepatch_shadow_mod",
    );
    assert_eq!(said, "0 records, 0 data\n0\nmany made, 0 left\n");
}
