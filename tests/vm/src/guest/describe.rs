//! A machine in QEMU's words.

use std::path::Path;
use std::process::Command;

use super::Builder;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::firmware::quoted;
use crate::nocloud;
use crate::tpm::Tpm;

impl Builder {
    /// Everything but accelerator and firmware.
    pub(super) fn describe(&self, command: &mut Command, dir: &Path, disk: &Disk) -> Result<()> {
        command.args(["-nodefaults", "-no-user-config", "-display", "none"]);
        command.args(["-m", &self.memory_mib.to_string(), "-smp", &self.cpus.to_string()]);
        command.args(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        command.args([
            "-chardev",
            "socket,id=qmp,path=qmp.sock,server=on,wait=off",
            "-mon",
            "chardev=qmp,mode=control",
        ]);
        command.args(["-device", "virtio-rng-pci"]);
        command.args(["-device", "i6300esb", "-action", "watchdog=reset"]);
        if !self.reboots {
            command.arg("-no-reboot");
        }
        if self.tpm {
            Tpm::describe(command);
        }
        let sector = disk.sector().bytes();
        let sectors = format!("bootindex=1,logical_block_size={sector},physical_block_size={sector}");
        backend(command, "disk", disk.path(), "cache=unsafe");
        self.bus.describe(command, &sectors);
        for (number, path) in self.drives.iter().enumerate() {
            drive(command, &format!("extra{number}"), path, "cache=unsafe");
        }
        if let Some(text) = &self.nocloud {
            let volume = nocloud::make(&self.lab.tools, &dir.join("cidata.img"), text)?;
            drive(command, "cidata", &volume, "readonly=on");
        }
        if let Some(text) = &self.user_data {
            fw_cfg(command, dir, "user-data", text)?;
        }
        if let Some(plan) = self.plan() {
            fw_cfg(command, dir, "probe", &plan)?;
        }
        if self.orders {
            command.args([
                "-chardev",
                "socket,id=probe,path=probe.sock,server=on,wait=off",
                "-serial",
                "chardev:probe",
            ]);
        }
        if self.stuck_console {
            let stuck = "socket,id=stuck,path=stuck.sock,server=on,wait=off";
            command.args(["-chardev", stuck, "-serial", "chardev:stuck"]);
        }
        // Port 0: the kernel picks one when QEMU binds it, and the monitor tells which. So no two machines, and no
        // machine and a stranger, can ever want the same.
        let forwards: String =
            self.forwards.iter().map(|port| format!(",hostfwd=tcp:127.0.0.1:0-:{port}")).collect();
        command.args(["-netdev", &format!("user,id=net{forwards}")]);
        // Without its ROM: the firmware would try to boot from the network.
        command.args(["-device", "virtio-net-pci,netdev=net,romfile="]);
        Ok(())
    }

    /// What the probe is told, if it is wanted at all.
    fn plan(&self) -> Option<String> {
        let settle = self.settle.map(|rest| format!("settle={}", rest.as_secs()));
        let listen = self.orders.then(|| "listen=/dev/ttyS1".to_owned());
        let words: Vec<String> = settle.into_iter().chain(listen).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

fn drive(command: &mut Command, id: &str, path: &Path, options: &str) {
    backend(command, id, path, options);
    command.args(["-device", &format!("virtio-blk-pci,drive={id}")]);
}

fn backend(command: &mut Command, id: &str, path: &Path, options: &str) {
    command.args(["-drive", &format!("if=none,id={id},format=raw,{options},file={}", quoted(path))]);
}

fn fw_cfg(command: &mut Command, dir: &Path, name: &str, text: &str) -> Result<()> {
    let file = dir.join(format!("fw_cfg.{name}"));
    std::fs::write(&file, text).map_err(Error::file("write", &file))?;
    command.args(["-fw_cfg", &format!("name=opt/org.gantry/{name},file={}", quoted(&file))]);
    Ok(())
}
