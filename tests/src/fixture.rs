// SPDX-License-Identifier: GPL-2.0
//! A kernel that no machine runs, small enough to know by heart. Stages of the compiler are tested
//! on it.
//!
//! Its names are those of real kernels, so that examples in the documentation read like patches.

mod clones;
mod debug;
mod types;

use kps_facts::btf::Btf;
use kps_facts::{
    Calls, Constants, Export, Facts, Identity, Mode, Object, Role, Section, Site, Sites, Sym,
    Symbols, SyscallArgument, SyscallParam, UserDeclarations,
};
use std::collections::BTreeMap;

pub use debug::{debug, debug_of_modules};
pub use types::{module, module_of, ModuleMemory};

/// Where `.text` starts.
pub const TEXT: u64 = 0xffff_ffff_8100_0000;
/// The build-id of its image.
const BUILD_ID: [u8; 20] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];
const DATA: u64 = 0xffff_ffff_8200_0000;
const RODATA: u64 = 0xffff_ffff_8280_0000;
const INIT: u64 = 0xffff_ffff_8300_0000;

const ENDBR_CALL: [u8; kps_facts::ENTRY_BYTES] = [0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 1, 2, 3, 4];
const CALL: [u8; kps_facts::ENTRY_BYTES] = [0xe8, 1, 2, 3, 4, 0x55, 0x48, 0x89, 0xe5];
const PUSH_CALL: [u8; kps_facts::ENTRY_BYTES] = [0x55, 0xe8, 1, 2, 3, 4, 0x48, 0x89, 0xe5];

/// How a function of the fixture starts.
#[derive(Debug, Clone, Copy)]
enum Start {
    Endbr,
    Bare,
    Odd,
    NoSite,
}

/// The functions by address, sixteen bytes apart.
const FUNCTIONS: &[(&str, Start)] = &[
    ("_text", Start::NoSite),
    ("asm_entry", Start::NoSite),
    ("cmdline_proc_show", Start::Endbr),
    ("do_sys_openat2", Start::Bare),
    ("show_mountinfo", Start::Endbr),
    ("show_type", Start::Endbr),
    ("mountstats_open", Start::Endbr),
    ("meminfo_proc_show", Start::Endbr),
    ("show_type", Start::Bare),
    ("version_proc_show", Start::Endbr),
    ("seq_printf", Start::Endbr),
    ("seq_puts", Start::Endbr),
    ("msleep", Start::Endbr),
    ("odd_start", Start::Odd),
    ("no_btf_function", Start::Endbr),
    ("two_prototypes", Start::Endbr),
    ("takes_sockptr", Start::Endbr),
    ("returns_timespec", Start::Endbr),
    ("eight_arguments", Start::Endbr),
    ("do_nothing", Start::Bare),
    ("unexported_helper", Start::Endbr),
    ("clone_me.isra.0", Start::Endbr),
    ("odd_names", Start::Endbr),
    ("hrtimer_nanosleep", Start::Endbr),
    ("remap_pte_fn", Start::Endbr),
    ("array_map_alloc_check", Start::Endbr),
    ("lfb_size", Start::Endbr),
    ("seq_putc", Start::Endbr),
    ("copy_page", Start::NoSite),
    ("perf_load_guest_lvtpc", Start::Endbr),
    ("smp_call", Start::Endbr),
    ("do_exit", Start::Endbr),
    ("worker_thread", Start::Endbr),
    ("dput", Start::Endbr),
    ("dput.part.0", Start::Bare),
    ("tz_trip_up", Start::Endbr),
    ("__x64_sys_getpid", Start::Endbr),
    ("__x64_sys_openat2", Start::Endbr),
    ("__ia32_sys_openat2", Start::Endbr),
    ("__x64_sys_unsaid", Start::Endbr),
    ("takes_packed", Start::Endbr),
    ("returns_wide", Start::Endbr),
    ("netif_rx", Start::Endbr),
    ("_RNvNtCs1234_6kernel5print4emit", Start::NoSite),
    ("kfree_skbmem", Start::Endbr),
    ("wake_up_klogd", Start::Endbr),
    ("smp_call.cold", Start::NoSite),
    ("path_put", Start::Endbr),
    ("it_real_fn", Start::Endbr),
    ("__x64_sys_uname", Start::Endbr),
    ("__x64_sys_newuname", Start::Endbr),
    ("__x64_sys_time", Start::Endbr),
    ("write_console", Start::Endbr),
    ("poll_thread", Start::Endbr),
    ("stop_machine_now", Start::Endbr),
    ("seek_to.constprop.0", Start::Endbr),
    ("fold_flags.isra.0", Start::Endbr),
    ("count_open.isra.0", Start::Endbr),
    ("settle_console", Start::Endbr),
    ("do_fchmodat", Start::Endbr),
    ("do_utimes", Start::Endbr),
    ("kernel_clone", Start::Endbr),
    ("atomic_notifier_chain_register_unique_prio", Start::Endbr),
    ("wake_up_new_task", Start::Endbr),
    ("inode_permission", Start::Endbr),
    ("ilookup", Start::Endbr),
    ("vfs_read", Start::Endbr),
    ("mutex_lock", Start::Endbr),
    ("mutex_unlock", Start::Endbr),
    ("capable", Start::Endbr),
    ("strcmp", Start::Endbr),
    ("vfree", Start::Endbr),
    ("_printk", Start::Endbr),
    ("kasprintf_noprof", Start::Endbr),
];

