//! A file system that forgets what was not flushed: the folder that the settings store runs on in `tests/settings`.
//!
//! # Fault model
//!
//! - The content of a file that was written and not flushed may be anything of its length or shorter: nothing, a beginning, zeroes,
//!   garbage, or all of it. What was flushed stays.
//! - Of the names made, changed and removed in a folder since its names were flushed, any subset survives, in the order in which they were
//!   made. A rename may leave both names. A flushed file whose name is lost is gone.
//! - A write that the disk refuses may leave a part of the file behind.
//!
//! Outside the model: flushed content that changes (the checksums answer that), and a folder's flush that lies.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use store::{Entry, Folder};

use crate::fates::Dice;

type Names = BTreeMap<String, usize>;

#[derive(Debug, Clone)]
enum Node {
    /// What a cut cannot take, and what a reader sees.
    File { durable: Vec<u8>, seen: Vec<u8> },
    /// The same of names, and what was done to them in between.
    Folder { durable: Names, seen: Names, pending: Vec<Change> },
}

#[derive(Debug, Clone)]
enum Change {
    Named { name: String, node: usize },
    Renamed { from: String, to: String, node: usize },
    Removed { name: String },
}

/// A refusal of the disk.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Before it, so many operations work.
    pub after: usize,
    /// What is refused.
    pub kind: ErrorKind,
    /// Whether everything that takes room is refused from there on, or just one operation of any kind.
    pub lasts: bool,
}

/// The whole file system.
#[derive(Debug, Clone)]
pub struct FileSystem {
    nodes: Vec<Node>,
    /// Operations until the power fails.
    left: Option<usize>,
    fault: Option<Fault>,
    done: usize,
    /// Something was asked for after the power had failed.
    off: bool,
}

impl Default for FileSystem {
    fn default() -> Self {
        let root = Node::Folder { durable: Names::new(), seen: Names::new(), pending: Vec::new() };
        Self { nodes: vec![root], left: None, fault: None, done: 0, off: false }
    }
}

impl FileSystem {
    /// The power fails after so many more operations.
    pub fn lasts(mut self, operations: usize) -> Self {
        self.left = Some(operations);
        self
    }

    /// The disk refuses something, that many operations from now.
    pub fn refuses(mut self, fault: Fault) -> Self {
        self.fault = Some(Fault { after: self.done + fault.after, ..fault });
        self
    }

    /// Operations that change something, so far.
    pub fn operations(&self) -> usize {
        self.done
    }

    /// The same on mains power, nothing refused, everything flushed: an orderly restart.
    pub fn restarted(mut self) -> Self {
        for node in &mut self.nodes {
            match node {
                Node::File { durable, seen } => durable.clone_from(seen),
                Node::Folder { durable, seen, pending } => {
                    durable.clone_from(seen);
                    pending.clear();
                }
            }
        }
        Self { left: None, fault: None, done: 0, off: false, ..self }
    }

    /// The same on mains power, with what was not flushed still in memory: whoever wrote was killed.
    pub fn survived(self) -> Self {
        Self { left: None, fault: None, done: 0, off: false, ..self }
    }

    /// What a cut now may leave: all of it where there are at most `most` outcomes, else nothing survived, all did, and a sample.
    pub fn after_cut(&self, dice: &mut Dice, most: usize) -> Vec<FileSystem> {
        let sides: Vec<usize> = self.nodes.iter().flat_map(sides).collect();
        let all = sides.iter().fold(1usize, |all, sides| all.saturating_mul(*sides));
        let fate = |pick: &mut dyn FnMut(usize) -> usize| self.fate(pick);
        if all <= most {
            let numbered = |number: usize| {
                let mut rest = number;
                fate(&mut |sides| {
                    let picked = rest % sides;
                    rest /= sides;
                    picked
                })
            };
            return (0..all).map(numbered).collect();
        }
        let ends = [fate(&mut |_| 0), fate(&mut |sides| sides - 1)];
        let sample: Vec<_> = (2..most).map(|_| fate(&mut |sides| dice.roll(sides))).collect();
        ends.into_iter().chain(sample).collect()
    }

    /// One outcome; `pick` chooses among so many sides, in the order of [`sides`].
    fn fate(&self, pick: &mut dyn FnMut(usize) -> usize) -> FileSystem {
        let left = |node: &Node| match node {
            Node::File { durable, seen } if durable == seen => node.clone(),
            Node::File { durable, seen } => {
                let bytes = contents(durable, seen, pick(CONTENTS));
                Node::File { durable: bytes.clone(), seen: bytes }
            }
            Node::Folder { durable, pending, .. } => {
                let mut names = durable.clone();
                for change in pending {
                    survive(&mut names, change, pick(change.sides()));
                }
                Node::Folder { durable: names.clone(), seen: names, pending: Vec::new() }
            }
        };
        let nodes = self.nodes.iter().map(left).collect();
        Self { nodes, left: None, fault: None, done: 0, off: false }
    }

    /// Whether the power failed before all was done: who asked has not lived to see an answer.
    pub fn is_off(&self) -> bool {
        self.off
    }

