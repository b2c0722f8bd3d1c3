//! Kernel modules: finit_module(2).

use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;

/// The kernel unpacks the file itself (linux/module.h; needs CONFIG_MODULE_DECOMPRESS).
const MODULE_INIT_COMPRESSED_FILE: i32 = 4;

/// How a module's file is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// ELF as linked.
    Plain,
    /// Packed with the one algorithm this kernel was built for.
    Compressed,
}

/// What loading did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// The module was not there before.
    Now,
    /// It was there already, or built in.
    Before,
}

/// Loads the module in `file` with `parameters` (`name=value`, space between). Returns when its init function did.
pub fn load(file: impl AsFd, form: Form, parameters: &str) -> io::Result<Loaded> {
    let parameters = CString::new(parameters)?;
    let flags = match form {
        Form::Plain => 0,
        Form::Compressed => MODULE_INIT_COMPRESSED_FILE,
    };
    match rustix::system::finit_module(file, &parameters, flags) {
        Ok(()) => Ok(Loaded::Now),
        Err(Errno::EXIST) => Ok(Loaded::Before),
        Err(err) => Err(err.into()),
    }
}