/// What a function of [`KNOWN_BY_NAME`] returns.
#[derive(Debug, Clone, Copy)]
enum Returns {
    Int,
    Pointer,
    Kobject,
}

/// Functions that keep what they are given, wait or load modules. What is said of them comes from
/// their names, so they take anything.
const KNOWN_BY_NAME: &[(&str, Returns)] = &[
    ("__request_module", Returns::Int),
    ("add_timer", Returns::Int),
    ("bsearch", Returns::Pointer),
    ("bus_for_each_dev", Returns::Int),
    ("call_rcu", Returns::Int),
    ("cancel_work_sync", Returns::Int),
    ("close_fd", Returns::Int),
    ("crypto_alloc_shash", Returns::Pointer),
    ("hrtimer_cancel", Returns::Int),
    ("hrtimer_setup_on_stack", Returns::Int),
    ("iterate_dir", Returns::Int),
    ("kfree", Returns::Int),
    ("klp_enable_patch", Returns::Int),
    ("klp_shadow_alloc", Returns::Pointer),
    ("kobject_create_and_add", Returns::Kobject),
    ("kobject_put", Returns::Int),
    ("kthread_create_on_node", Returns::Pointer),
    ("kthread_stop", Returns::Int),
    ("mod_timer", Returns::Int),
    ("module_is_registered", Returns::Int),
    ("on_each_cpu_cond_mask", Returns::Int),
    ("proc_create", Returns::Pointer),
    ("proc_mkdir", Returns::Pointer),
    ("queue_work_on", Returns::Int),
    ("rcu_barrier", Returns::Int),
    ("register_kprobe", Returns::Int),
    ("register_reboot_notifier", Returns::Int),
    ("single_open", Returns::Int),
    ("smp_call_function_single", Returns::Int),
    ("smp_call_function_single_async", Returns::Int),
    ("sort", Returns::Int),
    ("stop_machine", Returns::Int),
    ("timer_delete", Returns::Int),
    ("timer_init_key", Returns::Int),
    ("timer_shutdown_sync", Returns::Int),
    ("unregister_kprobe", Returns::Int),
    ("wake_up_process", Returns::Int),
];

/// What the code of some functions would tell.
const ROLES: &[(&str, Role)] = &[
    ("it_real_fn", Role::HrTimer),
    ("poll_thread", Role::ThreadMain),
    ("stop_machine_now", Role::NeverReturns),
    ("__x64_sys_getpid", Role::Syscall),
    ("__x64_sys_openat2", Role::Syscall),
    ("__x64_sys_unsaid", Role::Syscall),
    ("__x64_sys_newuname", Role::Syscall),
    ("__x64_sys_time", Role::Syscall),
    ("__ia32_sys_openat2", Role::OtherSyscall),
    ("settle_console", Role::Sleeps),
    ("msleep", Role::Sleeps),
];

/// Its direct calls, as far as a hook matters.
const CALLS: &[(&str, &str)] = &[
    ("do_exit", "stop_machine_now"),
    ("settle_console", "msleep"),
    ("seq_putc", "write_console"),
    ("write_console", "do_nothing"),
    ("do_sys_openat2", "asm_entry"),
    ("remap_pte_fn", "copy_page"),
    ("dput", "dput.part.0"),
    ("inode_permission", "dput.part.0"),
];

