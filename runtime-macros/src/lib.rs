//! The attributes of hand-written patch crates.
//!
//! A patch crate depends on `kps` alone, which re-exports what is here. `docs/crates.md` shows such crates as a whole; each item here says
//! what an attribute becomes, and by which rules. [`livepatch`] stands on a module; all others stand on items of that module, which it
//! reads. Anywhere else they are errors: `kpsc explain KPS1209`.
//!
//! # Where code runs
//!
//! | code | context | under | may sleep |
//! |---|---|---|---|
//! | [`pre`], [`post`], [`replace`] | that of the old function's caller | whatever the caller holds | where the old function may |
//! | [`pre_patch`], [`post_patch`], [`pre_unpatch`], [`post_unpatch`] | process | `klp_mutex` | yes |
//! | `save`, `apply`, `restore` of a [`state`] | process, inside of those callbacks | `klp_mutex` | yes |
//! | `ctor`, `dtor` of a [`shadow`] | atomic, interrupts off | `klp_shadow_lock`, a spin lock | no |
//!
//! None of it may panic, and none of it is in a place where the kernel lets go of the module: a transition waits until no task's stack has
//! an address of a function that changes (`klp_check_stack()` in `kernel/livepatch/transition.c`).
//!
//! # Names
//!
//! Inside of the module the types, constants, exported functions and variables of the target kernel have their own names, as they do in a
//! spec. [`symbols`] declares what the kernel does not export. An object is `vmlinux`, the kernel image, or the name that `lsmod` shows for
//! a module.
//!
//! The examples have the few names of a kernel that are in `src/bindings.rs`, as any patch crate has on the host.
#![deny(missing_docs, rustdoc::broken_intra_doc_links)]

mod surroundings;

use proc_macro::TokenStream;

/// Makes a module the livepatch of its crate: `patch NAME { .. }` in a spec.
///
/// ```
/// use kps::prelude::*;
///
/// /// Counts who asks for the version.
/// #[livepatch(license = "GPL", version = "2", fixes("CVE-2026-1"), require(CONFIG_PROC_FS))]
/// mod asked {
///     static ASKED: AtomicU32 = AtomicU32::new(0);
///
///     #[post(vmlinux::version_proc_show)]
///     unsafe fn count(m: *mut seq_file, v: *mut c_void, ret: c_int) {
///         let n = ASKED.fetch_add(1, Ordering::Relaxed);
///         seq_printf(m, c"asked: %u\n".as_ptr(), n + 1);
///     }
/// }
/// # fn main() {}
/// ```
///
/// # What it becomes
///
/// In a kernel build, the module with the tables of the livepatch, and what the loader reads:
///
/// ```text
/// kernel::prelude::module! { type: asked::Module, name: "asked", license: "GPL", .. }
///
/// mod asked {
///     // The items, what the attributes become, and
///     static mut PATCH: klp_patch = klp_patch { objs: .., states: .., replace: .. };
///     impl kernel::Module for Module { fn init(..) { /* the guard, then klp_enable_patch(&PATCH) */ } }
/// }
/// ```
///
/// On the host, where `kps_kernel` is not set, an outline with every body in it, that an editor and `cargo check` understand. With
/// `KPS_FACTS` in the environment both are checked against the kernel whose facts it names.
///
/// # Arguments
///
/// | argument | meaning | in a spec |
/// |---|---|---|
/// | `license = "GPL"` | `MODULE_LICENSE`; it must be there | `license "GPL";` |
/// | `author = ".."` | `MODULE_AUTHOR`, any number | `author "..";` |
/// | `version = ".."` | `MODULE_VERSION` | `version "..";` |
/// | `fixes("..", ..)` | what is fixed, in the note; any number | `fixes "..", ..;` |
/// | `kernel = "7.1 .."` | the kernels that the patch was reviewed for | `kernel "7.1 ..";` |
/// | `require(CONFIG_X, CONFIG_Y = "v")` | options of the target; any number | `require CONFIG_X;` |
/// | `atomic_replace` | `klp_patch.replace`: it takes the place of all other patches | `atomic replace;` |
/// | `atomic_replace(if PARAM)` | it does so if the parameter is not 0 when it is loaded | `atomic replace if PARAM;` |
/// | `family = NAME` | the name that versions of a patch share | `family NAME;` |
/// | `over(NAME, ..)` | it is meant to be stacked on these | `over NAME, ..;` |
/// | `object(M = "M.ko")` | a module that did not come with the kernel | `object M from "M.ko" { }` |
/// | `c("FILE.c", ..)` | a file in C, of which Rust calls nothing | `c "FILE.c";` |
///
/// # Rules
///
/// - The module is at the root of the crate and there is one of it: `module!` works nowhere else. Its name is the patch's, and that of
///   `NAME.ko`. The first paragraph of its comment is the module's description.
/// - `init` compares the running kernel with the target before it enables anything, and refuses with `ENOEXEC`. After that, the kernel
///   changes over task by task (`Documentation/livepatch/livepatch.rst`, section 3). The module can be unloaded once the patch is disabled
///   and the transition is over.
/// - With `atomic_replace` the kernel calls no callbacks of the patches that are replaced
///   (`Documentation/livepatch/cumulative-patches.rst`).
#[proc_macro_attribute]
pub fn livepatch(arguments: TokenStream, item: TokenStream) -> TokenStream {
    kps_attributes::livepatch(arguments.into(), item.into(), surroundings::read).into()
}

