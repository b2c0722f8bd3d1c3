//! VMware's backdoor: an I/O port that the hypervisor answers at itself, to programs without privileges too.
//!
//! Registers in, registers out; what they mean is the caller's. On any other machine there is nobody at the port, and
//! touching it without leave ends the process: so [`Backdoor::open`] asks the processor first who its hypervisor is.
#![allow(unsafe_code)]

/// What the processor's registers hold, before and after. `eax` goes in as the magic number that the hypervisor wants to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the processor's names")]
pub struct Registers {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
    pub esi: u32,
    pub edi: u32,
}

/// The port of a machine whose hypervisor is VMware's; only [`Backdoor::open`] makes one.
#[derive(Debug)]
pub struct Backdoor(());

#[cfg(target_arch = "x86_64")]
mod port {
    use std::arch::asm;
    use std::arch::x86_64::__cpuid;

    use super::{Backdoor, Registers};

    const MAGIC: u32 = 0x564d_5868;
    const PORT: u16 = 0x5658;

    /// CPUID's leaf 1, bit 31 of ecx: there is a hypervisor; its leaves begin at 0x4000_0000.
    const HYPERVISOR: u32 = 1 << 31;

    impl Backdoor {
        /// The port, if this machine has one.
        pub fn open() -> Option<Backdoor> {
            #[allow(
                unused_unsafe,
                reason = "newer compilers know that it is safe, the oldest we build with does not"
            )]
            // SAFETY: x86-64 processors have CPUID.
            let (features, hypervisor) = unsafe { (__cpuid(1), __cpuid(0x4000_0000)) };
            let name = [hypervisor.ebx, hypervisor.ecx, hypervisor.edx].map(u32::to_le_bytes).concat();
            if features.ecx & HYPERVISOR == 0 || name != b"VMwareVMware" {
                return None;
            }
            // Leave to use the port: a hypervisor may be told to answer privileged programs only. A kernel that is locked
            // down refuses, and then the port answers all the same unless it was told so.
            // SAFETY: ioperm(2) takes three numbers and touches no memory of ours.
            unsafe { libc::syscall(libc::SYS_ioperm, u64::from(PORT), 1u64, 1i32) };
            Some(Backdoor(()))
        }

        /// One exchange.
        pub fn call(&mut self, registers: Registers) -> Registers {
            let Registers { ebx, ecx, edx, esi, edi, .. } = registers;
            let mut out = Registers::default();
            let (mut rbx, mut rsi, mut rdi) = (u64::from(ebx), u64::from(esi), u64::from(edi));
            let edx = (edx & 0xffff_0000) | u32::from(PORT);
            // SAFETY: `open` saw that the hypervisor is VMware's, which takes IN at this port for a message to itself and changes
            // these registers alone. The low-bandwidth form used here reads and writes no memory. The compiler keeps
            // rbx for itself, so it is exchanged around the instruction and has its own value again behind it.
            unsafe {
                asm!(
                    "xchg rbx, {rbx}",
                    "in eax, dx",
                    "xchg rbx, {rbx}",
                    rbx = inout(reg) rbx,
                    inout("eax") MAGIC => out.eax,
                    inout("ecx") ecx => out.ecx,
                    inout("edx") edx => out.edx,
                    inout("rsi") rsi,
                    inout("rdi") rdi,
                    options(nomem, nostack),
                );
            }
            let low = |register: u64| (register & 0xffff_ffff) as u32;
            (out.ebx, out.esi, out.edi) = (low(rbx), low(rsi), low(rdi));
            out
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod port {
    use super::{Backdoor, Registers};

    impl Backdoor {
        /// None: other processors have no ports.
        pub fn open() -> Option<Backdoor> {
            None
        }

        /// Never called: nobody has a port.
        pub fn call(&mut self, registers: Registers) -> Registers {
            registers
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_of_another_hypervisor_has_no_port() {
        let vendor = std::fs::read_to_string("/sys/class/dmi/id/sys_vendor").unwrap_or_default();
        if !vendor.starts_with("VMware") {
            assert!(Backdoor::open().is_none());
        }
    }
}
