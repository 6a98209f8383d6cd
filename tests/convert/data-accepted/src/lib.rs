//! The livepatch `counted_and_quiet`.

use kps::prelude::*;

/// Everything that can be said of data and states, and nothing wrong with it.
#[livepatch(license = "GPL", family = counted, over(counted_before, quiet_before))]
mod counted_and_quiet {
    /// What is kept with a buffer.
    struct Counts {
        me: usize,
        seen: AtomicU32,
    }

    #[repr(C)]
    struct owner {
        number: c_int,
    }

    #[derive(Clone, Copy)]
    struct Levels {
        first: c_int,
        second: c_int,
    }

    impl Counts {
        const NEW: Counts = Counts { me: 0, seen: AtomicU32::new(0) };
    }

    #[state(id = 1, version = 2)]
    static levels: State<Levels> = State {
        save: || { Levels { first: console_printk[0], second: console_printk[1] } },
        apply: |saved| {
            if saved.first > saved.second {
                console_printk[0] = 7;
            }
        },
        restore: |saved| {
            console_printk[0] = saved.first;
            console_printk[1] = saved.second;
        },
    };

    #[state(id = 2)]
    static third: State<c_int> = State {
        save: || { console_printk[2] },
        apply: |_saved| {
            console_printk[2] = 3;
        },
        restore: |saved| {
            console_printk[2] = saved;
        },
    };

    /// Also one whose parent is reached from an argument.
    #[shadow(on = sk_buff, freed_by = vmlinux::netif_rx(skb))]
    static counts: Shadow<Counts> = Shadow {
        init: Counts::NEW,
        ctor: |parent, data| {
            (*data).me = parent as usize;
        },
        dtor: |data| {
            let times = (*data).seen.load(Ordering::Relaxed);
            pr_info!("{:#x} was seen {times} times\n", (*data).me);
        },
    };

    #[shadow(on = file, freed_by = dummy::dummy_get_stats((*m).file))]
    static looks: Shadow<AtomicU64> = Shadow {
        init: AtomicU64::new(0),
    };

    #[shadow(on = file, freed_by = dummy::dummy_get_stats((*m).file))]
    static fresh: Shadow<[AtomicU8; 3]> = Shadow {
        init: [const { AtomicU8::new(0) }; 3],
    };

    #[shadow(on = owner, untied)]
    static of_owner: Shadow<AtomicPtr<c_void>> = Shadow {
        init: AtomicPtr::new(null_mut()),
        dtor: |data| {
            unexported_helper((*data).load(Ordering::Relaxed).is_null() as c_int);
        },
    };

    use core::sync::atomic::AtomicU8;

    fn add(counted: &Counts) -> u32 {
        counted.seen.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[symbols(vmlinux)]
    extern "C" {
        static console_printk: [c_int; 4];
        fn unexported_helper(value: c_int) -> c_int;
    }

    #[pre(vmlinux::netif_rx)]
    unsafe fn pre_netif_rx(skb: *mut sk_buff) -> c_int {
        if counts.get(skb).map_or(0, |counted| counted.seen.load(Ordering::Relaxed)) > 9 {
            return -EBUSY;
        }
    }

    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn pre_cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
        if let Some(look) = looks.get_or_init((*m).file, GFP_KERNEL) {
            look.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(bytes) = fresh.get_or_init((*m).file, GFP_NOWAIT) {
            bytes[0].store(1, Ordering::Relaxed);
        }
    }

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn post_cmdline_proc_show(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
        let skb = v.cast::<sk_buff>();
        ret = counts.get_or_init(skb, GFP_ATOMIC).map_or(-ENOMEM, |counted| add(counted) as c_int);
        of_owner.remove(v.cast());
        if levels.taken_over() || third.is_shared() {
            ret = levels.get().map_or(ret, |saved| saved.first);
        }
    }

    #[pre_patch(vmlinux)]
    unsafe fn pre_patch() -> c_int {
        if levels.taken_over() { 0 } else { third.get().unwrap_or(0) }
    }

    #[post_unpatch(vmlinux)]
    unsafe fn post_unpatch() {
        pr_info!("shared: {}\n", levels.is_shared());
    }

    #[post(dummy::dummy_get_stats)]
    unsafe fn post_dummy_get_stats(m: *mut seq_file, stats: *mut dummy_stats, ret: c_int) {
        looks.remove((*m).file);
    }
}
