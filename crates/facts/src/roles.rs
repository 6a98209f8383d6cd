// SPDX-License-Identifier: GPL-2.0
//! What the code of a kernel tells about its functions: how the kernel enters them, and whether
//! they return.

use crate::btf::{Btf, BtfId, Kind};
use crate::format::{Reader, Writer};
use std::collections::BTreeMap;

/// A property of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It never returns.
    NeverReturns,
    /// It is the main function of a kernel thread, or the endless loop of one.
    ThreadMain,
    /// It is a timer's function, which runs in a softirq.
    Timer,
    /// It is a high-resolution timer's function, which runs in an interrupt or a softirq.
    HrTimer,
    /// It handles a softirq.
    Softirq,
    /// It is a tasklet's function, which runs in a softirq.
    Tasklet,
    /// It runs after an RCU grace period, in a softirq.
    RcuCallback,
    /// It handles an interrupt.
    Interrupt,
    /// It is the function of an `irq_work`, which runs in an interrupt.
    IrqWork,
    /// It runs on other CPUs with interrupts disabled.
    CrossCall,
    /// It runs while all other CPUs are stopped.
    StopMachine,
    /// It polls a network device, in a softirq.
    NetPoll,
    /// It sends a packet of a network device, with softirqs disabled.
    Transmit,
    /// It wakes a waiting task, under the spinlock of a wait queue.
    Wake,
    /// Only functions that run in atomic context call it.
    OnlyFromAtomic,
    /// 64-bit programs enter the kernel here, through the table of system calls.
    Syscall,
    /// Other programs do.
    OtherSyscall,
    /// Each path through it calls a function that may sleep.
    Sleeps,
    /// It runs in the thread of an interrupt, and may sleep.
    InterruptThread,
}

/// Functions that get another function to call later: its role, and which argument it is, from 0.
/// The kernel also sets entries of `softirq_vec` without a call.
const REGISTRARS: &[(Role, usize, &[&str])] = &[
    (
        Role::ThreadMain,
        0,
        &[
            "create_io_thread",
            "kernel_thread",
            "kthread_create_on_cpu",
            "kthread_create_on_node",
            "user_mode_thread",
            "vhost_task_create",
        ],
    ),
    // These two are of a module, for the threads of a server of remote procedure calls. The second
    // has been given more arguments: one in a stable release of 6.1, and one in 6.12.
    (Role::ThreadMain, 2, &["svc_create", "svc_create_pooled"]),
    (Role::ThreadMain, 3, &["svc_create_pooled"]),
    (Role::ThreadMain, 4, &["svc_create_pooled"]),
    (Role::Timer, 1, &["init_timer_key", "timer_init_key"]),
    (Role::HrTimer, 1, &["hrtimer_setup", "hrtimer_setup_on_stack"]),
    (Role::Softirq, 1, &["open_softirq"]),
    (Role::Tasklet, 1, &["tasklet_init", "tasklet_setup"]),
    (Role::RcuCallback, 1, &["call_rcu", "call_rcu_hurry", "call_srcu"]),
    (Role::Interrupt, 1, &["__request_percpu_irq", "request_threaded_irq"]),
    (Role::InterruptThread, 2, &["request_threaded_irq"]),
    (Role::Interrupt, 2, &["devm_request_threaded_irq", "pci_request_irq"]),
    (Role::InterruptThread, 3, &["devm_request_threaded_irq", "pci_request_irq"]),
    (Role::CrossCall, 0, &["smp_call_function"]),
    (
        Role::CrossCall,
        1,
        &[
            "on_each_cpu_cond_mask",
            "smp_call_function_any",
            "smp_call_function_many",
            "smp_call_function_single",
        ],
    ),
    (Role::StopMachine, 0, &["stop_machine", "stop_machine_cpuslocked"]),
];

impl Role {
    const ALL: [Role; 19] = [
        Role::NeverReturns,
        Role::ThreadMain,
        Role::Timer,
        Role::HrTimer,
        Role::Softirq,
        Role::Tasklet,
        Role::RcuCallback,
        Role::Interrupt,
        Role::IrqWork,
        Role::CrossCall,
        Role::StopMachine,
        Role::NetPoll,
        Role::Transmit,
        Role::Wake,
        Role::OnlyFromAtomic,
        Role::Syscall,
        Role::OtherSyscall,
        Role::Sleeps,
        Role::InterruptThread,
    ];

    fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Why a function in this role must not sleep. None if it may.
    pub fn atomic(self) -> Option<&'static str> {
        match self {
            Role::Timer => Some("the kernel calls it as a timer's function, in a softirq"),
            Role::HrTimer => Some("the kernel calls it as an hrtimer's function, in an interrupt"),
            Role::Softirq => Some("the kernel calls it to handle a softirq"),
            Role::Tasklet => Some("the kernel calls it as a tasklet's function, in a softirq"),
            Role::RcuCallback => Some("the kernel calls it as an RCU callback, in a softirq"),
            Role::Interrupt => Some("the kernel calls it to handle an interrupt"),
            Role::IrqWork => {
                Some("the kernel calls it as an `irq_work`'s function, in an interrupt")
            }
            Role::CrossCall => Some("the kernel calls it on a CPU with interrupts disabled"),
            Role::StopMachine => Some("the kernel calls it while all other CPUs are stopped"),
            Role::NetPoll => Some("the kernel calls it to poll a network device, in a softirq"),
            Role::Transmit => Some("the kernel calls it to send a packet, with softirqs disabled"),
            Role::Wake => Some("the kernel calls it under the spinlock of a wait queue"),
            Role::OnlyFromAtomic => Some("all of its callers run in atomic context"),
            Role::NeverReturns
            | Role::ThreadMain
            | Role::Syscall
            | Role::OtherSyscall
            | Role::Sleeps
            | Role::InterruptThread => None,
        }
    }

    /// The roles of the functions that get passed to another one, and which arguments they are.
    pub fn registered_by(function: &str) -> impl Iterator<Item = (Role, usize)> + '_ {
        let rows = REGISTRARS.iter().filter(move |(.., names)| names.contains(&function));
        rows.map(|&(role, argument, _)| (role, argument))
    }

    /// The role of the functions with a prototype, by the name of one of them: the kernel declares
    /// functions of these prototypes for nothing else. Exported ones are an exception: they are the
    /// interface to such functions, as `add_timer()` is.
    pub fn of_prototype(btf: &Btf, function: &str) -> Option<Role> {
        let &[function] = btf.functions(function).as_slice() else { return None };
        let Kind::Function(prototype) = btf.get(function).kind else { return None };
        let Kind::Prototype(prototype) = btf.get(prototype).kind else { return None };
        let params: Vec<BtfId> = prototype.params().map(|(_, param)| param).collect();
        let ret = btf.get(btf.strip(prototype.ret));
        let is_void = matches!(ret.kind, Kind::Void);
        let to = |param: BtfId| match btf.get(btf.strip(param)).kind {
            Kind::Pointer(to) => btf.get(btf.strip(to)).name,
            _ => "",
        };
        let is_int = |param: BtfId| btf.get(btf.strip(param)).name == "int";
        let first = params.first().map_or("", |&first| to(first));
        match (first, params.as_slice()) {
            ("timer_list", [_]) if is_void => Some(Role::Timer),
            ("tasklet_struct", [_]) if is_void => Some(Role::Tasklet),
            ("irq_work", [_]) if is_void => Some(Role::IrqWork),
            ("hrtimer", [_]) if ret.name == "hrtimer_restart" => Some(Role::HrTimer),
            ("napi_struct", [_, budget]) if is_int(*budget) && !is_void => Some(Role::NetPoll),
            ("sk_buff", [_, device]) if to(*device) == "net_device" && ret.name == "netdev_tx" => {
                Some(Role::Transmit)
            }
            ("wait_queue_entry", [_, _, _, _]) if !is_void => Some(Role::Wake),
            _ => None,
        }
    }

    /// The role of most functions with a prototype. The functions of `task_work` look like RCU
    /// callbacks, but call their parameter otherwise, and those of threads look like interrupt
    /// handlers.
    pub fn suspected(btf: &Btf, function: &str) -> Option<Role> {
        let &[id] = btf.functions(function).as_slice() else { return None };
        let Kind::Function(prototype) = btf.get(id).kind else { return None };
        let Kind::Prototype(prototype) = btf.get(prototype).kind else { return None };
        let params: Vec<(&str, BtfId)> = prototype.params().collect();
        let ret = btf.get(btf.strip(prototype.ret));
        let to = |param: BtfId| match btf.get(btf.strip(param)).kind {
            Kind::Pointer(to) => Some(btf.get(btf.strip(to))),
            _ => None,
        };
        let is_head = |name: &str| name.contains("rcu") || ["head", "rh", "rhp"].contains(&name);
        match *params.as_slice() {
            // `struct rcu_head` is a macro (include/linux/types.h).
            [(name, head)] if matches!(ret.kind, Kind::Void) => {
                let is_callback = to(head).is_some_and(|head| head.name == "callback_head");
                (is_callback && is_head(name)).then_some(Role::RcuCallback)
            }
            [(_, irq), (_, data)] if ret.name == "irqreturn" => {
                let is_handler = btf.get(btf.strip(irq)).name == "int"
                    && to(data).is_some_and(|data| matches!(data.kind, Kind::Void));
                (is_handler && !function.contains("thread")).then_some(Role::Interrupt)
            }
            _ => None,
        }
    }
}