/// The parameters that get a pointer of a system call, with the call and its parameter.
const USER_ARGUMENTS: &[(&str, u32, &str, u32)] = &[("do_fchmodat", 1, "openat2", 1)];

/// Variables that are read-only after boot, sixteen bytes apart.
const READ_ONLY: &[&str] = &["__start_rodata", "secretmem_enable", "__end_rodata"];

/// The variables by address, with the bytes to the next one.
const VARIABLES: &[(&str, u64)] = &[
    ("saved_command_line", 8),
    ("console_printk", 16),
    ("jiffies", 8),
    ("init_task", 4096),
    ("__end_of_data", 16),
];

/// What is freed after boot, sixteen bytes apart: code, a variable, and the first values of per-CPU
/// variables.
const FREED: &[&str] = &[
    "__init_begin",
    "start_kernel",
    "initcall_debug",
    "process_counts",
    "cpu_number",
    "__init_end",
];

/// What its headers have of the constants that kpsc asks for.
fn constants() -> Constants {
    let constants = [
        ("CAP_SYSLOG", 34),
        ("CAP_SYS_ADMIN", 21),
        ("CAP_SYS_PTRACE", 19),
        ("HZ", 250),
        ("O_CREAT", 0o100),
        ("SB_RDONLY", 1),
        ("S_IFREG", 0o100000),
        ("AT_FDCWD", -100),
        ("GFP_ATOMIC", 0x820),
        ("GFP_KERNEL", 0xcc0),
        ("GFP_NOFS", 0xc40),
        ("PAGE_SIZE", 4096),
        ("PF_EXITING", 4),
        ("S_IFMT", 0o170000),
    ];
    constants.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The facts of the fixture.
pub fn facts() -> Facts {
    let mut symbols = Vec::new();
    let mut sites = Sites::default();
    for (n, &(name, start)) in FUNCTIONS.iter().enumerate() {
        let address = TEXT + 16 * n as u64;
        symbols.push(Sym { address, kind: 't', name });
        let site = match start {
            Start::Endbr => Site { offset: 4, bytes: ENDBR_CALL },
            Start::Bare => Site { offset: 0, bytes: CALL },
            Start::Odd => Site { offset: 1, bytes: PUSH_CALL },
            Start::NoSite => continue,
        };
        sites.insert(address, site);
    }
    for (n, &(name, _)) in KNOWN_BY_NAME.iter().enumerate() {
        let address = TEXT + 16 * (FUNCTIONS.len() + n) as u64;
        symbols.push(Sym { address, kind: 'T', name });
        sites.insert(address, Site { offset: 4, bytes: ENDBR_CALL });
    }
    for (name, twin) in [("tz_trip_down", "tz_trip_up"), ("__do_sys_getpid", "__x64_sys_getpid")] {
        let n = FUNCTIONS.iter().position(|(name, _)| *name == twin).unwrap_or_default();
        symbols.push(Sym { address: TEXT + 16 * n as u64, kind: 't', name });
    }
    let mut address = DATA;
    for &(name, size) in VARIABLES {
        symbols.push(Sym { address, kind: 'D', name });
        address += size;
    }
    for (n, &name) in READ_ONLY.iter().enumerate() {
        symbols.push(Sym { address: RODATA + 16 * n as u64, kind: 'D', name });
    }
    for (n, &name) in FREED.iter().enumerate() {
        symbols.push(Sym { address: INIT + 16 * n as u64, kind: 'T', name });
    }
    sites.insert(INIT + 16, Site { offset: 4, bytes: ENDBR_CALL });

    let export = |gpl| Export { gpl, namespace: None };
    let in_namespace = |namespace| Export { gpl: true, namespace: Some(namespace) };
    let exports = [
        ("seq_printf", export(false)),
        ("seq_puts", export(false)),
        ("msleep", export(false)),
        ("jiffies", export(false)),
        ("seq_putc", export(false)),
        ("copy_page", export(false)),
        ("perf_load_guest_lvtpc", in_namespace("module:kvm,kvm-intel")),
        ("do_nothing", in_namespace("FIXTURE")),
        ("mutex_lock", export(false)),
        ("mutex_unlock", export(false)),
        ("capable", export(false)),
        ("strcmp", export(false)),
        ("vfree", export(false)),
        ("_printk", export(false)),
        ("kasprintf_noprof", export(false)),
    ];
    let parameters = [
        "param_ops_bool",
        "param_ops_byte",
        "param_ops_short",
        "param_ops_ushort",
        "param_ops_int",
        "param_ops_uint",
        "param_ops_long",
        "param_ops_ulong",
        "param_ops_ullong",
        "param_ops_charp",
        "param_array_ops",
        "kernel_param_lock",
        "kernel_param_unlock",
    ];
    let known = KNOWN_BY_NAME.iter().map(|&(name, _)| (name, export(false)));
    let parameters = parameters.map(|name| (name, export(false)));
    let exports = exports.into_iter().chain(parameters).chain(known).collect();
    let section = |name: &str, address, size| Section { name: name.into(), address, size };
    let options = [
        ("CONFIG_LIVEPATCH", "y"),
        ("CONFIG_RUST", "y"),
        ("CONFIG_INET", "y"),
        ("CONFIG_HZ", "250"),
    ];
    Facts {
        identity: Identity { release: "7.3.4-fixture".into(), build_id: BUILD_ID.to_vec() },
        config: options.iter().map(|(option, value)| ((*option).into(), (*value).into())).collect(),
        mode: Mode::KernelCrate,
        vmlinux: Object {
            symbols: Symbols::new(symbols),
            sections: vec![
                section(".text", TEXT, 0x10000),
                section(".data", DATA, 0x10000),
                section(".rodata", RODATA, 0x1000),
                section(".init.text", INIT, 32),
                section(".init.data", INIT + 32, 16),
                section(".data..percpu", INIT + 48, 32),
            ],
            sites,
        },
        exports,
        syscalls: syscalls(),
        vdso: vec!["time".to_owned()],
        roles: ROLES.iter().map(|&(name, role)| (address_of(name, 0), role)).collect(),
        calls: Calls::new(CALLS.iter().map(|(from, to)| (address_of(from, 0), address_of(to, 0)))),
        user_arguments: USER_ARGUMENTS
            .iter()
            .map(|&(function, place, call, param)| {
                let argument = SyscallArgument { call: call.to_owned(), param };
                ((address_of(function, 0), place), argument)
            })
            .collect(),
        user_declarations: UserDeclarations {
            params: [("do_utimes".to_owned(), 1)].into(),
            members: [("kernel_clone_args".to_owned(), "parent_tid".to_owned())].into(),
        },
        constants: constants(),
        btf: btf(ModuleMemory::Mem),
        modules: BTreeMap::new(),
        module_names: Vec::new(),
        debug: Some(debug()),
        in_modules: BTreeMap::new(),
    }
}

/// The address of a function, the first one of its name or a later one.
fn address_of(name: &str, before: usize) -> u64 {
    let all = FUNCTIONS.iter().enumerate().filter(|(_, (known, _))| *known == name);
    all.map(|(n, _)| TEXT + 16 * n as u64)
        .nth(before)
        .unwrap_or_else(|| panic!("there is no {name}"))
}

fn syscalls() -> BTreeMap<String, Vec<SyscallParam>> {
    let param =
        |(ty, name): &(&str, &str)| SyscallParam { ty: (*ty).to_owned(), name: (*name).to_owned() };
    let openat2 = [
        ("int", "dfd"),
        ("const char __user *", "filename"),
        ("struct open_how __user *", "how"),
        ("size_t", "usize"),
    ];
    let name = [("struct new_utsname __user *", "name")];
    let tloc = [("__kernel_old_time_t __user *", "tloc")];
    let calls: [(&str, &[(&str, &str)]); 5] = [
        ("openat2", &openat2),
        ("getpid", &[]),
        ("uname", &name),
        ("newuname", &name),
        ("time", &tloc),
    ];
    calls
        .iter()
        .map(|(name, params)| ((*name).to_owned(), params.iter().map(param).collect()))
        .collect()
}

/// The types, with this memory of modules.
pub fn btf(memory: ModuleMemory) -> Btf {
    Btf::parse(types::types(memory).0.finish_with_layout())
        .unwrap_or_else(|error| panic!("the fixture's BTF: {error}"))
}