/// Attributes that `#[livepatch]` reads. Where the compiler gets to see one, nothing has read it.
macro_rules! inner {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[proc_macro_attribute]
            pub fn $name(_: TokenStream, _: TokenStream) -> TokenStream {
                kps_attributes::outside(stringify!($name)).into()
            }
        )*
    };
}

inner! {
    /// Runs a function before one of the kernel's: `fn NAME { pre { .. } }` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[pre(vmlinux::do_tcp_setsockopt)]
    /// unsafe fn limit(sk: *mut sock, level: c_int, mut optname: c_int) -> c_int {
    ///     if level != 6 {
    ///         return -EINVAL;                 // for the caller; the old function does not run
    ///     }
    ///     if optname == 1 {
    ///         optname = 2;                    // what the old function is then called with
    ///     }
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// A record for the kernel, an entry that ftrace sends callers to, and the body:
    ///
    /// ```text
    /// klp_func { old_name: "do_tcp_setsockopt", new_func: livepatch_do_tcp_setsockopt, .. }
    ///
    /// livepatch_do_tcp_setsockopt:        // an ftrace site; saves the arguments, calls the hook,
    ///     ..                              // takes them back and jumps behind the ftrace site of the old function
    /// ```
    ///
    /// With a [`post`] of the same function both are one body around a call of the old one.
    ///
    /// # Rules
    ///
    /// - The function has the old one's prototype, is `unsafe`, and has no visibility, generics or attributes. Nobody can call it: its name
    ///   says what it is for.
    /// - It runs in the context of the old function's caller, with the caller's locks: it may sleep where the old function may.
    /// - `return` leaves the whole function: neither the old one nor [`post`] runs. At the end of the body, the old one runs. Parameters may
    ///   be changed with or without `mut`.
    /// - While the old function runs nothing of a mere `pre` is on the stack, so it never holds up that the patch is unloaded.
    ///
    /// Source: `Documentation/livepatch/livepatch.rst`, sections 4 and 7; `struct klp_func` in `include/linux/livepatch.h`; how a task gets
    /// here, `klp_ftrace_handler()` in `kernel/livepatch/patch.c`.
    pre;

    /// Runs a function after one of the kernel's: `fn NAME { post { .. } }` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[post(vmlinux::cmdline_proc_show)]
    /// unsafe fn mark(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
    ///     if ret == 0 {
    ///         seq_printf(m, c"kps=1\n".as_ptr());
    ///     }
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// ```text
    /// unsafe extern "C" fn kps_body_cmdline_proc_show(mut m: *mut seq_file, mut v: *mut c_void) -> c_int {
    ///     let mut ret = kps_orig_cmdline_proc_show(m, v);
    ///     // the text of the function
    ///     ret
    /// }
    /// ```
    ///
    /// # Rules
    ///
    /// - The parameters are those of the old function, and behind them its result, named `ret`; none, if it returns nothing. The function
    ///   itself returns nothing: the caller gets `ret` as it is left. Parameters are seen as [`pre`] left them, and not as the old function
    ///   did.
    /// - It runs in the context of the old function's caller and may sleep where the old function may. Locks that the old function has
    ///   released are not held here.
    /// - It is on the stack while the old function runs. A task that sleeps there holds the transition up.
    ///
    /// Source: `Documentation/livepatch/livepatch.rst`, sections 3 and 7; `klp_check_stack()` in `kernel/livepatch/transition.c`.
    post;

    /// Writes a function of the kernel anew: `fn NAME { replace { .. } }` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[replace(vmlinux::cmdline_proc_show)]
    /// unsafe fn show(m: *mut seq_file, v: *mut c_void) -> c_int {
    ///     seq_printf(m, c"> ".as_ptr());
    ///     original(m, v)
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// In a block of [`c`](macro@c), it stands on the declaration of a function in C that is the new body.
    ///
    /// # What it becomes
    ///
    /// ```text
    /// klp_func { old_name: "cmdline_proc_show", new_func: livepatch_cmdline_proc_show, .. }
    /// livepatch_cmdline_proc_show: endbr64; call __fentry__; call kps_body_cmdline_proc_show; ret
    /// ```
    ///
    /// # Rules
    ///
    /// - The function has the old one's prototype. It may call that as `original(..)`, any number of times, and not use it as a value. There
    ///   is no [`pre`] or [`post`] beside it.
    /// - It must keep the old function's contract: its context, its locks, whether it may sleep. Tasks change over one by one, so for some
    ///   time both run, on the same data (`Documentation/livepatch/livepatch.rst`, section 3).
    /// - The position of a name that is not unique stands behind it, as in `vmlinux::s_show@2`: it becomes `old_sympos`.
    ///
    /// Source: `struct klp_func` in `include/linux/livepatch.h`; `klp_find_object_symbol()` in `kernel/livepatch/core.c`.
    replace;

    /// Runs a function before an object is patched: `pre_patch { .. }` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[pre_patch(vmlinux)]
    /// unsafe fn may_begin(obj: *mut klp_object) -> c_int {
    ///     pr_info!("about to begin\n");
    ///     0
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// `pre_patch` in the `klp_callbacks` of the object's `klp_object`.
    ///
    /// # Rules
    ///
    /// - It runs in process context under `klp_mutex` and may sleep, but must wait for nobody who needs that mutex. For `vmlinux` it runs
    ///   when the patch is enabled; for a module also when that is loaded later, from the module's loader.
    /// - It runs before anything is redirected. A result that is not 0 refuses: the patch, or the module that is being loaded. Then none of
    ///   the object's other callbacks is called.
    /// - It is the place to allocate, because nothing behind it can refuse. [`post_unpatch`] frees: that is called too if the transition is
    ///   reversed. It must not change what old code relies on.
    /// - The parameter `obj` may be missing.
    ///
    /// Source: `Documentation/livepatch/callbacks.rst`; `klp_pre_patch_callback()` in `kernel/livepatch/core.h`, called by
    /// `__klp_enable_patch()` and `klp_module_coming()` in `kernel/livepatch/core.c`.
    pre_patch;

    /// Runs a function when every task runs the new code: `post_patch { .. }` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[post_patch(vmlinux)]
    /// unsafe fn begun() {
    ///     pr_info!("every task runs the new code\n");
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// `post_patch` in the `klp_callbacks` of the object's `klp_object`.
    ///
    /// # Rules
    ///
    /// - It runs in process context under `klp_mutex` and may sleep; the transition to the patch is over. For a module that is loaded
    ///   later, it runs before the module's `init`.
    /// - It is the place to change global data that only new code understands. It cannot refuse.
    /// - It runs once more if the transition away from the patch is reversed, after [`pre_unpatch`].
    ///
    /// Source: `Documentation/livepatch/callbacks.rst`; `klp_complete_transition()` in `kernel/livepatch/transition.c`.
    post_patch;

    /// Runs a function before an object is let go: `pre_unpatch { .. }` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[pre_unpatch(vmlinux)]
    /// unsafe fn ends(_obj: *mut klp_object) {
    ///     pr_info!("tasks go back to the old code\n");
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// `pre_unpatch` in the `klp_callbacks` of the object's `klp_object`.
    ///
    /// # Rules
    ///
    /// - It runs in process context under `klp_mutex` and may sleep. Every task still runs the new code, or the module that goes does.
    /// - It is the counterpart of [`post_patch`], and the place to take back what that has changed. It is not called if [`post_patch`] was
    ///   not, nor if another patch replaces this one.
    ///
    /// Source: `Documentation/livepatch/callbacks.rst`; `__klp_disable_patch()` and `klp_cleanup_module_patches_limited()` in
    /// `kernel/livepatch/core.c`.
    pre_unpatch;

    /// Runs a function when no task runs the new code any more: `post_unpatch { .. }` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[post_unpatch(vmlinux)]
    /// unsafe fn ended() {
    ///     pr_info!("gone\n");
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// `post_unpatch` in the `klp_callbacks` of the object's `klp_object`.
    ///
    /// # Rules
    ///
    /// - It runs in process context under `klp_mutex` and may sleep; no task is in the new code of the object.
    /// - It is the counterpart of [`pre_patch`], and the place to free. It is called wherever [`pre_patch`] has succeeded, also if the
    ///   transition to the patch was reversed and [`post_patch`] never ran; but not if another patch replaces this one.
    ///
    /// Source: `Documentation/livepatch/callbacks.rst`; `klp_complete_transition()` in `kernel/livepatch/transition.c`,
    /// `klp_post_unpatch_callback()` in `kernel/livepatch/core.h`.
    post_unpatch;

    /// Makes a static a parameter of the module: `param NAME: TYPE = DEFAULT, "..";` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// /// What to show.
    /// #[param(mode = 0o644)]
    /// static mark: u32 = 1;
    ///
    /// #[param]
    /// static ports: [u16; 4] = [80, 443];
    ///
    /// #[param]
    /// static device: charp = "eth0";
    ///
    /// #[post(vmlinux::cmdline_proc_show)]
    /// unsafe fn show(m: *mut seq_file, v: *mut c_void, ret: c_int) {
    ///     seq_printf(m, c"%u %u %s\n".as_ptr(), mark.get(), ports.len(), device.get().as_ptr());
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// A static of a type of `kps::param`, `Param<u32>`, `Array<u16, 4>` and `Charp` here, and a `struct kernel_param` in the section
    /// `__param`, which says where it is.
    ///
    /// # Rules
    ///
    /// - The type is `bool`, an integer, an array of these, or `charp`. The default is a literal or a list of literals: it is in the module before
    ///   anything runs. The comment is what `modinfo` shows.
    /// - `mode` is that of the file in `/sys/module/NAME/parameters`; without it there is none.
    /// - With a mode that allows to write, the value changes at any time: bodies take copies with `get`, in any context. A `charp` that can be
    ///   written is read with `with`, under the lock of the writers, which sleeps.
    ///
    /// Source: `include/linux/moduleparam.h`, `kernel/params.c`.
    param;

    /// Keeps data for objects of the kernel's, which have no room for it: `shadow NAME: TYPE on STRUCT = INIT, ..;` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[shadow(on = sock, freed_by = vmlinux::sk_destruct(sk))]
    /// static hits: Shadow<AtomicU32> = Shadow {
    ///     init: AtomicU32::new(0),
    ///     ctor: |parent, data| {
    ///         pr_info!("new for {:p}\n", parent);
    ///     },
    ///     dtor: |data| {
    ///         pr_info!("had {}\n", (*data).load(Ordering::Relaxed));
    ///     },
    /// };
    ///
    /// #[pre(vmlinux::do_tcp_setsockopt)]
    /// unsafe fn count(sk: *mut sock, level: c_int, optname: c_int) -> c_int {
    ///     if let Some(n) = hits.get_or_init(sk, GFP_ATOMIC) {
    ///         n.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// A static `hits: kps::shadow::Shadow<AtomicU32, sock>`, a `klp_state` of the patch, so that the kernel compares it with those of other
    /// patches, and with `freed_by` a hook of the function that frees the parent, which frees the data.
    ///
    /// # Arguments
    ///
    /// - `on = STRUCT`: the struct of the kernel that it belongs to.
    /// - `freed_by = OBJECT::FUNCTION(PARENT)`: the function that frees it, and its parent in the names of that function's parameters; or
    ///   `untied`: until a body calls `remove`, or the patch is gone.
    ///
    /// # Rules
    ///
    /// - `Shadow::new(VALUE)` is a shadow variable without `ctor` and `dtor`, either of which may be missing in the long form too.
    /// - The value is computed where `get_or_init` is called, without a lock, and thrown away if another task is faster.
    /// - `ctor` and `dtor` run in atomic context under `klp_shadow_lock`, a spin lock, with interrupts off: they must not sleep, and must
    ///   not ask for other shadow data. With `PREEMPT_RT` that lock sleeps.
    /// - Data is seen from [`post_patch`] to [`pre_unpatch`]; until then and where memory is short, the patch must be right without it.
    ///
    /// Source: `Documentation/livepatch/shadow-vars.rst`; `klp_shadow_get_or_alloc()` and `klp_shadow_free()` in
    /// `kernel/livepatch/shadow.c`.
    shadow;

    /// Changes the system as long as the patch or a later version of it is loaded: `state(id = N) NAME: TYPE { .. }` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[symbols(vmlinux)]
    /// extern "C" {
    ///     static console_printk: [c_int; 4];
    /// }
    ///
    /// #[state(id = 1, version = 2)]
    /// static level: State<c_int> = State {
    ///     save: || console_printk[0],
    ///     apply: |saved| {
    ///         console_printk[0] = saved.min(4);
    ///     },
    ///     restore: |saved| {
    ///         console_printk[0] = saved;
    ///     },
    /// };
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// ```text
    /// klp_patch { states: [klp_state { id: 1, version: 2, .. }, ..], .. }
    /// ```
    ///
    /// with a static `level: kps::state::State<c_int>`, whose functions the callbacks of `vmlinux` call.
    ///
    /// # Rules
    ///
    /// - `save` runs in [`pre_patch`], if no earlier patch has saved a value; `apply` in [`post_patch`]; `restore` in [`pre_unpatch`], if no other
    ///   loaded patch has the state. All run in process context under `klp_mutex` and may sleep.
    /// - `apply` runs again, with the same value, in the next version of the patch, and if a transition away is reversed. The system is
    ///   changed there and nowhere else: `save` only reads.
    /// - A patch that replaces others must have their states, each in no lower version, or the kernel refuses it.
    ///
    /// Source: `Documentation/livepatch/system-state.rst`; `klp_is_patch_compatible()` in `kernel/livepatch/state.c`.
    state;

    /// Names what the kernel has and does not export: `use fn`, `use static` and `use percpu` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[symbols(vmlinux)]
    /// extern "C" {
    ///     fn hidden(x: c_int) -> c_int;
    ///     static saved_command_line: *mut c_char;
    /// }
    ///
    /// #[replace(vmlinux::cmdline_proc_show)]
    /// unsafe fn show(m: *mut seq_file, v: *mut c_void) -> c_int {
    ///     seq_printf(m, c"%s\n".as_ptr(), saved_command_line);
    ///     hidden(0)
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// Symbols `kps.sym.vmlinux.hidden,0`, which the linking of the module turns into klp relocations, `.klp.sym.vmlinux.hidden,0`. The kernel
    /// resolves them when the patch or the object's module is loaded.
    ///
    /// # Rules
    ///
    /// - A prototype must be the kernel's own as far as that is known; the type of a static is the author's to answer for.
    /// - What is named of the image can be used in all of the crate's livepatch module, and what is named of a module in the hooks and callbacks of
    ///   that module, and of those that depend on it: only there is the module sure to be loaded.
    /// - [`position`] says which of several symbols of one name it is, [`percpu`] that each CPU has its own.
    /// - Locks, context and whether a function may sleep are those of the kernel's source: read it.
    ///
    /// Source: `Documentation/livepatch/module-elf-format.rst`; `klp_resolve_symbols()` in `kernel/livepatch/core.c`.
    symbols;

    /// Says which of several symbols of one name is meant: `use fn NAME@2` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[symbols(vmlinux)]
    /// extern "C" {
    ///     #[position(2)]
    ///     fn show_type(m: *mut seq_file, v: *mut c_void) -> c_int;
    /// }
    ///
    /// #[post(vmlinux::show_type@1)]               // in other attributes it stands behind the name
    /// unsafe fn both(m: *mut seq_file, v: *mut c_void, ret: c_int) {
    ///     show_type(m, v);
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// The number in `.klp.sym.vmlinux.show_type,2`; behind a function that changes, `klp_func.old_sympos`.
    ///
    /// # Rules
    ///
    /// - It stands on items of [`symbols`] only. It counts from 1, by address in the image, and in the order of its symbol table in a module.
    /// - It is that of one kernel: say of which, by `kernel = ".."` in [`livepatch`].
    ///
    /// Source: `old_sympos` of `struct klp_func` in `include/linux/livepatch.h`; `klp_match_callback()` in `kernel/livepatch/core.c`.
    position;

    /// Says of a static of the kernel's that each CPU has its own: `use percpu NAME: TYPE;` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[symbols(vmlinux)]
    /// extern "C" {
    ///     #[percpu]
    ///     static runqueues: rq;
    /// }
    ///
    /// #[post_patch(vmlinux)]
    /// unsafe fn begun() {
    ///     let first = runqueues.per_cpu_ptr(0);
    ///     pr_info!("{} tasks on the first CPU\n", (*first).nr_running);
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// `static runqueues: kps::percpu::PerCpu<rq>`: an address to compute with, where nothing can be read.
    ///
    /// # Rules
    ///
    /// - `this_cpu_ptr()` is right as long as the task stays on its CPU: with preemption off. `per_cpu_ptr(cpu)` needs a CPU that can exist.
    /// - What another CPU changes meanwhile is read as anything that is shared: an aligned word, or under the kernel's lock.
    ///
    /// Source: `include/linux/percpu-defs.h`, `Documentation/core-api/this_cpu_ops.rst`.
    percpu;

    /// Compiles a file in C into the module, and says what Rust may call of it: `c "FILE.c" { fn NAME(..); }` in a spec.
    ///
    /// ```
    /// # use kps::prelude::*;
    /// # #[livepatch(license = "GPL")] mod show {
    /// #[c("helpers.c")]
    /// extern "C" {
    ///     fn helper(x: c_int) -> c_int;
    ///
    ///     #[replace(vmlinux::version_proc_show)]
    ///     fn version_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int;
    /// }
    ///
    /// #[post(vmlinux::cmdline_proc_show)]
    /// unsafe fn call(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
    ///     ret = helper(ret);
    /// }
    /// # } fn main() {}
    /// ```
    ///
    /// # What it becomes
    ///
    /// An object file of the module, compiled by Kbuild with the kernel's headers, and declarations of what is listed.
    ///
    /// # Rules
    ///
    /// - The path is that of a file below the crate's folder. The author answers for the prototypes; those with [`replace`](macro@replace)
    ///   are compared with the kernel's by the compiler.
    /// - A function with [`replace`](macro@replace) is named in C as the old one, and calls that as `original(..)`.
    /// - Context, locks and sleeping are as for any function of the kernel's in C, in the place where it is called.
    ///
    /// Source: `Documentation/kbuild/modules.rst`.
    c;
}
