//! The livepatch `layouts`.

use kps::prelude::*;

/// Structs as kernels have them: packed ones, unions whose members are not at their start, names that occur twice, bytes,
/// bitfields, members that overlap, an array without a length, and a variable of every CPU.
#[livepatch(license = "GPL")]
mod layouts {
    #[symbols(vmlinux)]
    extern "C" {
        fn copy_page(to: *mut c_void, from: *const c_void);
        fn perf_load_guest_lvtpc(entry: u32);
        #[percpu]
        static process_counts: c_ulong;
    }

    #[pre(vmlinux::array_map_alloc_check)]
    unsafe fn pre_array_map_alloc_check(attr: *mut bpf_attr) -> c_int {
        if (*attr).max_entries > 65536 { return -E2BIG; }
    }

    #[post(vmlinux::lfb_size)]
    unsafe fn post_lfb_size(si: *mut screen_info, mut ret: c_ulong) {
        if (*si).how.mode == 0 { ret = 0; }
    }

    #[pre(vmlinux::remap_pte_fn)]
    unsafe fn pre_remap_pte_fn(data: *mut remap_data) -> c_int {
        let d = data as *mut remap_data; if (*d).prot == 0 { return -EINVAL; }
    }

    #[pre(vmlinux::smp_call)]
    unsafe fn pre_smp_call(
        cpu: c_int,
        mut func: Option<unsafe extern "C" fn(*mut c_void)>,
        info: *mut c_void,
    ) -> c_int {
        if cpu < 0 { func = None; }
    }

    #[pre(vmlinux::seq_putc)]
    unsafe fn pre_seq_putc(m: *mut seq_file, c: u8) {
        if c == b'x' { return; }
    }

    #[pre(vmlinux::netif_rx)]
    unsafe fn pre_netif_rx(skb: *mut sk_buff) -> c_int {
        if (*skb).released() && (*skb).depth() < 0 && (*skb).state() == SKB_LOST {
            (*skb).set_pkt_type((*skb).fclone() + 1);
            (*skb).set_stamp(*process_counts.this_cpu_ptr());
        }
        (*skb).list.next = (*skb).list.prev;
        (*skb).dev_scratch += (*skb).ll_node as usize as c_ulong;
        if (*skb).dev.is_null() && (*skb).users > 0 { *(*skb).data.as_mut_ptr() = (*skb).head.is_null() as u8; }
    }

    #[post(vmlinux::show_mountinfo)]
    unsafe fn post_show_mountinfo(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
        // Nothing names a member of `file`, and it is as large as it is.
        core::ptr::copy_nonoverlapping((*m).file, (*m).file.add(1), 1);
        copy_page(v, v);
        perf_load_guest_lvtpc(0);
        let n: size_t = (*m).size;
        if n == 0 { ret = 0; }
    }
}
