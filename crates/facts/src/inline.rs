// SPDX-License-Identifier: GPL-2.0
//! The functions that the kernel's headers have as inline functions or as macros, and that bodies
//! call like exported ones.

/// A function of a header.
#[derive(Debug, Clone, Copy)]
pub struct Inline {
    /// Its prototype in C. That of a macro is the one that it would have as a function.
    pub prototype: &'static str,
    /// The header that defines it.
    pub header: &'static str,
    /// What a function in C does to have its effect, if that is not a call with the parameters.
    pub body: Option<&'static str>,
    /// Whether it may sleep, whatever its arguments are.
    pub sleeps: bool,
}

impl Inline {
    const fn sleeps(self) -> Inline {
        Inline { sleeps: true, ..self }
    }

    const fn by(self, body: &'static str) -> Inline {
        Inline { body: Some(body), ..self }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        let head = self.prototype.split('(').next().unwrap_or_default();
        head.rsplit([' ', '*']).next().unwrap_or_default()
    }

    /// What it returns.
    pub fn ret(&self) -> CType {
        let head = self.prototype.split('(').next().unwrap_or_default();
        CType::parse(head.strip_suffix(self.name()).unwrap_or(head))
    }

    /// The names and types of its parameters.
    pub fn params(&self) -> Vec<(&'static str, CType)> {
        let list = self.list();
        let params = list.split(',').map(str::trim).filter(|text| !matches!(*text, "" | "void"));
        let name = |text: &'static str| text.rsplit([' ', '*']).next().unwrap_or_default();
        params
            .map(|text| (name(text), CType::parse(text.strip_suffix(name(text)).unwrap_or(text))))
            .collect()
    }

    /// The function in C of another name that has its effect.
    pub fn definition(&self, symbol: &str) -> String {
        let name = self.name();
        let head = self.prototype.split('(').next().unwrap_or_default();
        let head = head.strip_suffix(name).unwrap_or(head);
        let list = self.list();
        let names: Vec<&str> = self.params().iter().map(|(name, _)| *name).collect();
        let call = format!("{name}({});", names.join(", "));
        let body = match self.body {
            Some(body) => body.to_owned(),
            None if self.ret() == CType::VOID => call,
            None => format!("return {call}"),
        };
        format!("{head}{symbol}({list});\n{head}{symbol}({list})\n{{\n\t{body}\n}}\n")
    }

    fn list(&self) -> &'static str {
        let list = self.prototype.split_once('(').map_or("", |(_, list)| list);
        list.strip_suffix(')').unwrap_or(list)
    }
}

/// A type in a prototype.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CType {
    /// Its name, without `struct`.
    pub name: &'static str,
    /// Whether that is `const`.
    pub constant: bool,
    /// How often it is behind a pointer.
    pub pointers: usize,
}

impl CType {
    const VOID: CType = CType { name: "void", constant: false, pointers: 0 };

    fn parse(text: &'static str) -> CType {
        let name = text.trim_end_matches([' ', '*']);
        let pointers = text.bytes().filter(|byte| *byte == b'*').count();
        let (constant, name) =
            name.strip_prefix("const ").map_or((false, name), |rest| (true, rest));
        let name = name.strip_suffix(" __user").unwrap_or(name);
        CType { name: name.strip_prefix("struct ").unwrap_or(name), constant, pointers }
    }
}

/// The function of this name.
pub fn inline(name: &str) -> Option<&'static Inline> {
    INLINES.iter().find(|inline| inline.name() == name)
}

const fn of(header: &'static str, prototype: &'static str) -> Inline {
    Inline { prototype, header, body: None, sleeps: false }
}

const ATOMIC: &str = "linux/atomic.h";
const BITOPS: &str = "linux/bitops.h";
const CRED: &str = "linux/cred.h";
const FS: &str = "linux/fs.h";
const JIFFIES: &str = "linux/jiffies.h";
const LIST: &str = "linux/list.h";
const MM: &str = "linux/mm.h";
const NETLINK: &str = "net/netlink.h";
const PREEMPT: &str = "linux/preempt.h";
const RCU: &str = "linux/rcupdate.h";
const REFCOUNT: &str = "linux/refcount.h";
const SCHED: &str = "linux/sched.h";
const SIGNAL: &str = "linux/sched/signal.h";
const SKBUFF: &str = "linux/skbuff.h";
const SLAB: &str = "linux/slab.h";
const SMP: &str = "linux/smp.h";
const SOCK: &str = "net/sock.h";
const SPINLOCK: &str = "linux/spinlock.h";
const TASK: &str = "linux/sched/task.h";
const UACCESS: &str = "linux/uaccess.h";