/// The roles of an object's functions.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Roles(Vec<(u64, u32)>);

impl Roles {
    /// Whether the function at an address has a role.
    pub fn has(&self, function: u64, role: Role) -> bool {
        self.bits(function) & role.bit() != 0
    }

    /// The roles of the function at an address.
    pub fn of(&self, function: u64) -> impl Iterator<Item = Role> {
        let bits = self.bits(function);
        Role::ALL.into_iter().filter(move |role| bits & role.bit() != 0)
    }

    /// Whether any function has a role. Without one, the code did not tell who has it.
    pub fn knows(&self, role: Role) -> bool {
        self.0.iter().any(|(_, bits)| bits & role.bit() != 0)
    }

    /// The functions with a role, by address.
    pub fn all(&self, role: Role) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().filter(move |(_, bits)| bits & role.bit() != 0).map(|(address, _)| *address)
    }

    fn bits(&self, function: u64) -> u32 {
        let at = self.0.binary_search_by_key(&function, |(address, _)| *address);
        at.map_or(0, |at| self.0[at].1)
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.list(&self.0, |w, (address, bits)| {
            w.u64(*address);
            w.u32(*bits);
        });
    }

    /// Bits without a role are kept and mean nothing.
    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Roles> {
        let roles = r.records(|record: &[u8; 12]| {
            let mut r = Reader(record);
            (r.u64().unwrap_or_default(), r.u32().unwrap_or_default())
        })?;
        roles.is_sorted_by(|before, behind| before.0 < behind.0).then_some(Roles(roles))
    }
}

impl FromIterator<(u64, Role)> for Roles {
    fn from_iter<I: IntoIterator<Item = (u64, Role)>>(roles: I) -> Self {
        let mut merged: BTreeMap<u64, u32> = BTreeMap::new();
        for (address, role) in roles {
            *merged.entry(address).or_default() |= role.bit();
        }
        Roles(merged.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_may_have_several_roles() {
        let roles: Roles =
            [(20, Role::Timer), (10, Role::Syscall), (20, Role::Softirq)].into_iter().collect();
        assert_eq!(roles.of(20).collect::<Vec<_>>(), [Role::Timer, Role::Softirq]);
        assert!(roles.has(10, Role::Syscall) && !roles.has(15, Role::Syscall));
        assert!(roles.knows(Role::Timer) && !roles.knows(Role::Tasklet));
        let mut w = Writer::default();
        roles.write(&mut w);
        assert_eq!(Roles::read(&mut Reader(&w.0)), Some(roles));
    }

    #[test]
    fn roles_out_of_order_are_damage() {
        let mut w = Writer::default();
        w.list([(2_u64, 1_u32), (1, 1)], |w, (address, bits)| {
            w.u64(address);
            w.u32(bits);
        });
        assert_eq!(Roles::read(&mut Reader(&w.0)), None);
    }
}