    fn operation(&mut self, takes_room: bool) -> io::Result<()> {
        match &mut self.left {
            Some(0) => {
                self.off = true;
                return Err(io::Error::other("the power is off"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        self.done += 1;
        match self.fault {
            Some(fault) if fault.lasts && takes_room && self.done > fault.after => Err(fault.kind.into()),
            Some(fault) if !fault.lasts && self.done == fault.after + 1 => Err(fault.kind.into()),
            _ => Ok(()),
        }
    }

    fn names(&self, folder: usize) -> &Names {
        match &self.nodes[folder] {
            Node::Folder { seen, .. } => seen,
            Node::File { .. } => unreachable!("only folders are entered"),
        }
    }

    fn change(&mut self, folder: usize, change: Change) {
        if let Node::Folder { seen, pending, .. } = &mut self.nodes[folder] {
            survive(seen, &change, change.sides() - 1);
            pending.push(change);
        }
    }

    fn find(&self, folder: usize, name: &str) -> io::Result<usize> {
        self.names(folder).get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

/// What an unflushed file may hold: its last content comes last.
const CONTENTS: usize = 6;

fn contents(durable: &[u8], seen: &[u8], side: usize) -> Vec<u8> {
    match side {
        0 => durable.to_vec(),
        1 => Vec::new(),
        2 => seen[..seen.len() / 2].to_vec(),
        3 => vec![0; seen.len()],
        4 => seen.iter().map(|byte| byte ^ 0x5a).collect(),
        _ => seen.to_vec(),
    }
}

impl Change {
    fn sides(&self) -> usize {
        match self {
            Self::Renamed { .. } => 3,
            Self::Named { .. } | Self::Removed { .. } => 2,
        }
    }
}

/// What is left of a change: of the last side all, of the first nothing.
fn survive(names: &mut Names, change: &Change, side: usize) {
    match change {
        _ if side == 0 => {}
        Change::Named { name, node } => drop(names.insert(name.clone(), *node)),
        Change::Removed { name } => drop(names.remove(name)),
        Change::Renamed { from, to, node } => {
            names.insert(to.clone(), *node);
            if side == 2 {
                names.remove(from);
            }
        }
    }
}

fn sides(node: &Node) -> Vec<usize> {
    match node {
        Node::File { durable, seen } => Vec::from_iter((durable != seen).then_some(CONTENTS)),
        Node::Folder { pending, .. } => pending.iter().map(Change::sides).collect(),
    }
}

/// A folder in it.
#[derive(Debug, Clone)]
pub struct Simulated {
    system: Rc<RefCell<FileSystem>>,
    node: usize,
}

impl Simulated {
    /// The root of a copy.
    pub fn new(system: &FileSystem) -> Self {
        Self { system: Rc::new(RefCell::new(system.clone())), node: 0 }
    }

    /// The file system as it is now.
    pub fn system(&self) -> FileSystem {
        self.system.borrow().clone()
    }
}

impl Folder for Simulated {
    type File = usize;
    type Lock = ();

    fn entries(&self) -> io::Result<Vec<Entry>> {
        let system = self.system.borrow();
        let entry = |(name, node): (&String, &usize)| {
            let bytes = match &system.nodes[*node] {
                Node::File { seen, .. } => seen.len() as u64,
                Node::Folder { .. } => 0,
            };
            Entry { name: name.clone(), bytes }
        };
        Ok(system.names(self.node).iter().map(entry).collect())
    }

    fn read(&self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        let system = self.system.borrow();
        match &system.nodes[system.find(self.node, name)?] {
            Node::File { seen, .. } if seen.len() > limit => Err(ErrorKind::FileTooLarge.into()),
            Node::File { seen, .. } => Ok(seen.clone()),
            Node::Folder { .. } => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn create(&self, name: &str, bytes: &[u8]) -> io::Result<usize> {
        let mut system = self.system.borrow_mut();
        if system.find(self.node, name).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let refused = system.operation(true);
        let seen = if refused.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        // A file that a cut prevented never was; one that the disk refused is there in part.
        if refused.is_ok() || system.left.is_none() {
            let node = system.nodes.len();
            system.nodes.push(Node::File { durable: Vec::new(), seen: seen.to_vec() });
            system.change(self.node, Change::Named { name: name.to_owned(), node });
        }
        refused.map(|()| system.nodes.len() - 1)
    }

    fn flush(&self, file: usize) -> io::Result<()> {
        let mut system = self.system.borrow_mut();
        system.operation(false)?;
        if let Node::File { durable, seen } = &mut system.nodes[file] {
            durable.clone_from(seen);
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut system = self.system.borrow_mut();
        let node = system.find(self.node, from)?;
        system.operation(false)?;
        system.change(self.node, Change::Renamed { from: from.to_owned(), to: to.to_owned(), node });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut system = self.system.borrow_mut();
        system.find(self.node, name)?;
        system.operation(false)?;
        system.change(self.node, Change::Removed { name: name.to_owned() });
        Ok(())
    }

    fn flush_names(&self) -> io::Result<()> {
        let mut system = self.system.borrow_mut();
        system.operation(false)?;
        if let Node::Folder { durable, seen, pending } = &mut system.nodes[self.node] {
            durable.clone_from(seen);
            pending.clear();
        }
        Ok(())
    }

    fn enter(&self, name: &str) -> io::Result<Self> {
        let system = self.system.borrow();
        let node = system.find(self.node, name)?;
        match &system.nodes[node] {
            Node::Folder { .. } => Ok(Self { system: Rc::clone(&self.system), node }),
            Node::File { .. } => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn make(&self, name: &str) -> io::Result<()> {
        let mut system = self.system.borrow_mut();
        if system.find(self.node, name).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        system.operation(true)?;
        let node = system.nodes.len();
        system.nodes.push(Node::Folder { durable: Names::new(), seen: Names::new(), pending: Vec::new() });
        system.change(self.node, Change::Named { name: name.to_owned(), node });
        Ok(())
    }

    fn lock(&self, _patience: Duration) -> io::Result<()> {
        Ok(())
    }
}