/// All of them.
pub const INLINES: &[Inline] = &[
    // Tasks.
    of(SCHED, "struct task_struct *get_current(void)").by("return current;"),
    // `linux/sched.h` has these in 6.1, and `linux/pid.h` later.
    of(SIGNAL, "int task_pid_nr(struct task_struct *task)"),
    of(SIGNAL, "int task_tgid_nr(struct task_struct *task)"),
    of(SIGNAL, "int task_pid_vnr(struct task_struct *task)"),
    of(SCHED, "int cond_resched(void)").sleeps(),
    of(SIGNAL, "int signal_pending(struct task_struct *task)"),
    of(SIGNAL, "int fatal_signal_pending(struct task_struct *task)"),
    of(TASK, "struct task_struct *get_task_struct(struct task_struct *task)")
        .by("get_task_struct(task); return task;"),
    of(TASK, "void put_task_struct(struct task_struct *task)"),
    of(CRED, "const struct cred *current_cred(void)"),
    of(CRED, "const struct cred *get_cred(const struct cred *cred)"),
    of(CRED, "void put_cred(const struct cred *cred)"),
    // Locks.
    of(SPINLOCK, "void spin_lock_init(spinlock_t *lock)"),
    of(SPINLOCK, "void spin_lock(spinlock_t *lock)"),
    of(SPINLOCK, "void spin_unlock(spinlock_t *lock)"),
    of(SPINLOCK, "int spin_trylock(spinlock_t *lock)"),
    of(SPINLOCK, "void spin_lock_bh(spinlock_t *lock)"),
    of(SPINLOCK, "void spin_unlock_bh(spinlock_t *lock)"),
    of(SPINLOCK, "void spin_lock_irq(spinlock_t *lock)"),
    of(SPINLOCK, "void spin_unlock_irq(spinlock_t *lock)"),
    of(SPINLOCK, "unsigned long spin_lock_irqsave(spinlock_t *lock)")
        .by("unsigned long flags;\n\n\tspin_lock_irqsave(lock, flags);\n\treturn flags;"),
    of(SPINLOCK, "void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)"),
    of(SPINLOCK, "void raw_spin_lock(raw_spinlock_t *lock)"),
    of(SPINLOCK, "void raw_spin_unlock(raw_spinlock_t *lock)"),
    of(SPINLOCK, "unsigned long raw_spin_lock_irqsave(raw_spinlock_t *lock)")
        .by("unsigned long flags;\n\n\traw_spin_lock_irqsave(lock, flags);\n\treturn flags;"),
    of(SPINLOCK, "void raw_spin_unlock_irqrestore(raw_spinlock_t *lock, unsigned long flags)"),
    of(SPINLOCK, "void read_lock(rwlock_t *lock)"),
    of(SPINLOCK, "void read_unlock(rwlock_t *lock)"),
    of(SPINLOCK, "void write_lock(rwlock_t *lock)"),
    of(SPINLOCK, "void write_unlock(rwlock_t *lock)"),
    of(PREEMPT, "void preempt_disable(void)"),
    of(PREEMPT, "void preempt_enable(void)"),
    of("linux/bottom_half.h", "void local_bh_disable(void)"),
    of("linux/bottom_half.h", "void local_bh_enable(void)"),
    of("linux/irqflags.h", "unsigned long local_irq_save(void)")
        .by("unsigned long flags;\n\n\tlocal_irq_save(flags);\n\treturn flags;"),
    of("linux/irqflags.h", "void local_irq_restore(unsigned long flags)"),
    // RCU. The pointer is given by its address.
    of(RCU, "void rcu_read_lock(void)"),
    of(RCU, "void rcu_read_unlock(void)"),
    of(RCU, "void *rcu_dereference(void **pointer)").by("return rcu_dereference(*pointer);"),
    of(RCU, "void rcu_assign_pointer(void **pointer, void *value)")
        .by("rcu_assign_pointer(*pointer, value);"),
    // Memory.
    of(SLAB, "void *kmalloc(size_t size, gfp_t flags)"),
    of(SLAB, "void *kzalloc(size_t size, gfp_t flags)"),
    of(SLAB, "void *kcalloc(size_t count, size_t size, gfp_t flags)"),
    of(SLAB, "void *kvmalloc(size_t size, gfp_t flags)"),
    of(SLAB, "void *kvzalloc(size_t size, gfp_t flags)"),
    of(MM, "void get_page(struct page *page)"),
    of(MM, "void put_page(struct page *page)"),
    of(MM, "void *page_address(const struct page *page)"),
    of(
        UACCESS,
        "unsigned long copy_from_user(void *to, const void __user *from, unsigned long count)",
    )
    .sleeps(),
    of(
        UACCESS,
        "unsigned long copy_to_user(void __user *to, const void *from, unsigned long count)",
    )
    .sleeps(),
    of(UACCESS, "unsigned long clear_user(void __user *to, unsigned long count)").sleeps(),
    // Counters and bits.
    of(ATOMIC, "int atomic_read(const atomic_t *counter)"),
    of(ATOMIC, "void atomic_set(atomic_t *counter, int value)"),
    of(ATOMIC, "void atomic_inc(atomic_t *counter)"),
    of(ATOMIC, "void atomic_dec(atomic_t *counter)"),
    of(ATOMIC, "void atomic_add(int value, atomic_t *counter)"),
    of(ATOMIC, "void atomic_sub(int value, atomic_t *counter)"),
    of(ATOMIC, "int atomic_inc_return(atomic_t *counter)"),
    of(ATOMIC, "int atomic_dec_return(atomic_t *counter)"),
    of(ATOMIC, "bool atomic_dec_and_test(atomic_t *counter)"),
    of(ATOMIC, "bool atomic_inc_not_zero(atomic_t *counter)"),
    of(ATOMIC, "int atomic_cmpxchg(atomic_t *counter, int old, int new)"),
    of(ATOMIC, "s64 atomic64_read(const atomic64_t *counter)"),
    of(ATOMIC, "void atomic64_inc(atomic64_t *counter)"),
    of(REFCOUNT, "unsigned int refcount_read(const refcount_t *counter)"),
    of(REFCOUNT, "void refcount_set(refcount_t *counter, int value)"),
    of(REFCOUNT, "void refcount_inc(refcount_t *counter)"),
    of(REFCOUNT, "bool refcount_inc_not_zero(refcount_t *counter)"),
    of(REFCOUNT, "bool refcount_dec_and_test(refcount_t *counter)"),
    of("linux/kref.h", "void kref_get(struct kref *counter)"),
    of(BITOPS, "bool test_bit(long bit, const unsigned long *words)"),
    of(BITOPS, "void set_bit(long bit, unsigned long *words)"),
    of(BITOPS, "void clear_bit(long bit, unsigned long *words)"),
    of(BITOPS, "bool test_and_set_bit(long bit, unsigned long *words)"),
    of(BITOPS, "bool test_and_clear_bit(long bit, unsigned long *words)"),
    // Lists.
    of(LIST, "void INIT_LIST_HEAD(struct list_head *list)"),
    of(LIST, "bool list_empty(const struct list_head *head)"),
    of(LIST, "void list_add(struct list_head *entry, struct list_head *head)"),
    of(LIST, "void list_add_tail(struct list_head *entry, struct list_head *head)"),
    of(LIST, "void list_del(struct list_head *entry)"),
    of(LIST, "void list_del_init(struct list_head *entry)"),
    of(LIST, "bool hlist_empty(const struct hlist_head *head)"),
    // Time and processors.
    of(JIFFIES, "unsigned long jiffies(void)").by("return jiffies;"),
    of(JIFFIES, "bool time_after(unsigned long a, unsigned long b)"),
    of(JIFFIES, "bool time_before(unsigned long a, unsigned long b)"),
    of(JIFFIES, "unsigned long msecs_to_jiffies(unsigned int milliseconds)"),
    of("linux/ktime.h", "u64 ktime_get_ns(void)"),
    of(SMP, "unsigned int smp_processor_id(void)"),
    of(SMP, "unsigned int raw_smp_processor_id(void)"),
    of("linux/cpumask.h", "unsigned int num_online_cpus(void)"),
    // Files.
    of(FS, "struct inode *file_inode(const struct file *file)"),
    of(FS, "struct file *get_file(struct file *file)"),
    of(FS, "long long i_size_read(const struct inode *inode)"),
    of(FS, "void i_size_write(struct inode *inode, long long size)"),
    of(FS, "unsigned int i_uid_read(const struct inode *inode)"),
    of(FS, "unsigned int i_gid_read(const struct inode *inode)"),
    of(FS, "void inode_lock(struct inode *inode)").sleeps(),
    of(FS, "void inode_unlock(struct inode *inode)"),
    of("linux/dcache.h", "struct inode *d_inode(const struct dentry *dentry)"),
    of("linux/dcache.h", "struct dentry *dget(struct dentry *dentry)"),
    // Packets and sockets.
    of(SKBUFF, "unsigned int skb_headlen(const struct sk_buff *skb)"),
    of(SKBUFF, "int skb_tailroom(const struct sk_buff *skb)"),
    of(SKBUFF, "bool skb_shared(const struct sk_buff *skb)"),
    of(SKBUFF, "bool skb_cloned(const struct sk_buff *skb)"),
    of(SKBUFF, "struct sk_buff *skb_get(struct sk_buff *skb)"),
    of(SKBUFF, "struct skb_shared_info *skb_shinfo(const struct sk_buff *skb)"),
    of(SKBUFF, "bool pskb_may_pull(struct sk_buff *skb, unsigned int len)"),
    of(SKBUFF, "unsigned char *skb_mac_header(const struct sk_buff *skb)"),
    of(SKBUFF, "unsigned char *skb_network_header(const struct sk_buff *skb)"),
    of(SKBUFF, "unsigned char *skb_transport_header(const struct sk_buff *skb)"),
    of("linux/ip.h", "struct iphdr *ip_hdr(const struct sk_buff *skb)"),
    of("linux/ipv6.h", "struct ipv6hdr *ipv6_hdr(const struct sk_buff *skb)"),
    of("linux/tcp.h", "struct tcphdr *tcp_hdr(const struct sk_buff *skb)"),
    of("linux/netdevice.h", "void *netdev_priv(const struct net_device *dev)"),
    of("linux/netdevice.h", "struct net *dev_net(const struct net_device *dev)"),
    of(SOCK, "struct net *sock_net(const struct sock *sk)"),
    of(SOCK, "void sock_hold(struct sock *sk)"),
    of(SOCK, "void sock_put(struct sock *sk)"),
    of(NETLINK, "int nla_len(const struct nlattr *attr)"),
    of(NETLINK, "void *nla_data(const struct nlattr *attr)"),
    of(NETLINK, "u8 nla_get_u8(const struct nlattr *attr)"),
    of(NETLINK, "u16 nla_get_u16(const struct nlattr *attr)"),
    of(NETLINK, "u32 nla_get_u32(const struct nlattr *attr)"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn prototypes_are_taken_apart() {
        let Some(save) = inline("spin_lock_irqsave") else { panic!("it is there") };
        let lock = CType { name: "spinlock_t", constant: false, pointers: 1 };
        assert_eq!((save.ret().name, save.params()), ("unsigned long", vec![("lock", lock)]));
        let Some(copy) = inline("copy_from_user") else { panic!("it is there") };
        let from = CType { name: "void", constant: true, pointers: 1 };
        assert_eq!(copy.params()[1], ("from", from));
        let Some(inode) = inline("file_inode") else { panic!("it is there") };
        assert_eq!(inode.ret(), CType { name: "inode", constant: false, pointers: 1 });
        assert_eq!(
            inode.definition("x"),
            "struct inode *x(const struct file *file);\n\
             struct inode *x(const struct file *file)\n{\n\treturn file_inode(file);\n}\n"
        );
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = INLINES.iter().map(Inline::name).collect();
        assert_eq!(names.len(), INLINES.len());
        assert!(names.iter().all(|name| !crate::is_constant(name) && !name.is_empty()));
    }
}
